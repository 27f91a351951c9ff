"""What goes wrong under the hand costs nothing: a disk that fills up in the middle of a stroke, an
assistant that is killed in the middle of a click."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from whole_window import bare_project, click, drag, label_page, on_disk, saved, window

from core.engines.base import EngineSpec, PromptKind
from core.workers import launch
from gui.controllers import engine_choice
from gui.controllers.saver import SaveState
from gui.notices import Level
from gui.panels.label import LabelPage
from tests.faults.full_disk import no_file_beyond

PATIENCE = 20_000
LEFT = Qt.MouseButton.LeftButton


def spot(page: LabelPage, x: float, y: float) -> QPoint:
    ratio = page.canvas.camera.ratio
    dx, dy = page.canvas.camera.transform.to_device(x, y)
    return QPointF(dx / ratio, dy / ratio).toPoint()


def masks(regions) -> list[np.ndarray]:
    return [region.mask.to_array() for region in regions]


def same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return len(first) == len(second) and all(map(np.array_equal, first, second))


@pytest.mark.skipif(sys.platform == "win32", reason="limits file sizes by RLIMIT_FSIZE")
def test_a_disk_that_fills_up_in_the_middle_of_a_stroke_loses_no_stroke(
    qtbot, tmp_path: Path
) -> None:
    project = bare_project(tmp_path)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        saver, undo = page.controller.edits.saver, program.context.actions["edit.undo"]
        QTest.keyClicks(page.canvas, "b")
        drag(page, (50, 40), (150, 40))
        saved(qtbot, page)
        first = masks(page.controller.session.regions)

        QTest.mousePress(page.canvas, LEFT, pos=spot(page, 50, 120))
        QTest.mouseMove(page.canvas, spot(page, 100, 120))
        with no_file_beyond(0):
            QTest.mouseMove(page.canvas, spot(page, 150, 120))
            QTest.mouseRelease(page.canvas, LEFT, pos=spot(page, 150, 120))
            qtbot.waitUntil(lambda: saver.state is SaveState.FAILED, timeout=PATIENCE)
            said = program.context.notices.recent[-1]
            assert said.level is Level.ERROR
            assert said in [toast.notice for toast in program.window.notice_view.toasts]
            assert "disk is full" in said.text.lower()
            assert "Your work is kept" in said.text
            # The stroke is there to be seen, and work goes on: another one, and one taken back.
            drawn = masks(page.controller.session.regions)
            assert not same(drawn, first)
            drag(page, (50, 200), (150, 200))
            undo.trigger()
            assert same(masks(page.controller.session.regions), drawn)
            image = page.controller.session.image.id
            with on_disk(project) as store:
                assert same(masks(store.regions(image)), first), "whole strokes only"
            assert saver.state is SaveState.FAILED
        saver.retry_now()
        saved(qtbot, page)
        # What is over is no longer claimed.
        assert [t.notice.text for t in program.window.notice_view.toasts] == [
            "Everything is saved now."
        ]
        with on_disk(project) as store:
            assert same(masks(store.regions(image)), drawn)
            assert store.check().problems == ()
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        assert same(masks(page.controller.session.regions), drawn)
        undo = program.context.actions["edit.undo"]
        qtbot.waitUntil(undo.isEnabled, timeout=PATIENCE)
        undo.trigger()
        assert same(masks(page.controller.session.regions), first)
        saved(qtbot, page)


# Answers clicks with a square, but for the first, over which it sits as long as it lives.
SLOW = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
import numpy as np
from core.workers.mask_crop import encode_mask
asked = Path({asked!r})
def say(**event):
    print(json.dumps(event), flush=True)
say(event="hello", protocol=1)
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "stop":
        say(event="stopped"); break
    if command["do"] == "load":
        say(event="loaded", engine=command["engine"])
    if command["do"] == "image":
        say(event="ready", token=None, width=400, height=300)
    if command["do"] == "predict":
        if not asked.exists():
            asked.touch()
            time.sleep(600)
        x, y = map(int, command["points"][-1])
        square = encode_mask(np.ones((20, 20), bool), (x - 10, y - 10)) | {{"score": 0.5}}
        say(event="masks", request=command["request"], candidates=[square])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_an_assistant_killed_in_the_middle_of_a_click_costs_the_click_alone(
    qtbot, tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, asked = tmp_path / "worker.py", tmp_path / "asked"
    text = SLOW.format(root=str(repo), asked=str(asked))
    script.write_text(textwrap.dedent(text), encoding="utf-8")
    real = launch.command

    def command(name: str, *args: str) -> list[str]:
        return [sys.executable, str(script)] if name == "segment" else real(name, *args)

    specs = {"plain": EngineSpec("plain", "Plain", frozenset(PromptKind), "x:y")}
    monkeypatch.setattr(launch, "command", command)
    monkeypatch.setattr(engine_choice, "engines", lambda: specs)
    monkeypatch.setattr("gui.panels.label_assistant.engines", lambda: specs)
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        QTest.keyClicks(page.canvas, "b")
        drag(page, (50, 40), (150, 40))
        QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
        drawn = masks(page.controller.session.regions)
        QTest.keyClicks(page.canvas, "a")
        click(page, 200, 120)
        qtbot.waitUntil(asked.exists, timeout=PATIENCE)
        assert page.assistant.busy
        (worker,) = program.context.workers.running("segment")
        os.kill(worker._process.processId(), signal.SIGKILL)
        qtbot.waitUntil(lambda: not page.assistant.busy, timeout=PATIENCE)
        said = program.context.notices.recent[-1].text
        assert "was killed" in said
        assert "the next click starts it again" in said.lower()
        assert same(masks(page.controller.session.regions), drawn)
        # The point that was clicked still counts; the next click wakes a process that sees both.
        click(page, 220, 120)
        qtbot.waitUntil(lambda: page.assistant.candidate is not None, timeout=PATIENCE)
        assert page.assistant.prompts.points == [
            pytest.approx((200, 120), abs=1.5), pytest.approx((220, 120), abs=1.5),
        ]  # fmt: skip
        assert said not in [toast.notice.text for toast in program.window.notice_view.toasts]
        QTest.keyClick(page.canvas, Qt.Key.Key_Return)
        assert len(page.controller.session.regions) == 2
        saved(qtbot, page)
