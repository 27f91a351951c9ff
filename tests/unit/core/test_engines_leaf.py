"""What the assistant that knows leaves promises beyond the contract of every engine."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from core.domain.region import RegionKind
from core.engines import leaf_look, leaf_near
from core.engines.base import Before, Candidate, Prompt
from core.engines.leaf import LeafEngine
from core.errors import PromptRefused
from core.imaging.drawn_leaves import DISEASES, DrawnLeaf, draw_leaf
from core.services.segment import load_engine


@pytest.fixture(scope="module")
def engine() -> LeafEngine:
    found = load_engine("leaf")
    assert isinstance(found, LeafEngine)
    return found


@pytest.fixture(scope="module")
def leaf() -> DrawnLeaf:
    rng = np.random.default_rng(11)
    styles = {"blight": DISEASES["blight"]}
    return draw_leaf(rng, crop="coffee", styles=styles, size=(900, 700), background="paper")


def _whole(one: Candidate, leaf: DrawnLeaf) -> np.ndarray:
    whole = np.zeros(leaf.leaf.shape, bool)
    x, y = one.origin
    whole[y : y + one.pixels.shape[0], x : x + one.pixels.shape[1]] = one.pixels
    return whole


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def _inmost(mask: np.ndarray) -> tuple[float, float]:
    import cv2

    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x) + 0.5, float(y) + 0.5


def test_one_click_on_the_blade_outlines_the_leaf(engine: LeafEngine, leaf: DrawnLeaf) -> None:
    engine.set_image(leaf.rgb)
    click = _inmost(leaf.leaf & ~leaf.lesions["blight"])
    found = engine.predict(Prompt((click,), (True,), wanted=RegionKind.LEAF))[0]
    assert _iou(_whole(found, leaf), leaf.leaf) > 0.9


def test_a_click_on_a_lesion_outlines_the_lesion(engine: LeafEngine, leaf: DrawnLeaf) -> None:
    import cv2

    engine.set_image(leaf.rgb)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(leaf.lesions["blight"].astype(np.uint8))
    lesion = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    found = engine.predict(Prompt((_inmost(lesion),), (True,)))[0]
    assert _iou(_whole(found, leaf), lesion) > 0.6


def test_the_answer_does_not_depend_on_what_was_asked_before(
    engine: LeafEngine, leaf: DrawnLeaf
) -> None:
    clicks = ((450.0, 300.0), (470.0, 320.0), (430.0, 280.0))
    prompt = Prompt(clicks, (True, False, True))
    engine.set_image(leaf.rgb)
    at_once = engine.predict(prompt)[0]
    engine.set_image(leaf.rgb)
    for n in (1, 2, 3):
        step_by_step = engine.predict(Prompt(clicks[:n], prompt.positive[:n]))[0]
    engine.predict(Prompt(((100.0, 100.0),), (True,)))
    again = engine.predict(prompt)[0]
    for other in (step_by_step, again):
        assert other.origin == at_once.origin
        np.testing.assert_array_equal(other.pixels, at_once.pixels)


def test_nothing_outside_a_box_is_proposed(engine: LeafEngine, leaf: DrawnLeaf) -> None:
    engine.set_image(leaf.rgb)
    x, y = (int(v) for v in _inmost(leaf.lesions["blight"]))
    box = (x - 15, y - 15, x + 15, y + 15)
    one = engine.predict(Prompt(box=box, wanted=RegionKind.LESION))[0]
    assert one.origin[0] >= box[0]
    assert one.origin[1] >= box[1]
    assert one.origin[0] + one.pixels.shape[1] <= box[2]
    assert one.origin[1] + one.pixels.shape[0] <= box[3]


def test_what_is_found_without_a_click_lies_on_lesions(engine: LeafEngine, leaf: DrawnLeaf) -> None:
    engine.set_image(leaf.rgb)
    found = engine.everything()
    assert found
    on_lesions = [
        (_whole(one, leaf) & leaf.lesions["blight"]).sum() / one.pixels.sum() for one in found
    ]
    assert np.mean([share > 0.5 for share in on_lesions]) > 0.5


def test_the_leaf_is_found_without_a_click(engine: LeafEngine, leaf: DrawnLeaf) -> None:
    engine.set_image(leaf.rgb)
    assert _iou(_whole(engine.leaves()[0], leaf), leaf.leaf) > 0.9


def test_who_wants_a_lesion_is_not_offered_the_leaf(engine: LeafEngine, leaf: DrawnLeaf) -> None:
    engine.set_image(leaf.rgb)
    on_lesion = Prompt((_inmost(leaf.lesions["blight"]),), (True,), wanted=RegionKind.LESION)
    blade = _inmost(leaf.leaf & ~leaf.lesions["blight"])
    found = engine.predict(on_lesion)
    assert found
    with contextlib.suppress(PromptRefused):  # nothing there is an answer, too
        found += engine.predict(Prompt((blade,), (True,), wanted=RegionKind.LESION))
    assert all(_iou(_whole(one, leaf), leaf.leaf) < 0.5 for one in found)


def _inmost_of_each(mask: np.ndarray, most: int = 6) -> list[tuple[float, float]]:
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    largest = np.argsort(-stats[1:, cv2.CC_STAT_AREA])[:most] + 1
    return [_inmost(labels == number) for number in largest]


def test_asked_of_a_part_of_the_look_a_lesion_comes_out_as_of_all_of_it(
    engine: LeafEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, styles = np.random.default_rng(5), {"rust": DISEASES["rust"]}
    leaf = draw_leaf(rng, crop="coffee", styles=styles, size=(2400, 1800))
    engine.set_image(leaf.rgb)
    places = _inmost_of_each(leaf.lesions["rust"])
    asked: list[bool] = []
    in_part = leaf_near._in_part

    def counted(*args):
        answer = in_part(*args)
        asked.append(isinstance(answer, leaf_look.Answer))
        return answer

    monkeypatch.setattr(leaf_near, "_in_part", counted)
    for place in places:
        more = (place, (place[0] + 3, place[1] + 2))
        for points in (more[:1], more):
            prompt = Prompt(points, (True,) * len(points), wanted=RegionKind.LESION)
            near = engine.predict(prompt)[0]
            with monkeypatch.context() as patch:
                patch.setattr(leaf_near, "TRIES", 0)
                engine.use(leaf.rgb, engine._kept[0][0])
                whole = engine.predict(prompt)[0]
            engine.use(leaf.rgb, engine._kept[0][0])
            assert _iou(_whole(near, leaf), _whole(whole, leaf)) > 0.97
    assert any(asked), "a part was enough at least once"


def test_a_further_click_goes_on_from_the_whole_answer_wherever_the_first_was_found(
    engine: LeafEngine, leaf: DrawnLeaf
) -> None:
    engine.set_image(leaf.rgb)
    assert engine._look is not None
    x, y = _inmost(leaf.lesions["blight"])
    first = Prompt(((x, y),), (True,), wanted=RegionKind.LESION)
    engine.predict(first)
    near = engine._last[RegionKind.LESION]
    height, width = engine._look.photo.shape[2:]
    far = near.seen_from(0, 0, width, height)
    assert far.chance.shape[2:] == (height, width)
    assert float(far.chance.sum()) == pytest.approx(float(near.chance.sum()))
    (x0, y0), (h, w) = near.corner, near.chance.shape[2:]
    assert np.array_equal(far.chance[:, :, y0 : y0 + h, x0 : x0 + w], near.chance)
    again = near.seen_from(x0 - 8, y0 + 8, x0 + 40, y0 + 72).chance[0, 0]
    assert not again[:, :8].any()
    assert np.array_equal(again[:, 8:], near.chance[0, 0, 8:72, :40])


def test_a_click_on_a_lesion_leaves_half_the_cores_to_the_window_and_a_leaf_takes_all(
    engine: LeafEngine, leaf: DrawnLeaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    engine.set_image(leaf.rgb)
    before, taken = torch.get_num_threads(), []
    real = leaf_look.Look.refined

    def refined(*args: object) -> object:
        taken.append(torch.get_num_threads())
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(leaf_look.Look, "refined", refined)
    torch.set_num_threads(4)
    try:
        engine.predict(
            Prompt((_inmost(leaf.lesions["blight"]),), (True,), wanted=RegionKind.LESION)
        )
        engine.predict(Prompt((_inmost(leaf.leaf),), (True,), wanted=RegionKind.LEAF))
        assert taken == [2, 4]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_looking_in_steps_is_looking(engine: LeafEngine, leaf: DrawnLeaf) -> None:
    import torch

    steps, count = engine.embedding(leaf.rgb), 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made = end.value
            break
        count += 1
        assert not torch.is_inference_mode_enabled(), "others have their turn between two steps"
    assert count > 10
    at_once = engine.embed(leaf.rgb)
    assert all(np.array_equal(made[name], at_once[name]) for name in at_once)


def test_going_back_to_a_look_reduces_no_photo_again(
    engine: LeafEngine, leaf: DrawnLeaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, part = leaf.rgb, np.ascontiguousarray(leaf.rgb[:400, :400])
    looks = [(rgb, engine.embed(rgb)) for rgb in (whole, part)]
    for look in looks:
        engine.use(*look)
    monkeypatch.setattr("core.engines.leaf.looked", None)  # would be called
    click = Prompt((_inmost(leaf.lesions["blight"]),), (True,))
    engine.use(*looks[0])
    first = engine.predict(click)[0]
    engine.use(*looks[1])
    engine.use(*looks[0])
    assert np.array_equal(engine.predict(click)[0].pixels, first.pixels)


def test_a_look_that_was_just_made_stands_ready_for_the_click(
    engine: LeafEngine, leaf: DrawnLeaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.embed(leaf.rgb)
    monkeypatch.setattr("core.engines.leaf.picture", None)  # would be called
    monkeypatch.setattr("core.engines.leaf.looked", None)
    engine.use(leaf.rgb, made)
    assert engine.predict(Prompt((_inmost(leaf.lesions["blight"]),), (True,)))


def test_a_look_made_ready_needs_no_pixel_for_the_click(
    engine: LeafEngine, leaf: DrawnLeaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    made = engine.embed(leaf.rgb)
    engine.use(leaf.rgb, made)
    click = Prompt((_inmost(leaf.lesions["blight"]),), (True,))
    wanted = engine.predict(click)[0]
    engine._kept = []
    assert not engine.ready(made)
    count = 0
    for _ in engine.readying(leaf.rgb, made):
        assert not torch.is_inference_mode_enabled(), "others have their turn between two steps"
        count += 1
    assert count > 5
    assert engine.ready(made)
    monkeypatch.setattr("core.engines.leaf.picture", None)  # would be called
    engine.use(leaf.rgb, made)
    assert np.array_equal(engine.predict(click)[0].pixels, wanted.pixels)


def test_a_lesion_comes_out_as_if_its_neighbours_had_been_drawn_as_finely(
    engine: LeafEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, styles = np.random.default_rng(5), {"rust": DISEASES["rust"]}
    leaf = draw_leaf(rng, crop="coffee", styles=styles, size=(1200, 900))
    engine.set_image(leaf.rgb)
    spared: list[bool] = []
    pointed_at = leaf_look._pointed_at

    def counted(plane, turn, window):
        part = pointed_at(plane, turn, window)
        spared.append(part != window)
        return part

    for place in _inmost_of_each(leaf.lesions["rust"])[:12]:
        prompt = Prompt((place,), (True,), wanted=RegionKind.LESION)
        found = []
        for way in (counted, lambda _plane, _turn, window: window):
            monkeypatch.setattr(leaf_look, "_pointed_at", way)
            engine.use(leaf.rgb, engine._kept[0][0])
            found.append(engine.predict(prompt))
        assert len(found[0]) == len(found[1])
        for one, other in zip(*found, strict=True):
            assert _iou(_whole(one, leaf), _whole(other, leaf)) > 0.999
    assert any(spared), "there were neighbours at least once"


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (Prompt(box=(2, 2, 6, 6)), "drag a wider box"),
        (Prompt(((3, 3),), (True,), wanted=RegionKind.LESION), "drag a box around the lesion"),
        (
            Prompt(((20, 20),), (False,), before=Before(np.ones((3, 3), bool), (19, 19))),
            "press Delete",
        ),
    ],
)
def test_where_nothing_comes_of_it_it_says_what_to_do_next(
    engine: LeafEngine, monkeypatch: pytest.MonkeyPatch, prompt: Prompt, says: str
) -> None:
    monkeypatch.setattr("core.engines.leaf.candidates", lambda *_a: [])
    engine.set_image(np.full((64, 96, 3), 200, np.uint8))
    with pytest.raises(PromptRefused, match=says):
        engine.predict(prompt)
