"""Outlines and veins of drawn leaves, crop by crop.

Knows curves; knows no pixels and no colours. Points are (x, y) rows in leaf units: the stalk joins
the blade near (0, 0), the leaf grows along +x and is about 1 long. Everything random comes from
the generator that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Vein:
    """A polyline [n, 2]; ``width`` is relative, 1 for the midrib."""

    points: Points
    width: float


@dataclass(frozen=True, slots=True, eq=False)
class LeafShape:
    """``blades`` are closed outlines, ``halves`` the parts left of each midrib (for the fold),
    ``stalks`` open polylines that belong to the leaf, ``reach`` how much of the frame the leaf
    likes to fill (above 1 it runs out of the picture)."""

    blades: tuple[Points, ...]
    halves: tuple[Points, ...]
    veins: tuple[Vein, ...]
    stalks: tuple[Points, ...]
    stalk_width: float = 0.016
    reach: float = 0.9

    def moved(self, matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> LeafShape:
        """Every point p becomes ``matrix @ p + offset``."""

        def move(points: Points) -> Points:
            moved: Points = points @ matrix.T + offset
            return moved

        return LeafShape(
            blades=tuple(move(p) for p in self.blades),
            halves=tuple(move(p) for p in self.halves),
            veins=tuple(Vein(move(v.points), v.width) for v in self.veins),
            stalks=tuple(move(p) for p in self.stalks),
            stalk_width=self.stalk_width,
            reach=self.reach,
        )


@dataclass(frozen=True, slots=True)
class Blade:
    """How one simple blade is built. ``width`` is half the breadth over the length; ``base`` and
    ``tip`` are the exponents of t and 1 - t in its profile (large = drawn out to a point);
    ``wave`` and ``teeth`` shape the margin; ``pairs`` counts the side veins of each half."""

    width: float
    base: float = 0.6
    tip: float = 0.8
    bend: float = 0.0
    wave: float = 0.0
    waves: float = 6.0
    teeth: float = 0.0
    depth: float = 0.0
    pairs: int = 8
    parallel: bool = False


class _Axis:
    """A bent midrib: turns (share of the length, sideways distance) into points."""

    def __init__(self, bend: float) -> None:
        self.t = np.linspace(0.0, 1.0, 160)
        angle = bend * (self.t - 0.2)
        step = np.stack([np.cos(angle), np.sin(angle)], axis=1) / len(self.t)
        self.centre = np.cumsum(step, axis=0) - step[0]
        self.normal = np.stack([-np.sin(angle), np.cos(angle)], axis=1)

    def place(self, t: Points, side: Points) -> Points:
        out = np.empty((len(t), 2))
        for k in range(2):
            centre = np.interp(t, self.t, self.centre[:, k])
            out[:, k] = centre + side * np.interp(t, self.t, self.normal[:, k])
        return out


def _profile(t: Points, blade: Blade) -> Points:
    peak = blade.base / (blade.base + blade.tip)
    top = peak**blade.base * (1 - peak) ** blade.tip
    shape: Points = blade.width * t**blade.base * (1 - t) ** blade.tip / top
    return shape


def _margin(t: Points, blade: Blade, rng: Rng) -> Points:
    """The half width along one side, waves and teeth included."""
    width = _profile(t, blade)
    phase = rng.uniform(0, 2 * np.pi)
    drift = np.cumsum(rng.normal(0, 0.02, len(t)))
    wave = np.sin(2 * np.pi * blade.waves * t + phase + 6 * drift)
    wave *= 0.6 + 0.4 * np.sin(2 * np.pi * 1.7 * t + rng.uniform(0, 6))
    width = width * (1 + blade.wave * wave * np.sin(np.pi * t) ** 0.5)
    if blade.teeth:
        saw = (blade.teeth * (t + 0.25 * drift) + rng.uniform()) % 1.0
        notch = np.where(saw < 0.72, 1 - saw / 0.72, (saw - 0.72) / 0.28)
        width = width * (1 - blade.depth * notch * np.minimum(1, 12 * t * (1 - t)))
    return width


def simple_blade(rng: Rng, blade: Blade) -> LeafShape:
    """One blade with midrib, side veins and no stalk."""
    axis = _Axis(blade.bend)
    left, right = _margin(axis.t, blade, rng), _margin(axis.t, blade, rng)
    rim_left, rim_right = axis.place(axis.t, left), axis.place(axis.t, -right)
    veins = [Vein(axis.centre[:-2], 1.0)]
    if blade.parallel:
        for share in np.linspace(0.15, 0.9, blade.pairs):
            for sign, width in ((1, left), (-1, right)):
                veins.append(Vein(axis.place(axis.t[4:-4], sign * share * width[4:-4]), 0.22))
    else:
        veins += _side_veins(rng, axis, blade, (left, right))
    return LeafShape(
        blades=(np.concatenate([rim_left, rim_right[::-1]]),),
        halves=(np.concatenate([rim_left, axis.centre[::-1]]),),
        veins=tuple(veins),
        stalks=(),
    )


def _side_veins(rng: Rng, axis: _Axis, blade: Blade, margins: tuple[Points, Points]) -> list[Vein]:
    veins = []
    starts = np.linspace(0.07, 0.86, blade.pairs)
    along = np.linspace(0, 1, 14)
    lean = rng.uniform(0.10, 0.2)
    for sign, margin in ((1, margins[0]), (-1, margins[1])):
        for start in starts + rng.normal(0, 0.012, blade.pairs):
            t = np.clip(start + lean * (0.35 * along + 0.65 * along**2), 0, 0.99)
            end = np.interp(t[-1], axis.t, margin)
            room = np.interp(t, axis.t, margin)
            side = np.minimum(along**0.92 * end * 0.97, room * 0.97)
            veins.append(Vein(axis.place(t, sign * side), 0.38))
    return veins


def _turned(shape: LeafShape, *, angle: float, size: float, at: Points) -> LeafShape:
    c, s = np.cos(angle), np.sin(angle)
    return shape.moved(size * np.array([[c, -s], [s, c]]), at)


def _joined(parts: list[LeafShape], stalks: list[Points], **more: float) -> LeafShape:
    return LeafShape(
        blades=tuple(b for p in parts for b in p.blades),
        halves=tuple(h for p in parts for h in p.halves),
        veins=tuple(v for p in parts for v in p.veins),
        stalks=(*stalks, *(s for p in parts for s in p.stalks)),
        **more,
    )


def _with_stalk(rng: Rng, shape: LeafShape, length: float) -> LeafShape:
    t = np.linspace(0, 1, 12)[:, None]
    end = np.array([-length, rng.uniform(-0.25, 0.25) * length])
    bow = np.array([0.0, rng.uniform(-0.1, 0.1) * length]) * np.sin(np.pi * t)
    return _joined([shape], [end * t + bow])


def coffee(rng: Rng) -> LeafShape:
    """Elliptic, long-pointed, with a wavy margin."""
    blade = Blade(
        width=rng.uniform(0.19, 0.27),
        base=rng.uniform(0.6, 0.85),
        tip=rng.uniform(0.75, 1.15),
        bend=rng.uniform(-0.35, 0.35),
        wave=rng.uniform(0.015, 0.10),
        waves=rng.uniform(5, 9),
        pairs=int(rng.integers(7, 11)),
    )
    return _with_stalk(rng, simple_blade(rng, blade), rng.uniform(0.05, 0.16))


def apple(rng: Rng) -> LeafShape:
    """Ovate with a fine saw-toothed margin."""
    blade = Blade(
        width=rng.uniform(0.27, 0.36),
        base=rng.uniform(0.42, 0.55),
        tip=rng.uniform(0.6, 0.85),
        bend=rng.uniform(-0.3, 0.3),
        wave=0.02,
        teeth=rng.uniform(22, 34),
        depth=rng.uniform(0.05, 0.1),
        pairs=int(rng.integers(6, 10)),
    )
    return _with_stalk(rng, simple_blade(rng, blade), rng.uniform(0.15, 0.35))


def maize(rng: Rng) -> LeafShape:
    """A long strap with parallel veins; often longer than the picture."""
    blade = Blade(
        width=rng.uniform(0.045, 0.085),
        base=rng.uniform(0.12, 0.22),
        tip=rng.uniform(0.3, 0.55),
        bend=rng.uniform(-0.7, 0.7),
        wave=rng.uniform(0.01, 0.08),
        waves=rng.uniform(3, 7),
        pairs=int(rng.integers(4, 7)),
        parallel=True,
    )
    shape = simple_blade(rng, blade)
    return _joined([shape], [], reach=rng.uniform(1.0, 1.5))


def bean(rng: Rng) -> LeafShape:
    """Three broad pointed leaflets on one stalk."""
    parts = []
    stalks = []
    for angle, at in ((0.0, 0.24), (1.25, 0.0), (-1.25, 0.0)):
        blade = Blade(
            width=rng.uniform(0.36, 0.46),
            base=rng.uniform(0.34, 0.45),
            tip=rng.uniform(0.7, 0.95),
            bend=rng.uniform(-0.3, 0.3),
            wave=rng.uniform(0.0, 0.03),
            pairs=int(rng.integers(5, 7)),
        )
        turn = angle + rng.normal(0, 0.13)
        foot = np.array([at, 0.0]) + 0.035 * np.array([np.cos(turn), np.sin(turn)])
        leaflet = simple_blade(rng, blade)
        parts.append(_turned(leaflet, angle=turn, size=rng.uniform(0.58, 0.72), at=foot))
        stalks.append(np.linspace([0.0, 0.0], foot, 6))
    stalks.append(np.linspace([0.0, 0.0], [-rng.uniform(0.15, 0.35), rng.normal(0, 0.03)], 6))
    return _joined(parts, stalks)


def tomato(rng: Rng) -> LeafShape:
    """Lobed leaflets in pairs along a stalk, the largest at the end."""
    parts = []
    pairs = int(rng.integers(2, 4))
    spots = [(1.0, 0.0, rng.uniform(0.46, 0.56))]
    for place in np.linspace(0.32, 0.95, pairs):
        size = rng.uniform(0.36, 0.48) * (0.75 + 0.35 * place)
        spots += [(place + rng.normal(0, 0.02), s, size) for s in (1.15, -1.15)]
    stalks = [np.linspace([-0.22, 0.0], [0.62, 0.0], 30)]
    stalks[0][:, 1] = rng.uniform(-0.08, 0.08) * np.sin(np.linspace(0, 3, 30))
    for place, angle, size in spots:
        blade = Blade(
            width=rng.uniform(0.33, 0.43),
            base=rng.uniform(0.4, 0.55),
            tip=rng.uniform(0.6, 0.85),
            bend=rng.uniform(-0.5, 0.5),
            wave=0.04,
            teeth=rng.uniform(4.2, 6.5),
            depth=rng.uniform(0.28, 0.5),
            pairs=int(rng.integers(4, 6)),
        )
        row = int(np.clip((place * 0.62 + 0.22) / 0.84 * 29, 0, 29))
        turn = angle + rng.normal(0, 0.16)
        foot = stalks[0][row] + 0.05 * np.array([np.cos(turn), np.sin(turn)])
        stalks.append(np.linspace(stalks[0][row], foot, 4))
        parts.append(_turned(simple_blade(rng, blade), angle=turn, size=size, at=foot))
    return _joined(parts, stalks)


def _palmate(
    rng: Rng, lobes: list[tuple[float, float]], *, sharp: float, teeth: float, depth: float
) -> LeafShape:
    """A blade around the stalk's end; ``lobes`` are (angle, radius), the first points to +x."""
    theta = np.linspace(-2.85, 2.85, 420)
    reach = np.zeros_like(theta)
    for angle, radius in lobes:
        away = np.abs(theta - angle)
        reach = np.maximum(reach, radius * np.maximum(0.12, 1 - sharp * away**1.25))
    soft = np.ones(9) / 9
    reach = np.convolve(np.pad(reach, 4, mode="edge"), soft, mode="valid")
    drift = np.cumsum(rng.normal(0, 0.006, len(theta)))
    saw = (teeth * (theta + drift)) % 1.0
    reach *= 1 - depth * np.where(saw < 0.6, saw / 0.6, (1 - saw) / 0.4)
    rim = np.stack([reach * np.cos(theta), reach * np.sin(theta)], axis=1)
    veins = []
    along = np.linspace(0, 1, 14)[:, None]
    for angle, _ in lobes:
        length = 0.97 * np.interp(angle, theta, reach)
        tip = length * np.array([np.cos(angle), np.sin(angle)])
        veins.append(Vein(along * tip, 0.8))
        for start in np.linspace(0.25, 0.8, 5):
            for sign in (-1, 1):
                turn = angle + sign * rng.uniform(0.6, 0.8)
                step = np.array([np.cos(turn), np.sin(turn)]) * length * 0.55 * (1 - start)
                veins.append(Vein(start * tip + along * step, 0.3))
    middle = len(theta) // 2
    half = np.concatenate([rim[middle:], np.zeros((1, 2))])
    return LeafShape((np.concatenate([rim, np.zeros((1, 2))]),), (half,), tuple(veins), ())


