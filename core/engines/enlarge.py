"""Blows a model's small mask up to the photo, and only where the mask is.

Three masks of a 24-megapixel photo at full size would be 300 MB for a lesion of 200 pixels. Knows
arrays; knows no model.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.geometry.stretch import stretch


def enlarge(
    logits: NDArray[np.float32], used: tuple[int, int], size: tuple[int, int]
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Where ``logits`` is positive on a photo of ``size`` (h, w), cropped: (pixels, origin (x, y)).

    ``used`` (h, w) is the part of ``logits`` that the photo fills; the rest is padding. The same
    interpolation as enlarging all of it (bilinear, pixel centres), done where the mask is.
    """
    logits = logits[: used[0], : used[1]]
    rows, cols = (np.flatnonzero((logits > 0).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros((0, 0), bool), (0, 0)
    (y0, y1), (x0, x1) = (
        _reach(cells, n, full)
        for cells, n, full in ((rows, used[0], size[0]), (cols, used[1], size[1]))
    )
    upper, down = _weights(np.arange(y0, y1), used[0], size[0])
    first, end = int(upper[0]), min(used[0], int(upper[-1]) + 2)
    wide = cv2.resize(logits[first:end], (size[1], end - first), interpolation=cv2.INTER_LINEAR)
    return stretch(wide[:, x0:x1], upper - first, down), (x0, y0)


def _reach(cells: NDArray[np.intp], used: int, full: int) -> tuple[int, int]:
    """First and end photo pixel that ``cells`` can influence."""
    scale = full / used
    return max(0, int((cells[0] - 1) * scale)), min(full, int((cells[-1] + 2) * scale) + 1)


def _weights(
    at: NDArray[np.intp], used: int, full: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """(upper cell, share of the lower one) for photo pixels ``at``."""
    place = np.maximum((at + 0.5) * (used / full) - 0.5, 0.0)
    upper = np.minimum(place.astype(np.intp), used - 1)
    return upper, (place - upper).astype(np.float32)
