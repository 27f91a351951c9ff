"""What the Review workspace asks of a project: a run's figures, its pages, one leaf in full.

Everything here is fetched on a lane and handed over as a value. Knows the review use-cases; knows
no widget.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.domain.run import Run, RunState, Score, Verdict
from core.errors import UserError
from core.services import review
from core.services.review import Review
from core.services.runs import run_config, run_folder
from gui.context import Context
from gui.tasks import Task

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from core.training.run_folder import RunFolder

PAGE = 100
FIRST_SIDE = 1600
EVERY = 1.01
"""Below this lies every Dice."""
LESIONS, LEAF = "lesions", "leaf"
SCORED_STATES = (RunState.FINISHED, RunState.STOPPED)


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Mean Dice of the same leaves in two runs; ``hard`` are the ones that were repeated."""

    before: Run
    overall: tuple[float, float]
    hard: tuple[float, float] | None
    hard_leaves: int


@dataclass(frozen=True, slots=True)
class RunFigures:
    """A run as a whole. ``dices`` are sorted, so that any threshold is counted at once.

    ``review`` is of every scored leaf, ``held_out`` of those that were kept from the training;
    None where that is none of them, or all.
    """

    run: Run
    review: Review
    held_out: Review | None
    dices: tuple[float, ...]
    folder: RunFolder
    compared: BeforeAfter | None

    def below(self, threshold: float) -> int:
        """How many leaves have a Dice under ``threshold``."""
        return bisect_left(self.dices, threshold)


@dataclass(frozen=True, slots=True)
class Hard:
    """One line of the list."""

    score: Score
    name: str
    thumbnail: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One target of one leaf: masks [h, w], and what Dice every threshold would give.

    ``probability`` is uint8 in photo size, None without a prediction; ``curve`` [256] holds the
    Dice of cutting at that value, None unless both are there.
    """

    truth: NDArray[np.bool_] | None
    probability: NDArray[np.uint8] | None
    curve: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One leaf in full. ``problem`` is a sentence where a mask or the photo could not be read."""

    image: LeafImage
    overlays: dict[str, Overlay]
    problem: str = ""


def dice_curve(truth: NDArray[np.bool_], probability: NDArray[np.uint8]) -> NDArray[np.float64]:
    """[256] Dice of ``probability >= t`` for every t, from two histograms."""
    every = np.bincount(probability.ravel(), minlength=256)
    inside = np.bincount(probability[truth], minlength=256)
    predicted = np.cumsum(every[::-1])[::-1]
    agreed = np.cumsum(inside[::-1])[::-1]
    total = predicted + int(truth.sum())
    return np.where(total == 0, 1.0, 2 * agreed / np.maximum(1, total))


def compare(
    before: Sequence[Score], after: Sequence[Score], hard: set[int]
) -> tuple[tuple[float, float], tuple[float, float] | None, int] | None:
    """(overall, hard, number of hard leaves): mean Dice of leaves that both runs have scored.

    As in `core.services.review`, the means are over leaves that have lesions.
    """
    old = {s.image: s.dice for s in before if s.dice is not None}
    pairs = [
        (s.image, old[s.image], s.dice)
        for s in after
        if s.dice is not None and s.image in old and not _without_lesions(s)
    ]
    if not pairs:
        return None
    among = [(b, a) for image, b, a in pairs if image in hard]
    overall = _means([(b, a) for _, b, a in pairs])
    return overall, _means(among) if among else None, len(among)


def _without_lesions(score: Score) -> bool:
    target = review.lesion_target(score)
    return target is not None and target.truth_empty


