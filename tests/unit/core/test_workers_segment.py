"""The outlining assistant behind its wire: answers, refuses with a sentence, and stays."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.engines.base import Prompt
from core.errors import PromptRefused
from core.services.segment import Assistant, prompt_fields, read_prompt
from core.workers import segment
from core.workers.client import WorkerClient
from core.workers.mask_crop import decode_mask
from tests.small_sam import save_sam

CLICK = prompt_fields(Prompt(((100.0, 80.0),), (True,)))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A brown spot of radius 20 at (100, 80) on a green field of 240 × 160."""
    bgr = np.full((160, 240, 3), (50, 130, 70), np.uint8)
    cv2.circle(bgr, (100, 80), 20, (30, 70, 130), -1)
    path = tmp_path / "leaf.png"
    assert cv2.imwrite(str(path), bgr)
    return path


class Wire:
    """Stands where the channel stands: commands in, events out, no process."""

    def __init__(self, *commands: dict) -> None:
        self.commands = list(commands)
        self.events: list[dict] = []

    def send(self, event: str, **fields: object) -> None:
        self.events.append({"event": event, **fields})

    def receive(self, timeout: float | None = None):
        return self.commands.pop(0) if self.commands else None

    poll = receive


def _serve(monkeypatch, *commands: dict) -> list[dict]:
    """What the worker says when all ``commands`` wait for it at once."""
    wire = Wire(*commands)
    monkeypatch.setattr(segment.Channel, "claim", lambda worker: wire)
    assert segment.main() == 0
    return wire.events


def _load(engine: str = "colour", checkpoint: Path | None = None) -> dict:
    return {"do": "load", "engine": engine, "checkpoint": str(checkpoint) if checkpoint else None}


def _image(photo: Path, token: int = 1) -> dict:
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    return {"do": "image", "path": str(photo), "sha256": digest, "token": token}


def _one_by_one(*commands: dict) -> list[dict]:
    wire, assistant = Wire(), Assistant()
    for command in commands:
        segment.answer(wire, assistant, command)
    return wire.events


