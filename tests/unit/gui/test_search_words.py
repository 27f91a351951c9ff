"""What asking in words and by examples promises: offered where it can be answered, taken by key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from finding import found, press, scripted
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.domain.region import RegionKind
from core.engines.base import POINTING, EngineSpec, PromptKind
from core.workers.mask_crop import decode_mask

# Finds three squares of whatever it is asked for, and writes down how it was asked.
WORKER = """
for line in sys.stdin:
    command = json.loads(line)
    do = command["do"]
    if do == "stop":
        say(event="stopped"); break
    if do == "load":
        say(event="loaded", engine=command["engine"])
    if do == "image":
        say(event="ready", token=None, width=400, height=300)
    if do == "find":
        with open({log!r}, "a") as file:
            file.write(json.dumps(command) + "\\n")
        found = [square(60, 60, 20), square(100, 60, 20), square(150, 150, 40)]
        if command["what"] == "text" and command["words"] == "moon":
            found = []
        say(event="found", request=command["request"], candidates=found)
"""
ABLE = frozenset({PromptKind.TEXT, PromptKind.EXEMPLAR})
SPECS = {
    "told": EngineSpec("told", "Told", POINTING | ABLE, "x:y"),
    "plain": EngineSpec("plain", "Plain", POINTING, "x:y"),
}


@pytest.fixture
def page(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = tmp_path / "asked.jsonl"
    source = WORKER.format(log=str(log))
    with scripted(qtbot, tmp_path, monkeypatch, source, SPECS) as page:
        page.asked = lambda: [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        yield page


def _say(page, words: str) -> None:
    """From the photo to the line, the words, Enter."""
    press(page, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    line = page.assistant_panel.words
    assert line.hasFocus()
    QTest.keyClicks(line, words)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_words_are_asked_for_and_their_findings_taken_without_the_mouse(qtbot, page) -> None:
    _say(page, "rust pustule")
    assert page.canvas.hasFocus()
    assert "rust pustule" in page.assistant_panel.status.text()
    found(qtbot, page)
    (asked,) = page.asked()
    assert (asked["what"], asked["words"]) == ("text", "rust pustule")
    assert page.controller.session.regions == []
    press(page, Qt.Key.Key_Return)
    press(page, Qt.Key.Key_J)
    press(page, Qt.Key.Key_Return)
    assert [r.info.kind for r in page.controller.session.regions] == [RegionKind.LESION] * 2
    assert page.controller.session.regions[0].info.source == "engine:told"
    assert page.suggestions.current is None


def test_while_leaves_are_outlined_words_find_leaves(qtbot, page) -> None:
    press(page, Qt.Key.Key_L)
    _say(page, "leaf")
    found(qtbot, page)
    press(page, Qt.Key.Key_Return)
    (leaf,) = page.controller.session.regions
    assert leaf.info.kind is RegionKind.LEAF


def test_a_name_that_nothing_answers_to_is_told(qtbot, page) -> None:
    _say(page, "moon")
    qtbot.waitUntil(lambda: page.suggestions.busy == "", timeout=10_000)
    assert "try another" in page._context.notices.recent[-1].text


def test_the_chosen_lesions_are_examples_and_the_rejected_ones_are_not(qtbot, page) -> None:
    _say(page, "spot")
    found(qtbot, page)
    press(page, Qt.Key.Key_Return)
    press(page, Qt.Key.Key_Return)
    press(page, Qt.Key.Key_J)  # the third one is something else
    first, second = page.controller.session.regions
    page.controller.edits.set_active(first.info.id, [second.info.id])
    page._context.actions["find.alike"].trigger()
    qtbot.waitUntil(lambda: len(page.asked()) == 2, timeout=10_000)
    asked = page.asked()[-1]
    assert asked["what"] == "exemplar"
    assert [decode_mask(one)[1] for one in asked["examples"]] == [(60, 60), (100, 60)]
    assert [decode_mask(one)[1] for one in asked["against"]] == [(150, 150)]


def test_what_was_rejected_on_one_photo_says_nothing_of_another(qtbot, page) -> None:
    _say(page, "spot")
    found(qtbot, page)
    press(page, Qt.Key.Key_J)
    before = page.controller.session.image.id
    press(page, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: page.controller.session.image.id != before, timeout=10_000)
    _say(page, " spot")
    found(qtbot, page)
    press(page, Qt.Key.Key_Return)
    (lesion,) = page.controller.session.regions
    page.controller.edits.set_active(lesion.info.id)
    page._context.actions["find.alike"].trigger()
    qtbot.waitUntil(lambda: len(page.asked()) == 3, timeout=10_000)
    assert page.asked()[-1]["against"] == []


def test_the_line_is_there_only_where_words_are_understood(page) -> None:
    action = page._context.actions["find.words"]
    assert not page.assistant_panel.words.isHidden()
    assert action.isVisible()
    assert action.isEnabled()
    page.assistant.choose("plain")
    assert page.assistant_panel.words.isHidden()
    assert not action.isVisible()
    assert not action.isEnabled()
    page.assistant.choose("told")
    assert action.isEnabled()


def test_escape_leaves_the_line_for_the_photo_and_asks_nothing(page) -> None:
    press(page, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    line = page.assistant_panel.words
    QTest.keyClicks(line, "rust")
    QTest.keyClick(line, Qt.Key.Key_Escape)
    assert page.canvas.hasFocus()
    assert page.suggestions.busy == ""
