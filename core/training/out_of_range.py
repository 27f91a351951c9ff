"""What to do where a step gives no number: told by when that happens.

Knows sentences; knows no tensor and no loop.
"""

from __future__ import annotations

from core.language import tr


def at_first() -> tuple[str, str]:
    """(what, remedy) where the loss or its gradient is no number before anything is learnt."""
    return (
        tr("The very first step gave no number, before anything was learnt."),
        tr(
            "The base model, or the adapter that the training starts from, holds numbers too large "
            "to compute with: get it again, or choose another."
        ),
    )


def sentence(step: int, saved: int) -> str:
    """``step`` steps were taken, and after ``saved`` of them a checkpoint was written; 0 for
    none."""
    if not step:
        return " ".join(at_first())
    kept = (
        tr("the last checkpoint is good.")
        if saved
        else tr("it had not come to its first checkpoint, so nothing is kept.")
    )
    return tr(
        "Training went out of range (the loss or its gradient is not a number); {kept} Train again "
        "with a lower learning rate.",
        kept=kept,
    )
