"""Cheap random fields and colours that the drawn leaves are made of.

Knows noise, smooth steps and Lab; knows no leaf. Fields are float32 [h, w] of mean 0 and
deviation about 1. Colours are float32 RGB in 0–255.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Rng = np.random.Generator


def noise(rng: Rng, shape: tuple[int, int], grain: float) -> Field:
    """Smooth noise [h, w] whose blobs are about ``grain`` pixels wide."""
    h, w = shape
    small = (max(2, round(h / grain) + 3), max(2, round(w / grain) + 3))
    seed = rng.standard_normal(small, dtype=np.float32)
    return np.asarray(cv2.resize(seed, (w, h), interpolation=cv2.INTER_CUBIC), np.float32) * 1.5


def clouds(rng: Rng, shape: tuple[int, int], grain: float, *, octaves: int = 3) -> Field:
    """Noise summed over halving grains, each at 0.6 of the one before."""
    total = noise(rng, shape, grain)
    weight, norm = 1.0, 1.0
    for _ in range(octaves - 1):
        grain /= 2
        if grain < 1:
            break
        weight *= 0.6
        norm += weight**2
        total += weight * noise(rng, shape, grain)
    return total * np.float32(norm**-0.5)


def step(field: Field, low: float, high: float) -> Field:
    """0 below ``low``, 1 above ``high``, smooth between; falls instead when low > high."""
    if low == high:
        high += 1e-6
    t = np.clip((field - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    smooth: Field = t * t * (3 - 2 * t)
    return smooth


@lru_cache(maxsize=4096)
def _rgb(lab: tuple[float, float, float]) -> tuple[float, float, float]:
    pixel = cv2.cvtColor(np.array([[lab]], np.float32), cv2.COLOR_LAB2RGB)[0, 0]
    r, g, b = (float(v) for v in np.clip(pixel, 0, 1) * 255)
    return r, g, b


def rgb(lab: tuple[float, float, float]) -> Field:
    """CIE Lab (L 0–100) to RGB [3] in 0–255, clipped to what a screen shows."""
    return np.array(_rgb((float(lab[0]), float(lab[1]), float(lab[2]))), np.float32)


def blend(picture: Field, colour: Field, alpha: Field) -> None:
    """Move ``picture`` [h, w, 3] towards ``colour`` ([3] or [h, w, 3]) by ``alpha``, in place."""
    change = colour - picture
    change *= alpha[..., None]
    picture += change