def grapevine(rng: Rng) -> LeafShape:
    """Palmate, five pointed lobes, coarse teeth."""
    lobes = [(0.0, 0.72)]
    for angle, radius in ((0.95, 0.62), (1.95, 0.47)):
        for sign in (-1, 1):
            lobes.append((sign * (angle + rng.normal(0, 0.05)), radius * rng.uniform(0.92, 1.08)))
    shape = _palmate(
        rng,
        lobes,
        sharp=rng.uniform(0.6, 1.05),
        teeth=rng.uniform(4.0, 5.5),
        depth=rng.uniform(0.08, 0.15),
    )
    return _with_stalk(rng, shape, rng.uniform(0.2, 0.4))


def cucumber(rng: Rng) -> LeafShape:
    """Heart-shaped with five blunt corners."""
    lobes = [(0.0, 0.66)]
    for angle, radius in ((1.0, 0.57), (2.1, 0.48)):
        for sign in (-1, 1):
            lobes.append((sign * (angle + rng.normal(0, 0.05)), radius * rng.uniform(0.95, 1.05)))
    shape = _palmate(
        rng,
        lobes,
        sharp=rng.uniform(0.25, 0.42),
        teeth=rng.uniform(6, 9),
        depth=rng.uniform(0.02, 0.06),
    )
    return _with_stalk(rng, shape, rng.uniform(0.2, 0.4))


SHAPES: dict[str, Callable[[Rng], LeafShape]] = {
    "coffee": coffee,
    "tomato": tomato,
    "grapevine": grapevine,
    "maize": maize,
    "bean": bean,
    "apple": apple,
    "cucumber": cucumber,
}


def leaf_shape(rng: Rng, crop: str) -> LeafShape:
    """A fresh leaf of ``crop``, a key of ``SHAPES``."""
    return SHAPES[crop](rng)
