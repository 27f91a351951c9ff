"""Undo survives closing the program: every step comes back, bit for bit, or is said to be gone."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from core.domain.edits import Edit
from core.domain.ids import ImageId
from core.domain.image import ImageState
from core.history import History
from core.ports import ProjectStore
from storage import create_project, edit_codec, open_project
from storage.edit_codec import StepDamaged
from tests.faults.project_model import ProjectModel


@pytest.fixture
def work(tmp_path: Path) -> Iterator[tuple[ProjectStore, ProjectModel, ImageId, Random]]:
    rng = Random(5)
    store = create_project(tmp_path / "field")
    model = ProjectModel([d.id for d in store.diseases()])
    new = model.random_photo(rng, tmp_path)
    store.add_images([new])
    model.add(new)
    yield store, model, new.image.id, rng
    store.close()


def do(store: ProjectStore, model: ProjectModel, rng: Random, count: int) -> list[ProjectModel]:
    """Commit ``count`` random actions; the model before each, and after the last."""
    states = [model.copy()]
    for _ in range(count):
        model.done.clear()  # a fresh action each time, no undo
        edit = model.random_edit(rng)
        store.commit(edit)
        model.apply(edit)
        states.append(model.copy())
    return states


def again(store: ProjectStore) -> ProjectStore:
    store.close()
    return open_project(store.folder)


def recalled(store: ProjectStore, image: ImageId) -> History:
    history, steps = History(), store.steps(image)
    assert not steps.dropped
    history.recall(image, steps.done, steps.undone)
    return history


def test_after_a_restart_every_step_can_be_undone_and_redone_bit_for_bit(work) -> None:
    store, model, image, rng = work
    states = do(store, model, rng, 12)
    store = again(store)
    history = recalled(store, image)
    for state in reversed(states[:-1]):
        store.commit(history.undo(image))
        assert state.differences(store) == []
        if rng.random() < 0.3:
            store = again(store)
            history = recalled(store, image)
    assert history.undo(image) is None
    for state in states[1:]:
        store.commit(history.redo(image))
        assert state.differences(store) == []
        store = again(store)
        history = recalled(store, image)
    store.close()


def test_a_new_action_after_an_undo_forgets_what_could_be_redone(work) -> None:
    store, model, image, rng = work
    do(store, model, rng, 3)
    store.commit(store.steps(image).done[-1].inverse())
    assert len(store.steps(image).undone) == 1
    model = ProjectModel.of(store)
    do(store, model, rng, 1)
    steps = store.steps(image)
    assert (len(steps.done), len(steps.undone)) == (3, 0)


def test_steps_of_a_photo_that_was_changed_otherwise_are_dropped_and_that_is_said(work) -> None:
    store, model, image, rng = work
    do(store, model, rng, 3)
    found = store.image(image)
    other = next(state for state in ImageState if state is not found.state)
    store.update_images([replace(found, state=other)])
    assert store.steps(image).dropped
    assert store.steps(image) == type(store.steps(image))(), "said once"
    model = ProjectModel.of(store)
    do(store, model, rng, 1)
    assert len(store.steps(image).done) == 1, "from here on steps are kept again"


def test_steps_from_before_another_change_are_gone_once_something_new_was_done(work) -> None:
    store, model, image, rng = work
    do(store, model, rng, 3)
    found = store.image(image)
    other = next(state for state in ImageState if state is not found.state)
    store.update_images([replace(found, state=other)])
    do(store, ProjectModel.of(store), rng, 2)
    assert len(store.steps(image).done) == 2


@pytest.mark.parametrize("column", ["data", "sha256"])
def test_a_damaged_step_costs_the_steps_and_no_label(work, column: str) -> None:
    store, model, image, rng = work
    do(store, model, rng, 3)
    store.close()
    connection = sqlite3.connect(store.folder / "project.db")
    connection.execute(f"UPDATE undo_step SET {column} = x'00112233' WHERE id = 2")
    connection.commit()
    connection.close()
    store = open_project(store.folder)
    assert store.steps(image).dropped
    assert model.differences(store) == []
    store.close()


def test_the_oldest_steps_make_room_when_the_budget_is_passed(work) -> None:
    store, model, image, rng = work
    do(store, model, rng, 10)
    last = store.steps(image).done[-2:]
    store.undo_budget = 1500
    do(store, model, rng, 4)
    kept = store.steps(image).done
    assert 0 < len(kept) < 14
    assert kept[-1] != last[-1]
    store = again(store)
    history = recalled(store, image)
    while (edit := history.undo(image)) is not None:
        store.commit(edit)
    store.close()


def test_an_edit_is_the_same_after_it_was_written_down(work) -> None:
    store, model, image, rng = work
    do(store, model, rng, 20)
    for edit in store.steps(image).done:
        data = edit_codec.encode(edit)
        sha256 = hashlib.sha256(data).digest()
        back = edit_codec.decode(data, image, action=edit.action, sha256=sha256)
        assert edit_codec.encode(back) == data
        assert isinstance(back, Edit)


@pytest.mark.parametrize("data", [b"", b"nonsense", edit_codec.encode(Edit(ImageId(1), "x"))[:-3]])
def test_bytes_that_are_no_step_are_said_to_be_damaged(data: bytes) -> None:
    with pytest.raises(StepDamaged):
        edit_codec.decode(data, ImageId(1), action=1, sha256=hashlib.sha256(data).digest())
