"""What every project store promises to the gallery: filters, orders, and actions on many photos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from test_project_store import RUST, photo, rectangle, region, run, score

from core.domain.bulk import Assignment, BulkEdit, Field
from core.domain.disease import Disease
from core.domain.edits import Edit, ImageLabel, ImageRelabelled, RegionRemoved
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.image import ImageState, Split
from core.domain.region import RegionKind
from core.domain.run import Verdict
from core.errors import ProjectError, ProjectReadOnly
from core.ports import ImageOrder, ImageQuery, NewImage, ProjectStore
from storage import create_project, open_project

SCAB = Disease(DiseaseId(8), "apple scab", "#0072b2", eppo="VENTIN", synonyms=("Schorf",))
ALL = (ImageId(1), ImageId(2), ImageId(3))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    """Three photos: a spotted rust, a clean one in plot B with notes, one not outlined."""
    store = create_project(tmp_path / "Field 3")
    store.put_disease(RUST)
    store.put_disease(SCAB)
    leaf = region(1, 1, rectangle(0, 0, 100, 100), kind="leaf")
    spot = region(2, 1, rectangle(10, 10, 30, 60), disease=7)
    bare = region(3, 1, rectangle(20, 10, 50, 60))
    clean = region(4, 2, rectangle(0, 0, 100, 100), kind="leaf")
    first = photo(1, "c.jpg", disease=RUST.id, mask_known=True, captured_at="2026-05-03T10:00:00")
    second = photo(
        2, "A.jpg", group="Plot B", notes="wet", state=ImageState.DONE, mask_known=True,
        captured_at="2026-05-01T10:00:00", split=Split.VAL,
    )  # fmt: skip
    store.add_images(
        [
            NewImage(first, (leaf, spot, bare)),
            NewImage(second, (clean,)),
            NewImage(photo(3, "b.jpg")),
        ]
    )
    store.put_run(run("a"))
    store.put_scores([score("a", 1, 0.3), score("a", 2, 0.9)])
    yield store
    store.close()


def test_filters_combine_and_count_what_they_list(store: ProjectStore) -> None:
    store.set_verdict(RunId("a"), ImageId(1), Verdict.LABEL_WRONG)
    a = RunId("a")
    for query, found in (
        (ImageQuery(severity=(0, 10)), [2]),
        (ImageQuery(severity=(20, 20)), [1]),
        (ImageQuery(outlined=False), [3]),
        (ImageQuery(has_notes=True), [2]),
        (ImageQuery(has_notes=False, outlined=True), [1]),
        (ImageQuery(group="plot b"), [2]),
        (ImageQuery(unnamed=True), [2, 3]),
        (ImageQuery(text="plot"), [2]),
        (ImageQuery(text="HEMIVA"), [1]),
        (ImageQuery(text="scab"), []),
        (ImageQuery(run=a, dice=(0.2, 0.5)), [1]),
        (ImageQuery(run=a, dice=(0.2, 1.0), has_notes=True), [2]),
        (ImageQuery(run=a, verdict=Verdict.LABEL_WRONG), [1]),
        (ImageQuery(run=a, verdict=Verdict.LABEL_WRONG, dice=(0.5, 1.0)), []),
        (ImageQuery(dice=(0.2, 0.5)), [1, 2, 3]),
    ):
        assert store.image_ids(query) == found, query
        assert store.count(query) == len(found), query
    assert store.groups() == ["Plot B"]
    store.bulk(BulkEdit("Name", (Assignment({Field.DISEASE: SCAB.id}, ALL[:1]),)))
    assert store.image_ids(ImageQuery(text="schorf")) == [1]


@pytest.mark.parametrize(
    ("order", "forward", "back"),
    [
        (ImageOrder.ADDED, [1, 2, 3], [3, 2, 1]),
        (ImageOrder.NAME, [2, 3, 1], [1, 3, 2]),
        (ImageOrder.DATE, [2, 1, 3], [1, 2, 3]),
        (ImageOrder.SEVERITY, [2, 1, 3], [1, 2, 3]),
        (ImageOrder.WORST_DICE, [1, 2, 3], [2, 1, 3]),
    ],
)
def test_every_order_runs_both_ways_and_what_is_not_known_comes_last(
    store: ProjectStore, order: ImageOrder, forward: list[int], back: list[int]
) -> None:
    query = ImageQuery(order=order, run=RunId("a"))
    assert store.image_ids(query) == forward
    assert store.image_ids(replace(query, reverse=True)) == back
    # The same with a filter that all of them pass, which is another way through the store.
    assert store.image_ids(replace(query, text=".jpg")) == forward
    assert store.image_ids(replace(query, text=".jpg", reverse=True)) == back


def test_names_and_groups_are_in_the_order_in_which_people_count(store: ProjectStore) -> None:
    names = {11: "leaf 23.jpg", 12: "Leaf 3.jpg", 13: "leaf 100.jpg", 14: "leaf 24.jpg"}
    store.add_images([NewImage(photo(n, f"x/{name}", group=name)) for n, name in names.items()])
    query = ImageQuery(order=ImageOrder.NAME)
    assert store.image_ids(query) == [2, 3, 1, 12, 11, 14, 13]
    assert store.image_ids(replace(query, reverse=True)) == [13, 14, 11, 12, 1, 3, 2]
    assert store.image_ids(replace(query, text="leaf")) == [12, 11, 14, 13]
    assert store.groups()[:2] == ["Leaf 3.jpg", "leaf 23.jpg"]
    (moved,) = store.images([ImageId(13)])
    store.update_images([replace(moved, path="x/leaf 4.jpg")])
    assert store.image_ids(replace(query, text="leaf")) == [12, 13, 11, 14]


def test_the_filter_of_an_order_limits_it(store: ProjectStore) -> None:
    by_severity = ImageQuery(order=ImageOrder.SEVERITY, severity=(0, 10))
    worst = ImageQuery(order=ImageOrder.WORST_DICE, run=RunId("a"), dice=(0.5, 1.0))
    assert store.image_ids(by_severity) == store.image_ids(worst) == [2]
    assert store.image_ids(replace(worst, text="c.jpg")) == []


def test_the_last_photo_that_somebody_changed_comes_first(store: ProjectStore) -> None:
    before = ImageLabel(None, ImageState.UNSEEN, mask_known=False)
    after = replace(before, state=ImageState.DONE, done_by="Anna")
    store.commit(Edit(ImageId(3), "Done", (ImageRelabelled(before, after),)))
    assert store.image_ids(ImageQuery(order=ImageOrder.CHANGED))[0] == 3
    assert store.cards([ImageId(3)])[0].done_by == "Anna"
    assert store.image(ImageId(3)).done_by == "Anna"


def test_an_order_that_is_asked_for_again_follows_what_was_written(store: ProjectStore) -> None:
    a, everything = RunId("a"), ImageQuery(text=".jpg")
    by_name = replace(everything, order=ImageOrder.NAME)
    worst = replace(everything, order=ImageOrder.WORST_DICE, run=a)
    by_severity = replace(everything, order=ImageOrder.SEVERITY)
    newest = replace(everything, order=ImageOrder.CHANGED)
    with closing(open_project(store.folder, read_only=True)) as reader:

        def agreed(query: ImageQuery) -> list[ImageId]:
            found = store.image_ids(query)
            assert found == store.image_ids(query) == reader.image_ids(query)
            assert found == reader.image_ids(query)
            return found

        assert agreed(worst) == [1, 2, 3]
        store.put_scores([score("a", 3, 0.1)])
        assert agreed(worst) == [3, 1, 2]
        assert agreed(by_severity) == [2, 1, 3]
        lesions = store.regions(ImageId(1))[1:]
        gone = tuple(RegionRemoved(lesion.info, lesion.mask.packed()) for lesion in lesions)
        store.commit(Edit(ImageId(1), "Delete", gone))
        assert agreed(by_severity) == [1, 2, 3]
        assert agreed(newest)[0] == 1
        assert agreed(by_name) == [2, 3, 1]
        store.add_images([NewImage(photo(4, "a0.jpg"))])
        assert agreed(by_name) == [2, 4, 3, 1]
        with pytest.raises(ProjectError):  # the first of the two is undone again
            store.update_images([photo(4, "z.jpg"), photo(404, "y.jpg")])
        assert agreed(by_name) == [2, 4, 3, 1]
        store.update_images([photo(4, "z.jpg")])
        assert agreed(by_name) == [2, 3, 1, 4]


def several(store: ProjectStore) -> list[object]:
    """Everything that an action on many may touch."""
    return [
        [store.image(i) for i in ALL],
        [[(r.info, r.mask.to_array().tobytes()) for r in store.regions(i)] for i in ALL],
        [store.areas(i) for i in ALL],
        [s.verdict for s in store.scores(RunId("a"))],
    ]


def test_one_action_on_many_photos_is_undone_and_done_again_as_one(store: ProjectStore) -> None:
    before = several(store)
    values = {Field.STATE: ImageState.CHECKED, Field.GROUP: "Plot Ö", Field.CHECKED_BY: "Ben"}
    edit = BulkEdit("Mark", (Assignment(values, (*ALL, ImageId(404))),))
    done = store.bulk(edit)
    assert done.images == set(ALL), "one that has gone is left out"
    assert {store.image(i).state for i in ALL} == {ImageState.CHECKED}
    assert store.image_ids(ImageQuery(group="plot ö", text="PLOT Ö")) == [1, 2, 3]
    after = several(store)
    store.take_back(edit.action)
    assert several(store) == before
    store.do_again(edit.action)
    assert several(store) == after


def test_naming_many_names_their_lesions_and_counts_them_anew(store: ProjectStore) -> None:
    store.set_verdict(RunId("a"), ImageId(1), Verdict.LABEL_WRONG)
    before = several(store)
    edit = BulkEdit("Name", (Assignment({Field.DISEASE: SCAB.id}, ALL),))
    store.bulk(edit)
    assert {store.image(i).disease for i in ALL} == {SCAB.id}
    assert store.areas(ImageId(1)) == {
        (RegionKind.LEAF, None): 10_000,
        (RegionKind.LESION, SCAB.id): 2000,
    }, "two lesions that overlap are one area of one disease"
    assert store.judged(Verdict.LABEL_WRONG) == [], "the label has been corrected"
    assert store.check().problems == tuple(p for p in store.check().problems if ".jpg" in p)
    store.take_back(edit.action)
    assert several(store) == before
    assert [s.image for s in store.judged(Verdict.LABEL_WRONG)] == [1]


def test_naming_many_is_taken_back_also_after_a_lesion_was_deleted(store: ProjectStore) -> None:
    before = store.image(ImageId(1))
    edit = BulkEdit("Name", (Assignment({Field.DISEASE: SCAB.id}, ALL),))
    store.bulk(edit)
    (spot,) = (r for r in store.regions(ImageId(1)) if r.info.id == 2)
    assert spot.info.disease == SCAB.id
    removed = RegionRemoved(spot.info, spot.mask.packed())
    store.commit(Edit(ImageId(1), "Delete", (removed,)))
    store.take_back(edit.action)
    assert store.image(ImageId(1)).disease == before.disease
    assert [r.info.id for r in store.regions(ImageId(1))] == [1, 3]


def test_a_removed_photo_is_nowhere_until_it_is_put_back(store: ProjectStore) -> None:
    store.set_verdict(RunId("a"), ImageId(1), Verdict.LABEL_WRONG)
    before = several(store)
    edit = BulkEdit("Remove", (Assignment({Field.REMOVED: True}, ALL[:1]),))
    assert store.bulk(edit).everything
    assert store.image_ids(ImageQuery()) == [2, 3]
    assert store.image_ids(ImageQuery(order=ImageOrder.SEVERITY)) == [2, 3]
    assert store.image_ids(ImageQuery(order=ImageOrder.WORST_DICE, run=RunId("a"))) == [2, 3]
    assert [s.image for s in store.worst(RunId("a"))] == [2]
    assert [s.image for s in store.scores(RunId("a"))] == [2]
    assert store.judged(Verdict.LABEL_WRONG) == []
    assert store.image_ids(ImageQuery(removed=True)) == [1]
    assert store.image_ids(ImageQuery(removed=None)) == [1, 2, 3]
    store.take_back(edit.action)
    assert several(store) == before


def test_many_photos_cannot_be_changed_where_the_project_may_only_be_read(
    store: ProjectStore,
) -> None:
    other = open_project(store.folder, read_only=True)
    with pytest.raises(ProjectReadOnly):
        other.bulk(BulkEdit("Mark", (Assignment({Field.STATE: ImageState.DONE}, ALL),)))
    other.close()
