"""Controllers that several workspaces share: one of each kind for a window.

They live as children of the project holder, made when first asked for. Knows QObject's children;
knows no controller in particular.
"""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QObject

from gui.context import Context


class Shared(QObject):
    """A controller made with the context, kept by the project holder."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.project)
        self.context = context


C = TypeVar("C", bound=Shared)


def shared(context: Context, kind: type[C]) -> C:
    """The window's ``kind``."""
    for child in context.project.children():
        if type(child) is kind:
            return child
    return kind(context)
