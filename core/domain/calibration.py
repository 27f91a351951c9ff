"""How large a pixel of a photo is, from a line of known length on it.

The scale card, a ruler or any edge of known length lies in the plane of the leaf; one figure holds
for the whole photo. Knows lengths; knows no photo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from core.language import tr

Line = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels of the displayed photo."""
SHORTEST_PX = 10.0
LONGEST_MM = 10_000.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """``length_mm`` millimetres on the photo are ``length_px`` pixels.

    ``line`` is where it was drawn; None on a photo that the figure was copied to.
    """

    length_mm: float
    length_px: float
    line: Line | None = None

    @property
    def mm_per_px(self) -> float:
        return self.length_mm / self.length_px

    def mm2(self, pixels: float) -> float:
        """An area of ``pixels`` in mm²: each is a square of ``mm_per_px``."""
        return pixels * self.mm_per_px**2

    def copied(self) -> Calibration:
        """For another photo, taken from the same distance."""
        return replace(self, line=None)


def measured(line: Line, length_mm: float) -> Calibration:
    """From a line drawn on the photo. Raises ValueError, with a sentence, as ``problem`` says."""
    if text := problem(line, length_mm):
        raise ValueError(text)
    return Calibration(length_mm, length_of(line), line)


def length_of(line: Line) -> float:
    """Pixels from end to end."""
    return math.hypot(line[2] - line[0], line[3] - line[1])


def problem(line: Line, length_mm: float) -> str:
    """What is wrong with the figures, as a sentence; "" when nothing is."""
    if not length_of(line) >= SHORTEST_PX:
        return tr(
            "The line is too short to measure with; draw it along the whole scale "
            "card, at least {shortest_px:.0f} pixels long.",
            shortest_px=SHORTEST_PX,
        )
    if not 0 < length_mm <= LONGEST_MM:
        return tr(
            "Type the length of the line in millimetres, above 0 and up to {longest_mm:,.0f}.",
            longest_mm=LONGEST_MM,
        )
    return ""
