"""A region that is there is bettered by clicks: the engine goes on from it, not from nothing."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.region import RegionKind
from core.engines.base import Before, Prompt, PromptKind
from core.engines.before_mask import middles, placed, unquestioned
from core.engines.prompts import check_prompt
from core.errors import PromptRefused
from core.services.segment import load_engine, prompt_fields, read_prompt
from tests.small_sam import save_sam


def test_the_mask_before_survives_the_wire() -> None:
    pixels = np.random.default_rng(1).random((13, 21)) < 0.5
    pixels[0, :] = pixels[-1, :] = pixels[:, 0] = pixels[:, -1] = True
    prompt = Prompt(((5.0, 6.0),), (False,), before=Before(pixels, (40, 50)))
    back = read_prompt(prompt_fields(prompt))
    assert back.before is not None
    assert back.before.origin == (40, 50)
    assert np.array_equal(back.before.pixels, pixels)
    assert read_prompt(prompt_fields(Prompt(((5.0, 6.0),), (True,)))).before is None


@pytest.mark.parametrize("before", ["x", [1, 2], {}, {"origin": [0, 0], "size": [9, 9], "bits": 3}])
def test_a_mask_that_is_none_is_refused(before: object) -> None:
    fields = {"points": [[1, 1]], "positive": [True], "box": None, "before": before}
    with pytest.raises(PromptRefused):
        read_prompt(fields)


def test_a_minus_click_alone_says_enough_only_where_there_is_a_mask_to_take_from() -> None:
    minus = Prompt(((5.0, 5.0),), (False,), before=Before(np.ones((9, 9), bool), (0, 0)))
    assert check_prompt(minus, width=50, height=50, uses_before=True) == minus
    for prompt, uses in ((minus, False), (Prompt(((5.0, 5.0),), (False,)), True)):
        with pytest.raises(PromptRefused):
            check_prompt(prompt, width=50, height=50, uses_before=uses)


@pytest.mark.parametrize("scale", [0.25, 0.37, 1.0, 4.0])
def test_a_mask_lies_where_it_was_on_the_networks_grid(scale: float) -> None:
    before = Before(np.ones((40, 80), bool), (100, 60))
    grid = placed(before, scale, (round(200 * scale), round(300 * scale)))
    ys, xs = np.nonzero(grid > 0.5)
    assert abs(xs.min() - 100 * scale) <= 1
    assert abs(xs.max() + 1 - 180 * scale) <= 1
    assert abs(ys.min() - 60 * scale) <= 1
    assert abs(ys.max() + 1 - 100 * scale) <= 1
    assert grid.sum() == pytest.approx(40 * 80 * scale**2, rel=0.05)


def test_each_piece_has_a_middle_but_not_where_it_was_clicked_away() -> None:
    pixels = np.zeros((40, 100), bool)
    pixels[10:31, 10:31] = pixels[15:18, 60:63] = True
    assert middles(Before(pixels, (200, 0)), []) == [(220.5, 20.5), (261.5, 16.5)]
    left = middles(Before(pixels, (200, 0)), [(261.5, 16.5)])
    assert left == [(220.5, 20.5)]


def test_a_piece_stays_unless_it_was_clicked_away_or_a_box_is_about_it() -> None:
    pixels = np.zeros((40, 100), bool)
    pixels[10:31, 10:31] = pixels[15:18, 60:63] = True
    before = Before(pixels, (200, 50))

    def stays(minus: list[tuple[float, float]], box: tuple[int, int, int, int] | None) -> list[int]:
        left = unquestioned(before, minus, box)
        assert left.origin == (200, 50)
        assert not (left.pixels & ~pixels).any()
        return np.unique(left.pixels.nonzero()[1] // 50).tolist()

    assert stays([], None) == [0, 1]
    assert stays([(240.0, 70.0), (5.0, 5.0)], None) == [0, 1], "no click on a piece"
    assert stays([(261.5, 66.5)], None) == [0]
    assert stays([(211.0, 61.0), (261.5, 66.5)], None) == []
    assert stays([], (205, 50, 240, 90)) == [1]
    assert stays([], (225, 50, 300, 90)) == [0], "the box holds too little of the large one"
    assert stays([], (0, 0, 20, 20)) == [0, 1]


@pytest.fixture(scope="module")
def lesion() -> tuple[np.ndarray, np.ndarray]:
    """A green leaf with a brown spot, and where the spot is."""
    rows, cols = np.indices((240, 320))
    spot = (rows - 120) ** 2 / 30**2 + (cols - 160) ** 2 / 45**2 <= 1
    rgb = np.full((240, 320, 3), (70, 150, 60), np.uint8)
    rgb[spot] = (120, 75, 35)
    noise = np.random.default_rng(3).integers(-6, 7, rgb.shape)
    return (rgb + noise).clip(0, 255).astype(np.uint8), spot


def dense(candidate, shape) -> np.ndarray:
    out = np.zeros(shape, bool)
    x, y = candidate.origin
    out[y : y + candidate.pixels.shape[0], x : x + candidate.pixels.shape[1]] = candidate.pixels
    return out


def test_the_engine_leaf_betters_half_an_outline_and_forgets_nothing_between_clicks(lesion) -> None:
    rgb, spot = lesion
    engine = load_engine("leaf")
    engine.set_image(rgb)
    half = Before(spot[90:151, 115:160].copy(), (115, 90))

    def iou(mask: np.ndarray) -> float:
        return float((mask & spot).sum() / (mask | spot).sum())

    there = np.zeros(spot.shape, bool)
    there[90:151, 115:160] = half.pixels
    prompt = Prompt(((182.0, 120.0),), (True,), before=half)
    found = dense(engine.predict(prompt)[0], spot.shape)
    assert iou(found) > iou(there) + 0.2
    minus = Prompt(((182.0, 120.0), (300.0, 20.0)), (True, False), before=half)
    after = dense(engine.predict(minus)[0], spot.shape)
    engine.set_image(rgb)
    assert np.array_equal(dense(engine.predict(minus)[0], spot.shape), after)


def test_a_plus_click_adds_to_what_was_outlined_and_takes_nothing_of_it_away(lesion) -> None:
    rgb, spot = lesion
    engine = load_engine("leaf")
    engine.set_image(rgb)
    onto_green = spot.copy()
    onto_green[110:130, 60:100] = True  # what no network takes for a lesion, a person may
    outlines = [Before(spot[90:151, 115:206].copy(), (115, 90)), Before(onto_green, (0, 0))]
    beside = [
        (x, y) for x in (20.0, 110.0, 160.0, 212.0, 300.0) for y in (20.0, 84.0, 120.0, 200.0)
    ]
    for before in outlines:
        there = dense(before, spot.shape)
        for click in beside:
            for wanted in (RegionKind.LESION, None):
                prompt = Prompt((click,), (True,), wanted=wanted, before=before)
                found = dense(engine.predict(prompt)[0], spot.shape)
                assert not (there & ~found).any(), f"{click} {wanted}"


def test_a_click_where_there_is_no_lesion_leaves_the_clicks_before_it_what_they_found(
    lesion,
) -> None:
    rgb, spot = lesion
    engine = load_engine("leaf")
    engine.set_image(rgb)
    beside = [(x, y) for x in (20.0, 160.0, 300.0) for y in (20.0, 84.0, 200.0)]
    for click in beside:
        prompt = Prompt(((160.0, 120.0), click), (True, True), wanted=RegionKind.LESION)
        found = dense(engine.predict(prompt)[0], spot.shape)
        assert (found & spot).sum() > 0.8 * spot.sum(), click


def test_a_minus_click_takes_a_part_away_and_a_box_elsewhere_takes_nothing(lesion) -> None:
    rgb, spot = lesion
    engine = load_engine("leaf")
    engine.set_image(rgb)
    onto_green = spot.copy()
    onto_green[20:40, 20:60] = True
    before = Before(onto_green, (0, 0))
    minus = Prompt(((40.0, 30.0),), (False,), wanted=RegionKind.LESION, before=before)
    found = dense(engine.predict(minus)[0], spot.shape)
    assert not found[20:40, 20:60].any()
    assert not (spot & ~found).any()
    box = Prompt(box=(10, 10, 70, 50), wanted=RegionKind.LESION, before=before)
    assert not (spot & ~dense(engine.predict(box)[0], spot.shape)).any()


def test_segment_anything_is_shown_the_mask_before(lesion, tmp_path) -> None:
    rgb, _ = lesion
    engine = load_engine("segment-anything", save_sam(tmp_path / "small.pth"))
    engine.set_image(rgb)
    prompts = [
        Prompt(((160.0, 120.0),), (True,), before=Before(np.ones(size, bool), (150, 110)))
        for size in ((20, 20), (100, 100))
    ]
    one, other = (engine.predict(prompt) for prompt in prompts)
    assert len(one) == len(other) == 1, "it is known what is meant"
    assert one[0].score != other[0].score


def test_engines_say_whether_they_go_on_from_a_mask() -> None:
    from core.engines.base import EngineSpec
    from core.registry import discover

    specs = discover("core.engines", EngineSpec)
    assert PromptKind.BEFORE in specs["leaf"].prompts
    assert PromptKind.BEFORE not in specs["colour"].prompts
