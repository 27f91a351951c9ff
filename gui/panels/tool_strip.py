"""The tools, one below the other beside the photo, and how they draw.

Knows actions; does nothing by itself.
"""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout

from gui.context import Context
from gui.panels.label_bar import action_button

HOW = ("draw.subtract", "kind.toggle")


class ToolStrip(QFrame):
    """One column; ``tools`` are action ids."""

    def __init__(self, context: Context, tools: list[str]) -> None:
        super().__init__()
        self.setObjectName("toolStrip")
        column = QVBoxLayout(self)
        column.setContentsMargins(5, 6, 5, 6)
        column.setSpacing(3)
        for tool in tools:
            column.addWidget(action_button(context, tool))
        line = QFrame()
        line.setObjectName("rule")
        line.setFixedHeight(1)
        column.addSpacing(4)
        column.addWidget(line)
        column.addSpacing(4)
        for action in HOW:
            column.addWidget(action_button(context, action))
        column.addStretch(1)
