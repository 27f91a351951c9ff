"""What the assistant promises: proposals for what was pointed at, and no work lost when it dies."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from whole_window import _spot, bare_project, click, drag, label_page, saved, window

from core.domain.region import RegionKind
from core.engines.base import EngineSpec, PromptKind
from core.workers import launch
from gui.controllers import engine_choice

# Answers a click with a square of 20 pixels around it and one of 40; a box with itself.
WORKER = """
import json, os, sys
sys.path.insert(0, {root!r})
import numpy as np
from core.workers.mask_crop import encode_mask
log = open({log!r}, "a")
def say(**event):
    print(json.dumps(event), flush=True)
say(event="hello", protocol=1)
for line in sys.stdin:
    command = json.loads(line)
    log.write(line); log.flush()
    do = command["do"]
    if do == "stop":
        say(event="stopped"); break
    if do == "load":
        if command["checkpoint"] == "/bad.pth":
            say(event="refused", do="load", request=None, text="That file holds no weights.")
        else:
            say(event="loaded", engine=command["engine"])
    if do == "image":
        say(event="ready", token=None, width=400, height=300)
    if do == "ahead":
        say(event="ahead", ready=len(command["photos"]), of=len(command["photos"]))
    if do == "predict":
        {trouble}
        found = []
        if command["box"]:
            x0, y0, x1, y1 = command["box"]
            found.append(encode_mask(np.ones((y1 - y0, x1 - x0), bool), (x0, y0)) | {{"score": 1}})
        else:
            x, y = map(int, command["points"][0])
            for half in (10, 20):
                square = np.ones((2 * half, 2 * half), bool)
                found.append(encode_mask(square, (x - half, y - half)) | {{"score": 0.5}})
        say(event="masks", request=command["request"], candidates=found)
"""
SPECS = {
    "plain": EngineSpec("plain", "Plain", frozenset(PromptKind), "x:y"),
    "weights": EngineSpec(
        "weights", "Weights", frozenset(PromptKind), "x:y", needs_checkpoint=True
    ),
    "others": EngineSpec("others", "Others", frozenset(PromptKind), "x:y", needs_checkpoint=True),
}


@pytest.fixture
def worker(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts the stand-in in the place of the segment worker; gives the log of its commands."""
    log, script = tmp_path / "commands.jsonl", tmp_path / "worker.py"
    log.touch()
    real = launch.command

    def use(trouble: str = "pass") -> Path:
        text = WORKER.format(root=str(repo), log=str(log), trouble=trouble)
        script.write_text(textwrap.dedent(text), encoding="utf-8")
        return log

    def command(name: str, *args: str) -> list[str]:
        return [sys.executable, str(script)] if name == "segment" else real(name, *args)

    monkeypatch.setattr(launch, "command", command)
    monkeypatch.setattr(engine_choice, "engines", lambda: SPECS)
    monkeypatch.setattr("gui.panels.label_assistant.engines", lambda: SPECS)
    use()
    return use


@pytest.fixture
def page(qtbot, tmp_path: Path, worker):
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        QTest.keyClicks(page.canvas, "a")
        yield page


def proposal(qtbot, page):
    qtbot.waitUntil(lambda: page.assistant.candidate is not None, timeout=20_000)
    return page.assistant.candidate


def test_a_click_and_enter_make_a_lesion_that_is_saved(qtbot, page) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    assert page.assistant_panel.accept.isVisible()
    assert page.controller.session.regions == []
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    region = page.controller.session.regions[0]
    assert region.info.kind is RegionKind.LESION
    assert region.info.source == "engine:plain"
    assert region.mask.area() == 400
    assert page.assistant.candidate is None
    saved(qtbot, page)


def test_a_click_without_a_weights_file_says_that_one_is_needed(qtbot, page) -> None:
    page.assistant.choose("weights")
    click(page, 100, 120)
    said = page._context.notices.recent[-1].text
    assert said.startswith("This assistant needs a weights file: open yours, or fetch one")
    assert not page.assistant.busy


