"""What may befall a run short of a kill: bad numbers, no memory, no disk, sleep, a word to stop."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import DiskFull, WorkerFailed
from core.services import second_try
from core.training import checkpoints, events, objective, recipe, remedies
from core.training.checkpoints import Progress
from core.training.config import Stage, TrainConfig
from core.training.looking import Merit
from core.training.recipe import Recipe
from core.training.run_folder import RunFolder
from core.training.stopping import StopAsked
from core.training.stopwatch import ASLEEP, Stopwatch
from core.workers.outcome import Outcome
from core.workers.train import Reporter, _nothing_new
from tests.drawn_run import SETTINGS, drawn_run, small
from tests.faults.full_disk import no_file_beyond
from tests.faults.full_memory import runs_out

pytestmark = pytest.mark.usefixtures("one_core")

RunOf = Callable[..., RunFolder]
OUT_OF_MEMORY = Outcome("train", 1, last={"event": "failed", "code": remedies.OUT_OF_MEMORY})


class Run:
    """A recipe that notes what each step saw and lost.

    Its looks at held-out leaves are played, for they take longer than all the rest: ``merits``
    are what they find, 0 for ever after.
    """

    def __init__(self, folder: RunFolder, merits: Sequence[float] = ()) -> None:
        self.told: list[events.TrainEvent] = []
        self.losses: list[float] = []
        self.seen: list[list[int]] = []
        self.stop_at = 10**9
        self.recipe = Recipe(folder, self.told.append, self._stop)
        step = self.recipe._step

        def noted() -> recipe.Losses:
            number = self.recipe.progress.step
            found = step()
            self.losses.append(found.total)
            parts = self.recipe.visits.step(number)
            self.seen.append([v.index for part in parts for v in part])
            return found

        self.recipe._step = noted  # type: ignore[method-assign]
        self.recipe.setup()
        found = iter(merits)
        self.recipe.looker.look = lambda *_a: (  # type: ignore[method-assign]
            self.nothing()[0],
            Merit(next(found, 0.0), 0.05),
        )

    @staticmethod
    def nothing(*_: object) -> tuple[events.Evaluated, Merit]:
        """What a look finds that was never taken."""
        return events.Evaluated(0, None, None, None, 0, {}, {}), Merit(0.0, 0.05)

    def _stop(self) -> bool:
        return len(self.losses) >= self.stop_at

    def fit(self, *, stop_at: int | None = None) -> bool:
        self.stop_at = 10**9 if stop_at is None else stop_at
        return self.recipe.fit()

    def notices(self) -> list[str]:
        return [e.text for e in self.told if isinstance(e, events.Notice)]


@pytest.fixture
def run_of(tmp_path: Path, small_gemma: Path) -> RunOf:
    """A run folder by its name, of twelve leaves to learn from and three held out."""

    def made(name: str, settings: TrainConfig = SETTINGS) -> RunFolder:
        return drawn_run(tmp_path / name, settings=small(small_gemma, settings))

    return made


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    found = checkpoints.latest(run.checkpoints)
    assert found is not None
    return found.weights


def test_wherever_a_run_is_cut_it_goes_on_bit_for_bit(run_of: RunOf) -> None:
    whole_run = run_of("whole")
    whole = Run(whole_run)
    whole.fit()
    assert len(whole.losses) == 6
    for cut in (1, 4):  # three steps are an epoch: both lie in the middle of one
        run = run_of(f"cut-{cut}")
        first = Run(run)
        assert first.fit(stop_at=cut)
        second = Run(run)
        second.fit()
        assert first.losses + second.losses == whole.losses
        assert first.seen + second.seen == whole.seen
        assert all(torch.equal(t, weights(run)[n]) for n, t in weights(whole_run).items())


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_no_number_stops_the_run_before_it_is_learnt(
    run_of: RunOf, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(recipe, "SAVE_EVERY", -1.0)
    real, calls = objective.mask_loss, 0

    def broken(logits: torch.Tensor, truth: torch.Tensor, **weights: float) -> torch.Tensor:
        nonlocal calls
        calls += 1
        loss = real(logits, truth, **weights)
        if calls < 4:
            return loss
        # The root's slope at 0 is infinite: the loss stays a number, its gradient does not.
        return loss * float("nan") if what == "loss" else loss + ((loss - loss) * 0).sqrt()

    monkeypatch.setattr(objective, "mask_loss", broken)
    folder = run_of("run")
    run = Run(folder)
    with pytest.raises(WorkerFailed, match=r"last checkpoint is good\. .* lower learning rate"):
        run.fit()
    found = checkpoints.latest(folder.checkpoints)
    assert found is not None
    assert found.progress.step == 3
    every = [*found.weights.values(), *found.optimiser.values()]
    assert all(bool(torch.isfinite(t).all()) for t in every)


def test_memory_that_ran_out_goes_on_with_fewer_photos_at_a_time(
    run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = Run(run_of("undisturbed"))
    undisturbed.fit()
    runs_out(monkeypatch, lambda photos: photos > 1 and len(run.losses) >= 2)
    folder, losses, attempts = run_of("run"), list[float](), 0
    while True:
        attempts += 1
        run = Run(folder)
        try:
            run.fit()
        except torch.OutOfMemoryError:
            losses += run.losses
            assert second_try.prepare(folder, OUT_OF_MEMORY)
        else:
            losses += run.losses
            break
    assert attempts == 3  # four photos, then two (which bears two steps), then one
    assert "1 photo at a time, 4 a step" in run.notices()[0]
    # Nothing that had been learnt was lost, and every step learnt from the same photos.
    assert losses == pytest.approx(undisturbed.losses, rel=0.02)


def test_when_a_single_photo_is_too_much_layers_are_computed_again(
    run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SETTINGS, batch_size=1, accumulation=4)
    undisturbed = Run(run_of("undisturbed", settings))
    undisturbed.fit()
    runs_out(monkeypatch, lambda _photos: not run.recipe.config.recompute and len(run.losses) >= 2)
    folder = run_of("run", settings)
    run = Run(folder)
    with pytest.raises(torch.OutOfMemoryError):
        run.fit()
    losses = run.losses
    assert second_try.prepare(folder, OUT_OF_MEMORY)
    run = Run(folder)
    run.fit()
    assert "computed again" in run.notices()[0]
    assert losses + run.losses == pytest.approx(undisturbed.losses, rel=0.02)


@pytest.mark.parametrize("already", [False, True])
def test_the_person_is_told_when_nothing_more_can_be_done_about_memory(
    tmp_path: Path, already: bool
) -> None:
    """Whatever is done, a step learns from as many photos as before and as many image tokens."""
    run = RunFolder(tmp_path)
    settings = replace(SETTINGS, batch_size=6, accumulation=1, recompute=already)
    run.config.write_text(settings.to_json())
    done = []
    while second_try.prepare(run, OUT_OF_MEMORY):
        config = remedies.applied(TrainConfig.read(run.config), run)
        assert config.batch_size * config.accumulation == 6
        done.append((config.batch_size, config.recompute))
        mended = replace(config, batch_size=6, accumulation=1, recompute=already)
        assert mended == settings
    smaller = [(3, already), (2, already), (1, already)]
    assert done == (smaller if already else [*smaller, (1, True)])


def test_a_kill_is_taken_for_memory_only_where_the_kernel_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path)
    run.config.write_text(SETTINGS.to_json())
    counter = tmp_path / "vmstat"
    counter.write_text("nr_free 7\noom_kill 3\n")
    monkeypatch.setattr(second_try, "KILLS", counter)
    killed = Outcome("train", 9, crashed=True, last={"event": "step"})
    assert not second_try.prepare(run, killed, kills_before=3)
    assert second_try.prepare(run, killed, kills_before=2)


def test_of_processes_that_share_a_step_each_looks_at_fewer_than_it_did(tmp_path: Path) -> None:
    """Half of the photos are the other's: looking at half of all at once would change nothing."""
    run = RunFolder(tmp_path)
    run.config.write_text(replace(SETTINGS, batch_size=4, accumulation=1).to_json())
    assert second_try.prepare(run, OUT_OF_MEMORY, processes=2)
    config = remedies.applied(TrainConfig.read(run.config), run)
    assert (config.batch_size, config.accumulation) == (1, 4)


