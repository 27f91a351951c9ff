"""A figure and how sure it is, for a terminal and for a JSON document.

Knows intervals; knows no run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.language import number_text, tr

if TYPE_CHECKING:
    from core.services.bootstrap import Interval


def told(found: Interval | None, form: str = ".2f") -> str:
    """“0.83 (0.79 to 0.87)”; the figure alone where too few leaves give no interval."""
    if found is None:
        return "–"
    value, low, high = (number_text(x, form) for x in (found.value, found.low, found.high))
    if not found.known:
        return value
    return tr("{value} ({low} to {high})", value=value, low=low, high=high)


def ends(found: Interval | None) -> list[float | None] | None:
    """[figure, low, high], ends null where there are too few leaves."""
    if found is None:
        return None
    return [found.value, found.low, found.high] if found.known else [found.value, None, None]
