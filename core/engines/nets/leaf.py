"""The network behind the engine ``leaf``: one look at a photo, then many prompts at little cost.

``Encoder`` turns a photo into features at strides 4 to 32 once. ``Decoder`` paints the prompts onto
them, from the coarse to the fine, and answers with two maps: the lesion at the prompt and the leaf
that carries it. The steps finer than stride 8 are plain convolutions, so that they can be run on
the part of the photo where the answer lies: ``coarse`` says where, ``fine`` draws it there.

Every scale gets the prompts as maps: spots at the clicks, the box, the previous mask, and how much
each place looks like the clicked ones (cosine of learned features). Knows torch and arrays; knows
no file, no photo size, no threshold.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

ENCODER = (24, 48, 96, 176, 256)
LEVELS = {4: 32, 8: 64, 16: 96, 32: 128}
"""Channels of the features kept for a photo, by stride in pixels."""
DECODER = {1: 12, 2: 24, 4: 32, 8: 48, 16: 64, 32: 96}
LIKENESS = 24
MAPS = 8
"""Prompt maps per scale: plus near and wide, minus near and wide, box, previous mask, likeness to
the plus clicks and to the minus clicks."""
NEAR, WIDE = 1.5, 8.0
"""Radii of a click's two spots, in cells of the scale they are drawn on; at least ``MIN_RADIUS``
pixels."""
MIN_RADIUS = 2.5


@dataclass(slots=True)
class Prompts:
    """What was pointed at, for ``n`` questions about photos of one size.

    ``clicks`` is [n, k, 2] (x, y) in pixels of the network's input; ``sign`` [n, k] is +1, -1, or 0
    where there is no click. ``box`` is [n, 4] (x0, y0, x1, y1), or all -1. ``before`` is the
    previous answer as a probability [n, 1, h, w], at the input's size or a whole fraction of it;
    zeros where there is none.
    """

    clicks: Tensor
    sign: Tensor
    box: Tensor
    before: Tensor

    def seen_from(self, origin: Tensor) -> Prompts:
        """Clicks and boxes in a window that begins at ``origin`` [n, 2] (x, y) and holds them."""
        box = torch.where(self.box < 0, self.box, self.box - origin.repeat(1, 2))
        return Prompts(self.clicks - origin[:, None], self.sign, box, self.before)


def _conv(into: int, out: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the same."""
        return functional.relu(x + self.second(self.first(x)))


class Encoder(nn.Module):
    """Photo [n, 3, h, w] in [0, 1], sides multiples of 32 -> features by stride."""

    def __init__(self) -> None:
        super().__init__()
        w2, w4, w8, w16, w32 = ENCODER
        self.stem = _conv(3, w2, 2)
        self.down4 = nn.Sequential(_conv(w2, w4, 2), *(Residual(w4) for _ in range(2)))
        self.down8 = nn.Sequential(_conv(w4, w8, 2), *(Residual(w8) for _ in range(3)))
        self.down16 = nn.Sequential(_conv(w8, w16, 2), *(Residual(w16) for _ in range(3)))
        self.down32 = nn.Sequential(_conv(w16, w32, 2), *(Residual(w32) for _ in range(2)))
        self.whole = nn.Linear(w32, LEVELS[32])
        self.side = nn.ModuleDict(
            {
                str(stride): nn.Conv2d(width, LEVELS[stride], 1)
                for stride, width in zip((4, 8, 16, 32), ENCODER[1:], strict=True)
            }
        )
        self.from_above = nn.ModuleDict(
            {str(s): nn.Conv2d(LEVELS[2 * s], LEVELS[s], 1) for s in (4, 8, 16)}
        )
        self.settle = nn.ModuleDict({str(s): _conv(LEVELS[s], LEVELS[s]) for s in (4, 8, 16)})
        self.kinds = nn.Conv2d(LEVELS[4], 2, 1)

    def forward(self, photo: Tensor) -> dict[int, Tensor]:
        """``LEVELS`` of a photo: [n, channels, h / stride, w / stride] by stride."""
        steps = self.in_steps(photo)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: dict[int, Tensor] = end.value
                return found

    def in_steps(self, photo: Tensor) -> Generator[None, None, dict[int, Tensor]]:
        """The same, a few layers at a time, for whoever has to listen meanwhile."""
        state = self.stem(photo - 0.5)
        found: dict[int, Tensor] = {}
        for down in (self.down4, self.down8, self.down16, self.down32):
            for layer in down:
                yield
                state = layer(state)
            found[4 << len(found)] = state
        view = self.whole(found[32].mean((2, 3)))[:, :, None, None]
        kept = {32: functional.relu(self.side["32"](found[32]) + view)}
        for stride in (16, 8, 4):
            yield
            above = self.from_above[str(stride)](kept[2 * stride])
            above = functional.interpolate(above, scale_factor=2.0, mode="nearest")
            kept[stride] = self.settle[str(stride)](self.side[str(stride)](found[stride]) + above)
        return kept

    def everything(self, features: dict[int, Tensor]) -> Tensor:
        """Without any prompt: logits of (any lesion, any leaf) [n, 2, h/4, w/4]."""
        found: Tensor = self.kinds(features[4])
        return found


