"""What “Drafts of the trained model” promises: offered, never taken unasked, of the open photo."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_train_worker import FakeRun
from leaf_project import leaf_project, stand_in_base
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from whole_window import label_page, on_disk, saved, window

from core.domain.ids import ImageId, new_id
from core.domain.image import LeafImage
from core.domain.region import RegionKind
from core.imaging.decode import inspect
from core.imaging.drawn_leaves import draw_leaf
from core.ports import ImageQuery, NewImage, ProjectStore
from core.services import training_session
from core.services.train import ingest, prepare_run
from core.training.config import TrainConfig
from core.workers import launch
from gui.app import Leafspot
from gui.panels.label import LabelPage
from storage import open_project

PATIENCE = 20_000
CONTROL = Qt.KeyboardModifier.ControlModifier

# Sees two lesions and a leaf on every photo, unless told to refuse, to die or to take its time.
WORKER = """
import json, os, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
import numpy as np
from PIL import Image
trouble = Path({trouble!r})
def say(**event):
    print(json.dumps(event), flush=True)
say(event="hello", protocol=1)
say(event="ready", classes=["a", "b"])
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "stop":
        say(event="stopped"); break
    word = trouble.read_text() if trouble.exists() else ""
    if word == "die":
        trouble.unlink(); os._exit(11)
    if word == "refuse":
        say(event="refused", token=command["token"], text="It is too dark."); continue
    while word == "wait" and trouble.exists():
        time.sleep(0.02)
    lesions, leaf = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    lesions[10:20, 10:20] = 250
    lesions[40:44, 40:50] = 180
    leaf[4:60, 4:60] = 240
    out = Path(command["out"])
    for name, grid in (("lesions", lesions), ("leaf", leaf)):
        Image.fromarray(grid).save(out / f"{{name}}.png")
    say(event="answer", token=command["token"], predicted="a", probabilities=[["a", 1.0]],
        severity=1.0, lesions=str(out / "lesions.png"), leaf=str(out / "leaf.png"))
"""


def unseen_photo(folder: Path, number: int) -> NewImage:
    """A leaf that no run has met."""
    leaf = draw_leaf(np.random.default_rng(900 + number), crop="coffee", styles={}, size=(240, 180))
    path = folder / f"unseen_{number}.png"
    assert cv2.imwrite(str(path), leaf.rgb[..., ::-1])
    seen = inspect(path)
    return NewImage(LeafImage(ImageId(new_id()), str(path), seen.sha256, 240, 180))


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a scored run of six leaves, and two photos that it has not met."""
    monkeypatch.setattr("core.vlms.base.MODELS", stand_in_base(tmp_path))
    store = leaf_project(tmp_path, leaves=6)
    folder = prepare_run(store, TrainConfig())
    FakeRun(folder.root, steps=4).train()
    ingest(store, folder)
    store.add_images([unseen_photo(tmp_path, number) for number in range(2)])
    store.close()
    return store.folder


