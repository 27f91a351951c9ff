"""The checklist of a data set: what the field asks for, and what is wanting, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.domain.image import ImageState, Split
from core.ports import ProjectStore
from core.services import data_checks as checks
from core.services.checks import Check, Level
from core.services.data_checks import data_checks, gather, judge
from tests.doubles.projects import Leaf, leaves, make_project, spotted

Make = Callable[..., dict[str, Check]]


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """The lines of a project with these leaves, by id."""

    def make(*wanted: Leaf, cells: int = 16) -> dict[str, Check]:
        store: ProjectStore = make_project(tmp_path / "home", wanted)
        try:
            return {c.id: c for c in data_checks(store, cells=cells)}
        finally:
            store.close()

    return make


def test_masks_of_each_class_are_counted_against_what_papers_recommend(made: Make) -> None:
    found = made(*leaves(12))
    rust = found["data.masks.rust"]
    assert rust.level is Level.WARN
    assert "3 outlined leaves to learn from; 100 to 500 are recommended" in rust.text
    assert "data.masks.healthy" not in found


def test_enough_masks_are_enough(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FEW", 3)
    assert made(*leaves(12))["data.masks.rust"].level is Level.OK


def test_leaves_without_groups_and_a_lopsided_split_are_told(made: Make) -> None:
    alone = made(*leaves(12))["data.held_out"]
    assert alone.level is Level.WARN
    assert "no photo has a group" in alone.text


def test_groups_and_a_fifth_held_out_are_as_they_should_be(made: Make) -> None:
    wanted = [
        spotted(f"{i}.png", ("rust", "scab")[i % 2], group=f"plant {i}",
                split=Split.VAL if i < 5 else Split.TRAIN)
        for i in range(25)
    ]  # fmt: skip
    found = made(*wanted)["data.held_out"]
    assert found.level is Level.OK
    assert found.text.startswith("20 %")
    assert "25 groups" in found.text


def test_a_fifth_held_out_in_few_groups_is_told(made: Make) -> None:
    wanted = [
        spotted(f"{i}.png", ("rust", "scab")[i % 2], group=f"plant {i // 2}",
                split=Split.VAL if i < 4 else Split.TRAIN)
        for i in range(20)
    ]  # fmt: skip
    found = made(*wanted)["data.held_out"]
    assert found.level is Level.WARN
    assert "(10 groups), 2 of them held out" in found.text
    assert "fewer than 5" in found.remedy


def test_a_group_that_a_person_put_on_both_sides_is_named(made: Make) -> None:
    """“Whole groups together” would be a lie: what a person chose wins over the groups."""
    wanted = [
        spotted(f"{i}.png", ("rust", "scab")[i % 2], group=f"plant {i // 2}",
                split=Split.VAL if i % 2 and i < 10 else Split.TRAIN)
        for i in range(24)
    ]  # fmt: skip
    found = made(*wanted)["data.held_out"]
    assert found.level is Level.WARN
    assert (
        "5 groups stand on both sides (plant 0, plant 1, plant 2, plant 3, plant 4)" in found.text
    )
    assert "Part of training" in found.remedy


def test_most_leaves_held_out_is_told(made: Make) -> None:
    wanted = [
        spotted(f"{i}.png", ("rust", "scab")[i % 2], group=f"plant {i}",
                split=Split.VAL if i < 7 else Split.TRAIN)
        for i in range(10)
    ]  # fmt: skip
    assert "about 20 %" in made(*wanted)["data.held_out"].remedy


def test_the_same_photo_on_both_sides_is_named(tmp_path: Path) -> None:
    store = make_project(tmp_path / "home", leaves(8))
    found = gather(store, cells=16)
    rng = np.random.default_rng(1)
    found.small = {i: _unit(rng.normal(size=64)) for i in found.sides}
    lines = {c.id: c for c in judge(found)}
    assert lines["data.twins"].level is Level.OK

    held = next(x.image for x in found.leaves if found.sides[x.image.id] == "val")
    learnt = next(x.image for x in found.leaves if found.sides[x.image.id] == "train")
    found.small[held.id] = _unit(found.small[learnt.id] + 0.001)
    twins = {c.id: c for c in judge(found)}["data.twins"]
    assert twins.level is Level.WARN
    assert Path(held.path).name in twins.text
    assert Path(learnt.path).name in twins.text
    store.close()


def test_diseased_leaves_without_lesions_and_healthy_ones_with_are_named(made: Make) -> None:
    found = made(
        *leaves(8),
        Leaf("bare.png", "rust", known=True),
        Leaf("odd.png", "healthy", (("rust", (10, 10, 20, 18)),)),
    )["data.empty"]
    assert found.level is Level.WARN
    assert "bare.png" in found.text
    assert "odd.png" in found.text


def test_lesions_smaller_than_a_cell_of_the_head_are_counted(made: Make) -> None:
    speck = (10, 10, 12, 12)
    wanted = [*leaves(4), Leaf("specks.png", "rust", (("rust", speck),))]
    coarse = made(*wanted, cells=8)["data.tiny"]
    assert coarse.level is Level.WARN
    assert coarse.text.startswith("1 of 4 lesions are smaller than one of 8 × 8 cells")


def test_a_fine_head_draws_them_all(made: Make) -> None:
    wanted = [*leaves(4), Leaf("specks.png", "rust", (("rust", (10, 10, 12, 12)),))]
    assert made(*wanted, cells=64)["data.tiny"].level is Level.OK


def test_an_assistants_outline_that_nobody_looked_at_is_told(tmp_path: Path) -> None:
    store = make_project(tmp_path / "home", leaves(8))
    found = gather(store, cells=16)
    leaf = found.leaves[0]
    leaf.drafted = True
    lines = {c.id: c for c in judge(found)}
    assert lines["data.drafts"].level is Level.WARN
    assert Path(leaf.image.path).name in lines["data.drafts"].text
    leaf.image = replace(leaf.image, state=ImageState.CHECKED)
    assert {c.id: c for c in judge(found)}["data.drafts"].level is Level.OK
    store.close()


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)
