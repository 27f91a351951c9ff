"""What states, splits, verdicts and orders are called in the gallery.

Knows words; knows no widget.
"""

from __future__ import annotations

from core.domain.image import ImageState, LeafImage, Split
from core.ports import ImageCard, ImageOrder
from gui.controllers.wording import VERDICTS

STATE_TEXT = {
    ImageState.UNSEEN: "Not looked at",
    ImageState.IN_PROGRESS: "In progress",
    ImageState.DONE: "Done",
    ImageState.CHECKED: "Checked",
}
SPLIT_TEXT = (
    (Split.AUTO, "Chosen by the program"),
    (Split.TRAIN, "Learn from it"),
    (Split.VAL, "Held out"),
    (Split.IGNORED, "Left out"),
)
VERDICT_TEXT = tuple(VERDICTS.items())
ORDERS = (
    (ImageOrder.ADDED, "As added"),
    (ImageOrder.NAME, "Name"),
    (ImageOrder.DATE, "Camera date"),
    (ImageOrder.SEVERITY, "Severity"),
    (ImageOrder.WORST_DICE, "Worst Dice"),
    (ImageOrder.CHANGED, "Last change"),
)


def state_text(photo: ImageCard | LeafImage) -> str:
    """How far the photo is, and who said so where that is known."""
    if photo.state is ImageState.CHECKED and photo.checked_by:
        if photo.checked_by == photo.done_by:
            return f"Checked by {photo.checked_by}, who labelled it too"
        return f"Checked by {photo.checked_by}"
    if photo.state is ImageState.DONE and photo.done_by:
        return f"Done by {photo.done_by}"
    return STATE_TEXT[photo.state]
