"""What the window promises: it comes up at once, never traps the person, and loses nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QWidget,
)
from whole_window import bare_project, label_page, labelled_project, on_disk, window

from core.domain.disease import PALETTE, Disease
from core.domain.ids import DiseaseId, new_id
from core.domain.image import ImageState
from core.errors import DiskFull, ProjectError
from core.services.import_images import ImportOptions, ImportReport
from core.settings import SETTINGS
from gui.actions import MENUS, TABLE, Actions, ActionSpec
from gui.controllers.project import Projects
from gui.controllers.saver import SaveState
from gui.crash import CrashHandler, write_report
from gui.dialogs.about import AboutDialog
from gui.dialogs.diseases import DiseasesDialog
from gui.dialogs.import_photos import ImportDialog, suggest
from gui.dialogs.keys import KeysDialog
from gui.dialogs.new_project import NewProjectDialog, problem
from gui.dialogs.preferences import PreferencesDialog
from gui.main_window import read_only_sentence
from gui.notices import Level, Notice
from gui.panels.pieces import Elided
from gui.theme import Theme
from storage.projects import open_project

HEAVY = ("torch", "transformers", "peft", "numpy", "cv2", "sqlalchemy", "qtawesome", "storage")


def test_the_window_shows_before_anything_heavy_is_imported(repo: Path) -> None:
    code = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([]);"
        "from gui.app import Leafspot; l = Leafspot(app); l.shell.show(); app.processEvents();"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_window_that_is_gone_leaves_nothing_in_the_application(qtbot, qapp, tmp_path) -> None:
    before = _ours(qapp)
    with window(qtbot, bare_project(tmp_path)):
        pass
    qtbot.waitUntil(lambda: _ours(qapp) == before)


def _ours(app: QApplication) -> list[QObject]:
    return [child for child in app.children() if type(child).__module__.startswith("gui.")]


def test_a_worker_is_served_without_meeting_qt(repo: Path, tmp_path: Path) -> None:
    probe = (
        "import runpy, sys; from gui import __main__ as door;"
        "runpy.run_module = lambda name, **_: print(name, 'PySide6' in sys.modules);"
        "door.main(['--worker', 'segment'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=repo, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["core.workers.segment", "False"]


def test_a_worker_without_a_sensible_name_is_refused() -> None:
    from gui.__main__ import main

    assert main(["--worker", "../evil"]) == 2
    assert main(["--worker"]) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others always have a display")
def test_without_a_display_the_window_says_so_in_a_sentence(repo: Path) -> None:
    told = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    bare = {name: value for name, value in os.environ.items() if name not in told}
    words = [sys.executable, "-m", "gui"]
    done = subprocess.run(words, cwd=repo, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "There is no display here, so no window can be opened. The commands work without one: "
        "see “leafspot --help”.\n"
    )


def test_ctrl_c_while_libraries_load_ends_with_a_status_and_no_stack_trace(monkeypatch) -> None:
    from gui.__main__ import main

    def pressed(_words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.cli.main", pressed)
    assert main(["doctor"]) == 130


def test_the_start_page_offers_the_three_ways_in_and_recent_projects(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path)
    with window(qtbot, folder) as program:
        program.controller.close()
        assert program.window.current == ""
        texts = [b.accessibleName() for b in program.start_page.findChildren(QPushButton)]
        for words in ("New project", "Open project", "Open sample project", "bare"):
            assert any(words in t for t in texts)
        buttons = program.start_page.findChildren(QPushButton)
        recent = next(b for b in buttons if "bare" in b.accessibleName())
        qtbot.mouseClick(recent.findChild(Elided), Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: program.context.project.info is not None, timeout=10_000)


def test_a_recent_project_with_a_long_name_keeps_to_the_page(qtbot, tmp_path) -> None:
    with window(qtbot) as program:
        long = tmp_path / f"{'leaf rust in the highlands ' * 9}.leafspot"
        program.preferences.add_recent(long)
        program.start_page.refresh()
        buttons = program.start_page.findChildren(QPushButton)
        recent = next(b for b in buttons if b.accessibleName().startswith("leaf rust"))
        qtbot.waitUntil(recent.isVisible)
        for words in recent.findChildren(Elided):
            assert words.geometry().right() < recent.width()
            assert words.width() > 40
        assert recent.toolTip() == str(long)


def test_a_project_that_cannot_be_opened_leaves_the_open_one_as_it_is(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path)
    with window(qtbot, folder) as program:
        program.controller.open(tmp_path / "nothing.leafspot")
        qtbot.waitUntil(
            lambda: any("project" in n.text for n in program.notices.recent), timeout=10_000
        )
        assert program.context.project.info.folder == folder
        assert [n.level for n in program.notices.recent] == [Level.ERROR]


def test_a_project_that_is_opened_again_can_still_be_changed(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path)
    with window(qtbot, folder) as program:
        program.controller.open(tmp_path / "there" / ".." / folder.name)
        qtbot.waitUntil(lambda: bool(program.notices.recent), timeout=10_000)
        assert [n.text for n in program.notices.recent] == ["This project is open already."]
        assert program.context.project.writable
        with on_disk(folder) as store:
            assert store.read_only  # the lock has not gone with the store that was closed


def test_the_title_and_the_actions_follow_the_project(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        assert program.shell.windowTitle() == "bare – Leafspot"
        assert program.context.actions["photos.import"].isEnabled()
        program.controller.close()
        assert program.shell.windowTitle() == "Leafspot"
        assert not program.context.actions["photos.import"].isEnabled()
        assert not program.window.rail.isVisible()


def test_leaving_asks_first_when_something_would_be_lost(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        program.context.guards.append(lambda: "A training run is under way.")
        assert not program.shell.close()
        assert program.shell.isVisible()
        box = program.shell.findChild(QMessageBox)
        assert box is not None
        assert "A training run is under way." in box.text()
        next(b for b in box.buttons() if b.text() == "Stay").click()
        assert program.shell.isVisible()
        assert not program.shell.close()
        box = [b for b in program.shell.findChildren(QMessageBox) if b.isVisible()][-1]
        next(b for b in box.buttons() if b.text() == "Leave anyway").click()
        assert not program.shell.isVisible()


def test_closing_the_window_gives_the_project_back(qtbot, tmp_path: Path) -> None:
    from storage.projects import open_project

    folder = bare_project(tmp_path)
    with window(qtbot, folder) as program:
        label_page(qtbot, program)
    store = open_project(folder)
    assert not store.read_only
    store.close()


def test_a_dropped_project_opens_and_dropped_photos_ask_to_be_imported(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path)

    def drop(program, path: Path) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        copy = Qt.DropAction.CopyAction
        none = Qt.KeyboardModifier.NoModifier
        event = QDropEvent(QPointF(5, 5), copy, data, Qt.MouseButton.LeftButton, none)
        program.shell.dropEvent(event)

    with window(qtbot) as program:
        drop(program, tmp_path / "photo_0.png")
        assert "first" in program.notices.recent[-1].text
        drop(program, folder)
        qtbot.waitUntil(lambda: program.context.project.info is not None, timeout=10_000)
        drop(program, tmp_path / "photo_0.png")
        dialog = program.shell.findChild(ImportDialog)
        assert dialog is not None
        assert dialog.start.isEnabled()
        dialog.close()


def test_import_reports_every_refusal_and_the_gallery_shows_the_rest(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path, photos=1)
    new = tmp_path / "new"
    new.mkdir()
    picture = QImage(320, 240, QImage.Format.Format_RGB32)
    for number in range(2):
        picture.fill(Qt.GlobalColor.darkGreen if number else Qt.GlobalColor.green)
        assert picture.save(str(new / f"leaf {number}.png"))
    (new / "notes.jpg").write_text("not a photo")
    with window(qtbot, folder) as program:
        page = label_page(qtbot, program)
        program.importer().ask([new])
        dialog = program.shell.findChild(ImportDialog)
        assert dialog.photos.line.text() == str(new)
        dialog.start.click()
        qtbot.waitUntil(lambda: dialog.summary.text() != "", timeout=60_000)
        assert dialog.summary.text() == "2 photos imported"
        assert "3 in all; 1 refused" in dialog.details.text()
        assert dialog.refusals.item(0).text().startswith("notes.jpg: ")
        dialog.close()
        qtbot.waitUntil(lambda: len(page.gallery.index) == 3, timeout=10_000)


def test_a_second_enter_does_not_end_the_import_that_the_first_began(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path, photos=1)
    picture = QImage(320, 240, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.green)
    assert picture.save(str(tmp_path / "leaf.png"))
    with window(qtbot, folder) as program:
        label_page(qtbot, program)
        program.importer().ask([tmp_path / "leaf.png"])
        dialog = program.shell.findChild(ImportDialog)
        qtbot.keyClick(dialog.start, Qt.Key.Key_Return)
        stop = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Stop")
        assert stop.isVisible()
        stop.setFocus()  # as it gets in a window with the focus, the only button that is left
        with qtbot.assertNotEmitted(stop.clicked, wait=200):
            qtbot.keyClick(stop, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: dialog.summary.text() != "", timeout=60_000)
        assert dialog.summary.text() == "1 photo imported"
        dialog.close()


def test_a_table_for_photos_that_are_there_reaches_the_open_one_and_undo_says_so(
    qtbot, tmp_path
) -> None:
    folder = bare_project(tmp_path, photos=2)
    table = tmp_path / "later.csv"
    table.write_text("image,disease\nphoto_0.png,rust\nphoto_1.png,leaf miner\n")
    with window(qtbot, folder) as program:
        page = label_page(qtbot, program)
        label = page.controller
        label.mark(ImageState.IN_PROGRESS)
        assert label.edits.undo_title
        program.importer().ask([tmp_path / "photo_0.png", tmp_path / "photo_1.png"])
        dialog = program.shell.findChild(ImportDialog)
        dialog.labels.line.setText(str(table))
        dialog.start.click()
        qtbot.waitUntil(lambda: dialog.summary.text() != "", timeout=60_000)
        assert dialog.summary.text() == "2 photos completed"
        assert dialog.details.text() == (
            "2 in all. Labels of 2 known photos were added. Undo does not take that back."
        )
        dialog.close()
        qtbot.waitUntil(lambda: label.session.image.disease is not None, timeout=10_000)
        assert label.session.image.state is ImageState.IN_PROGRESS
        assert not label.edits.undo_title
        label.mark(ImageState.DONE)  # what the person does next keeps the table's word
        qtbot.waitUntil(lambda: label.edits.saver.state is SaveState.SAVED, timeout=10_000)
        image, named = label.session.image.id, label.session.image.disease
    store = open_project(folder, read_only=True)
    assert (store.image(image).disease, store.image(image).state) == (named, ImageState.DONE)
    store.close()


def test_import_copies_photos_in_when_the_box_is_ticked(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path, photos=1)
    new = tmp_path / "new"
    new.mkdir()
    picture = QImage(320, 240, QImage.Format.Format_RGB32)
    for name in ("stays", "copied"):
        picture.fill(Qt.GlobalColor.green if name == "stays" else Qt.GlobalColor.red)
        assert picture.save(str(new / f"{name}.png"))

    def imported(program, name: str, *, ticked: bool) -> ImportDialog:
        program.importer().ask([new / f"{name}.png"])
        dialog = next(d for d in program.shell.findChildren(ImportDialog) if d.isVisible())
        assert not dialog.copy.isChecked(), "photos stay where they are unless asked"
        if ticked:
            dialog.copy.click()
        dialog.start.click()
        qtbot.waitUntil(lambda: dialog.summary.text() != "", timeout=60_000)
        assert dialog.summary.text() == "1 photo imported"
        qtbot.waitUntil(lambda: dialog.details.y() > 0)
        assert dialog.details.geometry().bottom() < dialog.height() / 3, "words stand at the top"
        dialog.close()
        return dialog

    with window(qtbot, folder) as program:
        label_page(qtbot, program)
        said = imported(program, "stays", ticked=False).details.text()
        assert said == ""
        assert not (folder / "photos").exists()
        said = imported(program, "copied", ticked=True).details.text()
        assert said == "The copies are in the project's photos folder."
        assert [p.name for p in (folder / "photos").iterdir()] == ["copied.png"]
        copy = folder / "photos" / "copied.png"
        assert copy.read_bytes() == (new / "copied.png").read_bytes()


def test_import_says_where_the_photos_will_be(qtbot, tmp_path) -> None:
    with window(qtbot, bare_project(tmp_path, photos=1)) as program:
        program.importer().ask([])
        dialog = program.shell.findChild(ImportDialog)
        notes = [w for w in dialog.findChildren(QLabel) if w.text().startswith("Photos stay where")]
        (note,) = notes
        dialog.copy.click()
        assert note.text().startswith("The project works with its own copies")
        dialog.copy.click()
        assert note.text().startswith("Photos stay where")
        dialog.close()


def test_an_import_that_cannot_copy_says_so_and_asks_again(qtbot, tmp_path, monkeypatch) -> None:
    folder = bare_project(tmp_path, photos=1)
    picture = QImage(320, 240, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.red)
    (tmp_path / "new").mkdir()
    assert picture.save(str(tmp_path / "new" / "a.png"))

    def full(_photo: Path, _draft: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.services.import_copies._write", full)
    with window(qtbot, folder) as program:
        page = label_page(qtbot, program)
        program.importer().ask([tmp_path / "new"])
        dialog = program.shell.findChild(ImportDialog)
        dialog.copy.click()
        dialog.start.click()
        qtbot.waitUntil(lambda: bool(program.notices.recent), timeout=60_000)
        assert "The disk is full, so “a.png”" in program.notices.recent[-1].text
        assert dialog.start.isVisible(), "the form is back, to try again"
        assert not (folder / "photos").exists()
        assert len(page.gallery.index) == 1
        dialog.close()


def test_import_recognises_masks_map_and_table_beside_the_photos(tmp_path: Path) -> None:
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    for name in ("map.json", "labels.csv"):
        (tmp_path / name).write_text("{}")
    found = suggest(tmp_path)
    assert found == suggest(tmp_path / "photos")
    assert Path(found.masks).name == "masks"
    assert Path(found.labels).name == "labels.csv"
    (tmp_path / "map.json").unlink()
    assert suggest(tmp_path).masks == ""


@pytest.mark.parametrize("name", ["", "  ", "a/b", "con", "trailing.", "what?", "x:y"])
def test_names_that_some_system_refuses_are_refused_everywhere(name: str, tmp_path: Path) -> None:
    assert problem(name, tmp_path)


def test_a_new_project_may_not_replace_another(tmp_path: Path) -> None:
    assert problem("Leaves", tmp_path) == ""
    (tmp_path / "Leaves.leafspot").mkdir()
    assert "already" in problem("Leaves", tmp_path)
    assert problem("Leaves", tmp_path / "gone")


def test_making_a_project_opens_it_and_asks_for_photos(qtbot, tmp_path: Path) -> None:
    with window(qtbot) as program:
        program.controller.ask_new()
        dialog = program.shell.findChild(NewProjectDialog)
        dialog._folder.setText(str(tmp_path))
        dialog._name.setText("Hill")
        qtbot.keyClick(dialog._name, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: program.context.project.info is not None, timeout=10_000)
        assert program.context.project.info.folder == tmp_path / "Hill.leafspot"
        asked = program.shell.findChild(ImportDialog)
        assert asked is not None
        asked.close()


def test_a_failure_to_make_a_project_is_a_sentence(qtbot, tmp_path: Path) -> None:
    def refuse(_folder: Path):
        raise ProjectError("The folder may not be written; choose another.")

    projects = Projects(open=refuse, create=refuse, sample=lambda: tmp_path)
    with window(qtbot, projects=projects) as program:
        program.controller.create(tmp_path / "x.leafspot")
        qtbot.waitUntil(lambda: bool(program.notices.recent), timeout=10_000)
        assert program.notices.recent[-1].text.startswith("The folder may not be written")
        assert program.context.project.info is None


def test_every_dialog_opens_without_stopping_the_program(qtbot, tmp_path: Path) -> None:
    with window(qtbot, labelled_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        for action, kind in (
            ("help.about", AboutDialog),
            ("help.keys", KeysDialog),
            ("app.preferences", PreferencesDialog),
            ("project.open", QFileDialog),
        ):
            program.context.actions[action].trigger()
            dialog = program.shell.findChild(kind)
            assert dialog is not None
            dialog.close()
            dialog.deleteLater()
        page.actions_.edit_diseases()
        assert program.shell.findChild(DiseasesDialog) is not None


def test_a_new_disease_gets_a_colour_and_a_key_of_its_own(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        page.actions_.edit_diseases()
        dialog = program.shell.findChild(DiseasesDialog)
        dialog._new.setText("RUST")
        dialog._add.click()
        assert "already" in dialog._problem.text()
        dialog._new.setText("scald")
        dialog._add.click()
        qtbot.waitUntil(lambda: len(page.diseases.all) == 4, timeout=10_000)
        scald = next(d for d in page.diseases.all if d.name == "scald")
        others = [d for d in page.diseases.all if d != scald]
        assert scald.colour not in [d.colour for d in others]
        assert scald.hotkey not in [d.hotkey for d in others]


def test_enter_ends_the_renaming_of_a_disease_and_nothing_else(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        page.actions_.edit_diseases()
        dialog = program.shell.findChild(DiseasesDialog)
        name = next(w for w in dialog.findChildren(QLineEdit) if w.text() == "rust")
        name.setText("brown rust")
        qtbot.keyClick(name, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: "brown rust" in [d.name for d in page.diseases.all], timeout=10_000)
        assert dialog._problem.text() == ""
        assert dialog.isVisible()
        dialog._new.setText("scald")
        qtbot.keyClick(dialog._new, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: len(page.diseases.all) == 4, timeout=10_000)
        assert dialog.isVisible()


def test_many_diseases_fit_on_a_small_screen(qtbot, tmp_path: Path) -> None:
    project = bare_project(tmp_path)
    store = open_project(project)
    for number in range(40):
        store.put_disease(Disease(DiseaseId(new_id()), f"disease {number}", PALETTE[0]))
    store.close()
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        qtbot.waitUntil(lambda: len(page.diseases.all) == 43, timeout=10_000)
        page.actions_.edit_diseases()
        dialog = program.shell.findChild(DiseasesDialog)
        assert dialog.height() <= 700
        assert dialog.minimumSizeHint().height() <= 700


def test_the_fields_of_all_preferences_stand_in_one_column(qtbot) -> None:
    with window(qtbot) as program:
        dialog = PreferencesDialog(program.context, program.shell)
        dialog.open()
        fields = [dialog.findChild(QWidget, s.key) for s in SETTINGS if s.group]
        assert len({field.mapTo(dialog, QPoint()).x() for field in fields}) == 1


def test_changing_the_theme_in_the_preferences_changes_the_window(qtbot) -> None:
    with window(qtbot) as program:
        program.preferences.put("appearance.theme", "dark")
        assert program.theme.dark
        program.preferences.put("appearance.theme", "light")
        assert not program.theme.dark


def test_an_error_notice_stays_until_it_is_closed_and_is_not_repeated(qtbot) -> None:
    with window(qtbot) as program:
        view = program.window.notice_view
        program.notices.error("<b>No</b> space left.")
        program.notices.error("<b>No</b> space left.")
        assert len(view.toasts) == 1
        toast = view.toasts[0]
        assert toast.isVisible()
        toast.dismiss()
        assert view.toasts == []


def test_the_button_of_a_notice_does_what_it_says(qtbot) -> None:
    done = []
    with window(qtbot) as program:
        program.notices.post(
            Notice(Level.WARNING, "Not saved.", "Try again", lambda: done.append(1))
        )
        toast = program.window.notice_view.toasts[0]
        toast.findChild(QPushButton).click()
        assert done == [1]


def test_a_bug_is_reported_once_and_the_program_goes_on(qtbot, tmp_path: Path, caplog) -> None:
    told = []
    handler = CrashHandler(lambda text, path: told.append((text, path)))
    with pytest.raises(ValueError, match="the bug") as caught:
        int("the bug")
    for _ in range(3):
        handler.report(caught.value)
    qtbot.waitUntil(lambda: bool(told))
    qtbot.wait(20)
    assert len(told) == 1
    text, path = told[0]
    assert "not affected" in text
    assert "the bug" in path.read_text(encoding="utf-8")
    path.unlink()
    assert write_report(ValueError("x"), Path("/proc/nowhere")) is None


def test_read_only_sentences_say_what_to_do() -> None:
    assert "Ada on field-laptop" in read_only_sentence("Ada on field-laptop")
    assert "Copy it" in read_only_sentence("")


def test_no_two_actions_share_a_key_where_both_can_be_pressed(qapp) -> None:
    from PySide6.QtWidgets import QMainWindow

    home = QMainWindow()
    actions = Actions(home, Theme(qapp, "light"))
    keys: dict[str, list[ActionSpec]] = {}
    for line in actions.specs:
        assert line.menu in (*MENUS, "")
        for key in line.shortcuts:
            keys.setdefault(key, []).append(line)
    assert {k: v for k, v in keys.items() if len(v) > 1} == {}


def test_an_action_is_enabled_while_all_its_flags_are_set(qapp) -> None:
    from PySide6.QtWidgets import QMainWindow

    home = QMainWindow()
    actions = Actions(home, Theme(qapp, "light"))
    line = next(s for s in TABLE if s.id == "photos.import")
    for flag in line.needs:
        assert not actions["photos.import"].isEnabled()
        actions.set_flag(flag, True)
    assert actions["photos.import"].isEnabled()
    actions.set_flag("writable", False)
    assert not actions["photos.import"].isEnabled()


def test_the_start_page_says_what_it_is_waiting_for_and_opens_one_project_at_a_time(
    qtbot, tmp_path: Path
) -> None:
    import threading

    gate, opened = threading.Event(), []

    def slow(folder: Path):
        gate.wait()
        opened.append(folder)
        raise ProjectError("It is gone.")

    projects = Projects(open=slow, create=slow, sample=lambda: tmp_path)
    with window(qtbot, projects=projects) as program:
        program.controller.open_sample()
        program.controller.open(tmp_path / "other.leafspot")
        assert program.start_page._busy.isVisible()
        assert "sample leaves" in program.start_page._doing.text()
        gate.set()
        qtbot.waitUntil(lambda: not program.start_page._busy.isVisible(), timeout=10_000)
        assert opened == [tmp_path]
        assert program.notices.recent[-1].text == "It is gone."


def test_the_sample_project_says_where_to_begin_and_shows_the_keys(qtbot, tmp_path: Path) -> None:
    folder = bare_project(tmp_path)
    projects = Projects(open=open_project, create=open_project, sample=lambda: folder)
    with window(qtbot, projects=projects) as program:
        program.controller.open_sample()
        label_page(qtbot, program)
        (toast,) = program.window.notice_view.toasts
        assert "press A and click a lesion" in toast.notice.text
        next(b for b in toast.findChildren(QPushButton) if b.text() == "Show the keys").click()
        assert program.shell.findChild(KeysDialog).isVisible()


@pytest.mark.parametrize("action", ["", "Try again"])
def test_a_notice_shows_all_of_its_sentence(qtbot, action: str) -> None:
    sentence = "The outlining assistant was killed. Close other programs and start it again. " * 2
    with window(qtbot) as program:
        does = (lambda: None) if action else None
        program.context.notices.post(Notice(Level.ERROR, sentence, action, does))
        (toast,) = program.window.notice_view.toasts
        text = next(w for w in toast.findChildren(QLabel) if w.text() == sentence)
        QApplication.processEvents()
        assert text.height() >= text.heightForWidth(text.width())


@pytest.fixture
def slow_import(monkeypatch: pytest.MonkeyPatch):
    """(whether an import has begun, let it go on, what it ends with): one that takes its time."""
    begun, go = threading.Event(), threading.Event()

    def run(*_: object, cancelled: Callable[[], bool], **__: object) -> ImportReport:
        begun.set()
        assert go.wait(20)
        if not cancelled():
            raise DiskFull("The disk is full.")
        return ImportReport(1, cancelled=True)

    monkeypatch.setattr("gui.controllers.import_.run", run)
    return begun, go


def test_escape_stops_an_import_as_closing_its_dialog_does(qtbot, tmp_path, slow_import) -> None:
    begun, go = slow_import
    folder = bare_project(tmp_path, photos=1)
    with window(qtbot, folder) as program:
        label_page(qtbot, program)
        importer = program.importer()
        importer.ask([tmp_path / "photo_0.png"])
        dialog = program.shell.findChild(ImportDialog)
        dialog.start.click()
        qtbot.waitUntil(begun.is_set, timeout=10_000)
        with qtbot.waitSignal(importer.finished, timeout=10_000) as ended:
            qtbot.keyClick(dialog, Qt.Key.Key_Escape)
            go.set()
        assert ended.args[0].cancelled


def test_an_import_that_fails_is_no_news_to_a_dialog_that_was_closed_before(
    qtbot, tmp_path, slow_import
) -> None:
    _, go = slow_import
    folder = bare_project(tmp_path, photos=1)
    with window(qtbot, folder) as program, qtbot.captureExceptions() as thrown:
        label_page(qtbot, program)
        importer = program.importer()
        importer.ask([tmp_path / "photo_0.png"])
        dialog = program.shell.findChild(ImportDialog)
        dialog.close()
        qtbot.waitUntil(lambda: not shiboken6.isValid(dialog), timeout=10_000)
        go.set()
        with qtbot.waitSignal(importer.failed, timeout=10_000):
            importer.start([tmp_path / "photo_0.png"], ImportOptions())
        assert "disk is full" in program.notices.recent[-1].text
    assert thrown == []
