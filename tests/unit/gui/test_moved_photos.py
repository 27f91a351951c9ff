"""Photos that are moved while the program is open, and found again: the assistant, the next photo
and the line below the photo know where they are now."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from whole_window import bare_project, drag, label_page, saved, window

PATIENCE = 20_000


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    folder = tmp_path / "moved"
    folder.mkdir()
    return folder


def test_the_open_photo_and_those_in_memory_are_where_they_were_found(
    qtbot, tmp_path: Path, moved: Path
) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        current = page.controller.current
        following = page.gallery.index.id(1)
        qtbot.waitUntil(lambda: following in current.loader._cache, timeout=PATIENCE)
        QTest.keyClicks(page.canvas, "b")
        drag(page, (50, 100), (150, 110))
        saved(qtbot, page)
        for photo in tmp_path.glob("*.png"):
            photo.rename(moved / f"new {photo.name}")
        program.importer().locate(moved)
        qtbot.waitUntil(lambda: current.photo.path.parent == moved, timeout=PATIENCE)
        assert page.file.text().startswith("new photo_0.png")
        assert page.assistant._photo.path == moved / "new photo_0.png"
        assert len(page.controller.session.regions) == 1
        program.context.actions["edit.undo"].trigger()
        assert page.controller.session.regions == []
        program.context.actions["photo.next"].trigger()
        qtbot.waitUntil(lambda: current.session.image.id == following, timeout=PATIENCE)
        assert current.photo.path == moved / "new photo_1.png"


def test_a_photo_that_stayed_goes_on_as_it_is(qtbot, tmp_path: Path, moved: Path) -> None:
    project = bare_project(tmp_path)
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        session = page.controller.session
        (tmp_path / "photo_2.png").rename(moved / "photo_2.png")
        program.importer().locate(moved)
        notices = program.context.notices
        qtbot.waitUntil(
            lambda: any("moved photos" in n.text for n in notices.recent), timeout=PATIENCE
        )
        qtbot.wait(50)
        assert page.controller.session is session
