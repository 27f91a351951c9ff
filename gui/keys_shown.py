"""Keys as they are written on the screen, in menus too: always from left to right.

"Ctrl+[" in a window that reads from the right would be shown as "]+Ctrl". Knows key sequences and
menus; knows no action.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QStyleOptionMenuItem

from gui.direction import isolated


def written(keys: QKeySequence | str) -> str:
    """``keys`` ("Ctrl+[" where they are a text) as this system writes them, as one piece."""
    return isolated(QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText))


def with_keys(text: str, keys: Iterable[QKeySequence]) -> str:
    """``text``, and in brackets what it can be pressed with."""
    shown = ", ".join(map(written, keys))
    return f"{text}  ({shown})" if shown else text


class Menu(QMenu):
    """A menu whose keys keep their order."""

    def initStyleOption(self, option: QStyleOptionMenuItem, action: QAction) -> None:
        super().initStyleOption(option, action)
        text, tab, keys = option.text.partition("\t")
        if tab:
            option.text = f"{text}\t{isolated(keys)}"
