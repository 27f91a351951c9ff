"""What finding without a click promises: nothing is taken unasked, one undo takes it back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from finding import found, press, scripted
from PySide6.QtCore import Qt
from whole_window import on_disk, saved

from core.domain.mask import TileMask
from core.domain.region import RegionKind
from core.engines.base import EngineSpec, PromptKind
from core.services.annotate import Draft

# Finds three squares, the second upon the first when that one is an example.
WORKER = """
import os
photo = None
for line in sys.stdin:
    command = json.loads(line)
    do = command["do"]
    if do == "stop":
        say(event="stopped"); break
    if do == "load":
        say(event="loaded", engine=command["engine"])
    if do == "image":
        photo = command["path"]
        say(event="ready", token=None, width=400, height=300)
    if do == "find" and os.path.exists({die!r}):
        os.remove({die!r})
        os._exit(9)
    if do == "find":
        number = command["request"]
        if photo is None:
            say(event="refused", do="find", request=number, text="Open a photo first.")
        elif command["what"] == "whole_leaf":
            say(event="found", request=number, candidates=[square(50, 50, 200)])
        elif command["what"] == "alike":
            found = [square(10 * len(command["examples"]), 200, 30)]
            say(event="found", request=number, candidates=found)
        else:
            found = [square(60, 60, 20), square(100, 60, 20), square(150, 150, 40)]
            say(event="found", request=number, candidates=found)