class Decoder(nn.Module):
    """Prompts and features -> logits of (the lesion, its leaf)."""

    def __init__(self) -> None:
        super().__init__()
        self.alike = nn.ModuleDict({str(s): nn.Conv2d(LEVELS[s], LIKENESS, 1) for s in (4, 8, 16)})
        self.contrast = nn.Parameter(torch.full((3,), 2.0))
        self.look = _conv(3, DECODER[2], 2)
        steps: dict[str, nn.Module] = {}
        above = 0
        for stride in (32, 16, 8, 4, 2, 1):
            width = DECODER[stride]
            side = LEVELS.get(stride, {2: DECODER[2], 1: 3}.get(stride, 0))
            first = _conv(side + above + MAPS, width)
            steps[str(stride)] = nn.Sequential(
                first, Residual(width) if stride > 2 else _conv(width, width)
            )
            above = width
        self.steps = nn.ModuleDict(steps)
        self.heads = nn.ModuleDict({str(s): nn.Conv2d(DECODER[s], 2, 1) for s in (8, 4, 2, 1)})

    def likeness(self, features: dict[int, Tensor], prompts: Prompts) -> dict[int, Tensor]:
        """How much each place looks like the plus and the minus clicks: [n, 2, h/s, w/s] by s, for
        the strides 4, 8 and 16 that there are features of.

        The middle of a box stands in for a plus click where there is none.
        """
        middle = (prompts.box[:, None, :2] + prompts.box[:, None, 2:]) / 2
        alone = (prompts.box[:, :1] >= 0) & ~(prompts.sign > 0).any(1, keepdim=True)
        clicks = torch.cat([prompts.clicks, middle.to(prompts.clicks.dtype)], 1)
        sign = torch.cat([prompts.sign, alone.to(prompts.sign.dtype)], 1)
        maps: dict[int, Tensor] = {}
        for scale, stride in zip(self.contrast, (4, 8, 16), strict=True):
            if stride not in features:
                continue
            seen = functional.normalize(self.alike[str(stride)](features[stride]), dim=1)
            at = _sample(seen, clicks / stride)
            signs = torch.stack([(sign > 0), (sign < 0)], 1).to(seen.dtype)
            ask = torch.einsum("nsk,nkc->nsc", signs / signs.sum(2, keepdim=True).clamp(min=1), at)
            maps[stride] = scale * torch.einsum("nsc,nchw->nshw", ask, seen)
        return maps

    def coarse(
        self, features: dict[int, Tensor], prompts: Prompts, alike: dict[int, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """(what the finer steps go on from, logits [n, 2, h/8, w/8]), over the whole photo."""
        state: Tensor | None = None
        start = torch.zeros(len(prompts.sign), 2, dtype=torch.long, device=prompts.sign.device)
        for stride in (32, 16, 8):
            size = (features[stride].shape[-2], features[stride].shape[-1])
            maps = _maps(prompts, stride, start, size, alike[min(stride, 16)])
            parts = [features[stride], maps]
            if state is not None:
                parts.append(_double(state))
            state = self.steps[str(stride)](torch.cat(parts, 1))
        assert state is not None
        return state, self.heads["8"](state)

    def middle(
        self, state: Tensor, features: Tensor, prompts: Prompts, alike: Tensor, origin: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(what the finer steps go on from, logits [n, 2, h/4, w/4]) over a window.

        ``state`` is the window of what ``coarse`` gave, ``features`` of the features at stride 4,
        ``alike`` of the likeness at stride 4, all of the same extent; ``origin`` [n, 2] (x, y) in
        pixels is where each begins, a multiple of 8.
        """
        size = (features.shape[-2], features.shape[-1])
        maps = _maps(prompts, 4, origin, size, alike)
        state = self.steps["4"](torch.cat([features, maps, _double(state)], 1))
        return state, self.heads["4"](state)

    def fine(
        self,
        state: Tensor,
        photo: Tensor,
        prompts: Prompts,
        alike: Tensor,
        origin: Tensor,
        finest: int = 1,
    ) -> dict[int, Tensor]:
        """Logits by stride 2 and 1 (not below ``finest``) over a window: ``state`` is what
        ``middle`` gave, ``photo`` [n, 3, h, w] the photo there; the rest as for ``middle``."""
        size = (state.shape[-2], state.shape[-1])
        found: dict[int, Tensor] = {}
        for stride, look in ((2, self.look), (1, None)):
            if stride < finest:
                break
            size = (2 * size[0], 2 * size[1])
            alike = _double(alike)
            maps = _maps(prompts, stride, origin, size, alike)
            side = look(photo - 0.5) if look is not None else photo - 0.5
            state = self.steps[str(stride)](torch.cat([side, maps, _double(state)], 1))
            found[stride] = self.heads[str(stride)](state)
        return found


class LeafNet(nn.Module):
    """Both halves, as they are trained and saved together."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _sample(features: Tensor, at: Tensor) -> Tensor:
    """Features [n, c, h, w] at places [n, k, 2] (x, y) in cells -> [n, k, c]."""
    size = torch.tensor([features.shape[3], features.shape[2]], device=at.device)
    grid = (at / size * 2 - 1).to(features.dtype)[:, :, None]
    found = functional.grid_sample(features, grid, align_corners=False, padding_mode="border")
    return found[..., 0].transpose(1, 2)


def _maps(
    prompts: Prompts, stride: int, origin: Tensor, size: tuple[int, int], alike: Tensor
) -> Tensor:
    """The prompt maps [n, MAPS, h, w] of windows of ``size`` (h, w) cells at ``origin`` pixels."""
    device, kind = alike.device, alike.dtype
    x, y = (
        (torch.arange(cells, device=device, dtype=torch.float32) + 0.5) * stride
        + origin[:, None, axis]
        for cells, axis in ((size[1], 0), (size[0], 1))
    )
    far_x = (x[:, None] - prompts.clicks[:, :, :1]) ** 2
    far_y = (y[:, None] - prompts.clicks[:, :, 1:]) ** 2
    signs = torch.stack([prompts.sign > 0, prompts.sign < 0], 1).float()
    spots = []
    for radius in (NEAR, WIDE):
        reach = -2 * max(radius * stride, MIN_RADIUS) ** 2
        down = signs[..., None] * torch.exp(far_y / reach)[:, None]
        spots.append((down.transpose(2, 3) @ torch.exp(far_x / reach)[:, None]).clamp(max=1))
    box = prompts.box
    # The share of each cell that the box covers, so that a small box is seen on coarse scales.
    wide = _covered(x, stride, box[:, :1], box[:, 2:3])
    tall = _covered(y, stride, box[:, 1:2], box[:, 3:4])
    inside = tall[:, :, None] * wide[:, None, :]
    before = window(prompts.before, origin, (size[0] * stride, size[1] * stride))
    if stride > 1:
        before = functional.avg_pool2d(before, stride)
    if alike.shape[-2:] != size:
        alike = functional.interpolate(alike, size=size, mode="area")
    drawn = torch.cat([*spots, inside[:, None]], 1).to(kind)
    maps = torch.cat([drawn, before.to(kind), alike], 1)
    # As the features lie in memory: the convolutions would put it in this order each time.
    return maps.contiguous(memory_format=torch.channels_last)


def _covered(middle: Tensor, width: int, low: Tensor, high: Tensor) -> Tensor:
    """The share of cells of ``width`` around ``middle`` [n, k] between two ends [n, 1]."""
    ends = torch.minimum(middle + width / 2, high) - torch.maximum(middle - width / 2, low)
    return (ends / width).clamp(0, 1) * (high > low)


def window(maps: Tensor, origin: Tensor, size: tuple[int, int]) -> Tensor:
    """The part [n, c, h, w] of ``size`` of each map that begins at ``origin`` [n, 2] (x, y), all
    in cells of ``maps``; the window must lie inside."""
    if maps.shape[-2:] == size:
        return maps
    if len(maps) == 1:
        x, y = (int(value) for value in origin[0])
        return maps[:, :, y : y + size[0], x : x + size[1]]
    which = torch.arange(len(maps), device=maps.device)[:, None, None]
    rows = origin[:, 1, None] + torch.arange(size[0], device=maps.device)
    cols = origin[:, 0, None] + torch.arange(size[1], device=maps.device)
    part = maps.permute(0, 2, 3, 1)[which, rows[:, :, None], cols[:, None, :]]
    return part.permute(0, 3, 1, 2)


def fold(net: LeafNet) -> LeafNet:
    """The same network for inference: each batch norm folded into its convolution. ``net`` itself
    is changed and must be in eval mode."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in net.modules():
        if isinstance(module, nn.Sequential) and len(module) >= 2:
            conv, norm = module[0], module[1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[0] = fuse_conv_bn_eval(conv, norm)
                module[1] = nn.Identity()
    return net
