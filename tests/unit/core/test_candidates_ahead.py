"""What stands out on a photo is looked for while nobody asks, beside, and never before a click."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_workers_ahead import Wire

from core.embeddings.found import kept, key_of
from core.embeddings.key import CANDIDATES, EmbeddingKey
from core.embeddings.store import EmbeddingStore
from core.engines.base import Candidate, Embedding, Prompt, PromptKind
from core.services import segment
from core.services.looks import Done, Job
from core.services.pictures import PhotoFile
from core.workers import embed
from core.workers.segment import Desk

CLICK = Prompt(((20.0, 20.0),), (True,))
FOUND = [Candidate(np.ones((4, 5), bool), (7, 9), 0.75)]


class Quick:
    """Looks in no time, finds one thing, and says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def set_image(self, rgb: np.ndarray) -> None:
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb: np.ndarray) -> Embedding:
        self.asked.append("embed")
        return {"look": np.zeros(3, np.float16)}

    def use(self, rgb: np.ndarray, embedding: Embedding) -> None:
        self.shown = rgb

    def predict(self, prompt: Prompt) -> list[Candidate]:
        return FOUND

    def everything(self, most: int = 100) -> list[Candidate]:
        self.asked.append("everything")
        return FOUND

    def leaves(self, most: int = 20) -> list[Candidate]:
        return FOUND

    def alike(self, examples: object, most: int = 100) -> list[Candidate]:
        return FOUND


