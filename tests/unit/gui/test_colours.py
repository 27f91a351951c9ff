"""Diseases can be told apart by anyone: by colour, and by pattern where colours are close."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from colour_vision import VISIONS, as_seen, distance
from PySide6.QtGui import QColor, QImage, QPainter
from whole_window import bare_project, label_page, window

from core.domain.disease import PALETTE, UNNAMED_LESION_COLOUR, Disease
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from gui.canvas.dashes import PERIOD, paint_line
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


def outlines(colour: str, *, hatched: bool = True, shape: np.ndarray | None = None) -> MaskLayer:
    """Of a square [20, 180)² or of ``shape`` on a photo of 200 × 200, in outlines only."""
    if shape is None:
        shape = np.zeros((200, 200), bool)
        shape[20:180, 20:180] = True
    info = RegionInfo(RegionId(1), ImageId(1), RegionKind.LESION)
    regions = [Region(info, TileMask.from_array(shape))]
    made = MaskLayer(CanvasDocument((200, 200), regions, palette=lambda _i: colour))
    made.restyle(opacity=0.4, mode=MaskMode.OUTLINE, hatched=hatched)
    while made.pending:
        made.work(9, visible=(0, 0, 200, 200))
    return made


def drawn(made: MaskLayer, x0: int = 0, y0: int = 0, x1: int = 200, y1: int = 200) -> np.ndarray:
    image = made.render(Window(x0, y0, x1, y1, 1.0, (200, 200)))
    assert image is not None
    return np.array(image.pixels)


def in_line(colour: str, pixels: np.ndarray) -> list[bool]:
    """Where the disease's own colour is, and not a gap."""
    red, green, blue = (int(colour[at : at + 2], 16) * 0.95 for at in (1, 3, 5))
    return [
        max(abs((v >> 16 & 255) - red), abs((v >> 8 & 255) - green), abs((v & 255) - blue)) < 2
        for v in map(int, pixels)
    ]


def test_outlines_alone_tell_the_first_seven_diseases_apart_without_their_colours(qapp) -> None:
    """Along each side of a square, whichever way it runs."""
    for side in (np.s_[20, 36:164], np.s_[179, 36:164], np.s_[36:164, 20], np.s_[36:164, 179]):
        runs = {
            colour: tuple(in_line(colour, drawn(outlines(colour))[side]))
            for colour in PALETTE[: len(PATTERNS) + 1]
        }
        shifts = {colour: {run[n:] + run[:n] for n in range(16)} for colour, run in runs.items()}
        for one, other in combinations(runs, 2):
            assert runs[one] not in shifts[other], (one, other, side)


@pytest.mark.parametrize("colour", PALETTE)
def test_dashes_belong_to_the_pattern_and_go_with_it(qapp, colour: str) -> None:
    whole = in_line(colour, drawn(outlines(colour))[20, 36:164])
    assert all(whole) == (pattern_of(colour) < 0)
    assert all(in_line(colour, drawn(outlines(colour, hatched=False))[20, 36:164]))


def test_a_slanting_or_round_outline_is_dashed_all_along(qapp) -> None:
    y, x = np.mgrid[:200, :200]
    colour = PALETTE[1]
    for shape in (np.hypot(x - 100, y - 100) < 80, abs(x - 100) + abs(y - 100) < 80):
        pixels = drawn(outlines(colour, shape=shape))
        angle = np.degrees(np.arctan2(y - 100, x - 100)) // 30 % 12
        for part in np.unique(angle):
            here = in_line(colour, pixels[(pixels != 0) & (angle == part)])
            assert 0.25 < np.mean(here) < 0.75, part


def test_dashes_move_with_the_photo(qapp) -> None:
    y, x = np.mgrid[:200, :200]
    made = outlines(PALETTE[3], shape=np.hypot(x - 100, y - 100) < 80)
    for line in (1, 2):
        made.line = line
        strip = drawn(made, 17, 33, 140, 90)
        assert np.array_equal(strip, drawn(made)[33:90, 17:140])


@pytest.mark.parametrize("vision", VISIONS)
def test_a_gap_stands_off_from_its_line(qapp, vision: str) -> None:
    for colour in PALETTE:
        found = {int(v) for v in np.unique(drawn(outlines(colour))[20, 36:164])}
        gaps = {v for v in found if not in_line(colour, np.array([v]))[0]}
        for gap in gaps:
            shade = "#ffffff" if gap & 255 else "#000000"
            assert distance(as_seen(colour, vision), as_seen(shade, vision)) >= ALIKE_IN_PATTERN


@pytest.mark.parametrize("colour", PALETTE)
def test_a_list_shows_the_dashes_that_the_photo_has(qapp, colour: str) -> None:
    picture = QImage(PERIOD, 14, QImage.Format.Format_RGB32)
    picture.fill(QColor("#808080"))
    painter = QPainter(picture)
    paint_line(painter, picture.rect(), colour)
    painter.end()
    listed = [picture.pixelColor(x, 6).name() == colour for x in range(PERIOD)]
    on_photo = in_line(colour, drawn(outlines(colour))[20, 36:164])
    start = -36 % PERIOD  # dashes are counted from the photo's corner
    assert listed == list(on_photo[start : start + PERIOD])


@pytest.mark.parametrize("ground", ["#fcfcfa", "#1e221f"])
@pytest.mark.parametrize("colour", PALETTE)
def test_a_list_shows_where_a_gap_ends_on_a_light_and_on_a_dark_ground(
    qapp, colour: str, ground: str
) -> None:
    picture = QImage(PERIOD + 8, 14, QImage.Format.Format_RGB32)
    picture.fill(QColor(ground))
    painter = QPainter(picture)
    paint_line(painter, picture.rect(), colour)
    painter.end()
    lightness = [picture.pixelColor(x, 6).lightness() for x in range(PERIOD + 8)]
    edges = [x for x in range(1, PERIOD + 8) if abs(lightness[x] - lightness[x - 1]) > 60]
    assert edges[0] == 3
    assert edges[-1] in (PERIOD + 4, PERIOD + 5)


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
