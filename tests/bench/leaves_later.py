"""What `leaves.py` does after the first run: the controls without masks and without what a mask
found, and the later stages.

Knows scores and run folders; prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.domain.run import Score
from core.services.bootstrap import Interval
from core.services.figures import gain
from core.services.programme import GENTLE
from core.training.config import Answers, Stage, TrainConfig
from core.training.run_folder import RunFolder, score_from_json

BELOW = 0.75
HALF = 0.5


def control(plan: TrainConfig) -> TrainConfig:
    """The same budget for the class alone."""
    return replace(plan, answers=Answers.CLASS)


@contextmanager
def untold() -> Iterator[None]:
    """Inside, `<found>` says the same of every leaf: the masks are drawn and learnt as ever, but
    the class is read without being told what lay under them."""
    from core.heads.pixel import PixelHead

    told = PixelHead.describe

    def nothing(head: PixelHead, maps: Any, logits: Any, owner: Any) -> Any:
        return told(head, maps, logits, owner) * 0.0

    PixelHead.describe = nothing  # type: ignore[method-assign]
    try:
        yield
    finally:
        PixelHead.describe = told  # type: ignore[method-assign]


def later(
    plan: TrainConfig, first: Path, hard: Sequence[int], steps: int
) -> dict[str, TrainConfig]:
    """By name: the published hard-sample stage, the same steps without them, and both at half
    the first run's rate, which is what "Train on the hard leaves" does.
    """
    adapter = str(RunFolder(first).adapter)
    plain = replace(plan, parent=adapter, steps=steps, evaluations=1)
    gentle = replace(plain, **GENTLE, accumulation=2)  # type: ignore[arg-type]
    quick = replace(
        plain,
        learning_rate=plan.learning_rate * HALF,
        head_learning_rate=plan.head_learning_rate * HALF,
    )
    ids = tuple(hard)
    return {
        "hard-published": replace(gentle, stage=Stage.HARD, hard=ids, below=BELOW),
        "uniform-published": gentle,
        "hard-half": replace(quick, stage=Stage.HARD, hard=ids, below=BELOW),
        "uniform-half": quick,
    }


def hard_leaves(scores: Sequence[Mapping[str, Any]]) -> list[int]:
    """Leaves with lesions under ``BELOW``, by the run's own scores of what it learnt from."""
    return [int(s["image"]) for s in scores if s["dice"] is not None and s["dice"] < BELOW]


def against(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, object]:
    """Paired differences on the test leaves, with their 95 % intervals."""
    found = gain(_scores(before), _scores(after), {})  # BRACOL tells no plant
    worse = found.worse(above=BELOW)
    return {
        "dice": _told(found.dice),
        "accuracy": _told(found.accuracy),
        "easy_worse": len(worse),
    }


def _scores(raw: Mapping[str, Any]) -> list[Score]:
    run = RunFolder(Path("bench")).id
    return [score_from_json(run, dict(s)) for s in raw["scores"]]


def _told(found: Interval | None) -> list[float] | None:
    return None if found is None else [round(x, 4) for x in (found.value, found.low, found.high)]
