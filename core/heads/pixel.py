"""The default head: the `<SEG>` state, projected, dotted with stride-4 image features.

The features join the vision tower's grid (what it is) with a small convolutional pyramid on the
photo itself (where exactly): a 16×16 or 28×28 grid of tokens alone is too coarse for lesions — the
true masks pushed through 14×14 score Dice 0.66, through 56×112 0.95 (BRACOL leaves). The pyramid
knows nothing of the base model, so its weights, schooled with `starter`, start every base.

What lies under a mask is described by the features' weighted mean and spread, fine and coarse, and
the mask's size. On 1,147 coffee leaves a linear reading of that description named the disease in
0.88, one of a whole DINOv2 ViT-S in 0.87, one of the small tower's pooled features in 0.71.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.heads.base import HeadSpec, Maps
from core.heads.pooling import perceptron, sizes, slots, under
from core.language import tr

if TYPE_CHECKING:
    from torch import Tensor, nn

SPECS = (
    HeadSpec(
        id="pixel",
        title=tr("Pixel features (default)"),
        factory="core.heads.pixel:build",
        side=448,
        cells=112,
        ceiling=tr("112 × 112 cells over the photo; true masks pushed through it keep Dice 0.97."),
        weights=900_000,
        step_bytes=92 << 20,
    ),
)

WIDTHS = (32, 64, 96)
"""Channels at stride 4, 8 and 16."""
FEATURES = 2 * WIDTHS[0]


def build(*, hidden: int, grid: tuple[int, int, int]) -> PixelHead:
    """A fresh head for a base of ``hidden`` wide states and a ``grid`` (C, rows, cols) tower."""
    return PixelHead(SPECS[0], layers(hidden, grid[0]))


def layers(hidden: int, channels: int) -> nn.ModuleDict:
    """Every layer with weights, by the name it is saved under."""
    from torch import nn

    fine, middle, coarse = WIDTHS
    # Mean, spread and the photo's mean of the fine features, mean and spread of the coarse, sizes.
    described = 3 * FEATURES + 2 * coarse + 2
    return nn.ModuleDict(
        {
            "stem": nn.Sequential(_conv(3, 24, stride=2), _conv(24, fine, stride=2)),
            "down4": _block(fine),
            "down8": nn.Sequential(_conv(fine, middle, stride=2), _block(middle)),
            "down16": nn.Sequential(_conv(middle, coarse, stride=2), _block(coarse)),
            "tower": nn.Sequential(
                nn.GroupNorm(1, channels), nn.Conv2d(channels, coarse, 1), nn.GELU()
            ),
            "fuse16": _block(coarse),
            "up8": nn.Conv2d(coarse, middle, 1),
            "fuse8": _block(middle),
            "up4": nn.Conv2d(middle, fine, 1),
            "fuse4": nn.Sequential(_block(fine), nn.Conv2d(fine, FEATURES, 1)),
            "query": perceptron(hidden, FEATURES + 1),
            "words": perceptron(described, hidden),
        }
    )


class PixelHead:
    """See `core.heads.base.MaskHead`."""

    def __init__(self, spec: HeadSpec, module: nn.ModuleDict) -> None:
        self.spec = spec
        self.module = module

    def features(self, photos: Tensor, grid: Tensor) -> Maps:
        """A pyramid down the photo, joined with the tower at stride 16, and up again."""
        part: Any = self.module
        x4 = _through(part["down4"], part["stem"]((photos - 0.5) * 4.0))
        x8 = _down(part["down8"], x4)
        x16 = _down(part["down16"], x8)
        x16 = _through(part["fuse16"], x16 + _stretch(part["tower"](grid), x16))
        x8 = _through(part["fuse8"], x8 + _stretch(part["up8"](x16), x8))
        x4 = _through(part["fuse4"][0], x4 + _stretch(part["up4"](x8), x4))
        return Maps(part["fuse4"][1](x4), x16)

    def masks(self, maps: Maps, states: Tensor, owner: Tensor) -> Tensor:
        """The projected state, dotted with every cell's features."""
        query = self.module["query"](states.to(maps.fine.dtype))
        weight, bias = query[:, :-1], query[:, -1]
        slot, most = slots(owner, len(maps.fine))
        # One product a photo: copying the features for every target would cost more than it.
        asked = weight.new_zeros(len(maps.fine), most, FEATURES)
        asked = asked.index_put((owner, slot), weight)
        dots = (asked @ maps.fine.flatten(2))[owner, slot]
        logits: Tensor = dots * float(FEATURES) ** -0.5 + bias[:, None]
        return logits.reshape(-1, *maps.fine.shape[-2:])

    def describe(self, maps: Maps, logits: Tensor, owner: Tensor) -> Tensor:
        """Weighted mean and spread of the features under the mask, and its size."""
        import torch
        from torch.nn import functional

        # The masks have a loss of their own; here only the features learn.
        chance = logits.detach().float().sigmoid()[:, None]
        small = functional.interpolate(chance, size=maps.coarse.shape[-2:], mode="area")
        fine, coarse = under(maps.fine, chance, owner), under(maps.coarse, small, owner)
        parts = [*fine, *coarse, maps.fine.mean((2, 3))[owner], sizes(chance)]
        found: Tensor = self.module["words"](torch.cat(parts, 1))
        return found


def _conv(inside: int, out: int, *, stride: int = 1) -> nn.Sequential:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(inside, out, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(8, out),
        nn.GELU(),
    )


def _block(width: int) -> nn.ModuleDict:
    """Two 3×3 convolutions; `_through` adds the shortcut."""
    from torch import nn

    return nn.ModuleDict({"first": _conv(width, width), "second": _conv(width, width)})


def _through(block: Any, x: Tensor) -> Tensor:
    found: Tensor = x + block["second"](block["first"](x))
    return found


def _down(step: Any, x: Tensor) -> Tensor:
    return _through(step[1], step[0](x))


def _stretch(x: Tensor, like: Tensor) -> Tensor:
    from torch.nn import functional

    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
