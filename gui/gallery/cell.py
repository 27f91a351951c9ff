"""Paints one cell of the gallery: picture, name, state, disease, severity.

Knows a card and colours; knows no scrolling and no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap

from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from core.domain.image import ImageState
from core.ports import ImageCard
from gui.theme import Theme

PAD, CAPTION, BADGE = 6, 36, 18
KEPT = 600
"""Finished cells, about 60 KB each: some screenfuls."""
STATE_TEXT = {
    ImageState.UNSEEN: "Not looked at",
    ImageState.IN_PROGRESS: "In progress",
    ImageState.DONE: "Done",
    ImageState.CHECKED: "Checked",
}


@dataclass(frozen=True)
class Look:
    """How a cell is drawn, beyond its card."""

    current: bool = False
    hovered: bool = False
    focused: bool = False


class CellPainter:
    """Made once per theme and size; ``paint`` is called for every cell in sight."""

    def __init__(self, theme: Theme, font: QFont, thumb: int) -> None:
        self._tokens = {
            name: theme.colour(name)
            for name in (
                "text", "muted", "accent", "accent_soft", "hover", "border", "field", "ok",
                "warn", "panel",
            )
        }  # fmt: skip
        self.picture = QSize(thumb, round(thumb * 0.75))
        self.size = QSize(thumb + 2 * PAD, self.picture.height() + 2 * PAD + CAPTION)
        self._font = font
        self._small = QFont(font)
        self._small.setPointSizeF(max(6.0, font.pointSizeF() * 0.88))
        self._metrics = QFontMetrics(self._font)
        self._small_metrics = QFontMetrics(self._small)
        self._drawn: dict[tuple[ImageCard, int, Disease | None, float], QPixmap] = {}
        self._elided: dict[tuple[str, int], str] = {}
        icons = {
            ImageState.IN_PROGRESS: ("mdi6.circle-half-full", "warn"),
            ImageState.DONE: ("mdi6.check-circle", "ok"),
            ImageState.CHECKED: ("mdi6.check-decagram", "accent"),
        }
        self._icons = {
            state: theme.icon(name, token).pixmap(QSize(BADGE - 2, BADGE - 2))
            for state, (name, token) in icons.items()
        }

    def paint(
        self,
        painter: QPainter,
        cell: QRect,
        *,
        card: ImageCard | None,
        pixmap: QPixmap | None,
        look: Look,
        diseases: Mapping[DiseaseId, Disease],
    ) -> None:
        """``card`` and ``pixmap`` are None while they are on their way."""
        self._background(painter, cell, look)
        if card is None or pixmap is None:
            self._content(painter, cell, card, pixmap, diseases)
            return
        disease = diseases.get(card.disease) if card.disease is not None else None
        key = (card, pixmap.cacheKey(), disease, painter.device().devicePixelRatio())
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._draw(card, pixmap, diseases, key[3])
            if len(self._drawn) >= KEPT:
                del self._drawn[next(iter(self._drawn))]
            self._drawn[key] = drawn
        painter.drawPixmap(cell.topLeft(), drawn)

    def _draw(
        self,
        card: ImageCard,
        pixmap: QPixmap,
        diseases: Mapping[DiseaseId, Disease],
        ratio: float,
    ) -> QPixmap:
        """A finished cell without its background: the next frames only copy it."""
        drawn = QPixmap(self.size * ratio)
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        self._content(painter, QRect(QPoint(0, 0), self.size), card, pixmap, diseases)
        painter.end()
        return drawn

    def _content(
        self,
        painter: QPainter,
        cell: QRect,
        card: ImageCard | None,
        pixmap: QPixmap | None,
        diseases: Mapping[DiseaseId, Disease],
    ) -> None:
        picture = QRect(cell.topLeft() + QPoint(PAD, PAD), self.picture)
        if pixmap is None:
            painter.fillRect(picture, self._tokens["border"])
        else:
            painter.drawPixmap(picture, pixmap)
        if card is None:
            return
        disease = diseases.get(card.disease) if card.disease is not None else None
        self._badges(painter, picture, card)
        self._caption(painter, picture, card, disease)

    def _background(self, painter: QPainter, cell: QRect, look: Look) -> None:
        if not (look.current or look.hovered):
            return
        inner = QRectF(cell).adjusted(1.5, 1.5, -1.5, -1.5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._tokens["accent_soft" if look.current else "hover"])
        edge = self._tokens["accent"] if look.current else QColor(Qt.GlobalColor.transparent)
        painter.setPen(QPen(edge, 2.0 if look.focused else 1.0))
        painter.drawRoundedRect(inner, 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _badges(self, painter: QPainter, picture: QRect, card: ImageCard) -> None:
        icon = self._icons.get(card.state)
        if icon is not None:
            spot = QRect(picture.right() - BADGE - 2, picture.top() + 4, BADGE, BADGE)
            self._plate(painter, spot, BADGE / 2)
            painter.drawPixmap(spot.topLeft() + QPoint(1, 1), icon)
        if card.dice is not None:
            self._pill(painter, picture, f"Dice {card.dice:.2f}", left=True)
        if card.severity is not None:
            self._pill(painter, picture, percent(card.severity), left=False)

    def _pill(self, painter: QPainter, picture: QRect, text: str, *, left: bool) -> None:
        width = self._small_metrics.horizontalAdvance(text) + 10
        x = picture.left() + 4 if left else picture.right() - width - 3
        spot = QRect(x, picture.bottom() - BADGE - 2, width, BADGE - 1)
        self._plate(painter, spot, 5)
        painter.setFont(self._small)
        painter.setPen(self._tokens["text"])
        painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, text)

    def _plate(self, painter: QPainter, spot: QRect, radius: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(self._tokens["panel"])
        colour.setAlpha(232)
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(spot, radius, radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _caption(
        self, painter: QPainter, picture: QRect, card: ImageCard, disease: Disease | None
    ) -> None:
        line = QRect(picture.left(), picture.bottom() + 4, picture.width(), 16)
        painter.setFont(self._font)
        painter.setPen(self._tokens["text"])
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, self._cut(card.name, line.width(), 0))
        line.translate(0, 16)
        if disease is not None:
            painter.fillRect(QRect(line.left(), line.top() + 4, 9, 9), QColor(disease.colour))
        painter.setFont(self._small)
        painter.setPen(self._tokens["muted"])
        line.adjust(14 if disease else 0, 1, 0, 0)
        text = disease.name if disease else "not named"
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, self._cut(text, line.width(), 1))

    def _cut(self, text: str, width: int, small: int) -> str:
        key = (text, width * 2 + small)
        cut = self._elided.get(key)
        if cut is None:
            if len(self._elided) > 5000:
                self._elided.clear()
            metrics = self._small_metrics if small else self._metrics
            cut = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)
            self._elided[key] = cut
        return cut


def percent(value: float) -> str:
    """A severity as people read it: one decimal under ten, none above."""
    if 0 < value < 0.05:
        return "<0.1 %"
    return f"{value:.1f} %" if value < 10 else f"{value:.0f} %"
