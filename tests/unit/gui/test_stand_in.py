"""What every assistant's buttons promise: what it declares it is asked for, and for the rest
another one stands in where one can, without any weights to open and without disturbing the clicks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from finding import found, press, scripted
from PySide6.QtCore import Qt
from whole_window import click

from core.domain.region import RegionKind
from core.engines.base import POINTING, EngineSpec, PromptKind
from core.registry import discover
from gui.panels.label import LabelPage

# Answers everything, and writes down which engine was asked for what.
WORKER = """
import os
def note(*words):
    with open({log!r}, "a") as file:
        file.write(json.dumps(words) + "\\n")
engine, photo = "", None
for line in sys.stdin:
    command = json.loads(line)
    do = command["do"]
    if do == "stop":
        say(event="stopped"); break
    if do == "load":
        engine = command["engine"]
        if engine == os.environ.get("LEAFSPOT_TEST_REFUSES"):
            say(event="refused", do="load", text="It is damaged.")
            continue
        say(event="loaded", engine=engine)
    if do == "keep":
        note(engine, "keep", bool(command["folder"]))
    if do == "image":
        photo = os.path.basename(command["path"])
        say(event="ready", token=None, width=400, height=300)
    if do == "predict":
        note(engine, "predict", command["positive"], command["box"] is not None,
             command["before"] is not None)
        say(event="masks", request=command["request"], candidates=[square(90, 110, 20)])
    if do == "find":
        note(engine, command["what"], photo)
        if os.path.exists({hang!r}):
            continue
        say(event="found", request=command["request"],
            candidates=[square(60, 60, 20), square(150, 150, 40)])
"""
REAL = discover("core.engines", EngineSpec)
PLAIN = EngineSpec("plain", "Plain", POINTING, "x:y")
FINDER = EngineSpec("finder", "Finder", frozenset(PromptKind), "x:y")
LARGE = EngineSpec("large", "Large", frozenset(PromptKind), "x:y", needs_checkpoint=True)
SPECS = {"plain": PLAIN, "large": LARGE, "finder": FINDER}
Opened = Callable[[Mapping[str, EngineSpec]], AbstractContextManager[LabelPage]]


@pytest.fixture
def opened(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The page over an assistant of which ``page.asked()`` tells; ``page.hang`` silences it."""
    log, hang = tmp_path / "asked.jsonl", tmp_path / "hang"

    @contextmanager
    def made(specs: Mapping[str, EngineSpec]) -> Iterator[LabelPage]:
        log.write_text("", "utf-8")
        source = WORKER.format(log=str(log), hang=str(hang))
        with scripted(qtbot, tmp_path, monkeypatch, source, specs) as page:
            page.asked = lambda: [json.loads(line) for line in log.read_text("utf-8").splitlines()]
            page.hang = hang
            yield page

    return made


@pytest.fixture
def page(opened: Opened) -> Iterator[LabelPage]:
    with opened(SPECS) as page:
        yield page


def _finds(page: LabelPage) -> list[list]:
    return [one for one in page.asked() if one[1] not in ("keep", "predict")]


def _answered(qtbot, page: LabelPage) -> None:
    qtbot.waitUntil(lambda: page.assistant.candidate is not None, timeout=10_000)


@pytest.mark.parametrize("name", sorted(REAL))
def test_every_button_of_every_assistant_does_what_it_says(qtbot, opened: Opened, name) -> None:
    prompts = REAL[name].prompts
    by_example = PromptKind.EXEMPLAR in prompts and PromptKind.ALIKE not in prompts
    with opened(REAL) as page:
        page.assistant.choose(name, "/some.pth" if REAL[name].needs_checkpoint else "")
        actions, photo = page._context.actions, "photo_0.png"
        words = PromptKind.TEXT in prompts
        assert actions["find.words"].isEnabled() == words
        assert actions["find.words"].isVisible() == words
        assert page.assistant_panel.words.isHidden() != words
        for action, what in (
            ("find.leaf", PromptKind.WHOLE_LEAF),
            ("find.everything", PromptKind.EVERYTHING),
        ):
            assert actions[action].isEnabled()
            actions[action].trigger()
            found(qtbot, page)
            able = name if what in prompts else "leaf"
            assert _finds(page)[-1] == [able, what.value, photo]
        assert not actions["find.alike"].isEnabled(), "there is nothing to be like"
        press(page, Qt.Key.Key_Return)
        (lesion,) = page.controller.session.regions
        page.controller.edits.set_active(lesion.info.id)
        assert actions["find.alike"].isEnabled()
        actions["find.alike"].trigger()
        found(qtbot, page)
        able = name if by_example or PromptKind.ALIKE in prompts else "leaf"
        assert _finds(page)[-1] == [able, "exemplar" if by_example else "alike", photo]
        if words:
            page.suggestions.find(PromptKind.TEXT, "rust")
            found(qtbot, page)
            assert _finds(page)[-1] == [name, "text", photo]
        press(page, Qt.Key.Key_Escape)
        # Clicks are the chosen one's: plus, minus, a box, and to better what is outlined.
        page.controller.edits.set_active(lesion.info.id)
        actions["tool.point"].trigger()
        click(page, 70, 70)
        _answered(qtbot, page)
        click(page, 74, 74, right=True)
        qtbot.waitUntil(lambda: page.asked()[-1][2] == [True, False], timeout=10_000)
        assert page.asked()[-1] == [
            name, "predict", [True, False], False, PromptKind.BEFORE in prompts
        ]  # fmt: skip
        actions["tool.box"].trigger()
        page.assistant.box((80, 100, 120, 140))
        qtbot.waitUntil(lambda: page.asked()[-1] == [name, "predict", [], True, False])


