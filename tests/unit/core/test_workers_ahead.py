"""Nobody waits for a photo they are not looking at, and nothing is lost when a process dies."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.embeddings.key import EmbeddingKey, maker_of
from core.embeddings.store import EmbeddingStore
from core.engines.base import EngineSpec, Prompt
from core.errors import ImageUnreadable
from core.registry import find
from core.services.looks import Done, Job
from core.services.segment import ENGINES, Assistant, prompt_fields
from core.workers.client import WorkerClient
from core.workers.encoder import Beside as RealBeside
from core.workers.segment import Desk
from tests.small_sam import save_sam

PATIENCE = 300.0
"""Seconds; a model library takes a minute to come up on a machine at work."""
CLICK = prompt_fields(Prompt(((100.0, 80.0),), (True,)))


def _photos(folder: Path, count: int = 4) -> list[dict[str, str]]:
    found = []
    for n in range(count):
        bgr = np.full((160, 240, 3), (50, 130 + n, 70), np.uint8)
        cv2.circle(bgr, (100, 80), 20, (30, 70, 130), -1)
        path = folder / f"leaf{n}.png"
        assert cv2.imwrite(str(path), bgr)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append({"path": str(path), "sha256": digest})
    return found


@pytest.fixture
def photos(tmp_path: Path) -> list[dict[str, str]]:
    return _photos(tmp_path)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return save_sam(tmp_path / "small.pth")


class Beside:
    """The process beside, as far as the test lets it: ``let`` finishes what is wanted first."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.done: list[Done] = []
        self.busy = False

    def begin(self, engine, checkpoint, store):
        self.jobs, self.busy = [], False

    def keep_in(self, store):
        self.store = store

    def want(self, jobs):
        self.jobs = list(jobs)
        self.busy = bool(jobs) or bool(self.done)

    def finished(self):
        done, self.done = self.done, []
        return done

    def let(self, assistant: Assistant) -> None:
        job = self.jobs.pop(0)
        looks = assistant._looks
        from core.imaging.decode import decode_rgb

        stored = self.store.put(job.key, looks.engine.embed(decode_rgb(job.photo)))
        self.done.append(Done(job.key, stored=stored, seconds=16.0))


class Wire:
    """``script`` holds commands, and functions that are called when their turn comes."""

    def __init__(self, script: list) -> None:
        self.script = script
        self.events: list[dict] = []

    def send(self, event: str, **fields: object) -> None:
        self.events.append({"event": event, **fields})

    def receive(self, timeout: float | None = None):
        if not self.script:
            return {"do": "stop"}
        if callable(self.script[0]):
            self.script.pop(0)()
            return None
        return self.script.pop(0)

    def poll(self):
        return None

    def said(self, *names: str) -> list:
        return [
            (e["event"], e.get("token") or e.get("request"))
            for e in self.events
            if e["event"] in names
        ]


@pytest.fixture
def desk(tmp_path, weights, photos):
    """(run, events): plays a script against a worker whose slow engine is loaded."""
    beside = Beside()
    assistant = Assistant(beside)

    def run(*script) -> Wire:
        load = {"do": "load", "engine": "segment-anything", "checkpoint": str(weights)}
        keep = {"do": "keep", "folder": str(tmp_path / "embeddings"), "budget": 1 << 30}
        wire = Wire([load, keep, *script])
        assert Desk(wire, assistant, beside).serve() == 0
        return wire

    run.let = lambda: beside.let(assistant)
    run.beside = beside
    return run


def _image(photo: dict[str, str], token: int) -> dict:
    return {"do": "image", "token": token, **photo}


def _predict(request: int) -> dict:
    return {"do": "predict", "request": request, **CLICK}


def _ahead(*photos: dict[str, str]) -> dict:
    return {"do": "ahead", "photos": list(photos)}


def test_a_click_waits_for_its_own_photo_only(desk, photos):
    a, b, c, _ = photos
    wire = desk(
        _image(a, 1), desk.let, _ahead(b, c), desk.let, _image(b, 2), _predict(7),
        # c is being looked at all the while
    )  # fmt: skip
    assert wire.said("ready", "masks") == [("ready", 1), ("ready", 2), ("masks", 7)]
    assert [job.photo.name for job in desk.beside.jobs] == ["leaf2.png"]


def test_a_click_on_a_photo_under_way_is_answered_when_it_is_there(desk, photos):
    wire = desk(_image(photos[0], 1), _predict(1), _predict(2), desk.let)
    assert wire.said("ready", "masks", "skipped") == [
        ("skipped", 1),
        ("ready", 1),
        ("masks", 2),
    ]


def test_who_goes_on_is_not_held_by_the_photo_before(desk, photos):
    a, b, *_ = photos
    wire = desk(_image(a, 1), _predict(1), _image(b, 2), desk.let, _predict(2))
    assert wire.said("ready", "masks", "skipped") == [
        ("skipped", 1),
        ("skipped", 1),
        ("ready", 2),
        ("masks", 2),
    ]


