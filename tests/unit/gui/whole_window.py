"""The real window over a real project on disk, for tests that drive it as a person would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from leaf_project import leaf_project
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.domain.disease import PALETTE, Disease
from core.domain.ids import DiseaseId, ImageId, new_id
from core.domain.image import LeafImage
from core.imaging.decode import inspect
from core.ports import NewImage, ProjectStore
from gui.app import PROJECTS, Leafspot
from gui.controllers.project import Projects
from gui.panels.label import LabelPage


def labelled_project(folder: Path, leaves: int = 4) -> Path:
    """A project of drawn, labelled leaves; closed. Gives its folder."""
    store = leaf_project(folder, leaves=leaves)
    store.close()
    return store.folder


def bare_project(folder: Path, photos: int = 3, size: tuple[int, int] = (400, 300)) -> Path:
    """A project of green rectangles without any label, and two diseases; closed."""
    from storage.projects import create_project

    store = create_project(folder / "bare.leafspot")
    for number, name in enumerate(("rust", "leaf miner")):
        store.put_disease(Disease(DiseaseId(new_id()), name, PALETTE[number], hotkey=number + 1))
    store.add_images([_photo(folder, number, size) for number in range(photos)])
    store.close()
    return store.folder


def _photo(folder: Path, number: int, size: tuple[int, int]) -> NewImage:
    rgb = np.full((size[1], size[0], 3), (60, 140 + number, 50), np.uint8)
    path = folder / f"photo_{number}.png"
    cv2.imwrite(str(path), rgb[..., ::-1])
    seen = inspect(path)
    image = LeafImage(ImageId(new_id()), str(path), seen.sha256, *size)
    return NewImage(image, (), seen.thumbnail)


@contextmanager
def window(qtbot, project: Path | None = None, projects: Projects = PROJECTS) -> Iterator[Leafspot]:
    """The program as `gui.app.run` makes it, shown; a bug anywhere in it fails the test."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    program = Leafspot(app, projects)
    bugs: list[BaseException] = []
    program.crash.report = bugs.append  # type: ignore[method-assign]
    program.notices._bug = bugs.append
    program.shell.show()
    if project is not None:
        program.controller.open(project)
        qtbot.waitUntil(lambda: program.context.project.info is not None, timeout=10_000)
    yield program
    program.context.guards.clear()
    program.shell.close()
    program.shell.deleteLater()
    assert bugs == []


def label_page(qtbot, program: Leafspot) -> LabelPage:
    """The Label workspace with its first photo open."""
    page = program.window.page("label")
    assert isinstance(page, LabelPage)
    qtbot.waitUntil(lambda: page.controller.session is not None, timeout=10_000)
    return page


def drag(page: LabelPage, *points: tuple[float, float]) -> None:
    """Press, move and release the left button over photo points."""
    spots = [_spot(page, *p) for p in points]
    QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=spots[0])
    for spot in spots[1:]:
        QTest.mouseMove(page.canvas, spot)
    QTest.mouseRelease(page.canvas, Qt.MouseButton.LeftButton, pos=spots[-1])


def click(page: LabelPage, x: float, y: float, *, right: bool = False) -> None:
    button = Qt.MouseButton.RightButton if right else Qt.MouseButton.LeftButton
    QTest.mouseClick(page.canvas, button, pos=_spot(page, x, y))


def _spot(page: LabelPage, x: float, y: float) -> QPoint:
    ratio = page.canvas.camera.ratio
    dx, dy = page.canvas.camera.transform.to_device(x, y)
    return QPointF(dx / ratio, dy / ratio).toPoint()


def saved(qtbot, page: LabelPage) -> None:
    """Wait until the dot is green."""
    from gui.controllers.saver import SaveState

    qtbot.waitUntil(lambda: page.controller.edits.saver.state is SaveState.SAVED, timeout=10_000)


@contextmanager
def on_disk(folder: Path) -> Iterator[ProjectStore]:
    """The project as another program would find it, while the window has it open."""
    from storage.projects import open_project

    store = open_project(folder, read_only=True)
    yield store
    store.close()
