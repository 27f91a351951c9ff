"""The lesions and leaves of the open photo in figures: a table, and how lesion sizes are spread.

Knows measures; measures nothing itself.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.domain.calibration import Calibration
from core.domain.disease import UNNAMED_LESION_COLOUR, Disease
from core.domain.ids import DiseaseId
from core.language import number_text, tr
from core.services.severity import LeafMeasures, Sizes, sizes
from gui.controllers.measures import Measures
from gui.direction import draw_words
from gui.gallery.cell import percent
from gui.models.diseases import DiseaseList
from gui.panels.pieces import Elided, column, label, scrolled
from gui.theme import Theme

HEADS = (
    tr("Leaf"),
    tr("Disease"),
    tr("Severity"),
    tr("Grade"),
    tr("Lesions"),
    tr("Median"),
    tr("Quartiles"),
)


class MeasuresDialog(QDialog):
    """Follows the photo while it is open."""

    def __init__(
        self, measures: Measures, diseases: DiseaseList, theme: Theme, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Lesions and leaves"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 520)
        self._measures, self._diseases, self._theme = measures, diseases, theme
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(18)
        self.grid.setColumnStretch(1, 1)
        self._spreads = QVBoxLayout()
        self._spreads.setSpacing(10)
        self._unit = label("", "muted", wrap=True)
        body = QWidget()
        body.setLayout(column(self.grid, self._spreads, self._unit, None, spacing=16))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        self.setLayout(column(scrolled(body), buttons, spacing=12, margin=14))
        measures.changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        for layout in (self.grid, self._spreads):
            while (item := layout.takeAt(0)) is not None:
                if (widget := item.widget()) is not None:
                    widget.hide()
                    widget.deleteLater()
        for place, text in enumerate(HEADS):
            self._put(0, place, text, "heading")
        found, card = self._measures.found, self._measures.card
        line = 0
        for leaf in found.leaves if found else ():
            for disease in leaf.diseases or [None]:
                line += 1
                for place, text in enumerate(self._cells(leaf, disease, card)):
                    self._put(line, place, text, "muted" if place > 1 else "")
        each = {lesion.disease for lesion in found.lesions} if found else set()
        for disease in sorted(each, key=lambda d: (d is None, d or 0)):
            areas = [float(x.area) for x in found.of(disease)] if found else []
            spread = sizes([card.mm2(a) for a in areas] if card else areas)
            if spread is not None:
                named = self._named(disease)
                self._spreads.addWidget(Histogram(self._theme, *named, spread, _unit(card)))
        self._unit.setText(
            tr(
"Scale: {title}. Areas in {unit}", title=self._measures.scales.chosen.title, unit=_unit(card))
            + (tr(", a pixel being {mm_per_px:.4g} mm wide.", mm_per_px=card.mm_per_px) if card else
               tr("; mark the scale card (Photo → Scale card…) to have them in mm²."))
        )  # fmt: skip

    def _put(self, line: int, place: int, text: str, role: str) -> None:
        # A long name of a disease gives way, so that the figures beside it stay in sight.
        made = Elided(text, role) if place == 1 else label(text, role)
        side = Qt.AlignmentFlag.AlignLeft if place < 2 else Qt.AlignmentFlag.AlignRight
        made.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self.grid.addWidget(made, line, place)

    def _named(self, disease: DiseaseId | None) -> tuple[str, str]:
        known: Disease | None = self._diseases.get(disease)
        return (known.name, known.colour) if known else (tr("not named"), UNNAMED_LESION_COLOUR)

    def _cells(
        self, leaf: LeafMeasures, disease: DiseaseId | None, card: Calibration | None
    ) -> list[str]:
        lesions = leaf.of(disease)
        share = leaf.areas.severity_of(disease)
        spread = sizes([card.mm2(x.area) if card else x.area for x in lesions])
        middle = _figure(spread.median) if spread else "–"
        around = f"{_figure(spread.lower)} – {_figure(spread.upper)}" if spread else "–"
        return [
            str(leaf.number) if leaf.number else tr("none"),
            self._named(disease)[0] if lesions else tr("no lesion"),
            "–" if share is None else percent(share),
            self._measures.grade(share) or "–",
            number_text(len(lesions), ","),
            middle,
            around,
        ]


class Histogram(QWidget):
    """Lesions by size, classes of equal width in log area, in words for a screen reader as well."""

    def __init__(self, theme: Theme, name: str, colour: str, spread: Sizes, unit: str) -> None:
        super().__init__()
        self._theme, self._name, self._colour = theme, name, colour
        self._spread, self._unit = spread, unit
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Sizes of {name}", name=name))
        steps = zip(spread.counts, spread.edges, spread.edges[1:], strict=False)
        self.setAccessibleDescription(
            ", ".join(
                tr(
                    "{number}: {figure} to {figure_2} {unit}",
                    number=n,
                    figure=_figure(a),
                    figure_2=_figure(b),
                    unit=unit,
                )
                for n, a, b in steps
            )
        )

    def sizeHint(self) -> QSize:
        return QSize(400, 128)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, spread = QPainter(self), self._spread
        text, muted = self._theme.colour("text"), self._theme.colour("muted")
        painter.setPen(text)
        title = tr("Sizes of {name}", name=self._name)
        head = QRect(0, 0, self.width(), 18)
        title = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideMiddle, self.width())
        draw_words(painter, self, head, title, Qt.AlignmentFlag.AlignLeft)
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # an axis, as in every chart
        floor, most = self.height() - 20, max(spread.counts)
        wide = self.width() / len(spread.counts)
        for place, number in enumerate(spread.counts):
            high = (floor - 40) * number / most
            bar = QRectF(place * wide + 1, floor - high, wide - 2, high)
            painter.fillRect(bar, QColor(self._colour))
            painter.setPen(muted)
            above = QRectF(place * wide, floor - high - 18, wide, 16)
            count = number_text(number, ",") if number else ""
            painter.drawText(above, Qt.AlignmentFlag.AlignCenter, count)
        painter.fillRect(QRectF(0, floor, self.width(), 1), self._theme.colour("border"))
        painter.setPen(muted)
        for left, said in self._axis(painter.fontMetrics(), wide):
            painter.drawText(QRectF(left, floor + 3, self.width(), 16), 0, said)

    def _axis(self, metrics: QFontMetrics, wide: float) -> list[tuple[float, str]]:
        """What stands under the bars and where it begins, in pixels: the smallest and the largest
        area, and between them where one class of sizes ends, as far as there is room.
        """
        spread, gap = self._spread, 10
        first, last = _figure(spread.smallest), f"{_figure(spread.largest)} {self._unit}"
        end = self.width() - metrics.horizontalAdvance(last)
        said, free = [(0.0, first)], float(metrics.horizontalAdvance(first) + gap)
        for place, edge in enumerate(spread.edges[1:-1], 1):
            text = _figure(edge)
            broad = metrics.horizontalAdvance(text)
            left = place * wide - broad / 2
            if left >= free and left + broad + gap <= end:
                said.append((left, text))
                free = left + broad + gap
        return [*said, (end, last)]


def _unit(card: Calibration | None) -> str:
    return "mm²" if card else "px"


def _figure(value: float) -> str:
    """Three significant digits, thousands apart."""
    return number_text(value, ",.0f" if value >= 100 else ".3g")
