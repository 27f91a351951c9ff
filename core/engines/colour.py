"""Outlines by colour alone: no weights file, no model library, and an answer at once.

A box says where and how large: colours near its middle against colours around it. A click says
only where: every size from a speck to a leaf is tried, and a judge picks. Further clicks count as
samples of colour and push their neighbourhood. Knows prompts and pixels; knows no widget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.engines.base import Candidate, EngineSpec, Prompt, PromptKind
from core.engines.colour_judge import Cells, Proposal, judge
from core.engines.colour_odds import OUTSIDE, Plane, Settings, separate
from core.engines.colour_view import Photo, Window
from core.engines.prompts import check_prompt
from core.errors import PromptRefused

Point = tuple[float, float]


BOX = Settings(bias=-0.3)
CLICK = Settings(fade=0.5)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was chosen by trying, on the training leaves of BRACOL.

    ``*_slope`` and ``*_edge`` shape the first guess: log odds fall by ``slope`` per radius and are
    0 at ``edge`` radii. ``margin``: how much around a box is looked at, as a share of its side.
    ``reach``: how far a click's region may go, in radii. ``seed``: radius of what a click speaks
    for, in radii; ``affinity``: for how different a colour, in Lab units.
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
    affinity: float = 0.0
    smallest: float = 1 / 256
    step: float = 2**0.5
    steps: int = 11


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A proposed region in its window; ``score`` is a guessed IoU."""

    window: Window
    odds: Plane
    score: float


class ColourEngine:
    """One photo at a time. Deterministic."""

    def __init__(self, tuning: Tuning | None = None) -> None:
        self.tuning = tuning or Tuning()
        self._photo: Photo | None = None

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        self._photo = Photo(rgb)

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """As ``Segmenter.predict``: one to three candidates."""
        if self._photo is None:
            raise PromptRefused("Open a photo first.")
        photo = self._photo
        prompt = check_prompt(prompt, width=photo.width, height=photo.height)
        pairs = list(zip(prompt.points, prompt.positive, strict=True))
        plus = [point for point, positive in pairs if positive]
        minus = [point for point, positive in pairs if not positive]
        if prompt.box is not None:
            regions = from_box(photo, prompt.box, plus, minus, self.tuning)
        else:
            regions = from_clicks(photo, plus, minus, self.tuning)
        found = [_candidate(region, prompt.box) for region in regions]
        found = [one for one in found if one.pixels.any()]
        if not found:
            better = "drag a box around the lesion" if prompt.box is None else "drag a wider box"
            raise PromptRefused(f"Nothing stands out there; {better}.")
        return found


def from_box(
    photo: Photo, box: Box, plus: Sequence[Point], minus: Sequence[Point], t: Tuning
) -> list[Region]:
    """The region of a box, then a tighter and a wider reading of it."""
    pad = max(4.0, t.margin * max(box[2] - box[0], box[3] - box[1]))
    window = photo.window((box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad), t.box_cells)
    across = (window.xs - box[0]) / (box[2] - box[0]) * 2 - 1
    down = (window.ys - box[1]) / (box[3] - box[1]) * 2 - 1
    within = (np.abs(across) <= 1) & (np.abs(down) <= 1)
    guess = t.box_slope * (t.box_edge - np.sqrt(across * across + down * down))
    guess = np.where(within, guess, OUTSIDE).astype(np.float32)
    radius = 0.5 * min(box[2] - box[0], box[3] - box[1])
    marks = _marks(window, plus, minus, radius, t)
    out: list[Region] = []
    for bias in (0.0, -0.9, 0.9):
        settings = replace(t.box, bias=t.box.bias + bias)
        odds = separate(window.lab, guess, plus=marks[0], minus=marks[1], settings=settings)
        odds = _obey(window, odds, plus, minus)
        region = Region(window, _whole(odds, _cells_at(window, plus)), 0.8 - abs(bias) / 3)
        if not any(_alike(region, other) for other in out):
            out.append(region)
    return out


def from_clicks(
    photo: Photo, plus: Sequence[Point], minus: Sequence[Point], t: Tuning
) -> list[Region]:
    """The best sizes, best first."""
    tries = hypotheses(photo, plus, minus, t)
    scores = judge([proposal for _, proposal in tries])
    order = sorted(range(len(tries)), key=lambda n: -scores[n])
    out: list[Region] = []
    for n in order:
        window, proposal = tries[n]
        region = Region(window, _only(proposal.odds, proposal.cells), float(scores[n]))
        if not any(_alike(region, other) for other in out):
            out.append(region)
        if len(out) == 3:
            break
    return out


def hypotheses(
    photo: Photo, plus: Sequence[Point], minus: Sequence[Point], t: Tuning
) -> list[tuple[Window, Proposal]]:
    """A region for every size, from a speck to half the photo."""
    longest = max(photo.width, photo.height)
    first = max(2.0, longest * t.smallest)
    return [_try(photo, plus, minus, first * t.step**n, t) for n in range(t.steps)]


