"""Training through the window, with a worker that keeps the contract and holds no model."""

from __future__ import annotations

import pytest
from fake_train_worker import FakeRun
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt
from whole_window import labelled_project, window

from core.domain.run import RunState
from core.machine_lock import MachineLock
from core.services.train import prepare_run
from core.training import remedies
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder
from gui.panels.train import TrainWorkspace
from storage.projects import open_project


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=12) as found:
        yield found


def opened(qtbot, leaves) -> TrainWorkspace:
    page = leaves.show(TrainWorkspace(leaves.context), "train")
    qtbot.waitUntil(page.setup.train.isEnabled, timeout=PATIENCE)
    return page


def press_train(qtbot, page: TrainWorkspace) -> None:
    qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.training.live is not None, timeout=PATIENCE)


def until_over(qtbot, page: TrainWorkspace) -> None:
    def over() -> bool:
        run = page.training.run(page.shown)
        ended = run is not None and run.state not in (RunState.RUNNING, RunState.PREPARED)
        return page.training.live is None and ended and not page.view.outcome.isHidden()

    qtbot.waitUntil(over, timeout=PATIENCE)


def test_where_runs_will_appear_is_said_at_the_top_of_their_list(qtbot, leaves) -> None:
    page = opened(qtbot, leaves)
    assert page.none_yet.isVisible()
    assert page.none_yet.geometry().bottom() < page.history.geometry().top()
    assert page.none_yet.geometry().bottom() < 120


def test_one_button_trains_and_ends_with_figures_and_the_next_steps(qtbot, leaves) -> None:
    page = opened(qtbot, leaves)
    press_train(qtbot, page)
    assert not page.setup.train.isEnabled()
    until_over(qtbot, page)

    view = page.view
    assert "Dice 0.82 (0.20 before)" in view.outcome.text()
    assert "90\u00a0% of diseases right (40\u00a0% before)" in view.outcome.text()
    assert not view.review.isHidden()
    assert not view.export.isHidden()
    assert view.stop.isHidden()
    assert len(view.progress.steps) == 40
    qtbot.waitUntil(
        lambda: (
            bool(view.film.strip.frames)
            and all(f.picture is not None for f in view.film.strip.frames)
        ),
        timeout=PATIENCE,
    )
    assert "bf16" in view.notices.text()
    (run,) = leaves.ask(qtbot, lambda s: s.runs())
    assert run.state is RunState.FINISHED
    assert len(leaves.ask(qtbot, lambda s: s.scores(run.id))) == 12

    qtbot.mouseClick(view.review, Qt.MouseButton.LeftButton)
    assert leaves.went[-1][0] == "review"


