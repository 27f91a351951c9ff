"""Training runs and what they scored.

Knows states, figures and verdicts; the settings of a run are `core.training.config`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.ids import ImageId, RunId


class RunState(StrEnum):
    """``STOPPED`` runs have a usable checkpoint; ``INTERRUPTED`` ones died and can be resumed."""

    PREPARED = "prepared"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Run:
    """One row of the run history. ``folder`` is relative to the project (``runs/<id>``).

    ``title`` is as it is kept: `core.services.run_titles` says it in words.
    ``parent`` is the run whose adapter was continued, or None for a fresh start.
    ``summary`` holds final figures by name (``lesion_dice``, ``accuracy``, ``loss``, …).
    """

    id: RunId
    title: str
    base: str
    state: RunState
    created_at: str
    folder: str
    parent: RunId | None = None
    summary: tuple[tuple[str, float], ...] = ()

    @property
    def kept(self) -> bool:
        """Whether its adapter is one to take away: not of a stage that was no better than the one
        before it (``accepted`` 0), nor of a run that was made to judge others by (``aside`` 1).
        """
        known = dict(self.summary)
        return known.get("accepted", 1.0) > 0 and not known.get("aside", 0.0)


class Verdict(StrEnum):
    """What a person decided about a hard sample."""

    LABEL_WRONG = "label_wrong"
    MODEL_WRONG = "model_wrong"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class TargetScore:
    """Overlap of one prompted target ("leaf", "lesions", or a disease's name) on the photo's grid.

    Dice = 2|A∩B| / (|A|+|B|), IoU = |A∩B| / |A∪B|, both in [0, 1]. Empty truth with empty
    prediction counts 1, exactly one of them empty counts 0; the flags say which it was.
    """

    target: str
    dice: float
    iou: float
    truth_empty: bool = False
    prediction_empty: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """What one run said about one photo, by the generated path.

    ``dice`` is the lesion target's, or None where the photo's lesions are not outlined.
    ``probabilities`` are (disease name, probability), summing to 1, highest first.
    ``severity`` is lesion / (leaf + lesion) in percent from the predicted masks, ``true_severity``
    from the person's. ``prediction`` is the run-relative path of the predicted mask file.
    """

    run: RunId
    image: ImageId
    split: str
    dice: float | None
    targets: tuple[TargetScore, ...]
    truth: str | None
    predicted: str
    probabilities: tuple[tuple[str, float], ...]
    severity: float
    true_severity: float | None
    prediction: str
    verdict: Verdict | None = None