"""
SPECS = {
    "finder": EngineSpec("finder", "Finder", frozenset(PromptKind), "x:y"),
}


@pytest.fixture
def page(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = WORKER.format(die=str(tmp_path / "die"))
    with scripted(qtbot, tmp_path, monkeypatch, source, SPECS) as page:
        yield page


def test_nothing_is_outlined_before_somebody_says_so(qtbot, page) -> None:
    press(page, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    found(qtbot, page)
    assert page.controller.session.regions == []
    assert "1 of 3" in page.assistant_panel.status.text()
    press(page, Qt.Key.Key_Return)
    assert len(page.controller.session.regions) == 1
    assert "1 of 2" in page.assistant_panel.status.text()
    press(page, Qt.Key.Key_J)
    assert len(page.controller.session.regions) == 1
    assert "1 of 1" in page.assistant_panel.status.text()
    press(page, Qt.Key.Key_Escape)
    assert page.suggestions.current is None
    (region,) = page.controller.session.regions
    assert region.info.source == "engine:finder"
    assert region.info.kind is RegionKind.LESION


def test_all_at_once_is_one_step_of_undo_and_on_disk(qtbot, page) -> None:
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)
    press(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(page.controller.session.regions) == 3
    assert page.controller.session.image.mask_known
    saved(qtbot, page)
    image = page.controller.session.image.id
    with on_disk(page._context.project.info.folder) as store:
        assert len(store.regions(image)) == 3
    page._context.actions["edit.undo"].trigger()
    assert page.controller.session.regions == []
    assert not page.controller.session.image.mask_known


def test_what_is_outlined_already_is_not_suggested_again(qtbot, page) -> None:
    for left in (3, 2):
        page._context.actions["find.everything"].trigger()
        found(qtbot, page)
        assert len(page.suggestions.others) == left - 1
        press(page, Qt.Key.Key_Return)
        press(page, Qt.Key.Key_Escape)


def test_one_key_outlines_the_leaf_as_a_leaf(qtbot, page) -> None:
    press(page, Qt.Key.Key_L, Qt.KeyboardModifier.ShiftModifier)
    found(qtbot, page)
    press(page, Qt.Key.Key_Return)
    (leaf,) = page.controller.session.regions
    assert leaf.info.kind is RegionKind.LEAF
    assert leaf.info.disease is None


def find_alike(qtbot, page) -> None:
    """Look for more of what everything found first."""
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)
    press(page, Qt.Key.Key_Return)
    press(page, Qt.Key.Key_Escape)
    (lesion,) = page.controller.session.regions
    page.controller.edits.set_active(lesion.info.id)
    page._context.actions["find.alike"].trigger()
    found(qtbot, page)


def test_more_like_this_needs_a_lesion_to_be_like(qtbot, page) -> None:
    page.suggestions.find(PromptKind.ALIKE)
    assert page.suggestions.busy == ""
    find_alike(qtbot, page)
    assert page.suggestions.current.candidate.origin == (10, 200)


def test_an_assistant_that_died_over_a_search_is_named_and_the_next_search_wakes_it(
    qtbot, page
) -> None:
    Path(page._context.project.store.folder.parent / "die").touch()
    find = page._context.actions["find.everything"]
    find.trigger()
    qtbot.waitUntil(lambda: not page.suggestions.busy, timeout=10_000)
    assert "next click starts it again" in page._context.notices.recent[-1].text
    find.trigger()
    found(qtbot, page)


def test_another_photo_has_none_of_them(qtbot, page) -> None:
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)
    before = page.controller.session.image.id
    press(page, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: page.controller.session.image.id != before, timeout=10_000)
    assert page.suggestions.current is None
    assert page.canvas.marks.shown.waiting is None


def test_without_a_trained_model_there_are_no_drafts(qtbot, page) -> None:
    page._context.actions["find.model"].trigger()
    qtbot.waitUntil(lambda: page.suggestions.busy == "", timeout=10_000)
    assert page.suggestions.current is None


def test_what_is_accepted_keeps_to_the_rules_of_the_region_menu(qtbot, page) -> None:
    session, edits = page.controller.session, page.controller.edits
    size = (session.image.width, session.image.height)
    leaf = TileMask.from_array(np.ones((100, 50), bool), (60, 60), size)
    edits.do(session.stroke(leaf.packed(), region=None, draft=Draft(RegionKind.LEAF)))
    page._context.preferences.put("label.inside_leaf", True)
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)
    page._context.actions["candidate.all"].trigger()
    assert [r.mask.area() for r in session.regions] == [5000, 400, 200], "half of it is beside"
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)
    press(page, Qt.Key.Key_J)
    page._context.actions["candidate.accept"].trigger()
    assert len(session.regions) == 3
    assert "rules" in page._context.notices.recent[-1].text


def test_what_enter_would_take_is_in_sight_however_near_one_looks(qtbot, page) -> None:
    camera = page.canvas.camera
    page.canvas.zoom_to(12.0, (70, 70))
    near = camera.visible_box()
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)
    assert camera.visible_box() == near, "the first is there already"
    press(page, Qt.Key.Key_Tab)
    press(page, Qt.Key.Key_Tab)
    x0, y0, x1, y1 = camera.visible_box()
    assert x0 <= 150
    assert y0 <= 150
    assert x1 >= 190
    assert y1 >= 190
    assert page.canvas.zoom == 12.0
    page.canvas.fit()
    press(page, Qt.Key.Key_Tab)
    assert camera.fitted, "the whole photo shows them all"
    page.canvas.zoom_to(20.0, (300, 200))
    press(page, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert camera.visible_box()[0] < 190


def test_what_is_on_the_screen_is_suggested_first(qtbot, page) -> None:
    page.canvas.zoom_to(12.0, (170, 170))
    page._context.actions["find.everything"].trigger()
    found(qtbot, page)
    assert page.suggestions.current.candidate.origin == (150, 150)
    assert [one.candidate.origin for one in page.suggestions.others] == [(60, 60), (100, 60)]


def test_what_was_rejected_is_not_found_to_be_more_like_this_again(qtbot, page) -> None:
    find_alike(qtbot, page)
    press(page, Qt.Key.Key_J)
    page._context.actions["find.alike"].trigger()
    qtbot.waitUntil(lambda: not page.suggestions.busy, timeout=10_000)
    assert page.suggestions.current is None
    assert "Nothing more like this" in page._context.notices.recent[-1].text