def test_the_photo_before_the_person_comes_first(desk, photos):
    a, b, c, d = photos
    order: list[str] = []
    desk(
        _image(a, 1), desk.let, _ahead(b, c), _image(d, 2),
        lambda: order.extend(job.photo.name for job in desk.beside.jobs),
    )  # fmt: skip
    assert order == ["leaf3.png", "leaf1.png", "leaf2.png"]


def test_how_many_are_ready_is_told_as_they_come(desk, photos):
    a, *rest = photos
    wire = desk(_image(a, 1), desk.let, _ahead(*rest), desk.let, desk.let, desk.let)
    told = [(e["ready"], e["of"]) for e in wire.events if e["event"] == "ahead"]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_another_engine_forgets_what_waited(desk, photos):
    wire = desk(_image(photos[0], 1), {"do": "load", "engine": "colour"}, _predict(3))
    assert wire.said("ready", "masks") == [("ready", 1), ("masks", 3)]


def test_a_photo_ahead_that_cannot_be_read_holds_up_nothing(tmp_path, photos):
    a, b, _, d = photos
    gone = {"path": str(tmp_path / "gone.png"), "sha256": "0" * 64}
    assistant = Assistant()
    assistant.load("leaf")
    assistant.show(Path(a["path"]), a["sha256"])
    from core.services.pictures import PhotoFile

    assistant.ahead([PhotoFile(Path(p["path"]), p["sha256"]) for p in (b, gone, d)])
    deadline = time.monotonic() + 60
    while assistant.work_ahead() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert assistant.ready == 1
    assert assistant.show(Path(d["path"]), d["sha256"]) == (240, 160)


def test_where_nothing_can_be_kept_the_assistant_looks_itself(desk, tmp_path, photos):
    (tmp_path / "embeddings").write_text("a file where the folder should be")
    wire = desk(_image(photos[0], 1), _predict(1), desk.let)
    assert wire.said("ready", "masks", "refused") == [("ready", 1), ("masks", 1)]


def test_a_photo_that_changed_is_refused_though_its_look_is_kept(desk, tmp_path, photos):
    desk(_image(photos[0], 1), desk.let)
    assert list((tmp_path / "embeddings").iterdir())
    changed = Path(photos[0]["path"])
    changed.write_bytes(changed.read_bytes() + b" ")
    assistant = Assistant()
    assistant.load("leaf")
    with pytest.raises(ImageUnreadable, match=r"leaf0\.png.*changed"):
        assistant.show(changed, photos[0]["sha256"])


# -- with real processes


@pytest.fixture
def worker(tmp_path, weights):
    with WorkerClient("segment") as worker:
        worker.send("load", engine="segment-anything", checkpoint=str(weights))
        worker.send("keep", folder=str(tmp_path / "embeddings"), budget=1 << 30)
        worker.wait_for("kept", timeout=PATIENCE)
        yield worker


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [
        int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()
    ]


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def _until(done, beside) -> list[Done]:
    found: list[Done] = []
    deadline = time.monotonic() + PATIENCE
    while not done(found) and time.monotonic() < deadline:
        found += beside.finished()
        time.sleep(0.02)
    return found


@linux
def test_the_process_beside_gives_way_and_leaves_whole_files(tmp_path, weights, photos):
    store = EmbeddingStore(tmp_path / "embeddings", 1 << 30)
    maker = maker_of(find(ENGINES, EngineSpec, "segment-anything"), weights)
    keys = [EmbeddingKey(photo["sha256"], maker) for photo in photos]
    keys[3] = EmbeddingKey("0" * 64, maker)  # not the bytes that are there
    beside = RealBeside()
    beside.begin("segment-anything", weights, store)
    jobs = [Job(key, Path(p["path"])) for key, p in zip(keys, photos, strict=True)]
    beside.want([jobs[0], *jobs[2:]])
    pid = beside.pid
    assert pid is not None
    found = _until(lambda found: len(found) == 3, beside)
    assert [(done.key, done.stored) for done in found] == [
        (keys[0], True),
        (keys[2], True),
        (keys[3], False),
    ]
    assert not beside.busy
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
    assert [store.get(key) is not None for key in keys] == [True, False, True, False]
    os.kill(pid, signal.SIGKILL)
    beside.want([jobs[1]])
    assert [done.stored for done in _until(bool, beside)] == [False]
    beside.close()
    assert _gone(pid)


@linux
def test_a_process_beside_that_is_killed_is_not_missed(worker, photos):
    worker.send("image", **photos[0], token=1)
    worker.wait_for("ready", timeout=PATIENCE)
    (beside,) = _children(worker.pid)
    os.kill(beside, signal.SIGKILL)
    worker.send("image", **photos[1], token=2)
    worker.send("predict", request=9, **CLICK)
    assert worker.wait_for("masks", "refused", timeout=PATIENCE)["event"] == "masks"


@linux
def test_an_assistant_that_is_killed_takes_the_process_beside_along(worker, photos):
    worker.send("image", **photos[0], token=1)
    worker.wait_for("ready", timeout=PATIENCE)
    (beside,) = _children(worker.pid)
    os.kill(worker.pid, signal.SIGKILL)
    assert _gone(beside)
