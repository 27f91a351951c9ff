"""A small project of drawn leaves on disk, and a window's context around it.

For the tests of the Train, Review and Export workspaces. Knows storage, as the composition root
does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QMainWindow

from core.domain.disease import HEALTHY_COLOUR, PALETTE, Disease
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.image import ImageState, LeafImage, Split
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.imaging.drawn_leaves import DISEASES, DrawnLeaf, draw_leaf
from core.ports import NewImage, ProjectStore
from gui.actions import Actions
from gui.context import Context, Navigator, ProjectHolder
from gui.notices import Notices
from gui.preferences import Preferences
from gui.tasks import Tasks
from gui.theme import Theme
from gui.worker_process import Workers
from storage.projects import create_project
from tests.doubles.workers import fake_base

SIZE = (240, 180)
PATIENCE = 60_000
"""Milliseconds to wait for what must happen; other work may hold the machine meanwhile."""
NAMES = tuple(sorted(DISEASES))[:2]


def leaf_project(folder: Path, *, leaves: int = 12, lesions: bool = True) -> ProjectStore:
    """``leaves`` photos of two diseases and healthy ones in turn, all labelled, in ``folder``."""
    store = create_project(folder / "Hill farm.leafspot")
    diseases = [
        Disease(DiseaseId(new_id()), name, PALETTE[i], hotkey=i + 1) for i, name in enumerate(NAMES)
    ]
    for disease in diseases:
        store.put_disease(disease)
    healthy = next(d for d in store.diseases() if d.healthy)
    assert healthy.colour == HEALTHY_COLOUR
    (folder / "photos").mkdir()
    store.add_images(
        [
            _leaf(folder / "photos", n, [*diseases, healthy][n % 3], lesions=lesions)
            for n in range(leaves)
        ]
    )
    return store


@cache
def _drawn(number: int, disease: str) -> DrawnLeaf:
    styles = {disease: DISEASES[disease]} if disease else {}
    return draw_leaf(np.random.default_rng(number), crop="coffee", styles=styles, size=SIZE)


def _leaf(folder: Path, number: int, disease: Disease, *, lesions: bool) -> NewImage:
    leaf = _drawn(number, "" if disease.healthy else disease.name)
    path = folder / f"leaf_{number:02d}.png"
    ok, png = cv2.imencode(".png", leaf.rgb[..., ::-1])
    assert ok
    path.write_bytes(png.tobytes())
    ok, jpeg = cv2.imencode(".jpg", leaf.rgb[..., ::-1])
    image = LeafImage(
        id=ImageId(new_id()),
        path=str(path),
        sha256=sha256(path.read_bytes()).hexdigest(),
        width=SIZE[0],
        height=SIZE[1],
        state=ImageState.DONE,
        split=Split.VAL if number % 4 == 3 else Split.TRAIN,
        disease=disease.id,
        mask_known=lesions,
    )
    regions = [_region(image, leaf.leaf, RegionKind.LEAF, None)] if lesions else []
    if lesions and not disease.healthy:
        mask = leaf.lesions[disease.name]
        regions.append(_region(image, mask, RegionKind.LESION, disease.id))
    return NewImage(image, tuple(regions), jpeg.tobytes())


def _region(
    image: LeafImage, pixels: np.ndarray, kind: RegionKind, disease: DiseaseId | None
) -> Region:
    info = RegionInfo(RegionId(new_id()), image.id, kind, disease)
    return Region(info, TileMask.from_array(pixels))


@contextmanager
def leaf_window(
    app: QApplication, folder: Path, monkeypatch: pytest.MonkeyPatch, **project: Any
) -> Iterator[LeafWindow]:
    """A window around a project of drawn leaves, with a stand-in for the training worker."""
    monkeypatch.setattr("core.vlms.base.MODELS", stand_in_base(folder))
    script = Path(__file__).with_name("fake_train_worker.py")
    monkeypatch.setattr(
        "core.workers.launch.command", lambda _worker, *args: [sys.executable, str(script), *args]
    )
    window = LeafWindow(app, leaf_project(folder, **project))
    try:
        yield window
    finally:
        window.close()


class LeafWindow:
    """The services of a window with a project open, and somewhere to put a workspace."""

    def __init__(self, app: QApplication, store: ProjectStore) -> None:
        self.window = QMainWindow()
        self.bugs: list[BaseException] = []
        notices = Notices(self.bugs.append, self.window)
        tasks = Tasks(notices.show, self.window)
        theme = Theme(app, "light")
        theme.setParent(self.window)
        self.context = Context(
            tasks=tasks,
            project=ProjectHolder(tasks, self.window),
            notices=notices,
            actions=Actions(self.window, theme),
            theme=theme,
            workers=Workers(self.window),
            preferences=Preferences(self.window),
            navigator=Navigator(self.window),
            guards=[],
        )
        self.went: list[tuple[str, object]] = []
        self.context.navigator.requested.connect(lambda *where: self.went.append(where))
        self.store = store
        self.context.project.put(store)

    def show(self, page: Any, *flags: str) -> Any:
        """Put a workspace in the window, as if it were in front."""
        self.window.setCentralWidget(page)
        self.window.resize(1280, 800)
        self.window.show()
        for flag in ("project", "writable", *flags):
            self.context.actions.set_flag(flag, True)
        page.entered()
        return page

    def ask(self, qtbot: Any, question: Callable[[ProjectStore], Any]) -> Any:
        """Read the project behind everything that was asked of it before."""
        found: list[Any] = []
        self.context.project.ask(question, on_done=found.append)
        qtbot.waitUntil(lambda: bool(found), timeout=PATIENCE)
        return found[0]

    def sentences(self) -> list[str]:
        return [notice.text for notice in self.context.notices.recent]

    def close(self) -> None:
        """As the program does it: workers, lanes, store."""
        self.context.workers.close()
        self.context.project.put(None)
        self.context.tasks.close()
        self.store.close()
        self.window.close()
        self.window.deleteLater()
        assert self.bugs == []


def stand_in_base(folder: Path) -> Path:
    """A folder that looks like the embedded base models, for a worker that loads none."""
    return fake_base(folder / "models" / "starter").parent
