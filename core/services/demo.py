"""The whole job on sample leaves, without a window: `leafspot demo --headless`.

Nothing here is pretended: the same import, engine, edits, training, scores, adapter and predictions
as in earnest; only the person is played, by `core.services.demo_outlines`. Knows the order of the
steps; prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.domain.ids import ImageId
from core.domain.run import Score
from core.files import whole_file
from core.imaging.drawn_leaves import DISEASES, draw_leaf
from core.language import number_text, tr, trn
from core.ports import ProjectStore
from core.services import demo_outlines, review, training_session
from core.services.export import export_adapter
from core.services.hard_samples import BELOW, hard_run_plan
from core.services.predict import Predicted, predict, severity_words
from core.services.runs import find_run
from core.services.train import prepare_run, recover, settings_of
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder

BASE = "starter"
MINUTES = 3.0
CORRECTED = 2
SHOWN = 8
NEW_LEAF_SEED = 20_261_121


@dataclass(frozen=True, slots=True)
class Story:
    """Who hears what happens: ``say`` a sentence, ``on_event`` what the training process says."""

    say: Callable[[str], None]
    on_event: training_session.OnEvent


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Dice are means over the held-out leaves with lesions, then over the leaves that were hard."""

    project: Path
    runs: tuple[str, str]
    dice: tuple[float | None, float | None]
    hard_dice: tuple[float | None, float | None]
    accuracy: tuple[float | None, float | None]
    adapter: Path
    prediction: Predicted


def run_demo(store: ProjectStore, *, minutes: float, story: Story, base: str = BASE) -> DemoResult:
    """Outline, train ``minutes``, review, correct two, train again, export, predict.

    Raises UserError where a step cannot be done; what was done by then is kept.
    """
    recover(store)
    _outline(store, story)
    story.say(
        tr("Training for one minute…")
        if minutes == 1
        else tr("Training for {minutes:g} minutes…", minutes=minutes)
    )
    config = settings_of("quick", minutes=minutes, base=base)
    first = _train(store, config, story)
    hard = _hard(store, first, story)
    _correct(store, hard, story)
    second = _train_again(store, first, hard, minutes, story)
    result_adapter = _export(store, second, story)
    prediction = _predict(store, result_adapter, story)
    before, after = _review(store, first), _review(store, second)
    ids = {s.image for s in hard}
    return DemoResult(
        project=store.folder,
        runs=(first.id, second.id),
        dice=(before.dice, after.dice),
        hard_dice=(_mean(store, first, ids), _mean(store, second, ids)),
        accuracy=(before.accuracy, after.accuracy),
        adapter=result_adapter,
        prediction=prediction,
    )


def _outline(store: ProjectStore, story: Story) -> None:
    story.say(tr("Outlining lesions by clicks, with the assistant Leaf…"))
    for leaf in demo_outlines.outline_by_clicks(store):
        story.say(
            tr(
                "  {name}: {clicks}, {lesions} outlined, Dice {dice:.2f} to the mask kept back",
                name=leaf.name,
                clicks=trn("{n:,} click", "{n:,} clicks", leaf.clicks),
                lesions=trn("{n:,} lesion", "{n:,} lesions", leaf.outlined),
                dice=leaf.dice,
            )
        )


def _train(store: ProjectStore, config: TrainConfig, story: Story) -> RunFolder:
    folder = prepare_run(store, config)
    training_session.train(store, folder, on_event=story.on_event)
    found = _review(store, folder)
    dice = "–" if found.dice is None else number_text(found.dice, ".2f")
    story.say(tr("Run {id}: Dice {dice} on held-out leaves.", id=folder.id, dice=dice))
    return folder


def _review(store: ProjectStore, folder: RunFolder) -> review.Review:
    return review.review([s for s in store.scores(folder.id) if s.split == "val"])


