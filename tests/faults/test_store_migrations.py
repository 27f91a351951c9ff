"""An older project is converted all the way or not at all, after a backup."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.errors import LeafspotError, ProjectDamaged, ProjectReadOnly
from core.ports import ImageOrder, ImageQuery, NewImage
from storage import create_project, open_project
from storage.database import connect
from storage.migrations import runner

ROOT = Path(__file__).resolve().parents[2]
NOW = runner.CURRENT
PHOTO = LeafImage(ImageId(1), "../a.jpg", "0" * 64, 300, 200)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A project of the version before the one that a test adds, with one photo."""
    store = create_project(tmp_path / "field")
    store.add_images([NewImage(PHOTO)])
    store.close()
    return store.folder


def version(project: Path) -> tuple[int, set[str]]:
    """(user_version, columns of the photo table)"""
    connection = sqlite3.connect(project / "project.db")
    try:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(image)")}
        return connection.execute("PRAGMA user_version").fetchone()[0], columns
    finally:
        connection.close()


def add_notes(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE image ADD COLUMN later TEXT")


def fail(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE image ADD COLUMN half TEXT")
    connection.execute("SELECT * FROM nowhere")


def orphan(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA defer_foreign_keys = ON")
    connection.execute("INSERT INTO region VALUES (1, 404, 'leaf', NULL, '', '', x'')")


def use(monkeypatch: pytest.MonkeyPatch, *more: runner.Migration) -> None:
    monkeypatch.setattr(runner, "MIGRATIONS", (*runner.MIGRATIONS, *more))
    monkeypatch.setattr(runner, "CURRENT", len(runner.MIGRATIONS))


def test_an_older_project_is_backed_up_and_converted_when_it_is_opened(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, columns = version(old)
    use(monkeypatch, add_notes)
    store = open_project(old)
    assert store.image(PHOTO.id) == PHOTO
    store.close()
    assert version(old) == (NOW + 1, columns | {"later"})
    first = min((old / "backups").glob("*.db"))
    connection = sqlite3.connect(first)
    assert connection.execute("PRAGMA user_version").fetchone() == (NOW,), (
        "the backup is the old one"
    )
    connection.close()


@pytest.mark.parametrize("bad", [fail, orphan])
def test_a_migration_that_fails_undoes_the_ones_before_it(
    old: Path, monkeypatch: pytest.MonkeyPatch, bad: runner.Migration
) -> None:
    before = version(old)
    use(monkeypatch, add_notes, bad)
    with pytest.raises((LeafspotError, sqlite3.Error)) as raised:
        open_project(old)
    assert version(old) == before
    if bad is orphan:
        assert raised.type is ProjectDamaged
    monkeypatch.undo()
    store = open_project(old)
    assert (store.read_only, store.image(PHOTO.id)) == (False, PHOTO)
    store.close()


KILLED = """
import os, sys
from pathlib import Path
from storage import open_project
from storage.migrations import runner
def add_notes(c): c.execute("ALTER TABLE image ADD COLUMN later TEXT")
def die(c):
    c.execute("PRAGMA cache_spill = 1")
    c.execute("CREATE TABLE big (x)")
    c.execute("INSERT INTO big SELECT zeroblob(100000) FROM sqlite_schema a, sqlite_schema b")
    os.kill(os.getpid(), 9)
runner.MIGRATIONS = (*runner.MIGRATIONS, add_notes, die)
runner.CURRENT = len(runner.MIGRATIONS)
open_project(Path(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_a_migration_that_is_killed_is_rolled_back(old: Path) -> None:
    before = version(old)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(old)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    assert (old / "project.db-journal").exists(), "it was killed in the middle of writing"
    store = open_project(old)
    assert (store.read_only, store.image(PHOTO.id)) == (False, PHOTO)
    store.close()
    assert version(old) == before


def test_an_older_project_that_may_not_be_written_says_what_to_do(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = version(old)
    use(monkeypatch, add_notes)
    with pytest.raises(ProjectReadOnly, match="older Leafspot"):
        open_project(old, read_only=True)
    assert version(old) == before


def test_a_project_of_the_first_version_keeps_everything_and_can_be_sorted(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "field.leafspot"
    folder.mkdir()
    connection = connect(folder / "project.db", create=True)
    runner.migrate(connection, runner.MIGRATIONS[:1])
    connection.execute(
        "INSERT INTO image VALUES (5, 1, 'done', 'auto', NULL, 1, 2, 900, 300, 1000, '[]', 'a.jpg',"
        " 'a.jpg', '../a.jpg', 'f', 60, 40, 1, '', NULL, NULL, '', 'PLOT Straße', '[]')"
    )
    for photo, name in ((6, "leaf 23"), (7, "LEAF 3"), (8, "leaf 100")):
        connection.execute(
            "INSERT INTO image SELECT ?, ?, 'unseen', split, NULL, 0, 0, 0, 0, 0, '[]', ?, ?, ?, ?,"
            " width, height, 1, '', NULL, NULL, '', '', '[]' FROM image WHERE id = 5",
            (photo, photo, name, name.lower(), f"../{name}", name),
        )
    connection.close()
    store = open_project(folder)
    assert store.image_ids(ImageQuery(order=ImageOrder.NAME)) == [5, 7, 6, 8]
    assert store.cards([ImageId(5)])[0].severity == 30.0
    assert store.image_ids(ImageQuery(severity=(30, 30), text="plot strasse")) == [5]
    assert store.image(ImageId(5)).notes == ""
    store.close()
