"""Stages that follow by themselves, starting points, and runs beside one another."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fake_train_worker import FakeRun
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication

from core.domain.run import RunState
from core.services import runs
from core.services.train import ingest, prepare_run
from core.training.config import Answers, Layers, Stage, TrainConfig
from core.training.run_folder import score_to_json
from gui.dialogs.run_facts import RunFactsDialog
from gui.panels.review import ReviewWorkspace
from gui.panels.train import TrainWorkspace


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=48) as found:
        yield found


def opened(qtbot, leaves) -> TrainWorkspace:
    page = leaves.show(TrainWorkspace(leaves.context), "train")
    qtbot.waitUntil(page.setup.train.isEnabled, timeout=PATIENCE)
    return page


def finished(qtbot, leaves, *, skill: float | None = None, **config):
    """A finished run in the project."""

    def train(store):
        folder = prepare_run(store, TrainConfig(**config))
        run = FakeRun(folder.root, steps=8)
        run.train()
        if skill is not None:
            run.score(skill)
        ingest(store, folder)
        return folder

    return leaves.ask(qtbot, train)


def figures_of(qtbot, leaves, run) -> ReviewWorkspace:
    """Review on the figures of ``run``."""
    page = leaves.show(ReviewWorkspace(leaves.context), "review")
    page._focus.put(run.id)
    qtbot.waitUntil(lambda: page.figures is not None, timeout=PATIENCE)
    page.views.button(1).click()
    qtbot.waitUntil(lambda: page.whole.report is not None, timeout=PATIENCE)
    return page


def runs_of(qtbot, leaves):
    return leaves.ask(qtbot, lambda s: s.runs())


def until_runs(qtbot, leaves, page, count: int) -> None:
    def over() -> bool:
        done = [r for r in page.training.runs if r.state is RunState.FINISHED]
        return page.training.live is None and not page.training.preparing and len(done) == count

    qtbot.waitUntil(over, timeout=PATIENCE)


def config_of(leaves, page, run) -> TrainConfig:
    return TrainConfig.read(page.training.folder(run).config)


def test_the_chosen_stages_follow_by_themselves(qtbot, leaves) -> None:
    page = opened(qtbot, leaves)
    assert page.setup.then.stages == ()
    for stage in (Stage.PREFERENCE, Stage.HARD):
        qtbot.mouseClick(page.setup.then.chips[stage], Qt.MouseButton.LeftButton)
    assert "within chance" in page.setup.then.note.text()
    qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
    until_runs(qtbot, leaves, page, 3)
    hard, preference, first = page.training.runs
    assert [config_of(leaves, page, r).stage for r in (first, preference, hard)] == [*Stage]
    # The second was not better than the first, so the third goes on from the first as well.
    assert dict(preference.summary)["accepted"] == 0
    assert preference.parent == hard.parent == first.id
    page.show_run(preference.id)
    qtbot.waitUntil(lambda: "Not kept" in page.view.outcome.text(), timeout=PATIENCE)


def test_a_stage_shows_each_leaf_before_and_after_and_names_the_easy_ones_that_lost(
    qtbot, leaves
) -> None:
    first = finished(qtbot, leaves)

    def again(store):
        parent = runs.find_run(store, first.id)
        folder = prepare_run(store, TrainConfig(stage=Stage.PREFERENCE), parent=parent)
        run = FakeRun(folder.root, steps=8)
        run.train()
        run.score(0.5)  # what it reached at half its skill
        ingest(store, folder)
        return folder

    second = leaves.ask(qtbot, again)
    page = figures_of(qtbot, leaves, second)
    report = page.whole.report
    assert len(report.changes) == 12
    assert all(c.after < c.before for c in report.worst)
    assert "leaf_" in page.whole.leaves_text.text()
    assert "became worse" in page.whole.worth.text()


def test_a_stage_is_held_against_the_untuned_base_not_what_it_began_with(qtbot, leaves) -> None:
    """Its own first look is at the adapter of the run before: that was tuned already."""
    first = finished(qtbot, leaves)

    def look(folder, dice: float) -> None:
        found = [replace(s, dice=dice) for s in folder.read_scores() if s.split == "val"]
        lines = (json.dumps(score_to_json(s)) + "\n" for s in found)
        folder.look_scores(0).write_text("".join(lines), "utf-8")

    def again(store):
        look(first, 0.1)
        parent = runs.find_run(store, first.id)
        folder = prepare_run(store, TrainConfig(stage=Stage.PREFERENCE), parent=parent)
        FakeRun(folder.root, steps=8).train()
        look(folder, 0.7)
        ingest(store, folder)
        return folder

    second = leaves.ask(qtbot, again)
    page = figures_of(qtbot, leaves, second)
    assert page.whole.report.untuned.dice.value == pytest.approx(0.1)
    assert "before tuning 0.10" in page.whole.dice.caption.text()
    assert "Against the untuned base, on the same leaves: Dice +" in page.whole.worth.text()
    assert "95 %: -1.0 to -1.0" in page.whole.bias.caption.text()
    assert "off by 1.0 (1.0–1.0) percentage points" in page.whole.severity_text.text()
    train = leaves.show(TrainWorkspace(leaves.context), "train")
    train.show_run(second.id)
    film = train.view.film

    def told() -> bool:
        film.slider.setValue(0)
        return film.caption.text().endswith("the adapter it began with")

    qtbot.waitUntil(told, timeout=PATIENCE)


def test_a_stop_ends_the_row(qtbot, leaves, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_STEPS", "2000")
    monkeypatch.setenv("FAKE_DELAY", "0.02")
    page = opened(qtbot, leaves)
    qtbot.mouseClick(page.setup.then.chips[Stage.HARD], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: page.training.live is not None and len(page.training.live.progress.steps) > 2,
        timeout=PATIENCE,
    )
    page.training.stop()
    qtbot.waitUntil(lambda: page.training.live is None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.programme.left == [], timeout=PATIENCE)
    assert len(runs_of(qtbot, leaves)) == 1


def test_a_run_can_start_from_the_adapter_of_another(qtbot, leaves) -> None:
    first = finished(qtbot, leaves)
    page = opened(qtbot, leaves)
    qtbot.waitUntil(lambda: page.setup.start.choice.count() == 3, timeout=PATIENCE)
    page.setup.start.choice.setCurrentIndex(1)
    qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
    until_runs(qtbot, leaves, page, 2)
    assert page.training.runs[0].parent == first.id


def test_an_adapter_that_is_none_is_refused_by_name(qtbot, leaves, tmp_path) -> None:
    page = opened(qtbot, leaves)
    (tmp_path / "nothing").mkdir()
    page.setup.start.choose_folder(tmp_path / "nothing")
    qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.setup.problems.texts), timeout=PATIENCE)
    assert runs_of(qtbot, leaves) == []


def test_a_published_recipe_changes_the_figures_and_keeps_the_minutes(qtbot, leaves) -> None:
    page = opened(qtbot, leaves)
    page.setup.minutes.setValue(7)
    index = page.setup.recipes.findData("attention")
    page.setup.recipes.setCurrentIndex(index)
    page.setup.recipes.activated.emit(index)
    config = page.setup.config
    assert (config.rank, config.alpha, config.dropout) == (64, 16, 0.1)
    assert (config.layers, config.minutes) == (Layers.ATTENTION, 7.0)


def test_two_runs_are_compared_by_their_curves_figures_and_settings(qtbot, leaves) -> None:
    finished(qtbot, leaves, seed=1)
    finished(qtbot, leaves, seed=2, learning_rate=1e-4)
    page = opened(qtbot, leaves)
    qtbot.waitUntil(lambda: len(page.training.runs) == 2, timeout=PATIENCE)
    model = page.history.selectionModel()
    for row in (0, 1):
        model.select(page.history.runs.index(row, 0), QItemSelectionModel.SelectionFlag.Select)
    qtbot.waitUntil(lambda: page.comparison.comparison is not None, timeout=PATIENCE)
    found = page.comparison.comparison
    assert found is not None
    assert [name for name, _ in found.differences] == ["learning_rate", "seed"]
    assert found.figures.leaves == 12
    assert found.runs[1].changes is not None
    assert "may be chance" in page.comparison.against.text()
    assert len(found.looks[0]) > 1
    # News of the runs does not take the comparison away.
    page._runs_changed()
    assert page._pages.currentWidget() is page.comparison
    assert len(page.history.selectionModel().selectedRows()) == 2


def test_how_a_run_was_made_can_be_copied(qtbot, leaves) -> None:
    folder = finished(qtbot, leaves, seed=42)
    page = opened(qtbot, leaves)
    qtbot.waitUntil(lambda: bool(page.training.runs), timeout=PATIENCE)
    page.show_run(folder.id)
    qtbot.waitUntil(lambda: page.view.run is not None, timeout=PATIENCE)
    page.view.facts.click()
    qtbot.waitUntil(lambda: bool(page.findChildren(RunFactsDialog)), timeout=PATIENCE)
    (dialog,) = page.findChildren(RunFactsDialog)
    assert "seed: 42" in dialog.text.toPlainText()
    assert str(leaves.store.folder) not in dialog.text.toPlainText()
    dialog.copy.click()
    assert "seed: 42" in QGuiApplication.clipboard().text()
    dialog.accept()


def test_the_hard_ones_are_found_by_models_that_have_not_learnt_them(qtbot, leaves) -> None:
    finished(qtbot, leaves)
    train = TrainWorkspace(leaves.context)
    page = leaves.show(ReviewWorkspace(leaves.context), "review")
    qtbot.waitUntil(lambda: page.figures is not None, timeout=PATIENCE)
    page.filter.put(0.3)
    page.offer_hard()
    qtbot.waitUntil(lambda: page.hard_runs.dialog is not None, timeout=PATIENCE)
    dialog = page.hard_runs.dialog
    assert dialog is not None
    assert dialog.mined.isVisibleTo(dialog)
    dialog.mined.setChecked(True)
    dialog.gentle.setChecked(True)
    dialog.train.click()
    until_runs(qtbot, leaves, train, 5)
    hard, *folds, first = train.training.runs
    assert [config_of(leaves, train, f).fold_of for f in folds] == [first.id] * 3
    made = config_of(leaves, train, hard)
    assert (made.stage, made.learning_rate, hard.parent) == (Stage.HARD, 1e-5, first.id)
    train.deleteLater()


def test_a_sweep_tries_one_threshold_after_the_other_on_the_same_adapter(qtbot, leaves) -> None:
    first = finished(qtbot, leaves, skill=1.9)
    train = TrainWorkspace(leaves.context)
    page = leaves.show(ReviewWorkspace(leaves.context), "review")
    qtbot.waitUntil(lambda: page.figures is not None, timeout=PATIENCE)
    page.filter.put(0.75)
    page.offer_hard()
    qtbot.waitUntil(lambda: page.hard_runs.dialog is not None, timeout=PATIENCE)
    dialog = page.hard_runs.dialog
    assert dialog is not None
    # Nothing lies between 0.70 and 0.75: a run of the same leaves would tell nothing.
    assert "0.80, 0.75, 0.60" in dialog.sweep.text()
    dialog.sweep.setChecked(True)
    dialog.gentle.setChecked(True)
    dialog.train.click()
    until_runs(qtbot, leaves, train, 4)
    made = [config_of(leaves, train, run) for run in reversed(train.training.runs[:-1])]
    assert [c.below for c in made] == [0.80, 0.75, 0.60]
    assert [len(c.hard) for c in made] == sorted((len(c.hard) for c in made), reverse=True)
    assert {c.learning_rate for c in made} == {1e-5}
    assert {run.parent for run in train.training.runs[:-1]} == {first.id}
    train.deleteLater()


def test_one_click_tells_whether_the_mask_helped(qtbot, leaves) -> None:
    finished(qtbot, leaves)
    train = TrainWorkspace(leaves.context)
    page = leaves.show(ReviewWorkspace(leaves.context), "review")
    qtbot.waitUntil(lambda: page.figures is not None, timeout=PATIENCE)
    qtbot.mouseClick(page.views.button(1), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.whole.report is not None, timeout=PATIENCE)
    report = page.whole.report
    assert report is not None
    assert report.held_out
    assert report.figures.leaves == 12
    assert [c.name for c in report.figures.classes] == list(report.config.classes)
    assert int(np.sum(report.figures.confusion.counts)) == 12
    assert page.whole.control.isVisibleTo(page.whole)
    qtbot.mouseClick(page.whole.control, Qt.MouseButton.LeftButton)
    until_runs(qtbot, leaves, train, 2)
    control, first = train.training.runs
    assert config_of(leaves, train, control).answers is Answers.CLASS
    for run in (first, control):
        page._focus.put(run.id)
        qtbot.waitUntil(
            lambda run=run: page.whole.report.run.id == run.id and bool(page.whole.report.mask),
            timeout=PATIENCE,
        )
        assert "masks helped the naming cannot be told" in page.whole.helped.text()
        # As the terminal says it: one of the two may have had the computer to itself.
        assert "With masks it took 8 steps, without " in page.whole.helped.text()
        assert not page.whole.control.isVisibleTo(page.whole)
    train.deleteLater()
