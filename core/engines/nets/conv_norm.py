"""A convolution with its batch norm, named as RepViT's and TinyViT's published tensors are.

Knows torch; knows no architecture.
"""

from __future__ import annotations

from torch import nn


class ConvNorm(nn.Sequential):
    """A convolution ``c`` and its batch norm ``bn``; the size stays the same at stride 1."""

    def __init__(
        self, into: int, out: int, size: int = 1, *, stride: int = 1, each: bool = False
    ) -> None:
        """``each``: every channel by itself."""
        super().__init__()
        groups = into if each else 1
        self.c = nn.Conv2d(into, out, size, stride, size // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)
