"""Which pixels look like the inside and which like the outside, given a first guess.

The window's colours are gathered into a small palette. How much of each palette colour lies inside
and how much outside says what a pixel's colour speaks for; the neighbours and the first guess are
heard as well; the answer is the next guess. A few rounds of this are expectation-maximisation on a
mixture whose components are palette entries, with a mean-field prior for smoothness. Nothing is
random. Knows arrays; knows no photo and no prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]
OUTSIDE = np.float32(-8.0)
"""Log odds where the region cannot be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Chosen on training leaves (README says which). Colours are CIE Lab units."""

    colours: int = 12
    spread: float = 3.0
    """How far apart two colours may be and still count as one."""
    rounds: int = 4
    fade: float = 0.3
    """What is left of the first guess's weight after each round."""
    colour_weight: float = 1.0
    colour_limit: float = 5.0
    neighbours: float = 0.5
    reach: float = 1 / 16
    """Radius of the neighbourhood, as a share of the window's longer side."""
    grain: float = 0.6
    bias: float = 0.0
    click_weight: float = 0.3
    click_push: float = 2.0
    smooth: float = 0.6


def separate(
    lab: Plane,
    guess: Plane,
    *,
    plus: Plane | None = None,
    minus: Plane | None = None,
    settings: Settings,
) -> Plane:
    """Log odds [h, w] in [-6, 6] that a cell is inside.

    ``lab`` [h, w, 3]; ``guess`` [h, w] log odds before any colour is seen, ``OUTSIDE`` where the
    region cannot be; ``plus`` and ``minus`` [h, w] in [0, 1] mark what the clicks speak for.
    """
    s = settings
    height, width = guess.shape
    reach = s.reach * max(height, width)
    share = _shares(lab.reshape(-1, 3), s)
    support = guess > OUTSIDE
    pushes = np.zeros_like(guess)
    seeds: list[Plane] = [np.zeros(share.shape[1], np.float32)] * 2
    for n, (clicks, sign) in enumerate(((plus, 1), (minus, -1))):
        if clicks is not None:
            seeds[n] = (clicks.ravel() / max(float(clicks.sum()), 1e-6)) @ share
            pushes += np.float32(sign * s.click_push) * clicks
    inside = np.where(support, _sigmoid(guess), np.float32(0))
    odds = guess
    for turn in range(s.rounds):
        votes = _votes(share, inside, seeds, s)
        colour = _blur(votes.reshape(height, width), s.grain)
        odds = guess * s.fade**turn + s.colour_weight * colour + (pushes + s.bias)
        if turn:
            odds += s.neighbours * _logit(_blur(inside, reach))
        odds = np.where(support, odds, OUTSIDE).astype(np.float32)
        inside = _sigmoid(odds)
    return _blur(np.clip(odds, -6, 6), s.smooth)


def _shares(pixels: Plane, s: Settings) -> Plane:
    """[n, colours]: how much each pixel belongs to each palette colour; rows sum to 1."""
    palette = _palette(pixels, s.colours)
    # |p - c|² without the n × k × 3 array; |p|² is the same for all c and cancels.
    closeness = (pixels @ palette.T - (palette * palette).sum(1) / 2) / np.float32(s.spread**2)
    closeness -= closeness.max(axis=1, keepdims=True)
    np.exp(closeness, out=closeness)
    closeness /= closeness.sum(axis=1, keepdims=True)
    return np.asarray(closeness, np.float32)


def _palette(pixels: Plane, count: int) -> Plane:
    """``count`` colours: farthest-point starts, then four rounds of k-means on a sample."""
    sample = pixels[:: max(1, len(pixels) // 1500)]
    palette = np.empty((count, 3), np.float32)
    palette[0] = sample.mean(axis=0)
    distance = _squares(sample - palette[0])
    for n in range(1, count):
        palette[n] = sample[distance.argmax()]
        distance = np.minimum(distance, _squares(sample - palette[n]))
    for _ in range(4):
        nearest = (sample @ palette.T - (palette * palette).sum(1) / 2).argmax(axis=1)
        counts = np.bincount(nearest, minlength=count)
        full = counts > 0
        for channel in range(3):
            sums = np.bincount(nearest, weights=sample[:, channel], minlength=count)
            palette[full, channel] = (sums[full] / counts[full]).astype(np.float32)
    return palette


def _squares(vectors: Plane) -> Plane:
    """Squared length of each row; several times as fast as summing over three columns."""
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors), np.float32)


def _votes(share: Plane, inside: Plane, seeds: list[Plane], s: Settings) -> Plane:
    """[n] log likelihood ratio of every pixel's colour, inside against outside."""
    weight = inside.ravel()
    within, without = weight @ share, (1 - weight) @ share
    within = within + s.click_weight * within.sum() * seeds[0]
    without = without + s.click_weight * without.sum() * seeds[1]
    total_in, total_out = float(within.sum()) + 1e-6, float(without.sum()) + 1e-6
    mixed = (within + without) / (total_in + total_out)
    calm = 0.02  # a colour seen in neither speaks for neither
    ratio = np.log((within / total_in + calm * mixed + 1e-7) / (1 + calm))
    ratio -= np.log((without / total_out + calm * mixed + 1e-7) / (1 + calm))
    limited = np.clip(ratio, -s.colour_limit, s.colour_limit)
    return np.asarray(share @ limited.astype(np.float32), np.float32)


def _blur(plane: Plane, sigma: float) -> Plane:
    if sigma < 0.2:
        return plane
    if (
        sigma > 4 and min(plane.shape) > 3
    ):  # a wide blur of a quarter-size picture is the same and costs a tenth
        small = cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        wide = cv2.GaussianBlur(small, (0, 0), sigma / 2)
        size = (plane.shape[1], plane.shape[0])
        return np.asarray(cv2.resize(wide, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def _sigmoid(odds: Plane) -> Plane:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float32)


def _logit(share: Plane) -> Plane:
    kept = np.clip(share, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(kept / (1 - kept)), np.float32)
