"""Training again on the hard leaves: which leaves, from which adapter, and why.

Knows scores and runs; starts nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from core.domain.ids import DiseaseId, ImageId
from core.domain.image import Split
from core.domain.run import Run, Score, Verdict
from core.errors import ModelMissing, TrainingRefused
from core.language import tr, trn
from core.ports import ImageQuery, ProjectStore
from core.services import folds, review
from core.services.bases import choose
from core.services.runs import afresh, lineage, run_config, run_folder
from core.training.config import Stage, TrainConfig
from core.training.snapshot import judged_wrong_sentence

BELOW = 0.75
LONGEST_LINE = 5
"""Adapters continued more often than this have seen the first leaves too often to change."""
MOSTLY = 0.6
"""With a larger share of hard leaves than this, the adapter has little worth keeping."""


@dataclass(frozen=True, slots=True)
class HardPlan:
    """``images`` are drawn more often; ``replay`` are the other leaves to learn from.

    A run's leaves stay in the training, so that nothing learnt is forgotten; only their share
    changes. ``parent`` is the run to continue, None to start afresh; ``why`` says so in a
    sentence. ``held_out`` hard leaves are never learnt from. ``set_aside`` leaves, hard or not,
    were judged "label wrong" and are left out until their label is corrected. ``dice`` is the
    mean of those of ``images`` that have lesions, before, for comparison. ``out_of_fold``: they
    were judged by models that had not learnt them (`core.services.folds`).
    """

    images: tuple[ImageId, ...]
    replay: tuple[ImageId, ...]
    parent: Run | None
    why: str
    held_out: tuple[ImageId, ...]
    set_aside: tuple[ImageId, ...]
    dice: float | None
    settings: TrainConfig
    out_of_fold: bool = False


def hard_run_plan(store: ProjectStore, run: Run, below: float = BELOW) -> HardPlan:
    """What “train on the hard leaves” will do for those of ``run`` with a Dice under ``below``.

    Raises TrainingRefused when the run's folder has gone or no leaf is hard.
    """
    own = store.scores(run.id)
    mined = _mined(store, run)
    scores = [
        replace(mined[s.image], split="train") if s.split == "train" and s.image in mined else s
        for s in own
    ]
    hard = [s for s in scores if s.dice is not None and s.dice < below]
    wrong = set_aside(store)
    if not hard:
        raise TrainingRefused(
            [
                tr(
                    "No leaf of run {id} has a Dice below {below:.2f}; there is nothing to repeat.",
                    id=run.id,
                    below=below,
                )
            ]
        )
    learnable = [s for s in scores if s.split == "train" and s.image not in wrong]
    images = tuple(s.image for s in hard if s.split == "train" and s.image not in wrong)
    obstacle = _why_afresh(store, run, own, below, wrong)
    settings = afresh(store, run) if obstacle else run_config(run_folder(store, run))
    return HardPlan(
        images=images,
        replay=tuple(sorted({s.image for s in learnable} - set(images))),
        parent=None if obstacle else run,
        why=_sentence(run, obstacle, images=len(images), left_out=len(wrong)),
        held_out=tuple(s.image for s in hard if s.split != "train"),
        set_aside=tuple(sorted(wrong)),
        dice=review.review([s for s in hard if s.image in images]).dice,
        settings=_again(settings, images, below, from_adapter=not obstacle),
        out_of_fold=bool(mined) and mined.keys() >= {s.image for s in learnable},
    )


def _mined(store: ProjectStore, run: Run) -> dict[ImageId, Score]:
    """What models that had not learnt them said of leaves, the run's own folds first.

    A later stage has learnt the same leaves as the run it continues, so that what the folds of that
    run found holds for it, too.
    """
    by_id = {r.id: r for r in store.runs()}
    found: dict[ImageId, Score] = {}
    for one in (run, *(by_id[i] for i in lineage(store, run))):
        found = folds.out_of_fold(store, one) | found
    return found


def set_aside(store: ProjectStore) -> frozenset[ImageId]:
    """Leaves that a run would learn from now, had nobody called their label wrong."""
    return frozenset(s.image for s in store.judged(Verdict.LABEL_WRONG) if _to_learn_from(store, s))


def _to_learn_from(store: ProjectStore, score: Score) -> bool:
    split = store.image(score.image).split
    return (score.split if split is Split.AUTO else split) == Split.TRAIN


def _again(
    settings: TrainConfig, images: tuple[ImageId, ...], below: float, *, from_adapter: bool
) -> TrainConfig:
    scale = 0.5 if from_adapter else 1.0  # an adapter that has settled is refined, not shaken up
    return replace(
        settings,
        parent="",
        stage=Stage.HARD,
        hard=images,
        below=below,
        learning_rate=settings.learning_rate * scale,
        head_learning_rate=settings.head_learning_rate * scale,
    )


def _why_afresh(
    store: ProjectStore,
    run: Run,
    scores: list[Score],
    below: float,
    wrong: frozenset[ImageId],
) -> str:
    """Why the adapter of ``run`` should not be continued; "" when it should."""
    folder = run_folder(store, run)
    if not folder.adapter.is_dir():
        return tr("the run left no adapter")
    before = run_config(folder)
    try:
        choose(f"{before.base}={before.base_path}" if before.base_path else before.base)
    except (ModelMissing, TrainingRefused):
        return tr("its base model is not on this computer any more")
    if _classes_now(store, wrong) != frozenset(before.classes):
        return tr("the project's classes have changed since")
    if len(lineage(store, run)) >= LONGEST_LINE:
        return tr(
            "its adapter has been continued {longest_line} times already", longest_line=LONGEST_LINE
        )
    measured = [s.dice for s in scores if s.dice is not None]
    hard = sum(dice < below for dice in measured)
    if len(measured) >= 10 and hard > MOSTLY * len(measured):
        return tr("{count} of its {measured} leaves are hard", count=hard, measured=len(measured))
    return ""


def _classes_now(store: ProjectStore, wrong: frozenset[ImageId]) -> frozenset[str]:
    """Classes that a leaf to learn from carries, without those whose label is ``wrong``."""
    out = Counter(store.image(i).disease for i in wrong)

    def taught(disease: DiseaseId) -> bool:
        sides = (Split.AUTO, Split.TRAIN)
        leaves = sum(store.count(ImageQuery(disease=disease, split=side)) for side in sides)
        return leaves > out[disease]

    return frozenset(d.name for d in store.diseases() if taught(d.id))


def _sentence(run: Run, obstacle: str, *, images: int, left_out: int) -> str:
    drawn = trn(
        "{n} hard leaf to learn from will be drawn more often, beside all others.",
        "{n} hard leaves to learn from will be drawn more often, beside all others.",
        images,
    )
    if left_out:
        drawn += f" {judged_wrong_sentence(left_out)}"
    if obstacle:
        return tr(
            "Starts afresh from the base model, because {obstacle}; {drawn}",
            obstacle=obstacle,
            drawn=drawn,
        )
    return tr("Continues the adapter of run {id}; {drawn}", id=run.id, drawn=drawn)
