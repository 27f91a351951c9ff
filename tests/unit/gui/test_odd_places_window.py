"""Places that are typed or pasted into the window are good or named as not there, and no bug."""

from __future__ import annotations

from pathlib import Path

import pytest
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt
from whole_window import bare_project, label_page, window

from core.domain.run import RunState
from core.services.train import prepare_run
from core.training.config import TrainConfig
from gui.dialogs.import_photos import ImportDialog
from gui.dialogs.new_project import NewProjectDialog
from gui.panels.train import TrainWorkspace

ODD = ["~nobody-of-that-name", "x" * 5000, "a\0b", "two\nlines", "~", "/proc/1/fd/x"]


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_whatever_is_typed_as_a_folder_of_photos_is_no_bug(qtbot, tmp_path: Path, text) -> None:
    with window(qtbot, bare_project(tmp_path, photos=1)) as program:
        label_page(qtbot, program)
        program.importer().ask([])
        dialog = program.shell.findChild(ImportDialog)
        for row in (dialog.photos, dialog.masks, dialog.map, dialog.labels):
            row.line.setText(text)
        if text != "~":
            assert not dialog.start.isEnabled()
        dialog.close()


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_whatever_is_typed_as_a_place_for_a_project_is_no_bug(qtbot, tmp_path: Path, text) -> None:
    with window(qtbot) as program:
        program.controller.ask_new()
        dialog = program.shell.findChild(NewProjectDialog)
        dialog._folder.setText(text)
        dialog._name.setText("x" * 300)
        dialog._folder.setText(str(tmp_path))
        dialog.close()


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=12) as found:
        yield found


def test_a_run_whose_settings_cannot_be_read_is_shown_all_the_same(qtbot, leaves) -> None:
    def left_behind(store):
        folder = prepare_run(store, TrainConfig())
        store.set_run_state(folder.id, RunState.FAILED)
        return folder

    folder = leaves.ask(qtbot, left_behind)
    folder.config.write_text('{"unheard": "of"}')
    page = leaves.show(TrainWorkspace(leaves.context), "train")
    qtbot.waitUntil(lambda: bool(page.training.runs), timeout=PATIENCE)
    qtbot.mouseClick(
        page.history.viewport(),
        Qt.MouseButton.LeftButton,
        pos=page.history.visualRect(page.history.model().index(0, 0)).center(),
    )
    qtbot.waitUntil(lambda: page.shown == folder.id, timeout=PATIENCE)
    leaves.ask(qtbot, lambda store: store.runs())
    assert leaves.bugs == []
