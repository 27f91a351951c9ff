"""The Label workspace over an assistant whose process is a script, for tests of what is found."""

from __future__ import annotations

import sys
import textwrap
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


@contextmanager
def scripted(
    qtbot,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    specs: Mapping[str, EngineSpec],
) -> Iterator[LabelPage]:
    """``source`` is run as the segment worker; ``specs`` are all the engines there are, and the
    first of them is chosen."""
    script = folder / "worker.py"
    script.write_text(textwrap.dedent(source), encoding="utf-8")
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
