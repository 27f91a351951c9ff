"""How much of the leaf is diseased, live: one figure, and a bar with a count for each disease.

Knows figures and colours; measures nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from core.domain.calibration import Calibration
from core.domain.disease import UNNAMED_LESION_COLOUR
from core.domain.ids import DiseaseId
from core.domain.scale import Scale
from core.geometry.areas import Areas
from core.language import tr, trn
from core.services.severity import PhotoMeasures
from gui.direction import draw_words, turned
from gui.gallery.cell import percent
from gui.models.diseases import DiseaseList
from gui.panels.pieces import Elided, label, row
from gui.theme import Theme

LINE = 26


@dataclass(frozen=True)
class Share:
    """One line of the chart; ``value`` is in percent of leaf and lesions together, None where no
    leaf is outlined. ``count`` is None until the lesions have been counted.
    """

    name: str
    colour: str
    value: float | None
    pixels: int
    count: int | None = None

    @property
    def text(self) -> str:
        """What stands at the end of the line."""
        share = "" if self.value is None else percent(self.value)
        if self.count is None:
            return share or "–"
        lesions = trn("{n:,} lesion", "{n:,} lesions", self.count)
        return f"{lesions} · {share}" if share else lesions


def shares(
    figures: Areas, diseases: DiseaseList, measures: PhotoMeasures | None = None
) -> list[Share]:
    """The diseases that have any lesion, largest first."""
    counts: dict[DiseaseId | None, int] = {}
    for lesion in measures.lesions if measures else ():
        counts[lesion.disease] = counts.get(lesion.disease, 0) + 1
    lines = []
    for disease_id, pixels in figures.diseases.items():
        disease = diseases.get(disease_id)
        name = disease.name if disease else tr("not named")
        colour = disease.colour if disease else UNNAMED_LESION_COLOUR
        value = figures.severity_of(disease_id)
        counted = counts.get(disease_id) if measures else None
        lines.append(Share(name, colour, value, pixels, counted))
    return sorted(lines, key=lambda s: (-s.pixels, s.name))


class SeverityPanel(QWidget):
    """``show_figures`` after every edit; ``show_measures`` when lesions have been counted.

    ``details`` and ``editing_scales`` ask for the dialogs.
    """

    details = Signal()
    editing_scales = Signal()

    def __init__(self, diseases: DiseaseList, theme: Theme) -> None:
        super().__init__()
        self._diseases = diseases
        self._figures: Areas | None = None
        self._measures: PhotoMeasures | None = None
        self._scale: Scale | None = None
        self._card: Calibration | None = None
        self.figure = label("–", "figure")
        self.grade = QToolButton()
        self.grade.setToolTip(tr("Change the severity scale"))
        self.grade.setAccessibleDescription(tr("Change the severity scale"))
        self.grade.clicked.connect(self.editing_scales)
        self.details_button = QToolButton()
        self.details_button.setIcon(theme.icon("mdi6.chart-bar"))
        self.details_button.setToolTip(tr("Lesions and leaves in figures"))
        self.details_button.setAccessibleName(tr("Lesions and leaves in figures"))
        self.details_button.clicked.connect(self.details)
        self.note = label("", "muted", wrap=True)
        self.leaves = Elided("", "muted")
        self.chart = _Chart(theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row(label(tr("Severity"), "heading"), None, self.details_button))
        column.addLayout(row(self.figure, None, self.grade))
        column.addWidget(self.note)
        column.addWidget(self.leaves)
        column.addWidget(self.chart)

    def show_figures(self, figures: Areas | None) -> None:
        """The areas as of this edit; None when no photo is open."""
        self._figures = figures
        self._show()

    def show_measures(
        self, measures: PhotoMeasures | None, scale: Scale, card: Calibration | None
    ) -> None:
        """What the last rest found; None while it is not known."""
        self._measures, self._scale, self._card = measures, scale, card
        self._show()

    def _show(self) -> None:
        figures, measures = self._figures, self._measures
        severity = figures.severity if figures else None
        self.figure.setText("–" if severity is None else percent(severity))
        grade = self._scale.grade(severity) if self._scale else ""
        self.grade.setText(tr("Grade {grade}", grade=grade) if grade else tr("Scale…"))
        self.grade.setVisible(figures is not None)
        self.details_button.setEnabled(bool(measures and measures.leaves))
        self.note.setText(_note(figures, self._card))
        leaves = _leaves(measures)
        self.leaves.setText(leaves)
        self.leaves.setVisible(bool(leaves))
        self.chart.put(shares(figures, self._diseases, measures) if figures else [])


def _note(figures: Areas | None, card: Calibration | None) -> str:
    if figures is None:
        return ""
    if figures.severity is None:
        return tr("Outline the leaf (Shift+L) to see how much of it is diseased.")
    if card is not None:
        return tr(
            "{mm2:,.1f} of {mm2_2:,.0f} mm²",
            mm2=card.mm2(figures.lesion),
            mm2_2=card.mm2(figures.cover),
        )
    return tr("{lesion:,} of {cover:,} leaf pixels", lesion=figures.lesion, cover=figures.cover)


def _leaves(measures: PhotoMeasures | None) -> str:
    """Severity leaf by leaf, where there are several."""
    if measures is None:
        return ""
    each = [m.areas.severity for m in measures.leaves if m.number]
    if len(each) < 2:
        return ""
    listed = ", ".join(percent(s) for s in each if s is not None)
    return trn("{n:,} leaf: {listed}", "{n:,} leaves: {listed}", len(each), listed=listed)


class _Chart(QWidget):
    """Bars relative to the largest; the figures say the lesions and the percentage of the leaf."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lines: list[Share] = []
        self.setToolTip(tr("Lesions · share of the leaf"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def put(self, lines: list[Share]) -> None:
        if lines == self._lines:
            return
        resized = len(lines) != len(self._lines)
        self._lines = lines
        self.setAccessibleDescription(", ".join(f"{line.name} {line.text}" for line in lines))
        if resized:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, LINE * len(self._lines) + (4 if self._lines else 0))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        most = max((line.pixels for line in self._lines), default=1)
        for number, line in enumerate(self._lines):
            top = 4 + number * LINE
            painter.setPen(self._theme.colour("text"))
            place = QRect(0, top, self.width(), 16)
            text = line.text
            room = self.width() - painter.fontMetrics().horizontalAdvance(text) - 8
            name = painter.fontMetrics().elidedText(line.name, Qt.TextElideMode.ElideRight, room)
            draw_words(painter, self, place, name, Qt.AlignmentFlag.AlignLeft)
            painter.setPen(self._theme.colour("muted"))
            draw_words(painter, self, place, text, Qt.AlignmentFlag.AlignRight)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("border"))
            painter.drawRoundedRect(QRect(0, top + 17, self.width(), 4), 2, 2)
            painter.setBrush(QColor(line.colour))
            width = max(4, round(self.width() * line.pixels / max(most, 1)))
            painter.drawRoundedRect(turned(self, QRect(0, top + 17, width, 4)), 2, 2)
