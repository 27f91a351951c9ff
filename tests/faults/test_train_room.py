"""A run that finds by itself how many photos at a time there is room for, whatever befalls it.

Memory is played: the doubles say what parts take and what is free.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.services import second_try
from core.training import checkpoints, device, events, objective, part_trial, remedies
from core.training.config import TrainConfig
from core.training.looking import Merit
from core.training.recipe import Recipe
from core.training.run_folder import RunFolder
from core.workers.outcome import Outcome
from tests.drawn_run import SETTINGS, drawn_run, small
from tests.faults.full_memory import runs_out

pytestmark = pytest.mark.usefixtures("one_core")

AUTO = replace(SETTINGS, batch_size=1, accumulation=4, auto_batch_size=True)
OUT_OF_MEMORY = Outcome("train", 1, last={"event": "failed", "code": remedies.OUT_OF_MEMORY})
ONE, ROOM, TIGHT = 1 << 20, 1 << 40, 1 << 21
RunOf = Callable[..., RunFolder]


class Run:
    """A recipe whose looks at held-out leaves are played; it notes what each step lost, and how
    many photos it looked at together."""

    def __init__(self, folder: RunFolder) -> None:
        self.told: list[events.TrainEvent] = []
        self.losses: list[float] = []
        self.parts: list[list[int]] = []
        self.stop_at = 10**9
        self.recipe = Recipe(folder, self.told.append, lambda: len(self.losses) >= self.stop_at)
        self.recipe.setup()
        step = self.recipe._step

        def noted() -> object:
            parts = self.recipe.visits.step(self.recipe.progress.step)
            found = step()
            self.losses.append(found.total)
            self.parts.append([len(part) for part in parts])
            return found

        self.recipe._step = noted  # type: ignore[method-assign, assignment]
        nothing = events.Evaluated(0, None, None, None, 0, {}, {})
        self.recipe.looker.look = lambda *_a: (nothing, Merit(0.0, 0.05))  # type: ignore[method-assign]

    def fit(self, *, stop_at: int = 10**9) -> None:
        self.stop_at = stop_at
        self.recipe.fit()

    @property
    def said(self) -> str:
        return "\n".join(e.text for e in self.told if isinstance(e, events.Notice))


@pytest.fixture
def run_of(tmp_path: Path, small_gemma: Path) -> RunOf:
    """A run folder by its name, of twelve leaves to learn from and three held out."""

    def made(name: str, settings: TrainConfig = AUTO) -> RunFolder:
        return drawn_run(tmp_path / name, settings=small(small_gemma, settings))

    return made


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Says how many bytes are free from now on; a part is looked at and said to take ``ONE``."""

    def peak(steps: Callable[[], object]) -> float:
        steps()
        return float(ONE)

    monkeypatch.setattr(device, "peak_above", peak)
    return lambda count: monkeypatch.setattr(device, "free", lambda: count)


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    found = checkpoints.latest(run.checkpoints)
    assert found is not None
    return found.weights


def test_where_there_is_room_a_step_is_taken_at_once_and_learns_the_same(
    run_of: RunOf, free: Callable[[int], None]
) -> None:
    free(ROOM)
    narrow, wide = Run(run_of("narrow", replace(AUTO, auto_batch_size=False))), Run(run_of("wide"))
    narrow.fit()
    wide.fit()
    assert (set(map(tuple, narrow.parts)), set(map(tuple, wide.parts))) == ({(1,) * 4}, {(4,)})
    assert wide.losses == pytest.approx(narrow.losses, rel=0.02)
    assert "4 photos at a time, all of a step" in wide.said
    assert "at a time" not in narrow.said, "a number that somebody chose is kept without a word"


def test_looking_for_the_number_leaves_no_trace_in_what_is_learnt(
    run_of: RunOf, free: Callable[[int], None]
) -> None:
    free(TIGHT)
    looked, chosen = run_of("looked"), run_of("chosen", replace(AUTO, auto_batch_size=False))
    one, other = Run(looked), Run(chosen)
    assert "1 photo at a time, 4 a step" in one.said
    one.fit()
    other.fit()
    assert one.losses == other.losses
    assert all(torch.equal(t, weights(looked)[n]) for n, t in weights(chosen).items())


@pytest.mark.parametrize(("at_first", "later"), [(ROOM, TIGHT), (TIGHT, ROOM)])
def test_a_run_that_goes_on_keeps_what_was_found_and_ends_bit_for_bit(
    run_of: RunOf, free: Callable[[int], None], at_first: int, later: int
) -> None:
    """However much is free by then: another cut would add up in another order."""
    free(at_first)
    whole_run, cut_run = run_of("whole"), run_of("cut")
    whole = Run(whole_run)
    whole.fit()
    first = Run(cut_run)
    first.fit(stop_at=2)
    free(later)
    second = Run(cut_run)
    second.fit()
    assert "as was found when the run began" in second.said
    assert first.parts + second.parts == whole.parts
    assert first.losses + second.losses == whole.losses
    assert all(torch.equal(t, weights(cut_run)[n]) for n, t in weights(whole_run).items())