@pytest.mark.parametrize("last", [{"event": "step"}, {"event": "failed", "code": remedies.PARTED}])
def test_a_kill_for_memory_behind_a_launcher_is_known_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: dict[str, str]
) -> None:
    """Whichever process was killed: the launcher itself ends with a status of its own."""
    run = RunFolder(tmp_path)
    run.config.write_text(SETTINGS.to_json())
    counter = tmp_path / "vmstat"
    counter.write_text("oom_kill 3\n")
    monkeypatch.setattr(second_try, "KILLS", counter)
    ended = Outcome("train", 1, last=last)
    assert not second_try.prepare(run, ended, kills_before=3, processes=2)
    assert not second_try.prepare(run, ended, kills_before=2)
    assert second_try.prepare(run, ended, kills_before=2, processes=2)


def test_a_lost_graphics_card_is_tried_once_more_at_each_step(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    lost = Outcome("train", 1, last={"event": "failed", "code": remedies.DEVICE_LOST})
    assert second_try.prepare(run, lost)
    assert not second_try.prepare(run, lost)
    (run.checkpoints / "step-0000012").mkdir(parents=True)
    assert second_try.prepare(run, lost)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
    ],
)
def test_every_way_of_running_out_of_memory_is_known(error: Exception) -> None:
    assert remedies.is_out_of_memory(error)
    assert not remedies.is_out_of_memory(RuntimeError("size mismatch"))


