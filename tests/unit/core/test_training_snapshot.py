"""What a training learns from is what the person outlined and named, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.ids import ImageId, RunId
from core.domain.image import LeafImage, Split
from core.domain.run import Run, RunState, Score, Verdict
from core.errors import TrainingRefused
from core.geometry import rle
from core.ports import ImageQuery, ProjectStore
from core.training.snapshot import take_snapshot
from core.training.splits import LESIONS, assign
from storage.projects import open_project
from tests.doubles.projects import SIZE, Leaf, leaves, make_project, spotted


def test_masks_arrive_pixel_for_pixel_and_unions_are_per_disease(tmp_path: Path) -> None:
    both = Leaf("a.png", "rust", (("rust", (10, 10, 20, 18)), ("rust", (15, 12, 30, 20)),
                                  ("scab", (40, 30, 44, 34)), ("", (50, 40, 52, 42))))  # fmt: skip
    store = make_project(tmp_path, [both, *leaves(6)])
    taken = take_snapshot(store)
    sample = next(s for s in taken.samples if Path(s.path).name == "a.png")
    assert set(sample.lesions) == {"rust", "scab", ""}
    rust = np.zeros((48, 64), bool)
    rust[10:18, 10:20] = rust[12:20, 15:30] = True
    assert np.array_equal(rle.decode(sample.lesions["rust"], SIZE), rust)
    leaf = rle.decode(sample.leaf, SIZE)
    assert leaf[5, 5]
    assert leaf.sum() == (60 - 4) * (44 - 4), "lesions lie inside the leaf here"
    store.close()


def test_the_leaf_of_training_holds_lesions_that_stick_out(tmp_path: Path) -> None:
    out = Leaf("a.png", "rust", (("rust", (0, 0, 6, 6)),), leaf=(4, 4, 20, 20))
    store = make_project(tmp_path, [out, *leaves(6)])
    sample = next(s for s in take_snapshot(store).samples if s.path.endswith("a.png"))
    assert rle.decode(sample.leaf, SIZE)[0, 0]
    store.close()


def test_a_leaf_without_outline_of_the_leaf_says_so(tmp_path: Path) -> None:
    store = make_project(tmp_path, [spotted("a.png", "rust", leaf=None), *leaves(6)])
    sample = next(s for s in take_snapshot(store).samples if s.path.endswith("a.png"))
    assert sample.leaf is None
    assert sample.lesions
    store.close()


def test_classes_are_those_with_a_leaf_to_learn_from(tmp_path: Path) -> None:
    only_held_out = spotted("z.png", "mould", split=Split.VAL)
    store = make_project(tmp_path, [*leaves(), only_held_out])
    taken = take_snapshot(store)
    assert set(taken.classes) == {"rust", "scab", "healthy"}
    assert taken.healthy == "healthy"
    assert next(s for s in taken.samples if s.path.endswith("z.png")).disease is None
    assert any("mould" in note for note in taken.notes)
    store.close()


def test_photos_without_class_and_mask_are_left_out_and_counted(tmp_path: Path) -> None:
    store = make_project(tmp_path, [*leaves(), Leaf("blank.png"), Leaf("blank2.png")])
    taken = take_snapshot(store)
    assert taken.left_out == 2
    assert len(taken.samples) == 12
    assert any(note.startswith("2 photos") for note in taken.notes)
    store.close()


def test_ignored_photos_teach_nothing(tmp_path: Path) -> None:
    store = make_project(tmp_path, [*leaves(), spotted("x.png", "rust", split=Split.IGNORED)])
    taken = take_snapshot(store)
    assert taken.ignored == 1
    assert not any(s.path.endswith("x.png") for s in taken.samples)
    store.close()


def _judge(store: ProjectStore, *names: str) -> None:
    store.put_run(Run(RunId("r"), "", "starter", RunState.FINISHED, "2026-01-01", "runs/r"))
    for name in names:
        (image,) = store.image_ids(ImageQuery(text=name))
        store.put_scores([_score("r", image, verdict=Verdict.LABEL_WRONG)])


def _score(run: str, image: ImageId, *, verdict: Verdict) -> Score:
    return Score(RunId(run), image, "train", 0.1, (), None, "rust", (), 0.0, None, "", verdict)


def test_a_label_judged_wrong_teaches_nothing_and_is_counted(tmp_path: Path) -> None:
    store = make_project(tmp_path, [*leaves(), Leaf("blank.png")])
    before = {s.image: s.split for s in take_snapshot(store).samples}
    _judge(store, "leaf_00", "leaf_01", "leaf_03")
    taken = take_snapshot(store)
    names = {Path(s.path).name for s in taken.samples}
    assert not names & {"leaf_00.png", "leaf_01.png"}
    assert "leaf_03.png" in names, "held-out leaves are measured, not learnt from"
    assert (taken.judged_wrong, taken.left_out, len(names)) == (2, 1, 10)
    sentence = "2 leaves judged “label wrong” are left out until their label is corrected."
    assert sentence in taken.notes
    assert all(before[s.image] == s.split for s in taken.samples)
    store.close()


def test_leaving_leaves_out_moves_no_other_to_the_other_side(tmp_path: Path) -> None:
    """Not even where a class loses its last leaf to learn from: a held-out one stays held out."""
    kinds = ("rust", "scab", "mould")
    wanted = [spotted(f"{n:02}.png", kinds[n % 3], group=f"plant {n}") for n in range(30)]
    store = make_project(tmp_path, wanted)
    samples = take_snapshot(store).samples
    before = {s.image: s.split for s in samples}
    scab = [s for s in samples if s.disease == "scab"]
    assert {s.split for s in scab} == {"train", "val"}
    out = [s for s in scab if s.split == "train"]
    _judge(store, *[Path(s.path).name for s in out])
    after = {s.image: s.split for s in take_snapshot(store).samples}
    assert after == {i: side for i, side in before.items() if i not in {s.image for s in out}}
    store.close()


def test_when_too_little_is_left_the_leaves_left_out_are_named_as_a_reason(tmp_path: Path) -> None:
    store = make_project(tmp_path, [spotted("a.png", "rust", split=Split.TRAIN),
                                    spotted("b.png", "scab", split=Split.TRAIN)])  # fmt: skip
    _judge(store, "b.png")
    with pytest.raises(TrainingRefused) as refusal:
        take_snapshot(store)
    assert "only “rust”" in refusal.value.problems[0]
    assert refusal.value.problems[-1].startswith("1 leaf judged “label wrong” is left out")
    store.close()


def test_a_leaf_called_healthy_is_known_to_have_no_lesions(tmp_path: Path) -> None:
    named = Leaf("h.png", "healthy", known=False)
    store = make_project(tmp_path, [*leaves(), named, Leaf("r.png", "rust", known=False)])
    samples = {Path(s.path).name: s for s in take_snapshot(store).samples}
    assert samples["h.png"].mask_known
    assert not samples["r.png"].mask_known, "named, but nobody has outlined it"
    store.close()


def test_one_class_and_no_outlines_are_told_at_once(tmp_path: Path) -> None:
    store = make_project(tmp_path, [Leaf("a.png", "rust"), Leaf("b.png", "rust")])
    with pytest.raises(TrainingRefused) as refusal:
        take_snapshot(store)
    one, outlines = refusal.value.problems
    assert "only “rust”" in one
    assert "mark some leaves healthy" in one
    assert "disease alone" in outlines
    assert "outline the lesions" in outlines
    store.close()


def test_an_empty_project_says_what_to_do(tmp_path: Path) -> None:
    store = make_project(tmp_path, [])
    with pytest.raises(TrainingRefused, match="name the disease of at least two leaves"):
        take_snapshot(store)
    store.close()


def test_the_class_alone_can_be_trained_when_asked_for(tmp_path: Path) -> None:
    store = make_project(tmp_path, [Leaf("a.png", "rust"), Leaf("b.png", "scab")])
    assert len(take_snapshot(store, class_only=True).samples) == 2
    store.close()


def test_moved_and_changed_photos_are_named(tmp_path: Path) -> None:
    store = make_project(tmp_path, leaves())
    photos = tmp_path / "photos"
    (photos / "leaf_00.png").rename(tmp_path / "elsewhere.png")
    with (photos / "leaf_05.png").open("ab") as file:
        file.write(b"!")
    with pytest.raises(TrainingRefused) as refusal:
        take_snapshot(store)
    (problem,) = refusal.value.problems
    assert "leaf_00.png" in problem
    assert "leaf_05.png" in problem
    assert "leaf_01.png" not in problem
    store.close()


def test_a_photo_that_moved_but_is_ignored_stops_nothing(tmp_path: Path) -> None:
    store = make_project(tmp_path, [*leaves(), spotted("x.png", "rust", split=Split.IGNORED)])
    (tmp_path / "photos" / "x.png").unlink()
    assert take_snapshot(store).samples
    store.close()


def test_photos_are_read_and_never_written(tmp_path: Path) -> None:
    store = make_project(tmp_path, leaves())
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("photos/*")}
    take_snapshot(store)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before}
    store.close()


def test_the_same_project_gives_the_same_split_twice(tmp_path: Path) -> None:
    plain = [replace(leaf, split=Split.AUTO) for leaf in leaves(30)]
    store = make_project(tmp_path, plain)
    assert take_snapshot(store).samples == take_snapshot(store).samples
    assert len(store.image_ids(ImageQuery())) == 30
    store.close()


# -- who is held out


def photo(number: int, group: str = "", split: Split = Split.AUTO) -> LeafImage:
    return LeafImage(
        ImageId(number), f"{number}.jpg", f"{number:064}", 8, 8, group=group, split=split
    )


PHOTOS = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from([Split.AUTO, Split.AUTO, Split.TRAIN, Split.VAL])),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(PHOTOS, st.lists(st.sampled_from(["rust", "scab", "healthy"]), min_size=40, max_size=40))
def test_a_plant_stands_on_one_side_and_a_choice_wins(
    drawn: list[tuple[int, Split]], names: list[str]
) -> None:
    images = [photo(i, f"plant {g}" if g else "", split) for i, (g, split) in enumerate(drawn)]
    sides = assign(images, {i.id: [n] for i, n in zip(images, names, strict=False)})
    assert set(sides) == {i.id for i in images}
    for image in images:
        if image.split is not Split.AUTO:
            assert sides[image.id] == image.split.value
    for plant in {i.group for i in images if i.group}:
        members = [i for i in images if i.group == plant]
        chosen = {i.split for i in members if i.split is not Split.AUTO}
        if len(chosen) < 2:
            assert len({sides[i.id] for i in members}) == 1, "a plant leaked"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["rust", "scab", "healthy"]), min_size=2, max_size=30))
def test_every_class_with_two_leaves_is_learnt_and_measured(names: list[str]) -> None:
    images = [photo(i) for i in range(len(names))]
    sides = assign(images, {i.id: [n] for i, n in zip(images, names, strict=True)})
    for name in set(names):
        has = [sides[i.id] for i, n in zip(images, names, strict=True) if n == name]
        assert "train" in has
        if len(has) >= 2:
            assert "val" in has


def test_about_a_fifth_is_held_out() -> None:
    images = [photo(i) for i in range(2000)]
    sides = assign(images, {i.id: ["rust", LESIONS] for i in images})
    held = sum(side == "val" for side in sides.values())
    assert 330 < held < 470


def test_more_photos_do_not_move_those_already_assigned() -> None:
    few = [photo(i) for i in range(100)]
    many = few + [photo(i) for i in range(100, 300)]
    labels = {i.id: ["rust"] for i in many}
    before, after = assign(few, labels), assign(many, labels)
    assert all(after[i.id] == before[i.id] for i in few)


@pytest.mark.parametrize(("width", "height"), [(1 << 62, 48), (-64, -48), (0, 48)])
def test_a_photo_of_a_size_that_none_has_stops_the_run_with_its_name(
    tmp_path: Path, width: int, height: int
) -> None:
    """As a damaged project says it."""
    made = make_project(tmp_path, leaves())
    made.close()
    with closing(sqlite3.connect(made.folder / "project.db", isolation_level=None)) as database:
        database.execute(f"UPDATE image SET width = {width}, height = {height}, mask_known = 0")
    store = open_project(made.folder, read_only=True)
    with pytest.raises(TrainingRefused, match=r"leaf_00\.png claims"):
        take_snapshot(store, check_photos=False)
    store.close()