@pytest.mark.parametrize(("at_first", "later", "found"), [(ROOM, TIGHT, 4), (TIGHT, ROOM, 1)])
def test_a_run_that_was_killed_before_its_first_checkpoint_keeps_it_too(
    run_of: RunOf, free: Callable[[int], None], at_first: int, later: int, found: int
) -> None:
    folder = run_of("run")
    free(at_first)
    Run(folder)
    free(later)
    again = Run(folder)
    assert again.recipe.config.batch_size == found
    assert not folder.committed_step


def test_a_run_that_has_learnt_looks_for_no_other_number_though_its_note_is_lost(
    run_of: RunOf, free: Callable[[int], None]
) -> None:
    folder = run_of("run")
    free(TIGHT)
    first = Run(folder)
    first.fit(stop_at=2)
    folder.remedies.unlink()
    free(ROOM)
    second = Run(folder)
    second.fit()
    assert {tuple(parts) for parts in first.parts + second.parts} == {(1,) * 4}


def test_room_is_left_for_what_the_optimiser_makes_at_the_first_step(
    run_of: RunOf, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its moments are not there yet when parts are looked at."""
    free(ROOM)
    run = Run(run_of("run"))
    run.fit(stop_at=1)
    state = run.recipe.optimiser.state.values()
    moments = sum(4 * each[key].numel() for each in state for key in ("exp_avg", "exp_avg_sq"))
    trained = [*run.recipe.learner.parameters().values()]
    assert part_trial.moments(run.recipe.config, trained) == moments
    monkeypatch.setattr(part_trial, "moments", lambda *_: ROOM - ONE)
    assert Run(run_of("another")).recipe.config.batch_size == 1


def test_memory_that_runs_out_after_all_is_met_with_fewer_and_never_with_more_again(
    run_of: RunOf, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    free(ROOM)
    undisturbed = Run(run_of("undisturbed"))
    undisturbed.fit()
    folder = run_of("run")
    run = Run(folder)
    runs_out(monkeypatch, lambda photos: photos > 2 and len(run.losses) >= 2)
    with pytest.raises(torch.OutOfMemoryError):
        run.fit()
    assert second_try.prepare(folder, OUT_OF_MEMORY)
    rest = Run(folder)
    assert "Memory ran out before: now 2 photos at a time, 4 a step" in rest.said
    rest.fit()
    assert run.parts + rest.parts == [[4]] * 2 + [[2, 2]] * 4
    assert run.losses + rest.losses == pytest.approx(undisturbed.losses, rel=0.02)


def test_a_card_too_small_for_two_photos_is_no_failure(
    run_of: RunOf, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    free(ROOM)
    runs_out(monkeypatch, lambda photos: photos > 1)
    run = Run(run_of("run"))
    assert "1 photo at a time, 4 a step: memory ran out when more were tried" in run.said
    run.fit()
    assert run.parts == [[1] * 4] * 6


def test_two_photos_are_not_even_tried_where_they_are_not_foreseen_to_fit(
    run_of: RunOf, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer that begins to swap takes the person's other programs along."""
    free(TIGHT)
    tried: list[int] = []
    real = part_trial.peak

    def noted(of: objective.Objective, visits: Sequence[object], at_once: int) -> float | None:
        tried.append(at_once)
        return real(of, visits, at_once)  # type: ignore[arg-type]

    monkeypatch.setattr(part_trial, "peak", noted)
    Run(run_of("run"))
    assert set(tried) == {1}


def test_parts_are_measured_beside_the_gradients_of_those_before_them(
    run_of: RunOf, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a step; each was measured alone, and took a quarter more once it was trained."""
    free(ROOM)
    beside: list[bool] = []
    real = objective.Objective.losses

    def noted(self: objective.Objective, visits: Sequence[object], whole: object) -> object:
        beside.append(any(p.grad is not None for p in self.train()))
        return real(self, visits, whole)  # type: ignore[arg-type]

    monkeypatch.setattr(objective.Objective, "losses", noted)
    run = Run(run_of("run"))
    assert beside == [False, False, True, True, True, False, True]
    assert all(p.grad is None for p in run.recipe.objective.train())


def test_where_nobody_says_what_a_step_takes_the_number_stays(
    run_of: RunOf, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    free(ROOM)
    monkeypatch.setattr(device, "peak_above", lambda _steps: None)
    run = Run(run_of("run"))
    assert run.recipe.config.batch_size == 1
    assert "cannot be measured here" in run.said


def test_a_run_begun_on_a_large_card_may_go_on_where_only_its_settings_fit(
    run_of: RunOf, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    free(ROOM)
    folder = run_of("run")
    Run(folder).fit(stop_at=1)
    asked: list[int] = []
    monkeypatch.setattr(device, "insist", lambda config, **_: asked.append(config.batch_size))
    Run(folder)
    assert asked == [1]
    assert json.loads(folder.remedies.read_text("utf-8"))["batch_size"] == 4
