"""Taking the adapter and the labels away."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest
from fake_train_worker import FakeRun
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from core.errors import WorkerFailed
from core.services.answering import Answerer, Verified
from core.services.train import ingest, prepare_run
from core.training.config import TrainConfig
from gui.controllers.export import AdapterStep, inside
from gui.panels.export import ExportWorkspace
from gui.tasks import Gone


class StandInAnswerer:
    """Answers as the run did, or not; starts no process."""

    agreement: ClassVar[float] = 1.0
    merged_agreement: ClassVar[float] = 1.0
    seen: ClassVar[list[Path]] = []

    def __init__(self, adapter: Path, *, base: str = "", merged: bool = False) -> None:
        self._adapter, self._merged = adapter, merged

    def __enter__(self) -> Answerer:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def verify(self, _folder, images) -> Verified:
        StandInAnswerer.seen.append(self._adapter)
        assert 1 <= len(images) <= 8
        whole = StandInAnswerer.merged_agreement
        return Verified(whole if self._merged else StandInAnswerer.agreement, 0.004)

    def merge(self, out: Path) -> None:
        (out / "model.safetensors").write_bytes(bytes(32))

    def give_up(self) -> None: ...


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    # Its methods, not its name: a module first imported meanwhile would keep the stand-in for good.
    for name in ("__init__", "__enter__", "__exit__", "verify", "merge", "give_up"):
        monkeypatch.setattr(Answerer, name, vars(StandInAnswerer)[name])
    monkeypatch.setattr(StandInAnswerer, "agreement", 1.0)
    monkeypatch.setattr(StandInAnswerer, "merged_agreement", 1.0)
    monkeypatch.setattr(StandInAnswerer, "seen", [])
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=6) as found:
        yield found


def trained(store):
    folder = prepare_run(store, TrainConfig())
    FakeRun(folder.root, steps=8).train()
    for name in ("adapter_model.safetensors", "head.safetensors"):
        (folder.adapter / name).write_bytes(bytes(32))
    (folder.adapter / "adapter_config.json").write_text("{}")
    ingest(store, folder)
    return folder


@pytest.fixture
def page(qtbot, leaves) -> ExportWorkspace:
    leaves.ask(qtbot, trained)
    shown = leaves.show(ExportWorkspace(leaves.context), "export")
    qtbot.waitUntil(lambda: shown.adapter.run is not None, timeout=PATIENCE)
    return shown


def test_without_a_run_only_the_labels_can_be_taken(qtbot, leaves) -> None:
    page = leaves.show(ExportWorkspace(leaves.context), "export")
    assert not page.none_yet.isHidden()
    assert page.adapter.isHidden()
    assert page.data.go.isEnabled()


def test_the_ticks_are_green_after_the_copy_was_scored_again(qtbot, page, tmp_path) -> None:
    out = tmp_path / "adapters" / "coffee rust"
    steps: list[AdapterStep] = []
    page.controller.stepped.connect(steps.append)
    page.adapter.place.setText(str(out))
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    assert set(page.adapter.steps.states.values()) != {"done"}
    qtbot.waitUntil(lambda: page.adapter.made is not None, timeout=PATIENCE)

    assert steps == [s for s in AdapterStep if s is not AdapterStep.MERGE]
    assert set(page.adapter.steps.states.values()) == {"done"}
    assert "100 % of the diseases agree" in page.adapter.outcome.text()
    assert "0.004" in page.adapter.outcome.text()
    assert (out / "manifest.json").is_file()
    assert StandInAnswerer.seen != [out]  # the copy was asked before it had its name
    assert f'predict "{out}"' in page.adapter.snippet.text.text()
    page.adapter.snippet.copy.click()
    assert QGuiApplication.clipboard().text() == page.adapter.snippet.text.text()


def test_the_merged_model_is_written_beside_the_adapter_when_asked_for(
    qtbot, page, tmp_path
) -> None:
    out = tmp_path / "rust"
    page.adapter.place.setText(str(out))
    page.adapter.merged.setChecked(True)
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.adapter.made is not None, timeout=PATIENCE)
    assert (tmp_path / "rust merged" / "model.safetensors").is_file()
    assert "“rust merged”" in page.adapter.outcome.text()
    assert page.adapter.steps.states[AdapterStep.MERGE] == "done"


def test_the_adapter_stays_where_the_merged_model_fails(qtbot, page, tmp_path) -> None:
    StandInAnswerer.merged_agreement = 0.5
    page.adapter.place.setText(str(tmp_path / "rust"))
    page.adapter.merged.setChecked(True)
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.adapter.problems.texts), timeout=PATIENCE)
    assert "the merged model was not written" in page.adapter.problems.texts[0]
    assert (tmp_path / "rust").is_dir()
    assert not (tmp_path / "rust merged").exists()


def test_a_copy_that_answers_otherwise_is_not_exported(qtbot, page, tmp_path) -> None:
    StandInAnswerer.agreement = 0.5
    out = tmp_path / "adapter"
    page.adapter.place.setText(str(out))
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.adapter.problems.texts), timeout=PATIENCE)
    assert "nothing was exported" in page.adapter.problems.texts[0]
    assert "done" not in page.adapter.steps.states[AdapterStep.PLACE]
    assert not out.exists()
    assert page.adapter.snippet.isHidden()
    assert page.adapter.go.isEnabled()


def test_nothing_is_written_over(qtbot, page, tmp_path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    page.adapter.place.setText(str(tmp_path / "taken"))
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.adapter.problems.texts), timeout=PATIENCE)
    assert "already exists" in page.adapter.problems.texts[0]
    assert (tmp_path / "taken" / "thesis.txt").read_text() == "mine"


def test_the_labels_go_out_as_coco_and_it_says_what_is_lost(qtbot, page, tmp_path) -> None:
    data = page.data
    data.format.setCurrentIndex(data.format.findData("coco"))
    assert "leaves out" in data.loses.text()
    data.place.setText(str(tmp_path / "labels.json"))
    qtbot.mouseClick(data.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: data.made is not None, timeout=PATIENCE)
    assert "6 photos and 10 outlines" in data.outcome.text()
    found = json.loads((tmp_path / "labels.json").read_text())
    assert len(found["images"]) == 6
    assert not data.open.isHidden()


def test_every_registered_format_can_be_chosen(page) -> None:
    ids = [page.data.format.itemData(i) for i in range(page.data.format.count())]
    assert {"coco", "masks"} <= set(ids)
    for index in range(page.data.format.count()):
        page.data.format.setCurrentIndex(index)
        assert page.data.loses.text()
        assert page.data.place.text()


def test_an_export_that_fails_says_why(qtbot, page, tmp_path) -> None:
    data = page.data
    data.format.setCurrentIndex(data.format.findData("coco"))
    (tmp_path / "folder.json").mkdir()
    data.place.setText(str(tmp_path / "folder.json"))
    qtbot.mouseClick(data.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(data.problems.texts), timeout=PATIENCE)
    assert "is a folder" in data.problems.texts[0]
    assert data.go.isEnabled()


def test_labels_of_a_project_that_was_closed_meanwhile_are_no_fault_of_the_program(page) -> None:
    page.controller.data_failed.emit(Gone())
    assert page.data.problems.texts == ["The project was closed meanwhile; nothing was written."]


def test_a_file_that_is_no_export_of_this_project_is_replaced_only_when_told(
    qtbot, page, tmp_path
) -> None:
    data, mine = page.data, tmp_path / "labels.json"
    mine.write_text("dear to me")
    data.format.setCurrentIndex(data.format.findData("coco"))

    def answer(words: str) -> None:
        data.place.setText(str(mine))
        qtbot.mouseClick(data.go, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: bool(page.findChildren(QMessageBox)), timeout=PATIENCE)
        (box,) = page.findChildren(QMessageBox)
        assert "is no earlier export of" in box.text()
        assert "--" not in box.text()
        next(b for b in box.buttons() if b.text() == words).click()
        qtbot.waitUntil(lambda: not page.findChildren(QMessageBox), timeout=PATIENCE)

    answer("Keep it")
    assert mine.read_text() == "dear to me"
    assert "left as it is" in data.problems.texts[0]
    answer("Replace it")
    qtbot.waitUntil(lambda: data.made is not None, timeout=PATIENCE)
    assert len(json.loads(mine.read_text())["images"]) == 6
    qtbot.mouseClick(data.go, Qt.MouseButton.LeftButton)  # its own export: no question
    qtbot.waitUntil(lambda: data.made is not None, timeout=PATIENCE)


def test_each_file_of_the_package_is_explained() -> None:
    names = ["head.safetensors", "leafspot.json", "README.md", "odd.txt", "tokenizer.json"]
    lines = inside(names)
    assert [n for n, _ in lines][-1] == "odd.txt"
    assert dict(lines)["head.safetensors"].startswith("the mask head")
    assert all(meaning for name, meaning in lines if name != "odd.txt")


class Slow:
    """An answer that takes until somebody gives it up, in the place of `StandInAnswerer`'s."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.asked, self.given_up = threading.Event(), threading.Event()

        def wait(_self: Answerer, *_asked: object) -> None:
            self.asked.set()
            assert self.given_up.wait(PATIENCE / 1000)
            raise WorkerFailed("The prediction process ended.")

        monkeypatch.setattr(Answerer, method, wait)
        monkeypatch.setattr(Answerer, "give_up", lambda _self: self.given_up.set())


