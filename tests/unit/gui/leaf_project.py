"""A small project of drawn leaves on disk, and a window's context around it.

For the tests of the Train, Review and Export workspaces. Knows storage, as the composition root
does.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PySide6.QtWidgets import QApplication

from core.domain.disease import HEALTHY_COLOUR, PALETTE, Disease
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.image import ImageState, LeafImage, Split
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.imaging.drawn_leaves import DISEASES, draw_leaf
from core.ports import NewImage, ProjectStore
from storage.projects import create_project

SIZE = (240, 180)
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


def _leaf(folder: Path, number: int, disease: Disease, *, lesions: bool) -> NewImage:
    import hashlib

    styles = {} if disease.healthy else {disease.name: DISEASES[disease.name]}
    leaf = draw_leaf(np.random.default_rng(number), crop="coffee", styles=styles, size=SIZE)
    path = folder / f"leaf_{number:02d}.png"
    ok, png = cv2.imencode(".png", leaf.rgb[..., ::-1])
    assert ok
    path.write_bytes(png.tobytes())
    ok, jpeg = cv2.imencode(".jpg", leaf.rgb[..., ::-1])
    image = LeafImage(
        id=ImageId(new_id()),
        path=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
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


def make_context(app: QApplication, store: ProjectStore | None):
    """The services of a window, with ``store`` open. Close with `close_context`."""
    from PySide6.QtWidgets import QMainWindow

    from gui.actions import Actions
    from gui.context import Context, Navigator, ProjectHolder
    from gui.notices import Notices
    from gui.preferences import Preferences
    from gui.tasks import Tasks
    from gui.theme import Theme
    from gui.worker_process import Workers

    window = QMainWindow()
    window.bugs = []
    notices = Notices(window.bugs.append, window)
    tasks = Tasks(notices.show, window)
    theme = Theme(app, "light")
    context = Context(
        tasks=tasks,
        project=ProjectHolder(tasks, window),
        notices=notices,
        actions=Actions(window, theme),
        theme=theme,
        workers=Workers(window),
        preferences=Preferences(window),
        navigator=Navigator(window),
        guards=[],
    )
    context.project.put(store)
    return window, context


def close_context(window, context, store: ProjectStore | None) -> None:
    """As the window does it: workers, lanes, store."""
    context.workers.close()
    context.tasks.close()
    if store is not None:
        store.close()
    window.deleteLater()
    assert window.bugs == []


def stand_in_base(folder: Path) -> Path:
    """A folder that looks like the embedded base models, for a worker that loads none."""
    starter = folder / "models" / "starter"
    starter.mkdir(parents=True)
    (starter / "config.json").write_text("{}")
    (starter / "model.safetensors").write_bytes(bytes(64))
    return starter.parent
