"""What the workspaces' shared widgets promise."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from gui.panels.pieces import Empty
from gui.theme import Theme


def test_an_empty_workspace_shows_its_whole_sentence(qtbot, qapp: QApplication) -> None:
    empty = Empty(Theme(qapp), "mdi6.magnify-scan")
    qtbot.addWidget(empty)
    empty.resize(1200, 770)
    empty.show()
    empty.put("No run yet", "Train a model first, and look here afterwards. " * 4, "Go")
    qtbot.waitUntil(lambda: empty.text.height() >= empty.text.heightForWidth(empty.text.width()))
