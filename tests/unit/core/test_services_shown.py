"""A click is answered at once, better a moment later, and no look ahead of it stands in its way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.domain.region import RegionKind
from core.embeddings.key import Maker
from core.engines.base import Candidate, Prompt
from core.errors import PromptRefused
from core.services.looks import Looks, StillLooking
from core.services.segment import Assistant, prompt_fields
from core.services.shown import Shown
from core.services.sight import Sight
from core.services.unhurried import BEGUN, Reason, Unhurried, Wish
from core.workers.segment import Desk

SIZE = (6000, 4000)
PHOTO = "2" * 64
STEPS = 5
FAR = [(700, 500), (5200, 700), (900, 3400), (5100, 3300)]


@dataclass
class Gradual:
    """Outlines a square of ``half`` pixels around the first point; looks in ``STEPS`` steps.

    On the whole photo it is ``crude`` pixels larger, and with ``blind`` sees nothing there.
    ``asked`` holds how many steps had been made at each question, ``at_hand`` the embeddings that
    it needs no pixels for."""

    half: int = 6
    crude: int = 4
    blind: bool = False
    steps: list[tuple[int, int]] = field(default_factory=list)
    looked: list[tuple[int, int]] = field(default_factory=list)
    shown: tuple[int, int] = (0, 0)
    asked: list[int] = field(default_factory=list)
    at_hand: list[object] = field(default_factory=list)

    def set_image(self, rgb):
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb):
        for _ in self.embedding(rgb):
            pass
        return {"size": np.array(rgb.shape[:2], np.float32)}

    def embedding(self, rgb):
        for _ in range(STEPS):
            self.steps.append((rgb.shape[1], rgb.shape[0]))
            yield
        self.looked.append((rgb.shape[1], rgb.shape[0]))
        made = {"size": np.array(rgb.shape[:2], np.float32)}
        self.at_hand.append(made)
        return made

    def ready(self, embedding):
        return any(one is embedding for one in self.at_hand)

    def readying(self, rgb, embedding):
        for _ in range(STEPS):
            self.steps.append((rgb.shape[1], rgb.shape[0]))
            yield
        self.at_hand.append(embedding)

    def use(self, rgb, embedding):
        if tuple(embedding["size"]) != rgb.shape[:2]:
            raise ValueError("of another picture")
        self.shown = (rgb.shape[1], rgb.shape[0])

    def predict(self, prompt):
        self.asked.append(len(self.steps))
        if self.shown == SIZE and self.blind:
            raise PromptRefused("Nothing there.")
        half = self.half + (self.crude if self.shown == SIZE else 0)
        x, y = map(int, prompt.points[0])
        return [Candidate(np.ones((2 * half, 2 * half), bool), (x - half, y - half), 0.9)]


@pytest.fixture(scope="module")
def rgb():
    return np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


@pytest.fixture
def engine():
    return Gradual()


@pytest.fixture
def shown(rgb, engine):
    looks = Looks(engine, Maker("gradual", "", 1), side=1024, quick=True, helped=False)
    sight = Sight(looks, rgb, PHOTO)
    sight.prepare()
    return Shown(sight, Unhurried(looks))


def _click(*points) -> Prompt:
    return Prompt(tuple(points), (True,) * len(points), wanted=RegionKind.LESION)


def _side(found: list[Candidate]) -> int:
    return found[0].pixels.shape[0]


def _finish(shown: Shown) -> int:
    steps = 0
    while shown.busy:
        shown.step()
        steps += 1
    return steps


def test_a_small_thing_is_answered_before_anything_nearer_is_looked_at(shown, engine):
    found = shown.predict(_click(FAR[0]), (0, 0, *SIZE), early=True)
    assert _side(found) == 20
    assert engine.looked == [SIZE]
    assert shown.lacking
    assert _finish(shown) > STEPS
    assert not shown.lacking
    assert _side(shown.predict(_click(FAR[0]), (0, 0, *SIZE), early=True)) == 12
    assert not shown.lacking


def test_zoomed_in_on_what_was_not_looked_at_there_is_an_answer_at_once_as_well(shown, engine):
    x, y = FAR[1]
    view = (x - 300, y - 200, x + 300, y + 200)
    shown.predict(_click(FAR[1]), view, early=True)
    assert engine.looked == [SIZE]
    while shown.lacking:
        _finish(shown)
        found = shown.predict(_click(FAR[1]), view, early=True)
    assert _side(found) == 12


def test_where_the_whole_photo_shows_nothing_the_nearer_look_is_waited_for(shown, engine):
    engine.blind = True
    with pytest.raises(StillLooking):
        shown.predict(_click(FAR[0]), (0, 0, *SIZE), early=True)
    assert shown.lacking
    _finish(shown)
    assert _side(shown.predict(_click(FAR[0]), (0, 0, *SIZE), early=True)) == 12


def test_a_second_click_before_the_better_answer_still_gets_it(shown):
    first = FAR[0]
    shown.predict(_click(first), (0, 0, *SIZE), early=True)
    shown.step()
    both = _click(first, (first[0] + 4, first[1]))
    assert _side(shown.predict(both, (0, 0, *SIZE), early=True)) == 20
    _finish(shown)
    assert _side(shown.predict(both, (0, 0, *SIZE), early=True)) == 12


def test_who_is_not_in_a_hurry_gets_the_better_answer_in_one(shown):
    assert _side(shown.predict(_click(FAR[0]), (0, 0, *SIZE), early=False)) == 12
    assert not shown.lacking


def test_where_the_pointer_rested_the_first_answer_is_the_better_one(shown, engine):
    shown.rest_on(FAR[2], (0, 0, *SIZE))
    _finish(shown)
    assert len(engine.looked) == 2
    assert _side(shown.predict(_click(FAR[2]), (0, 0, *SIZE), early=True)) == 12
    assert not shown.lacking
    assert len(engine.looked) == 2


def test_resting_on_what_is_seen_well_already_looks_nowhere(shown, engine):
    engine.half = 120
    shown.rest_on(FAR[2], (0, 0, *SIZE))
    assert not shown.busy
    shown.rest_on((-20.0, float("nan")), (0, 0, *SIZE))  # beside the photo
    assert not shown.busy


def test_a_resting_pointer_says_nothing_about_the_region_being_outlined(shown):
    shown.predict(_click(FAR[0]), (0, 0, *SIZE), early=False)
    shown.rest_on(FAR[1], (0, 0, *SIZE))
    _finish(shown)
    more = _click(FAR[0], (FAR[0][0] + 3, FAR[0][1]))
    assert _side(shown.predict(more, (0, 0, *SIZE), early=True)) == 12


def test_a_click_elsewhere_goes_before_what_the_pointer_began(shown, engine):
    shown.rest_on(FAR[0], (0, 0, *SIZE))
    shown.step()
    shown.step()
    shown.predict(_click(FAR[3]), (0, 0, *SIZE), early=True)
    done = len(engine.looked)
    while shown.lacking:
        shown.step()
    assert len(engine.looked) == done + 1, "nothing else was looked at meanwhile"
    assert _side(shown.predict(_click(FAR[3]), (0, 0, *SIZE), early=True)) == 12


def test_what_was_interrupted_goes_on_where_it_was(engine, rgb):
    looks = Looks(engine, Maker("gradual", "", 1), side=1024, quick=True, helped=False)
    work = Unhurried(looks)
    small = {n: np.zeros((64 + n, 64, 3), np.uint8) for n in range(BEGUN + 2)}
    wish = {n: Wish(looks.key(str(n) * 64), lambda n=n: small[n]) for n in small}
    work.want(Reason.VIEW, wish[0])
    work.step()
    work.step()
    work.want(Reason.ANSWER, wish[1])
    assert work.urgent is Reason.ANSWER
    while work.wants(Reason.ANSWER):
        work.step()
    begun = len(engine.steps)
    while work.wants(Reason.VIEW):
        work.step()
    assert len(engine.steps) - begun == STEPS - 2
    for n in range(2, BEGUN + 2):  # only so many lie half made
        work.want(Reason.POINTER, wish[n])
        work.step()
    assert len(work._begun) <= BEGUN


def test_a_look_that_fails_is_given_up_and_the_others_go_on(engine):
    looks = Looks(engine, Maker("gradual", "", 1), side=1024, quick=True, helped=False)
    work = Unhurried(looks)

    def gone():
        raise MemoryError

    work.want(Reason.ANSWER, Wish(looks.key("3" * 64), gone))
    work.want(Reason.VIEW, Wish(looks.key("4" * 64), lambda: np.zeros((64, 64, 3), np.uint8)))
    with pytest.raises(MemoryError):
        work.step()
    while work.urgent is not None:
        work.step()
    assert engine.looked == [(64, 64)]


# -- in the worker


class Wire:
    """``script`` holds commands; one is handed over only when ``due`` says so, at a poll."""

    def __init__(self, script: list) -> None:
        self.script, self.events, self.polls = script, [], 0

    def send(self, event: str, **fields: object) -> None:
        self.events.append({"event": event, **fields})

    def poll(self):
        self.polls += 1
        return self._next() if self.script and self.script[0].get("polls", 0) <= 0 else self._wait()

    def _wait(self):
        if self.script:
            self.script[0]["polls"] -= 1

    def _next(self):
        command = dict(self.script.pop(0))
        command.pop("polls", None)
        return command

    def receive(self, timeout: float | None = None):
        return self._next() if self.script else {"do": "stop"}


@pytest.fixture
def serve(tmp_path: Path, engine, monkeypatch: pytest.MonkeyPatch):
    """Plays a script against the worker with the stand-in for ``leaf``; gives its answers."""
    path = tmp_path / "leaf.png"
    cv2.imwrite(
        str(path), np.zeros((SIZE[1], SIZE[0], 3), np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1]
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr("core.services.segment.load_engine", lambda *_: engine)

    class Beside:
        busy = False

        def close(self):
            pass

    def run(*script):
        start = [
            {"do": "load", "engine": "leaf"},
            {"do": "image", "path": str(path), "sha256": digest, "token": 1},
        ]
        wire = Wire([*start, *script])
        assert Desk(wire, Assistant(), Beside()).serve() == 0
        return [
            (e["request"], e.get("more"), [one["size"][0] for one in e["candidates"]])
            for e in wire.events
            if e["event"] == "masks"
        ]

    return run


def _predict(request: int, place, *, polls: int = 0, early: bool = True) -> dict:
    prompt = prompt_fields(_click(place))
    view = [0, 0, *SIZE]
    return {
        "do": "predict", "request": request, "view": view, "early": early, "polls": polls, **prompt
    }  # fmt: skip


def test_a_click_has_two_answers_with_one_number(serve):
    assert serve(_predict(7, FAR[0]), {"do": "keep", "folder": None, "budget": 0, "polls": 40}) == [
        (7, True, [20]),
        (7, False, [12]),
    ]


def test_who_does_not_ask_for_an_early_answer_has_one(serve):
    assert serve(_predict(7, FAR[0], early=False)) == [(7, False, [12])]


def test_an_answer_that_would_come_too_late_is_not_given(serve):
    answers = serve(
        _predict(1, FAR[0]),
        _predict(2, FAR[1], polls=3),
        {"do": "keep", "folder": None, "budget": 0, "polls": 40},
    )
    assert answers == [(1, True, [20]), (2, True, [20]), (2, False, [12])]


def test_a_click_while_the_pointers_place_is_looked_at_waits_for_one_step_at_most(serve, engine):
    serve(
        {"do": "rest", "at": list(FAR[0]), "view": [0, 0, *SIZE]},
        _predict(5, FAR[1], polls=4),
    )
    asked_by_pointer, asked_by_click = engine.asked[:2]
    assert 0 < asked_by_click - asked_by_pointer < STEPS, "its look was under way, not done"


def test_a_look_that_fails_under_an_early_answer_ends_it_with_a_sentence(serve, engine):
    real = engine.embedding

    def failing(rgb):
        if max(rgb.shape) <= 1024 and rgb.shape[0] > 64:
            raise MemoryError
        return real(rgb)

    engine.embedding = failing
    assert serve(_predict(7, FAR[0]), {"do": "keep", "folder": None, "budget": 0, "polls": 40}) == [
        (7, True, [20])
    ]


def test_zoomed_in_again_the_look_that_is_there_is_made_ready_before_the_click(shown, engine):
    x, y = FAR[1]
    view = (x - 300, y - 200, x + 300, y + 200)
    shown.look_at(view)
    _finish(shown)
    looks, seen = list(engine.looked), len(engine.steps)
    shown.look_at(view)
    assert not shown.busy, "it is ready already"
    engine.at_hand.clear()
    shown.look_at(view)
    assert shown.busy
    _finish(shown)
    assert len(engine.steps) == seen + STEPS
    assert engine.ready(engine.at_hand[0])
    assert engine.looked == looks, "nothing is looked at twice"
    assert not shown.busy


def test_a_view_whose_look_turns_out_of_no_use_is_looked_at_again(shown, engine):
    x, y = FAR[1]
    view = (x - 300, y - 200, x + 300, y + 200)
    shown.look_at(view)
    _finish(shown)
    engine.at_hand.clear()

    def refused(rgb, embedding):
        raise ValueError("of another picture")
        yield

    engine.readying = refused
    shown.look_at(view)
    _finish(shown)
    looks = len(engine.looked)
    del engine.readying
    shown.look_at(view)
    _finish(shown)
    assert len(engine.looked) == looks + 1


def test_moved_a_little_the_look_that_clicks_will_go_to_is_made_ready_before_another(shown, engine):
    x, y = FAR[1]
    shown.look_at((x - 150, y - 100, x + 150, y + 100))
    _finish(shown)
    there = list(engine.at_hand)[-1]
    engine.at_hand.clear()
    shown.look_at((x, y - 100, x + 300, y + 100))
    _finish(shown)
    assert engine.at_hand[0] is there, "its middle is seen there already"
    assert len(engine.at_hand) == 2, "and then all of the view is looked at"
