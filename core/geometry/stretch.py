"""The rows between the rows of a small picture, as a mask.

Knows arrays; knows neither photo nor model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stretch(
    wide: NDArray[np.float32], upper: NDArray[np.intp], down: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Where the rows between those of ``wide`` [h, w] are positive: [len(upper), w] bool.

    For each row, ``upper`` is the row of ``wide`` above it, ascending, and ``down`` the share of
    the one below, 0 to 1. Between two rows of one sign there is nothing to reckon, and that is most
    of a mask; no float of the photo's size is ever written.
    """
    positive = wide > 0
    pixels = np.empty((len(upper), wide.shape[1]), bool)
    begins = np.flatnonzero(np.diff(upper, prepend=-1))
    ends = np.append(begins[1:], len(upper))
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        above, below = upper[begin], min(upper[begin] + 1, len(wide) - 1)
        pixels[begin:end] = positive[above]
        mixed = np.flatnonzero(positive[above] != positive[below])
        if mixed.size:
            start = wide[above][mixed]
            between = start + down[begin:end, None] * (wide[below][mixed] - start)
            pixels[begin:end, mixed] = between > 0
    return pixels