def test_closing_the_project_ends_an_export_and_leaves_nothing_half_written(
    qtbot, page, leaves, tmp_path, monkeypatch
) -> None:
    slow, place = Slow(monkeypatch, "verify"), tmp_path / "adapters"
    page.adapter.place.setText(str(place / "rust"))
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(slow.asked.is_set, timeout=PATIENCE)
    assert [p.name.startswith(".rust") for p in place.iterdir()] == [True]
    leaves.context.project.put(None)
    qtbot.waitUntil(lambda: not page.controller.adapter_busy, timeout=PATIENCE)
    assert list(place.iterdir()) == []
    told = ["The project was closed meanwhile; nothing was written."]
    assert page.adapter.problems.texts == told


def test_closing_the_project_while_it_is_merged_leaves_the_adapter_that_was_whole(
    qtbot, page, leaves, tmp_path, monkeypatch
) -> None:
    slow, place = Slow(monkeypatch, "merge"), tmp_path / "adapters"
    page.adapter.place.setText(str(place / "rust"))
    page.adapter.merged.setChecked(True)
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(slow.asked.is_set, timeout=PATIENCE)
    leaves.context.project.put(None)
    qtbot.waitUntil(lambda: not page.controller.adapter_busy, timeout=PATIENCE)
    assert [p.name for p in place.iterdir()] == ["rust"]
    assert "the merged model was not written" in page.adapter.problems.texts[0]
    assert "closed meanwhile" in page.adapter.problems.texts[0]


