"""RepViT (Wang et al. 2023): the convolutional image encoder of EdgeTAM.

The blocks of the paper in the form that is trained (three branches, not yet merged), with the
tensor names under which the published weights carry them. Knows torch; knows no file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.engines.nets.conv_norm import ConvNorm

SHRINK, MULTIPLE = 4, 8
"""A gate's inner width: a quarter of its channels, rounded to a multiple of 8."""


class Mixer(nn.Module):
    """Three branches over each channel's neighbourhood: 3 × 3, 1 × 1 and none."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = ConvNorm(width, width, 3, each=True)
        self.conv1 = ConvNorm(width, width, each=True)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the same."""
        out: Tensor = self.conv(x) + self.conv1(x) + x
        return out


class Channels(nn.Module):
    """Every place by itself: twice as wide and back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, 2 * width)
        self.conv2 = ConvNorm(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the same."""
        out: Tensor = self.conv2(nn.functional.gelu(self.conv1(x)))
        return out


class Gate(nn.Module):
    """Squeeze and excite: how much of each channel, judged by its mean over the picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(MULTIPLE, int(width / SHRINK + MULTIPLE / 2) // MULTIPLE * MULTIPLE)
        self.fc1 = nn.Conv2d(width, inner, 1)
        self.fc2 = nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the same."""
        share = self.fc2(nn.functional.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(share)


class Block(nn.Module):
    """Mix over space, then over channels."""

    def __init__(self, width: int, *, gated: bool) -> None:
        super().__init__()
        self.token_mixer = Mixer(width)
        self.se = Gate(width) if gated else nn.Identity()
        self.channel_mixer = Channels(width)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the same."""
        x = self.se(self.token_mixer(x))
        out: Tensor = x + self.channel_mixer(x)
        return out


class Downsample(nn.Module):
    """Half the side, ``out`` channels."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.pre_block = Block(into, gated=False)
        self.spatial_downsample = ConvNorm(into, into, 3, stride=2, each=True)
        self.channel_downsample = ConvNorm(into, out)
        self.ffn = Channels(out)

    def forward(self, x: Tensor) -> Tensor:
        """[n, into, h, w] to [n, out, h / 2, w / 2]."""
        x = self.channel_downsample(self.spatial_downsample(self.pre_block(x)))
        out: Tensor = x + self.ffn(x)
        return out


class Stage(nn.Module):
    """Blocks at one scale; every other one is gated, beginning with the first."""

    def __init__(self, into: int, out: int, depth: int, *, first: bool) -> None:
        super().__init__()
        self.downsample = nn.Identity() if first else Downsample(into, out)
        self.blocks = nn.Sequential(*(Block(out, gated=n % 2 == 0) for n in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """[n, into, h, w] to [n, out, …], half the side except in the first stage."""
        out: Tensor = self.blocks(self.downsample(x))
        return out


class Stem(nn.Module):
    """A quarter of the side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, width // 2, 3, stride=2)
        self.conv2 = ConvNorm(width // 2, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3, h, w] to [n, width, h / 4, w / 4]."""
        out: Tensor = self.conv2(nn.functional.gelu(self.conv1(x)))
        return out


class RepViT(nn.Module):
    """[n, 3, h, w] to one feature map per stage, [n, widths[k], h / 4·2ᵏ, w / 4·2ᵏ].

    ``stages_0`` … are separate children, as in the published files. RepViT-M1 has ``widths``
    (48, 96, 192, 384) and ``depths`` (2, 2, 14, 2).
    """

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = Stem(widths[0])
        self._names = [f"stages_{n}" for n in range(len(widths))]
        for n, name in enumerate(self._names):
            into = widths[max(0, n - 1)]
            self.add_module(name, Stage(into, widths[n], depths[n], first=n == 0))

    def forward(self, x: Tensor) -> list[Tensor]:
        """As the class says, fine to coarse."""
        x = self.stem(x)
        found = []
        for name in self._names:
            x = self.get_submodule(name)(x)
            found.append(x)
        return found
