"""Puts the lesions of one style on a drawn leaf: where they are and what colour they have.

Every lesion lowers one field D, its distance from the centre in radii; where D < 1 is the lesion
and the ground truth, and everything painted is a function of D. Knows styles and fields; knows no
leaf outline beyond the few maps in ``Ground``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.imaging.lesion_styles import LesionStyle
from core.imaging.textures import Field, Rng, blend, clouds, noise, rgb, step

FAR = 9.0
"""D where no lesion is near."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The leaf a lesion grows on; all maps are [h, w].

    ``edge`` is the distance to the leaf's outside and ``vein`` to the nearest large vein, in
    pixels; ``along`` is the direction of the veins in radians; ``size`` the square root of the
    leaf's area in pixels.
    """

    leaf: NDArray[np.bool_]
    edge: Field
    vein: Field
    along: Field
    size: float


@dataclass(frozen=True, slots=True, eq=False)
class LesionField:
    """``distance`` is D; ``shade`` a random lightness per lesion, -1…1."""

    distance: Field
    shade: Field

    @property
    def mask(self) -> NDArray[np.bool_]:
        return self.distance < 1


class _Place(NamedTuple):
    """Where one lesion goes: centre and radius in pixels, direction in radians."""

    x: float
    y: float
    radius: float
    turn: float


def grow(
    rng: Rng, ground: Ground, style: LesionStyle, *, severity: float | None = None
) -> LesionField:
    """Scatter lesions; with ``severity`` (0–100) they cover about that share of the leaf in %."""
    shape = ground.leaf.shape
    distance = np.full(shape, FAR, np.float32)
    field = LesionField(distance, np.zeros(shape, np.float32))
    rough = noise(rng, shape, max(2.0, 0.8 * style.radius * ground.size))
    rough += 0.35 * noise(rng, shape, max(2.0, 0.3 * style.radius * ground.size))
    if style.burn:
        _burn(rng, ground, style, field, rough)
    _scatter(rng, ground, style, field, rough, severity)
    if style.vein < 0:
        ridge = np.exp(-((ground.vein / (0.006 * ground.size + 1)) ** 2))
        distance += np.float32(-0.9 * style.vein) * ridge
    if severity is not None:
        _settle(distance, ground.leaf, severity)
    distance[~ground.leaf] = FAR
    return field


def _settle(distance: Field, leaf: NDArray[np.bool_], severity: float) -> None:
    """Scale D so that ``severity`` % of the leaf lies below 1, within what still looks right."""
    here = distance[leaf]
    if here.size and severity > 0:
        k = min(here.size - 1, int(severity / 100 * here.size))
        distance *= np.float32(1 / np.clip(np.partition(here, k)[k], 0.5, 2.2))


def _scatter(
    rng: Rng,
    ground: Ground,
    style: LesionStyle,
    field: LesionField,
    rough: Field,
    severity: float | None,
) -> None:
    wanted = int(rng.integers(style.count[0], style.count[1] + 1))
    target = np.inf if severity is None else severity / 100 * ground.size**2
    covered = 0.0
    for y, x in _seeds(rng, ground, style, wanted if severity is None else 150):
        if covered >= target:
            break
        radius = style.radius * np.exp(np.clip(rng.normal(0, style.spread), -1.5, 1.2))
        pixels = max(1.3, float(radius * ground.size))
        if np.isfinite(target):
            pixels = min(pixels, max(1.3, (max(target - covered, 4.0) / np.pi) ** 0.5))
        turn = ground.along[y, x] if style.vein > 0 else rng.uniform(0, np.pi)
        if rng.random() < style.tunnels:
            covered += _tunnel(rng, field, ground, (x, y), 0.35 * pixels)
        else:
            _spot(rng, field, rough, style, _Place(x, y, pixels, float(turn)))
            covered += np.pi * pixels**2


def _seeds(rng: Rng, ground: Ground, style: LesionStyle, count: int) -> NDArray[np.intp]:
    """Pixels (y, x) where lesions start."""
    inside = np.flatnonzero(ground.leaf)
    if not inside.size:
        return np.zeros((0, 2), np.intp)
    flat = rng.choice(inside, max(4 * count, 200))
    weight = np.ones(len(flat))
    if style.margin:
        nearness = np.exp(-ground.edge.ravel()[flat] / (0.06 * ground.size))
        weight = (1 - style.margin) * weight + 4 * style.margin * nearness
    if style.vein > 0:
        weight = weight * (0.05 + np.exp(-ground.vein.ravel()[flat] / (0.02 * ground.size)))
    points = np.stack(np.divmod(flat, ground.leaf.shape[1]), axis=1)
    if style.clustering and rng.random() < 0.9:
        hubs = points[rng.integers(0, len(points), rng.integers(1, 5))]
        gap = np.linalg.norm(points[:, None] - hubs[None], axis=2).min(axis=1)
        weight = weight * (np.exp(-gap / (0.16 * ground.size)) + 1.2 * (1 - style.clustering))
    weight += 1e-9
    picked = rng.choice(len(points), count, p=weight / weight.sum())
    return np.asarray(points[picked], np.intp)


def _window(
    field: LesionField, centre: tuple[float, float], reach: float
) -> tuple[tuple[slice, slice], Field, Field] | None:
    """The slices around ``centre`` and the offsets (x, y) of their pixels from it."""
    h, w = field.distance.shape
    x0, x1 = max(0, int(centre[0] - reach)), min(w, int(centre[0] + reach) + 2)
    y0, y1 = max(0, int(centre[1] - reach)), min(h, int(centre[1] + reach) + 2)
    if x0 >= x1 or y0 >= y1:
        return None
    xs = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(centre[0])
    ys = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(centre[1])
    return (slice(y0, y1), slice(x0, x1)), xs, ys


def _spot(
    rng: Rng,
    field: LesionField,
    rough: Field,
    style: LesionStyle,
    place: _Place,
) -> None:
    radius = place.radius
    stretch = 1 + (style.elongation - 1) * rng.uniform(0.5, 1.2)
    found = _window(field, (place.x, place.y), radius * stretch**0.5 * (2.0 + style.halo_width))
    if found is None:
        return
    window, xs, ys = found
    c, s = (np.float32(f(place.turn) / radius) for f in (np.cos, np.sin))
    u = (xs * c + ys * s) * np.float32(stretch**-0.5)
    v = (ys * c - xs * s) * np.float32(stretch**0.5)
    d = np.sqrt(u * u + v * v)
    if style.angularity:
        gauge = np.zeros_like(d)
        for angle in np.cumsum(rng.uniform(0.7, 1.7, 5)):
            reach = np.float32(rng.uniform(0.85, 1.3))
            side = u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle))
            np.maximum(gauge, side * reach, out=gauge)
        d += np.float32(style.angularity) * (gauge - d)
    d += np.float32(0.45 * style.roughness) * rough[window] * np.minimum(d + 0.3, 1.4)
    _lower(field, window, np.maximum(d, 0), float(rng.uniform(-1, 1)))


def _lower(field: LesionField, window: tuple[slice, slice], d: Field, shade: float) -> None:
    here = field.distance[window]
    nearer = d < here
    field.shade[window][nearer] = shade
    np.minimum(here, d, out=here)


def _tunnel(
    rng: Rng, field: LesionField, ground: Ground, start: tuple[float, float], radius: float
) -> float:
    """A winding mine that widens as the larva grows; returns the area it covers in pixels."""
    radius = max(1.2, radius)
    steps = int(rng.integers(16, 44))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.38, steps))
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), 0) * radius * 0.75
    shade = float(rng.uniform(-1, 1))
    for k, (dx, dy) in enumerate(path):
        x, y = start[0] + dx, start[1] + dy
        inside = 0 <= y < ground.leaf.shape[0] and 0 <= x < ground.leaf.shape[1]
        if not inside or not ground.leaf[int(y), int(x)]:
            break
        r = np.float32(radius * (0.45 + 0.75 * k / steps))
        found = _window(field, (x, y), float(r) * 2)
        if found:
            window, xs, ys = found
            _lower(field, window, (np.sqrt(xs * xs + ys * ys) / r).astype(np.float32), shade)
    return float(len(path) * 1.6 * radius**2)


def _burn(rng: Rng, ground: Ground, style: LesionStyle, field: LesionField, rough: Field) -> None:
    """Tissue dying from the margin inwards along ``style.burn`` of the edge."""
    shape = ground.leaf.shape
    depth = 0.10 * ground.size * (0.4 + style.burn)
    here = noise(rng, shape, 0.45 * ground.size)
    cut = np.quantile(here[ground.leaf], 1 - style.burn) if ground.leaf.any() else FAR
    eaten = 0.9 * np.tanh(1.6 * (here - cut)) + np.float32(0.2 + 0.3 * style.roughness) * rough
    d = 1 + ground.edge / np.float32(depth) - 1.2 * np.maximum(eaten, -0.4)
    np.minimum(field.distance, np.maximum(d, 0), out=field.distance)


def paint(rng: Rng, picture: Field, ground: Ground, style: LesionStyle, field: LesionField) -> None:
    """Colour ``picture`` [h, w, 3] where the field says so, in place."""
    reach = 1 + style.halo_width + style.softness
    near = cv2.boundingRect((field.distance < reach).astype(np.uint8))
    if not near[2]:
        return
    window = (slice(near[1], near[1] + near[3]), slice(near[0], near[0] + near[2]))
    d, shade = field.distance[window], field.shade[window]
    target, inside = picture[window], ground.leaf[window].astype(np.float32)
    if style.halo_width and style.halo_strength:
        glow = step(d, 1 + style.halo_width, 0.9) * np.float32(style.halo_strength)
        blend(target, rgb(style.halo), glow * inside)
    alpha = step(d, 1 + style.softness, 1 - style.softness) * np.float32(style.opacity)
    if style.powder:
        flour = clouds(rng, d.shape, max(4.0, 0.05 * ground.size))
        alpha *= 1 - np.float32(0.75 * style.powder) * step(flour + 1.2 * d, 0.2, 1.9)
    blend(target, _tissue(rng, style, ground, d, shade), alpha * inside)
    if style.relief:
        _raise(target, d, alpha * inside, style.relief)


def _tissue(rng: Rng, style: LesionStyle, ground: Ground, d: Field, shade: Field) -> Field:
    """The colour of dead tissue at every pixel, [h, w, 3]."""
    share = style.core_share
    grain = noise(rng, d.shape, max(1.5, 0.006 * ground.size))
    inner = step(d + 0.1 * grain, share + 0.14, share - 0.14)
    colour = np.empty((*d.shape, 3), np.float32)
    colour[:] = rgb(style.rim)
    blend(colour, rgb(style.core), inner)
    patches = noise(rng, d.shape, 0.05 * ground.size)
    light = 1 + 0.09 * shade + 0.05 * grain + 0.08 * patches
    if style.rings:
        light += np.float32(0.5 * style.ring_strength) * np.cos(
            np.float32(2 * np.pi * style.rings) * np.minimum(d, 1)
        )
    if style.specks:
        dots = noise(rng, d.shape, max(1.2, 0.008 * ground.size))
        light -= np.float32(0.55) * step(dots, 2.2 - 1.1 * style.specks, 2.7) * inner
    colour *= np.maximum(light, 0.1)[..., None]
    return colour


def _raise(picture: Field, d: Field, alpha: Field, strength: float) -> None:
    """Light one flank of every pustule and darken the other."""
    height = cv2.GaussianBlur(np.minimum(d, 1.3), (0, 0), 0.8)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)
    picture *= (1 + np.float32(0.35 * strength) * np.clip(slope, -0.6, 0.6) * alpha)[..., None]