def test_a_full_disk_is_told_once_and_training_goes_on_until_there_is_room(
    run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "SAVE_EVERY", -1.0)
    real, calls = checkpoints.save, 0

    def save(*args: object) -> Path:
        nonlocal calls
        calls += 1
        if calls in (2, 3):
            raise DiskFull("The disk is full.")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints, "save", save)
    folder = run_of("run")
    run = Run(folder)
    run.fit()
    assert sum("Training goes on" in text for text in run.notices()) == 1
    assert [e.step for e in run.told if isinstance(e, events.Checkpoint)] == [1, 4, 5, 6]


def test_a_disk_that_stays_full_ends_the_run_and_keeps_what_was_committed(
    run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_of("run")
    Run(folder).fit(stop_at=2)
    run = Run(folder)
    with no_file_beyond(4096), pytest.raises(DiskFull, match="Free some space"):
        run.fit()
    assert checkpoints.steps(folder.checkpoints) == [2]
    assert not list(folder.checkpoints.glob(".*"))
    Run(folder).fit()
    assert checkpoints.steps(folder.checkpoints)[-1] == 6


def test_a_save_cut_off_anywhere_by_a_full_disk_leaves_the_one_before(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(64, 64)}
    checkpoints.save(tmp_path, tensors, tensors, Progress(1, 1.0, 0.0, 0))
    for size in (0, 10, 500, 16_000):
        with no_file_beyond(size), pytest.raises(DiskFull):
            checkpoints.save(tmp_path, tensors, tensors, Progress(2, 2.0, 0.0, 0))
        assert [p.name for p in tmp_path.iterdir()] == ["step-0000001"]
    assert checkpoints.latest(tmp_path) is not None


def test_what_a_full_disk_kept_out_of_the_story_is_written_later(tmp_path: Path) -> None:
    heard: list[str] = []

    class Wire:
        def send(self, event: str, **_fields: object) -> None:
            heard.append(event)

    path = tmp_path / "events.jsonl"
    with path.open("ab", buffering=0) as file:
        report = Reporter(Wire(), file)  # type: ignore[arg-type]
        report(events.Notice("before"))
        with no_file_beyond(path.stat().st_size + 20):
            report(events.Notice("meanwhile"))
            report(events.Phase("training"))
        assert heard == ["notice", "notice", "phase"]
        report(events.Notice("after"))
    told = [e for e in events.replay(path) if isinstance(e, events.Notice)]
    assert [e.text for e in told] == ["before", "meanwhile", "after"]


def test_sleep_is_no_training_time() -> None:
    clock, work = 100.0, 5.0
    watch = Stopwatch(60.0, clock=lambda: clock, work=lambda: work)
    clock, work = clock + 10, work + 9
    assert watch.read() == 70.0
    clock, work = clock + 8 * 3600, work + 1  # the lid was closed
    assert watch.read() == 70.0
    assert watch.slept() == 8 * 3600
    assert watch.slept() == 0
    clock, work = clock + 3 * ASLEEP, work + ASLEEP  # one long step
    assert watch.read() == 70.0 + 3 * ASLEEP
    clock -= 3600  # set back by somebody
    assert watch.read() == 70.0 + 3 * ASLEEP


def test_a_run_ends_early_when_its_evaluations_gain_nothing(run_of: RunOf) -> None:
    settings = replace(SETTINGS, epochs=2.0, evaluations=6, patience=2)
    folder = run_of("run", settings)
    run = Run(folder, [0.0, 0.5, 0.9, 0.9, 0.8, 1.0])
    assert not run.fit()
    assert run.recipe.progress.step == 4
    assert run.recipe.progress.best_step == 3  # as good as step 2, and later
    assert "No gain in 2 evaluations" in run.notices()[-1]
    again = Run(folder)
    again.fit()
    assert again.losses == []


def test_a_run_that_cannot_measure_a_gain_does_not_end_for_want_of_one(run_of: RunOf) -> None:
    settings = replace(SETTINGS, epochs=2.0, evaluations=6, patience=1)
    folder = run_of("run", settings)
    folder.write_samples([replace(s, split="train") for s in folder.read_samples()])
    run = Run(folder)
    assert not run.fit()
    assert run.recipe.progress.step == run.recipe.schedule.most_steps
    assert not any("No gain" in notice for notice in run.notices())


def test_stop_is_heard_in_the_middle_of_everything(
    run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No photo is begun after the word, whatever the run was doing."""
    asked = False
    folder = run_of("run", replace(SETTINGS, batch_size=1, accumulation=4))
    told: list[events.TrainEvent] = []
    run = Recipe(folder, told.append, lambda: asked)
    run.setup()
    # Within a step: its first part is done, its others are not begun.
    real, parts = objective.Objective.losses, 0

    def losses(self: objective.Objective, *args: object) -> object:
        nonlocal asked, parts
        parts += 1
        asked = parts == 5
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(objective.Objective, "losses", losses)
    assert run.fit()
    assert (parts, run.progress.step) == (5, 1)
    assert checkpoints.steps(folder.checkpoints) == [1]
    # While scoring: the adapter is there already, and it is an end that was asked for.
    asked = True
    run.finish(stopped=False)
    assert told[-1] == events.Finished("adapter", stopped=True)
    assert not folder.scores.exists()
    # While looking at held-out leaves.
    with pytest.raises(StopAsked):
        run.looker.look(1, lambda: asked)
    # Before anything has been learnt there is nothing to keep.
    fresh = Recipe(run_of("fresh"), told.append, lambda: asked)
    with pytest.raises(StopAsked):
        fresh.setup()


@pytest.mark.parametrize("way", ["there", "back", "looking"])
def test_stop_is_heard_between_two_layers(
    run_of: RunOf, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """On the way there and on the way back: no further layer is begun, and nothing has changed."""
    asked, passed = False, 0
    folder = run_of("run")
    told: list[events.TrainEvent] = []
    run = Recipe(folder, told.append, lambda: asked)
    run.setup()
    named = dict(run.learner.vlm.model.named_modules())
    layer = next(m for n, m in named.items() if n.endswith("language_model.layers.2"))
    before = run.learner.state()

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    def count(*_: object) -> None:
        nonlocal passed
        passed += asked

    for name, module in named.items():
        if name.rpartition(".")[0].endswith("layers") and module is not layer:
            module.register_forward_hook(count)
            module.register_full_backward_hook(count)
    if way == "looking":
        layer.register_forward_pre_hook(ask)
        with pytest.raises(StopAsked):
            run.looker.look(1)
    else:
        monkeypatch.setattr(run.looker, "look", Run.nothing)
        hook = layer.register_full_backward_hook if way == "back" else layer.register_forward_hook
        hook(ask)
        assert run.fit()
        assert run.progress.step == 0
    assert asked
    assert passed == 0
    assert all(torch.equal(t, before[n]) for n, t in run.learner.state().items())


def test_a_run_that_is_stopped_before_it_goes_on_still_has_its_adapter(run_of: RunOf) -> None:
    folder = run_of("run")
    assert _nothing_new(folder) == events.Stopped()
    first = Run(folder)
    first.recipe.finish(stopped=first.fit(stop_at=1))
    assert _nothing_new(folder) == events.Finished("adapter", stopped=True)


def test_an_error_number_of_the_system_comes_through_safetensors(tmp_path: Path) -> None:
    from core.training.tensors import write_tensors

    with no_file_beyond(100), pytest.raises(OSError, match=r"x\.safetensors") as caught:
        write_tensors({"a": torch.ones(100)}, tmp_path / "x.safetensors")
    assert caught.value.errno == errno.EFBIG


def test_a_preference_stage_compares_with_the_adapter_it_began_with_also_after_a_stop(
    run_of: RunOf,
) -> None:
    first = run_of("first")
    begun = Run(first)
    begun.recipe.finish(stopped=begun.fit(stop_at=3))
    settings = replace(SETTINGS, stage=Stage.PREFERENCE, parent=str(first.adapter), warmup=0.0)
    whole_run, cut = (run_of(n, settings) for n in ("whole", "cut"))
    whole = Run(whole_run)
    whole.fit()
    parts = [Run(cut)]
    parts[0].fit(stop_at=2)
    parts.append(Run(cut))
    parts[1].fit()
    assert parts[0].losses + parts[1].losses == whole.losses
    assert all(torch.equal(t, weights(cut)[n]) for n, t in weights(whole_run).items())