def test_stopping_leaves_a_checkpoint_and_the_run_can_go_on(qtbot, leaves, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_STEPS", "2000")
    monkeypatch.setenv("FAKE_DELAY", "0.02")
    page = opened(qtbot, leaves)
    press_train(qtbot, page)
    live = page.training.live
    qtbot.waitUntil(lambda: len(live.progress.steps) > 3, timeout=PATIENCE)
    qtbot.mouseClick(page.view.stop, Qt.MouseButton.LeftButton)
    assert "checkpoint" in page.view.sentence.text()
    assert not page.view.stop.isEnabled()
    until_over(qtbot, page)

    assert "best checkpoint is kept" in page.view.outcome.text()
    assert list(live.folder.checkpoints.iterdir())
    stopped_at = int(page.view.progress.steps[-1])
    monkeypatch.setenv("FAKE_STEPS", str(stopped_at + 5))
    qtbot.mouseClick(page.view.resume, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.training.live is not None, timeout=PATIENCE)
    until_over(qtbot, page)
    assert list(page.view.progress.steps) == list(range(1, stopped_at + 6))
    assert page.training.run(page.shown).state is RunState.FINISHED


def test_a_failure_is_told_in_the_workers_own_sentence(qtbot, leaves, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", "failed")
    page = opened(qtbot, leaves)
    press_train(qtbot, page)
    until_over(qtbot, page)
    assert page.view.outcome.text() == "Memory ran out; choose a smaller batch size."
    assert page.view.review.isHidden()
    assert not page.view.resume.isHidden()


def test_memory_that_runs_out_is_mended_without_a_question(qtbot, leaves, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", "memory")
    page = opened(qtbot, leaves)
    press_train(qtbot, page)
    until_over(qtbot, page)
    run = page.training.run(page.shown)
    assert run.state is RunState.FINISHED
    config = remedies.applied(page.setup.config, page.training.folder(run))
    assert (config.batch_size, config.accumulation) == (2, 4)
    assert leaves.sentences() == []


def test_a_killed_worker_leaves_a_run_that_can_be_resumed(qtbot, leaves, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", "die")
    page = opened(qtbot, leaves)
    press_train(qtbot, page)
    until_over(qtbot, page)
    assert page.training.run(page.shown).state is RunState.INTERRUPTED
    assert "step 5 is safe" in page.view.outcome.text()
    assert any("out of memory" in text for text in leaves.sentences())

    monkeypatch.delenv("FAKE_FAIL")
    qtbot.mouseClick(page.view.resume, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.training.live is not None, timeout=PATIENCE)
    until_over(qtbot, page)
    assert page.training.run(page.shown).state is RunState.FINISHED


def test_a_run_whose_window_died_is_taken_in_at_the_next_opening(qtbot, leaves) -> None:
    def left_behind(store) -> RunFolder:
        folder = prepare_run(store, TrainConfig())
        store.set_run_state(folder.id, RunState.RUNNING)
        return folder

    folder = leaves.ask(qtbot, left_behind)
    run = FakeRun(folder.root, steps=8)
    run.stop.set()
    run.train()
    text = folder.events.read_text().splitlines()
    folder.events.write_text("\n".join(text[:-2]) + "\n")  # neither scored nor finished

    page = opened(qtbot, leaves)
    qtbot.waitUntil(lambda: bool(page.training.runs), timeout=PATIENCE)
    assert page.training.runs[0].state is RunState.INTERRUPTED
    qtbot.mouseClick(
        page.history.viewport(),
        Qt.MouseButton.LeftButton,
        pos=page.history.visualRect(page.history.model().index(0, 0)).center(),
    )
    qtbot.waitUntil(lambda: "interrupted" in page.view.outcome.text(), timeout=PATIENCE)
    assert list(page.view.progress.steps) == [1]
    assert not page.view.resume.isHidden()


def test_a_run_that_goes_on_in_another_leafspot_is_not_called_interrupted(qtbot, tmp_path) -> None:
    store = open_project(labelled_project(tmp_path))
    folder = prepare_run(store, TrainConfig())
    store.set_run_state(folder.id, RunState.RUNNING)
    with window(qtbot, store.folder) as program:
        program.window.show_workspace("train")
        page = program.window.page("train")
        qtbot.waitUntil(lambda: bool(page.training.runs), timeout=PATIENCE)
        qtbot.mouseClick(
            page.history.viewport(),
            Qt.MouseButton.LeftButton,
            pos=page.history.visualRect(page.history.model().index(0, 0)).center(),
        )
        qtbot.waitUntil(lambda: "going on" in page.view.outcome.text(), timeout=PATIENCE)
        assert page.view.resume.isHidden()
    store.close()


def test_leaving_while_it_trains_says_what_would_happen(qtbot, leaves, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_STEPS", "2000")
    monkeypatch.setenv("FAKE_DELAY", "0.05")
    page = opened(qtbot, leaves)
    (guard,) = leaves.context.guards
    assert guard() == ""
    press_train(qtbot, page)
    assert "keeps its checkpoint" in guard()
    page.training.stop()
    until_over(qtbot, page)
    assert guard() == ""


def test_a_second_training_on_this_computer_has_to_wait(qtbot, leaves) -> None:
    page = opened(qtbot, leaves)
    with MachineLock("another project"):
        qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: bool(page.setup.problems.texts), timeout=PATIENCE)
    assert page.training.live is None
    assert "another project" in page.setup.problems.texts[0]
    press_train(qtbot, page)
    until_over(qtbot, page)


def test_photos_that_moved_stop_the_run_before_it_begins(qtbot, leaves, tmp_path) -> None:
    page = opened(qtbot, leaves)
    (tmp_path / "photos" / "leaf_02.png").unlink()
    qtbot.mouseClick(page.setup.train, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.setup.problems.texts), timeout=PATIENCE)
    assert "leaf_02.png" in page.setup.problems.texts[0]
    assert leaves.ask(qtbot, lambda s: s.runs()) == []
    assert page.setup.train.isEnabled()


def test_another_project_starts_with_an_empty_page(qtbot, leaves) -> None:
    page = opened(qtbot, leaves)
    press_train(qtbot, page)
    until_over(qtbot, page)
    store = leaves.context.project.store
    leaves.context.project.put(None)
    assert page.training.runs == []
    assert page.shown is None
    leaves.context.project.put(store)
    qtbot.waitUntil(lambda: len(page.training.runs) == 1, timeout=PATIENCE)