def test_a_click_comes_back_as_the_spot(photo):
    loaded, ready, masks = _one_by_one(
        _load(), _image(photo, token=4), {"do": "predict", "request": 7, **CLICK}
    )
    assert loaded == {"event": "loaded", "engine": "colour"}
    assert ready == {"event": "ready", "token": 4, "width": 240, "height": 160}
    assert (masks["event"], masks["request"]) == ("masks", 7)
    pixels, (x, y) = decode_mask(masks["candidates"][0])
    assert abs(int(pixels.sum()) - 1257) < 150
    assert abs(x - 80) < 4
    assert abs(y - 60) < 4
    assert 0 <= masks["candidates"][0]["score"] <= 1


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ({"do": "load", "engine": "no-such"}, "choose one of"),
        ({"do": "load", "engine": "segment-anything"}, "weights file"),
        ({"do": "image", "path": "/gone/leaf.jpg", "sha256": "0" * 64}, "leaf.jpg"),
        ({"do": "predict", "request": 3, **CLICK}, "photo"),
        ({"do": "dance"}, "restart"),
        ({}, "restart"),
        ({"do": "load"}, "restart"),
        ({"do": "image", "path": 7}, "restart"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_worker_stays(command, says, photo):
    *_, refused, ready = _one_by_one(_load(), command, _image(photo))
    if command.get("engine"):  # the old engine made room for one that did not come
        assert ready["event"] == "ready"
    else:
        assert (ready["event"], ready["width"]) == ("ready", 240)
    assert refused["event"] == "refused"
    assert refused["request"] == command.get("request")
    assert says in refused["text"]
    assert refused["text"].endswith(".")


def test_a_photo_that_changed_since_import_is_refused(photo):
    command = _image(photo)
    photo.write_bytes(photo.read_bytes() + b" ")
    *_, refused = _one_by_one(_load(), command)
    assert refused["event"] == "refused"
    assert "leaf.png" in refused["text"]


def test_a_photo_shown_before_the_engine_is_looked_at_when_it_comes(photo):
    *_, masks = _one_by_one(_image(photo), _load(), {"do": "predict", "request": 1, **CLICK})
    assert masks["event"] == "masks"


def test_the_newest_request_wins(monkeypatch, photo):
    commands = [
        _load(),
        _image(photo),
        *({"do": "predict", "request": n, **CLICK} for n in range(5)),
    ]
    events = _serve(monkeypatch, *commands)
    assert [e["request"] for e in events if e["event"] == "skipped"] == [0, 1, 2, 3]
    assert [e["request"] for e in events if e["event"] == "masks"] == [4]


def test_a_prompt_is_never_answered_with_another_photo(monkeypatch, photo):
    events = _serve(
        monkeypatch,
        _load(),
        _image(photo, token=1),
        {"do": "predict", "request": 1, **CLICK},
        _image(photo, token=2),
    )
    kinds = [(e["event"], e.get("token") or e.get("request")) for e in events]
    assert kinds == [
        ("loaded", None),
        ("skipped", 1),
        ("skipped", 1),
        ("ready", 2),
        ("stopped", None),
    ]


def test_stop_goes_before_what_waits(monkeypatch, photo):
    events = _serve(monkeypatch, _load(), _image(photo), {"do": "stop"})
    assert [e["event"] for e in events] == ["stopped"]


def test_a_bug_in_an_engine_is_a_sentence_not_the_end(monkeypatch, photo, capsys):
    class Broken(Assistant):
        def predict(self, prompt: Prompt, view=None, *, early=False):
            raise ZeroDivisionError

    wire, assistant = Wire(), Broken()
    segment.answer(wire, assistant, {"do": "predict", "request": 5, **CLICK})
    assert wire.events[0]["event"] == "refused"
    assert "ZeroDivisionError" in wire.events[0]["text"]
    assert "Traceback" in capsys.readouterr().err


def test_memory_that_runs_out_is_called_so(monkeypatch):
    class Full(Assistant):
        def predict(self, prompt: Prompt, view=None, *, early=False):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    wire = Wire()
    segment.answer(wire, Full(), {"do": "predict", "request": 5, **CLICK})
    assert "not enough memory" in wire.events[0]["text"]


@pytest.mark.parametrize(
    "fields",
    [
        {"points": [[1, 2, 3]], "positive": [True]},
        {"points": [["a", 2]], "positive": [True]},
        {"points": 5},
        {"points": [[1, 2]] * 2000, "positive": [True] * 2000},
        {"box": [1, 2, 3]},
        {"box": "abcd"},
        {"box": {"x": 1}},
    ],
)
def test_a_prompt_that_cannot_be_read_is_refused(fields):
    with pytest.raises(PromptRefused):
        read_prompt(fields)


def test_a_prompt_survives_the_wire():
    prompt = Prompt(((1.5, 2.0), (3.0, 4.25)), (True, False), (1, 2, 30, 40))
    assert read_prompt(prompt_fields(prompt)) == prompt


def test_the_worker_outlines_in_its_own_process_without_a_model_library(photo):
    with WorkerClient("segment") as worker:
        assert worker.wait_for("hello")["worker"] == "segment"
        worker.send_raw(b"nonsense\n\xff\n")
        for command in (_load(), _image(photo)):
            worker.send(**command)
        worker.wait_for("ready")
        worker.send("predict", request=1, **CLICK)
        candidate = worker.wait_for("masks")["candidates"][0]
        assert decode_mask(candidate)[0].any()
        if sys.platform.startswith("linux"):
            assert "libtorch" not in Path(f"/proc/{worker.pid}/maps").read_text()
        outcome = worker.stop()
    assert outcome.ok
    assert outcome.code == 0
    assert not worker.garbage


def test_a_killed_worker_is_explained(photo):
    with WorkerClient("segment") as worker:
        worker.wait_for("hello")
        os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        outcome = worker.outcome()
    assert not outcome.ok
    assert outcome.sentence().startswith("The outlining assistant was killed")


def test_weights_travel_from_the_file_to_a_mask(photo, tmp_path):
    events = _one_by_one(
        _load("segment-anything", save_sam(tmp_path / "small.pth")),
        _image(photo),
        {"do": "predict", "request": 1, **CLICK},
    )
    assert [e["event"] for e in events] == ["loaded", "ready", "masks"]


@pytest.mark.slow
def test_a_full_size_vit_b_answers_through_the_users_own_path(photo, tmp_path):
    """Random weights: what it outlines means nothing, that it answers does."""
    import torch
    from segment_anything import sam_model_registry

    file = tmp_path / "sam_vit_b_random.pth"
    torch.manual_seed(0)
    torch.save(sam_model_registry["vit_b"]().state_dict(), file)
    with WorkerClient("segment") as worker:
        worker.send(**_load("segment-anything", file))
        assert worker.wait_for("loaded", "refused", timeout=600)["event"] == "loaded"
        worker.send(**_image(photo))
        assert worker.wait_for("ready", "refused", timeout=600)["width"] == 240
        worker.send("predict", request=1, **CLICK)
        answer = worker.wait_for("masks", "refused", timeout=600)
        assert answer["event"] == "masks"
        for candidate in answer["candidates"]:
            pixels, (x, y) = decode_mask(candidate)
            assert x + pixels.shape[1] <= 240
            assert y + pixels.shape[0] <= 160
        assert worker.stop().ok


def test_what_an_engine_has_to_say_comes_with_the_event_and_once():
    class Telling:
        def __init__(self):
            self.notices = ["The card gave up."]

        def load(self, _engine, _checkpoint):
            pass

        def take_notice(self):
            return self.notices.pop() if self.notices else ""

    class Wire:
        def __init__(self):
            self.events = []

        def send(self, event, **fields):
            self.events.append({"event": event, **fields})

    wire, telling = Wire(), Telling()
    for _ in range(2):
        segment.answer(wire, telling, {"do": "load", "engine": "colour"})
    assert [e.get("notice") for e in wire.events] == ["The card gave up.", None]
