"""Drawn leaves carry exact truth, differ by crop and disease, and come out the same each time."""

from __future__ import annotations

import csv
import json
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.geometry.severity import mask_severity
from core.imaging.drawn_leaves import (
    BACKGROUNDS,
    CROPS,
    DISEASES,
    DrawnLeaf,
    draw_leaf,
    random_style,
)
from core.imaging.sample_leaves import MASK_VALUES, write_sample_leaves

SIZE = (160, 120)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _draw(seed: int, crop: str, disease: str | None = None) -> DrawnLeaf:
    styles = {disease: DISEASES[disease]} if disease else {}
    return draw_leaf(_rng(seed), crop=crop, styles=styles, size=SIZE, severity=12)


@pytest.mark.parametrize("crop", CROPS)
def test_masks_lie_on_the_leaf_and_say_which_disease_is_there(crop: str) -> None:
    leaf = draw_leaf(_rng(3), crop=crop, styles=DISEASES, size=SIZE)
    assert leaf.rgb.shape == (SIZE[1], SIZE[0], 3)
    assert leaf.rgb.dtype == np.uint8
    assert leaf.leaf.shape == leaf.rgb.shape[:2]
    assert set(leaf.lesions) == set(DISEASES)
    assert leaf.diseases == tuple(n for n in DISEASES if leaf.lesions[n].any())
    assert len(leaf.diseases) >= 2
    for mask in leaf.lesions.values():
        assert not (mask & ~leaf.leaf).any()
    for a, b in combinations(leaf.lesions.values(), 2):
        assert not (a & b).any()
    assert 0.02 < leaf.leaf.mean() < 0.85


def test_the_same_seed_draws_the_same_pixels_and_another_does_not() -> None:
    first, again, other = (_draw(seed, "bean", "blight") for seed in (5, 5, 6))
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.lesions["blight"], again.lesions["blight"])
    assert not np.array_equal(first.rgb, other.rgb)


def test_a_healthy_leaf_has_no_lesions() -> None:
    leaf = _draw(1, "coffee")
    assert leaf.lesions == {}
    assert leaf.diseases == ()


@pytest.mark.parametrize("disease", list(DISEASES))
def test_lesions_are_seen_and_lie_where_the_truth_says(disease: str) -> None:
    gaps = []
    for seed in range(6):
        leaf = draw_leaf(
            _rng(seed), crop="grapevine", styles={disease: DISEASES[disease]}, size=(320, 320)
        )
        lab = cv2.cvtColor(leaf.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        lesion = leaf.lesions[disease]
        healthy = leaf.leaf & ~cv2.dilate(lesion.astype(np.uint8), np.ones((9, 9))).astype(bool)
        if lesion.any() and healthy.any():
            gaps.append(np.linalg.norm(lab[lesion].mean(axis=0) - lab[healthy].mean(axis=0)))
    assert len(gaps) >= 4
    assert np.median(gaps) > 15


def test_the_four_diseases_do_not_look_alike() -> None:
    looks = {}
    for name, style in DISEASES.items():
        leaf = draw_leaf(
            _rng(2), crop="bean", styles={name: style}, size=(320, 320), background="paper"
        )
        lab = cv2.cvtColor(leaf.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        looks[name] = lab[leaf.lesions[name]].mean(axis=0)
    for a, b in combinations(DISEASES, 2):
        assert np.linalg.norm(looks[a] - looks[b]) > 12, (a, b)


def test_crops_differ_in_outline() -> None:
    """Elongation and solidity alone keep a strap, an ellipse, a lobed and a compound leaf apart."""
    shapes = {}
    for crop in ("coffee", "maize", "grapevine", "tomato"):
        found = []
        for seed in range(8):
            mask = draw_leaf(_rng(seed), crop=crop, size=(256, 256)).leaf.astype(np.uint8)
            contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            outline = np.concatenate(contours)
            (_, sides, _) = cv2.minAreaRect(outline)
            solid = mask.sum() / max(1.0, cv2.contourArea(cv2.convexHull(outline)))
            found.append((max(sides) / max(1.0, min(sides)), solid))
        shapes[crop] = np.median(found, axis=0)
    elongation, solidity = ({c: shapes[c][k] for c in shapes} for k in (0, 1))
    assert elongation["maize"] > 1.5 * elongation["coffee"] > 1.5 * elongation["grapevine"]
    assert solidity["tomato"] < 0.9 * solidity["grapevine"] < 0.95 * solidity["coffee"]


@pytest.mark.parametrize("wanted", [4.0, 12.0, 25.0])
def test_severity_comes_out_near_what_was_asked_for(wanted: float) -> None:
    got = []
    for seed in range(8):
        leaf = draw_leaf(
            _rng(seed),
            crop="bean",
            styles={"leaf_spot": DISEASES["leaf_spot"]},
            size=(256, 256),
            severity=wanted,
        )
        got.append(mask_severity(leaf.leaf, leaf.lesions["leaf_spot"]) or 0.0)
    assert np.median(got) == pytest.approx(wanted, rel=0.05)
    assert min(got) > 0.5 * wanted


def test_invented_diseases_are_many_and_nearly_always_there() -> None:
    rng = _rng(11)
    empty = 0
    for _ in range(30):
        leaf = draw_leaf(rng, styles={"x": random_style(rng)}, size=(128, 128))
        empty += not leaf.diseases
    assert empty <= 3


@pytest.mark.parametrize("background", list(BACKGROUNDS))
def test_every_backdrop_can_be_asked_for(background: str) -> None:
    assert draw_leaf(_rng(1), size=SIZE, background=background).rgb.std() > 5


def test_sample_leaves_are_balanced_and_plants_stay_in_one_split(tmp_path: Path) -> None:
    write_sample_leaves(tmp_path, count=48, size=(96, 72))
    with (tmp_path / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["image"] for r in rows] == sorted(p.name for p in (tmp_path / "photos").iterdir())
    classes = {*DISEASES, "healthy"}
    for split in ("train", "val"):
        assert {r["disease"] for r in rows if r["split"] == split} == classes
    counts = [sum(r["disease"] == name for r in rows) for name in classes]
    assert max(counts) - min(counts) <= 5
    assert len({r["crop"] for r in rows}) == 4
    plants = {(r["group"], r["split"], r["disease"], r["crop"]) for r in rows}
    assert len(plants) == len({r["group"] for r in rows})


def test_sample_masks_hold_the_values_of_their_map(tmp_path: Path) -> None:
    write_sample_leaves(tmp_path, count=12, size=(256, 192))
    names = json.loads((tmp_path / "map.json").read_text())
    assert {int(v): name for v, name in names.items()} == {v: n for n, v in MASK_VALUES.items()}
    with (tmp_path / "labels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            with Image.open(tmp_path / "masks" / row["image"].replace(".jpg", ".png")) as mask:
                assert mask.mode == "P"
                assert mask.size == (256, 192)
                found = set(np.unique(np.asarray(mask)).tolist()) - {0, 1}
            healthy = row["disease"] == "healthy"
            assert found == (set() if healthy else {MASK_VALUES[row["disease"]]})


def test_the_same_seed_writes_the_same_samples(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sample_leaves(tmp_path / name, count=4, size=(96, 72), seed=3)
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert len(files) == 10
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
