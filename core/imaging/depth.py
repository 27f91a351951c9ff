"""Brightness of more than 8 bits, brought down by the same shift for every photo of a depth.

Knows numbers and what Pillow calls its raw modes; knows no file.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEEP = re.compile(";16([LBN])")
"""In what Pillow calls a raw mode: 16 bits, and which byte comes first."""


def eight_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Greys of any depth, by the shift of their depth."""
    # Nothing wider than what was read: at 200 megapixels that is gigabytes each time.
    values: NDArray[Any] = grey if grey.dtype.kind == "u" else np.clip(grey, 0, None)
    return (values >> (depth(int(values.max(initial=0))) - 8)).astype(np.uint8)


def depth(brightest: int) -> int:
    """The smallest of 8, 10, 12, 14 and 16 bits that holds the brightest value, or more."""
    bits = brightest.bit_length()
    return next((d for d in (8, 10, 12, 14, 16) if bits <= d), max(bits, 16))


def exchanged(args: Any) -> Any:
    """What Pillow is told to read, with the two bytes of every value the other way round."""
    if isinstance(args, tuple):
        return tuple(exchanged(part) for part in args)
    native = "L" if sys.byteorder == "little" else "B"
    other = {"L": "B", "B": "L", "N": "B" if native == "L" else "L"}
    return DEEP.sub(lambda m: f";16{other[m[1]]}", args) if isinstance(args, str) else args
