"""Where the photo lies on the widget.

Everything is in *device* pixels: ``scale`` is device pixels per photo pixel (1.0 shows each photo
pixel as one pixel of the screen, whatever its density) and the offset is whole device pixels, so
that panning moves finished pixels instead of computing new ones. Knows arithmetic; knows no widget.

Photo coordinates are continuous: pixel (column, row) covers [column, column + 1) × [row, row + 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from core.domain.mask import Box

MAX_SCALE = 40.0
MIN_SHOWN = 48
"""The photo is never made smaller than this many device pixels along its longer side."""


@dataclass(frozen=True, slots=True)
class Transform:
    """``size`` is the photo's (width, height); the photo's top left sits at ``(ox, oy)``."""

    size: tuple[int, int]
    scale: float = 1.0
    ox: int = 0
    oy: int = 0

    @classmethod
    def fitted(cls, size: tuple[int, int], view: tuple[int, int], *, margin: int = 0) -> Transform:
        """The whole photo, centred in a ``view`` of (width, height) device pixels.

        Small photos are enlarged at most eight times.
        """
        width, height = max(1, view[0] - 2 * margin), max(1, view[1] - 2 * margin)
        scale = min(width / size[0], height / size[1], 8.0)
        return cls(size, max(scale, 1e-4)).centred(view)

    @property
    def extent(self) -> tuple[int, int]:
        """Device pixels that the photo covers, at least 1 × 1."""
        width, height = self.size
        # Rounded up, so that the last column and row are never cut off; 5.0000001 is 5.
        return (
            max(1, math.ceil(width * self.scale - 1e-6)),
            max(1, math.ceil(height * self.scale - 1e-6)),
        )

    def centred(self, view: tuple[int, int]) -> Transform:
        """The same scale with the photo in the middle of ``view``."""
        width, height = self.extent
        return replace(self, ox=(view[0] - width) // 2, oy=(view[1] - height) // 2)

    def to_photo(self, x: float, y: float) -> tuple[float, float]:
        """Photo point under the device point."""
        return (x - self.ox) / self.scale, (y - self.oy) / self.scale

    def to_device(self, x: float, y: float) -> tuple[float, float]:
        """Device point of a photo point."""
        return self.ox + x * self.scale, self.oy + y * self.scale

    def placed(
        self, scale: float, photo: tuple[float, float], at: tuple[float, float]
    ) -> Transform:
        """``scale`` (cut to what is sensible) with the photo point under the device point."""
        smallest = min(1.0, MIN_SHOWN / max(self.size))
        scale = min(MAX_SCALE, max(smallest, scale))
        ox, oy = round(at[0] - photo[0] * scale), round(at[1] - photo[1] * scale)
        return replace(self, scale=scale, ox=ox, oy=oy)

    def panned(self, dx: int, dy: int) -> Transform:
        """Moved by whole device pixels."""
        return replace(self, ox=self.ox + dx, oy=self.oy + dy)

    def clamped(self, view: tuple[int, int]) -> Transform:
        """Moved so that the middle of ``view`` stays on the photo: it cannot be lost."""
        width, height = self.extent
        cx, cy = view[0] // 2, view[1] // 2
        ox = min(cx, max(cx - width, self.ox))
        oy = min(cy, max(cy - height, self.oy))
        return replace(self, ox=ox, oy=oy)

    def device_box(self, box: Box) -> Box:
        """Device pixels (half open, rounded outwards) that show the photo pixels of ``box``."""
        x0, y0 = self.to_device(box[0], box[1])
        x1, y1 = self.to_device(box[2], box[3])
        return math.floor(x0) - 1, math.floor(y0) - 1, math.ceil(x1) + 1, math.ceil(y1) + 1

    def photo_box(self, box: Box) -> Box:
        """Photo pixels (half open, cut to the photo) that the device pixels of ``box`` show."""
        x0, y0 = self.to_photo(box[0], box[1])
        x1, y1 = self.to_photo(box[2], box[3])
        width, height = self.size
        return (
            max(0, math.floor(x0)),
            max(0, math.floor(y0)),
            min(width, math.ceil(x1) + 1),
            min(height, math.ceil(y1) + 1),
        )
