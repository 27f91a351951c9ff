"""What closing a dialog promises: it is gone, not hidden, however it was closed and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog
from whole_window import label_page, labelled_project, window

from gui.app import Leafspot
from gui.dialogs.import_photos import ImportDialog
from gui.dialogs.new_project import NewProjectDialog
from gui.dialogs.prepared import PreparedDialog
from gui.dialogs.run_facts import RunFactsDialog

CLOSED: dict[str, Callable[[QDialog], object]] = {
    "with a choice": QDialog.accept,
    "without one": QDialog.reject,
    "by its window": QDialog.close,
}


@pytest.fixture
def program(qtbot, tmp_path: Path) -> Iterator[Leafspot]:
    with window(qtbot, labelled_project(tmp_path)) as program:
        label_page(qtbot, program)
        yield program


def _dialogs(program: Leafspot) -> list[QDialog]:
    """Those that are alive, once what is to go has gone."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return program.shell.findChildren(QDialog)


def _choosers(program: Leafspot) -> dict[str, Callable[[], object]]:
    """Every button behind which files or folders are chosen, by where it stands."""
    shell, page = program.shell, program.window.page
    label, train, export = page("label"), page("train"), page("export")
    importing = program.importer()
    made = NewProjectDialog(program.context, shell)
    photos = ImportDialog(program.context, importing, [], shell)
    packs = PreparedDialog(program.context, shell)
    start = train.setup.start

    def own_adapter() -> None:
        start.choice.setCurrentIndex(start.choice.count() - 1)
        start.choice.activated.emit(start.choice.currentIndex())

    return {
        "project": program.controller.ask_open,
        "moved photos": importing.ask_locate,
        "weights of the assistant": label.assistant_panel._ask_weights,
        "base model": train.setup._choose_folder,
        "mask head": train.setup.advanced.head._ask,
        "adapter to go on from": own_adapter,
        "labels": export.data._choose,
        "adapter": export.adapter._choose,
        "folder of a new project": made._browse,
        "photos": photos.photos._browse,
        "table": photos.labels._browse,
        "pack to read": packs._ask_pack,
    }


def test_a_dialog_for_files_is_gone_when_it_is_closed(program) -> None:
    choosers = _choosers(program)
    before = len(_dialogs(program))
    for where, ask in choosers.items():
        for how in ("without one", "by its window"):
            ask()
            dialog = program.shell.findChild(QFileDialog)
            assert dialog is not None, where
            CLOSED[how](dialog)
            assert len(_dialogs(program)) == before, f"{where}, {how}"


def test_it_is_gone_after_a_choice_too_and_the_choice_is_taken(program, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    made = NewProjectDialog(program.context, program.shell)
    before = len(_dialogs(program))
    for _ in range(3):
        made._browse()
        dialog = made.findChild(QFileDialog)
        dialog.setDirectory(str(folder.parent))
        dialog.selectFile(str(folder))
        dialog.accept()
        assert Path(made._folder.text()) == folder
        assert len(_dialogs(program)) == before


@pytest.mark.parametrize("how", CLOSED)
def test_the_windows_own_dialogs_are_gone_when_they_are_closed(program, how: str) -> None:
    actions, before = program.context.actions, len(_dialogs(program))
    opened = ("help.about", "help.keys", "app.preferences", "photos.prepared", "project.new",
              "photos.import")  # fmt: skip
    asks = [actions[action].trigger for action in opened]
    asks.append(lambda: RunFactsDialog("x", program.shell).open())
    if how != "with a choice":
        bulk = program.window.page("label").bulk_menu
        asks += [lambda: bulk.ask_group(()), lambda: bulk.ask_crop(())]
    for ask in asks:
        ask()
        QTest.qWait(1)
        (dialog,) = [one for one in program.shell.findChildren(QDialog) if one.isVisible()]
        CLOSED[how](dialog)
        assert len(_dialogs(program)) == before, type(dialog).__name__
