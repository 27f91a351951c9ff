"""The workspaces of the window, as data: one line each, built when first shown.

A factory ("module:function") takes the `gui.context.Context` and gives back a `Workspace`. Knows
names and icons; the window knows how to show them, each workspace what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from PySide6.QtWidgets import QWidget

from core.language import tr

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent

    from core.domain.ids import ImageId
    from gui.context import Context


class Workspace(QWidget):
    """A page of the window. Lives from its first showing until the window closes.

    The project can change under it: it listens to ``context.project.opened`` (another project or
    none) and ``context.project.changed`` (a `core.changes.Changes`). ``first`` has the keyboard
    when the page comes up.
    """

    first: QWidget | None = None

    def focusInEvent(self, event: QFocusEvent) -> None:
        # A focus proxy would have Tab jump from the page to it, over everything between.
        if self.first is not None:
            self.first.setFocus(event.reason())

    def entered(self) -> None:
        """Shown. Refresh what was skipped while hidden."""

    def left(self) -> None:
        """Another workspace comes to the front."""

    def open_image(self, image: ImageId) -> None:
        """Bring this photo up. Ignored by workspaces without photos."""


@dataclass(frozen=True)
class WorkspaceSpec:
    """``id`` is also the action flag that is set while the workspace is in front."""

    id: str
    title: str
    icon: str
    factory: str
    tip: str

    def build(self, context: Context) -> Workspace:
        from core.registry import resolve  # scans packages: not before the window is there

        return cast("Workspace", resolve(self.factory)(context))


WORKSPACES = (
    WorkspaceSpec(
        "label",
        tr("Label"),
        "mdi6.brush",
        "gui.panels.label:build",
        tr("Outline lesions and name the disease"),
    ),
    WorkspaceSpec(
        "train",
        tr("Train"),
        "mdi6.school-outline",
        "gui.panels.train:build",
        tr("Fine-tune a model on the leaves you have labelled"),
    ),
    WorkspaceSpec(
        "review",
        tr("Review"),
        "mdi6.magnify-scan",
        "gui.panels.review:build",
        tr("Look at the leaves the model gets wrong"),
    ),
    WorkspaceSpec(
        "export",
        tr("Export"),
        "mdi6.export-variant",
        "gui.panels.export:build",
        tr("Take the adapter or the labels away"),
    ),
)