def _means(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    before, after = np.array(pairs, float).mean(axis=0)
    return float(before), float(after)


def load_run(store: ProjectStore, run: Run) -> RunFigures:
    """On the store lane. Raises TrainingRefused when the run's folder has gone."""
    scores = store.scores(run.id)
    folder = run_folder(store, run)
    dices = tuple(sorted(s.dice for s in scores if s.dice is not None))
    held = [s for s in scores if s.split == "val"]
    return RunFigures(
        run,
        review.review(scores),
        review.review(held) if 0 < len(held) < len(scores) else None,
        dices,
        folder,
        _compared(store, run, scores),
    )


def _compared(store: ProjectStore, run: Run, scores: list[Score]) -> BeforeAfter | None:
    hard = set(run_config(run_folder(store, run)).hard)
    if not hard:
        return None
    older = [r for r in store.runs() if r.created_at < run.created_at or r.id == run.parent]
    chosen = [r for r in older if r.id == run.parent] or older
    for before in chosen:
        found = compare(store.scores(before.id), scores, {int(i) for i in hard})
        if found is not None:
            return BeforeAfter(before, *found)
    return None


def load_page(
    store: ProjectStore, run: Run, *, below: float, after: tuple[float, ImageId] | None
) -> list[Hard]:
    """The next worst leaves after ``after``, at most ``PAGE``."""
    scores = store.worst(run.id, below=below, after=after, limit=PAGE)
    ids = [s.image for s in scores]
    names = {card.id: card.name for card in store.cards(ids)}
    thumbnails = store.thumbnails(ids)
    return [Hard(s, names.get(s.image, ""), thumbnails.get(s.image, b"")) for s in scores]


def overlays(
    truth: review.Truth, prediction: review.Prediction | None, *, outlined: bool
) -> dict[str, Overlay]:
    """By target. Runs in the free lane: the masks are as large as the photo."""
    from core.imaging.probability import stretch

    grids: dict[str, NDArray[np.uint8] | None] = {LESIONS: None, LEAF: None}
    if prediction is not None:
        grids = {LESIONS: prediction.lesions, LEAF: prediction.leaf}
    made: dict[str, Overlay] = {}
    for target, mask in ((LESIONS, truth.lesions if outlined else None), (LEAF, truth.leaf)):
        grid = grids[target]
        whole = None if grid is None or prediction is None else stretch(grid, prediction.size)
        curve = None if mask is None or whole is None else dice_curve(mask, whole)
        made[target] = Overlay(mask, whole, curve)
    return made


class LeafLoader(QObject):
    """Loads one leaf at a time; asking for another drops the one before.

    ``masks_ready`` carries a `Leaf`; ``photo_ready`` an array [h, w, 3] and the full (w, h):
    first a reduced picture, then the photo in full.
    """

    masks_ready = Signal(object)
    photo_ready = Signal(object, object)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._tasks: list[Task] = []

    def drop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def load(self, figures: RunFigures, score: Score) -> None:
        """Fetch what people outlined, then read the prediction and the photo in the free lane."""
        self.drop()

        def ask(store: ProjectStore) -> tuple[LeafImage, review.Truth, str]:
            image = store.image(score.image)
            return image, review.load_truth(store, image), str(store.resolve(image))

        def got(found: tuple[LeafImage, review.Truth, str]) -> None:
            image, truth, path = found
            self._run(lambda: _leaf(figures, score, image, truth), self.masks_ready.emit)
            self._photo(path, image, FIRST_SIDE)

        task = self._context.project.ask(ask, on_done=got, owner=self)
        if task is not None:
            self._tasks.append(task)

    def _photo(self, path: str, image: LeafImage, side: int | None) -> None:
        from pathlib import Path

        from core.imaging.decode import decode_rgb

        size = (image.width, image.height)

        def decoded(rgb: NDArray[np.uint8]) -> None:
            self.photo_ready.emit(rgb, size)
            if side is not None and max(size) > side:
                self._photo(path, image, None)

        def failed(error: BaseException) -> None:
            self.photo_ready.emit(None, size)
            self._context.notices.show(error)

        self._run(
            lambda: decode_rgb(Path(path), expected_sha256=image.sha256, max_side=side),
            decoded,
            failed,
        )

    def _run(
        self,
        work: Callable[[], object],
        done: Callable[..., None],
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        task = self._context.tasks.run(work, on_done=done, on_error=failed, owner=self)
        self._tasks.append(task)


def _leaf(figures: RunFigures, score: Score, image: LeafImage, truth: review.Truth) -> Leaf:
    problem, prediction = "", None
    try:
        prediction = review.load_prediction(figures.folder, score, (image.width, image.height))
    except UserError as error:
        problem = str(error)
    outlined = image.mask_known or score.dice is not None
    return Leaf(image, overlays(truth, prediction, outlined=outlined), problem)


def set_verdict(context: Context, run: Run, image: ImageId, verdict: Verdict | None) -> None:
    """Write down what the person decided; views hear it through the project's changes."""
    context.project.change(lambda store: store.set_verdict(run.id, image, verdict))
