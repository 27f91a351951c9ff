"""What of the photo a wand looks at: the part that is seen, as fine as can be flooded at once.

Knows the pyramid and the view; knows no tool.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from core.domain.mask import Box, clip_box
from core.geometry.wand import Surroundings
from gui.canvas.pyramid import PhotoPyramid

MOST = 400_000
"""Pixels that are compared and flooded within a frame or two."""


def surroundings(pyramid: PhotoPyramid, visible: Box) -> Surroundings | None:
    """The photo inside ``visible`` (photo pixels); None when that lies beside the photo."""
    x0, y0, x1, y1 = box = clip_box(visible, *pyramid.size)
    if x1 <= x0 or y1 <= y0:
        return None
    for level in pyramid.levels:
        height, width = level.shape
        sx, sy = width / pyramid.size[0], height / pyramid.size[1]
        left, top = int(x0 * sx), int(y0 * sy)
        right, bottom = min(width, ceil(x1 * sx)), min(height, ceil(y1 * sy))
        if (right - left) * (bottom - top) <= MOST or level is pyramid.levels[-1]:
            part = np.ascontiguousarray(level[top:bottom, left:right])
            bgra = part.view(np.uint8).reshape(bottom - top, right - left, 4)
            return Surroundings(bgra, box, (sx, sy), (left, top))
    return None
