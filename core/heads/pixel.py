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

if TYPE_CHECKING:
    from torch import Tensor, nn

SPECS = (
    HeadSpec(
        id="pixel",
        title="Pixel features (default)",
        factory="core.heads.pixel:build",
        side=448,
        cells=112,
        ceiling="112 × 112 cells over the photo; true masks pushed through it keep Dice 0.95.",
    ),
)

WIDTHS = (32, 64, 96)
"""Channels at stride 4, 8 and 16."""


def build(*, hidden: int, grid: tuple[int, int, int]) -> PixelHead:
    """A fresh head for a base of ``hidden`` wide states and a ``grid`` (C, rows, cols) tower."""
    return PixelHead(SPECS[0], _module(hidden, grid[0]))


class PixelHead:
    """See `core.heads.base.MaskHead`."""

    def __init__(self, spec: HeadSpec, module: Any) -> None:
        self.spec = spec
        self._module = module

    @property
    def module(self) -> nn.Module:
        found: nn.Module = self._module
        return found

    def features(self, photos: Tensor, grid: Tensor) -> Maps:
        return Maps(*self._module.features(photos, grid))

    def masks(self, maps: Maps, states: Tensor, owner: Tensor) -> Tensor:
        found: Tensor = self._module.masks(maps.fine, states, owner)
        return found

    def describe(self, maps: Maps, logits: Tensor, owner: Tensor) -> Tensor:
        found: Tensor = self._module.describe(maps, logits, owner)
        return found


def _module(hidden: int, channels: int) -> nn.Module:
    """The torch module; torch is imported here so that the registry never loads it."""
    import torch
    from torch import nn
    from torch.nn import functional

    def conv(inside: int, out: int, stride: int = 1) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inside, out, 3, stride=stride, padding=1, bias=False),
            nn.GroupNorm(8, out),
            nn.GELU(),
        )

    class Block(nn.Module):
        """Two 3×3 convolutions with a shortcut."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.second = conv(width, width), conv(width, width)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.second(self.first(x))  # type: ignore[no-any-return]

    class Pixel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            fine, middle, coarse = WIDTHS
            self.stem = nn.Sequential(conv(3, 24, 2), conv(24, fine, 2))
            self.down4 = Block(fine)
            self.down8 = nn.Sequential(conv(fine, middle, 2), Block(middle))
            self.down16 = nn.Sequential(conv(middle, coarse, 2), Block(coarse))
            self.tower = nn.Sequential(
                nn.GroupNorm(1, channels), nn.Conv2d(channels, coarse, 1), nn.GELU()
            )
            self.fuse16 = Block(coarse)
            self.up8 = nn.Conv2d(coarse, middle, 1)
            self.fuse8 = Block(middle)
            self.up4 = nn.Conv2d(middle, fine, 1)
            self.fuse4 = nn.Sequential(Block(fine), nn.Conv2d(fine, 2 * fine, 1))
            self.query = nn.Sequential(
                nn.LayerNorm(hidden),
                nn.Linear(hidden, 256),
                nn.GELU(),
                nn.Linear(256, 2 * fine + 1),
            )

            described = 3 * (2 * fine) + 2 * coarse + 2
            self.words = nn.Sequential(
                nn.LayerNorm(described),
                nn.Linear(described, 256),
                nn.GELU(),
                nn.Linear(256, hidden),
            )

        def features(self, photos: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
            x4 = self.down4(self.stem((photos - 0.5) * 4.0))
            x8 = self.down8(x4)
            x16 = self.down16(x8)
            seen = functional.interpolate(
                self.tower(grid), size=x16.shape[-2:], mode="bilinear", align_corners=False
            )
            x16 = self.fuse16(x16 + seen)
            x8 = self.fuse8(x8 + _stretch(self.up8(x16), x8))
            return self.fuse4(x4 + _stretch(self.up4(x8), x4)), x16

        def describe(self, maps: Maps, logits: Tensor, owner: Tensor) -> Tensor:
            # The masks have a loss of their own; here only the features learn.
            chance = logits.detach().sigmoid()[:, None]
            small = functional.interpolate(chance, size=maps.coarse.shape[-2:], mode="area")
            fine, coarse = maps.fine[owner], maps.coarse[owner]
            share = chance.mean((1, 2, 3))
            sizes = torch.stack([share.sqrt(), (share + 1e-4).log()], 1)
            parts = [*_under(fine, chance), *_under(coarse, small), fine.mean((2, 3)), sizes]
            found: Tensor = self.words(torch.cat(parts, 1))
            return found

        def masks(self, features: Tensor, states: Tensor, owner: Tensor) -> Tensor:
            query = self.query(states.to(features.dtype))
            weight, bias = query[:, :-1], query[:, -1]
            flat = features.flatten(2)[owner]
            scale = float(weight.shape[1]) ** -0.5
            logits: Tensor = torch.einsum("nc,ncp->np", weight, flat) * scale + bias[:, None]
            return logits.reshape(-1, *features.shape[-2:])

    def _under(x: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread of features [N, C, h, w] under soft masks [N, 1, h, w]."""
        total = chance.sum((2, 3)) + 1e-3
        mean = (x * chance).sum((2, 3)) / total
        square = (x.square() * chance).sum((2, 3)) / total
        return mean, (square - mean.square()).clamp_min(1e-6).sqrt()

    def _stretch(x: Tensor, like: Tensor) -> Tensor:
        return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)

    return Pixel()
