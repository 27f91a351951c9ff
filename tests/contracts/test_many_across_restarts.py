"""Undo of what was done to many photos, merges included, survives closing the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.bulk import Assignment, BulkEdit, Field
from core.domain.disease import Disease
from core.domain.edits import Edit, ImageLabel, ImageRelabelled
from core.domain.ids import DiseaseId
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import RegionKind
from core.errors import ProjectError
from core.ports import ImageQuery, ProjectStore
from core.services.annotate import LabellingSession, brought_to, label_of
from storage import create_project, edit_codec, open_project
from tests.doubles.projects import Leaf, make_project, spotted

OVER = (14, 12, 30, 20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    """Four coffee leaves of two diseases, of which one photo has both."""
    both = Leaf("both.png", "rust", (("rust", (10, 10, 20, 18)), ("leaf rust", OVER)))
    wanted = [spotted("a.png", "leaf rust"), spotted("b.png", "rust"), both, Leaf("bare.png")]
    made = make_project(tmp_path, wanted)
    yield made
    made.close()


def again(store: ProjectStore) -> ProjectStore:
    store.close()
    return open_project(store.folder)


def everything(store: ProjectStore) -> list[object]:
    """All that is known of photos, outlines and diseases."""
    found: list[object] = [store.diseases()]
    for image in store.image_ids(ImageQuery(removed=None)):
        regions = [(r.info, r.mask.to_array().tobytes()) for r in store.regions(image)]
        found += [store.image(image), regions, store.areas(image)]
    return found


def named(store: ProjectStore, name: str) -> Disease:
    return next(d for d in store.diseases() if d.name == name)


def photo(store: ProjectStore, name: str) -> LeafImage:
    images = (store.image(i) for i in store.image_ids(ImageQuery(removed=None)))
    return next(image for image in images if image.path.endswith(name))


def edit(store: ProjectStore, title: str, values: dict[Field, object]) -> BulkEdit:
    images = tuple(store.image_ids(ImageQuery(removed=None)))
    return BulkEdit(title, (Assignment(values, images),))


def acts(store: ProjectStore) -> list[BulkEdit]:
    """One of each kind that the gallery offers."""
    return [
        edit(store, "Name", {Field.DISEASE: named(store, "rust").id}),
        edit(store, "Take the name away", {Field.DISEASE: None}),
        edit(store, "Mark", {Field.STATE: ImageState.DONE, Field.DONE_BY: "Anna"}),
        edit(store, "Split", {Field.SPLIT: Split.VAL}),
        edit(store, "Group", {Field.GROUP: "Plot Ö"}),
        edit(store, "Crop", {Field.CROP: "coffee"}),
        edit(store, "Remove", {Field.REMOVED: True}),
    ]


def test_every_action_on_many_is_undone_and_redone_after_a_restart(store) -> None:
    states = [everything(store)]
    done = acts(store)
    for one in done:
        store.bulk(one)
        states.append(everything(store))
    store = again(store)
    assert [s.title for s in store.many_steps()] == [one.title for one in done]
    for one, before in zip(reversed(done), reversed(states[:-1]), strict=True):
        store.take_back(one.action)
        assert everything(store) == before, one.title
        store = again(store)
    assert all(step.undone for step in store.many_steps())
    for one, after in zip(done, states[1:], strict=True):
        store.do_again(one.action)
        assert everything(store) == after, one.title
        store = again(store)
    store.close()


def test_a_new_action_forgets_what_could_be_redone(store) -> None:
    first, second = edit(store, "A", {Field.GROUP: "a"}), edit(store, "B", {Field.GROUP: "b"})
    store.bulk(first)
    store.take_back(first.action)
    store.bulk(second)
    assert [step.title for step in store.many_steps()] == ["B"]
    with pytest.raises(ProjectError, match="nothing was changed"):
        store.do_again(first.action)


def test_what_changes_nothing_is_no_step(store) -> None:
    store.bulk(edit(store, "A", {Field.GROUP: ""}))
    assert store.many_steps() == []


def test_photos_on_which_somebody_has_said_otherwise_since_keep_that(store) -> None:
    mark = edit(store, "Mark", {Field.STATE: ImageState.DONE, Field.DONE_BY: "Anna"})
    name = edit(store, "Name", {Field.DISEASE: named(store, "rust").id})
    store.bulk(mark)
    store.bulk(name)
    a, b = photo(store, "a.png"), photo(store, "b.png")
    checked = brought_to(label_of(a), ImageState.CHECKED, "Ben")
    store.commit(Edit(a.id, "Check", (ImageRelabelled(label_of(a), checked),)))
    unnamed = replace(label_of(b), disease=None)
    store.commit(Edit(b.id, "Name", (ImageRelabelled(label_of(b), unnamed),)))
    store = again(store)
    store.take_back(name.action)
    store.take_back(mark.action)
    a, b = photo(store, "a.png"), photo(store, "b.png")
    assert (a.state, a.done_by, a.checked_by) == (ImageState.CHECKED, "Anna", "Ben")
    assert (b.state, b.done_by, b.disease) == (ImageState.UNSEEN, "", None)
    assert a.disease == named(store, "leaf rust").id
    store.close()


def test_an_older_stroke_that_is_undone_leaves_the_photo_done(store) -> None:
    """The stroke began the work on it; that it is done was said later, and of many."""
    bare = photo(store, "bare.png")
    session = LabellingSession(bare, store.regions(bare.id))
    begun = session.edit("Brush stroke")
    assert begun.changes, "an unseen photo is in progress from the first stroke on"
    store.commit(begun)
    store.bulk(edit(store, "Mark", {Field.STATE: ImageState.DONE, Field.DONE_BY: "Anna"}))
    store = again(store)
    (step,) = store.steps(bare.id).done
    store.commit(step.inverse())
    found = store.image(bare.id)
    assert (found.state, found.done_by) == (ImageState.DONE, "Anna")
    store.commit(step)
    assert store.image(bare.id) == found
    store.close()


def test_who_finished_a_photo_is_known_again_after_undo_across_a_restart(store) -> None:
    bare = photo(store, "bare.png")
    label = label_of(bare)
    for state, by in ((ImageState.DONE, "Anna"), (ImageState.IN_PROGRESS, "")):
        after = brought_to(label, state, by)
        store.commit(Edit(bare.id, "Mark", (ImageRelabelled(label, after),)))
        label = after
    store = again(store)
    store.commit(store.steps(bare.id).done[-1].inverse())
    assert store.image(bare.id).done_by == "Anna"
    store.close()


def test_a_merge_is_undone_and_redone_after_a_restart(store) -> None:
    before = everything(store)
    merged = store.merge_diseases(named(store, "leaf rust").id, named(store, "rust").id)
    after = everything(store)
    store = again(store)
    (step,) = store.many_steps()
    assert (step.merge, step.photos, step.action) == (True, 2, merged.action)
    store.take_back(step.action)
    assert everything(store) == before
    store = again(store)
    store.do_again(step.action)
    assert everything(store) == after
    assert not store.many_steps()[0].undone
    store.close()


def test_what_was_done_before_a_merge_can_still_be_undone_behind_it(store) -> None:
    before = everything(store)
    a = photo(store, "a.png")
    session = LabellingSession(a, store.regions(a.id))
    lesion = next(r for r in session.regions if r.info.kind is RegionKind.LESION)
    gone = session.delete(lesion.info.id)
    store.commit(gone)
    name = edit(store, "Name", {Field.DISEASE: named(store, "leaf rust").id})
    store.bulk(name)
    merged = store.merge_diseases(named(store, "leaf rust").id, named(store, "rust").id)
    store = again(store)
    for action in (merged.action, name.action):
        store.take_back(action)
    steps = store.steps(a.id)
    assert not steps.dropped
    store.commit(steps.done[-1].inverse())
    assert everything(store) == before
    store.close()


def test_a_lesion_from_before_a_merge_comes_back_under_the_name_it_has_now(store) -> None:
    a, rust = photo(store, "a.png"), named(store, "rust")
    session = LabellingSession(a, store.regions(a.id))
    lesion = next(r for r in session.regions if r.info.kind is RegionKind.LESION)
    store.commit(session.delete(lesion.info.id))
    name = edit(store, "Name", {Field.DISEASE: None})
    store.bulk(name)
    store.merge_diseases(named(store, "leaf rust").id, rust.id)
    store = again(store)
    store.commit(store.steps(a.id).done[-1].inverse())
    (back,) = (r.info for r in store.regions(a.id) if r.info.kind is RegionKind.LESION)
    assert (back.id, back.disease) == (lesion.info.id, rust.id)
    store.take_back(name.action)
    assert store.image(a.id).disease == rust.id
    store.close()


def test_a_merge_that_cannot_be_undone_says_why_and_does_not_bar_the_way(store) -> None:
    group = edit(store, "Group", {Field.GROUP: "a"})
    store.bulk(group)
    merged = store.merge_diseases(named(store, "leaf rust").id, named(store, "rust").id)
    store.put_disease(replace(named(store, "rust"), synonyms=()))
    store.put_disease(Disease(DiseaseId(5), "Leaf rust", "#123456"))
    before = everything(store)
    with pytest.raises(ProjectError, match="already a disease called “Leaf rust”"):
        store.take_back(merged.action)
    assert everything(store) == before
    assert [step.title for step in store.many_steps()] == ["Group"]
    store.take_back(group.action)


@pytest.mark.parametrize("column", ["data", "sha256"])
def test_a_damaged_step_is_said_to_be_lost_and_costs_no_label(store, column: str) -> None:
    name, group = edit(store, "Name", {Field.DISEASE: None}), edit(store, "G", {Field.GROUP: "a"})
    store.bulk(name)
    store.bulk(group)
    before = everything(store)
    store.close()
    connection = sqlite3.connect(store.folder / "project.db")
    connection.execute(f"UPDATE many_step SET {column} = x'00112233' WHERE id = 2")
    connection.commit()
    connection.close()
    store = open_project(store.folder)
    with pytest.raises(ProjectError, match="damaged"):
        store.take_back(group.action)
    assert everything(store) == before
    assert [step.title for step in store.many_steps()] == ["Name"]
    store.take_back(name.action)
    store.close()


def test_the_oldest_make_room_when_the_budget_is_passed(store) -> None:
    store.many_budget = 1500
    done = [edit(store, f"Group {n}", {Field.GROUP: str(n)}) for n in range(20)]
    for one in done:
        store.bulk(one)
    kept = store.many_steps()
    assert 0 < len(kept) < 20
    assert kept[-1].action == done[-1].action
    store.many_budget = 1
    store.bulk(edit(store, "Last", {Field.GROUP: "last"}))
    assert [step.title for step in store.many_steps()] == ["Last"], "that one in any case"


def test_a_project_of_before_opens_with_its_steps_and_has_none_of_many(tmp_path: Path) -> None:
    """Migration 5 adds a table and touches nothing."""
    store = create_project(tmp_path / "field")
    store.close()
    connection = sqlite3.connect(store.folder / "project.db")
    for statement in (
        "DROP INDEX image_name",
        "ALTER TABLE image DROP COLUMN name_natural",
        "CREATE INDEX image_name ON image (name_folded)",
        "DROP TABLE many_step",
        "PRAGMA user_version = 4",
    ):
        connection.execute(statement)
    connection.commit()
    connection.close()
    store = open_project(store.folder)
    assert store.many_steps() == []
    store.close()


def test_labels_of_steps_of_before_are_read_without_the_names_they_lack() -> None:
    label = ImageLabel(DiseaseId(3), ImageState.DONE, mask_known=True, done_by="Anna")
    assert edit_codec._read_label(edit_codec._label(label)) == label
    assert edit_codec._read_label([3, "done", True]) == replace(label, done_by="")
