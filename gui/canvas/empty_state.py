"""What the canvas says when there is no photo: a leaf and two friendly lines.

Knows painting and the palette; knows no photo.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPalette

from core.language import tr

ICON = 64
SMALL = 36
GAP = 12


@dataclass
class EmptyState:
    """``title`` in large letters, ``text`` below; ``icon`` is a qtawesome name.

    Without a title the icon stands alone, small and faint: it keeps a place and says nothing.
    """

    title: str = tr("No photo here yet")
    text: str = tr("Choose a photo in the gallery, or import a folder of leaf photos.")
    icon: str = "mdi6.leaf"

    def paint(self, painter: QPainter, rect: QRect, palette: QPalette) -> None:
        """Centred in ``rect``, in the colours of ``palette``."""
        import qtawesome  # its icon font takes 0.1 s; only an empty canvas needs it

        if not self.title:
            place = QRect(0, 0, SMALL, SMALL)
            place.moveCenter(rect.center())
            faint = QColor(palette.color(QPalette.ColorRole.PlaceholderText))
            faint.setAlphaF(0.4)
            qtawesome.icon(self.icon, color=faint).paint(painter, place)
            return
        ink = palette.color(QPalette.ColorRole.WindowText)
        strong, soft = QColor(ink), QColor(ink)
        strong.setAlphaF(0.82)
        soft.setAlphaF(0.6)
        title_font = QFont(painter.font())
        title_font.setPointSizeF(title_font.pointSizeF() * 1.45)
        title_font.setWeight(QFont.Weight.DemiBold)
        width = min(rect.width() - 2 * GAP, 460)
        if width <= 0:
            return
        top = rect.center().y() - 80
        icon = QRect(rect.center().x() - ICON // 2, top, ICON, ICON)
        tint = QColor(palette.color(QPalette.ColorRole.Highlight))
        qtawesome.icon(self.icon, color=tint).paint(painter, icon)
        left = rect.center().x() - width // 2
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.setFont(title_font)
        painter.setPen(strong)
        line = QRect(left, icon.bottom() + GAP, width, painter.fontMetrics().height() + 4)
        painter.drawText(line, flags, self.title)
        title_font.setPointSizeF(title_font.pointSizeF() / 1.45)
        title_font.setWeight(QFont.Weight.Normal)
        painter.setFont(title_font)
        painter.setPen(soft)
        painter.drawText(QRect(left, line.bottom() + GAP // 2, width, 120), flags, self.text)
