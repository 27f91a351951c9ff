"""Which part of a photo is looked at, at its own scale, when the person has zoomed in.

An engine that sees 1024 pixels sees three of a 12-pixel pustule on a photo of 6000, and all twelve
in a window of 1024. Windows are squares (cut at the photo's edge) with sides from a short ladder
and places on a grid, so that small moves of the view meet the same one again. Knows rectangles;
knows no pixel.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.mask import Box, clip_box

SMALLEST = 256
"""Pixels. Enlarging less than this shows an engine nothing that is in the photo."""
STEP = 2**0.5
"""From one side of the ladder to the next."""
MARGIN = 1.25
"""A window's side over the view's, at least."""
PLACES = 8
"""Steps of the grid in a window's side."""
CLEARLY = 0.67
"""A window whose side is more than this part of the photo's would show little more than that."""
ROOM = 1 / 16
"""Part of a window's side that lies between a click and the window's edge, or it has no room."""


def wanted(view: Box | None, size: tuple[int, int], side: int | None) -> Box | None:
    """The window for a ``view`` on a photo of ``size`` (width, height), for an engine that sees
    ``side`` pixels; None where the whole photo does as well."""
    width, height = size
    longest = max(width, height)
    if view is None or side is None or longest <= side:
        return None
    x0, y0, x1, y1 = clip_box(view, width, height)
    if x1 <= x0 or y1 <= y0:
        return None
    needed = MARGIN * max(x1 - x0, y1 - y0)
    length = float(SMALLEST)
    while length < needed:
        length *= STEP
    if length > CLEARLY * longest:
        return None
    whole = round(length)
    left, right = _placed(x0, x1, whole, width)
    top, bottom = _placed(y0, y1, whole, height)
    return left, top, right, bottom


def smallest(
    windows: Iterable[Box], spot: Box, view: Box, size: tuple[int, int], side: int
) -> Box | None:
    """Of ``windows``, the smallest that shows ``spot`` with room and suits ``view``; or None.

    One suits that is no smaller than the view, so that what the person sees is not cut off, and
    not so much larger that it shows less than is on the screen.
    """
    best = wanted(view, size, side)
    if best is None:
        return None
    low = 0.9 * min(max(view[2] - view[0], view[3] - view[1]), *size)
    high = 2 * span(best)
    fitting = [w for w in windows if low <= span(w) <= high and has_room(w, spot, size)]
    return min(fitting, key=span, default=None)


def has_room(window: Box, spot: Box, size: tuple[int, int]) -> bool:
    """Whether ``spot`` lies in ``window`` and not at an edge that is none of the photo's."""
    room = round(ROOM * span(window))
    near = (window[0] + room, window[1] + room, window[2] - room, window[3] - room)
    x0, y0 = (0 if window[n] == 0 else near[n] for n in (0, 1))
    x1, y1 = (size[n - 2] if window[n] == size[n - 2] else near[n] for n in (2, 3))
    return contains((x0, y0, x1, y1), spot)


def contains(window: Box, spot: Box) -> bool:
    """Whether all of ``spot`` lies in ``window``."""
    return (
        window[0] <= spot[0]
        and window[1] <= spot[1]
        and spot[2] <= window[2]
        and spot[3] <= window[3]
    )


def around(*boxes: Box) -> Box:
    """The smallest box that holds all."""
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)


def span(box: Box) -> int:
    """Its longer side."""
    return max(box[2] - box[0], box[3] - box[1])


def cuts(window: Box, found: Box, size: tuple[int, int]) -> bool:
    """Whether ``found`` reaches an edge of ``window`` behind which the photo goes on."""
    return (
        (found[0] <= window[0] and window[0] > 0)
        or (found[1] <= window[1] and window[1] > 0)
        or (found[2] >= window[2] and window[2] < size[0])
        or (found[3] >= window[3] and window[3] < size[1])
    )


def _placed(low: int, high: int, length: int, size: int) -> tuple[int, int]:
    """Ends of the window on one axis: the view in its middle, on the grid, within the photo."""
    if length >= size:
        return 0, size
    step = length // PLACES
    start = round(((low + high) / 2 - length / 2) / step) * step
    start = min(max(0, start), size - length)
    return start, start + length
