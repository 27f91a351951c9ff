"""What a drawn disease looks like: a style is a point in a continuous space.

Knows colours and proportions; knows no pixels. Four named styles serve the sample project, and
``random_style`` invents diseases that have no name, for teaching a model what lesions are before it
meets a real one.

Lengths are shares of the leaf's size, which is the square root of its area; colours are CIE Lab
with L in 0–100 and a, b in about ±100.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Lab = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class LesionStyle:
    """How the lesions of one disease look.

    ``radius`` is the median radius, ``spread`` the standard deviation of its logarithm, ``count``
    the smallest and largest number of lesions. A lesion is ``core`` inside ``core_share`` of its
    radius, ``rim`` up to the edge, ``halo`` beyond it over ``halo_width`` radii. ``softness`` is
    the half width of the edge in radii. All other fields go from 0 (absent) to 1, except
    ``elongation`` (length over breadth, from 1), ``rings`` (how many) and ``vein``
    (-1 stopped by veins … +1 lying along them).
    """

    core: Lab
    rim: Lab
    halo: Lab
    radius: float = 0.03
    spread: float = 0.4
    count: tuple[int, int] = (4, 20)
    core_share: float = 0.6
    halo_width: float = 0.0
    halo_strength: float = 0.0
    softness: float = 0.12
    opacity: float = 0.95
    elongation: float = 1.0
    angularity: float = 0.0
    roughness: float = 0.2
    rings: float = 0.0
    ring_strength: float = 0.0
    powder: float = 0.0
    specks: float = 0.0
    relief: float = 0.0
    vein: float = 0.0
    margin: float = 0.0
    burn: float = 0.0
    tunnels: float = 0.0
    clustering: float = 0.0


DISEASES: dict[str, LesionStyle] = {
    # Small raised orange-brown pustules with a yellow halo, many, anywhere.
    "rust": LesionStyle(
        core=(50, 36, 52),
        rim=(60, 22, 58),
        halo=(74, -6, 62),
        radius=0.017,
        spread=0.35,
        count=(14, 60),
        core_share=0.65,
        halo_width=0.9,
        halo_strength=0.75,
        softness=0.2,
        roughness=0.25,
        relief=0.8,
        clustering=0.35,
    ),
    # Round grey-tan spots with a dark sharp rim, a few rings and dark dots inside.
    "leaf_spot": LesionStyle(
        core=(70, 6, 18),
        rim=(25, 16, 14),
        halo=(68, -8, 52),
        radius=0.042,
        spread=0.4,
        count=(4, 16),
        core_share=0.72,
        halo_width=0.35,
        halo_strength=0.5,
        softness=0.07,
        roughness=0.14,
        rings=2.5,
        ring_strength=0.35,
        specks=0.5,
    ),
    # White soft-edged floury patches that let the green through.
    "powdery_mildew": LesionStyle(
        core=(90, -2, 5),
        rim=(84, -5, 9),
        halo=(70, -12, 26),
        radius=0.075,
        spread=0.5,
        count=(4, 18),
        core_share=0.5,
        softness=0.35,
        opacity=0.82,
        roughness=0.45,
        powder=0.8,
        clustering=0.4,
    ),
    # Large dark brown ragged areas eating in from margin and tip, with a pale yellow-green front.
    "blight": LesionStyle(
        core=(27, 12, 16),
        rim=(37, 12, 24),
        halo=(66, -12, 50),
        radius=0.13,
        spread=0.4,
        count=(1, 4),
        core_share=0.8,
        halo_width=0.3,
        halo_strength=0.7,
        softness=0.07,
        roughness=0.5,
        angularity=0.35,
        margin=0.9,
        burn=0.45,
    ),
}

_GREEN = np.array([45.0, -22.0, 34.0])
_SEEN_FROM = 27.0
"""Least Lab distance of an invented lesion from green: below it nobody could outline it."""


def _dead_colour(rng: np.random.Generator) -> Lab:
    """Anything that a lesion's tissue may be: brown, tan, grey, black, yellow, orange, purple."""
    while True:
        lab = np.array([rng.uniform(10, 93), rng.uniform(-12, 42), rng.uniform(-12, 66)])
        if np.linalg.norm(lab - _GREEN) > _SEEN_FROM:
            return float(lab[0]), float(lab[1]), float(lab[2])


def _halo_colour(rng: np.random.Generator) -> Lab:
    return rng.uniform(50, 80), rng.uniform(-25, 15), rng.uniform(20, 68)


def _sometimes(rng: np.random.Generator, chance: float, low: float, high: float) -> float:
    return float(rng.uniform(low, high)) if rng.random() < chance else 0.0


def random_style(rng: np.random.Generator) -> LesionStyle:
    """An invented disease, far beyond the four named ones but always visible on green."""
    core = _dead_colour(rng)
    style = LesionStyle(
        core=core,
        rim=core if rng.random() < 0.4 else _dead_colour(rng),
        halo=_halo_colour(rng),
        radius=float(np.exp(rng.uniform(np.log(0.010), np.log(0.16)))),
        spread=rng.uniform(0.1, 0.75),
        core_share=rng.uniform(0.25, 0.95),
        halo_width=_sometimes(rng, 0.55, 0.15, 1.4),
        halo_strength=rng.uniform(0.25, 0.9),
        softness=float(np.exp(rng.uniform(np.log(0.04), np.log(0.4)))),
        opacity=rng.uniform(0.6, 1.0),
        elongation=1 + _sometimes(rng, 0.4, 0.2, 3.0),
        angularity=_sometimes(rng, 0.4, 0.2, 1.0),
        roughness=rng.uniform(0.05, 0.65),
        rings=_sometimes(rng, 0.25, 1.5, 5.0),
        ring_strength=rng.uniform(0.2, 0.7),
        powder=_sometimes(rng, 0.2, 0.3, 1.0),
        specks=_sometimes(rng, 0.25, 0.2, 1.0),
    )
    most = float(np.clip(0.35 / (np.pi * style.radius**2), 2, 90))
    high = int(np.exp(rng.uniform(np.log(2), np.log(most + 1)))) + 1
    return replace(
        style,
        count=(int(rng.integers(1, high + 1)), high),
        relief=_sometimes(rng, 0.3, 0.2, 1.0),
        vein=float(rng.uniform(-1, 1)) if rng.random() < 0.4 else 0.0,
        margin=_sometimes(rng, 0.25, 0.3, 1.0),
        burn=_sometimes(rng, 0.15, 0.15, 0.8),
        tunnels=_sometimes(rng, 0.12, 0.3, 1.0),
        clustering=_sometimes(rng, 0.4, 0.2, 0.9),
    )
