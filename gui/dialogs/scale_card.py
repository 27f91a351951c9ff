"""Asks how large a photo is: two clicks on its scale card, and the millimetres between them.

Shows the photo to click on; the wheel zooms, dragging moves. Knows lines and lengths; writes
nothing itself.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QWidget

from core.domain.calibration import LONGEST_MM, Calibration, length_of, measured, problem
from core.language import tr, trn
from gui.canvas.line_layer import LineLayer, Point
from gui.canvas.pyramid import PhotoPyramid
from gui.canvas.view import CanvasView
from gui.panels.numbers import DecimalBox
from gui.panels.pieces import button, column, label, row

HINT = tr(
    "Click both ends of a known length: the scale card, a ruler, a square of graph paper. The "
    "wheel zooms, dragging moves the photo; a third click begins again."
)


class ScaleCardDialog(QDialog):
    """``chosen`` carries (`Calibration` or None to take it away, whether to copy it on)."""

    chosen = Signal(object, bool)

    def __init__(
        self, photo: PhotoPyramid, known: Calibration | None, followers: int, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Scale card"))
        self.resize(900, 680)
        self.canvas = CanvasView()
        self.canvas.setAccessibleName(tr("Photo to measure on"))
        self._line = LineLayer(self.canvas)
        self.canvas.layers = [*self.canvas.layers, self._line]
        self.canvas.set_photo(photo, same=False)
        self.canvas.clicked.connect(self._click)
        self.length = DecimalBox(0.0, LONGEST_MM, 2, 1.0)
        self.length.setSuffix(" mm")
        self.length.setAccessibleName(tr("Length of the line"))
        self.length.setMinimumWidth(120)
        self.length.valueChanged.connect(lambda _v: self._check())
        self.found = label("", "muted")
        self.copy = QCheckBox(
            trn(
                "Also for {n:,} later photo of the same group",
                "Also for {n:,} later photos of the same group",
                followers,
            )
        )
        self.copy.setToolTip(
            tr(
                "Photos of the same group and size that were added after this one and have no "
                "scale card of their own; photos without a group count as one."
            )
        )
        self.copy.setVisible(followers > 0)
        self._problem = label("", "danger", wrap=True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep = self._buttons.addButton(tr("Keep"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.keep.setDefault(True)
        self._buttons.accepted.connect(self._keep)
        self._buttons.rejected.connect(self.reject)
        self.remove = button(tr("Remove"), lambda: self._done(None))
        self.remove.setToolTip(tr("Take the scale card of this photo away"))
        self.remove.setVisible(known is not None)
        self._lay_out()
        self._known = known
        if known is not None:
            self.length.setValue(known.length_mm)
            if known.line is not None:
                self._line.show([known.line[:2], known.line[2:]])
        self._check()

    def _lay_out(self) -> None:
        layout = column(
            label(HINT, "muted", wrap=True),
            self.canvas,
            row(label(tr("Length of the line")), self.length, self.found, None),
            self.copy,
            self._problem,
            row(self.remove, None, self._buttons),
            spacing=10,
            margin=14,
        )
        layout.setStretch(1, 1)
        self.setLayout(layout)

    @property
    def ends(self) -> list[Point]:
        """The points clicked so far, in the photo."""
        return self._line.ends

    def _click(self, x: float, y: float) -> None:
        ends = self._line.ends
        self._line.show([(x, y)] if len(ends) == 2 else [*ends, (x, y)])
        if len(self._line.ends) == 2:
            self.length.setFocus()
            self.length.selectAll()
        self._check()

    def _drawn(self) -> tuple[float, float, float, float] | None:
        if len(self._line.ends) < 2:
            return None
        (x0, y0), (x1, y1) = self._line.ends
        return x0, y0, x1, y1

    def _card(self) -> Calibration | None:
        """What would be kept: the new line, or other millimetres for the length copied here."""
        line, length = self._drawn(), self.length.value()
        if line is not None:
            return None if problem(line, length) else measured(line, length)
        if self._known is not None and not self._line.ends and length > 0:
            return Calibration(length, self._known.length_px)
        return None

    def _check(self) -> None:
        line, card = self._drawn(), self._card()
        self.keep.setEnabled(card is not None)
        text = ""
        if line is not None and (self.length.value() > 0 or length_of(line) < 1):
            text = problem(line, self.length.value())
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        if card is not None:
            self.found.setText(
                tr(
                    "{length_px:,.0f} px, {mm_per_px:.4g} mm a pixel",
                    length_px=card.length_px,
                    mm_per_px=card.mm_per_px,
                )
            )
        elif line is not None:
            self.found.setText(tr("{length_of:,.0f} px", length_of=length_of(line)))
        else:
            self.found.setText(
                tr("Click the first end.") if not self.ends else tr("Click the other end.")
            )

    def _keep(self) -> None:
        self._done(self._card())

    def _done(self, card: Calibration | None) -> None:
        self.chosen.emit(card, self.copy.isChecked() and not self.copy.isHidden())
        self.accept()
