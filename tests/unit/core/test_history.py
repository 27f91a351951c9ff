"""What undo promises: exact steps back and forth, photo by photo, within its memory."""

from __future__ import annotations

import numpy as np

from core.domain.edits import Edit, ImageLabel, ImageRelabelled, PixelsChanged
from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.image import ImageState
from core.domain.mask import PACKED
from core.history import OVERHEAD, History

ONE, TWO = ImageId(1), ImageId(2)


def stroke(number: int, image: ImageId = ONE, tiles: int = 1) -> Edit:
    delta = {(0, t): np.full(PACKED, number, np.uint8) for t in range(tiles)}
    return Edit(image, f"Stroke {number}", (PixelsChanged(RegionId(9), delta),))


def naming(before: int, after: int) -> Edit:
    labels = [ImageLabel(DiseaseId(d), ImageState.UNSEEN, False) for d in (before, after)]
    return Edit(ONE, "Name", (ImageRelabelled(*labels),))


def test_undo_gives_the_inverse_of_the_last_action_and_redo_the_action_itself() -> None:
    history = History()
    edit = naming(1, 2)
    history.push(edit)
    assert history.undo(ONE) == naming(2, 1)
    assert history.redo(ONE) == edit


def test_there_is_nothing_to_undo_at_first() -> None:
    history = History()
    assert history.undo(ONE) is None
    assert history.redo(ONE) is None
    assert history.undo_title(ONE) == ""


def test_each_photo_has_its_own_steps() -> None:
    history = History()
    history.push(stroke(1, ONE))
    history.push(stroke(2, TWO))
    undone = history.undo(ONE)
    assert undone is not None
    assert undone.title == "Stroke 1"
    assert history.undo_title(TWO) == "Stroke 2"


def test_a_new_action_ends_what_could_be_redone() -> None:
    history = History()
    history.push(stroke(1))
    history.undo(ONE)
    history.push(stroke(2))
    assert history.redo(ONE) is None
    assert history.undo_title(ONE) == "Stroke 2"


def test_the_oldest_steps_of_the_photo_left_longest_are_forgotten_first() -> None:
    each = PACKED + OVERHEAD
    history = History(budget=3 * each)
    for number in (1, 2):
        history.push(stroke(number, ONE))
    history.push(stroke(3, TWO))
    history.push(stroke(4, TWO))
    assert history.held <= history.budget
    assert history.undo_title(TWO) == "Stroke 4"
    assert history.undo(ONE) is not None
    assert history.undo(ONE) is None  # stroke 1 was forgotten


def test_the_last_step_is_kept_however_large() -> None:
    history = History(budget=10)
    history.push(stroke(1, tiles=50))
    assert history.undo_title(ONE) == "Stroke 1"
    history.push(stroke(2, tiles=50))
    assert history.undo_title(ONE) == "Stroke 2"


def test_forgetting_gives_the_memory_back() -> None:
    history = History()
    history.push(stroke(1))
    history.push(stroke(2))
    history.undo(ONE)
    history.forget(ONE)
    assert history.held == 0
    assert history.redo_title(ONE) == ""
