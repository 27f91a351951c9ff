"""Zoomed in, a click is answered from the part of the photo that the person sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from core.domain.region import RegionKind
from core.embeddings import windows
from core.embeddings.key import Maker
from core.engines.base import Candidate, Prompt
from core.errors import PromptRefused
from core.services.looks import Done, Looks, StillLooking
from core.services.segment import load_engine
from core.services.sight import Sight

SIZE = (6000, 4000)
PHOTO = "1" * 64


@dataclass
class Squares:
    """Outlines a square of ``half`` pixels around the first point, within what it was shown."""

    half: int = 6
    looked: list[tuple[int, int]] = field(default_factory=list)
    shown: tuple[int, int] = (0, 0)
    uses: int = 0
    asked: int = 0

    def set_image(self, rgb):
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb):
        self.looked.append((rgb.shape[1], rgb.shape[0]))
        return {"mean": rgb[::64, ::64].astype(np.float32)}

    def use(self, rgb, embedding):
        if embedding["mean"].shape != rgb[::64, ::64].shape:
            raise ValueError("of another picture")
        self.shown = (rgb.shape[1], rgb.shape[0])
        self.uses += 1

    def predict(self, prompt):
        self.asked += 1
        x, y = map(int, prompt.points[0] if prompt.points else prompt.box[:2])
        x0, y0 = max(0, x - self.half), max(0, y - self.half)
        x1, y1 = (min(s, c + self.half) for s, c in zip(self.shown, (x, y), strict=True))
        return [Candidate(np.ones((y1 - y0, x1 - x0), bool), (x0, y0), 0.9)]


@pytest.fixture(scope="module")
def rgb():
    return np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def _looks(engine, **kind) -> Looks:
    settings = {"side": 1024, "quick": True, "helped": False} | kind
    return Looks(engine, Maker("squares", "", 1), **settings)


def _sight(rgb, engine, **kind) -> Sight:
    sight = Sight(_looks(engine, **kind), rgb, PHOTO)
    sight.prepare()
    return sight


def _click(*points, wanted=None) -> Prompt:
    return Prompt(tuple(points), (True,) * len(points), wanted=wanted)


def _view(x, y, width=600, height=400):
    return (x - width // 2, y - height // 2, x + width // 2, y + height // 2)


def test_the_whole_view_is_answered_from_the_whole_photo(rgb):
    engine = Squares(half=60)
    found = _sight(rgb, engine).predict(_click((3000, 2000)), (0, 0, *SIZE))
    assert engine.looked == [SIZE]
    assert found[0].origin == (2940, 1940)


def test_what_is_too_small_for_the_whole_photo_is_looked_at_nearer(rgb):
    engine = Squares(half=6)
    sight = _sight(rgb, engine)
    found = sight.predict(_click((3000, 2000)), (0, 0, *SIZE))
    assert found[0].origin == (2994, 1994)
    assert len(engine.looked) == 2
    assert max(engine.looked[-1]) <= 1024
    sight.predict(_click((3050, 2010)), (0, 0, *SIZE))
    assert len(engine.looked) == 2, "its neighbours are seen in the same window"
    sight.predict(_click((3050, 2010), (3055, 2012)), (0, 0, *SIZE))
    assert len(engine.looked) == 2


@pytest.mark.parametrize("at", [(3000, 2000), (40, 30), (5980, 3990), (5990, 15)])
def test_zoomed_in_the_answer_lies_where_the_person_clicked(rgb, at):
    engine = Squares()
    found = _sight(rgb, engine).predict(_click(at), _view(*at))
    assert max(engine.looked[-1]) <= 1024
    assert found[0].origin == (at[0] - 6, at[1] - 6)


def test_small_moves_and_further_lesions_meet_the_same_window(rgb):
    engine = Squares()
    sight = _sight(rgb, engine)
    for dx in range(0, 60, 12):
        sight.predict(_click((3000 + 3 * dx, 2000 + dx)), _view(3000 + dx, 2000))
    assert len(engine.looked) == 2
    assert engine.uses == 2
    sight.predict(_click((5000, 1000)), _view(5000, 1000))
    assert len(engine.looked) == 3
    sight.predict(_click((3000, 2000)), _view(3000, 2000))
    assert len(engine.looked) == 3


def test_all_clicks_of_a_region_stay_with_its_window(rgb):
    engine = Squares()
    sight = _sight(rgb, engine)
    sight.predict(_click((3000, 2000)), _view(3000, 2000))
    window = engine.shown
    sight.predict(_click((3000, 2000), (3100, 2050)), _view(3050, 2020, 200, 160))
    sight.predict(_click((3000, 2000), (3100, 2050)), (0, 0, *SIZE))
    assert engine.shown == window
    sight.predict(_click((3000, 2000), (3100, 2050), (4200, 2050)), _view(4200, 2050))
    assert engine.shown != window  # it left
    found = sight.predict(_click((3000, 2000), (3100, 2050), (4200, 2050)), _view(4200, 2050))
    assert found[0].origin == (2994, 1994)


def test_another_region_at_another_zoom_gets_a_look_of_its_own(rgb):
    engine = Squares(half=60)
    sight = _sight(rgb, engine)
    sight.predict(_click((3000, 2000)), _view(3000, 2000, 300, 200))
    sight.predict(_click((3010, 2000)), _view(3000, 2000, 2400, 1600))
    assert engine.shown[0] > 2400
    sight.predict(_click((3020, 2000)), (0, 0, *SIZE))
    assert engine.shown == SIZE


def test_what_a_window_cuts_off_is_looked_at_in_a_wider_one(rgb):
    engine = Squares(half=400)
    sight = _sight(rgb, engine)
    found = sight.predict(_click((3000, 2000)), _view(3000, 2000, 300, 200))
    assert found[0].pixels.shape == (800, 800)
    assert found[0].origin == (2600, 1600)


def test_a_click_where_the_pointer_rested_has_its_answer_already(rgb):
    engine = Squares(half=6)
    sight = _sight(rgb, engine)
    at, view = (3000.0, 2000.0), (0, 0, *SIZE)
    assert sight.for_pointer(at, view) is not None, "a nearer look is worth making"
    lesion = {"wanted": RegionKind.LESION}
    last = sight.predict(_click(at, **lesion), view)
    asked = engine.asked
    assert asked == 2, "the whole photo when it rested, the nearer look when that was made"
    assert sight.for_pointer(at, view) is None
    assert sight.predict(_click(at, **lesion), view)[0].origin == last[0].origin == (2994, 1994)
    assert engine.asked == asked
    for other in (
        _click((3000.0, 2001.0), **lesion),
        _click(at),
        Prompt((at, (3001.0, 2000.0)), (True, False), **lesion),
    ):
        sight.predict(other, view)
        assert engine.asked > asked, "another question"
        asked = engine.asked


def test_a_leaf_is_outlined_on_the_whole_photo(rgb):
    engine = Squares()
    _sight(rgb, engine).predict(_click((3000, 2000), wanted=RegionKind.LEAF), _view(3000, 2000))
    assert engine.shown == SIZE


def test_a_box_is_moved_there_and_back(rgb):
    engine = Squares()
    prompt = Prompt(box=(3000, 2000, 3040, 2030))
    assert _sight(rgb, engine).predict(prompt, _view(3000, 2000))[0].origin == (2994, 1994)
    assert engine.shown != SIZE


@pytest.mark.parametrize(
    "prompt",
    [
        _click((-5, 10)),
        _click((6001, 10)),
        _click((float("nan"), 10)),
        Prompt(),
        Prompt(box=(50, 50, 50, 80)),
        Prompt(box=(7000, 10, 7100, 80)),
    ],
)
def test_a_click_off_the_photo_or_an_empty_box_is_refused_at_any_zoom(rgb, prompt):
    sight = _sight(rgb, Squares())
    for view in (None, _view(3000, 2000), (-900, -900, -100, -100)):
        with pytest.raises(PromptRefused):
            sight.predict(prompt, view)


@pytest.mark.parametrize("size", [(800, 600), (1024, 1024)])
def test_a_small_photo_needs_no_window(size):
    engine = Squares()
    sight = _sight(np.zeros((size[1], size[0], 3), np.uint8), engine)
    sight.predict(_click((300, 200)), _view(300, 200, 60, 40))
    assert engine.looked == [size]


def test_a_slow_engine_answers_from_the_whole_photo_until_the_window_is_there(rgb, tmp_path):
    from core.embeddings.store import EmbeddingStore

    engine = Squares()
    looks = _looks(engine, quick=False, helped=True)
    looks.store = EmbeddingStore(tmp_path, 1 << 30)
    sight = Sight(looks, rgb, PHOTO)
    with pytest.raises(StillLooking):
        sight.prepare()
    assert sight.asked == [looks.key(PHOTO)]
    looks.store.put(looks.key(PHOTO), engine.embed(rgb))
    sight.asked.clear()
    assert sight.predict(_click((3000, 2000)), _view(3000, 2000))
    assert engine.shown == SIZE
    (window,) = [key.window for key in sight.asked]
    x0, y0, x1, y1 = window
    looks.store.put(looks.key(PHOTO, window), engine.embed(rgb[y0:y1, x0:x1]))
    sight.predict(_click((3000, 2000), (3010, 2000)), _view(3000, 2000))
    assert engine.shown == SIZE  # the region stays with its look
    sight.predict(_click((3100, 2000)), _view(3000, 2000))
    assert engine.shown == (x1 - x0, y1 - y0)


def test_one_slow_look_does_not_make_an_engine_slow():
    own, opened = _looks(Squares()), _looks(Squares(), quick=False)
    for looks, after in ((own, [True, True, False]), (opened, [False, False, False])):
        for quick in after:
            looks.took(20.0)
            assert looks.quick is quick
        looks.took(0.1)
        assert looks.quick


def test_ahead_of_the_person_only_a_brief_look_is_made_where_clicks_are_answered(tmp_path):
    from core.embeddings.store import EmbeddingStore

    looks = _looks(Squares(), helped=True)
    looks.store = EmbeddingStore(tmp_path, 1 << 30)
    for seconds, beside in ((20.0, True), (0.5, True), (0.1, False)):
        looks.took(seconds)
        assert looks.beside(looks.key(PHOTO), ahead=True) is beside
        assert not looks.beside(looks.key(PHOTO))


def test_what_the_process_beside_cannot_do_is_done_here(rgb, tmp_path):
    from core.embeddings.store import EmbeddingStore

    looks = _looks(Squares(), quick=False, helped=True)
    looks.store = EmbeddingStore(tmp_path, 1 << 30)
    looks.take(Done(looks.key(PHOTO), stored=False))
    Sight(looks, rgb, PHOTO).prepare()


def test_a_kept_look_of_other_shapes_is_made_anew(rgb, tmp_path):
    from core.embeddings.store import EmbeddingStore

    engine = Squares()
    looks = _looks(engine)
    looks.store = EmbeddingStore(tmp_path, 1 << 30)
    looks.store.put(looks.key(PHOTO), {"mean": np.zeros((3, 3, 3), np.float32)})
    Sight(looks, rgb, PHOTO).prepare()
    assert engine.looked == [SIZE]


def test_windows_hold_the_view_and_lie_on_the_photo():
    rng = np.random.default_rng(0)
    for _ in range(500):
        width, height = (int(n) for n in rng.integers(1100, 9000, 2))
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        view = _view(x, y, *(int(n) for n in rng.integers(20, 2000, 2)))
        found = windows.wanted(view, (width, height), 1024)
        if found is None:
            continue
        assert found[0] >= 0
        assert found[1] >= 0
        assert found[2] <= width
        assert found[3] <= height
        x0, y0, x1, y1 = view
        seen = (max(0, x0), max(0, y0), min(width, x1), min(height, y1))
        assert windows.contains(found, seen)


@pytest.fixture(scope="module")
def rust():
    """(photo of 24 megapixels, masks) with pustules 12 pixels across; drawn."""
    rng = np.random.default_rng(1)
    coarse = cv2.resize(rng.normal(0, 10, (500, 750)).astype(np.float32), SIZE)
    grain = rng.normal(0, 4, (SIZE[1], SIZE[0])).astype(np.float32)
    photo = np.clip(np.float32((70, 120, 50)) + (coarse + grain)[..., None], 0, 255)
    photo = np.ascontiguousarray(photo.astype(np.uint8))
    places = [(700, 900), (3210, 1987), (5507, 3333)]
    for place in places:
        cv2.circle(photo, place, 6, (140, 60, 20), -1, cv2.LINE_AA)
    return photo, places


def test_a_pustule_of_12_pixels_on_24_megapixels_is_one_click(rust, monkeypatch):
    monkeypatch.setattr("core.services.looks.QUICK", float("inf"))  # however busy the machine is
    photo, places = rust
    sight = Sight(_looks(load_engine("leaf")), photo, PHOTO)
    for x, y in places:
        best = sight.predict(_click((x + 0.5, y + 0.5)), _view(x + 40, y - 30))[0]
        truth = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        cv2.circle(truth, (x, y), 6, 1, -1)
        found = np.zeros_like(truth, bool)
        (left, top), (height, width) = best.origin, best.pixels.shape
        found[top : top + height, left : left + width] = best.pixels
        both, either = (found & (truth > 0)).sum(), (found | (truth > 0)).sum()
        assert both / either > 0.6
