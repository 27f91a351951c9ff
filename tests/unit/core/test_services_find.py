"""Finding without a click looks where the person looks, at that scale."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.domain.region import RegionKind
from core.engines.base import Candidate, Prompt, PromptKind, Query
from core.errors import PromptRefused
from core.services.segment import Assistant

SIZE = (4000, 3000)
SPOTS = [(1500 + 60 * n, 1400 + 35 * (n % 3)) for n in range(6)]
RADIUS = 6


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A green photo of 12 megapixels with six brown spots of 12 pixels."""
    rng = np.random.default_rng(3)
    rgb = np.full((SIZE[1], SIZE[0], 3), (86, 132, 58), np.uint8)
    for spot in SPOTS:
        cv2.circle(rgb, spot, RADIUS, (120, 70, 30), -1, cv2.LINE_AA)
    noise = rng.normal(0, 4, (SIZE[1] // 4, SIZE[0] // 4, 3)).astype(np.float32)
    rgb = np.clip(rgb + cv2.resize(noise, SIZE), 0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("photos") / "leaf.png"
    Image.fromarray(rgb).save(path, compress_level=1)
    return path


@pytest.fixture(scope="module")
def assistant(photo: Path) -> Assistant:
    found = Assistant()
    found.load("leaf")
    found.show(photo)
    return found


def _hits(found: list[Candidate]) -> int:
    """How many spots lie on some candidate that is no more than three times as large."""
    hits = 0
    for x, y in SPOTS:
        for one in found:
            height, width = one.pixels.shape
            column, row = x - one.origin[0], y - one.origin[1]
            inside = 0 <= row < height and 0 <= column < width and one.pixels[row, column]
            if inside and one.pixels.sum() < 3 * np.pi * RADIUS**2:
                hits += 1
                break
    return hits


def test_small_spots_are_found_where_the_person_has_zoomed_in(assistant: Assistant) -> None:
    near = assistant.find(PromptKind.EVERYTHING, view=(1400, 1300, 1900, 1650))
    assert _hits(near) >= 4
    assert _hits(assistant.find(PromptKind.EVERYTHING)) < _hits(near)


def test_more_like_an_example_are_found_around_it(assistant: Assistant) -> None:
    view = (1400, 1300, 1900, 1650)
    x, y = SPOTS[0]
    example = Candidate(np.ones((11, 11), bool), (x - 5, y - 5), 1.0)
    found = assistant.find(PromptKind.ALIKE, Query(examples=(example,)), view)
    assert _hits(found[:5]) >= 3
    away = assistant.find(PromptKind.ALIKE, Query(examples=(example,)), (100, 100, 500, 400))
    assert all(0 <= one.origin[0] < SIZE[0] for one in away), "an example off the screen"


def test_a_small_spot_is_one_click_without_zooming_in(assistant: Assistant) -> None:
    whole = (0, 0, *SIZE)
    hits = 0
    for x, y in SPOTS:
        prompt = Prompt(((x + 0.5, y + 0.5),), (True,), wanted=RegionKind.LESION)
        hits += _hits(assistant.predict(prompt, whole)[:1])
    assert hits >= 4


def test_an_engine_that_finds_nothing_by_itself_says_so(photo: Path) -> None:
    plain = Assistant()
    plain.load("colour")
    plain.show(photo)
    with pytest.raises(PromptRefused, match="choose “Leaf”"):
        plain.find(PromptKind.EVERYTHING)