@pytest.fixture
def trouble(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the stand-in in the place of the answer worker; what is written here it obeys."""
    script, told = tmp_path / "answer.py", tmp_path / "trouble"
    text = WORKER.format(root=str(repo), trouble=str(told))
    script.write_text(textwrap.dedent(text), encoding="utf-8")
    real = launch.command

    def command(name: str, *args: str) -> list[str]:
        return [sys.executable, str(script)] if name == "answer" else real(name, *args)

    monkeypatch.setattr(launch, "command", command)
    return told


@pytest.fixture
def program(qtbot, trained: Path, trouble: Path):
    with window(qtbot, trained) as made:
        yield made


@pytest.fixture
def page(qtbot, program: Leafspot) -> LabelPage:
    return label_page(qtbot, program)


def go_to(qtbot, page: LabelPage, row: int) -> ImageId:
    qtbot.waitUntil(lambda: len(page.gallery.index) == 8, timeout=PATIENCE)
    image = page.gallery.index.id(row)
    page.controller.current.open(image)
    qtbot.waitUntil(
        lambda: page.controller.session is not None and page.controller.session.image.id == image,
        timeout=PATIENCE,
    )
    return image


def ask(qtbot, page: LabelPage) -> None:
    QTest.keyClick(page.canvas, Qt.Key.Key_D, CONTROL)
    qtbot.waitUntil(lambda: page.suggestions.current is not None, timeout=PATIENCE)


def answering(program: Leafspot) -> list:
    return program.context.workers.running("answer")


def test_what_the_model_drew_when_it_was_scored_is_offered_and_no_model_starts(
    qtbot, page, program
) -> None:
    image = go_to(qtbot, page, 0)
    session = page.controller.session
    page.controller.edits.do(session.delete(*(r.info.id for r in session.regions)))
    ask(qtbot, page)
    assert answering(program) == []
    assert session.regions == [], "nothing is outlined before somebody says so"
    count = 1 + len(page.suggestions.others)
    assert f"1 of {count}" in page.assistant_panel.status.text()
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    (leaf,) = session.regions
    assert leaf.info.kind is RegionKind.LEAF
    assert leaf.info.source.startswith("run:")
    saved(qtbot, page)
    with on_disk(program.context.project.info.folder) as store:
        assert [r.info for r in store.regions(image)] == [leaf.info]


def test_a_photo_that_no_run_has_met_is_shown_to_the_model_now(qtbot, page, program) -> None:
    image = go_to(qtbot, page, 6)
    ask(qtbot, page)
    kinds = [page.suggestions.current.kind, *(one.kind for one in page.suggestions.others)]
    assert kinds == [RegionKind.LEAF, RegionKind.LESION, RegionKind.LESION]
    QTest.keyClick(page.canvas, Qt.Key.Key_J)
    assert len(page.suggestions.others) == 1
    QTest.keyClick(page.canvas, Qt.Key.Key_Return, CONTROL)
    lesions = page.controller.session.regions
    assert [r.info.kind for r in lesions] == [RegionKind.LESION] * 2
    # The surest first; 250 of 255 on 10 cells of 64 across a photo of 240 × 180.
    assert lesions[0].mask.box()[:2] == pytest.approx((10 * 240 / 64, 10 * 180 / 64), abs=3)
    saved(qtbot, page)
    with on_disk(program.context.project.info.folder) as store:
        assert len(store.regions(image)) == 2
    program.context.actions["edit.undo"].trigger()
    assert page.controller.session.regions == [], "all of them are one step"


def test_the_model_stays_for_the_next_photo_and_keeps_to_what_is_not_outlined(
    qtbot, page, program
) -> None:
    go_to(qtbot, page, 6)
    ask(qtbot, page)
    (first,) = answering(program)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return, CONTROL)
    QTest.keyClick(page.canvas, Qt.Key.Key_D, CONTROL)
    qtbot.waitUntil(lambda: page.suggestions.busy == "", timeout=PATIENCE)
    assert page.suggestions.current is None
    assert "found nothing" in program.context.notices.recent[-1].text
    go_to(qtbot, page, 7)
    ask(qtbot, page)
    assert answering(program) == [first]


def test_a_model_that_cannot_answer_says_why(qtbot, page, program, trouble: Path) -> None:
    trouble.write_text("refuse")
    go_to(qtbot, page, 6)
    QTest.keyClick(page.canvas, Qt.Key.Key_D, CONTROL)
    assert page.suggestions.busy == "Asking the trained model…"
    qtbot.waitUntil(lambda: page.suggestions.busy == "", timeout=PATIENCE)
    assert program.context.notices.recent[-1].text == "It is too dark."
    assert page.suggestions.current is None


def test_a_model_that_died_over_a_photo_says_so_and_is_started_again(
    qtbot, page, program, trouble: Path
) -> None:
    trouble.write_text("die")
    go_to(qtbot, page, 6)
    QTest.keyClick(page.canvas, Qt.Key.Key_D, CONTROL)
    qtbot.waitUntil(lambda: page.suggestions.busy == "", timeout=PATIENCE)
    assert "Ask again and it starts anew" in program.context.notices.recent[-1].text
    ask(qtbot, page)


def test_an_answer_about_another_photo_comes_too_late(qtbot, page, trouble: Path) -> None:
    trouble.write_text("wait")
    go_to(qtbot, page, 6)
    QTest.keyClick(page.canvas, Qt.Key.Key_D, CONTROL)
    go_to(qtbot, page, 7)
    model = page.suggestions._model
    trouble.unlink()
    qtbot.waitUntil(lambda: not model.busy, timeout=PATIENCE)
    qtbot.wait(300)
    assert page.suggestions.current is None
    assert page.controller.session.regions == []


@pytest.mark.slow
def test_a_model_that_was_really_trained_drafts_on_a_photo_it_has_not_met(
    qtbot, tmp_path: Path
) -> None:
    """The embedded base, half a minute of training, the real worker behind Ctrl+D."""
    store: ProjectStore = leaf_project(tmp_path, leaves=12)
    folder = prepare_run(store, TrainConfig(minutes=0.5, evaluations=1, rank=4))
    training_session.train(store, folder, on_event=lambda _event: None)
    store.add_images([unseen_photo(tmp_path, 0)])
    store.close()
    with window(qtbot, store.folder) as program:
        page = label_page(qtbot, program)
        qtbot.waitUntil(lambda: len(page.gallery.index) == 13, timeout=PATIENCE)
        image = page.gallery.index.id(12)
        page.controller.current.open(image)
        qtbot.waitUntil(lambda: page.controller.session.image.id == image, timeout=PATIENCE)
        QTest.keyClick(page.canvas, Qt.Key.Key_D, CONTROL)
        qtbot.waitUntil(lambda: page.suggestions.current is not None, timeout=180_000)
        assert page.suggestions.current.kind is RegionKind.LEAF
        QTest.keyClick(page.canvas, Qt.Key.Key_Return)
        (leaf,) = page.controller.session.regions
        # A leaf fills about half of a drawn photo; what was learnt in half a minute finds most.
        assert 0.15 * 240 * 180 < leaf.mask.area() < 0.95 * 240 * 180
        saved(qtbot, page)
    again = open_project(store.folder, read_only=True)
    assert [r.info.source for r in again.regions(image)] == [f"run:{folder.id}"]
    assert again.count(ImageQuery()) == 13
    again.close()


def test_an_answer_that_comes_too_late_does_not_pass_for_that_to_a_later_question(
    qtbot, trained, monkeypatch
) -> None:
    with window(qtbot, trained) as program:
        page = label_page(qtbot, program)
        asked: list[tuple] = []
        monkeypatch.setattr(page.suggestions._model, "ask", lambda *ask: asked.append(ask))
        page.suggestions.from_model()
        page.suggestions.clear()
        page.suggestions.from_model()
        _, _, _, (first, second) = zip(*asked, strict=True)
        first("It is too dark.")
        assert page.suggestions.busy
        second("It is far too dark.")
        assert not page.suggestions.busy
        assert program.context.notices.recent[-1].text == "It is far too dark."
