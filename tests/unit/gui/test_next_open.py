"""“Next photo not yet done” goes to a photo that is not yet done, however far it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from whole_window import bare_project, label_page, window

from core.domain.ids import ImageId
from core.domain.image import ImageState
from core.ports import ImageQuery
from gui.models.images import PAGE
from storage import open_project

PATIENCE = 20_000
PHOTOS = PAGE + 6


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return bare_project(tmp_path, photos=PHOTOS, size=(40, 30))


def finished(project: Path, *, but: tuple[int, ...]) -> list[ImageId]:
    """Every photo is done but those rows; gives all in order."""
    store = open_project(project)
    ids = store.image_ids(ImageQuery())
    done = [i for row, i in enumerate(ids) if row not in but]
    store.update_images([replace(i, state=ImageState.DONE) for i in store.images(done)])
    store.close()
    return ids


def test_photos_that_are_done_are_passed_over_where_the_gallery_has_not_been_yet(
    qtbot, project
) -> None:
    ids = finished(project, but=(0, PHOTOS - 2))
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        program.context.actions["photo.next_open"].trigger()
        qtbot.waitUntil(lambda: page.controller.current.wanted != ids[0], timeout=PATIENCE)
        assert page.controller.current.wanted == ids[PHOTOS - 2]
        assert page.gallery.view.current == ids[PHOTOS - 2]


def test_it_is_said_when_no_photo_is_waiting(qtbot, project) -> None:
    ids = finished(project, but=(0,))
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        program.context.actions["photo.next_open"].trigger()
        said = program.context.notices
        qtbot.waitUntil(
            lambda: any("No further photo" in n.text for n in said.recent), timeout=PATIENCE
        )
        assert page.controller.current.wanted == ids[0]


def test_only_photos_of_the_list_are_gone_to(qtbot, project) -> None:
    ids = finished(project, but=(0, 3, PHOTOS - 1))
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        page.gallery.text.setText(f"photo_{PHOTOS - 1}")
        qtbot.waitUntil(lambda: len(page.gallery.index) == 1, timeout=PATIENCE)
        program.context.actions["photo.next_open"].trigger()
        qtbot.waitUntil(lambda: page.controller.current.wanted == ids[PHOTOS - 1], timeout=PATIENCE)