def _try(
    photo: Photo, plus: Sequence[Point], minus: Sequence[Point], radius: float, t: Tuning
) -> tuple[Window, Proposal]:
    pad = radius * t.reach * 1.25
    xs, ys = [x for x, _ in plus], [y for _, y in plus]
    window = photo.window(
        (min(xs) - pad, min(ys) - pad, max(xs) + pad, max(ys) + pad), t.click_cells
    )
    distance = _distance(window, plus) / np.float32(radius)
    guess = np.where(distance <= t.reach, t.click_slope * (t.click_edge - distance), OUTSIDE)
    marks = _marks(window, plus, minus, radius, t)
    odds = separate(
        window.lab, guess.astype(np.float32), plus=marks[0], minus=marks[1], settings=t.click
    )
    odds = _obey(window, odds, plus, minus)
    cells = _connected(odds, _cells_at(window, plus))
    share = (int(cells.sum()) / np.pi) ** 0.5 * window.unit / max(photo.width, photo.height)
    return window, Proposal(
        lab=window.lab,
        odds=odds,
        cells=cells,
        distance=distance,
        radius=radius / window.unit,
        limit=t.reach,
        click=window.cell_at(*plus[0]),
        size=max(share, 1e-4),
        frame=(window.origin[0], window.origin[1], window.unit),
        missed=sum(not cells[window.cell_at(*p)] for p in plus),
    )


def _distance(window: Window, points: Sequence[Point]) -> Plane:
    """[h, w] photo pixels to the nearest point."""
    squares = [(window.xs - x) ** 2 + (window.ys - y) ** 2 for x, y in points]
    return np.asarray(np.sqrt(np.minimum.reduce(squares)), np.float32)


def _marks(
    window: Window, plus: Sequence[Point], minus: Sequence[Point], radius: float, t: Tuning
) -> tuple[Plane | None, Plane | None]:
    """What the plus and the minus clicks speak for, each [h, w] in [0, 1] or None."""
    out = []
    for own, others in ((plus, minus), (minus, plus)):
        mark = None
        for x, y in own:
            near = min((np.hypot(x - u, y - v) for u, v in others), default=np.inf)
            sigma = max(min(t.seed * radius, 0.4 * float(near)), 0.5 * window.unit)
            square = ((window.xs - x) ** 2 + (window.ys - y) ** 2) / (2 * sigma * sigma)
            if t.affinity:
                colour = window.lab[window.cell_at(x, y)]
                square = square + ((window.lab - colour) ** 2).sum(-1) / (2 * t.affinity**2)
            one = np.exp(-square)
            mark = one if mark is None else np.maximum(mark, one)
        out.append(mark)
    return out[0], out[1]


def _obey(window: Window, odds: Plane, plus: Sequence[Point], minus: Sequence[Point]) -> Plane:
    """A click's own cell and its neighbours are what the click says."""
    for points, value in ((plus, 3.0), (minus, -3.0)):
        for x, y in points:
            row, col = window.cell_at(x, y)
            spot = odds[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2]
            spot[...] = np.maximum(spot, value) if value > 0 else np.minimum(spot, value)
    return odds


def _cells_at(window: Window, points: Sequence[Point]) -> list[tuple[int, int]]:
    return [window.cell_at(x, y) for x, y in points]


def _connected(odds: Plane, seeds: Sequence[tuple[int, int]]) -> Cells:
    """Cells joined to a seed."""
    _, labels = cv2.connectedComponents((odds > 0).astype(np.uint8), connectivity=4)
    wanted = sorted({int(labels[seed]) for seed in seeds} - {0})
    return np.isin(labels, wanted).astype(np.uint8)


def _whole(odds: Plane, seeds: Sequence[tuple[int, int]]) -> Plane:
    """Without crumbs: pieces under 15 % of the largest go unless a plus click lies in them."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (odds > 0).astype(np.uint8), connectivity=8
    )
    if count <= 2:
        return odds
    areas = stats[1:, cv2.CC_STAT_AREA]
    wanted = {int(n) + 1 for n in np.flatnonzero(areas >= 0.15 * areas.max())}
    wanted |= {int(labels[seed]) for seed in seeds} - {0}
    return _only(odds, np.isin(labels, sorted(wanted)).astype(np.uint8))


def _only(odds: Plane, cells: Cells) -> Plane:
    """``odds`` with everything outside ``cells`` made negative."""
    return np.where(cells > 0, odds, -np.abs(odds)).astype(np.float32)


def _alike(one: Region, other: Region) -> bool:
    """Whether a person would see the same proposal twice."""
    a, (ax, ay) = one.window.to_photo(one.odds)
    b, (bx, by) = other.window.to_photo(other.odds)
    x0, y0 = max(ax, bx), max(ay, by)
    x1 = min(ax + a.shape[1], bx + b.shape[1])
    y1 = min(ay + a.shape[0], by + b.shape[0])
    if x1 <= x0 or y1 <= y0:
        return not a.any() and not b.any()
    both = a[y0 - ay : y1 - ay, x0 - ax : x1 - ax] & b[y0 - by : y1 - by, x0 - bx : x1 - bx]
    common = int(both.sum())
    return common > 0.9 * (int(a.sum()) + int(b.sum()) - common)


def _candidate(region: Region, box: Box | None) -> Candidate:
    pixels, (x, y) = region.window.to_photo(region.odds)
    if box is not None:  # what lies outside the box was not asked for
        left, top = max(0, box[0] - x), max(0, box[1] - y)
        pixels = pixels[top : max(top, box[3] - y), left : max(left, box[2] - x)]
        x, y = x + left, y + top
    return Candidate(np.ascontiguousarray(pixels), (x, y), min(1.0, max(0.0, region.score)))


def load(spec: EngineSpec, checkpoint: Path | None) -> ColourEngine:
    """The factory: there is nothing to load."""
    return ColourEngine()


SPECS = (
    EngineSpec(
        id="colour",
        title="Colour",
        prompts=frozenset(PromptKind),
        factory="core.engines.colour:load",
        note="Works at once, without a weights file; best where the lesion's colour stands out.",
    ),
)
