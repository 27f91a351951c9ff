"""What every project store promises to core, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.domain.disease import HEALTHY_COLOUR, Disease
from core.domain.edits import (
    Edit,
    ImageLabel,
    ImageRelabelled,
    PixelsChanged,
    RegionAdded,
    RegionRelabelled,
    RegionRemoved,
)
from core.domain.ids import DiseaseId, ImageId, RegionId, RunId
from core.domain.image import ImageState, LeafImage, Split
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.domain.run import Run, RunState, Score, TargetScore, Verdict
from core.errors import Bug, ProjectError, ProjectReadOnly
from core.ports import ImageOrder, ImageQuery, NewImage, ProjectStore
from storage import create_project, open_project

RUST = Disease(DiseaseId(7), "rust", "#e69f00", hotkey=1, eppo="HEMIVA")
WIDTH, HEIGHT = 600, 400

IMPLEMENTATIONS: dict[
    str, tuple[Callable[[Path], ProjectStore], Callable[[Path], ProjectStore]]
] = {
    "sqlite": (create_project, open_project),
}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def implementation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(implementation: str, tmp_path: Path) -> Iterator[ProjectStore]:
    store = IMPLEMENTATIONS[implementation][0](tmp_path / "Field 3")
    store.put_disease(RUST)
    yield store
    store.close()


@pytest.fixture
def reopened(implementation: str, store: ProjectStore) -> Iterator[Callable[[], ProjectStore]]:
    opened: list[ProjectStore] = []

    def reopen() -> ProjectStore:
        store.close()
        opened.append(IMPLEMENTATIONS[implementation][1](store.folder))
        return opened[-1]

    yield reopen
    for other in opened:
        other.close()


def photo(number: int, name: str = "", **more: object) -> LeafImage:
    path = f"photos/{name or f'leaf-{number}.jpg'}"
    known = LeafImage(ImageId(number), path, f"{number:064x}", WIDTH, HEIGHT)
    return replace(known, **more)  # type: ignore[arg-type]


def rectangle(x0: int, y0: int, x1: int, y1: int) -> TileMask:
    mask = TileMask(WIDTH, HEIGHT)
    mask.write((x0, y0, x1, y1), np.ones((y1 - y0, x1 - x0), bool))
    return mask


def region(
    number: int, image: int, mask: TileMask, *, kind: str = "lesion", disease: int | None = None
) -> Region:
    named = None if disease is None else DiseaseId(disease)
    info = RegionInfo(RegionId(number), ImageId(image), RegionKind(kind), named, "hand", "anna")
    return Region(info, mask)


def score(run: str, image: int, dice: float | None, **more: object) -> Score:
    known = Score(
        RunId(run), ImageId(image), "val", dice, (TargetScore("lesions", dice or 0.0, 0.4),),
        "rust", "healthy", (("healthy", 0.75), ("rust", 0.25)), 3.5, None, "predictions/1.png",
    )  # fmt: skip
    return replace(known, **more)  # type: ignore[arg-type]


def run(name: str, **more: object) -> Run:
    known = Run(
        RunId(name), "First", "starter", RunState.PREPARED, "2026-11-21T12:00:00", f"runs/{name}"
    )
    return replace(known, **more)  # type: ignore[arg-type]


# -- diseases


def test_a_new_project_knows_only_healthy_leaves(implementation: str, tmp_path: Path) -> None:
    store = IMPLEMENTATIONS[implementation][0](tmp_path / "new")
    (healthy,) = store.diseases()
    assert (healthy.name, healthy.healthy, healthy.colour) == ("healthy", True, HEALTHY_COLOUR)
    assert (store.name, store.read_only, store.locked_by) == ("new", False, "")
    assert store.image_ids(ImageQuery()) == []
    store.close()


def test_a_disease_comes_back_as_it_was_put(
    store: ProjectStore, reopened: Callable[[], ProjectStore]
) -> None:
    changed = replace(RUST, colour="#123456", hotkey=2)
    assert store.put_disease(changed).diseases
    assert changed in reopened().diseases()


@pytest.mark.parametrize("name", ["Rust", "RUST", " "])
def test_two_diseases_cannot_share_a_name_whatever_the_case(store: ProjectStore, name: str) -> None:
    with pytest.raises(ProjectError):
        store.put_disease(Disease(DiseaseId(8), name, "#ffffff"))
    assert len(store.diseases()) == 2


def test_a_project_has_one_healthy_class(store: ProjectStore) -> None:
    with pytest.raises(ProjectError, match="healthy"):
        store.put_disease(Disease(DiseaseId(8), "fine", "#ffffff", healthy=True))


def test_a_hotkey_belongs_to_the_disease_it_was_given_to_last(store: ProjectStore) -> None:
    store.put_disease(Disease(DiseaseId(8), "mildew", "#ffffff", hotkey=1))
    keys = {d.name: d.hotkey for d in store.diseases()}
    assert keys == {"healthy": 9, "rust": None, "mildew": 1}


def test_a_disease_in_use_cannot_be_removed(store: ProjectStore) -> None:
    lesion = region(1, 1, rectangle(0, 0, 5, 5), disease=7)
    store.add_images([NewImage(photo(1), (lesion,)), NewImage(photo(2, disease=RUST.id))])
    with pytest.raises(ProjectError, match=r"rust.*photos"):
        store.remove_disease(RUST.id)
    store.update_images([photo(2)])
    with pytest.raises(ProjectError, match=r"rust.*regions"):
        store.remove_disease(RUST.id)
    store.commit(Edit(ImageId(1), "Delete", (RegionRemoved(lesion.info, lesion.mask.packed()),)))
    assert store.remove_disease(RUST.id).diseases
    assert RUST.name not in [d.name for d in store.diseases()]
    with pytest.raises(ProjectError):
        store.remove_disease(RUST.id)


# -- photos


def test_a_photo_comes_back_with_everything_that_is_known_of_it(
    store: ProjectStore, reopened: Callable[[], ProjectStore]
) -> None:
    full = photo(
        1, "blätter/été 100%_.JPG", orientation=6, captured_at="2026-05-03T10:11:12",
        gps=(-22.5, 0.0), crop="coffee", group="plot 4", state=ImageState.DONE, split=Split.VAL,
        disease=RUST.id, mask_known=True, extra=(("plot", "4"), ("note", "a “quoted” 'thing'")),
    )  # fmt: skip
    changes = store.add_images([NewImage(full, thumbnail=b"\xff\xd8jpeg"), NewImage(photo(2))])
    assert changes.everything
    assert changes.images == {1, 2}
    again = reopened()
    assert again.image(ImageId(1)) == full
    assert again.image(ImageId(2)) == photo(2)
    assert again.thumbnails([ImageId(2), ImageId(1)]) == {1: b"\xff\xd8jpeg"}


def test_photos_are_added_all_or_none(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(1))])
    with pytest.raises((ProjectError, Bug)):
        store.add_images([NewImage(photo(2)), NewImage(photo(1))])
    with pytest.raises((ProjectError, Bug)):
        store.add_images([NewImage(photo(3)), NewImage(photo(3))])
    with pytest.raises((ProjectError, Bug)):
        store.add_images([NewImage(photo(4)), NewImage(photo(5, disease=DiseaseId(404)))])
    assert store.image_ids(ImageQuery()) == [1]


def test_a_file_name_that_is_no_text_is_refused_with_a_sentence(store: ProjectStore) -> None:
    with pytest.raises(ProjectError, match="rename the file"):
        store.add_images([NewImage(photo(1, "leaf-\udcff.jpg"))])
    assert store.image_ids(ImageQuery()) == []


def test_an_unknown_photo_is_an_error_that_says_so(store: ProjectStore) -> None:
    for ask in (store.image, store.regions, store.areas):
        with pytest.raises(ProjectError, match="not in the project"):
            ask(ImageId(404))
    with pytest.raises(ProjectError):
        store.update_images([photo(404)])
    with pytest.raises(ProjectError):
        store.commit(Edit(ImageId(404), "x"))


def test_known_digests_name_the_photo_that_has_them(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(n)) for n in range(1, 1200)])
    digests = [f"{n:064x}" for n in range(1000, 1400)]
    known = store.known_sha256(digests)
    assert {digest: image.id for digest, image in known.items()} == {
        f"{n:064x}": n for n in range(1000, 1200)
    }


def test_updating_a_photo_changes_what_is_known_and_nothing_else(store: ProjectStore) -> None:
    leaf = region(1, 1, rectangle(0, 0, 100, 100), kind="leaf")
    store.add_images([NewImage(photo(1), (leaf,)), NewImage(photo(2))])
    moved = photo(1, "elsewhere/new-name.jpg", split=Split.TRAIN, group="g")
    assert store.update_images([moved]).images == {1}
    assert store.image(ImageId(1)) == moved
    assert [c.name for c in store.cards([ImageId(1)])] == ["new-name.jpg"]
    assert store.regions(ImageId(1))[0].mask == leaf.mask
    assert store.areas(ImageId(1)) == {(RegionKind.LEAF, None): 10_000}


def test_photos_are_found_by_state_disease_split_and_any_part_of_the_name(
    store: ProjectStore,
) -> None:
    store.add_images(
        [
            NewImage(photo(30, "Straße_1.JPG", state=ImageState.DONE)),
            NewImage(photo(20, "50%_b.jpg", disease=RUST.id, split=Split.VAL)),
            NewImage(photo(10, "ünder_c.jpg", state=ImageState.CHECKED, disease=RUST.id)),
        ]
    )
    both = frozenset({ImageState.DONE, ImageState.CHECKED})
    for query, found in (
        (ImageQuery(), [30, 20, 10]),
        (ImageQuery(states=both), [30, 10]),
        (ImageQuery(disease=RUST.id), [20, 10]),
        (ImageQuery(disease=RUST.id, states=both), [10]),
        (ImageQuery(split=Split.VAL), [20]),
        (ImageQuery(text="STRASSE"), [30]),
        (ImageQuery(text="ÜNDER"), [10]),
        (ImageQuery(text="u\u0308nder"), [10]),
        (ImageQuery(text="%"), [20]),
        (ImageQuery(text="_"), [30, 20, 10]),
        (ImageQuery(text="photos"), []),
    ):
        assert store.image_ids(query) == found, query
        assert store.count(query) == len(found), query


def test_worst_dice_first_and_photos_without_one_last(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(n)) for n in (5, 4, 3, 2, 1)])
    store.put_run(run("a"))
    store.put_scores([score("a", 1, 0.9), score("a", 3, 0.1), score("a", 5, None)])
    worst = ImageQuery(run=RunId("a"), order=ImageOrder.WORST_DICE)
    assert store.image_ids(worst) == [3, 1, 5, 4, 2]
    assert store.image_ids(replace(worst, text="leaf-1")) == [1]
    assert store.image_ids(replace(worst, run=None)) == [5, 4, 3, 2, 1]


def test_cards_come_in_the_order_asked_for_with_the_severity_of_the_masks(
    store: ProjectStore,
) -> None:
    leaf = region(1, 1, rectangle(0, 0, 100, 100), kind="leaf")
    inside = region(2, 1, rectangle(90, 0, 110, 100), disease=7)  # half of it beyond the leaf
    over = region(3, 1, rectangle(90, 0, 100, 100))  # unnamed, the same pixels again
    alone = region(4, 2, rectangle(0, 0, 10, 10))
    store.add_images([NewImage(photo(1), (leaf, inside, over)), NewImage(photo(2), (alone,))])
    store.add_images([NewImage(photo(3))])
    store.put_run(run("a"))
    store.put_scores([score("a", 1, 0.25)])
    cards = store.cards([ImageId(3), ImageId(404), ImageId(1), ImageId(2)], RunId("a"))
    assert [(c.id, c.regions, c.dice) for c in cards] == [(3, 0, None), (1, 3, 0.25), (2, 1, None)]
    assert cards[1].severity == pytest.approx(100 * 2000 / 11_000)
    assert (cards[0].severity, cards[2].severity) == (None, None), "no leaf outlined"
    assert store.areas(ImageId(1)) == {
        (RegionKind.LEAF, None): 10_000,
        (RegionKind.LESION, RUST.id): 2000,
        (RegionKind.LESION, None): 1000,
    }
    assert [c.dice for c in store.cards([ImageId(1)])] == [None], "no run asked for"


def test_photo_paths_are_relative_to_the_project_or_absolute(
    store: ProjectStore, tmp_path: Path
) -> None:
    assert store.resolve(photo(1, "a.jpg")) == store.folder / "photos" / "a.jpg"
    assert store.resolve(replace(photo(1), path="../b.jpg")) == tmp_path / "b.jpg"
    elsewhere = tmp_path / "other" / "c.jpg"
    assert store.resolve(replace(photo(1), path=elsewhere.as_posix())) == elsewhere


# -- regions


def test_holes_islands_overlaps_and_single_pixels_survive(
    store: ProjectStore, reopened: Callable[[], ProjectStore]
) -> None:
    odd = rectangle(200, 200, 300, 300)
    odd.subtract((240, 240, 260, 260), np.ones((20, 20), bool))
    odd.write((WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT), np.ones((1, 1), bool))
    regions = (
        region(3, 1, odd, disease=7),
        region(1, 1, rectangle(250, 250, 251, 251)),
        region(2, 1, TileMask(WIDTH, HEIGHT), kind="leaf"),
    )
    store.add_images([NewImage(photo(1), regions)])
    again = reopened().regions(ImageId(1))
    assert {r.info.id: r.mask for r in again} == {r.info.id: r.mask for r in regions}
    assert {r.info for r in again} == {r.info for r in regions}


def test_an_edit_is_applied_in_order_and_its_inverse_takes_it_back(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(1))])
    before, after = rectangle(0, 0, 300, 10), rectangle(250, 5, 260, 50)
    lesion = region(1, 1, before)
    named = replace(lesion.info, disease=RUST.id)
    label = ImageLabel(None, ImageState.UNSEEN, False)
    done = ImageLabel(RUST.id, ImageState.DONE, True)
    edit = Edit(
        ImageId(1),
        "Everything at once",
        (
            RegionAdded(lesion.info, before.packed()),
            PixelsChanged(lesion.info.id, before.delta(after)),
            RegionRelabelled(lesion.info, named),
            RegionRemoved(named, after.packed()),
            RegionAdded(named, after.packed()),
            ImageRelabelled(label, done),
        ),
    )
    assert store.commit(edit).images == {1}
    (found,) = store.regions(ImageId(1))
    assert (found.info, found.mask) == (named, after)
    image = store.image(ImageId(1))
    assert ImageLabel(image.disease, image.state, image.mask_known) == done
    assert store.areas(ImageId(1)) == {(RegionKind.LESION, RUST.id): 450}
    store.commit(edit.inverse())
    assert store.regions(ImageId(1)) == []
    assert store.image(ImageId(1)) == photo(1)
    assert store.areas(ImageId(1)) == {}


def test_an_edit_that_does_not_fit_changes_nothing(store: ProjectStore) -> None:
    leaf = region(1, 1, rectangle(0, 0, 100, 100), kind="leaf")
    store.add_images([NewImage(photo(1), (leaf,)), NewImage(photo(2))])
    good = PixelsChanged(RegionId(1), leaf.mask.delta(rectangle(0, 0, 9, 9)))
    tile = np.full(8192, 255, np.uint8)
    for bad in (
        PixelsChanged(RegionId(404), {(0, 0): tile}),
        PixelsChanged(RegionId(1), {(0, 9): tile}),  # beyond the photo
        PixelsChanged(RegionId(1), {(1, 2): tile}),  # pixels beyond its edge
        PixelsChanged(RegionId(1), {(0, 0): tile[:100]}),
        RegionAdded(leaf.info, {}),
        RegionAdded(replace(leaf.info, id=RegionId(2), image_id=ImageId(2)), {}),
        RegionAdded(replace(leaf.info, id=RegionId(2), disease=DiseaseId(404)), {}),
        RegionRemoved(replace(leaf.info, id=RegionId(404)), {}),
        RegionRelabelled(leaf.info, replace(leaf.info, image_id=ImageId(2))),
    ):
        with pytest.raises((Bug, ProjectError)):
            store.commit(Edit(ImageId(1), "x", (good, bad)))
        (found,) = store.regions(ImageId(1))
        assert (found.info, found.mask) == (leaf.info, leaf.mask)
        assert store.areas(ImageId(1)) == {(RegionKind.LEAF, None): 10_000}


def test_photos_are_amended_as_they_are_found_all_or_none(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(1)), NewImage(photo(2)), NewImage(photo(3))])
    leaf = region(7, 1, rectangle(0, 0, 10, 10), kind="leaf")

    def decide(found: LeafImage, regions: Sequence[RegionInfo]) -> tuple[LeafImage, Edit] | None:
        if found.id == 2:
            return None
        added = (RegionAdded(leaf.info, leaf.mask.packed()),)
        return replace(found, group="plot", crop=str(len(regions))), Edit(found.id, "x", added)

    with pytest.raises(Bug):  # the region belongs to the first photo, not to the third
        store.amend([ImageId(1), ImageId(3)], decide)
    assert store.image(ImageId(1)) == photo(1)
    assert store.amend([ImageId(1), ImageId(2)], decide).images == {1}
    assert (store.image(ImageId(1)).group, store.image(ImageId(1)).crop) == ("plot", "0")
    assert store.areas(ImageId(1)) == {(RegionKind.LEAF, None): 100}
    assert store.image(ImageId(2)) == photo(2)


# -- runs


def test_runs_come_newest_first_and_keep_their_figures(
    store: ProjectStore, reopened: Callable[[], ProjectStore]
) -> None:
    second = run("b", parent=RunId("a"), summary=(("loss", 0.5),), created_at="1999-01-01T00:00:00")
    store.put_run(run("a"))
    assert store.put_run(second).runs
    store.put_run(run("a", title="Renamed"))
    store.set_run_state(RunId("a"), RunState.FINISHED, {"lesion_dice": 0.8, "loss": float("nan")})
    store.set_run_state(RunId("b"), RunState.STOPPED)
    finished = run("a", title="Renamed", state=RunState.FINISHED, summary=(("lesion_dice", 0.8),))
    assert reopened().runs() == [replace(second, state=RunState.STOPPED), finished]


def test_scores_replace_earlier_ones_and_keep_the_verdict(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(1)), NewImage(photo(2))])
    store.put_run(run("a"))
    store.put_scores([score("a", 1, 0.5), score("a", 2, None, true_severity=4.0)])
    assert store.set_verdict(RunId("a"), ImageId(1), Verdict.LABEL_WRONG).images == {1}
    assert store.put_scores([score("a", 1, 0.75)]).runs
    kept = score("a", 1, 0.75, verdict=Verdict.LABEL_WRONG)
    other = score("a", 2, None, true_severity=4.0)
    assert store.scores(RunId("a")) == [kept, other]
    assert store.scores(RunId("a"), [ImageId(2), ImageId(404)]) == [other]
    store.set_verdict(RunId("a"), ImageId(1), None)
    assert store.scores(RunId("a"), [ImageId(1)]) == [score("a", 1, 0.75)]
    with pytest.raises(ProjectError):
        store.set_verdict(RunId("a"), ImageId(404), Verdict.UNSURE)
    for unknown in (lambda: store.put_scores([score("z", 1, 0.5)]),
                    lambda: store.set_run_state(RunId("z"), RunState.FAILED)):  # fmt: skip
        with pytest.raises(ProjectError, match="no run z"):
            unknown()


def test_the_newest_run_in_which_something_was_said_of_a_photo_counts(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(n)) for n in range(1, 5)])
    for name in ("b", "a"):
        store.put_run(run(name))
        store.put_scores([score(name, n, 0.5) for n in range(1, 5)])
    assert store.judged(Verdict.LABEL_WRONG) == []
    for n in (1, 2, 3):
        store.set_verdict(RunId("b"), ImageId(n), Verdict.LABEL_WRONG)
    store.set_verdict(RunId("a"), ImageId(2), Verdict.MODEL_WRONG)
    store.set_verdict(RunId("a"), ImageId(4), Verdict.LABEL_WRONG)
    wrong = store.judged(Verdict.LABEL_WRONG)
    assert [(s.image, s.run) for s in wrong] == [(1, "b"), (3, "b"), (4, "a")]
    assert [s.image for s in store.judged(Verdict.MODEL_WRONG)] == [2]


def test_correcting_a_leaf_takes_label_wrong_back_and_nothing_else_does(
    store: ProjectStore,
) -> None:
    store.put_disease(Disease(DiseaseId(7), "mildew", "#123456"))
    leaf = region(1, 1, rectangle(0, 0, 100, 100), kind="leaf")
    store.add_images([NewImage(photo(1), (leaf,)), NewImage(photo(2))])
    for name in ("a", "b"):
        store.put_run(run(name))
        store.put_scores([score(name, n, 0.5) for n in (1, 2)])
    first, second = ImageId(1), ImageId(2)

    def verdicts(image: ImageId) -> list[Verdict | None]:
        return [store.scores(RunId(name), [image])[0].verdict for name in ("a", "b")]

    def judge() -> None:
        for name in ("a", "b"):
            store.set_verdict(RunId(name), first, Verdict.LABEL_WRONG)
        store.set_verdict(RunId("a"), second, Verdict.LABEL_WRONG)
        store.set_verdict(RunId("b"), second, Verdict.MODEL_WRONG)

    before = ImageLabel(None, ImageState.UNSEEN, mask_known=False)
    done = replace(before, state=ImageState.DONE)
    named = replace(done, disease=DiseaseId(7))
    judge()
    store.commit(Edit(first, "Done", (ImageRelabelled(before, done),)))
    assert verdicts(first) == [Verdict.LABEL_WRONG] * 2, "a state corrects nothing"
    delta = leaf.mask.delta(rectangle(0, 0, 9, 9))
    for change in (
        ImageRelabelled(done, named),
        PixelsChanged(RegionId(1), delta),
        RegionRelabelled(leaf.info, replace(leaf.info, kind=RegionKind.LESION)),
        ImageRelabelled(named, replace(named, mask_known=True)),
        RegionRemoved(leaf.info, {}),
    ):
        judge()
        assert store.commit(Edit(first, "x", (change,))).images == {1}
        assert verdicts(first) == [None, None], change
        assert verdicts(second) == [Verdict.LABEL_WRONG, Verdict.MODEL_WRONG]
    store.commit(Edit(second, "x", (ImageRelabelled(before, named),)))
    assert verdicts(second) == [None, Verdict.MODEL_WRONG]


def test_undoing_a_correction_says_label_wrong_again_where_it_was_said(
    store: ProjectStore,
) -> None:
    store.put_disease(Disease(DiseaseId(7), "mildew", "#123456"))
    store.add_images([NewImage(photo(1))])
    for name in ("a", "b", "c"):
        store.put_run(run(name))
        store.put_scores([score(name, 1, 0.5)])
    store.set_verdict(RunId("a"), ImageId(1), Verdict.LABEL_WRONG)
    store.set_verdict(RunId("b"), ImageId(1), Verdict.MODEL_WRONG)

    def verdicts() -> list[Verdict | None]:
        return [store.scores(RunId(name), [ImageId(1)])[0].verdict for name in ("a", "b", "c")]

    as_it_was = verdicts()
    unnamed = ImageLabel(None, ImageState.UNSEEN, mask_known=False)
    named = replace(unnamed, disease=DiseaseId(7))
    outlined = replace(named, mask_known=True)
    first = Edit(ImageId(1), "Name", (ImageRelabelled(unnamed, named),))
    second = Edit(ImageId(1), "No lesions", (ImageRelabelled(named, outlined),))
    for edit in (first, second, second.inverse()):
        store.commit(edit)
        assert verdicts() == [None, Verdict.MODEL_WRONG, None], "the first still stands"
    store.commit(first.inverse())
    assert verdicts() == as_it_was
    store.commit(first)
    assert verdicts() == [None, Verdict.MODEL_WRONG, None], "redo corrects once more"
    store.set_verdict(RunId("a"), ImageId(1), Verdict.UNSURE)
    store.set_verdict(RunId("c"), ImageId(1), Verdict.LABEL_WRONG)
    store.commit(first.inverse())
    assert verdicts() == [Verdict.UNSURE, Verdict.MODEL_WRONG, None], "what was said since stays"
    store.commit(first)
    assert verdicts() == [Verdict.UNSURE, Verdict.MODEL_WRONG, Verdict.LABEL_WRONG]


def test_the_worst_are_paged_without_gap_or_repeat(store: ProjectStore) -> None:
    store.add_images([NewImage(photo(n)) for n in range(1, 31)])
    store.put_run(run("a"))
    store.put_scores([score("a", n, (n % 4) / 4) for n in range(1, 29)])
    store.put_scores([score("a", 29, None), score("a", 30, 1.0)])
    pages: list[Score] = []
    while page := store.worst(
        RunId("a"), after=(pages[-1].dice or 0.0, pages[-1].image) if pages else None, limit=7
    ):
        pages += page
    assert [(s.dice, s.image) for s in pages] == sorted(
        [((n % 4) / 4, n) for n in range(1, 29)] + [(1.0, 30)]
    )
    assert {s.dice for s in store.worst(RunId("a"), below=0.5)} == {0.0, 0.25}


# -- the whole


def test_a_sound_project_checks_out_and_a_moved_or_changed_photo_is_named(
    store: ProjectStore, tmp_path: Path
) -> None:
    from hashlib import sha256

    for number in (1, 2, 3):
        (tmp_path / f"{number}.jpg").write_bytes(b"%d" % number)
    lesion = region(1, 1, rectangle(0, 0, 500, 300))
    images = [
        replace(photo(n), path=f"../{n}.jpg", sha256=sha256(b"%d" % n).hexdigest())
        for n in (1, 2, 3)
    ]
    store.add_images([NewImage(images[0], (lesion,)), NewImage(images[1]), NewImage(images[2])])
    report = store.check()
    assert report.ok
    assert (report.checked["images"], report.checked["regions"], report.checked["tiles"]) == (
        3,
        1,
        4,
    )
    (tmp_path / "2.jpg").rename(tmp_path / "gone.jpg")
    (tmp_path / "3.jpg").write_bytes(b"other")
    moved, changed = store.check().problems
    assert "2.jpg has moved away" in moved
    assert "3.jpg" in changed
    assert "has changed" in changed


def test_a_backup_is_made_when_something_changed(store: ProjectStore) -> None:
    first = store.backup()
    assert first is not None
    assert first.parent == store.folder / "backups"
    assert store.backup() is None
    store.add_images([NewImage(photo(1))])
    second = store.backup()
    assert second not in (None, first)


def test_a_store_opened_read_only_answers_and_refuses_every_change(
    store: ProjectStore, implementation: str
) -> None:
    store.add_images([NewImage(photo(1), thumbnail=b"jpeg")])
    reader = IMPLEMENTATIONS[implementation][1](store.folder)
    assert reader.read_only
    assert reader.locked_by
    assert reader.image(ImageId(1)) == photo(1)
    assert reader.thumbnails([ImageId(1)]) == {1: b"jpeg"}
    for change in (
        lambda: reader.put_disease(replace(RUST, id=DiseaseId(9), name="x")),
        lambda: reader.remove_disease(RUST.id),
        lambda: reader.add_images([NewImage(photo(2))]),
        lambda: reader.update_images([photo(1)]),
        lambda: reader.commit(Edit(ImageId(1), "x")),
        lambda: reader.put_run(run("a")),
        lambda: reader.put_scores([]),
        lambda: reader.set_verdict(RunId("a"), ImageId(1), None),
        lambda: reader.backup(),
    ):
        with pytest.raises(ProjectReadOnly, match="read-only"):
            change()
    store.commit(Edit(ImageId(1), "the writer is not held up"))
    reader.close()
