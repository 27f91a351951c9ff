"""Before a run: what stands in its way is said at once, tried on a press, and blocks while red."""

from __future__ import annotations

import threading

import pytest
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument

from core.machine_lock import MachineLock, lock_file
from core.services.checks import Check, Level, Targets
from gui.panels.train import TrainWorkspace
from gui.tasks import Gone, Lane
from tests.doubles.workers import fake_base, fake_words


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=12) as found:
        yield found


@pytest.fixture
def page(qtbot, leaves) -> TrainWorkspace:
    found = leaves.show(TrainWorkspace(leaves.context), "train")
    qtbot.waitUntil(found.setup.train.isEnabled, timeout=PATIENCE)
    looked = found.setup._rehearsal
    qtbot.waitUntil(lambda: bool(looked.data and looked.memory), timeout=PATIENCE)
    return found


def rehearse(qtbot, page: TrainWorkspace) -> None:
    checks = page.setup.checks
    qtbot.mouseClick(checks.press, Qt.MouseButton.LeftButton)
    assert not page.setup.train.isEnabled()  # the model's place is taken
    qtbot.waitUntil(lambda: checks.press.text() == "Rehearse", timeout=PATIENCE)


def test_nothing_is_said_to_have_been_looked_at_before_it_was(page) -> None:
    found = page.setup._rehearsal
    assert "have been looked at" in page.setup.checks.summary.text()
    found.data = []
    found.changed.emit()
    assert page.setup.checks.summary.text() == "Looking at the data…"


def test_what_the_data_lack_is_said_without_a_press(page) -> None:
    said = " ".join(page.setup.checks.open.texts)
    assert "outlined leaves to learn from; 100 to 500 are recommended" in said
    assert "no photo has a group" in said
    assert page.setup.train.isEnabled()  # advice blocks nothing


def test_what_is_in_order_stays_folded_away_until_it_is_asked_for(qtbot, page) -> None:
    checks = page.setup.checks
    assert checks.fold.isVisibleTo(checks)
    assert not checks.fine.isVisibleTo(checks)
    qtbot.mouseClick(checks.fold.head, Qt.MouseButton.LeftButton)
    assert checks.fine.isVisibleTo(checks)


def test_a_good_rehearsal_shows_the_words_that_are_learnt_in_colour(qtbot, page) -> None:
    rehearse(qtbot, page)
    checks = page.setup.checks
    assert checks.summary.text() == "The rehearsal went well with these settings."
    assert "The mask token: is one token, <SEG>, number 4" in checks.fine.texts
    assert checks.parts.texts == [["LoRA", "28", "3", "0"]]
    accent = page.setup._context.theme.tokens.accent_strong
    assert f'color:{accent};font-weight:600">&lt;SEG&gt;\u200b rust</span>' in checks.learnt.text()
    assert page.setup.train.isEnabled()


def test_the_coloured_words_stay_inside_the_page_however_long_the_prompt_is(page) -> None:
    """They ran out of it on the right, and what is learnt is what stands at the end."""
    found = page.setup._rehearsal
    found.spans = [
        ("<bos><start_of_turn>user\n\n<start_of_image>", False),
        ("[photo]", False),
        ("<end_of_image>\nOutline the lesions, then name the disease.<end_of_turn>\n", False),
        ("<SEG> rust<end_of_turn>", True),
    ]
    found.changed.emit()
    text = QTextDocument()
    text.setHtml(page.setup.checks.learnt.text())
    text.setTextWidth(300)
    assert text.idealWidth() <= 300
    plain = text.toPlainText().replace("\u200b", "")
    assert plain.endswith("name the disease.<end_of_turn>↵<SEG> rust<end_of_turn>")


def test_what_is_trained_stands_together_in_a_table_part_by_part(page) -> None:
    """The matrix of LoRA's targets; a red part is among what needs a look as well."""
    found = page.setup._rehearsal
    found.tried = [
        Check("targets.language", "LoRA in the language model", Level.OK, "28 layers",
              targets=Targets(28, 1400, 0)),
        Check("targets.tower", "LoRA in the vision tower", Level.FAIL, "8 of 8 dead", "Leave it.",
              Targets(8, 0, 8)),
    ]  # fmt: skip
    found.changed.emit()
    checks = page.setup.checks
    table = checks.parts
    heads = [table.horizontalHeaderItem(k).text() for k in range(table.columnCount())]
    assert heads == ["Part of the model", "Matched", "Unmatched", "No gradient"]
    assert table.texts == [
        ["LoRA in the language model", "28", "1,400", "0"],
        ["LoRA in the vision tower", "8", "0", "8"],
    ]
    assert table.accessibleName()
    spoken = table.item(1, 3).data(Qt.ItemDataRole.AccessibleDescriptionRole)
    assert spoken == "LoRA in the vision tower: 8 of 8 dead"
    assert not table.item(0, 0).icon().isNull()
    assert checks.open.texts[0] == "LoRA in the vision tower: 8 of 8 dead"
    assert not any("LoRA" in line for line in checks.fine.texts)