class Beside:
    """The process beside: ``jobs`` are wanted of it, ``end`` brings the first one to an end."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.done: list[Done] = []
        self.busy = False
        self.store: EmbeddingStore | None = None

    def begin(self, engine: str, checkpoint: Path | None, store: EmbeddingStore | None) -> None:
        self.store = store

    def keep_in(self, store: EmbeddingStore | None) -> None:
        self.store = store

    def want(self, jobs: list[Job]) -> None:
        self.jobs = list(jobs)
        self.busy = self.busy or bool(jobs)  # what was begun goes on

    def finished(self) -> list[Done]:
        done, self.done = self.done, []
        return done

    def end(self, *, stored: bool) -> None:
        job = self.jobs.pop(0)
        if stored:
            desk = embed.Desk()
            desk.do({"do": "load", "engine": "leaf"})
            assert self.store is not None
            _, fields = desk.do(
                {"do": "embed", "token": 1, "path": str(job.photo), "fields": job.key.fields(),
                 "folder": str(self.store.folder), "budget": self.store.budget}
            )  # fmt: skip
            assert "seconds" not in fields, "or it would be taken for those of a look"
            stored = fields["stored"]
        self.done.append(Done(job.key, stored=stored))


@pytest.fixture
def photos(tmp_path: Path) -> list[PhotoFile]:
    found = []
    for n in range(3):
        path = tmp_path / f"leaf{n}.png"
        assert cv2.imwrite(str(path), np.full((60, 90, 3), (50, 130 + n, 70), np.uint8))
        found.append(PhotoFile(path, hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


@pytest.fixture
def beside() -> Beside:
    return Beside()


@pytest.fixture
def assistant(beside, photos, tmp_path, monkeypatch):
    """The first photo is shown, the others come next."""
    monkeypatch.setattr(segment, "load_engine", lambda *_: Quick())
    monkeypatch.setattr(embed, "load_engine", lambda *_: Quick())
    assistant = segment.Assistant(beside)
    assistant.keep_in(tmp_path / "kept", 1_000_000)
    assistant.load("leaf")
    assistant.show(photos[0].path, photos[0].sha256)
    assistant.ahead(photos[1:])
    return assistant


def _rest(assistant: segment.Assistant) -> None:
    """As long as nobody says anything."""
    while assistant.work_ahead():
        pass


def _searched(beside: Beside) -> list[str]:
    assert all(job.key.what == CANDIDATES and not job.urgent for job in beside.jobs)
    return [job.key.photo for job in beside.jobs]


def test_only_once_nothing_else_is_to_do_and_the_open_photo_first(assistant, beside, photos):
    assert beside.jobs == []
    _rest(assistant)
    assert assistant.ready == 2, "the next photos were looked at before"
    assert _searched(beside) == [photo.sha256 for photo in photos]


def test_a_click_puts_them_off(assistant, beside, photos):
    _rest(assistant)
    assistant.predict(CLICK)
    assert beside.jobs == []
    _rest(assistant)
    assert len(_searched(beside)) == 3


def test_what_was_found_beside_is_shown_without_asking_the_engine(assistant, beside, photos):
    _rest(assistant)
    beside.end(stored=True)
    assert assistant.collect()
    assert _searched(beside) == [photo.sha256 for photo in photos[1:]]
    (one,) = assistant.find(PromptKind.EVERYTHING)
    assert (one.origin, one.score, one.pixels.tolist()) == (
        FOUND[0].origin, FOUND[0].score, FOUND[0].pixels.tolist()
    )  # fmt: skip
    assert "everything" not in assistant._engine.asked


def test_what_cannot_be_kept_is_not_tried_again(assistant, beside, photos):
    _rest(assistant)
    beside.end(stored=False)
    assistant.collect()
    _rest(assistant)
    assert photos[0].sha256 not in _searched(beside)


def test_an_engine_stays_quick_however_long_finding_takes(assistant, beside):
    _rest(assistant)
    beside.end(stored=True)
    assistant.collect()
    assert assistant._looks.quick


def test_a_click_is_answered_before_a_search_that_was_begun_and_holds_up_the_next(
    beside, photos, tmp_path, monkeypatch
):
    monkeypatch.setattr(segment, "load_engine", lambda *_: Quick())
    monkeypatch.setattr(embed, "load_engine", lambda *_: Quick())

    turns = iter(range(2000))

    def nobody_asks() -> None:
        """The worker goes on by itself, until the search is under way."""
        next(turns)
        time.sleep(0.01)
        if len(_searched(beside)) < 3:
            wire.script.insert(0, nobody_asks)

    def click(number: int) -> dict:
        return {"do": "predict", "request": number, **segment.prompt_fields(CLICK)}

    def search_ends() -> None:
        assert wire.said("masks") == [("masks", 1), ("masks", 2)]
        beside.busy = False

    shown, *rest = ({"path": str(p.path), "sha256": p.sha256} for p in photos)
    wire = Wire(
        [{"do": "load", "engine": "leaf"},
         {"do": "keep", "folder": str(tmp_path / "kept"), "budget": 1_000_000},
         {"do": "image", "token": 1, **shown}, {"do": "ahead", "photos": rest},
         nobody_asks, click(1), click(2), search_ends]
    )  # fmt: skip
    assert Desk(wire, segment.Assistant(beside), beside).serve() == 0
    assert wire.said("ready", "masks") == [("ready", 1), ("masks", 1), ("masks", 2)]


@pytest.mark.parametrize("folder", [None, "kept"])
def test_where_nothing_is_kept_nothing_is_looked_for(folder, assistant, beside, tmp_path):
    assistant.keep_in(tmp_path / folder if folder else None, 0)
    _rest(assistant)
    assert beside.jobs == []


def test_the_process_beside_finds_on_what_it_is_told_and_on_no_part(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "load_engine", lambda *_: Quick())
    desk = embed.Desk()
    desk.do({"do": "load", "engine": "leaf"})
    maker = segment.maker_of(segment.find(segment.ENGINES, segment.EngineSpec, "leaf"), None)
    whole = key_of(EmbeddingKey(photos[0].sha256, maker))
    part = EmbeddingKey(photos[0].sha256, maker, (0, 0, 9, 9), CANDIDATES)
    for key, expected in ((whole, True), (part, False)):
        _, said = desk.do(
            {"do": "embed", "token": 1, "path": str(photos[0].path), "fields": key.fields(),
             "folder": str(tmp_path / "kept"), "budget": 1_000_000}
        )  # fmt: skip
        assert said["stored"] is expected
    assert kept(EmbeddingStore(tmp_path / "kept"), whole) is not None
