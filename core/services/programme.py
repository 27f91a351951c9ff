"""The three-stage programme: learn, prefer, repeat hard leaves; each stage has to earn its place.

A stage continues the adapter of the last one that was accepted, and is accepted only if it beats it
on held-out leaves by more than chance: the whole bootstrap interval of the paired Dice differences
(over groups of leaves where photos have groups) lies above 0, and the naming has not become worse
beyond its own. Knows runs and scores; starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.domain.ids import ImageId, RunId
from core.domain.run import Run, Score
from core.errors import TrainingRefused
from core.language import tr
from core.ports import ProjectStore
from core.services import hard_samples
from core.services.figures import Gain, gain
from core.services.runs import afresh, run_config, run_folder
from core.training.config import Answers, Stage, TrainConfig
from core.training.events import replay
from core.training.run_folder import RunFolder
from core.training.summary import follow

TAUS = (0.60, 0.70, 0.75, 0.80)
"""Dice thresholds of hard leaves that a sweep tries."""
GENTLE: dict[str, object] = {
    "learning_rate": 1e-5,
    "head_learning_rate": 1e-5,
    "final_rate": 0.01,
    "warmup": 0.0,
    "clip": 1.0,
    "dice_weight": 1.0,
    "bce_weight": 0.5,
}
"""AdamW at 10⁻⁵, by a cosine to 10⁻⁷: how the later stages were published."""
UNLIKE = 2.0
"""Times as many steps from which two runs are not of the same budget. Without masks a step is
quicker, by less than that."""
LATER = (Stage.PREFERENCE, Stage.HARD)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether a run is better than the one it continued, and by how much."""

    before: Run
    gain: Gain
    accepted: bool

    @property
    def sentence(self) -> str:
        """For people, the interval included."""
        found = self.gain.dice
        if found is None or not found.known:
            return tr(
                "Too few held-out leaves, or groups of them, are outlined to judge this stage; it "
                "is not kept."
            )
        figures = tr(
            "Dice {value:+.3f} (95 % from {low:+.3f} to {high:+.3f}) on {leaves} held-out leaves",
            value=found.value,
            low=found.low,
            high=found.high,
            leaves=found.leaves,
        )
        if self.accepted:
            return tr("Accepted: {figures}.", figures=figures)
        if found.above_zero:
            return tr("Not accepted, because the naming became worse: {figures}.", figures=figures)
        if found.high < 0:
            return tr("Not accepted, because it became worse: {figures}.", figures=figures)
        return tr("Not accepted, because it may be chance: {figures}.", figures=figures)


def acceptance(store: ProjectStore, run: Run) -> Acceptance | None:
    """Against the run that it continued; None where there is none, or one of them has no scores."""
    before = next((r for r in store.runs() if r.id == run.parent), None)
    if before is None:
        return None
    held = [s for s in store.scores(run.id) if s.split == "val"]
    return judge(before, store.scores(before.id), held, groups_of(store, held))


def can_be_judged(store: ProjectStore, run: Run) -> bool:
    """Whether enough leaves, in enough groups, are held out to keep a stage that continues it."""
    held = [s for s in store.scores(run.id) if s.split == "val"]
    found = gain(held, held, groups_of(store, held)).dice
    return found is not None and found.known


def groups_of(store: ProjectStore, scores: Sequence[Score]) -> dict[ImageId, str]:
    """The groups of scored photos, of those that have one."""
    images = store.images([s.image for s in scores])
    return {image.id: image.group for image in images if image.group}


def judge(
    before: Run | None,
    before_scores: Sequence[Score],
    held: Sequence[Score],
    groups: Mapping[ImageId, str],
) -> Acceptance | None:
    """``held`` are the held-out leaves' scores of the run that continued ``before``."""
    if before is None or not held:
        return None
    found = gain(before_scores, held, groups)
    if found.dice is None and found.accuracy is None:
        return None
    return Acceptance(before, found, better(found))


def better(found: Gain) -> bool:
    """Whether Dice rose beyond chance, and the naming did not fall beyond it."""
    worse = found.accuracy is not None and found.accuracy.known and found.accuracy.high < 0
    return found.dice is not None and found.dice.above_zero and not worse


