"""Looking at what a run scored: counts, worst first, truth beside prediction.

Knows scores, masks and the run's files; knows no model and no widget. Dice and shares lie in
[0, 1]; every Dice here is the lesion target's, by the generated path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import files
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.image import LeafImage
from core.domain.region import RegionKind
from core.domain.run import Score, TargetScore
from core.errors import WorkerFailed
from core.imaging.probability import THRESHOLD, read_probability, stretch, to_mask
from core.language import tr
from core.ports import ProjectStore
from core.training.run_folder import RunFolder
from core.training.snapshot import union

THRESHOLDS = (0.30, 0.50, 0.65, 0.75)
LESIONS = "lesions"
"""The target whose Dice is a photo's Dice."""
PREDICTED_SUFFIXES = (".lesions.png", ".leaf.png")


@dataclass(frozen=True, slots=True)
class Bucket:
    """``count`` photos have a Dice below ``below``; smaller buckets are counted in larger ones."""

    below: float
    count: int


@dataclass(frozen=True, slots=True)
class Review:
    """A run in figures. Means are None where nothing was measured.

    ``dice`` is the mean over leaves that have lesions; ``both_empty`` leaves (none there, none
    predicted: Dice 1) and ``invented`` ones (none there, some predicted: Dice 0) are counted
    apart, as are ``missed`` ones (some there, none predicted: Dice 0, and part of the mean).
    """

    scored: int
    measured: int
    with_lesions: int
    dice: float | None
    accuracy: float | None
    both_empty: int
    invented: int
    missed: int
    buckets: tuple[Bucket, ...]


def review(scores: Sequence[Score], thresholds: Sequence[float] = THRESHOLDS) -> Review:
    """The figures of ``scores``: all of a run's, or one split's."""
    measured = [s for s in scores if s.dice is not None]
    targets = [(s, lesion_target(s)) for s in measured]
    there = [s.dice for s, t in targets if s.dice is not None and not (t and t.truth_empty)]
    named = [s for s in scores if s.truth is not None]
    return Review(
        scored=len(scores),
        measured=len(measured),
        with_lesions=len(there),
        dice=float(np.mean(there)) if there else None,
        accuracy=sum(s.predicted == s.truth for s in named) / len(named) if named else None,
        both_empty=sum(bool(t and t.truth_empty and t.prediction_empty) for _, t in targets),
        invented=sum(bool(t and t.truth_empty and not t.prediction_empty) for _, t in targets),
        missed=sum(bool(t and t.prediction_empty and not t.truth_empty) for _, t in targets),
        buckets=buckets(measured, thresholds),
    )


def buckets(
    scores: Sequence[Score], thresholds: Sequence[float] = THRESHOLDS
) -> tuple[Bucket, ...]:
    """How many photos lie below each threshold."""
    values = [s.dice for s in scores if s.dice is not None]
    return tuple(Bucket(t, sum(value < t for value in values)) for t in thresholds)


def lesion_target(score: Score) -> TargetScore | None:
    """The target whose Dice is the photo's; None where the lesions are not outlined."""
    return next((t for t in score.targets if t.target == LESIONS), None)


def below(store: ProjectStore, run: RunId, threshold: float) -> list[Score]:
    """Every score with a Dice under ``threshold``, worst first."""
    found: list[Score] = []
    after: tuple[float, ImageId] | None = None
    while page := store.worst(run, below=threshold, after=after, limit=500):
        found += page
        last = page[-1]
        after = (last.dice if last.dice is not None else 0.0, last.image)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the model drew on one photo: uint8 probability on the head's grid, [h, w].

    ``size`` is the photo's (width, height).
    """

    lesions: NDArray[np.uint8]
    leaf: NDArray[np.uint8] | None
    size: tuple[int, int]

    def stretched(self) -> NDArray[np.uint8]:
        """Lesion probability in photo size, [height, width] uint8."""
        return stretch(self.lesions, self.size)

    def lesion_mask(self, threshold: int = THRESHOLD) -> NDArray[np.bool_]:
        """[height, width] bool: the pixels of at least ``threshold`` (of 255)."""
        return to_mask(self.lesions, self.size, threshold)

    def leaf_mask(self, threshold: int = THRESHOLD) -> NDArray[np.bool_] | None:
        """[height, width] bool, or None where the leaf was not asked for."""
        return None if self.leaf is None else to_mask(self.leaf, self.size, threshold)


def load_prediction(folder: RunFolder, score: Score, size: tuple[int, int]) -> Prediction:
    """The masks behind ``score``. Raises WorkerFailed when they are gone or outside the run."""
    lesions = _inside(folder, score.prediction)
    name = lesions.name.removesuffix(PREDICTED_SUFFIXES[0])
    leaf = lesions.with_name(name + PREDICTED_SUFFIXES[1])
    return Prediction(
        read_probability(lesions), read_probability(leaf) if leaf.is_file() else None, size
    )


def _inside(folder: RunFolder, relative: str) -> Path:
    path = files.real(folder.root / relative)
    if not relative or not path.is_relative_to(files.real(folder.root)):
        raise WorkerFailed(tr("This photo has no prediction in the run's folder; score it again."))
    return path


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What people outlined on one photo; [height, width] bool each.

    ``leaf`` is leaf ∪ lesions, None where no leaf is outlined. ``by_disease`` has "" for lesions
    that are not named.
    """

    lesions: NDArray[np.bool_]
    leaf: NDArray[np.bool_] | None
    by_disease: dict[str, NDArray[np.bool_]]


def load_truth(store: ProjectStore, image: LeafImage) -> Truth:
    """The outlines as they are now. Raises ProjectDamaged."""
    size = (image.width, image.height)
    names: dict[DiseaseId | None, str] = {d.id: d.name for d in store.diseases()}
    regions = store.regions(image.id)
    lesions = [r for r in regions if r.info.kind is RegionKind.LESION]
    present = {r.info.disease for r in lesions}
    parts = {
        names.get(d, ""): union([r for r in lesions if r.info.disease == d], size).to_array()
        for d in present
    }
    has_leaf = len(lesions) < len(regions)
    return Truth(
        lesions=union(lesions, size).to_array(),
        leaf=union(regions, size).to_array() if has_leaf else None,
        by_disease=parts,
    )


def difference(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """[h, w] uint8: 0 neither, 1 both, 2 only outlined (missed), 3 only predicted (invented)."""
    out = truth.astype(np.uint8) * 2
    out[predicted] = 3
    out[truth & predicted] = 1
    return out


def dice(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """2|A∩B| / (|A|+|B|); two empty masks agree (1), an empty and a filled one do not (0)."""
    total = int(truth.sum()) + int(predicted.sum())
    return 1.0 if total == 0 else 2 * int((truth & predicted).sum()) / total
