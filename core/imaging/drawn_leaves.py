"""Leaf photos drawn by code, with exact ground truth.

They feed the sample project and the schooling of the small base model. A drawing is decided
entirely by the generator handed in: the same generator state gives the same pixels.

Knows how to put outline, veins, lesions, backdrop and camera together; the parts live in
`leaf_shapes`, `lesion_styles`, `lesion_fields` and `leaf_backgrounds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.imaging.leaf_backgrounds import BACKGROUNDS, background, camera, cast_shadow, light
from core.imaging.leaf_shapes import SHAPES, LeafShape, Points, leaf_shape
from core.imaging.lesion_fields import Ground, grow, paint
from core.imaging.lesion_styles import DISEASES, LesionStyle, random_style
from core.imaging.textures import Field, Rng, blend, clouds, noise, rgb, step

__all__ = [
    "BACKGROUNDS",
    "CROPS",
    "DISEASES",
    "DrawnLeaf",
    "LesionStyle",
    "draw_leaf",
    "random_style",
]

CROPS: tuple[str, ...] = tuple(SHAPES)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLeaf:
    """A picture and its truth. ``rgb`` is [h, w, 3] uint8, masks are [h, w] bool.

    ``leaf`` is the whole leaf, stalk and lesions included; ``lesions`` maps each disease to its
    pixels, which lie on the leaf and do not overlap. ``diseases`` are those with any pixel.
    """

    rgb: NDArray[np.uint8]
    leaf: NDArray[np.bool_]
    lesions: dict[str, NDArray[np.bool_]]
    crop: str
    diseases: tuple[str, ...]


def draw_leaf(
    rng: Rng,
    *,
    crop: str | None = None,
    styles: Mapping[str, LesionStyle] | None = None,
    size: tuple[int, int] = (512, 512),
    severity: float | None = None,
    background: str | None = None,
) -> DrawnLeaf:
    """One leaf of ``crop`` (any of ``CROPS`` if None) with the lesions of every style given.

    ``size`` is (width, height) in pixels; ``severity`` the share of the leaf that the lesions of
    each disease should cover in % (approximately; None: whatever the style brings);
    ``background`` a key of ``BACKGROUNDS``. Raises KeyError for unknown names.
    """
    crop = crop or str(rng.choice(CROPS))
    shape = _fit(rng, leaf_shape(rng, crop), size)
    canvas = _Canvas(shape, size)
    picture = _backdrop(rng, canvas, background)
    leaf_rgb, ground = _blade(rng, canvas, shape)
    lesions: dict[str, NDArray[np.bool_]] = {}
    taken = np.zeros(ground.leaf.shape, bool)
    for name, style in (styles or {}).items():
        field = grow(rng, ground, style, severity=severity)
        paint(rng, leaf_rgb, ground, style, field)
        for earlier in lesions.values():
            earlier &= ~field.mask
        lesions[name] = field.mask
        taken |= field.mask
    _finish(rng, leaf_rgb, canvas, ground, taken)
    blend(picture[canvas.window], leaf_rgb, canvas.alpha)
    light(rng, picture)
    whole = {name: canvas.whole(mask & canvas.leaf) for name, mask in lesions.items()}
    return DrawnLeaf(
        rgb=camera(rng, picture),
        leaf=canvas.whole(canvas.leaf),
        lesions=whole,
        crop=crop,
        diseases=tuple(name for name, mask in whole.items() if mask.any()),
    )


def _fit(rng: Rng, shape: LeafShape, size: tuple[int, int]) -> LeafShape:
    """Turn, scale and shift the leaf into a picture of ``size``; lengths become pixels."""
    angle = rng.normal(0, 0.25) if rng.random() < 0.6 else rng.uniform(-np.pi, np.pi)
    if size[1] > size[0]:
        angle += np.pi / 2
    angle += np.pi * rng.integers(0, 2)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]]) * np.array([1.0, rng.choice([-1.0, 1.0])])
    points = np.concatenate([*shape.blades, *shape.stalks]) @ turn.T
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array(size) / (high - low)
    scale = room.min() * shape.reach * rng.uniform(0.8, 1.08)
    slack = (np.array(size) - scale * (high - low)) / 2
    offset = np.array(size) / 2 - scale * (low + high) / 2
    return shape.moved(turn * scale, offset + slack * rng.uniform(-0.8, 0.8, 2))


def _fixed(points: Points) -> NDArray[np.int32]:
    """Points for cv2 with four binary places."""
    return np.round(points * 16).astype(np.int32)


def _share(cover: NDArray[np.uint8]) -> Field:
    """0–255 to 0–1."""
    return cover.astype(np.float32) * np.float32(1 / 255)


class _Canvas:
    """Coverage of the leaf, and the window of the picture that holds it."""

    def __init__(self, shape: LeafShape, size: tuple[int, int]) -> None:
        self.size = size
        self.length = float(np.ptp(np.concatenate(shape.blades), axis=0).max())
        cover = np.zeros((size[1], size[0]), np.uint8)
        thick = max(2, round(shape.stalk_width * self.length))
        for stalk in shape.stalks:
            cv2.polylines(cover, [_fixed(stalk)], False, 255, thick, cv2.LINE_AA, 4)
        stalks = cover.copy()
        for blade in shape.blades:
            cv2.fillPoly(cover, [_fixed(blade)], 255, cv2.LINE_AA, 4)
        x, y, w, h = cv2.boundingRect(cover)
        x0, y0 = max(0, x - 4), max(0, y - 4)
        x1, y1 = min(size[0], x + w + 4), min(size[1], y + h + 4)
        self.origin = np.array([x0, y0], float)
        self.window = (slice(y0, y1), slice(x0, x1))
        self.cover = cover
        self.alpha: Field = _share(cover[self.window])
        self.stalk: Field = _share(stalks[self.window])

    @property
    def leaf(self) -> NDArray[np.bool_]:
        return np.asarray(self.alpha > 0.5)

    def whole(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        out = np.zeros((self.size[1], self.size[0]), bool)
        out[self.window] = mask
        return out


def _backdrop(rng: Rng, canvas: _Canvas, kind: str | None) -> Field:
    picture = background(rng, (canvas.size[1], canvas.size[0]), kind)
    if rng.random() < 0.85:
        cast_shadow(rng, picture, _share(canvas.cover))
    return picture


def _vein_map(canvas: _Canvas, shape: LeafShape, least: float) -> NDArray[np.uint8]:
    """Veins of at least the relative width ``least``, antialiased."""
    out = np.zeros(canvas.alpha.shape, np.uint8)
    for vein in shape.veins:
        if vein.width >= least:
            extent = np.ptp(vein.points, axis=0).max()
            thick = vein.width * min(0.011 * canvas.length, 0.03 * extent + 1)
            line = _fixed(vein.points - canvas.origin)
            tone = int(np.clip(255 * min(1.0, thick), 60, 255))
            cv2.polylines(out, [line], False, tone, max(1, round(thick)), cv2.LINE_AA, 4)
    return out


def _blade(rng: Rng, canvas: _Canvas, shape: LeafShape) -> tuple[Field, Ground]:
    """The healthy leaf [h, w, 3] in its window and the ground for lesions."""
    veins = _vein_map(canvas, shape, 0.0)
    leaf = canvas.leaf
    size = float(max(4.0, np.count_nonzero(leaf) ** 0.5))
    edge = cv2.distanceTransform(leaf.astype(np.uint8), cv2.DIST_L2, 3)
    far = cv2.distanceTransform((veins < 90).astype(np.uint8), cv2.DIST_L2, 3)
    soft = cv2.GaussianBlur(far, (0, 0), max(1.0, 0.012 * size))
    gx, gy = (cv2.Sobel(soft, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    body = leaf & (canvas.stalk < 0.5)
    ground = Ground(body, edge, far, np.arctan2(gy, gx) + np.float32(np.pi / 2), size)
    picture = _colours(rng, canvas, ground, veins)
    bulge = 1 - np.exp(-soft / np.float32(0.035 * size))
    bulge += 0.10 * clouds(rng, leaf.shape, 0.12 * size, octaves=2)
    slope = [cv2.Sobel(bulge, cv2.CV_32F, dx, 1 - dx, ksize=3) for dx in (1, 0)]
    sun = rng.uniform(0, 2 * np.pi)
    lit = slope[0] * np.float32(np.cos(sun)) + slope[1] * np.float32(np.sin(sun))
    lit *= np.float32(rng.uniform(0.15, 0.65) * size / 110)
    lit = np.clip(lit, -0.2, 0.2) + _fold(rng, canvas, shape)
    picture *= (1 + lit)[..., None]
    return picture, ground


def _fold(rng: Rng, canvas: _Canvas, shape: LeafShape) -> Field:
    """The two halves of a blade face the light differently."""
    half = np.zeros(canvas.alpha.shape, np.uint8)
    for outline in shape.halves:
        cv2.fillPoly(half, [_fixed(outline - canvas.origin)], 255, cv2.LINE_AA, 4)
    fold = cv2.GaussianBlur(half, (0, 0), max(0.6, 0.006 * canvas.length))
    return _share(fold) * np.float32(rng.normal(0, 0.07))


def _colours(rng: Rng, canvas: _Canvas, ground: Ground, veins: NDArray[np.uint8]) -> Field:
    """Green with mottling, paler veins and sometimes chlorosis; never a lesion."""
    shape = ground.leaf.shape
    age = rng.uniform(0, 1)
    lab = np.array([52 - 18 * age, -26 + 9 * age, 43 - 18 * age]) + rng.normal(0, [4, 3, 4])
    green = (float(lab[0]), float(min(lab[1], -9)), float(lab[2]))
    picture = np.empty((*shape, 3), np.float32)
    picture[:] = rgb(green)
    mottle = clouds(rng, shape, 0.3 * ground.size, octaves=4)
    other = (green[0] + rng.uniform(-9, 9), green[1] + rng.uniform(-3, 5), green[2] + 8)
    blend(picture, rgb(other), step(mottle, -1.0, 1.8) * np.float32(rng.uniform(0.2, 0.9)))
    if rng.random() < 0.22:
        pale = (rng.uniform(58, 74), rng.uniform(-20, -8), rng.uniform(42, 58))
        between = 1 - np.exp(-ground.vein / np.float32(0.03 * ground.size))
        between *= step(clouds(rng, shape, 0.5 * ground.size, octaves=2), -0.6, 1.6)
        blend(picture, rgb(pale), between * np.float32(rng.uniform(0.2, 0.7)))
    net = noise(rng, shape, max(2.0, 0.018 * ground.size))
    net = np.exp(-((net / 0.22) ** 2)) * np.float32(rng.uniform(0.0, 0.16))
    pale = (green[0] + rng.uniform(8, 22), green[1] + rng.uniform(0, 6), green[2] + 6)
    width = max(0.5, 0.0022 * ground.size)
    lines = _share(cv2.GaussianBlur(veins, (0, 0), width))
    lines = np.maximum(lines * np.float32(rng.uniform(0.35, 0.95)), net)
    blend(picture, rgb(pale), np.maximum(lines, 0.8 * canvas.stalk))
    rim = step(ground.edge, 0.018 * ground.size, 0)
    picture *= (1 - np.float32(rng.uniform(-0.08, 0.2)) * rim)[..., None]
    return picture


def _finish(
    rng: Rng, picture: Field, canvas: _Canvas, ground: Ground, taken: NDArray[np.bool_]
) -> None:
    """Gloss, dust and insect holes: things on a leaf that are not lesions."""
    shape = ground.leaf.shape
    if rng.random() < 0.45:
        gloss = clouds(rng, shape, 0.2 * ground.size, octaves=2)
        gloss *= 1 - 0.8 * np.exp(-ground.vein / np.float32(0.02 * ground.size))
        alpha = step(gloss, 0.9, 2.6) * np.float32(rng.uniform(0.1, 0.5))
        blend(picture, np.full(3, 245, np.float32), alpha * (1 - 0.6 * taken))
    places = np.argwhere(ground.leaf & ~taken)
    if not len(places):
        return
    dust = np.zeros(shape, np.uint8)
    for y, x in places[rng.integers(0, len(places), rng.poisson(3) * (rng.random() < 0.5))]:
        cv2.circle(dust, (int(x), int(y)), int(rng.integers(0, 2)), 255, -1, cv2.LINE_AA)
    if dust.any():
        grime = (rng.uniform(15, 80), rng.uniform(0, 8), rng.uniform(4, 20))
        blend(picture, rgb(grime), dust.astype(np.float32) * np.float32(0.6 / 255))
    if rng.random() < 0.15:
        _holes(rng, canvas, ground, places)


def _holes(rng: Rng, canvas: _Canvas, ground: Ground, places: NDArray[np.intp]) -> None:
    """Cut insect bites out of the coverage, so that the backdrop shows through."""
    bites = np.zeros(ground.leaf.shape, np.uint8)
    for y, x in places[rng.integers(0, len(places), rng.integers(1, 4))]:
        radius = ground.size * rng.uniform(0.01, 0.035)
        axes = (max(1, int(radius)), max(1, int(radius * rng.uniform(0.5, 1))))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(bites, (int(x), int(y)), axes, turn, 0, 360, 255, -1, cv2.LINE_AA)
    canvas.alpha *= 1 - _share(bites)