def test_a_red_line_blocks_train_and_says_what_to_press_until_a_setting_changes(
    qtbot, page, monkeypatch
) -> None:
    monkeypatch.setenv("FAKE_FAIL", "red")
    rehearse(qtbot, page)
    assert not page.setup.train.isEnabled()
    assert page.setup.problems.texts == [
        "By heart: the loss went from 2.00 to 2.40 in 40 steps. Halve the learning rate."
    ]
    rate = page.setup.advanced["learning_rate"]
    rate.setValue(rate.value() / 2)
    assert page.setup.problems.texts == []
    assert page.setup.train.isEnabled()


def test_a_rehearsal_can_be_stopped_and_leaves_nothing_behind(qtbot, page, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "60")
    checks = page.setup.checks
    qtbot.mouseClick(checks.press, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not checks.learnt.isHidden(), timeout=PATIENCE)
    folder = page.setup._rehearsal._folder.name
    assert checks.press.text() == "Stop"
    assert not page.setup.train.isEnabled()
    assert "rehearsal is under way" in page.setup.promise.text()
    qtbot.mouseClick(checks.press, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: checks.press.text() == "Rehearse", timeout=PATIENCE)
    assert "rehearsal" not in page.setup.promise.text()
    assert not lock_file().parent.joinpath(folder).exists()
    with MachineLock("another"):
        pass


def test_stop_is_heard_while_the_leaves_are_still_being_chosen(qtbot, page, monkeypatch) -> None:
    from core.services import rehearsal

    real, chosen, launched = rehearsal.prepare, threading.Event(), []

    def slow(*args):
        chosen.wait(30)
        return real(*args)

    monkeypatch.setattr(rehearsal, "prepare", slow)
    workers = page.setup._context.workers
    monkeypatch.setattr(workers, "start", lambda *args: launched.append(args))
    checks = page.setup.checks
    qtbot.mouseClick(checks.press, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(checks.press, Qt.MouseButton.LeftButton)
    chosen.set()
    qtbot.waitUntil(lambda: checks.press.text() == "Rehearse", timeout=PATIENCE)
    assert launched == []
    with MachineLock("another"):
        pass


def test_closing_the_project_while_its_data_are_looked_at_is_told_to_nobody(
    qtbot, leaves, page, monkeypatch
) -> None:
    """It was reported as a bug: the store was asked after it had been closed."""
    from core.services import data_checks

    real, ended, gate = data_checks.data_checks, [], threading.Event()
    begun = threading.Event()

    def looked(*args, **named):
        begun.set()
        try:
            return real(*args, **named)
        except BaseException as error:
            ended.append(error)
            raise

    monkeypatch.setattr(data_checks, "data_checks", looked)
    tasks, project = leaves.context.tasks, leaves.context.project
    tasks.run(lambda: gate.wait(30), lane=Lane.STORE)
    page.setup._rehearsal.look_at_data(64)
    # One that has not begun when the project closes never does.
    qtbot.waitUntil(begun.is_set, timeout=PATIENCE)
    project.put(None)
    gate.set()
    qtbot.waitUntil(lambda: bool(ended), timeout=PATIENCE)
    assert isinstance(ended[0], Gone)
    leaves.context.notices.show(ended[0])
    assert leaves.sentences() == []
    assert page.setup._rehearsal.data == []


def test_while_another_training_goes_on_a_rehearsal_says_so(qtbot, leaves, page) -> None:
    with MachineLock("the project “other”"):
        qtbot.mouseClick(page.setup.checks.press, Qt.MouseButton.LeftButton)
        assert "other" in leaves.sentences()[-1]
    assert page.setup.train.isEnabled()


def test_a_run_that_does_not_fit_is_refused_with_the_cheapest_remedies(
    qtbot, page, monkeypatch
) -> None:
    from core.services.memory_lines import Device, fits
    from core.training.forecast import Forecast, Term

    sums = Forecast((Term("weights", "Weights", 30e9),))
    line = fits(sums, Device("", 8 << 30, 4 << 30), ["Press this.", "Or that."], measured=False)
    assert line.level is Level.FAIL
    page.setup._rehearsal.memory = [line]
    page.setup._rehearsal.changed.emit()
    assert not page.setup.train.isEnabled()
    assert page.setup.problems.texts[0].endswith("Press this. Or that.")


def test_a_base_model_that_lacks_what_it_reads_with_blocks_train_with_its_reason(
    qtbot, page, tmp_path
) -> None:
    """Its tokenizer is looked into behind the window, which may take a moment."""
    setup = page.setup
    folder = fake_base(tmp_path / "gemma")
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    setup.base.setCurrentIndex(setup.base.findData("gemma-3"))
    setup.choose_folder(folder)
    qtbot.waitUntil(lambda: bool(setup.problems.texts), timeout=PATIENCE)
    (said,) = setup.problems.texts
    assert "reserved token" in said
    assert said.startswith("Base model: ")
    assert not setup.train.isEnabled()
    fake_words(folder)
    setup.choose_folder(folder)  # once it was mended
    qtbot.waitUntil(setup.train.isEnabled, timeout=PATIENCE)
