"""What the gallery promises while the project cannot be read: it asks again by itself, and the
person is told once."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_window import labelled_project, window

from core.domain.image import ImageState
from core.errors import ProjectError
from gui.models import images
from storage.project_store import SqlProjectStore

PATIENCE = 20_000
AWAY = "The drive is away; plug it in again."


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(images, "AGAIN_MS", 20)
    return labelled_project(tmp_path, leaves=4)


def away(monkeypatch: pytest.MonkeyPatch, question: str, times: int) -> None:
    """So often the project does not answer ``question``."""
    answer, left = getattr(SqlProjectStore, question), [times]

    def ask(store: SqlProjectStore, *asked: object, **more: object) -> object:
        if left[0]:
            left[0] -= 1
            raise ProjectError(AWAY)
        return answer(store, *asked, **more)

    monkeypatch.setattr(SqlProjectStore, question, ask)


def told(program) -> list[str]:
    return [n.text for n in program.context.notices.recent if n.text == AWAY]


def test_photos_that_could_not_be_read_once_are_asked_for_again(
    qtbot, project, monkeypatch
) -> None:
    away(monkeypatch, "cards", 3)
    with window(qtbot, project) as program:
        index = program.window.page("label").gallery.index
        qtbot.waitUntil(lambda: len(index._cards) == 4, timeout=PATIENCE)
        assert told(program) == [AWAY], "the same three times is news once"


def test_a_list_that_could_not_be_read_once_is_asked_for_again(qtbot, project, monkeypatch) -> None:
    with window(qtbot, project) as program:
        gallery = program.window.page("label").gallery
        qtbot.waitUntil(lambda: len(gallery.index) == 4, timeout=PATIENCE)
        away(monkeypatch, "image_ids", 2)
        gallery.text.setText("leaf_02")
        qtbot.waitUntil(lambda: len(gallery.index) == 1, timeout=PATIENCE)
        assert told(program) == [AWAY]


def test_what_was_done_to_a_photo_shows_later_where_it_could_not_be_read_at_once(
    qtbot, project, monkeypatch
) -> None:
    with window(qtbot, project) as program:
        page = program.window.page("label")
        index = page.gallery.index
        qtbot.waitUntil(lambda: len(index._cards) == 4, timeout=PATIENCE)
        first = index.id(0)
        away(monkeypatch, "cards", 1)
        page.controller.bulk.mark([first], ImageState.IN_PROGRESS)
        qtbot.waitUntil(
            lambda: first in index._cards and index._cards[first].state is ImageState.IN_PROGRESS,
            timeout=PATIENCE,
        )
        assert told(program) == [AWAY]
