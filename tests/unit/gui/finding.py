"""The Label workspace over an assistant whose process is a script, for tests of what is found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from whole_window import bare_project, label_page, window

from core.engines.base import EngineSpec
from core.workers import launch
from gui.controllers import engine_choice
from gui.panels.label import LabelPage

BEGIN = """
import json, sys
sys.path.insert(0, {root!r})
import numpy as np
from core.workers.mask_crop import encode_mask
def say(**event):
    print(json.dumps(event), flush=True)
def square(x, y, side):
    return encode_mask(np.ones((side, side), bool), (x, y)) | {{"score": 0.8}}
say(event="hello", protocol=1)
"""
"""How every script begins: it says hello, and has masks to propose."""


@contextmanager
def scripted(
    qtbot,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    specs: Mapping[str, EngineSpec],
) -> Iterator[LabelPage]:
    """``source`` is run as the segment worker, after ``BEGIN``; ``specs`` are all the engines there
    are, and the first of them is chosen."""
    script = folder / "worker.py"
    script.write_text(BEGIN.format(root=str(launch.ROOT)) + source, encoding="utf-8")
    real = launch.command

    def command(name: str, *args: str) -> list[str]:
        return [sys.executable, str(script)] if name == "segment" else real(name, *args)

    monkeypatch.setattr(launch, "command", command)
    monkeypatch.setattr(engine_choice, "engines", lambda: specs)
    monkeypatch.setattr("gui.panels.label_assistant.engines", lambda: specs)
    monkeypatch.setattr("gui.controllers.stand_in.engines", lambda: specs)
    with window(qtbot, bare_project(folder)) as program:
        page = label_page(qtbot, program)
        page.assistant.choose(next(iter(specs)))
        yield page


def found(qtbot, page: LabelPage) -> None:
    """Wait for the first suggestion."""
    qtbot.waitUntil(lambda: page.suggestions.current is not None, timeout=10_000)


def press(
    page: LabelPage, key: Qt.Key, more: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    """A key on the photo."""
    QTest.keyClick(page.canvas, key, more)