def test_closing_the_project_ends_an_export_of_the_labels(
    qtbot, page, leaves, tmp_path, monkeypatch
) -> None:
    begun, closed, place = threading.Event(), threading.Event(), tmp_path / "labels"

    def moved(_done: int, _of: int) -> None:
        begun.set()
        assert closed.wait(PATIENCE / 1000)

    monkeypatch.setattr(page.controller, "_moved", moved)
    data = page.data
    data.format.setCurrentIndex(data.format.findData("masks"))
    data.place.setText(str(place / "rust"))
    qtbot.mouseClick(data.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(begun.is_set, timeout=PATIENCE)
    leaves.context.project.put(None)
    closed.set()
    qtbot.waitUntil(lambda: not page.controller.data_busy, timeout=PATIENCE)
    assert list(place.iterdir()) == []


HALF_WAY = """
import sys, threading
from pathlib import Path
from core import files
from gui.start import ended
from gui.tasks import Tasks
begun = threading.Event()
def export():
    with files.whole_folder(Path(sys.argv[1]) / "rust") as draft:
        (draft / "half.bin").write_bytes(bytes(9))
        begun.set()
        threading.Event().wait()
tasks = Tasks(print)
tasks.run(export)
begun.wait()
tasks.close()
ended(3)
"""


def test_a_window_that_closes_in_the_middle_of_writing_takes_the_draft_along(repo, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", HALF_WAY, str(tmp_path)], cwd=repo, check=False, timeout=120
    )
    assert ran.returncode == 3
    assert list(tmp_path.iterdir()) == []


def test_leaving_while_something_is_exported_says_what_would_be_lost(
    qtbot, page, leaves, tmp_path
) -> None:
    """The window closed without a word, and half a model stayed where it was to go."""

    def losses() -> list[str]:
        return [text for guard in leaves.context.guards if (text := guard())]

    assert losses() == []
    page.adapter.place.setText(str(tmp_path / "rust"))
    qtbot.mouseClick(page.adapter.go, Qt.MouseButton.LeftButton)
    assert losses() == ["An export is under way and will not be finished."]
    qtbot.waitUntil(lambda: page.adapter.made is not None, timeout=PATIENCE)
    assert losses() == []
