"""What lies behind a drawn leaf, and the camera in front of it.

Knows light, paper, soil and lenses; knows no leaf. Pictures are float32 RGB [h, w, 3] in 0–255.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from core.imaging.textures import Field, Rng, blend, clouds, noise, rgb, step

Shape = tuple[int, int]


def _flat(shape: Shape, lab: tuple[float, float, float]) -> Field:
    out = np.empty((*shape, 3), np.float32)
    out[:] = rgb(lab)
    return out


def _paper(rng: Rng, shape: Shape) -> Field:
    """White to grey sheet, a little warm or cold."""
    lightness = rng.uniform(62, 96)
    out = _flat(shape, (lightness, rng.normal(1, 2), rng.normal(2, 4)))
    out += (noise(rng, shape, max(shape) / 2) * rng.uniform(1, 5))[..., None]
    return out


def _soil(rng: Rng, shape: Shape) -> Field:
    """Crumbly brown earth with pebbles."""
    out = _flat(shape, (rng.uniform(22, 42), rng.uniform(3, 10), rng.uniform(8, 22)))
    crumbs = clouds(rng, shape, max(shape) / 12, octaves=5)
    crumbs += 0.5 * noise(rng, shape, 2.2)
    sun = rng.uniform(0, 2 * np.pi)
    slope = np.float32(np.cos(sun)) * cv2.Sobel(crumbs, cv2.CV_32F, 1, 0)
    slope += np.float32(np.sin(sun)) * cv2.Sobel(crumbs, cv2.CV_32F, 0, 1)
    out *= np.clip(1 + 0.14 * crumbs + 0.06 * slope, 0.25, 2.2)[..., None]
    stones = step(noise(rng, shape, max(shape) / 22), 1.9, 2.5)
    blend(out, rgb((rng.uniform(45, 65), 3, 10)), stones * np.float32(0.6))
    return out


def _foliage(rng: Rng, shape: Shape) -> Field:
    """Out-of-focus plants: dark greens, lighter blobs, some sky."""
    out = _flat(shape, (rng.uniform(22, 45), rng.uniform(-24, -10), rng.uniform(14, 30)))
    for lab in (
        (rng.uniform(45, 68), -24.0, 40.0),
        (rng.uniform(10, 25), -10.0, 12.0),
        (rng.uniform(60, 90), rng.uniform(-14, 2), rng.uniform(-5, 25)),
    ):
        blobs = step(noise(rng, shape, max(shape) / rng.uniform(3, 7)), -0.8, 2.4)
        blend(out, rgb(lab), blobs * np.float32(rng.uniform(0.4, 0.8)))
    return out


def _cloth(rng: Rng, shape: Shape) -> Field:
    """Woven cloth, mostly blue, with soft folds."""
    lab = (rng.uniform(28, 60), rng.uniform(-4, 14), rng.uniform(-45, -18))
    if rng.random() < 0.25:
        lab = (rng.uniform(25, 65), rng.uniform(-10, 10), rng.uniform(-8, 10))
    out = _flat(shape, lab)
    pitch = max(3.0, max(shape) / rng.uniform(110, 170))
    ys = np.sin(np.arange(shape[0], dtype=np.float32) * np.float32(2 * np.pi / pitch))
    xs = np.sin(np.arange(shape[1], dtype=np.float32) * np.float32(2 * np.pi / pitch))
    weave = 0.05 * (ys[:, None] + xs[None, :])
    out *= (1 + weave + 0.09 * noise(rng, shape, max(shape) / 3.5))[..., None]
    return out


def _board(rng: Rng, shape: Shape) -> Field:
    """A dark or brown plank with grain."""
    out = _flat(shape, (rng.uniform(12, 62), rng.uniform(0, 12), rng.uniform(0, 26)))
    small = rng.standard_normal((shape[0] // 4 + 2, 5), dtype=np.float32)
    grain = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    out *= (1 + 0.06 * grain)[..., None]
    return out


BACKGROUNDS: dict[str, Callable[[Rng, Shape], Field]] = {
    "paper": _paper,
    "soil": _soil,
    "foliage": _foliage,
    "cloth": _cloth,
    "board": _board,
}
_ODDS = (0.4, 0.15, 0.17, 0.16, 0.12)


def background(rng: Rng, shape: Shape, kind: str | None = None) -> Field:
    """A backdrop [h, w, 3]; ``kind`` is a key of ``BACKGROUNDS`` or None for any."""
    chosen = kind or str(rng.choice(list(BACKGROUNDS), p=_ODDS))
    return BACKGROUNDS[chosen](rng, shape)


def cast_shadow(rng: Rng, picture: Field, alpha: Field) -> None:
    """Darken ``picture`` beside the leaf whose coverage is ``alpha`` (0–1), in place."""
    h, w = alpha.shape
    size = max(h, w)
    small = cv2.resize(alpha, (w // 4 + 1, h // 4 + 1), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(0.8, size / 4 * rng.uniform(0.004, 0.03)))
    dx, dy = rng.normal(0, 0.014, 2) * size
    move = np.array([[4, 0, dx], [0, 4, dy]], np.float32)
    shade = cv2.warpAffine(small, move, (w, h), flags=cv2.INTER_LINEAR)
    picture *= (1 - np.float32(rng.uniform(0.15, 0.6)) * shade)[..., None]


def light(rng: Rng, picture: Field) -> None:
    """Uneven illumination, vignette, exposure and white balance, in place."""
    h, w = picture.shape[:2]
    xs = np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    ys = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
    gx, gy = rng.normal(0, 0.09, 2).astype(np.float32)
    lamp = 1 + gx * xs + gy * ys - np.float32(abs(rng.normal(0, 0.07))) * (xs * xs + ys * ys)
    tint = np.array([rng.normal(1, 0.035), 1, rng.normal(1, 0.045)], np.float32)
    picture *= (lamp * np.float32(rng.uniform(0.82, 1.1)))[..., None] * tint


def camera(rng: Rng, picture: Field) -> NDArray[np.uint8]:
    """Lens softness, sensor noise and JPEG, down to uint8."""
    sigma = max(0.0, rng.normal(0.45, 0.35))
    if sigma > 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    h, w = picture.shape[:2]
    grain = noise(rng, (h, w), rng.uniform(1.0, 1.6)) * np.float32(rng.uniform(0.4, 3.2))
    picture = picture + grain[..., None]
    out: NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))]
        ok, data = cv2.imencode(".jpg", out, quality)
        if ok:
            out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return out
