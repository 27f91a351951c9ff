"""From the button to the scores: runs are prepared, followed, stopped, resumed and taken in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core import files
from core.domain.edits import Edit, ImageLabel, ImageRelabelled
from core.domain.ids import ImageId
from core.domain.image import Split
from core.domain.run import RunState, Verdict
from core.errors import (
    DiskFull,
    ModelMissing,
    ProjectReadOnly,
    TrainingRefused,
    UsageError,
    WorkerFailed,
)
from core.machine_lock import MachineLock, lock_file
from core.ports import ImageQuery, ProjectStore
from core.services import runs, training_session
from core.services.hard_samples import hard_run_plan
from core.services.train import ingest, prepare_run, recover, settings_of, watch_list
from core.training import events
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder
from storage.projects import open_project
from tests.doubles.projects import Leaf, leaves, make_project, spotted
from tests.doubles.workers import fake_base, play, use_doubles


@pytest.fixture
def base(tmp_path: Path) -> TrainConfig:
    folder = fake_base(tmp_path / "base")
    return TrainConfig(base="gemma-3", base_path=str(folder), minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> ProjectStore:
    made = make_project(tmp_path, leaves())
    yield made  # type: ignore[misc]
    made.close()


def silent(_event: events.TrainEvent) -> None:
    """Nobody listens."""


def trained(store: ProjectStore, base: TrainConfig) -> RunFolder:
    folder = prepare_run(store, base)
    training_session.train(store, folder, on_event=silent)
    return folder


# -- preparing


def test_a_prepared_run_holds_all_that_the_worker_needs(
    store: ProjectStore, base: TrainConfig
) -> None:
    folder = prepare_run(store, base)
    config = TrainConfig.read(folder.config)
    assert set(config.classes) == {"rust", "scab", "healthy"}
    assert config.healthy == "healthy"
    assert config.watch
    assert len(folder.read_samples()) == 12
    (run,) = store.runs()
    assert run.state is RunState.PREPARED
    assert store.folder / run.folder == folder.root
    assert len(run.id.split("-")) == 3


def test_held_out_leaves_are_never_drawn_more_often(store: ProjectStore, base: TrainConfig) -> None:
    sides = {i: store.image(i).split for i in store.image_ids(ImageQuery())}
    config = TrainConfig.read(prepare_run(store, replace(base, hard=tuple(sides))).config)
    assert set(config.hard) == {i for i, split in sides.items() if split == "train"}


def test_two_runs_never_share_a_folder(store: ProjectStore, base: TrainConfig) -> None:
    assert prepare_run(store, base).id != prepare_run(store, base).id


def test_presets_can_be_overridden(store: ProjectStore) -> None:
    assert settings_of("quick").minutes == 5
    assert settings_of("quick", minutes=2.0).minutes == 2
    assert settings_of("quick", minutes=None).minutes == 5
    with pytest.raises(UsageError, match="quick, standard, thorough"):
        settings_of("turbo")


def test_a_full_disk_is_told_before_anything_is_written(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 50_000_000

    monkeypatch.setattr(files.shutil, "disk_usage", lambda _path: Usage)
    with pytest.raises(DiskFull, match="50 MB"):
        prepare_run(store, base)
    assert not store.runs()
    assert not list((store.folder / "runs").iterdir())


def test_a_project_that_cannot_be_trained_leaves_no_run(tmp_path: Path, base: TrainConfig) -> None:
    poor = make_project(tmp_path / "poor", [Leaf("a.png", "rust")])
    with pytest.raises(TrainingRefused) as refusal:
        prepare_run(poor, base)
    assert len(refusal.value.problems) == 2
    assert not poor.runs()
    assert not list((poor.folder / "runs").iterdir())
    poor.close()


def test_a_read_only_project_is_not_trained(store: ProjectStore, base: TrainConfig) -> None:
    second = open_project(store.folder)
    assert second.read_only
    with pytest.raises(ProjectReadOnly, match="open read-only"):
        prepare_run(second, base)
    second.close()


def test_a_base_that_is_not_there_is_named(store: ProjectStore, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"config\.json"):
        prepare_run(store, TrainConfig(base="gemma-3", base_path=str(tmp_path / "nowhere")))
    with pytest.raises(UsageError, match="gemma-3=FOLDER"):
        prepare_run(store, TrainConfig(base="gemma-3"))
    with pytest.raises(ModelMissing, match="starter"):
        prepare_run(store, TrainConfig(base="gpt"))


def test_bad_settings_are_told_all_at_once(store: ProjectStore, base: TrainConfig) -> None:
    with pytest.raises(TrainingRefused) as refusal:
        prepare_run(store, replace(base, rank=0, minutes=0))
    assert len(refusal.value.problems) == 2


def test_impossible_numbers_are_told_before_any_photo_is_looked_at(tmp_path: Path) -> None:
    store = make_project(tmp_path, [])
    config = TrainConfig(base="gemma-3", base_path=str(fake_base(tmp_path / "base")), minutes=-1)
    with pytest.raises(TrainingRefused) as refused:
        prepare_run(store, config)
    assert [p for p in refused.value.problems if "Minutes" not in p] == []
    store.close()


def test_the_watched_leaves_are_held_out_and_of_all_classes(store: ProjectStore) -> None:
    from core.training.snapshot import take_snapshot

    samples = {s.image: s for s in take_snapshot(store).samples}
    watched = [samples[i] for i in watch_list(list(samples.values()))]
    assert {s.split for s in watched} == {"val"}
    assert all(s.lesions for s in watched)
    assert watch_list(list(samples.values())) == watch_list(list(samples.values()))


# -- training


def test_a_run_ends_with_scores_in_the_project(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    heard: list[events.TrainEvent] = []
    folder = prepare_run(store, base)
    summary = training_session.train(store, folder, on_event=heard.append)
    assert summary.state is RunState.FINISHED
    (run,) = store.runs()
    assert run.state is RunState.FINISHED
    assert dict(run.summary)["lesion_dice"] == 0.5
    held = sum(s.split == "val" for s in folder.read_samples())
    assert dict(run.summary)["held_out"] == held > 0
    assert len(store.scores(run.id)) == 12
    assert any(isinstance(e, events.Step) for e in heard)
    assert folder.log.exists()


def test_a_workers_refusal_reaches_the_person(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    play(monkeypatch, fail="The leaves are too few; outline some more.")
    with pytest.raises(WorkerFailed, match="too few; outline some more"):
        trained(store, base)
    assert store.runs()[0].state is RunState.FAILED


def test_a_killed_worker_leaves_a_run_that_can_go_on(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    play(monkeypatch, die=True)
    with pytest.raises(WorkerFailed, match="ended with an error"):
        trained(store, base)
    (run,) = store.runs()
    assert run.state is RunState.INTERRUPTED
    again = runs.resumable(store, "gemma-3")
    assert again.id == run.id
    play(monkeypatch)
    training_session.train(store, runs.run_folder(store, again), on_event=silent)
    assert store.runs()[0].state is RunState.FINISHED


def test_what_a_library_prints_spoils_nothing(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    play(monkeypatch, garbage=True)
    folder = trained(store, base)
    assert "a library prints" in folder.log.read_text()


def test_there_is_nothing_to_resume_after_a_finished_run(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    trained(store, base)
    with pytest.raises(UsageError, match="train without --resume"):
        runs.resumable(store, "gemma-3")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in the foreground: in what it starts in the background a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_stops_with_a_usable_checkpoint(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    play(monkeypatch, linger=True)
    folder = prepare_run(store, base)

    def press(event: events.TrainEvent) -> None:
        if isinstance(event, events.Step) and event.step == 2:
            signal.raise_signal(signal.SIGINT)

    summary = training_session.train(store, folder, on_event=press)
    assert summary.state is RunState.STOPPED
    assert store.runs()[0].state is RunState.STOPPED
    assert folder.adapter.is_dir()
    assert store.scores(folder.id)


def test_scoring_again_keeps_state_and_verdicts(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    folder = trained(store, base)
    image = store.image_ids(ImageQuery())[0]
    store.set_verdict(folder.id, image, Verdict.UNSURE)
    play(monkeypatch, dice={str(image): 0.2})
    training_session.score(store, folder, on_event=silent)
    (score,) = store.scores(folder.id, [image])
    assert (score.dice, score.verdict) == (0.2, Verdict.UNSURE)
    play(monkeypatch, fail="No adapter; train first.")
    with pytest.raises(WorkerFailed, match="No adapter"):
        training_session.score(store, folder, on_event=silent)
    assert store.runs()[0].state is RunState.FINISHED


# -- taking in


def test_a_run_whose_window_died_is_taken_in_at_start(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    done = trained(store, base)
    dead = prepare_run(store, base)
    for run in (done, dead):
        store.set_run_state(run.id, RunState.RUNNING)
    with dead.events.open("w") as file:
        file.write(json.dumps(events.to_fields(events.Step(7, 9, 1, 1, 1, 1, 1, 1))) + "\n{torn")
    assert set(recover(store)) == {done.id, dead.id}
    states = {r.id: r.state for r in store.runs()}
    assert states == {done.id: RunState.FINISHED, dead.id: RunState.INTERRUPTED}
    assert recover(store) == []


def test_a_run_that_was_trained_by_hand_is_taken_in_once_it_has_ended(
    store: ProjectStore, base: TrainConfig
) -> None:
    run = prepare_run(store, base)
    assert recover(store) == []
    told = [events.Hello(1, 1, "train"), events.Step(7, 9, 1, 1, 1, 1, 1, 1)]
    run.events.write_text("".join(json.dumps(events.to_fields(e)) + "\n" for e in told))
    assert recover(store) == []  # it may be under way
    with run.events.open("a") as file:
        file.write(json.dumps(events.to_fields(events.Finished("adapter", stopped=True))) + "\n")
    assert recover(store) == [run.id]
    assert store.runs()[0].state is RunState.STOPPED


def test_a_run_whose_folder_is_gone_does_not_stop_the_start(
    store: ProjectStore, base: TrainConfig
) -> None:
    folder = prepare_run(store, base)
    store.set_run_state(folder.id, RunState.RUNNING)
    folder.root.rename(store.folder / "elsewhere")
    recover(store)
    assert store.runs()[0].state is RunState.INTERRUPTED


def test_torn_scores_are_told_and_the_state_is_kept(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    folder = trained(store, base)
    store.set_run_state(folder.id, RunState.RUNNING)
    folder.scores.write_text('{"image": 1')
    with pytest.raises(WorkerFailed, match="leafspot score"):
        ingest(store, folder)
    assert store.runs()[0].state is RunState.FINISHED


# -- one training at a time


def test_a_second_training_waits_and_says_for_whom(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    folder = prepare_run(store, base)
    with (
        MachineLock("the project “tea”"),
        pytest.raises(TrainingRefused, match=r"“tea” since .*wait until it has ended"),
    ):
        training_session.train(store, folder, on_event=silent)
    assert store.runs()[0].state is RunState.PREPARED
    training_session.train(store, folder, on_event=silent)


def test_the_claim_ends_with_its_process_however_it_ends(isolated_user: Path) -> None:
    code = """
        import sys
        from core.machine_lock import MachineLock
        MachineLock("another").acquire()
        print("held", flush=True)
        sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env=dict(os.environ),
    )
    assert holder.stdout
    assert holder.stdin
    assert holder.stdout.readline().strip() == b"held"
    with pytest.raises(TrainingRefused, match=f"another since .*process {holder.pid}"):
        MachineLock("mine").acquire()
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    with MachineLock("mine"):
        assert lock_file().is_relative_to(isolated_user)


