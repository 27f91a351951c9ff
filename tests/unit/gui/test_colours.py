"""Diseases can be told apart by anyone: by colour, and by pattern where colours are close."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from colour_vision import VISIONS, as_seen, distance
from PySide6.QtGui import QColor
from whole_window import bare_project, label_page, window

from core.domain.disease import PALETTE, UNNAMED_LESION_COLOUR, Disease
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from gui.canvas.document import CanvasDocument
from gui.canvas.hatching import PATTERNS, lines, pattern_of
from gui.canvas.mask_layer import MaskLayer, MaskMode
from gui.canvas.sampling import Window

LEAF_GREENS = ("#62703f", "#405512", "#404e2a", "#617418", "#6f9a45", "#4f7a32")
"""Four are the commonest greens of the leaves of BRACOL, two are of younger leaves."""
APART = 11.0
"""CIEDE2000 between any two diseases, and between a disease and a leaf. Around 2 the eye sees a
difference side by side; far apart on a busy photo it wants several times as much."""
ALIKE_IN_PATTERN = 25.0
"""Between two diseases that have the same pattern: there colour is the only sign."""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # From the table of Sharma, Wu & Dalal (2005).
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_measure_is_the_published_one(one, other, expected: float) -> None:
    assert distance(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("vision", VISIONS)
def test_every_disease_stands_off_from_every_leaf(vision: str) -> None:
    for colour in PALETTE:
        for green in LEAF_GREENS:
            apart = distance(as_seen(colour, vision), as_seen(green, vision))
            assert apart >= APART, (colour, green)


@pytest.mark.parametrize("vision", VISIONS)
def test_no_two_diseases_look_alike(vision: str) -> None:
    assert len(PALETTE) >= 12
    for one, other in combinations(PALETTE, 2):
        apart = distance(as_seen(one, vision), as_seen(other, vision))
        same = pattern_of(one) == pattern_of(other)
        assert apart >= (ALIKE_IN_PATTERN if same else APART), (one, other)


def test_the_first_seven_diseases_have_seven_patterns() -> None:
    assert len({pattern_of(colour) for colour in PALETTE[: len(PATTERNS) + 1]}) == 7


def layer(colour: str, *, hatched: bool) -> MaskLayer:
    mask = TileMask.from_array(np.ones((60, 80), bool))
    info = RegionInfo(RegionId(1), ImageId(1), RegionKind.LESION)
    made = MaskLayer(CanvasDocument((80, 60), [Region(info, mask)], palette=lambda _i: colour))
    made.restyle(opacity=0.4, mode=MaskMode.FILL, hatched=hatched)
    while made.pending:
        made.work(9, visible=(0, 0, 80, 60))
    return made


def middle(made: MaskLayer):
    image = made.render(Window(0, 0, 80, 60, 1.0, (80, 60)))
    assert image is not None
    return np.array(image.pixels)[20:40, 20:60]


@pytest.mark.parametrize("colour", PALETTE)
def test_a_lesion_carries_the_pattern_of_its_disease(qapp, colour: str) -> None:
    plain = {int(v) for v in np.unique(middle(layer(colour, hatched=False)))}
    inked = {int(v) for v in np.unique(middle(layer(colour, hatched=True)))}
    assert len(plain) == 1
    assert len(inked) == (1 if pattern_of(colour) < 0 else 2)


def test_patterns_differ_in_shape_and_not_in_colour_alone() -> None:
    drawn = lines(Window(0, 0, 64, 64, 1.0, (64, 64)), 1)
    for one, other in combinations(range(len(PATTERNS)), 2):
        a, b = (drawn >> one & 1).astype(bool), (drawn >> other & 1).astype(bool)
        assert (a & b).sum() / (a | b).sum() < 0.6
        assert a.any()


def test_a_pattern_moves_with_the_photo() -> None:
    whole = lines(Window(0, 0, 200, 150, 1.0, (200, 150)), 1)
    assert np.array_equal(lines(Window(37, 21, 150, 90, 1.0, (200, 150)), 1), whole[21:90, 37:150])


def test_a_new_disease_gets_the_next_free_colour_and_the_others_keep_theirs(
    qtbot, tmp_path: Path
) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        before = {d.name: d.colour for d in page.diseases.all}
        for number in range(3):
            made = Disease(DiseaseId(new_id()), f"spot {number}", page.diseases.free_colour())
            program.context.project.change(lambda store, d=made: store.put_disease(d))
            qtbot.waitUntil(lambda d=made: page.diseases.get(d.id) is not None)
        now = {d.name: d.colour for d in page.diseases.all}
        assert before.items() <= now.items()
        assert len(set(now.values())) == len(now)
        assert all(QColor(c).isValid() for c in now.values())


@pytest.mark.parametrize("vision", VISIONS)
def test_a_lesion_without_a_name_looks_like_no_disease_of_its_pattern(vision: str) -> None:
    unnamed = as_seen(UNNAMED_LESION_COLOUR, vision)
    for colour in PALETTE:
        if pattern_of(colour) == pattern_of(UNNAMED_LESION_COLOUR):
            assert distance(as_seen(colour, vision), unnamed) >= ALIKE_IN_PATTERN, colour
    for green in LEAF_GREENS:
        assert distance(as_seen(green, vision), unnamed) >= APART
