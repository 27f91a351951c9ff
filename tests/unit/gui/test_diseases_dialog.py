"""The dialogs of the list of diseases: finding, filling, editing, merging."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QColorDialog, QLineEdit, QMessageBox, QToolButton
from whole_window import bare_project, label_page, labelled_project, saved, window

from core.domain.disease import PALETTE, Disease
from core.domain.ids import DiseaseId
from core.domain.region import RegionKind
from core.errors import DiskFull
from core.services.starter_list import crops, of_crops
from gui.app import Leafspot
from gui.controllers.saver import SaveState
from gui.dialogs.disease import DiseaseDialog
from gui.dialogs.diseases import DiseasesDialog
from gui.dialogs.new_project import NewProjectDialog
from gui.dialogs.starter_list import StarterListDialog
from gui.panels.label import LabelPage
from gui.tasks import Lane

RUST = Disease(DiseaseId(1), "Rust", "#e69f00", hotkey=1, eppo="HEMIVA", synonyms=("roya",))
MINER = Disease(DiseaseId(2), "Leaf miner", "#56b4e9")


@pytest.fixture
def program(qtbot, tmp_path: Path) -> Iterator[Leafspot]:
    with window(qtbot, labelled_project(tmp_path)) as made:
        yield made


@pytest.fixture
def page(qtbot, program: Leafspot) -> LabelPage:
    found = label_page(qtbot, program)
    qtbot.waitUntil(lambda: len(found.diseases.all) == 3, timeout=10_000)
    return found


@pytest.fixture
def dialog(program: Leafspot, page: LabelPage) -> DiseasesDialog:
    program.context.actions["label.diseases"].trigger()
    found = program.shell.findChild(DiseasesDialog)
    assert found is not None
    return found


def names_shown(dialog: DiseasesDialog) -> list[str]:
    return [
        w.text() for w in dialog.findChildren(QLineEdit)
        if w.isVisibleTo(dialog) and w.maxLength() == 120 and w is not dialog._new
    ]  # fmt: skip


def test_a_synonym_finds_its_disease(qtbot, program, page, dialog) -> None:
    first = page.diseases.all[0]
    program.context.project.change(
        lambda store: store.put_disease(replace(first, synonyms=("roya del café",)))
    )
    qtbot.waitUntil(lambda: bool(page.diseases.get(first.id).synonyms), timeout=10_000)
    dialog.search.setText("roya")
    qtbot.waitUntil(lambda: names_shown(dialog) == [first.name], timeout=10_000)
    dialog.search.clear()
    qtbot.waitUntil(lambda: len(names_shown(dialog)) == 3, timeout=10_000)
    dialog._new.setText("Roya del  Café")
    dialog._add.click()
    assert first.name in dialog._problem.text()
    dialog.reject()
    assert not dialog.isVisible()


def test_renaming_keeps_the_old_name_as_a_synonym(qtbot, page, dialog) -> None:
    first = page.diseases.all[0]
    line = next(w for w in dialog.findChildren(QLineEdit) if w.text() == first.name)
    line.setText("another name")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.diseases.get(first.id).name == "another name", timeout=10_000)
    assert page.diseases.get(first.id).synonyms == (first.name,)


def test_a_code_typed_in_the_list_is_checked_before_it_is_kept(qtbot, page, dialog) -> None:
    first = page.diseases.all[0]
    line = next(w for w in dialog.findChildren(QLineEdit) if w.maxLength() == 6)
    for typed, kept in (("hem", ""), ("hemiva", "HEMIVA")):
        line.setText(typed)
        qtbot.keyClick(line, Qt.Key.Key_Return)
        assert ("EPPO" in dialog._problem.text()) == (not kept)
        qtbot.waitUntil(
            lambda kept=kept: page.diseases.get(first.id).eppo == kept,  # type: ignore[misc]
            timeout=10_000,
        )


def test_the_keyboard_stays_in_its_field_when_a_name_has_been_saved(qtbot, page, dialog) -> None:
    first = page.diseases.all[0]
    line = next(w for w in dialog.findChildren(QLineEdit) if w.text() == first.name)
    line.setFocus()
    line.setText("another name")
    qtbot.keyClick(line, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: page.diseases.get(first.id).name == "another name", timeout=10_000)
    focus = dialog.focusWidget()
    assert isinstance(focus, QLineEdit)
    assert focus.isVisibleTo(dialog)
    assert focus.accessibleName() == "EPPO code: another name"


def change(program: Leafspot, disease: Disease) -> None:
    """As another part of the program, or an import, would."""
    program.context.project.change(lambda store: store.put_disease(disease))


def name_field(dialog: DiseasesDialog, name: str) -> QLineEdit:
    inside = [dialog._grid.itemAt(place).widget() for place in range(dialog._grid.count())]
    (found,) = [w for w in inside if w.accessibleName() == f"Name: {name}"]
    return found


def test_what_is_being_typed_outlives_a_change_from_elsewhere(
    qtbot, program, page, dialog, monkeypatch
) -> None:
    first, other = page.diseases.all[:2]
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    field = name_field(dialog, first.name)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "Brown ru")
    QTest.keyClick(field, Qt.Key.Key_Left)
    named: list[str] = []
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(dialog, "_rename", lambda _disease, name: named.append(name))
        change(program, replace(other, name="Aaa"))
        qtbot.waitUntil(lambda: page.diseases.get(other.id).name == "Aaa", timeout=10_000)
    assert named == [], "half a word is no name"
    again = name_field(dialog, first.name)
    assert again is not field
    assert dialog.focusWidget() is again
    QTest.keyClicks(again, "st r")
    assert again.text() == "Brown rst ru"
    QTest.keyClick(again, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.diseases.get(first.id).name == "Brown rst ru", timeout=10_000)


def test_a_name_that_was_refused_stays_to_be_mended(qtbot, program, page, dialog) -> None:
    first, other = page.diseases.all[:2]
    field = name_field(dialog, first.name)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, other.name)
    dialog.search.setFocus()
    assert dialog._problem.text()
    change(program, replace(other, eppo="ABCDEF"))
    qtbot.waitUntil(lambda: page.diseases.get(other.id).eppo == "ABCDEF", timeout=10_000)
    assert name_field(dialog, first.name).text() == other.name


def test_what_was_kept_elsewhere_shows_where_nobody_types(qtbot, program, page, dialog) -> None:
    first = page.diseases.all[0]
    change(program, replace(first, name="Other"))
    qtbot.waitUntil(lambda: page.diseases.get(first.id).name == "Other", timeout=10_000)
    assert name_field(dialog, "Other").text() == "Other"


def test_a_complaint_goes_when_another_name_is_typed(qtbot, page, dialog) -> None:
    dialog._new.setText(page.diseases.all[0].name)
    dialog._add.click()
    assert dialog._problem.text()
    qtbot.keyClicks(dialog._new, "2")
    assert not dialog._problem.text()


def test_merging_says_what_changes_moves_it_and_can_be_undone(qtbot, program, page, dialog) -> None:
    gone, into = (d for d in page.diseases.all if not d.healthy)
    session = page.controller.session
    program.context.project.ask(lambda s: s.disease_use(gone.id), on_done=lambda _u: None)
    dialog.edit(gone)
    one = dialog.findChild(DiseaseDialog)
    one.into.setCurrentIndex(one.into.findText(into.name))
    one.merge.click()
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox, "merge") is not None, timeout=10_000)
    box = dialog.findChild(QMessageBox, "merge")
    assert "2 photos and 2 outlines" in box.informativeText()
    assert "trained already keep" in box.informativeText()
    next(b for b in box.buttons() if b.text() == "Merge").click()
    qtbot.waitUntil(lambda: len(page.diseases.all) == 2, timeout=10_000)
    assert page.diseases.get(into.id).is_called(gone.name)
    qtbot.waitUntil(lambda: dialog.undo.isVisibleTo(dialog), timeout=10_000)
    assert "2 photos changed" in dialog.told.text()
    # The open photo shows what it is called now.
    qtbot.waitUntil(lambda: page.controller.session is not session, timeout=10_000)
    assert page.controller.session.image.disease == into.id
    dialog.undo.click()
    qtbot.waitUntil(lambda: len(page.diseases.all) == 3, timeout=10_000)
    qtbot.waitUntil(lambda: page.controller.session.image.disease == gone.id, timeout=10_000)
    qtbot.waitUntil(lambda: not dialog.undo.isVisibleTo(dialog), timeout=10_000)


def test_a_merge_can_be_undone_in_the_list_after_a_restart(qtbot, tmp_path: Path) -> None:
    project = labelled_project(tmp_path)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        qtbot.waitUntil(lambda: len(page.diseases.all) == 3, timeout=10_000)
        before = page.diseases.all
        gone, into = (d for d in before if not d.healthy)
        page.controller.bulk.merge(gone, into)
        qtbot.waitUntil(lambda: len(page.diseases.all) == 2, timeout=10_000)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        program.context.actions["label.diseases"].trigger()
        dialog = program.shell.findChild(DiseasesDialog)
        qtbot.waitUntil(lambda: dialog.undo.isVisibleTo(dialog), timeout=10_000)
        assert f"Merge “{gone.name}” into “{into.name}”: 2 photos" in dialog.told.text()
        dialog.undo.click()
        qtbot.waitUntil(lambda: page.diseases.all == before, timeout=10_000)


def test_a_merge_whose_name_was_given_away_says_so_and_is_offered_no_more(
    qtbot, program, page, dialog
) -> None:
    gone, into = (d for d in page.diseases.all if not d.healthy)
    page.controller.bulk.merge(gone, into)
    qtbot.waitUntil(lambda: dialog.undo.isVisibleTo(dialog), timeout=10_000)
    for disease in (replace(into, synonyms=()), Disease(DiseaseId(9), gone.name, "#123456")):
        program.context.project.change(lambda store, one=disease: store.put_disease(one))
    dialog.undo.click()
    qtbot.waitUntil(lambda: not dialog.undo.isVisibleTo(dialog), timeout=10_000)
    assert "already a disease called" in program.context.notices.recent[-1].text


def test_a_disease_does_not_go_while_what_may_carry_it_is_unsaved(
    qtbot, program, page, dialog, monkeypatch
) -> None:
    def full(_edit: object) -> None:
        raise DiskFull("The disk is full.")

    gone, into = (d for d in page.diseases.all if not d.healthy)
    with monkeypatch.context() as disk:
        disk.setattr(program.context.project.store, "commit", full)
        page.controller.name(into)
        page.controller.name(gone)
        saver = page.controller.edits.saver
        qtbot.waitUntil(lambda: saver.state is SaveState.FAILED, timeout=10_000)
        dialog.ask_to_merge(gone, into)
        dialog._merge(gone, into)
        dialog._remove(gone)
        assert "not saved yet" in dialog._problem.text()
    saver.retry_now()
    saved(qtbot, page)
    assert gone in page.diseases.all


def test_undo_brings_no_disease_back_that_has_gone(qtbot, program, page, dialog) -> None:
    gone, into = (d for d in page.diseases.all if not d.healthy)
    lesion = next(r for r in page.controller.session.regions if r.info.kind is RegionKind.LESION)
    page.controller.edits.set_active(lesion.info.id)
    other = gone if lesion.info.disease != gone.id else into
    page.controller.name_chosen(other)
    program.context.actions["edit.undo"].trigger()
    saved(qtbot, page)
    assert program.context.actions["edit.redo"].isEnabled()
    kept = into if other is gone else gone
    dialog._merge(other, kept)
    image, history = page.controller.session.image.id, page.controller.edits._history

    def next_names() -> set[DiseaseId]:
        stacks = history._stacks.get(image)
        return {d for edit in stacks.undone for d in edit.diseases()} if stacks else {other.id}

    qtbot.waitUntil(lambda: other.id not in next_names(), timeout=10_000)
    program.context.actions["edit.redo"].trigger()
    saved(qtbot, page)
    # Done again under the name that it has now.
    assert page.controller.session.region(lesion.info.id).info.disease == kept.id


def test_a_crops_diseases_come_with_codes_and_only_once(qtbot, page, dialog) -> None:
    for expected in (True, False):
        dialog.from_list.click()
        chooser = dialog.findChildren(StarterListDialog)[-1]
        chooser.tree.topLevelItem(0).setCheckState(0, Qt.CheckState.Checked)
        assert chooser.add.isEnabled() is expected
        if expected:
            chooser._take()
            wanted = 3 + len(of_crops(["coffee"]))
            qtbot.waitUntil(lambda: len(page.diseases.all) == wanted, timeout=10_000)  # noqa: B023
    assert any(d.eppo == "HEMIVA" and d.crop == "coffee" for d in page.diseases.all)


def test_the_list_is_searched_by_pathogen(qtbot) -> None:
    chooser = StarterListDialog([], None)  # type: ignore[arg-type]
    qtbot.addWidget(chooser)
    chooser.search.setText("hemileia")
    shown = [i for i in range(len(crops())) if not chooser.tree.topLevelItem(i).isHidden()]
    assert shown == [crops().index("coffee")]


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [("name", "", "needs a name"), ("name", "leaf MINER", "already"), ("eppo", "HEM", "EPPO code"),
     ("name", "roya", ""), ("eppo", "hemiva", "")],
)  # fmt: skip
def test_one_disease_is_checked_while_it_is_typed(qtbot, field: str, text: str, says: str) -> None:
    dialog = DiseaseDialog(RUST, [MINER], None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    getattr(dialog, field).setText(text)
    assert says in dialog._problem.text()
    assert dialog.keep.isEnabled() is (says == "")


def test_one_disease_is_kept_as_it_was_typed(qtbot) -> None:
    dialog = DiseaseDialog(RUST, [MINER], None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    kept: list[Disease] = []
    dialog.kept.connect(kept.append)
    dialog.name.setText("Coffee  rust")
    dialog.crop.setCurrentText("coffee")
    dialog.synonyms.setPlainText("roya\nferrugem\n\nroya")
    dialog.keep.click()
    wanted = replace(RUST, name="Coffee rust", crop="coffee", synonyms=("roya", "ferrugem", "Rust"))
    assert kept == [wanted]
    dialog.synonyms.setPlainText("leaf miner")
    assert "already" in dialog._problem.text()


def test_a_new_project_begins_with_the_diseases_of_its_crops(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        program.controller.ask_new()
        dialog = program.shell.findChild(NewProjectDialog)
        dialog._folder.setText(str(tmp_path))
        dialog._name.setText("Hill")
        dialog._menu.actions()[0].trigger()
        assert dialog.crops == ["coffee"]
        dialog.accept()
        qtbot.waitUntil(lambda: program.context.project.info.name == "Hill", timeout=10_000)
        found: list[list[Disease]] = []
        program.context.project.ask(lambda s: s.diseases(), on_done=found.append)
        qtbot.waitUntil(lambda: bool(found), timeout=10_000)
        assert {d.crop for d in found[0] if not d.healthy} == {"coffee"}
        assert sum(d.healthy for d in found[0]) == 1


def test_two_changes_of_one_disease_are_both_kept_while_the_project_is_busy(
    qtbot, program, page, dialog
) -> None:
    rust, busy, kept = page.diseases.all[0], threading.Event(), []
    program.context.tasks.run(lambda: busy.wait(30), lane=Lane.STORE)  # an import, say
    dialog._rename(rust, "leaf rust")
    dialog._set_code(rust, "HEMIVA")
    busy.set()
    program.context.project.ask(lambda store: store.diseases(), on_done=kept.extend)
    qtbot.waitUntil(lambda: bool(kept), timeout=10_000)
    (found,) = (d for d in kept if d.id == rust.id)
    assert (found.name, found.eppo) == ("leaf rust", "HEMIVA")


def test_a_crops_box_takes_what_was_searched_for_and_nothing_out_of_sight(qtbot) -> None:
    chooser = StarterListDialog([], None)  # type: ignore[arg-type]
    qtbot.addWidget(chooser)
    coffee = chooser.tree.topLevelItem(crops().index("coffee"))
    chooser.search.setText("hemileia")
    coffee.setCheckState(0, Qt.CheckState.Checked)
    assert [entry.eppo for entry in chooser.entries] == ["HEMIVA"]
    assert chooser.add.text() == "Add 1 disease"
    coffee.setCheckState(0, Qt.CheckState.Checked)
    assert chooser.entries == [], "a second click takes it back"
    chooser.search.clear()
    coffee.setCheckState(0, Qt.CheckState.Checked)
    assert chooser.entries == of_crops(["coffee"])


def test_why_a_disease_cannot_be_removed_is_said_where_it_was_asked(
    qtbot, program, page, dialog
) -> None:
    used = page.diseases.get(page.controller.session.image.disease)
    dialog._remove(used)
    qtbot.waitUntil(lambda: "still used" in dialog._problem.text(), timeout=10_000)
    assert program.context.notices.recent == [], "which would lie behind the dialog"
    dialog._put(used, replace(used, colour="#123456"))
    assert dialog._problem.text() == ""


def test_a_list_that_was_closed_is_gone(qtbot, program, dialog) -> None:
    dialog.reject()
    qtbot.waitUntil(lambda: program.shell.findChild(DiseasesDialog) is None, timeout=10_000)


def test_a_name_that_is_taken_leads_to_merging(qtbot, program, page, dialog) -> None:
    first, second = [d for d in page.diseases.all if not d.healthy][:2]
    shown = [w for w in dialog.findChildren(QLineEdit) if w.isVisibleTo(dialog)]
    field = next(w for w in shown if w.text() == first.name)
    field.setText(second.name)
    field.editingFinished.emit()
    said = dialog._problem.text()
    assert f"already a disease called “{second.name}”" in said
    assert f"pencil beside “{first.name}”" in said
    assert [d.name for d in program.context.project.store.diseases()].count(second.name) == 1
    field.setText("")
    field.editingFinished.emit()
    assert dialog._problem.text() == "A disease needs a name."


def test_merging_is_proposed_with_the_disease_whose_name_was_typed(qtbot, page, dialog) -> None:
    first, second = [d for d in page.diseases.all if not d.healthy][:2]
    third = Disease(DiseaseId(3), "Phoma", "#0072b2", synonyms=("mancha",))
    one = DiseaseDialog(first, [second, third], dialog)
    assert one.into.currentText() == second.name
    one.name.setText("PHOMA")
    assert one.into.currentText() == "Phoma"
    one.propose(second.name)
    one.name.setText(f"{first.name} 2")
    assert one.into.currentText() == second.name
    # Typed in the list, where it was refused, and taken up by the pencil.
    dialog._context.project.change(lambda store: store.put_disease(third))
    qtbot.waitUntil(lambda: len(page.diseases.all) == 4, timeout=10_000)
    shown = [w for w in dialog.findChildren(QLineEdit) if w.isVisibleTo(dialog)]
    next(w for w in shown if w.text() == first.name).setText("mancha")
    pencils = [w for w in dialog.findChildren(QToolButton) if w.isVisibleTo(dialog)]
    next(w for w in pencils if w.accessibleName() == f"Edit {first.name}").click()
    assert dialog.findChildren(DiseaseDialog)[-1].into.currentText() == "Phoma"


def test_the_colours_that_all_can_tell_apart_are_offered_for_another(qtbot, page, dialog) -> None:
    dialog._ask_colour(page.diseases.all[0])
    offered = [QColorDialog.customColor(place).name() for place in range(16)]
    assert set(PALETTE[:16]) <= set(offered)
