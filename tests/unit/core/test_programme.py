"""Each further stage has to earn its place on held-out leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core import cli
from core.domain.run import Run
from core.errors import TrainingRefused, UsageError
from core.ports import ImageQuery, ProjectStore
from core.services import folds, programme, runs
from core.services.hard_samples import hard_run_plan
from core.services.run_titles import title
from core.services.train import prepare_run
from core.services.training_session import train
from core.training.config import Answers, Stage, TrainConfig
from core.training.events import Step, to_fields
from core.training.run_folder import RunFolder
from tests.doubles.projects import leaves, make_project
from tests.doubles.workers import fake_base, play, use_doubles


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectStore]:
    """48 leaves, 12 of them held out; training is played."""
    use_doubles(monkeypatch, "train")
    monkeypatch.setattr("core.vlms.base.MODELS", tmp_path / "models")
    fake_base(tmp_path / "models" / "starter")
    project = make_project(tmp_path, leaves(48))
    yield project
    project.close()


def sides(store: ProjectStore) -> tuple[list[int], list[int]]:
    """(learnt from, held out)"""
    every = [store.image(i) for i in store.image_ids(ImageQuery())]
    return [i.id for i in every if i.split == "train"], [i.id for i in every if i.split == "val"]


def trained(store: ProjectStore, folder: RunFolder) -> Run:
    train(store, folder, on_event=lambda _event: None)
    return runs.find_run(store, folder.id)


def first(store: ProjectStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose training leaves are easy but for two, and whose held-out leaves are middling."""
    learnt, held = sides(store)
    dice = {i: 0.9 for i in learnt} | {learnt[0]: 0.3, learnt[1]: 0.5} | {i: 0.6 for i in held}
    play(monkeypatch, dice={str(k): v for k, v in dice.items()})
    return trained(store, prepare_run(store, TrainConfig(minutes=12.0)))


def after(
    store: ProjectStore, run: Run, monkeypatch: pytest.MonkeyPatch, *, held: float, stage: Stage
) -> Run:
    """A stage that brings every held-out leaf to about ``held``."""
    _, leaves_ = sides(store)
    values = {str(i): held + 0.01 * (k % 3) for k, i in enumerate(leaves_)}
    play(monkeypatch, dice=values)
    request = programme.stage_after(store, run, stage)
    return trained(store, prepare_run(store, request.config, parent=request.parent))


