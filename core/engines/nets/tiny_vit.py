"""TinyViT (Wu et al. 2022) as MobileSAM uses it: the image encoder in place of SAM's own.

Convolutions first, then attention in windows with one learned bias per distance. The last stage
keeps the grid of the third, so that a photo of 1024 pixels becomes 64 × 64 cells as SAM's decoder
expects. Tensor names are those of the published weights, the unused classifier's among them. Knows
torch; knows no file.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.engines.nets.conv_norm import ConvNorm

CLASSES = 1000
"""Outputs of the classifier that the weights carry along and nobody asks."""
MLP_RATIO = 4


@dataclass(frozen=True, slots=True)
class TinySizes:
    """One value per stage; ``windows`` and ``heads`` of the first, which has no attention, are 0.

    The published MobileSAM: widths (64, 128, 160, 320), depths (2, 2, 6, 2), heads (0, 4, 5, 10),
    windows (0, 7, 14, 7).
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    windows: tuple[int, ...]
    channels: int = 256


class PatchEmbed(nn.Module):
    """A quarter of the side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            ConvNorm(3, width // 2, 3, stride=2),
            nn.GELU(),
            ConvNorm(width // 2, width, 3, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3, s, s] to [n, width, s / 4, s / 4]."""
        out: Tensor = self.seq(x)
        return out


class WideConv(nn.Module):
    """The first stage's block: wider, over the neighbourhood, back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, MLP_RATIO * width)
        self.conv2 = ConvNorm(MLP_RATIO * width, MLP_RATIO * width, 3, each=True)
        self.conv3 = ConvNorm(MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the same."""
        gelu = nn.functional.gelu
        return gelu(x + self.conv3(gelu(self.conv2(gelu(self.conv1(x))))))


class Merge(nn.Module):
    """To the next stage's channels and, with ``stride`` 2, to half the side."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(into, out)
        self.conv2 = ConvNorm(out, out, 3, stride=stride, each=True)
        self.conv3 = ConvNorm(out, out)

    def forward(self, x: Tensor) -> Tensor:
        """[n, into, h, w] to [n, out, h / stride, w / stride]."""
        gelu = nn.functional.gelu
        out: Tensor = self.conv3(gelu(self.conv2(gelu(self.conv1(x)))))
        return out


class Attention(nn.Module):
    """Among the cells of one window, [windows, cells, width] to the same."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        # One bias for each (|dy|, |dx|), in the order in which a scan from the first cell meets
        # them: that is dy · window + dx.
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        self._window = window

    def _biases(self) -> Tensor:
        line = torch.arange(self._window, device=self.attention_biases.device)
        apart = (line[:, None] - line[None]).abs()
        which = apart[:, None, :, None] * self._window + apart[None, :, None, :]
        cells = self._window**2
        return self.attention_biases[:, which.reshape(cells, cells)]

    def forward(self, x: Tensor) -> Tensor:
        """[windows, cells, width] to the same."""
        n, cells, width = x.shape
        # For each head its query, key and value lie side by side.
        mixed = self.qkv(self.norm(x)).view(n, cells, self.heads, 3, width // self.heads)
        query, key, value = mixed.permute(3, 0, 2, 1, 4)
        found = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=self._biases()
        )
        out: Tensor = self.proj(found.transpose(1, 2).reshape(n, cells, width))
        return out


class Mlp(nn.Module):
    """Every cell by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[…, width] to the same."""
        out: Tensor = self.fc2(nn.functional.gelu(self.fc1(self.norm(x))))
        return out


class Block(nn.Module):
    """Attention in windows, a convolution over their borders, then each cell by itself."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = Attention(width, heads, window)
        self.mlp = Mlp(width)
        self.local_conv = ConvNorm(width, width, 3, each=True)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the same."""
        x = x + self._in_windows(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.local_conv(x.contiguous())  # several times as fast as with its channels last
        out: Tensor = x + self.mlp(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return out

    def _in_windows(self, x: Tensor) -> Tensor:
        """[n, h, w, width]; the last windows are filled up with zeros."""
        n, height, wide, width = x.shape
        side = self.window
        x = nn.functional.pad(x, (0, 0, 0, -wide % side, 0, -height % side))
        down, across = x.shape[1] // side, x.shape[2] // side
        x = x.view(n, down, side, across, side, width).transpose(2, 3)
        x = self.attn(x.reshape(-1, side * side, width))
        x = x.view(n, down, across, side, side, width).transpose(2, 3)
        return x.reshape(n, down * side, across * side, width)[:, :height, :wide]


class Stage(nn.Module):
    """``blocks`` at one scale, then ``downsample`` where another stage follows."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] to the next stage's."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class ChannelNorm(nn.Module):
    """A layer norm over the channels of [n, channels, h, w]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] to the same."""
        return nn.functional.layer_norm(
            x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6
        ).permute(0, 3, 1, 2)


class TinyViT(nn.Module):
    """[n, 3, s, s] to [n, channels, s / 16, s / 16]; ``img_size`` is the side s that is asked of
    whoever prepares the photo."""

    def __init__(self, sizes: TinySizes, img_size: int) -> None:
        super().__init__()
        self.img_size = img_size
        widths, last = sizes.widths, len(sizes.widths) - 1
        self.patch_embed = PatchEmbed(widths[0])
        self.layers = nn.ModuleList()
        for n, width in enumerate(widths):
            blocks: list[nn.Module] = [
                Block(width, sizes.heads[n], sizes.windows[n]) if n else WideConv(width)
                for _ in range(sizes.depths[n])
            ]
            onward = (
                Merge(width, widths[n + 1], stride=1 if n + 1 == last else 2) if n < last else None
            )
            self.layers.append(Stage(blocks, onward))
        self.norm_head = nn.LayerNorm(widths[-1])
        self.head = nn.Linear(widths[-1], CLASSES)
        self.neck = nn.Sequential(
            nn.Conv2d(widths[-1], sizes.channels, 1, bias=False),
            ChannelNorm(sizes.channels),
            nn.Conv2d(sizes.channels, sizes.channels, 3, padding=1, bias=False),
            ChannelNorm(sizes.channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        x = self.patch_embed(x)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.neck(x)
        return out