def test_a_box_gives_a_proposal_of_its_own(qtbot, page) -> None:
    QTest.keyClicks(page.canvas, "x")
    drag(page, (50, 60), (90, 100))
    box = proposal(qtbot, page)
    assert abs(box.pixels.shape[0] - 40) <= 3
    assert abs(box.origin[0] - 50) <= 2


def test_tab_shows_the_next_proposal_and_comes_round_again(qtbot, page) -> None:
    click(page, 100, 120)
    first = proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Tab)
    second = page.assistant.candidate
    assert second.pixels.sum() == 1600
    QTest.keyClick(page.canvas, Qt.Key.Key_Tab)
    assert page.assistant.candidate is first


def test_escape_drops_the_proposal_and_its_points(qtbot, page) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    assert page.assistant.candidate is None
    assert not page.assistant.prompts
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    assert page.controller.session.regions == []


def test_a_right_click_says_what_is_not_part_of_it(qtbot, page, worker) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    click(page, 150, 150, right=True)
    assert page.assistant.prompts.positive == [True, False]
    qtbot.waitUntil(lambda: '"positive":[true,false]' in worker().read_text(), timeout=20_000)


def test_shift_enter_adds_the_proposal_to_the_active_region(qtbot, page) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    click(page, 115, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert len(page.controller.session.regions) == 1
    assert 400 < page.controller.session.regions[0].mask.area() < 800


def test_with_leaf_chosen_the_proposal_becomes_a_leaf(qtbot, page) -> None:
    QTest.keyClicks(page.canvas, "l")
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    assert page.controller.session.regions[0].info.kind is RegionKind.LEAF


def test_a_photo_is_sent_once_for_many_clicks_and_the_next_one_after_it(qtbot, page, worker):
    for x in (60, 100):
        click(page, x, 120)
        proposal(qtbot, page)
        QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    assert worker().read_text().count('"do":"image"') == 1
    first = page.controller.session.image.id
    QTest.keyClicks(page.canvas, "n")
    qtbot.waitUntil(lambda: page.controller.session.image.id != first, timeout=10_000)
    qtbot.waitUntil(lambda: worker().read_text().count('"do":"image"') == 2, timeout=10_000)


def test_a_proposal_does_not_follow_to_another_photo(qtbot, page) -> None:
    first = page.controller.session.image.id
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClicks(page.canvas, "n")
    qtbot.waitUntil(lambda: page.controller.session.image.id != first, timeout=10_000)
    assert page.assistant.candidate is None
    assert not page.assistant.prompts


def test_a_dead_assistant_is_named_and_the_next_click_wakes_another(qtbot, page, worker) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    drawn = page.controller.session.regions[0].mask.copy()
    page._context.workers.running("segment")[0].kill()
    qtbot.waitUntil(lambda: "assistant" in page.assistant.status.lower()
                    and "killed" in page.assistant.status, timeout=20_000)  # fmt: skip
    assert page.controller.session.regions[0].mask == drawn
    click(page, 200, 120)
    proposal(qtbot, page)


def test_an_assistant_that_dies_over_a_click_says_so(qtbot, tmp_path, worker) -> None:
    worker("os._exit(9)")
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        QTest.keyClicks(page.canvas, "a")
        click(page, 100, 120)
        qtbot.waitUntil(lambda: bool(program.notices.recent), timeout=20_000)
        assert "outlining assistant" in program.notices.recent[-1].text
        assert "the next click starts it again" in program.notices.recent[-1].text.lower()
        assert not page.assistant.busy
        QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
        worker()
        click(page, 100, 120)
        proposal(qtbot, page)


def test_an_engine_with_weights_asks_for_the_file_first(qtbot, page) -> None:
    combo = page.assistant_panel.choice
    page.assistant.choose("weights")
    combo.setCurrentIndex(combo.findData("weights"))
    assert page.assistant_panel.weights.isVisible()
    click(page, 100, 120)
    assert "weights" in page.assistant.status


def test_a_file_without_weights_is_a_sentence_and_another_may_be_tried(qtbot, page) -> None:
    page.assistant.choose("weights", "/bad.pth")
    click(page, 100, 120)
    said = "That file holds no weights."
    qtbot.waitUntil(lambda: page.assistant.status.startswith(said), timeout=20_000)
    qtbot.waitUntil(lambda: not page._context.workers.running("segment"), timeout=20_000)
    page.assistant.choose("weights", "/good.pth")
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    click(page, 100, 120)
    proposal(qtbot, page)


def test_a_file_that_is_no_use_leaves_the_assistant_there_was(qtbot, page, tmp_path) -> None:
    combo, panel = page.assistant_panel.choice, page.assistant_panel
    combo.setCurrentIndex(combo.findData("weights"))
    panel._opened("/bad.pth")  # as the file dialog says it
    bad = "That file holds no weights. Until then, “{}” goes on."
    qtbot.waitUntil(lambda: page.assistant.status == bad.format("Plain"), timeout=20_000)
    assert combo.currentData() == "plain"
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    assert page.controller.session.regions[0].info.source == "engine:plain"

    good = tmp_path / "good.pth"
    good.touch()
    combo.setCurrentIndex(combo.findData("weights"))
    panel._opened(str(good))
    panel._opened("/bad.pth")
    qtbot.waitUntil(lambda: page.assistant.status == bad.format("good.pth"), timeout=20_000)
    assert page._context.preferences.text("assistant.checkpoint") == str(good)
    click(page, 100, 120)
    proposal(qtbot, page)


def test_before_training_the_assistant_goes_and_it_comes_back_with_a_click(qtbot, page) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    gone = []
    page._context.workers.release_residents(lambda: gone.append(True))
    qtbot.waitUntil(lambda: bool(gone), timeout=20_000)
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    click(page, 200, 120)
    proposal(qtbot, page)


def _commands(log: Path, do: str) -> list[dict]:
    return [c for c in map(json.loads, log.read_text().splitlines()) if c["do"] == do]


def test_the_photos_that_come_next_are_prepared_and_a_quiet_line_says_so(
    qtbot, page, worker
) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    panel = page.assistant_panel
    qtbot.waitUntil(lambda: panel.ahead.text() == "Ready for the next 2 photos.", timeout=20_000)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)  # Accept and Drop are in its place until then
    assert panel.ahead.isVisible()
    (told,) = _commands(worker(), "ahead")
    assert [Path(photo["path"]).name for photo in told["photos"]] == ["photo_1.png", "photo_2.png"]
    assert all(len(photo["sha256"]) == 64 for photo in told["photos"])
    page._context.actions["photo.next"].trigger()
    qtbot.waitUntil(lambda: panel.ahead.text() == "Ready for the next photo.", timeout=20_000)
    page._context.actions["photo.next"].trigger()
    qtbot.waitUntil(lambda: not panel.ahead.isVisible(), timeout=20_000)