# -- the hard leaves


def test_the_hard_ones_continue_the_adapter_and_keep_the_rest(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    images = [store.image(i) for i in store.image_ids(ImageQuery())]
    train = [i.id for i in images if i.split == "train"]
    val = [i.id for i in images if i.split == "val"]
    hard = {train[0]: 0.1, train[1]: 0.5, train[2]: 0.6, val[0]: 0.2}
    play(monkeypatch, dice={str(k): v for k, v in hard.items()})
    folder = trained(store, base)
    store.set_verdict(folder.id, train[1], Verdict.LABEL_WRONG)
    plan = hard_run_plan(store, runs.find_run(store, folder.id), 0.75)
    assert set(plan.images) == {train[0], train[2]}
    assert plan.dice == pytest.approx(0.1), "of those that are repeated and have lesions"
    assert plan.held_out == (val[0],), "held-out leaves are never learnt from"
    assert plan.set_aside == (train[1],)
    assert set(plan.replay) == set(train) - {train[0], train[1], train[2]}
    assert plan.parent is not None
    assert plan.parent.id == folder.id
    assert plan.why.startswith("Continues the adapter")
    assert plan.why.endswith(
        "1 leaf judged “label wrong” is left out until its label is corrected."
    )
    again = prepare_run(store, plan.settings, parent=plan.parent)
    config = TrainConfig.read(again.config)
    assert config.parent == str(folder.adapter)
    assert set(config.hard) == {train[0], train[2]}
    assert store.runs()[0].parent == folder.id
    learnt = {s.image for s in again.read_samples() if s.split == "train"}
    assert learnt == set(train) - {train[1]}, "a label known to be wrong teaches nothing"


def _rename(store: ProjectStore, image: ImageId, disease: str) -> Edit:
    found = store.image(image)
    names = {d.name: d.id for d in store.diseases()}
    before = ImageLabel(found.disease, found.state, found.mask_known)
    after = replace(before, disease=names[disease])
    return Edit(image, "Name the disease", (ImageRelabelled(before, after),))


def test_a_leaf_with_a_wrong_label_is_out_until_it_is_corrected(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    train = [i for i in store.image_ids(ImageQuery()) if store.image(i).split == "train"]
    play(monkeypatch, dice={str(train[0]): 0.1, str(train[1]): 0.2})
    folder = trained(store, base)
    store.set_verdict(folder.id, train[1], Verdict.LABEL_WRONG)
    run = runs.find_run(store, folder.id)
    assert hard_run_plan(store, run).set_aside == (train[1],)
    disease = store.image(train[1]).disease
    other = next(d.name for d in store.diseases() if d.id != disease and d.name != "healthy")
    store.commit(_rename(store, train[1], other))
    plan = hard_run_plan(store, run)
    assert plan.set_aside == ()
    assert "label wrong" not in plan.why
    assert set(plan.images) == {train[0], train[1]}
    again = prepare_run(store, plan.settings, parent=plan.parent)
    assert {s.image for s in again.read_samples() if s.split == "train"} == set(train)


def test_a_leaf_judged_wrong_and_left_out_once_does_not_slip_back_in_a_run_later(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    train = [i for i in store.image_ids(ImageQuery()) if store.image(i).split == "train"]
    play(monkeypatch, dice={str(i): 0.1 for i in train[:2]})
    first = trained(store, base)
    store.set_verdict(first.id, train[1], Verdict.LABEL_WRONG)
    second = trained(store, base)
    assert train[1] not in {s.image for s in second.read_samples()}
    plan = hard_run_plan(store, runs.find_run(store, second.id))
    assert plan.set_aside == (train[1],)
    third = prepare_run(store, plan.settings, parent=plan.parent)
    assert train[1] not in {s.image for s in third.read_samples()}


def test_held_out_leaves_with_a_wrong_label_are_no_part_of_the_sentence(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    images = [store.image(i) for i in store.image_ids(ImageQuery())]
    val = next(i.id for i in images if i.split == "val")
    train = next(i.id for i in images if i.split == "train")
    play(monkeypatch, dice={str(val): 0.1, str(train): 0.1})
    folder = trained(store, base)
    store.set_verdict(folder.id, val, Verdict.LABEL_WRONG)
    plan = hard_run_plan(store, runs.find_run(store, folder.id))
    assert (plan.set_aside, plan.held_out) == ((), (val,))
    again = prepare_run(store, plan.settings, parent=plan.parent)
    assert val in {s.image for s in again.read_samples() if s.split == "val"}


def test_a_class_that_only_wrong_labels_carry_is_a_change_of_classes(
    tmp_path: Path, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    store = make_project(tmp_path, [*leaves(), spotted("m.png", "mould", split=Split.TRAIN)])
    mould = store.image_ids(ImageQuery(text="m.png"))[0]
    play(monkeypatch, dice={str(i): 0.1 for i in store.image_ids(ImageQuery())[:2]})
    folder = trained(store, base)
    assert "mould" in runs.run_config(folder).classes
    store.set_verdict(folder.id, mould, Verdict.LABEL_WRONG)
    plan = hard_run_plan(store, runs.find_run(store, folder.id))
    assert "classes have changed" in plan.why
    assert "mould" not in runs.run_config(prepare_run(store, plan.settings)).classes
    store.close()


def test_new_classes_start_afresh_and_say_why(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    first = store.image_ids(ImageQuery())[0]
    play(monkeypatch, dice={str(first): 0.1})
    folder = trained(store, base)
    run = runs.find_run(store, folder.id)
    healthy = next(d.id for d in store.diseases() if d.healthy)
    names = {d.name: d.id for d in store.diseases()}
    scab = store.image_ids(ImageQuery(disease=names["scab"]))
    store.update_images([replace(store.image(i), disease=healthy) for i in scab])
    plan = hard_run_plan(store, run)
    assert plan.parent is None
    assert "afresh" in plan.why
    assert "classes have changed" in plan.why
    with pytest.raises(TrainingRefused, match="classes have changed since; start afresh"):
        prepare_run(store, base, parent=run)


def test_a_run_without_hard_leaves_says_so(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    folder = trained(store, base)
    with pytest.raises(TrainingRefused, match="nothing to repeat"):
        hard_run_plan(store, runs.find_run(store, folder.id))


def test_a_run_gone_wrong_altogether_starts_afresh(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    play(monkeypatch, dice={str(i): 0.1 for i in store.image_ids(ImageQuery())})
    folder = trained(store, base)
    plan = hard_run_plan(store, runs.find_run(store, folder.id))
    assert plan.parent is None
    assert "12 of its 12 leaves are hard" in plan.why


def test_a_start_from_the_base_learns_at_the_pace_of_the_first_run_not_of_a_refined_one(
    store: ProjectStore, base: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train")
    play(monkeypatch, dice={str(store.image_ids(ImageQuery())[0]): 0.1})
    run = runs.find_run(store, trained(store, base).id)
    for _ in range(2):
        plan = hard_run_plan(store, run)
        folder = prepare_run(store, plan.settings, parent=plan.parent)
        training_session.train(store, folder, on_event=silent)
        run = runs.find_run(store, folder.id)
    assert runs.run_config(folder).learning_rate == base.learning_rate / 4
    play(monkeypatch, dice={str(i): 0.1 for i in store.image_ids(ImageQuery())})
    training_session.score(store, folder, on_event=silent)
    plan = hard_run_plan(store, run)
    assert plan.parent is None
    rates = plan.settings.learning_rate, plan.settings.head_learning_rate
    assert rates == (base.learning_rate, base.head_learning_rate)


@pytest.mark.parametrize("text", ["[]", "null", '{"a_newer_setting": 1}', "[" * 100_000])
def test_settings_that_make_no_sense_are_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    folder = RunFolder(tmp_path / "run-1")
    folder.root.mkdir()
    folder.config.write_text(text, "utf-8")
    with pytest.raises(TrainingRefused, match="settings of run run-1 cannot be read"):
        runs.run_config(folder)


def test_unknown_runs_are_answered_with_those_there_are(
    store: ProjectStore, base: TrainConfig
) -> None:
    with pytest.raises(UsageError, match="none yet"):
        runs.find_run(store, "x")
    with pytest.raises(UsageError, match="scored yet"):
        runs.last_scored(store)
    folder = prepare_run(store, base)
    with pytest.raises(UsageError, match=folder.id):
        runs.find_run(store, "x")
