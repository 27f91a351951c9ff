"""How the colour engine answers a box, a click, and the clicks that correct an answer.

A box says where and how large: its middle is compared with what lies around it. A click says only
where: every size from a speck to a leaf is tried, and a judge picks. A correcting click starts from
the answer before it and sits, as hands do, in the middle of the piece that is wrong: how far it is
from the outline says how large that piece is. Knows photos and odds; knows no wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from core.domain.mask import Box
from core.engines.colour_judge import Proposal, judge
from core.engines.colour_odds import OUTSIDE, Plane, Settings, separate
from core.engines.colour_region import Region, connected, distinct, only, without_crumbs
from core.engines.colour_view import Photo, Window

BOX = Settings(bias=-0.3)
CLICK = Settings(fade=0.5)
CORRECTION = Settings(fade=0.9, click_weight=0.6, click_push=5.0)
SURE = 3.0
"""Log odds of the cell that a click names, and of its neighbours."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was chosen by trying, on the training leaves of BRACOL.

    ``*_cells``: cells along a window's longer side. ``*_slope`` and ``*_edge`` shape the first
    guess: log odds fall by ``slope`` per radius and are 0 at ``edge`` radii. ``margin``: how much
    around a box is looked at, as a share of its side. ``reach``: how far a click's region may go,
    and ``seed`` what it speaks for, in radii; sizes rise from ``smallest`` of the photo's longer
    side by ``step``. ``trust``: the weight of the answer that a click corrects; ``spot``: how wide
    a correction is, as a share of its distance to the outline.
    """

    box: Settings = BOX
    box_cells: int = 96
    box_slope: float = 3.2
    box_edge: float = 0.85
    margin: float = 0.25
    click: Settings = CLICK
    click_cells: int = 64
    click_slope: float = 3.0
    click_edge: float = 1.0
    reach: float = 2.2
    seed: float = 0.25
    smallest: float = 1 / 256
    step: float = 2**0.5
    steps: int = 11
    correction: Settings = CORRECTION
    trust: float = 1.0
    spot: float = 0.7


@dataclass(frozen=True, slots=True)
class Click:
    """Where, whether it lies inside, and the radius it speaks for; all in photo pixels."""

    x: float
    y: float
    plus: bool
    radius: float = 1.0

    def mark(self, window: Window) -> Plane:
        """[h, w] in [0, 1]: how much it speaks for each cell."""
        square = (window.xs - self.x) ** 2 + (window.ys - self.y) ** 2
        sigma = max(self.radius, 0.5 * window.unit)
        return np.asarray(np.exp(-square / np.float32(2 * sigma * sigma)), np.float32)


def from_box(photo: Photo, box: Box, t: Tuning) -> list[Region]:
    """The region in a box, then a tighter and a wider reading of it."""
    pad = max(4.0, t.margin * max(box[2] - box[0], box[3] - box[1]))
    window = photo.window((box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad), t.box_cells)
    across = (window.xs - box[0]) / (box[2] - box[0]) * 2 - 1
    down = (window.ys - box[1]) / (box[3] - box[1]) * 2 - 1
    within = (np.abs(across) <= 1) & (np.abs(down) <= 1)
    guess = t.box_slope * (t.box_edge - np.sqrt(across * across + down * down))
    guess = np.where(within, guess, OUTSIDE).astype(np.float32)
    found = []
    for bias in (0.0, -0.9, 0.9):
        settings = replace(t.box, bias=t.box.bias + bias)
        odds = separate(window.lab, guess, settings=settings)
        found.append(Region(window, without_crumbs(odds), 0.8 - abs(bias) / 3))
    return distinct(found, most=3)


def from_click(photo: Photo, x: float, y: float, t: Tuning) -> list[Region]:
    """The regions around a click whose sizes the judge likes best, best first."""
    tries = every_size(photo, x, y, t)
    scores = judge([proposal for _, proposal in tries])
    best_first = sorted(range(len(tries)), key=lambda n: -scores[n])
    found = []
    for n in best_first[:6]:
        window, proposal = tries[n]
        found.append(Region(window, only(proposal.odds, proposal.cells), float(scores[n])))
    return distinct(found, most=3)


def every_size(photo: Photo, x: float, y: float, t: Tuning) -> list[tuple[Window, Proposal]]:
    """A region around a click for every size, smallest first."""
    first = max(2.0, max(photo.width, photo.height) * t.smallest)
    return [_of_size(photo, x, y, first * t.step**n, t) for n in range(t.steps)]


def _of_size(photo: Photo, x: float, y: float, radius: float, t: Tuning) -> tuple[Window, Proposal]:
    pad = radius * t.reach * 1.25
    window = photo.window((x - pad, y - pad, x + pad, y + pad), t.click_cells)
    distance = np.sqrt((window.xs - x) ** 2 + (window.ys - y) ** 2) / np.float32(radius)
    guess = np.where(distance <= t.reach, t.click_slope * (t.click_edge - distance), OUTSIDE)
    click = Click(x, y, plus=True, radius=t.seed * radius)
    odds = separate(window.lab, guess.astype(np.float32), plus=click.mark(window), settings=t.click)
    _obey(window, odds, [click])
    cells = connected(odds, window.cell_at(x, y))
    share = (int(cells.sum()) / np.pi) ** 0.5 * window.unit / max(photo.width, photo.height)
    return window, Proposal(
        lab=window.lab,
        odds=odds,
        cells=cells,
        distance=distance,
        radius=radius / window.unit,
        limit=t.reach,
        click=window.cell_at(x, y),
        size=max(share, 1e-4),
        frame=(window.origin[0], window.origin[1], window.unit),
    )


def correct(
    photo: Photo, region: Region, clicks: Sequence[Click], new: Click, t: Tuning
) -> tuple[Region, Click]:
    """The region after one more click, and the click with the radius it turned out to have.

    ``clicks`` are those before it, which stay in force.
    """
    x0, y0, x1, y1 = region.bounds() or (new.x - 5, new.y - 5, new.x + 5, new.y + 5)
    pad = max(4.0, 0.3 * max(x1 - x0, y1 - y0))
    around = (
        min(x0, new.x) - pad,
        min(y0, new.y) - pad,
        max(x1, new.x) + pad,
        max(y1, new.y) + pad,
    )
    window = photo.window(around, t.box_cells)
    before = region.seen_from(window)
    new = replace(new, radius=t.spot * _depth(window, before, new))
    every = [*clicks, new]
    marks = [
        np.maximum.reduce([click.mark(window) for click in every if click.plus is side])
        if any(click.plus is side for click in every)
        else None
        for side in (True, False)
    ]
    guess = np.clip(t.trust * before, -5, 5).astype(np.float32)
    odds = separate(window.lab, guess, plus=marks[0], minus=marks[1], settings=t.correction)
    _obey(window, odds, every)
    seeds = [window.cell_at(click.x, click.y) for click in every if click.plus]
    return Region(window, without_crumbs(odds, seeds), region.score), new


def _depth(window: Window, odds: Plane, click: Click) -> float:
    """Photo pixels from the click to the outline, at least a cell and a half."""
    inside = (odds > 0).astype(np.uint8)
    at = window.cell_at(click.x, click.y)
    side = inside if inside[at] else 1 - inside
    return max(float(cv2.distanceTransform(side, cv2.DIST_L2, 5)[at]), 1.5) * window.unit


def _obey(window: Window, odds: Plane, clicks: Sequence[Click]) -> None:
    """In place: a click's cell and its neighbours are what it says; the last word wins."""
    for click in clicks:
        row, col = window.cell_at(click.x, click.y)
        spot = odds[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2]
        spot[...] = np.maximum(spot, SURE) if click.plus else np.minimum(spot, -SURE)
