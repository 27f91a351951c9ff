"""Truth, prediction and their difference as pixels over a photo.

Masks and probabilities may have any resolution over the photo; they are compared at the screen's,
so that moving the threshold costs one repaint. Knows arrays and colours; knows no run and no score.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter

from core.language import tr
from gui.canvas.camera import Camera
from gui.canvas.class_pyramid import ClassPyramid
from gui.canvas.mask_layer import edges, premultiplied
from gui.canvas.sampling import Window, sample_field, to_image
from gui.canvas.transform import Transform

TRUTH, PREDICTION = "#f0e442", "#56b4e9"
AGREED, MISSED, EXTRA = "#ffffff", "#d55e00", "#56b4e9"
# Okabe & Ito (2008): vermilion, sky blue and white stay apart for every common colour vision.
FILL = 0.45
FIRM = 0.75


class Role(Enum):
    """What a pane shows."""

    TRUTH = tr("Truth")
    PREDICTION = tr("Prediction")
    DIFFERENCE = tr("Difference")


@dataclass
class Compared:
    """What three panes share. ``threshold`` 0–255 turns ``probability`` into the prediction.

    All are read the same way: a difference on the screen is one between pixels of the photo.
    """

    truth: ClassPyramid | None = None
    prediction: ClassPyramid | None = None
    probability: ClassPyramid | None = None
    threshold: int = 128

    def true_in(self, window: Window) -> NDArray[np.bool_] | None:
        """The truth at the screen's resolution; None where there is none."""
        return None if self.truth is None else _sampled(self.truth, window)

    def predicted_in(self, window: Window) -> NDArray[np.bool_] | None:
        """The prediction at the screen's resolution; the probability goes before the mask."""
        if self.probability is not None:
            return _sampled(self.probability, window, max(1, self.threshold))
        return None if self.prediction is None else _sampled(self.prediction, window)


def _sampled(classes: ClassPyramid, window: Window, least: int = 128) -> NDArray[np.bool_]:
    """Where a device pixel covers a photo pixel of at least ``least``."""
    height, width = classes.base.shape
    if (width, height) == window.size:
        return classes.sample(window) >= least
    return sample_field(classes.base, window) >= least


def as_classes(mask: NDArray[np.bool_] | None) -> ClassPyramid | None:
    """A bool mask of any resolution, ready to be sampled."""
    return None if mask is None else ClassPyramid(mask.astype(np.uint8) * np.uint8(255))


class DifferenceLayer:
    """A `Layer` that shows one role of ``compared`` to who looks through ``camera``."""

    def __init__(self, compared: Compared, role: Role, camera: Camera) -> None:
        self._compared = compared
        self._role = role
        self._camera = camera

    @property
    def _rim(self) -> int:
        """Device pixels that an outline is thick, always inside the mask."""
        return 2 * self._camera.line

    def render(self, window: Window) -> list[QImage]:
        grown = window.grown(self._rim)
        truth = predicted = None
        if self._role is not Role.PREDICTION:
            truth = self._compared.true_in(grown)
        if self._role is not Role.TRUTH:
            predicted = self._compared.predicted_in(grown)
        if self._role is Role.DIFFERENCE:
            return [] if truth is None or predicted is None else [self._differ(truth, predicted)]
        flags = truth if self._role is Role.TRUTH else predicted
        colour = TRUTH if self._role is Role.TRUTH else PREDICTION
        return [] if flags is None else [self._plain(flags, colour)]

    def paint(self, painter: QPainter, transform: Transform, ratio: float) -> None:
        pass

    def fixed_rects(self, transform: Transform, ratio: float) -> list[QRect]:
        return []

    def _plain(self, flags: NDArray[np.bool_], colour: str) -> QImage:
        numbers = flags.astype(np.uint8)
        numbers[edges(numbers, self._rim)] = 2
        lut = [0, premultiplied(colour, FILL * 0.7), premultiplied(colour, 1.0)]
        return self._image(numbers, lut)

    def _differ(self, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> QImage:
        """Agreed: white veil. Missed and extra: firm colours, so that small errors show."""
        numbers = truth.view(np.uint8) + np.uint8(2) * predicted.view(np.uint8)
        lut = [
            0,
            premultiplied(MISSED, FIRM),
            premultiplied(EXTRA, FIRM),
            premultiplied(AGREED, FILL),
        ]
        return self._image(numbers, lut)

    def _image(self, numbers: NDArray[np.uint8], lut: list[int]) -> QImage:
        rim = self._rim
        return to_image(np.array(lut, np.uint32)[numbers[rim:-rim, rim:-rim]], opaque=False)
