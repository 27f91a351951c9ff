"""How the photo is shown: brighter, with more contrast, or one channel of it alone.

Applied to the pixels that are being painted and to nothing else: neither the photo nor what an
assistant sees of it changes. Every pixel is looked up by itself, so that a strip painted after a
scroll equals the same strip of a full repaint. Knows colours and pyramids; knows no widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.language import tr
from gui.canvas.pyramid import PhotoPyramid

LIMIT = 100
OUTLIERS = (1, 99)
"""Percentiles that become black and white in the stretched view: a glint does not count."""
A_GAIN = 3
"""Leaves keep to the middle of Lab's a*: spread three times, brown lesions stand off from green."""


class Channel(StrEnum):
    """What of the photo is shown, by its wording on the menu."""

    COLOUR = tr("All colours")
    STRETCHED = tr("Colours stretched to the full range")
    RED = tr("Red alone")
    GREEN = tr("Green alone")
    BLUE = tr("Blue alone")
    HUE = tr("Hue")
    SATURATION = tr("Saturation")
    LAB_A = tr("Green to red (Lab a*)")


CHANNELS = tuple(Channel)
PLANES = {Channel.BLUE: 0, Channel.GREEN: 1, Channel.RED: 2}


@dataclass(frozen=True, slots=True)
class Look:
    """``brightness``, ``contrast`` and ``gamma`` from −100 to 100; 0 leaves the photo as it is.

    ``gamma`` above 0 lightens the dark parts and leaves black and white where they are.
    """

    brightness: int = 0
    contrast: int = 0
    gamma: int = 0
    channel: Channel = Channel.COLOUR

    def tones(self) -> NDArray[np.uint8]:
        """What each of the 256 tones becomes, [256] uint8."""
        tone = (np.arange(256) / 255) ** (3 ** (-self.gamma / LIMIT))
        tone = (tone - 0.5) * 4 ** (self.contrast / LIMIT) + 0.5 + self.brightness / (2 * LIMIT)
        tones: NDArray[np.uint8] = np.rint(np.clip(tone, 0, 1) * 255).astype(np.uint8)
        return tones


PLAIN = Look()


class Lens:
    """Applies one look. Tables are made once for a look, and once a photo where they depend on
    the photo.
    """

    def __init__(self) -> None:
        self.look = PLAIN
        self._made: tuple[Look, PhotoPyramid] | None = None
        self._table: NDArray[np.uint8] | NDArray[np.uint32] = PLAIN.tones()

    def show(self, pyramid: PhotoPyramid, pixels: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """``pixels`` ([h, w] of 0xffRRGGBB, a part of ``pyramid``) as they are to be seen."""
        if self.look == PLAIN:
            return pixels
        if self._made is None or self._made[0] != self.look or self._made[1] is not pyramid:
            self._made = (self.look, pyramid)
            self._table = _table(self.look, pyramid)
        return _looked_up(self.look.channel, np.ascontiguousarray(pixels), self._table)


def _table(look: Look, pyramid: PhotoPyramid) -> NDArray[np.uint8] | NDArray[np.uint32]:
    """[256] uint32 colours of a channel's values, or [1, 256, 4] uint8 tones of B, G, R, alpha."""
    tones = look.tones()
    same = np.arange(256, dtype=np.uint8)
    match look.channel:
        case Channel.COLOUR:
            return np.stack([tones, tones, tones, same], axis=-1)[None]
        case Channel.STRETCHED:
            return np.stack([*(tones[s] for s in _stretches(pyramid)), same], axis=-1)[None]
        case Channel.HUE:
            return _rainbow(tones)
        case Channel.LAB_A:
            spread = np.clip((same.astype(np.int16) - 128) * A_GAIN + 128, 0, 255)
            return _greys(tones[spread])
    return _greys(tones)


def _looked_up(
    channel: Channel, pixels: NDArray[np.uint32], table: NDArray[np.uint8] | NDArray[np.uint32]
) -> NDArray[np.uint32]:
    import cv2

    parts = pixels.view(np.uint8).reshape(*pixels.shape, 4)
    if channel in (Channel.COLOUR, Channel.STRETCHED):
        return cv2.LUT(parts, table).view(np.uint32)[..., 0]  # type: ignore[no-any-return]
    if channel in PLANES:
        values = parts[..., PLANES[channel]]
    else:
        code = cv2.COLOR_BGR2Lab if channel is Channel.LAB_A else cv2.COLOR_BGR2HSV_FULL
        bgr = cv2.cvtColor(parts, cv2.COLOR_BGRA2BGR)
        values = cv2.cvtColor(bgr, code)[..., 0 if channel is Channel.HUE else 1]
    shown: NDArray[np.uint32] = table[values]  # type: ignore[assignment]
    return shown


def _stretches(pyramid: PhotoPyramid) -> list[NDArray[np.intp]]:
    """For B, G and R: the tone that each of the 256 becomes when the photo fills the range."""
    smallest = np.ascontiguousarray(pyramid.levels[-1])
    planes = smallest.view(np.uint8).reshape(-1, 4)
    found = []
    for plane in range(3):
        low, high = np.percentile(planes[:, plane], OUTLIERS)
        share = (np.arange(256) - low) / max(1.0, high - low)
        found.append(np.rint(np.clip(share, 0, 1) * 255).astype(np.intp))
    return found


def _greys(tones: NDArray[np.uint8]) -> NDArray[np.uint32]:
    return _packed(tones, tones, tones)


def _rainbow(tones: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The pure colour of each hue, as bright as ``tones`` make of three quarters of white."""
    import cv2

    hues = np.zeros((1, 256, 3), np.uint8)
    hues[0, :, 0] = np.arange(256)
    hues[0, :, 1:] = (200, tones[224])
    blue, green, red = np.moveaxis(cv2.cvtColor(hues, cv2.COLOR_HSV2BGR_FULL)[0], -1, 0)
    return _packed(red, green, blue)


def _packed(
    red: NDArray[np.uint8], green: NDArray[np.uint8], blue: NDArray[np.uint8]
) -> NDArray[np.uint32]:
    """0xffRRGGBB."""
    opaque = np.full_like(red, 255)
    parts = np.stack([blue, green, red, opaque], axis=-1)
    packed: NDArray[np.uint32] = np.ascontiguousarray(parts).view(np.uint32)[..., 0]
    return packed
