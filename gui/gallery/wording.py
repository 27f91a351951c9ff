"""What states, splits, verdicts and orders are called in the gallery.

Knows words; knows no widget.
"""

from __future__ import annotations

from core.domain.image import ImageState, LeafImage, Split
from core.language import tr
from core.ports import ImageCard, ImageOrder
from gui.controllers.wording import VERDICTS

STATE_TEXT = {
    ImageState.UNSEEN: tr("Not looked at"),
    ImageState.IN_PROGRESS: tr("In progress"),
    ImageState.DONE: tr("Done"),
    ImageState.CHECKED: tr("Checked"),
}
SPLIT_TEXT = (
    (Split.AUTO, tr("Chosen by the program")),
    (Split.TRAIN, tr("Learn from it")),
    (Split.VAL, tr("Held out")),
    (Split.IGNORED, tr("Left out")),
)
VERDICT_TEXT = tuple(VERDICTS.items())
ORDERS = (
    (ImageOrder.ADDED, tr("As added")),
    (ImageOrder.NAME, tr("Name")),
    (ImageOrder.DATE, tr("Camera date")),
    (ImageOrder.SEVERITY, tr("Severity")),
    (ImageOrder.WORST_DICE, tr("Worst Dice")),
    (ImageOrder.CHANGED, tr("Last change")),
)


def state_text(photo: ImageCard | LeafImage) -> str:
    """How far the photo is, and who said so where that is known."""
    if photo.state is ImageState.CHECKED and photo.checked_by:
        if photo.checked_by == photo.done_by:
            return tr("Checked by {checked_by}, who labelled it too", checked_by=photo.checked_by)
        return tr("Checked by {checked_by}", checked_by=photo.checked_by)
    if photo.state is ImageState.DONE and photo.done_by:
        return tr("Done by {done_by}", done_by=photo.done_by)
    return STATE_TEXT[photo.state]
