"""Whoever has several runs sees which to take away, for which disease, and how sure they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_train_worker import FakeRun
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import QItemSelectionModel, Qt

from core.domain.run import Score
from core.services.runs import find_run
from core.services.train import ingest, prepare_run
from core.training.config import Answers, TrainConfig
from core.training.run_folder import score_to_json
from gui.panels.compare_classes import CHANGES, FIGURES
from gui.panels.train import TrainWorkspace
from gui.panels.train_compare import CompareView

LONG = "Cercospora leaf spot of the older leaves on the lower branches, with a yellow halo"


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    """48 leaves, 12 of them held out."""
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=48) as found:
        yield found


def plain(score: Score) -> Score:
    return score


def with_dice(value: float) -> Callable[[Score], Score]:
    """Nearly the same Dice on every leaf, and every name right."""

    def change(score: Score) -> Score:
        dice = value + 0.01 * (int(score.true_severity or 0) % 3)
        targets = tuple(
            replace(t, dice=dice) if t.target == "lesions" else t for t in score.targets
        )
        return replace(score, dice=dice, targets=targets, predicted=str(score.truth))

    return change


def only_names(score: Score) -> Score:
    return replace(score, dice=None, targets=(), true_severity=None, severity=0.0)


def without_probabilities(score: Score) -> Score:
    return replace(score, probabilities=())


def other_side(score: Score) -> Score:
    return replace(score, split="train" if score.split == "val" else "val")


def all_learnt(score: Score) -> Score:
    return replace(score, split="train")


def trained(qtbot, leaves, change: Callable[[Score], Score] = plain, continues: str = "", **config):
    """A finished run whose scores are ``change``d; gives its folder."""

    def train(store):
        parent = find_run(store, continues) if continues else None
        folder = prepare_run(store, TrainConfig(**config), parent=parent)
        FakeRun(folder.root, steps=8).train()
        scores = [change(score) for score in folder.read_scores()]
        lines = (json.dumps(score_to_json(s)) + "\n" for s in scores)
        folder.scores.write_text("".join(lines), "utf-8")
        ingest(store, folder)
        return folder

    return leaves.ask(qtbot, train)


def compared(qtbot, leaves, *folders) -> CompareView:
    """The runs of ``folders`` picked one after the other in the list of runs."""
    page = leaves.show(TrainWorkspace(leaves.context), "train")
    qtbot.waitUntil(lambda: len(page.training.runs) >= len(folders), timeout=PATIENCE)
    select = page.history.selectionModel().select
    rows = {run.id: row for row, run in enumerate(page.training.runs)}
    for folder in folders:
        index = page.history.runs.index(rows[folder.id], 0)
        select(index, QItemSelectionModel.SelectionFlag.Select)
    view = page.comparison
    there = len([f for f in folders if f.root.is_dir()])
    qtbot.waitUntil(
        lambda: view.comparison is not None and len(view.comparison.runs) == there,
        timeout=PATIENCE,
    )
    return view


def test_the_better_run_is_named_and_each_disease_tells_by_how_much(qtbot, leaves) -> None:
    view = compared(
        qtbot,
        leaves,
        trained(qtbot, leaves, with_dice(0.6)),
        trained(qtbot, leaves, with_dice(0.7), seed=1),
    )
    assert view.choice.text().startswith("Take B away: its outlines are better than those of A")
    assert "On the 12 held-out leaves that all of them have scored." in view.which.text()
    assert [line.name[0] for line in view.figures.lines] == ["A", "B"]
    (change,) = view.changes.lines
    assert change.cells[0].value == pytest.approx(0.1)
    assert "Dice +0.10 (+0.10 to +0.10)" in view.changes.accessibleDescription()
    # Under each disease a line for each run, then the difference alone.
    table = view.classes.table
    diseases = [line.name for line in table.lines if not line.cells]
    assert len(diseases) == 3
    assert [line.name for line in table.lines if line.cells] == ["A", "B"] * 3
    qtbot.mouseClick(view.classes.switch.button(CHANGES), Qt.MouseButton.LeftButton)
    assert [line.name for line in table.lines if line.cells] == ["B"] * 3
    assert "minus A" in view.classes.note.text()
    assert all(line.cells[0].value == pytest.approx(0.1) for line in table.lines if line.cells)


def test_the_others_can_be_held_against_any_of_the_runs(qtbot, leaves) -> None:
    view = compared(
        qtbot,
        leaves,
        trained(qtbot, leaves, with_dice(0.6)),
        trained(qtbot, leaves, with_dice(0.7), seed=1),
    )
    assert "Difference from A" in view.changes_title.text()
    view.reference.setFocus()
    qtbot.keyClick(view.reference, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: "Difference from B" in view.changes_title.text(), timeout=PATIENCE)
    (change,) = view.changes.lines
    assert change.name == "A"
    assert change.cells[0].value == pytest.approx(-0.1)
    assert view.reference.currentText() == "B"


def test_each_run_has_its_calibration_and_one_without_probabilities_says_so(qtbot, leaves) -> None:
    view = compared(
        qtbot,
        leaves,
        trained(qtbot, leaves),
        trained(qtbot, leaves, without_probabilities, seed=1),
        trained(qtbot, leaves, seed=2),
    )
    first, old, third = view.sure.each
    for shown in (first, third):
        assert "Calibration error 0." in shown.text.text()
        assert ", by chance 0." in shown.text.text()
        assert shown.chart.isVisibleTo(view)
    assert "an older Leafspot scored it" in old.text.text()
    assert not old.chart.isVisibleTo(view)
    # They are the same run but for the seed.
    assert view.sure.against.text() == (
        "C minus A: calibration error +0.00 (+0.00 to +0.00); may be chance."
    )
    assert "cannot be told apart" in view.choice.text()


def test_a_run_that_only_names_has_no_dice_and_is_compared_by_its_names(qtbot, leaves) -> None:
    view = compared(
        qtbot,
        leaves,
        trained(qtbot, leaves),
        trained(qtbot, leaves, only_names, answers=Answers.CLASS),
    )
    assert "B names diseases and draws nothing." in view.which.text()
    assert view.figures.lines[1].cells[0] is None
    dice, accuracy, ccc = view.changes.lines[0].cells
    assert (dice, ccc) == (None, None)
    assert accuracy.value == 0
    assert "Only A is one to take away. B draws nothing." in view.choice.text()


def test_runs_that_held_out_other_leaves_are_not_held_against_one_another(qtbot, leaves) -> None:
    view = compared(
        qtbot, leaves, trained(qtbot, leaves), trained(qtbot, leaves, other_side, seed=1)
    )
    (warning,) = view.unlike.texts
    assert "They do not tell which run is better" in warning
    assert [line.leaves for line in view.figures.lines] == [12, 36]
    assert not view.changes_card.isVisibleTo(view)
    assert not view.classes.switch.button(CHANGES).isEnabled()
    assert view.classes.switch.value == FIGURES
    assert "cannot be told" in view.choice.text()


def test_leaves_that_the_run_before_had_learnt_do_not_count_as_held_out(qtbot, leaves) -> None:
    before = trained(qtbot, leaves, other_side)
    after = trained(qtbot, leaves, continues=before.id, seed=1)
    view = compared(qtbot, leaves, trained(qtbot, leaves, seed=2), after)
    assert view.unlike.texts == [
        "12 leaves that B held out were learnt by a run that it continued, and do not count."
    ]
    assert view.figures.lines[1].leaves == 0
    assert not view.changes_card.isVisibleTo(view)
    assert "Only A is one to take away" in view.choice.text()


def test_a_run_that_held_nothing_out_takes_nothing_from_the_others(qtbot, leaves) -> None:
    view = compared(
        qtbot,
        leaves,
        trained(qtbot, leaves, with_dice(0.6)),
        trained(qtbot, leaves, all_learnt, seed=1),
        trained(qtbot, leaves, with_dice(0.7), seed=2),
    )
    assert view.unlike.texts == ["B has no held-out leaf that was scored."]
    assert [line.leaves for line in view.figures.lines] == [12, 0, 12]
    assert [line.name for line in view.changes.lines] == ["C"]
    assert view.choice.text().startswith("Take C away")


def test_a_run_whose_folder_has_gone_is_said_and_the_letters_stay_right(qtbot, leaves) -> None:
    gone = trained(qtbot, leaves)
    folders = [trained(qtbot, leaves, seed=seed) for seed in (1, 2)]
    shutil.rmtree(gone.root)
    view = compared(qtbot, leaves, gone, *folders)
    assert view.unlike.texts == ["The folder of 1 run is gone; it is not shown."]
    assert view.reference.count() == 2
    assert view.reference.currentData() == folders[0].id
    assert view.figures.lines[0].name.startswith("A · ")


def test_long_names_of_five_runs_and_their_diseases_fit_the_window(qtbot, leaves) -> None:
    def lengthen(store) -> None:
        for number, disease in enumerate(store.diseases()):
            store.put_disease(disease.renamed(f"{LONG} {number}"))

    leaves.ask(qtbot, lengthen)
    folders = [trained(qtbot, leaves, seed=seed) for seed in range(5)]
    view = compared(qtbot, leaves, *folders)
    assert len([line for line in view.classes.table.lines if line.cells]) == 15
    for part in (view.figures, view.changes, view.classes, view.sure, view.table):
        qtbot.waitUntil(
            lambda part=part: part.mapTo(view, part.rect().bottomRight()).x() < view.width(),
            timeout=PATIENCE,
        )