def test_an_assistant_that_died_is_ready_for_no_photo(qtbot, page) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    ahead = page.assistant_panel.ahead
    qtbot.waitUntil(ahead.isVisible, timeout=20_000)
    # As another photo opens: of what comes after that one nothing is said yet.
    page.ahead.follow(page.controller.current.wanted)
    page._context.workers.running("segment")[0].kill()
    qtbot.waitUntil(lambda: not page.assistant.is_awake, timeout=20_000)
    assert not ahead.isVisible()


def test_the_assistant_keeps_what_it_saw_in_the_project(qtbot, page, worker) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    info = page._context.project.info
    assert _commands(worker(), "keep")[-1] == {
        "do": "keep",
        "folder": str(info.folder / "embeddings"),
        "budget": 5_000_000_000,
    }
    order = [json.loads(line)["do"] for line in worker().read_text().splitlines()]
    assert order.index("keep") < order.index("image")
    page._context.preferences.put("assistant.prepared_gigabytes", 0)
    qtbot.waitUntil(lambda: _commands(worker(), "keep")[-1]["budget"] == 0, timeout=20_000)


def test_a_click_carries_what_is_on_the_screen(qtbot, page, worker) -> None:
    page.canvas.zoom_to(8.0)
    click(page, 200, 150)
    proposal(qtbot, page)
    x0, _, x1, _ = _commands(worker(), "predict")[-1]["view"]
    assert 0 <= x0 < 200 < x1 <= 400
    assert x1 - x0 < 400
    before = len(_commands(worker(), "view"))
    page.canvas.zoom_by(1.25)
    qtbot.waitUntil(lambda: len(_commands(worker(), "view")) > before, timeout=20_000)