def _hard(store: ProjectStore, folder: RunFolder, story: Story) -> list[Score]:
    """Leaves with a Dice under 0.75, or the worst two where none is that bad."""
    hard = review.below(store, folder.id, BELOW)
    if len(hard) < CORRECTED:
        hard = store.worst(folder.id, limit=CORRECTED)
    story.say(trn("{n:,} leaf is hard; the worst:", "{n:,} leaves are hard; the worst:", len(hard)))
    for score in hard[:SHOWN]:
        name = store.resolve(store.image(score.image)).name
        story.say(
            tr(
                "  {name}: Dice {value:.2f}, called {predicted}",
                name=name,
                value=score.dice or 0.0,
                predicted=score.predicted,
            )
        )
    return hard


def _correct(store: ProjectStore, hard: list[Score], story: Story) -> None:
    """A careful person goes through the hard leaves and redraws the two worst outlines."""
    masks = demo_outlines.withheld(store)
    is_hard = {s.image for s in hard}

    def order(image: ImageId) -> tuple[bool, float]:
        return image not in is_hard, demo_outlines.agreement(store, image, masks[image])

    for image in sorted(masks, key=order)[:CORRECTED]:
        change = demo_outlines.correct(store, image, masks[image])
        name = store.resolve(store.image(image)).name
        story.say(
            tr(
                "  corrected {name}: the clicked outline had Dice {change:.2f} to the new one",
                name=name,
                change=change,
            )
        )


def _train_again(
    store: ProjectStore, first: RunFolder, hard: list[Score], minutes: float, story: Story
) -> RunFolder:
    worst = max((s.dice or 0.0) for s in hard) if hard else 0.0
    plan = hard_run_plan(store, find_run(store, first.id), max(BELOW, worst + 1e-6))
    story.say(plan.why)
    # An adapter that is continued has had its first minutes already.
    config = replace(plan.settings, minutes=minutes / 2 if plan.parent else minutes)
    folder = prepare_run(store, config, parent=plan.parent)
    training_session.train(store, folder, on_event=story.on_event)
    ids = {s.image for s in hard}
    before, after = _mean(store, first, ids), _mean(store, folder, ids)
    story.say(
        tr(
            "Mean Dice of the hard leaves: {shown} before, {shown_2} after; of the "
            "held-out leaves: {shown_3} before, {shown_4} after.",
            shown=_shown(before),
            shown_2=_shown(after),
            shown_3=_shown(_review(store, first).dice),
            shown_4=_shown(_review(store, folder).dice),
        )
    )
    return folder


def _mean(store: ProjectStore, folder: RunFolder, images: set[ImageId]) -> float | None:
    found = [s.dice for s in store.scores(folder.id, list(images)) if s.dice is not None]
    return float(np.mean(found)) if found else None


def _shown(dice: float | None) -> str:
    return "–" if dice is None else number_text(dice, ".2f")


def _export(store: ProjectStore, folder: RunFolder, story: Story) -> Path:
    out = store.folder.parent / tr("adapter {id}", id=folder.id)
    done = export_adapter(folder, out)
    story.say(
        tr(
            "The adapter is in {out}: reloaded, {agreement:.0%} of the diseases as scored.",
            out=out,
            agreement=done.verified.agreement,
        )
    )
    return out


def _predict(store: ProjectStore, adapter: Path, story: Story) -> Predicted:
    """A leaf that no run has seen."""
    home = store.folder.parent
    rng = np.random.default_rng(NEW_LEAF_SEED)
    name = next(iter(DISEASES))
    leaf = draw_leaf(rng, crop="coffee", styles={name: DISEASES[name]}, severity=8.0)
    photo = home / "new leaf.jpg"
    with whole_file(photo) as draft:
        Image.fromarray(leaf.rgb).save(draft, "JPEG", quality=92)
    found = predict(adapter, [photo], home / "predictions", replace=True).predicted[0]
    true = 100 * sum(m.sum() for m in leaf.lesions.values()) / leaf.leaf.sum()
    story.say(
        tr(
            "A new leaf with {name} on {true:.1f} % of its area: predicted {disease} "
            "({probability:.0%}), {severity}.",
            name=name,
            true=true,
            disease=found.disease,
            probability=found.probability,
            severity=severity_words(found),
        )
    )
    return found
