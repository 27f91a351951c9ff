"""A region on its way to being proposed, and what is done to any region.

Knows windows and odds; knows neither prompts nor how the odds came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from core.engines.colour_judge import Cells
from core.engines.colour_odds import Plane
from core.engines.colour_view import Window

CRUMB = 0.15
"""Pieces smaller than this share of the largest are noise, unless somebody clicked on them."""


@dataclass(frozen=True)
class Region:
    """Log ``odds`` [h, w] in their ``window``; ``score`` is a guessed IoU."""

    window: Window
    odds: Plane
    score: float

    @cached_property
    def pixels(self) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """In photo pixels: ([h, w], origin (x, y)), cropped."""
        return self.window.to_photo(self.odds)

    def bounds(self) -> tuple[float, float, float, float] | None:
        """(x0, y0, x1, y1) in photo pixels, None when empty."""
        rows, cols = (np.flatnonzero((self.odds > 0).any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return None
        (x, y), unit = self.window.origin, self.window.unit
        return (
            x + float(cols[0]) * unit,
            y + float(rows[0]) * unit,
            x + float(cols[-1] + 1) * unit,
            y + float(rows[-1] + 1) * unit,
        )

    def seen_from(self, window: Window) -> Plane:
        """The odds on another window's cells; -6 where this region knows nothing."""
        own, shape = self.window, window.lab.shape
        across = (window.xs - own.origin[0]) / own.unit - 0.5
        down = (window.ys - own.origin[1]) / own.unit - 0.5
        return np.asarray(
            cv2.remap(
                self.odds.astype(np.float32),
                np.broadcast_to(across, shape[:2]).astype(np.float32),
                np.broadcast_to(down, shape[:2]).astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=(-6.0,),
            ),
            np.float32,
        )

    def area(self) -> float:
        """In photo pixels."""
        return float(np.count_nonzero(self.odds > 0)) * self.window.unit**2

    def like(self, other: Region) -> bool:
        """Whether a person would see the same proposal twice. Compared cell by cell."""
        both = (self.odds > 0) & (other.seen_from(self.window) > 0)
        common = float(np.count_nonzero(both)) * self.window.unit**2
        return common > 0.9 * (self.area() + other.area() - common)


def distinct(regions: Sequence[Region], most: int) -> list[Region]:
    """The first ``most`` that do not look like one before them."""
    out: list[Region] = []
    for region in regions:
        if len(out) == most:
            break
        if not any(region.like(other) for other in out):
            out.append(region)
    return out


def connected(odds: Plane, seed: tuple[int, int]) -> Cells:
    """Positive cells joined to ``seed`` (row, column) through their sides."""
    _, labels = cv2.connectedComponents((odds > 0).astype(np.uint8), connectivity=4)
    own = int(labels[seed])
    return np.asarray((labels == own) & (own > 0), np.uint8)


def only(odds: Plane, cells: Cells) -> Plane:
    """``odds`` with everything outside ``cells`` made negative."""
    return np.where(cells > 0, odds, -np.abs(odds)).astype(np.float32)


def without_crumbs(odds: Plane, seeds: Sequence[tuple[int, int]] = ()) -> Plane:
    """``odds`` with small pieces made negative, but for those that hold a seed."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (odds > 0).astype(np.uint8), connectivity=8
    )
    if count <= 2:
        return odds
    areas = stats[1:, cv2.CC_STAT_AREA]
    wanted = {int(n) + 1 for n in np.flatnonzero(areas >= CRUMB * areas.max())}
    wanted |= {int(labels[seed]) for seed in seeds} - {0}
    return only(odds, np.isin(labels, sorted(wanted)).astype(np.uint8))
