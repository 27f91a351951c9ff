"""A screen reader finds a name on everything that can be worked, in every workspace and dialog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QScrollArea,
    QScrollBar,
    QWidget,
)
from whole_window import label_page, labelled_project, window

from gui.dialogs.about import AboutDialog
from gui.dialogs.base_models import BaseModelsDialog
from gui.dialogs.disease import DiseaseDialog
from gui.dialogs.diseases import DiseasesDialog
from gui.dialogs.import_photos import ImportDialog
from gui.dialogs.keys import KeysDialog
from gui.dialogs.locate import LocateDialog
from gui.dialogs.measures import MeasuresDialog
from gui.dialogs.new_project import NewProjectDialog
from gui.dialogs.preferences import PreferencesDialog
from gui.dialogs.prepared import PreparedDialog
from gui.dialogs.scale_card import ScaleCardDialog
from gui.dialogs.scales import ScalesDialog
from gui.dialogs.starter_list import StarterListDialog
from gui.dialogs.weights import WeightsDialog
from gui.notices import Level, Notice
from gui.panels.display import DisplayPanel
from gui.panels.label import LabelPage
from gui.workspaces import WORKSPACES

WORKED = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit,
)  # fmt: skip
PARTS = (QScrollBar, QDialogButtonBox, QScrollArea, QHeaderView)
"""Named by Qt, or no more than the frame of what has names."""
WHOLE = (QComboBox, QAbstractSpinBox, QLineEdit)
"""What is inside them is worked as one with them."""


def workable(root: QWidget) -> Iterator[QWidget]:
    """What a person can work in ``root``, but for what Qt puts into its own widgets."""
    for widget in root.findChildren(QWidget):
        inner = widget.objectName().startswith("qt_") or isinstance(widget, PARTS)
        if inner or any(isinstance(above, WHOLE) for above in _above(widget)):
            continue
        tabbed = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if isinstance(widget, WORKED) or (tabbed and type(widget).__module__.startswith("gui.")):
            yield widget


def nameless(root: QWidget) -> list[str]:
    """Those of them that a screen reader could only call by their kind."""
    found = []
    for widget in workable(root):
        seen = QAccessible.queryAccessibleInterface(widget)
        if isinstance(widget, QComboBox):  # Qt gives what is chosen in it for its name
            label = seen.relations(QAccessible.RelationFlag.Label) if seen is not None else ()
            name = widget.accessibleName() or ("labelled" if label else "")
        else:
            name = seen.text(QAccessible.Text.Name) if seen is not None else widget.accessibleName()
        if not name:
            above = ", ".join(type(w).__name__ for w in _above(widget))
            found.append(f"{type(widget).__name__} {widget.objectName()!r} in {above}")
    return found


def _above(widget: QWidget) -> Iterator[QWidget]:
    while (parent := widget.parentWidget()) is not None:
        yield parent
        widget = parent


@pytest.fixture
def program(qtbot, tmp_path: Path):
    with window(qtbot, labelled_project(tmp_path)) as made:
        label_page(qtbot, made)
        yield made


@pytest.mark.parametrize("workspace", [w.id for w in WORKSPACES])
def test_everything_in_the_workspaces_has_a_name(program, workspace: str) -> None:
    program.window.show_workspace(workspace)
    assert [*workable(program.shell)]
    assert "\n".join(nameless(program.shell)) == ""


def test_everything_on_the_start_page_has_a_name(program) -> None:
    program.controller.close()
    assert "\n".join(nameless(program.shell)) == ""


def test_everything_in_a_notice_has_a_name(program) -> None:
    notices = program.context.notices
    notices.post(Notice(Level.WARNING, "The disk is full.", "Open the folder", lambda: None))
    (toast,) = program.window.notice_view.toasts
    assert [*workable(toast)]
    assert "\n".join(nameless(toast)) == ""


@pytest.mark.parametrize("kind", [AboutDialog, KeysDialog, PreferencesDialog, NewProjectDialog])
def test_everything_in_the_dialogs_has_a_name(qtbot, program, kind: type) -> None:
    made = kind(program.context, program.shell)
    qtbot.addWidget(made)
    assert "\n".join(nameless(made)) == ""


def test_everything_in_the_import_dialog_has_a_name(qtbot, program) -> None:
    made = ImportDialog(program.context, program.importer(), [], program.shell)
    assert "\n".join(nameless(made)) == ""
    made.close()


def test_everything_about_diseases_and_display_has_a_name(qtbot, program) -> None:
    page = label_page(qtbot, program)
    dialog = DiseasesDialog(
        program.context,
        page.diseases,
        page.controller.bulk,
        program.shell,
        unsaved=lambda: False,
    )
    panel = DisplayPanel(program.context, page.view, page)
    for made in (dialog, panel, PreparedDialog(program.context, program.shell)):
        qtbot.addWidget(made)
        assert "\n".join(nameless(made)) == ""
    assert [*workable(panel)]


def _scale_card(program, page) -> QWidget:
    photo = page.controller.current.photo
    return ScaleCardDialog(photo.pyramid, None, 3, program.shell)


SMALLER: dict[str, Callable[[Any, LabelPage], QWidget]] = {
    "disease": lambda p, page: DiseaseDialog(page.diseases.all[0], page.diseases.all[1:], p.shell),
    "starter list": lambda p, page: StarterListDialog(page.diseases.all, p.shell),
    "scales": lambda p, page: ScalesDialog(page.measures.scales, p.shell),
    "measures": lambda p, page: MeasuresDialog(page.measures, page.diseases, p.theme, p.shell),
    "scale card": _scale_card,
    "base models": lambda p, _page: BaseModelsDialog(p.context, "gemma-3", p.shell),
    "weights": lambda p, _page: WeightsDialog(p.context, "segment-anything", p.shell),
    "locate": lambda p, _page: LocateDialog(Path("/photos"), lambda: None, p.shell),
}


@pytest.mark.parametrize("name", SMALLER)
def test_everything_in_the_smaller_dialogs_has_a_name(qtbot, program, name: str) -> None:
    page = label_page(qtbot, program)
    qtbot.waitUntil(lambda: page.canvas.photo_complete)
    made = SMALLER[name](program, page)
    qtbot.addWidget(made)
    assert "\n".join(nameless(made)) == ""


def test_the_canvas_says_what_it_shows(qtbot, program) -> None:
    page = label_page(qtbot, program)
    assert page.canvas.accessibleName() == "Photo canvas"
    assert "pixels" in page.canvas.accessibleDescription()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("workspace", [w.id for w in WORKSPACES])
def test_what_has_the_keyboard_is_seen(qtbot, program, workspace: str, theme: str) -> None:
    program.theme.apply(theme)
    program.window.show_workspace(workspace)
    shell = program.shell
    shell.activateWindow()
    qtbot.waitUntil(shell.isActiveWindow)
    unseen = []
    for widget in workable(shell):
        tabbed = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if not (tabbed and widget.isVisible() and widget.isEnabled()):
            continue
        before = shell.focusWidget()
        if before is not None:
            before.clearFocus()
        bare = _around(widget)
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        if widget.hasFocus() and _around(widget) == bare:
            unseen.append(f"{type(widget).__name__} {widget.accessibleName()!r}")
    program.theme.apply("light")
    assert unseen == []


def _around(widget: QWidget) -> object:
    """The widget with the frame around it, as it is on the screen."""
    outer = widget.parentWidget() or widget
    place = widget.geometry().adjusted(-3, -3, 3, 3)
    return outer.grab(place).toImage()