def test_what_another_one_found_is_its_own_and_the_choice_stays(qtbot, page) -> None:
    press(page, Qt.Key.Key_L, Qt.KeyboardModifier.ShiftModifier)
    assert "With “Finder”: looking for the leaf" in page.assistant_panel.status.text()
    found(qtbot, page)
    press(page, Qt.Key.Key_Return)
    (leaf,) = page.controller.session.regions
    assert leaf.info.kind is RegionKind.LEAF
    assert leaf.info.source == "engine:finder"
    assert page.assistant.choice.engine == "plain"
    assert page.assistant.sleeps, "nobody has clicked"
    assert page._context.preferences.text("assistant.engine") == "plain"
    assert page.asked()[0] == ["finder", "keep", True], "what was prepared serves it"
    assert "“Finder”" in page.assistant_panel.finding.toolTip()


def test_a_photo_further_on_is_the_one_that_is_looked_at(qtbot, page) -> None:
    find = page._context.actions["find.everything"]
    find.trigger()
    found(qtbot, page)
    before = page.controller.session.image.id
    press(page, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: page.controller.session.image.id != before, timeout=10_000)
    find.trigger()
    found(qtbot, page)
    assert [one[2] for one in _finds(page)] == ["photo_0.png", "photo_1.png"]


def test_an_assistant_without_its_weights_lets_the_other_one_find(qtbot, page) -> None:
    page.assistant.choose("large")
    page._context.actions["find.everything"].trigger()
    qtbot.waitUntil(lambda: not page.suggestions.busy, timeout=10_000)
    assert "needs a weights file" in page._context.notices.recent[-1].text, "it could, with one"
    page.assistant.choose("plain")
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)


def test_it_gives_its_memory_back_and_comes_again(qtbot, page) -> None:
    find, workers = page._context.actions["find.everything"], page._context.workers
    find.trigger()
    found(qtbot, page)
    (one,) = page.suggestions._finders.others.values()
    assert one.unused.isActive()
    one.unused.timeout.emit()
    qtbot.waitUntil(lambda: not workers.running("segment"), timeout=10_000)
    assert page.suggestions.current is not None, "what it found stays"
    page.hang.touch()
    find.trigger()
    qtbot.waitUntil(lambda: len(_finds(page)) == 2, timeout=10_000)
    assert not one.unused.isActive(), "somebody waits for it"


def test_one_that_cannot_be_loaded_says_so(qtbot, page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAFSPOT_TEST_REFUSES", "finder")
    page._context.actions["find.everything"].trigger()
    qtbot.waitUntil(lambda: not page.suggestions.busy, timeout=10_000)
    assert page._context.notices.recent[-1].text == "It is damaged."


def test_where_none_can_the_person_is_told_which_one_to_open_weights_for(
    qtbot, opened: Opened
) -> None:
    with opened({"plain": PLAIN, "large": LARGE}) as page:
        page._context.actions["find.everything"].trigger()
        assert page.suggestions.busy == ""
        assert "“Large”" in page._context.notices.recent[-1].text


def test_a_search_ends_with_the_assistant_that_was_asked(qtbot, page) -> None:
    page.assistant.choose("finder")
    page.hang.touch()
    page._context.actions["find.everything"].trigger()
    qtbot.waitUntil(lambda: bool(_finds(page)), timeout=10_000)
    page.assistant.choose("plain")
    assert page.suggestions.busy == "", "nobody is looking any more"


def test_another_choice_for_clicks_does_not_end_the_others_search(qtbot, page) -> None:
    page.hang.touch()
    page._context.actions["find.everything"].trigger()
    qtbot.waitUntil(lambda: bool(_finds(page)), timeout=10_000)
    page.assistant.choose("large", "/some.pth")
    assert "With “Finder”" in page.suggestions.busy


def test_weights_that_turn_out_to_be_damaged_end_the_search_with_a_sentence(
    qtbot, page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAFSPOT_TEST_REFUSES", "large")
    page.assistant.choose("large", "/some.pth")
    page._context.actions["find.everything"].trigger()
    qtbot.waitUntil(lambda: not page.suggestions.busy, timeout=10_000)
    said = page._context.notices.recent[-1].text
    assert "It is damaged." in said
    assert "“Plain” goes on" in said
