"""What opening a photo promises while its picture is still on the way: nothing that is done
meanwhile is missing, and a photo that cannot be shown is said to be so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from whole_window import bare_project, label_page, on_disk, window

from core.domain.ids import ImageId
from core.domain.image import ImageState
from core.errors import ImageUnreadable
from core.services.annotate import LabellingSession
from gui.controllers import photos
from gui.panels.label import LabelPage

PATIENCE = 20_000


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return bare_project(tmp_path)


@pytest.fixture
def page(qtbot, project: Path):
    with window(qtbot, project) as program:
        made = label_page(qtbot, program)
        qtbot.waitUntil(lambda: len(made.gallery.index) == 3, timeout=PATIENCE)
        yield made


@pytest.fixture
def picture(page: LabelPage, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Pictures come when these are called, and not before."""
    waiting: list[Callable[[], None]] = []

    def load(image, path, *, on_done, on_error) -> None:
        waiting.append(lambda: on_done(photos.decode(image, path)))

    monkeypatch.setattr(page.controller.current.loader, "load", load)
    return waiting


def third(page: LabelPage) -> ImageId:
    """A photo that is neither open nor next."""
    return page.gallery.index.id(2)


def test_an_edit_that_is_written_while_the_picture_comes_is_not_missing(
    qtbot, page, project, picture
) -> None:
    current, image = page.controller.current, third(page)
    with on_disk(project) as store:
        edit = LabellingSession(store.image(image), []).set_state(ImageState.DONE)
    current.pending = lambda _image: [edit]
    current.open(image)
    qtbot.waitUntil(lambda: bool(picture), timeout=PATIENCE)
    current.pending = lambda _image: []  # it is on disk now; the regions were read before
    picture[0]()
    assert current.session.image.id == image
    assert current.session.image.state is ImageState.DONE


def test_what_an_action_on_many_photos_does_while_the_picture_comes_is_not_missing(
    qtbot, page, picture
) -> None:
    current, image = page.controller.current, third(page)
    current.open(image)
    qtbot.waitUntil(lambda: len(picture) == 1, timeout=PATIENCE)
    page.controller.bulk.mark([image], ImageState.DONE)
    qtbot.waitUntil(lambda: len(picture) == 2, timeout=PATIENCE)
    for come in picture:
        come()
    assert current.session.image.id == image
    assert current.session.image.state is ImageState.DONE


def test_a_photo_that_turns_out_unreadable_while_it_is_prepared_is_said_to_be_so(
    qtbot, page, monkeypatch
) -> None:
    current, image = page.controller.current, third(page)
    go = threading.Event()

    def decode(*_: object, **__: object) -> photos.Photo:
        assert go.wait(20)
        raise ImageUnreadable("photo_2.png: This file is damaged.")

    monkeypatch.setattr(photos, "decode", decode)
    current.loader.prefetch(image)
    qtbot.waitUntil(lambda: image in current.loader._coming, timeout=PATIENCE)
    current.open(image)
    qtbot.waitUntil(lambda: bool(current.loader._coming[image]), timeout=PATIENCE)
    go.set()
    qtbot.waitUntil(lambda: isinstance(current.trouble, ImageUnreadable), timeout=PATIENCE)
    assert page.notice.isVisible()
