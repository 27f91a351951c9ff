"""A full disk: the save fails with a sentence, the old state is intact, and trying again works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from core.errors import DiskFull
from core.ports import ImageQuery
from storage import create_project, open_project
from storage.project_store import SqlProjectStore
from tests.faults.full_disk import no_file_beyond
from tests.faults.project_model import ProjectModel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits file sizes by RLIMIT_FSIZE")


@pytest.fixture
def work(tmp_path: Path) -> Iterator[tuple[SqlProjectStore, ProjectModel]]:
    store = create_project(tmp_path / "field")
    model, rng = ProjectModel([d.id for d in store.diseases()]), Random(1)
    for _ in range(3):
        new = model.random_photo(rng, tmp_path)
        store.add_images([new])
        model.add(new)
    yield store, model
    store.close()


def test_wherever_the_disk_fills_up_a_stroke_is_saved_whole_or_not_at_all(
    work: tuple[SqlProjectStore, ProjectModel],
) -> None:
    store, model = work
    rng, refused = Random(2), 0
    size = (store.folder / "project.db").stat().st_size
    limits = [0, 1, 511, 512, 513, *range(1024, size + 8192, 1500)]
    for limit in limits:
        edit = model.random_edit(rng)
        with suppress(DiskFull), no_file_beyond(limit):
            store.commit(edit)
        if model.differences(store):
            model.apply(edit)  # it was saved
        else:
            refused += 1
            store.commit(edit)
            model.apply(edit)
        assert model.differences(store) == [], limit
    assert refused > 10
    store.close()
    store = open_project(store.folder)
    assert model.differences(store) == []
    assert store.check().problems == ()
    store.close()


def test_a_database_that_may_not_grow_is_a_full_disk(
    work: tuple[SqlProjectStore, ProjectModel], tmp_path: Path
) -> None:
    store, model = work
    with store._db.read() as session:  # SQLITE_FULL itself, which no file limit can bring about
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
    rng = Random(3)
    photos = [model.random_photo(rng, tmp_path) for _ in range(60)]
    with pytest.raises(DiskFull, match="Free some space"):
        store.add_images(photos)
    assert model.differences(store) == []


def test_import_backup_and_a_new_project_leave_nothing_half_done(
    work: tuple[SqlProjectStore, ProjectModel], tmp_path: Path
) -> None:
    store, model = work
    photos = [model.random_photo(Random(4), tmp_path)]
    for limit in (0, 600, 5000):  # nothing, half a page, the first page and a little
        with pytest.raises(DiskFull), no_file_beyond(limit):
            store.add_images(photos)
        with pytest.raises(DiskFull), no_file_beyond(limit):
            store.backup()
        with pytest.raises(DiskFull), no_file_beyond(limit):
            create_project(tmp_path / "other")
    assert list((store.folder / "backups").iterdir()) == []
    assert not list(tmp_path.glob("*other*"))
    assert not list(tmp_path.glob(".new-*"))
    assert model.differences(store) == []
    assert store.image_ids(ImageQuery()) == list(model.photos)
    assert store.backup() is not None


def test_a_project_opens_on_a_full_disk(work: tuple[SqlProjectStore, ProjectModel]) -> None:
    store, model = work
    store.close()
    with no_file_beyond(1024):
        store = open_project(store.folder)
        assert model.differences(store) == []
        store.close()
