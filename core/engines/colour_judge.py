"""How much a proposed region looks like something a person would outline.

A click does not say how large the thing is, so the colour engine proposes a region for each of a
dozen sizes, and this judge guesses how well each would overlap the outline that a person would
draw. What it looks at is relative (contrast, roundness, sharpness of the edge, agreement with the
neighbouring sizes), its few weights were fitted on training leaves. Knows arrays; knows no photo.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.engines.colour_odds import Plane

Cells = NDArray[np.uint8]

WEIGHTS = {
    "contrast": (2.5706, 0.7321, -0.0621, -0.0074),
    "clearness": (0.8469, 0.5263, 0.0915, -0.0326),
    "edge": (0.2402, 0.4277, 0.0126, -0.0119),
    "size_ratio": (0.2463, 0.1793, 0.0016, 0.0055),
    "size_misfit": (0.2678, 0.1451, 0.0169, 0.0059),
    "roundness": (0.6830, 0.1624, 0.0398, -0.0000),
    "solidity": (0.9580, 0.0726, -0.0280, 0.0006),
    "spill": (0.8685, 0.1388, -0.0146, -0.0070),
    "centred": (0.7765, 0.1566, 0.0203, 0.0080),
    "size": (1.0392, 1.0794, -0.0472, -0.0714),
    "certainty": (0.6932, 0.0830, 0.0379, 0.0106),
    "edge_certainty": (0.0964, 0.0565, -0.0087, 0.0142),
    "noise_outside": (2.5952, 0.7613, -0.0130, 0.0013),
    "noise_inside": (2.3126, 0.5626, 0.0416, 0.0095),
    "belief": (0.3498, 0.1699, 0.1236, -0.0045),
    "like_smaller": (0.4826, 0.2121, 0.0131, 0.0124),
    "like_larger": (0.4826, 0.2121, 0.0092, 0.0207),
}
"""Feature: mean, scale, weight, weight of its square; fitted on BRACOL's training leaves."""
BASE = 0.3293
MEAN, SCALE, LINEAR, SQUARE = np.array(list(WEIGHTS.values())).T


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """One region in one window. ``odds``, ``cells`` (0 or 1) [h, w]; ``radius`` in cells.

    ``distance`` [h, w] is how far each cell is from the click, in radii; ``limit`` the
    distance at which the window's support ends; ``size`` its area's radius as a share of the
    photo's longer side; ``click`` the (row, column) clicked on. ``frame`` is the
    window's left, top and photo pixels per cell.
    """

    lab: Plane
    odds: Plane
    cells: Cells
    distance: Plane
    radius: float
    limit: float
    click: tuple[int, int]
    size: float
    frame: tuple[float, float, float]


def features(p: Proposal) -> NDArray[np.float32] | None:
    """The features of ``WEIGHTS`` in order, without the last two; None for too small a region."""
    area = int(p.cells.sum())
    if area < 4:
        return None
    rim = max(2, int(0.12 * area**0.5 + 1))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    square = np.ones((3, 3), np.uint8)
    grown = cv2.dilate(p.cells, square)
    around = cv2.dilate(p.cells, disc) > grown
    if int(around.sum()) < 3:
        return None
    inside, edge = p.cells > 0, grown > cv2.erode(p.cells, square)
    within, without = p.lab[inside], p.lab[around]
    variance_in, variance_out = float(within.var(0).sum()), float(without.var(0).sum())
    contrast = float(np.linalg.norm(within.mean(0) - without.mean(0)))
    steepness = _steepness(p.lab)
    roundness, solidity = _shape(p.cells, area)
    ratio = np.log(max((area / np.pi) ** 0.5 / p.radius, 1e-3))
    return np.array(
        [
            np.log(contrast + 1),
            contrast / (variance_in + variance_out + 4) ** 0.5,
            np.log(steepness[edge].mean() / (steepness[inside].mean() + 0.5) + 1e-3),
            ratio,
            abs(ratio),
            roundness,
            solidity,
            p.distance[inside].max() / p.limit,
            _centred(p.cells, p.click),
            np.log(p.size * 100),
            np.abs(p.odds).mean() / 6,
            np.abs(p.odds[edge]).mean() / 6,
            np.log(variance_out**0.5 + 1),
            np.log(variance_in**0.5 + 1),
            p.odds[inside].mean() / 6,
        ],
        np.float32,
    )


def _steepness(lab: Plane) -> Plane:
    across = cv2.Sobel(lab, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    return np.asarray(np.sqrt((across * across + down * down).sum(axis=-1)), np.float32)


def _shape(cells: Cells, area: int) -> tuple[float, float]:
    """(4πA/P², A/hull) of the largest outer outline."""
    outlines, _ = cv2.findContours(cells, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    perimeter = cv2.arcLength(outline, closed=True)
    hull = cv2.contourArea(cv2.convexHull(outline)) + 1
    return 4 * np.pi * area / (perimeter * perimeter + 1), area / hull


def _centred(cells: Cells, click: tuple[int, int]) -> float:
    """1 where the click is as deep inside as one can be, 0 on the rim."""
    framed = cv2.copyMakeBorder(cells, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)
    return float(depth[click[0] + 1, click[1] + 1] / depth.max())


def agreement(small: Proposal, large: Proposal) -> float:
    """IoU of two regions whose windows differ, the second the larger window."""
    ours = small.cells > 0
    rows, cols = (
        ((np.arange(n) + 0.5) * small.frame[2] + (small.frame[k] - large.frame[k])) / large.frame[2]
        for n, k in ((ours.shape[0], 1), (ours.shape[1], 0))
    )
    height, width = large.cells.shape
    theirs = large.cells[
        np.clip(rows.astype(int), 0, height - 1)[:, None], np.clip(cols.astype(int), 0, width - 1)
    ]
    common = float((theirs[ours] > 0).sum()) * small.frame[2] ** 2
    total = float(ours.sum()) * small.frame[2] ** 2 + float(large.cells.sum()) * large.frame[2] ** 2
    return common / max(total - common, 1e-6)


def table(tries: list[Proposal]) -> list[NDArray[np.float32] | None]:
    """All features of ``WEIGHTS`` for every try, smallest size first; None: too small a region."""
    likeness = [agreement(a, b) for a, b in itertools.pairwise(tries)]
    out: list[NDArray[np.float32] | None] = []
    for n, one in enumerate(tries):
        row = features(one)
        if row is not None:
            smaller = likeness[n - 1] if n else 0.0
            larger = likeness[n] if n < len(likeness) else 0.0
            row = np.append(row, np.array([smaller, larger], np.float32))
        out.append(row)
    return out


def judge(tries: list[Proposal]) -> NDArray[np.float64]:
    """A guess of each try's IoU with what is meant; the same length as ``tries``."""
    scores = np.full(len(tries), -1.0)
    for n, row in enumerate(table(tries)):
        if row is not None:
            z = np.clip((row - MEAN) / SCALE, -3, 3)
            scores[n] = BASE + z @ LINEAR + (z * z) @ SQUARE
    return scores