def test_what_is_outlined_already_is_not_counted_twice(qtbot, page) -> None:
    for x in (100, 102, 125):
        click(page, x, 120)
        proposal(qtbot, page)
        QTest.keyClick(page.canvas, Qt.Key.Key_Return)
        QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
        assert len(page.controller.session.regions) == (1 if x < 110 else 2)
    first = page.controller.session.regions[0].mask
    assert first.contains(111, 120)
    assert not first.contains(90, 120), "the new outline has taken the place of the old one"
    assert "outlined already" in page._context.notices.recent[-1].text
    saved(qtbot, page)


def test_undo_takes_back_one_click_after_the_other(qtbot, page, worker) -> None:
    undo = page._context.actions["edit.undo"]
    assert not undo.isEnabled()
    click(page, 100, 120)
    proposal(qtbot, page)
    click(page, 300, 200, right=True)
    proposal(qtbot, page)
    assert undo.text() == "Undo click"
    QTest.keyClick(page.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert page.assistant.prompts.positive == [True]
    qtbot.waitUntil(lambda: not page.assistant.busy, timeout=20_000)
    sent = _commands(worker(), "predict")
    assert [len(one["points"]) for one in sent] == [1, 2, 1]
    QTest.keyClick(page.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert page.assistant.candidate is None
    assert not page.assistant.prompts
    assert not undo.isEnabled()


def test_a_minus_alone_is_answered_with_what_is_missing(qtbot, page) -> None:
    page.assistant.wake()
    qtbot.waitUntil(lambda: page.assistant.is_awake, timeout=20_000)
    click(page, 300, 200, right=True)
    assert page.assistant_panel.status.text() == "Click the lesion itself as well."
    click(page, 100, 120)
    proposal(qtbot, page)
    assert "Enter accepts" in page.assistant_panel.status.text()


def test_escape_takes_away_what_was_wrong_with_the_click(qtbot, page, worker) -> None:
    worker('say(event="refused", request=command["request"], text="Nothing there."); continue')
    click(page, 100, 120)
    qtbot.waitUntil(lambda: page.assistant.status == "Nothing there.", timeout=20_000)
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    assert page.assistant.status == "Ready for a click or a box."


def test_undo_leaves_no_proposal_when_only_a_minus_is_left(qtbot, page) -> None:
    click(page, 300, 200, right=True)
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert page.assistant.prompts.positive == [False]
    assert page.assistant.candidate is None
    assert not page.assistant.busy


def test_undo_takes_back_the_clicks_on_a_box_before_the_box(qtbot, page) -> None:
    QTest.keyClicks(page.canvas, "x")
    drag(page, (50, 60), (90, 100))
    proposal(qtbot, page)
    undo = page._context.actions["edit.undo"]
    assert undo.text() == "Undo box"
    QTest.keyClicks(page.canvas, "a")
    click(page, 70, 80)
    proposal(qtbot, page)
    undo.trigger()
    assert page.assistant.prompts.box is not None
    proposal(qtbot, page)
    undo.trigger()
    assert page.assistant.candidate is None


def test_each_assistant_keeps_its_own_weights_file(qtbot, page) -> None:
    panel, choice = page.assistant_panel, page.assistant.choice

    def choose(engine: str) -> str:
        panel.choice.setCurrentIndex(panel.choice.findData(engine))
        panel.choice.activated.emit(panel.choice.currentIndex())
        return choice.checkpoint

    page.assistant.choose("weights", "/one.pth")
    assert choose("others") == "", "a file of another family is of no use to it"
    dialog = page.window().findChild(QFileDialog)
    dialog.fileSelected.emit("/two.pth")
    dialog.reject()
    choose("plain")
    assert choose("weights") == "/one.pth"
    assert choose("others") == "/two.pth"


def test_a_leaf_is_asked_for_by_name(qtbot, page, worker) -> None:
    page._context.actions["kind.toggle"].trigger()
    click(page, 200, 150)
    proposal(qtbot, page)
    assert _commands(worker(), "predict")[-1]["wanted"] == "leaf"


def test_what_the_assistant_has_to_say_besides_its_answer_is_shown(qtbot, page, worker) -> None:
    worker('say(event="ready", token=None, notice="The card gave up.")')
    click(page, 100, 120)
    proposal(qtbot, page)
    said = [n.text for n in page._context.notices.recent]
    assert said.count("The card gave up.") == 1


def test_a_click_in_the_chosen_region_betters_it_and_one_elsewhere_begins_another(
    qtbot, page, worker
) -> None:
    log = worker()
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    first = page.controller.session.regions[0]
    click(page, 104, 124, right=True)
    proposal(qtbot, page)
    assert "Better outline" in page.assistant.status
    sent = _commands(log, "predict")[-1]
    assert sent["before"]["size"] == [20, 20]
    assert sent["positive"] == [False]
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    (only,) = page.controller.session.regions
    assert only.info.id == first.info.id
    assert only.mask.contains(113, 133)
    assert not only.mask.contains(91, 111), "it took the place of what there was"
    assert page.controller.edits.undo_title == "Refine region"
    click(page, 250, 220)
    proposal(qtbot, page)
    assert _commands(log, "predict")[-1]["before"] is None
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    assert len(page.controller.session.regions) == 2


def test_tab_and_shift_tab_walk_both_ways_and_say_which_of_how_many(qtbot, page) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    assert "1 of 2" in page.assistant.status
    QTest.keyClick(page.canvas, Qt.Key.Key_Tab)
    assert "2 of 2" in page.assistant.status
    QTest.keyClick(page.canvas, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert "1 of 2" in page.assistant.status


@pytest.mark.parametrize(("engine", "file"), [("plain", ""), ("weights", "/good.pth")])
def test_the_assistant_wakes_by_itself_unless_it_is_a_model_of_the_persons(
    qtbot, page, worker, monkeypatch: pytest.MonkeyPatch, engine: str, file: str
) -> None:
    page.canvas.set_tool("hand")
    page.assistant.choose(engine, file)
    assert not page.assistant.is_awake
    running = page._context.workers.running
    qtbot.waitUntil(lambda: not running("segment"), timeout=20_000)  # the one before
    monkeypatch.setattr("gui.controllers.ahead.WAKE_MS", 20)
    QTest.keyClick(page.canvas, Qt.Key.Key_N)
    if engine == "plain":
        qtbot.waitUntil(lambda: page.assistant.is_awake, timeout=10_000)
    else:
        qtbot.wait(300)
        assert not page._context.workers.running("segment")
    assert page.assistant.candidate is None


# -- answered at once, and better a moment later


@pytest.fixture
def twice(tmp_path: Path, worker):
    """The stand-in says a spot of 4 pixels at once, and the squares when it is let; gives how."""
    go = tmp_path / "go"
    worker(
        'import time; say(event="masks", request=command["request"], more=True, candidates=['
        'encode_mask(np.ones((4, 4), bool), (98, 118)) | {"score": 0.3}] * 2); '
        f"[time.sleep(0.01) for _ in iter(lambda: os.path.exists({str(go)!r}), True)]"
    )
    return go.touch


def area(page) -> int:
    candidate = page.assistant.candidate
    return 0 if candidate is None else int(candidate.pixels.sum())


def test_a_first_answer_is_shown_at_once_and_gives_way_to_the_better_one(qtbot, page, twice):
    click(page, 100, 120)
    proposal(qtbot, page)
    assert area(page) == 16
    shown = []
    page.assistant.changed.connect(lambda: shown.append(area(page)))
    twice()
    qtbot.waitUntil(lambda: area(page) == 400, timeout=20_000)
    assert set(shown) == {400}, "it never vanishes between the two"


def test_enter_upon_the_first_answer_takes_the_better_one(qtbot, page, twice) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    assert page.controller.session.regions == []
    twice()
    qtbot.waitUntil(lambda: len(page.controller.session.regions) == 1, timeout=20_000)
    assert page.controller.session.regions[0].mask.area() == 400
    assert page.assistant.candidate is None


def test_who_goes_on_before_the_better_answer_loses_neither_region_nor_click(qtbot, page, twice):
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    click(page, 200, 60)
    (region,) = page.controller.session.regions
    assert region.mask.area() == 16
    assert len(page.assistant.prompts.points) == 1
    twice()
    qtbot.waitUntil(lambda: area(page) == 400, timeout=20_000)
    assert abs(page.assistant.candidate.origin[0] - 190) <= 2, "the late answer is to the old click"
    assert len(page.controller.session.regions) == 1


def test_who_leaves_the_photo_before_the_better_answer_keeps_what_was_accepted(
    qtbot, page, twice
) -> None:
    first = page.controller.session.image.id
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    QTest.keyClicks(page.canvas, "n")
    qtbot.waitUntil(lambda: page.controller.session.image.id != first, timeout=10_000)
    assert page.controller.session.regions == []
    twice()
    QTest.keyClicks(page.canvas, "p")
    qtbot.waitUntil(lambda: page.controller.session.image.id == first, timeout=10_000)
    assert [r.mask.area() for r in page.controller.session.regions] == [16]


def test_escape_upon_the_first_answer_drops_the_better_one_as_well(qtbot, page, twice) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    twice()
    click(page, 200, 60)
    qtbot.waitUntil(lambda: area(page) == 400, timeout=20_000)
    assert abs(page.assistant.candidate.origin[0] - 190) <= 2


def test_the_proposal_chosen_with_tab_stays_the_chosen_one(qtbot, page, twice) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    QTest.keyClick(page.canvas, Qt.Key.Key_Tab)
    twice()
    qtbot.waitUntil(lambda: area(page) == 1600, timeout=20_000)


def test_where_there_is_nothing_better_the_first_answer_stands(qtbot, page, worker) -> None:
    worker(
        'say(event="masks", request=command["request"], more=True, candidates=['
        'encode_mask(np.ones((4, 4), bool), (98, 118)) | {"score": 0.3}]); '
        'say(event="refused", do="predict", request=command["request"], text="No."); continue'
    )
    click(page, 100, 120)
    proposal(qtbot, page)
    qtbot.waitUntil(lambda: not page.assistant.settling.under_way, timeout=20_000)
    assert area(page) == 16
    assert page.assistant.problem == ""


# -- ahead of the click


def _hover(page, x: float, y: float) -> None:
    QTest.mouseMove(page.canvas, _spot(page, x, y))


def test_where_the_pointer_rests_the_worker_looks_ahead(qtbot, page, worker) -> None:
    qtbot.waitUntil(lambda: page.assistant.is_awake, timeout=20_000)
    for x in range(60, 201, 10):  # passing over is no rest
        _hover(page, x, 120)
    qtbot.waitUntil(lambda: bool(_commands(worker(), "rest")), timeout=20_000)
    (told,) = _commands(worker(), "rest")
    assert abs(told["at"][0] - 200) <= 2
    assert abs(told["at"][1] - 120) <= 2
    assert told["view"]


def test_while_a_region_is_being_outlined_nobody_looks_elsewhere(qtbot, page, worker) -> None:
    click(page, 100, 120)
    proposal(qtbot, page)
    _hover(page, 210, 60)
    qtbot.wait(300)
    assert _commands(worker(), "rest") == []
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(_commands(worker(), "rest")), timeout=20_000)
    assert abs(_commands(worker(), "rest")[0]["at"][0] - 210) <= 2


def test_other_tools_and_leaves_look_nowhere_ahead(qtbot, page, worker) -> None:
    qtbot.waitUntil(lambda: page.assistant.is_awake, timeout=20_000)
    page.canvas.set_tool("hand")
    _hover(page, 100, 120)
    qtbot.wait(300)
    page.canvas.set_tool("point")
    page._context.actions["kind.toggle"].trigger()
    _hover(page, 150, 120)
    qtbot.wait(300)
    assert _commands(worker(), "rest") == []
