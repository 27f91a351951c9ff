"""Paints one cell of the gallery: picture, name, state, disease, severity.

Knows a card and colours; knows no scrolling and no store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle

from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from core.domain.image import ImageState
from core.language import number_text, tr
from core.ports import ImageCard
from gui.direction import isolated, put_words
from gui.theme import Theme

PAD, CAPTION, BADGE = 6, 36, 18
AT_ONCE = 24
"""Captions drawn in one frame, a tenth of a millisecond each and more."""
KEPT = 600
"""Captions with badges, about 60 KB each: some screenfuls."""


_Key = tuple[ImageCard, Disease | None, float, Qt.LayoutDirection]


@dataclass(frozen=True)
class Look:
    """How a cell is drawn, beyond its card."""

    current: bool = False
    selected: bool = False
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
        self.ratio = 1.0
        """Device pixels per logical one; the view sets it before it paints."""
        self.direction = Qt.LayoutDirection.LeftToRight
        """Which way the gallery reads; set likewise. Words and badges turn round, pictures do not.
        """
        self._font = font
        self._small = QFont(font)
        self._small.setPointSizeF(max(6.0, font.pointSizeF() * 0.88))
        self._metrics = QFontMetrics(self._font)
        self._small_metrics = QFontMetrics(self._small)
        self._drawn: dict[_Key, QPixmap] = {}
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
        side = QSize(BADGE - 2, BADGE - 2)
        self._noted = theme.icon("mdi6.note-text-outline", "text").pixmap(side)
        self._ticked = theme.icon("mdi6.checkbox-marked", "accent").pixmap(side)

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
        """``card`` and ``pixmap`` are None while they are on their way; ``placeholders`` fills the
        place of the picture. Two copies at most: the picture, and everything else, which
        ``prepare`` has drawn.
        """
        self._background(painter, cell, look)
        picture = self.picture_rect(cell)
        if pixmap is not None:
            painter.drawPixmap(picture, pixmap)
        elif look.current or look.hovered or look.selected:
            self.placeholders(painter, [cell])  # the background has covered the one there was
        if card is not None:
            painter.drawPixmap(cell.topLeft(), self.prepare(card, diseases, self.ratio))
        if look.selected:
            self._tick(painter, picture)

    def picture_rect(self, cell: QRect) -> QRect:
        """Where the picture is in a cell."""
        return QRect(cell.x() + PAD, cell.y() + PAD, self.picture.width(), self.picture.height())

    def placeholders(self, painter: QPainter, cells: Sequence[QRect]) -> None:
        """For pictures on their way, all at once: every call into Qt may wait for the threads."""
        if cells:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._tokens["border"])
            painter.drawRects([self.picture_rect(cell) for cell in cells])

    def too_many(
        self, cards: Sequence[ImageCard | None], diseases: Mapping[DiseaseId, Disease]
    ) -> set[int]:
        """The places in ``cards`` whose captions wait for the next frame: a screenful of texts
        would keep this one from the screen."""
        if len(cards) > KEPT // 2:  # drawn a few at a time, the last would push out the first
            return set()
        new = [
            place
            for place, card in enumerate(cards)
            if card is not None and self._key(card, diseases, self.ratio) not in self._drawn
        ]
        return set(new[AT_ONCE:])

    def prepare(
        self, card: ImageCard, diseases: Mapping[DiseaseId, Disease], ratio: float
    ) -> QPixmap:
        """Caption and badges of a card. Drawn once: a picture that arrives later costs no text."""
        key = self._key(card, diseases, ratio)
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._draw(card, key[1], ratio)
            if len(self._drawn) >= KEPT:
                del self._drawn[next(iter(self._drawn))]
            self._drawn[key] = drawn
        return drawn

    def _draw(self, card: ImageCard, disease: Disease | None, ratio: float) -> QPixmap:
        drawn = QPixmap(self.size * ratio)
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        picture = QRect(QPoint(PAD, PAD), self.picture)
        self._badges(painter, picture, card)
        self._caption(painter, picture, card, disease)
        painter.end()
        return drawn

    def _background(self, painter: QPainter, cell: QRect, look: Look) -> None:
        if not (look.current or look.hovered or look.selected):
            return
        inner = QRectF(cell).adjusted(1.5, 1.5, -1.5, -1.5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._tokens["accent_soft" if look.current or look.selected else "hover"])
        edge = self._tokens["accent"] if look.current else QColor(Qt.GlobalColor.transparent)
        painter.setPen(QPen(edge, 2.0 if look.focused else 1.0))
        painter.drawRoundedRect(inner, 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _tick(self, painter: QPainter, picture: QRect) -> None:
        """A selected photo, also where colours cannot be told apart."""
        painter.setPen(QPen(self._tokens["accent"], 2.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(picture.adjusted(1, 1, -1, -1))
        spot = self._turned(picture, QRect(picture.left() + 4, picture.top() + 4, BADGE, BADGE))
        self._plate(painter, spot, BADGE / 2)
        painter.drawPixmap(spot.topLeft() + QPoint(1, 1), self._ticked)

    def _badges(self, painter: QPainter, picture: QRect, card: ImageCard) -> None:
        icon = self._icons.get(card.state)
        if icon is not None:
            spot = QRect(picture.right() - BADGE - 2, picture.top() + 4, BADGE, BADGE)
            spot = self._turned(picture, spot)
            self._plate(painter, spot, BADGE / 2)
            painter.drawPixmap(spot.topLeft() + QPoint(1, 1), icon)
        if card.has_notes:
            right = picture.right() - 2 - (BADGE + 3 if icon is not None else 0)
            spot = self._turned(picture, QRect(right - BADGE, picture.top() + 4, BADGE, BADGE))
            self._plate(painter, spot, BADGE / 2)
            painter.drawPixmap(spot.topLeft() + QPoint(1, 1), self._noted)
        taken = 0
        if card.severity is not None:
            taken = self._pill(painter, picture, percent(card.severity), left=False)
        if card.dice is not None:
            said = tr("Dice {dice:.2f}", dice=card.dice)
            if self._pill_width(said) + taken + 12 > picture.width():
                said = number_text(card.dice, ".2f")  # the percent sign tells the two apart
            self._pill(painter, picture, said, left=True)

    def _pill_width(self, text: str) -> int:
        return self._small_metrics.horizontalAdvance(text) + 10

    def _pill(self, painter: QPainter, picture: QRect, text: str, *, left: bool) -> int:
        """The width it takes."""
        width = self._pill_width(text)
        x = picture.left() + 4 if left else picture.right() - width - 3
        spot = self._turned(picture, QRect(x, picture.bottom() - BADGE - 2, width, BADGE - 1))
        self._plate(painter, spot, 5)
        painter.setFont(self._small)
        painter.setPen(self._tokens["text"])
        painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, text)
        return width

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
        side = QStyle.visualAlignment(self.direction, Qt.AlignmentFlag.AlignLeft)
        painter.setFont(self._font)
        painter.setPen(self._tokens["text"])
        put_words(painter, line, self._cut(card.name, line.width(), 0), side)
        line.translate(0, 16)
        if disease is not None:
            spot = self._turned(picture, QRect(line.left(), line.top() + 4, 9, 9))
            painter.fillRect(spot, QColor(disease.colour))
        painter.setFont(self._small)
        painter.setPen(self._tokens["muted"])
        line.adjust(14 if disease else 0, 1, 0, 0)
        text = disease.name if disease else tr("not named")
        put_words(painter, self._turned(picture, line), self._cut(text, line.width(), 1), side)

    def _turned(self, picture: QRect, place: QRect) -> QRect:
        """``place`` as it is meant in a gallery that reads from the left, for the way it reads."""
        return QStyle.visualRect(self.direction, picture, place)

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

    def _key(self, card: ImageCard, diseases: Mapping[DiseaseId, Disease], ratio: float) -> _Key:
        """All that a caption depends on."""
        disease = diseases.get(card.disease) if card.disease is not None else None
        return card, disease, ratio, self.direction


def percent(value: float) -> str:
    """A severity as people read it: one decimal under ten, none above."""
    if 0 < value < 0.05:
        return isolated(f"<{number_text(0.1)} %")
    return isolated(f"{number_text(value, '.1f' if value < 10 else '.0f')} %")
