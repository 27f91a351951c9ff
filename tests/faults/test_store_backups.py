"""Backups: verified before they count, kept in a sensible number, and readable without Leafspot."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from core.errors import DiskFull, ProjectDamaged
from core.ports import ImageQuery
from storage import backup, create_project, open_project, restore_backup
from storage.files import Layout
from storage.project_store import SqlProjectStore
from tests.faults.project_model import ProjectModel


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


def kept(store: SqlProjectStore) -> list[str]:
    return sorted(p.name for p in (store.folder / "backups").iterdir())


def change(store: SqlProjectStore, group: str) -> None:
    """Any saved change."""
    first = store.image(store.image_ids(ImageQuery())[0])
    store.update_images([replace(first, group=group)])


def test_opening_a_changed_project_backs_it_up_and_an_unchanged_one_does_not(
    work: tuple[SqlProjectStore, ProjectModel],
) -> None:
    store, _ = work
    store.close()
    assert kept(store) == []
    for _ in range(2):
        open_project(store.folder).close()
        assert len(kept(store)) == 2, "one copy and its manifest"
    open_project(store.folder, read_only=True).close()
    assert len(kept(store)) == 2


def test_a_backup_opens_with_plain_sqlite_and_matches_its_manifest(
    work: tuple[SqlProjectStore, ProjectModel],
) -> None:
    store, _ = work
    path = store.backup()
    assert path is not None
    manifest = json.loads(path.with_suffix(".json").read_bytes())
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*) FROM image").fetchone() == (3,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()


def test_going_back_brings_exactly_the_state_that_was_backed_up(
    work: tuple[SqlProjectStore, ProjectModel],
) -> None:
    store, model = work
    rng, states = Random(2), {}
    for _ in range(4):
        for _ in range(3):
            edit = model.random_edit(rng)
            store.commit(edit)
            model.apply(edit)
        path = store.backup()
        assert path is not None
        states[path] = model.copy()
    store.close()
    for path, state in states.items():
        assert restore_backup(store.folder, path) == path
        again = open_project(store.folder)
        assert state.differences(again) == []
        again.close()


def test_a_backup_taken_while_drawing_is_one_of_the_saved_states(
    work: tuple[SqlProjectStore, ProjectModel], tmp_path: Path
) -> None:
    store, model = work
    rng, states, paths = Random(3), [model.copy()], []
    for _ in range(3):
        thread = threading.Thread(target=lambda: paths.append(store.backup()))
        thread.start()
        while thread.is_alive():
            edit = model.random_edit(rng)
            store.commit(edit)
            model.apply(edit)
            states.append(model.copy())
        thread.join()
    store.close()
    for path in paths:
        restore_backup(store.folder, path)
        again = open_project(store.folder, read_only=True)
        assert any(state.differences(again) == [] for state in states)
        again.close()


def test_ten_newest_and_eight_weeks_are_kept(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.backups.mkdir()
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    for number in range(1, 201):  # one a day, the last one today
        made = start - timedelta(days=200 - number)
        path = layout.backups / f"project-{number:06d}-{made:%Y%m%dT%H%M%S}Z.db"
        path.touch()
        path.with_suffix(".json").touch()
    backup._rotate(layout)
    left = backup.backups(layout)
    assert [b.number for b in left[:10]] == list(range(200, 190, -1))
    assert len(left) == 18
    assert len({b.week for b in left[10:]}) == 8
    assert left[-1].made_at > start - timedelta(weeks=11)
    assert len(list(layout.backups.glob("*.json"))) == 18


def test_a_clock_set_back_does_not_cost_the_newest_backup(
    work: tuple[SqlProjectStore, ProjectModel],
) -> None:
    store, _ = work
    for number in range(1, 15):
        path = store.folder / "backups" / f"project-{number:06d}-20990101T0000{number:02d}Z.db"
        path.touch()
        path.with_suffix(".json").write_text("{}")
    path = store.backup()
    assert path is not None
    assert path.exists()
    assert path.name.startswith("project-000015-")


def test_a_damaged_database_is_not_backed_up_and_costs_no_good_backup(
    work: tuple[SqlProjectStore, ProjectModel], caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = work
    for number in range(12):
        change(store, f"plot {number}")
        assert store.backup() is not None, number
    before = kept(store)
    store.close()
    connection = sqlite3.connect(store.folder / "project.db", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM image")
    connection.close()
    store = open_project(store.folder)
    with caplog.at_level(logging.WARNING), pytest.raises(ProjectDamaged, match="not backed up"):
        store.backup()
    assert kept(store) == before
    store.close()
    assert "not backed up" in caplog.text, "the copy at opening says so in the log"


def test_there_is_no_backup_that_would_fill_the_disk(
    work: tuple[SqlProjectStore, ProjectModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = work
    first = store.backup()
    change(store, "plot 1")
    usage = backup.shutil.disk_usage(store.folder)
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFull, match="no room for a backup"):
        store.backup()
    assert first is not None
    assert kept(store) == [first.name, first.with_suffix(".json").name]


def test_what_an_interrupted_backup_left_is_cleared_and_never_gone_back_to(
    work: tuple[SqlProjectStore, ProjectModel],
) -> None:
    store, _ = work
    folder = store.folder / "backups"
    (folder / "project-000007-20260101T000000Z.tmp").write_bytes(b"half")
    (folder / "project-000008-20260101T000000Z.db").write_bytes(b"no manifest")
    path = store.backup()
    assert path is not None
    assert not list(folder.glob("*.tmp"))
    store.close()
    assert restore_backup(store.folder) == path