def test_a_stage_that_is_better_beyond_chance_is_kept(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    better = after(store, run, monkeypatch, held=0.7, stage=Stage.HARD)
    found = programme.acceptance(store, better)
    assert found is not None
    assert found.accepted
    assert found.sentence.startswith("Accepted: Dice +0.1")
    assert dict(better.summary)["accepted"] == 1.0
    assert programme.best_of(store, better) == better


def test_a_stage_that_is_no_better_is_not_and_the_next_goes_on_from_the_one_before(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    worse = after(store, run, monkeypatch, held=0.5, stage=Stage.PREFERENCE)
    found = programme.acceptance(store, worse)
    assert found is not None
    assert not found.accepted
    assert "became worse" in found.sentence
    assert len(found.gain.worse()) > 0
    assert programme.best_of(store, worse).id == run.id
    request = programme.stage_after(store, worse, Stage.HARD)
    assert request.parent is not None
    assert request.parent.id == run.id


def test_the_later_stages_are_the_published_ones(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    hard = programme.stage_after(store, run, Stage.HARD).config
    assert (hard.learning_rate, hard.learning_rate * hard.final_rate) == (1e-5, pytest.approx(1e-7))
    assert (hard.accumulation, hard.clip, hard.below) == (2, 1.0, 0.75)
    assert set(hard.hard) == set(sides(store)[0][:2])
    preference = programme.stage_after(store, run, Stage.PREFERENCE).config
    assert (preference.stage, preference.beta, preference.hard) == (Stage.PREFERENCE, 0.1, ())
    with pytest.raises(TrainingRefused, match="nothing to repeat"):
        programme.stage_after(store, run, Stage.HARD, below=0.2)


def test_leaves_are_mined_by_models_that_had_not_learnt_them(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    learnt, held = sides(store)
    # Out of fold another leaf is hard, and one that seemed hard is not.
    play(monkeypatch, dice={str(learnt[5]): 0.2, str(learnt[1]): 0.5})
    seen: list[int] = []
    for number in range(3):
        folder = folds.prepare_fold(store, run, number)
        samples = folder.read_samples()
        mine = [s.image for s in samples if s.split == "val"]
        assert {s.image for s in samples} == set(learnt), "held-out leaves take no part"
        assert not set(mine) & set(seen)
        seen += mine
        config = TrainConfig.read(folder.config)
        assert (config.minutes, config.parent, config.hard) == (4.0, "", ())
        trained(store, folder)
    assert set(seen) == set(learnt)
    plan = hard_run_plan(store, run)
    assert plan.out_of_fold
    assert set(plan.images) == {learnt[5], learnt[1]}
    assert plan.held_out == tuple(held)
    assert plan.parent is not None
    assert plan.parent.id == run.id


def test_what_folds_found_hard_holds_on_for_the_stage_after_the_next(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The adapter of a kept stage has learnt the very leaves, so its own scores say little."""
    run = first(store, monkeypatch)
    learnt, _ = sides(store)
    play(monkeypatch, dice={str(learnt[5]): 0.2})
    for number in range(3):
        trained(store, folds.prepare_fold(store, run, number))
    kept = after(store, run, monkeypatch, held=0.7, stage=Stage.PREFERENCE)
    assert programme.best_of(store, kept) == kept
    hard = programme.stage_after(store, kept, Stage.HARD)
    assert hard.config.hard == (learnt[5],)
    assert hard_run_plan(store, kept).out_of_fold
    assert hard.parent == kept


def test_folds_of_which_some_are_missing_are_not_taken_for_all(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    trained(store, folds.prepare_fold(store, run, 0))
    assert not hard_run_plan(store, run).out_of_fold


def test_a_fold_of_a_later_stage_learns_at_the_pace_of_a_run_from_the_base(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the pace of a stage it would learn nothing, and every leaf would look hard."""
    run = first(store, monkeypatch)
    later = after(store, run, monkeypatch, held=0.7, stage=Stage.HARD)
    config = TrainConfig.read(folds.prepare_fold(store, later, 0).config)
    plain = TrainConfig()
    assert (config.learning_rate, config.final_rate) == (plain.learning_rate, plain.final_rate)
    assert (config.parent, config.hard, config.stage) == ("", (), Stage.LORA)


def test_the_control_is_the_same_run_without_masks(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    config = programme.control(store, run).config
    assert config.answers is Answers.CLASS
    play(monkeypatch)
    other = trained(store, prepare_run(store, config))
    before, now = (TrainConfig.read(runs.run_folder(store, r).config) for r in (run, other))
    assert (now.seed, now.minutes, now.rank) == (before.seed, before.minutes, before.rank)
    assert programme.control_of(store, run) == other
    assert programme.control_of(store, other) is None
    assert "class alone" in title(other)


def test_the_control_of_a_later_stage_learns_at_the_pace_of_a_run_from_the_base(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    later = after(store, run, monkeypatch, held=0.7, stage=Stage.HARD)
    config, plain = programme.control(store, later).config, TrainConfig()
    assert (config.learning_rate, config.final_rate) == (plain.learning_rate, plain.final_rate)
    assert (config.warmup, config.accumulation) == (plain.warmup, plain.accumulation)


def test_folds_of_a_run_of_so_many_steps_share_them(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch)
    run = trained(store, prepare_run(store, TrainConfig(steps=100)))
    made = [folds.prepare_fold(store, run, number) for number in range(3)]
    assert [TrainConfig.read(folder.config).steps for folder in made] == [34, 34, 34]


def test_nobody_takes_away_a_control_or_a_stage_that_was_not_kept_by_mistake(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = first(store, monkeypatch)
    after(store, run, monkeypatch, held=0.5, stage=Stage.HARD)
    play(monkeypatch)
    trained(store, prepare_run(store, programme.control(store, run).config))
    trained(store, folds.prepare_fold(store, run, 0))
    assert [r.kept for r in store.runs()] == [False, False, False, True]
    assert runs.chosen_run(store, None, scored=True) == run
    assert runs.chosen_run(store, None, scored=False) == run


def test_the_command_sweeps_thresholds_and_names_the_run_to_take_away(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = first(store, monkeypatch)
    _, held = sides(store)
    play(monkeypatch, dice={str(i): 0.8 + 0.01 * (k % 3) for k, i in enumerate(held)})
    folder = store.folder
    store.close()
    words = ["stages", str(folder), "--stages", "hard", "--below", "0.4,0.75", "--json"]
    assert cli.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["accepted"] for row in told["runs"]] == [True, True]
    assert told["best"] in {row["run"] for row in told["runs"]}
    assert told["best"] != run.id
    assert cli.main(["stages", str(folder)]) == 2
    assert cli.main(["stages", str(folder), "--stages", "magic"]) == 2


def test_a_threshold_under_which_no_leaf_lies_does_not_end_the_sweep(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first(store, monkeypatch)
    _, held = sides(store)
    play(monkeypatch, dice={str(i): 0.8 for i in held})
    folder = store.folder
    store.close()
    assert cli.main(["stages", str(folder), "--stages", "hard", "--below", "0.2,0.75"]) == 0
    said = capsys.readouterr()
    assert "has a Dice below 0.20" in said.err
    assert "The run to take away is" in said.out
    assert cli.main(["stages", str(folder), "--stages", "hard", "--below", "0.1"]) == 2


def test_what_the_folds_found_is_told_and_how_many_leaves_are_drawn_more_often(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing was said of what they were trained for."""
    first(store, monkeypatch)
    learnt, _ = sides(store)
    play(monkeypatch, dice={str(i): 0.4 for i in learnt[:3]})
    folder = store.folder
    store.close()
    assert cli.main(["stages", str(folder), "--folds", "2"]) == 0
    said = capsys.readouterr().out
    assert f"The {len(learnt)} leaves to learn from, judged by models that had not" in said
    assert "3 below 0.50" in said
    assert "The run to take away" not in said
    words = ["stages", str(folder), "--folds", "2", "--stages", "hard", "--below", "0.5"]
    assert cli.main(words) == 0
    assert "3 leaves to learn from have a Dice below 0.50" in capsys.readouterr().err


def test_a_threshold_without_the_stage_that_it_is_of_is_refused(
    store: ProjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was taken without a word, and nothing was swept."""
    folder = store.folder
    store.close()
    for words in (["--folds", "2"], ["--stages", "preference"]):
        assert cli.main(["stages", str(folder), *words, "--below", "0.6,0.7"]) == 2
        assert "add it to --stages" in capsys.readouterr().err


@pytest.mark.parametrize(("plots", "said"), [(3, True), (8, False)])
def test_where_no_stage_can_be_judged_that_is_said_before_it_trains(
    store: ProjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    plots: int,
    said: bool,
) -> None:
    held = (replace(leaf, group=f"plot {n // 4 % plots}") for n, leaf in enumerate(leaves(48)))
    grouped = [
        new if new.split == "val" else old for new, old in zip(held, leaves(48), strict=True)
    ]
    project = make_project(tmp_path / "plots", grouped)
    first(project, monkeypatch)
    folder = project.folder
    project.close()
    assert cli.main(["stages", str(folder), "--stages", "hard"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("Too few leaves, or groups of them") is said


@pytest.mark.parametrize(("steps", "said"), [(15, True), (3, False)])
def test_a_control_that_learnt_in_far_fewer_steps_is_told_so(
    tmp_path: Path, steps: int, said: bool
) -> None:
    """The minutes were the same, but the computer was busy with something else."""
    both = []
    for name, count in (("with masks", steps), ("without", 2)):
        folder = RunFolder(tmp_path / name)
        folder.root.mkdir()
        step = Step(count, count, 1.0, 0.5, 0.5, 1e-4, 0.0, 1.0)
        folder.events.write_text(json.dumps(to_fields(step)) + "\n")
        both.append(folder)
    found = programme.practice_sentence(*both)
    assert found.startswith("With masks it took 15 steps, without 2:") == said
    assert bool(found) == said


def test_a_run_without_masks_or_without_scores_is_no_beginning(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control of a control was trained; a run without scores was said to have no hard leaf."""
    run = first(store, monkeypatch)
    request = programme.control(store, run)
    control = trained(store, prepare_run(store, request.config))
    with pytest.raises(TrainingRefused, match="no masks itself"):
        programme.control(store, control)
    unscored = prepare_run(store, TrainConfig())
    with pytest.raises(UsageError, match="has no scores yet"):
        runs.chosen_run(store, unscored.id, scored=True)
    assert runs.chosen_run(store, unscored.id, scored=False).id == unscored.id
