"""The whole job through the real window: import, outline, train, review, correct, train, export.

Everything is the real thing: the project on disk, the assistant, the `starter` model, the workers.
The leaves are drawn. Clicks and keys go to real widgets; the test only waits and looks.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from core.domain.region import RegionKind
from core.domain.run import RunState, Verdict
from core.imaging.sample_leaves import write_sample_leaves
from core.training.config import TrainConfig
from gui.app import Leafspot
from gui.controllers.saver import SaveState
from gui.dialogs.import_photos import ImportDialog
from gui.dialogs.new_project import NewProjectDialog

LEAVES = 20
SIZE = (320, 240)
EPOCHS = 2
"""Each run ends by these, long before its minute: what is learnt is not looked at here."""
SOON, LONG = 60_000, 480_000
"""Milliseconds until a thing happens on a busy machine; a whole run is LONG."""
Wait = Callable[..., None]


@pytest.fixture
def program(qtbot) -> Iterator[Leafspot]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    made = Leafspot(app)
    bugs: list[BaseException] = []
    made.crash.report = bugs.append  # type: ignore[method-assign]
    made.notices._bug = bugs.append
    made.shell.show()
    yield made
    made.context.guards.clear()
    made.shell.close()
    made.shell.deleteLater()
    assert bugs == []


def sample_folder(folder: Path) -> tuple[str, str, np.ndarray]:
    """Drawn leaves; one of them comes without mask and label: (file name, disease, its mask)."""
    write_sample_leaves(folder, count=LEAVES, size=SIZE)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = next(r for r in rows if r["disease"] != "healthy" and r["split"] == "train")
    name, disease = chosen["image"], chosen["disease"]
    file_ = folder / "masks" / Path(name).with_suffix(".png")
    mask = np.asarray(Image.open(file_)) > 1
    file_.unlink()
    chosen["disease"] = ""
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    return name, disease, mask


def press(widget: QPushButton) -> None:
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def dialog_of(qtbot, program: Leafspot, kind: type):
    """The dialog of that kind, once it is open."""

    def found():
        return [d for d in program.shell.findChildren(kind) if d.isVisible()]

    qtbot.waitUntil(lambda: bool(found()), timeout=SOON)
    return found()[0]


def create_and_import(qtbot, program: Leafspot, home: Path, leaves: Path) -> None:
    program.context.actions["project.new"].trigger()
    dialog = dialog_of(qtbot, program, NewProjectDialog)
    dialog._folder.setText(str(home))
    dialog._name.setText("Hill farm")
    dialog.accept()
    imports = dialog_of(qtbot, program, ImportDialog)
    imports.photos.line.setText(str(leaves))
    assert imports.masks.line.text() == str(leaves / "masks")
    press(imports.start)
    qtbot.waitUntil(lambda: bool(imports.summary.text()), timeout=SOON)
    assert imports.summary.text() == f"{LEAVES} photos imported"
    imports.close()
    # Without a window manager nobody brings the window back to the front.
    program.shell.activateWindow()
    qtbot.waitUntil(program.shell.isActiveWindow, timeout=SOON)


def spot(page, x: float, y: float) -> QPoint:
    ratio = page.canvas.camera.ratio
    dx, dy = page.canvas.camera.transform.to_device(x, y)
    return QPointF(dx / ratio, dy / ratio).toPoint()


def open_photo(qtbot, program: Leafspot, name: str):
    """The Label workspace with the photo called ``name``, found with the filter."""
    ids: list = []
    program.context.project.ask(_ids_by_name, on_done=ids.append)
    qtbot.waitUntil(lambda: bool(ids), timeout=SOON)
    program.context.navigate("label", ids[0][name])
    return labelling(qtbot, program, ids[0][name])


def _ids_by_name(store) -> dict[str, int]:
    from core.ports import ImageQuery

    return {c.name: c.id for c in store.cards(store.image_ids(ImageQuery()))}


def labelling(qtbot, program: Leafspot, image):
    """The Label workspace once ``image`` can be drawn on."""
    page = program.window.page("label")

    def there() -> bool:
        session = page.controller.session
        return session is not None and session.image.id == image and page.canvas.photo_complete

    qtbot.waitUntil(there, timeout=SOON)
    return page


def saved(qtbot, page) -> None:
    qtbot.waitUntil(lambda: page.controller.edits.saver.state is SaveState.SAVED, timeout=SOON)


def outline_with_the_assistant(qtbot, page, mask: np.ndarray, disease: str) -> None:
    """The disease named, a box around the lesions, the proposal accepted."""
    named = next(d for d in page.diseases.all if d.name == disease)
    QTest.mouseClick(page.disease_panel.row(named.id), Qt.MouseButton.LeftButton)
    assert page.controller.session.image.disease == named.id
    rows, columns = np.nonzero(mask)
    QTest.keyClicks(page.canvas, "x")
    corners = (
        spot(page, columns.min() - 4, rows.min() - 4),
        spot(page, columns.max() + 5, rows.max() + 5),
    )
    QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    QTest.mouseMove(page.canvas, (corners[0] + corners[1]) / 2)
    QTest.mouseMove(page.canvas, corners[1])
    QTest.mouseRelease(page.canvas, Qt.MouseButton.LeftButton, pos=corners[1])
    qtbot.waitUntil(lambda: page.assistant.candidate is not None, timeout=SOON)
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    saved(qtbot, page)
    lesions = [r for r in page.controller.session.regions if r.info.kind is RegionKind.LESION]
    assert sum(r.mask.area() for r in lesions) > 0


def train_shortly(qtbot, program: Leafspot) -> None:
    program.window.show_workspace("train")
    page = program.window.page("train")
    quick = page.setup.findChild(QPushButton, "train.preset.quick")
    press(quick)
    page.setup.minutes.setValue(1)
    page.setup.advanced["epochs"].setValue(EPOCHS)
    page.setup.advanced["evaluations"].setValue(2)
    qtbot.waitUntil(page.setup.train.isEnabled, timeout=SOON)
    press(page.setup.train)
    qtbot.waitUntil(lambda: page.training.live is not None, timeout=SOON)
    until_trained(qtbot, page)


def until_trained(qtbot, page) -> None:
    def over() -> bool:
        run = page.training.run(page.shown)
        return page.training.live is None and run is not None and run.state is RunState.FINISHED

    qtbot.waitUntil(lambda: page.training.live is None, timeout=LONG)
    qtbot.waitUntil(over, timeout=SOON)
    qtbot.waitUntil(lambda: not page.view.review.isHidden(), timeout=SOON)
    looks = page.view.progress.evaluations
    assert looks[0].step == 0
    assert len(page.view.progress.steps) >= 1
    assert len(page.view.film.strip.frames) == len(looks[0].watch) > 0


def correct(qtbot, program: Leafspot, review, row: int) -> None:
    """Call the label of a hard leaf wrong, open it with Enter, and add a stroke to it."""
    review.list.setCurrentIndex(review.list.hard.index(row, 0))
    QTest.keyClicks(review.list, "1")
    qtbot.waitUntil(lambda: review.line.score.verdict is Verdict.LABEL_WRONG, timeout=SOON)
    image = review.line.score.image
    QTest.keyClick(review.list, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: program.window.current == "label", timeout=SOON)
    page = labelling(qtbot, program, image)
    before = sum(r.mask.area() for r in page.controller.session.regions)
    QTest.keyClicks(page.canvas, "b")
    QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=spot(page, 6, 6))
    QTest.mouseMove(page.canvas, spot(page, 40, 8))
    QTest.mouseRelease(page.canvas, Qt.MouseButton.LeftButton, pos=spot(page, 40, 8))
    saved(qtbot, page)
    assert sum(r.mask.area() for r in page.controller.session.regions) > before
    judged = (None, Verdict.LABEL_WRONG, None)
    for step, verdict in zip(("", "edit.undo", "edit.redo"), judged, strict=True):
        if step:
            program.window.show_workspace("label")
            program.context.actions[step].trigger()
            saved(qtbot, page)
        program.window.show_workspace("review")
        qtbot.waitUntil(
            lambda v=verdict: review.list.hard.lines[row].score.verdict is v, timeout=SOON
        )


def train_on_the_hard_ones(qtbot, program: Leafspot, review) -> None:
    press(review.hard)
    qtbot.waitUntil(lambda: review.hard_runs.dialog is not None, timeout=SOON)
    review.hard_runs.dialog.minutes.setValue(1)
    press(review.hard_runs.dialog.train)
    program.shell.activateWindow()
    page = program.window.page("train")
    qtbot.waitUntil(lambda: page.training.live is not None, timeout=SOON)
    config = TrainConfig.read(page.training.live.folder.config)
    assert config.hard
    until_trained(qtbot, page)


def export_both(qtbot, program: Leafspot, out: Path) -> None:
    program.window.show_workspace("export")
    page = program.window.page("export")
    qtbot.waitUntil(lambda: page.adapter.run is not None, timeout=SOON)
    page.adapter.place.setText(str(out / "adapter"))
    press(page.adapter.go)
    qtbot.waitUntil(lambda: not page.controller.adapter_busy, timeout=LONG)
    assert page.adapter.problems.texts == []
    assert set(page.adapter.steps.states.values()) == {"done"}
    manifest = json.loads((out / "adapter" / "manifest.json").read_text("utf-8"))
    assert "head.safetensors" in " ".join(manifest["files"])
    page.data.format.setCurrentIndex(page.data.format.findData("coco"))
    page.data.place.setText(str(out / "labels.json"))
    press(page.data.go)
    qtbot.waitUntil(lambda: page.data.made is not None, timeout=SOON)
    assert len(json.loads((out / "labels.json").read_text("utf-8"))["images"]) == LEAVES


def test_the_whole_job_through_the_window(qtbot, program: Leafspot, tmp_path: Path) -> None:
    leaves = tmp_path / "leaves"
    name, disease, mask = sample_folder(leaves)
    create_and_import(qtbot, program, tmp_path, leaves)
    page = open_photo(qtbot, program, name)
    outline_with_the_assistant(qtbot, page, mask, disease)

    train_shortly(qtbot, program)
    train = program.window.page("train")
    assert not program.context.workers.running("segment")  # its memory went to the training
    press(train.view.review)
    review = program.window.page("review")
    qtbot.waitUntil(lambda: review.line is not None, timeout=SOON)
    assert review.figures.review.scored == LEAVES
    for row in (0, 1):
        correct(qtbot, program, review, row)
    train_on_the_hard_ones(qtbot, program, review)

    program.window.show_workspace("review")
    qtbot.waitUntil(
        lambda: review.figures is not None and review.figures.compared is not None, timeout=SOON
    )
    assert "→" in review.compared.text()
    export_both(qtbot, program, tmp_path)
