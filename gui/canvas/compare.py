"""Truth, prediction and difference side by side, looked at as one.

Read-only. Zooming or panning one pane moves the others; the photo is decoded and kept once. Knows
photo views and layers; knows no run, no score and no verdict.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.language import tr
from gui.canvas.class_pyramid import ClassPyramid
from gui.canvas.difference_layer import (
    AGREED,
    EXTRA,
    MISSED,
    Compared,
    DifferenceLayer,
    Role,
    as_classes,
)
from gui.canvas.empty_state import EmptyState
from gui.canvas.pyramid import PhotoPyramid
from gui.canvas.viewport import PhotoView
from gui.plain import plain_tip

GAP = 6


class ComparePane(PhotoView):
    """One pane; the left button drags."""

    def __init__(self, role: Role, compared: Compared, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.role = role
        self.setAccessibleName(tr("{role} of the compared masks", role=role.value))
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.navigation.left_drags = True
        self.layers = [DifferenceLayer(compared, role, self.camera)]
        self.empty_state = EmptyState("", "", "mdi6.image-outline")


class CompareView(QWidget):
    """Three panes with one camera, and the legend of the difference."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Truth, prediction and difference"))
        self._compared = Compared()
        self._following = False
        self.panes = {role: ComparePane(role, self._compared, self) for role in Role}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        grid = QGridLayout()
        grid.setSpacing(GAP)
        self._notes: dict[Role, QLabel] = {}
        for column, (role, pane) in enumerate(self.panes.items()):
            self._notes[role] = QLabel()
            grid.addWidget(self._notes[role], 0, column)
            grid.addWidget(pane, 1, column)
            grid.setColumnStretch(column, 1)
            pane.viewChanged.connect(lambda pane=pane: self._follow(pane))
        grid.setRowStretch(1, 1)
        layout.addLayout(grid, 1)
        layout.addWidget(Legend(self))
        self.first.photoShown.connect(self._share)
        self._retitle()

    @property
    def first(self) -> PhotoView:
        """The pane that decodes the photo for all."""
        return self.panes[Role.TRUTH]

    def set_photo(
        self,
        photo: NDArray[np.uint8] | PhotoPyramid | None,
        *,
        size: tuple[int, int] | None = None,
        same: bool | None = None,
    ) -> None:
        """As `PhotoView.set_photo`, for all panes. Masks stay until they are set."""
        self.first.set_photo(photo, size=size, same=same)

    def wait(self) -> None:
        """No masks yet: nothing is said of them until ``set_masks`` brings them."""
        self.set_masks(None, None)
        for role, title in self._notes.items():
            title.setText(f"<b>{role.value}</b>")

    def set_masks(
        self, truth: NDArray[np.bool_] | None, prediction: NDArray[np.bool_] | None
    ) -> None:
        """[h, w] bool masks of any resolution over the photo; None where there is none."""
        self._compared.truth = as_classes(truth)
        self._compared.prediction = as_classes(prediction)
        self._compared.probability = None
        self._refresh()

    def set_probability(self, probability: NDArray[np.uint8] | None, threshold: int = 128) -> None:
        """Let the prediction be where ``probability`` (uint8, any resolution, 255 = certain) is at
        least ``threshold``; None returns to the mask.
        """
        self._compared.probability = None if probability is None else ClassPyramid(probability)
        self.set_threshold(threshold)

    def set_threshold(self, threshold: int) -> None:
        """Where the prediction begins, 1–255; costs one repaint."""
        self._compared.threshold = threshold
        self._refresh()

    def fit(self) -> None:
        """Show the whole photo in every pane."""
        self.first.fit()

    def _refresh(self) -> None:
        self._retitle()
        for pane in self.panes.values():
            pane.update()

    def _retitle(self) -> None:
        known = self._compared
        predicted = known.prediction is not None or known.probability is not None
        missing = {
            Role.TRUTH: "" if known.truth else tr("not outlined"),
            Role.PREDICTION: "" if predicted else tr("no prediction"),
            Role.DIFFERENCE: "" if known.truth and predicted else tr("needs both"),
        }
        for role, label in self._notes.items():
            note = (
                tr(" <span style='opacity:.6'>· {missing}</span>", missing=missing[role])
                if missing[role]
                else ""
            )
            label.setText(f"<b>{role.value}</b>{note}")

    def _share(self, _complete: bool) -> None:
        pyramid = self.first.pyramid
        for pane in self.panes.values():
            if pane is self.first:
                continue
            shown = pane.pyramid
            same = shown is not None and pyramid is not None and shown.size == pyramid.size
            pane.set_photo(pyramid, same=same)
        self._follow(self.first)

    def _follow(self, leader: PhotoView) -> None:
        """Bring the others to where ``leader`` looks."""
        if self._following:
            return
        self._following = True
        try:
            for pane in self.panes.values():
                if pane is leader:
                    continue
                if leader.camera.fitted:
                    pane.fit()
                else:
                    pane.camera.follow(leader.camera)
        finally:
            self._following = False


class Legend(QWidget):
    """What the colours of the difference mean, in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 2, 0)
        row.setSpacing(GAP)
        row.addStretch(1)
        for colour, name, meaning in (
            (MISSED, tr("Missed"), tr("lesion that the model did not find")),
            (EXTRA, tr("Extra"), tr("found by the model, not a lesion")),
            (AGREED, tr("Agreed"), tr("lesion in both")),
        ):
            label = QLabel(f"<b>{name}</b>  {meaning}")
            label.setToolTip(plain_tip(meaning))
            row.addWidget(Swatch(colour, self))
            row.addWidget(label)
            row.addSpacing(2 * GAP)
        row.addStretch(1)


class Swatch(QWidget):
    """A little square of one colour."""

    def __init__(self, colour: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QColor(colour)
        self.setFixedSize(16, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._colour)
        painter.setPen(QColor(0, 0, 0, 120))
        painter.drawRoundedRect(QRectF(1, 1, 14, 14), 3, 3)