def summary(found: Acceptance | None) -> dict[str, float]:
    """What of it is kept with the run's figures."""
    if found is None or found.gain.dice is None:
        return {}
    dice = found.gain.dice
    ends = {"gain_low": dice.low, "gain_high": dice.high} if dice.known else {}
    return {"accepted": float(found.accepted), "gain": dice.value, **ends}


def best_of(store: ProjectStore, run: Run) -> Run:
    """``run`` if it was accepted, else the nearest one before it that was."""
    by_id: dict[RunId | None, Run] = {r.id: r for r in store.runs()}
    seen = {run.id}
    while not run.kept and (before := by_id.get(run.parent)) and before.id not in seen:
        run = before
        seen.add(run.id)
    return run


@dataclass(frozen=True, slots=True)
class Request:
    """A run to prepare: its settings and the run whose adapter it continues."""

    config: TrainConfig
    parent: Run | None


def stage_after(
    store: ProjectStore, run: Run, stage: Stage, *, below: float = hard_samples.BELOW
) -> Request:
    """The next stage, on the best adapter up to ``run``.

    Raises TrainingRefused when there is nothing to repeat, or the run's folder has gone.
    """
    parent = best_of(store, run)
    config = run_config(run_folder(store, parent))
    if config.answers is not Answers.MASK:
        raise TrainingRefused([tr("This run has no masks; the later stages are about them.")])
    gentle = replace(config, **GENTLE, stage=stage, parent="", hard=(), accumulation=2)  # type: ignore[arg-type]
    if stage is Stage.PREFERENCE:
        return Request(gentle, parent)
    plan = hard_samples.hard_run_plan(store, parent, below)
    if not plan.images:
        raise TrainingRefused(
            [tr("No leaf to learn from has a Dice below {below:.2f}.", below=below)]
        )
    return Request(replace(gentle, hard=plan.images, below=below), parent)


def control(store: ProjectStore, run: Run) -> Request:
    """The same run without masks: did they help the naming?

    Raises TrainingRefused where it has none itself, or its folder has gone.
    """
    # It begins with the base model, whatever ``run`` began with.
    config = afresh(store, run)
    if config.answers is not Answers.MASK:
        raise TrainingRefused([tr("This run has no masks itself; name one that has.")])
    plain = replace(
        config,
        answers=Answers.CLASS,
        stage=Stage.LORA,
        control_of=run.id,
        parent="",
        hard=(),
        watch=(),
    )
    return Request(plain, None)


def control_of(store: ProjectStore, run: Run) -> Run | None:
    """The newest scored run that is the control of ``run``."""
    for other in store.runs():
        if not store.scores(other.id):
            continue
        try:
            if run_config(run_folder(store, other)).control_of == run.id:
                return other
        except TrainingRefused:  # its folder has gone
            continue
    return None


def practice_sentence(run: RunFolder, other: RunFolder) -> str:
    """Where of two runs of the same minutes one took far more steps, as on a computer that was
    busy with something else: the comparison is of that as well. "" where they are alike."""
    steps, others = (follow(replay(folder.events)).steps for folder in (run, other))
    if max(steps, others) < UNLIKE * min(steps, others):
        return ""
    return tr(
        "With masks it took {steps:,} steps, without {others:,}: part of the difference may be "
        "practice. Train both while the computer does nothing else, or for longer.",
        steps=steps,
        others=others,
    )


def mask_sentence(found: Gain) -> str:
    """“Did the mask help?”; ``found`` goes from the control to the run with masks."""
    named = found.accuracy
    if named is None or not named.known:
        return tr(
            "Too few held-out leaves, or groups of them, carry a disease to say whether the masks "
            "helped."
        )
    figures = tr(
        "{value:+.1%} of diseases right (95 % from {low:+.1%} to {high:+.1%}, {leaves} leaves)",
        value=named.value,
        low=named.low,
        high=named.high,
        leaves=named.leaves,
    )
    if named.low > 0:
        return tr("The masks helped the naming: {figures}.", figures=figures)
    if named.high < 0:
        return tr("The masks harmed the naming: {figures}.", figures=figures)
    return tr("Whether the masks helped the naming cannot be told: {figures}.", figures=figures)
