"""How a photo of one visit differs from itself: other light, and some of its features unseen.

A model that sees a thousand leaves a dozen times learns them by heart; one that never sees the same
leaf twice has to learn the disease. What is drawn belongs to the visit and to nothing else, so that
a step that is cut into parts, or shared between processes, is the same step. Knows arrays; knows no
model.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GAMMA = 0.25
"""The widest exponent of light at strength 1, as a natural logarithm, either way."""
GAIN, TINT = 0.15, 0.05
"""The same of brightness, and the standard deviation of each channel's own gain."""


@dataclass(frozen=True, slots=True)
class Noise:
    """None of it by default. ``gains`` are of red, green and blue; ``unseen`` is the share of
    features that are hidden, ``seed`` says which."""

    gamma: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    unseen: float = 0.0
    seed: int = 0

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, jitter: float, unseen: float) -> Noise:
        """``jitter`` scales how far light and colour go, 0 leaves them as they are."""
        gamma, gain = np.exp(jitter * rng.uniform(-1, 1, 2) * (GAMMA, GAIN))
        red, green, blue = gain * np.exp(jitter * TINT * rng.standard_normal(3))
        seed = int(rng.integers(2**32))
        return cls(float(gamma), (float(red), float(green), float(blue)), unseen, seed)

    def light(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """[h, w, 3] uint8 RGB under this light; the photo itself where it is left as it is."""
        if self.gamma == 1.0 and self.gains == (1.0, 1.0, 1.0):
            return photo
        curve = (np.arange(256) / 255) ** self.gamma
        table = np.rint(curve[:, None] * np.array(self.gains) * 255).clip(0, 255)
        return np.asarray(cv2.LUT(photo, table.astype(np.uint8)[None]), np.uint8)

    def seen(self, features: int, kind: int) -> NDArray[np.float32]:
        """[features] factors: 0 of what is hidden; the rest so that the mean stays as it was.

        ``kind`` tells apart what is hidden of the tower's features and of what a mask found.
        """
        if not self.unseen:
            return np.ones(features, np.float32)
        kept = np.random.default_rng((self.seed, kind)).random(features) >= self.unseen
        return kept.astype(np.float32) / np.float32(1 - self.unseen)


AS_IT_IS = Noise()
