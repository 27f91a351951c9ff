"""Verified copies of ``project.db``: made, kept and brought back.

A backup is a plain SQLite file plus a ``.json`` beside it with its sha256. It is drafted, checked
and only then given its name, so that a bad copy never pushes out a good one. Copies are made
through SQLite's backup API: reading the live file with ``open`` would drop this process's locks
on it. Knows files and SQLite; knows no table.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import DiskFull, LeafspotError, ProjectDamaged, ProjectError
from core.language import tr
from storage.database import DRIVER_ERRORS, connect, explained
from storage.files import Layout, publish, sync_folder, write_atomic

_log = logging.getLogger(__name__)
NEWEST, WEEKLY = 10, 8
_PAGES_AT_ONCE = 4096  # 16 MiB: the window's own writes wait for no longer than that takes
_NAME = re.compile(r"project-(\d{6,})-(\d{8}T\d{6})Z\.db")


@dataclass(frozen=True, slots=True)
class Backup:
    """One finished copy. ``number`` counts up whatever the clock says."""

    path: Path
    number: int
    made_at: datetime

    @property
    def manifest(self) -> Path:
        return self.path.with_suffix(".json")

    @property
    def week(self) -> tuple[int, int]:
        """(year, week) by ISO 8601."""
        year, week, _ = self.made_at.isocalendar()
        return year, week


def backups(layout: Layout) -> list[Backup]:
    """Finished copies, newest first."""
    found = []
    for path in layout.backups.glob("project-*.db"):
        match = _NAME.fullmatch(path.name)
        if match and path.with_suffix(".json").exists():
            made_at = datetime.strptime(match[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            found.append(Backup(path, int(match[1]), made_at))
    return sorted(found, key=lambda b: b.number, reverse=True)


def newest_good(layout: Layout) -> Backup | None:
    """The newest copy whose bytes still match its manifest."""
    return next((backup for backup in backups(layout) if _intact(backup)), None)


class BackupMaker:
    """Makes one copy at a time, in the caller's thread or behind its back."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Make a copy in the background, if there is something new; failures are logged."""
        self._thread = threading.Thread(target=self._quietly, name="backup", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until the background copy is done."""
        if self._thread is not None:
            self._thread.join()

    def make(self) -> Path | None:
        """A verified copy; None when nothing changed since the last one.

        Raises DiskFull, ProjectDamaged or ProjectError; earlier copies are then untouched.
        """
        with self._guard:
            try:
                return _make(self._layout)
            except DRIVER_ERRORS as error:
                raise explained(error, self._layout.name) from error
            except OSError as error:
                raise ProjectError(
                    tr(
                        "“{name}” could not be backed up ({strerror}); free some space and check "
                        "that its backups folder may be written.",
                        name=self._layout.name,
                        strerror=error.strerror,
                    )
                ) from error

    def _quietly(self) -> None:
        try:
            self.make()
        except LeafspotError as error:
            _log.warning("%s", error)


def _make(layout: Layout) -> Path | None:
    layout.backups.mkdir(exist_ok=True)
    for leftover in layout.backups.glob("*.tmp*"):
        leftover.unlink(missing_ok=True)
    source = _fingerprint(layout)
    there = backups(layout)
    if there and _read_manifest(there[0]).get("source") == source:
        return None
    if shutil.disk_usage(layout.backups).free < 2 * source["size"]:
        raise DiskFull(
            tr(
                "There is no room for a backup of “{name}”; free some space on its disk.",
                name=layout.name,
            )
        )
    now = datetime.now(UTC)
    number = there[0].number + 1 if there else 1
    final = layout.backups / f"project-{number:06d}-{now:%Y%m%dT%H%M%S}Z.db"
    draft = final.with_suffix(".tmp")
    try:
        _copy(layout.database, draft)
        manifest = {"sha256": _sha256(draft), "bytes": draft.stat().st_size, "source": source}
        write_atomic(final.with_suffix(".json"), json.dumps(manifest, indent=1).encode())
        publish(draft, final)
    finally:
        draft.unlink(missing_ok=True)
    _rotate(layout)
    return final


def _copy(database: Path, draft: Path) -> None:
    source = connect(database, read_only=True)
    try:
        copy = sqlite3.connect(draft, isolation_level=None)
        try:
            source.backup(copy, pages=_PAGES_AT_ONCE, sleep=0.02)
            problems = [row[0] for row in copy.execute("PRAGMA quick_check(5)")]
            orphans = copy.execute("PRAGMA foreign_key_check").fetchone()
        finally:
            copy.close()
    finally:
        source.close()
    if problems != ["ok"] or orphans is not None:
        raise ProjectDamaged(
            tr(
                "The database of “{name}” is damaged ({problems}), so it was not backed "
                "up; go back to the newest file in its backups folder.",
                name=database.parent.name,
                problems=problems[0],
            )
        )


def _rotate(layout: Layout) -> None:
    there = backups(layout)
    keep, older = there[:NEWEST], there[NEWEST:]
    weeks: dict[tuple[int, int], Backup] = {}
    for backup in older:
        if backup.week not in {b.week for b in keep} | weeks.keys() and len(weeks) < WEEKLY:
            weeks[backup.week] = backup
    for backup in set(older) - set(weeks.values()):
        backup.path.unlink(missing_ok=True)
        backup.manifest.unlink(missing_ok=True)


def _fingerprint(layout: Layout) -> dict[str, int]:
    stat = layout.database.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _read_manifest(backup: Backup) -> dict[str, object]:
    try:
        found = json.loads(backup.manifest.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _intact(backup: Backup) -> bool:
    return _read_manifest(backup).get("sha256") == _sha256(backup.path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bring_back(layout: Layout, backup: Backup) -> Path:
    """Put ``backup`` in the place of ``project.db``; the caller holds the lock.

    What was there is kept as ``project.db.before-restore-N`` with its journal, whose path is
    returned: a journal left beside another database would be played into it. Raises
    ProjectDamaged when the backup's bytes do not match its manifest.
    """
    if not _intact(backup):
        raise ProjectDamaged(tr("{name} is damaged; choose another backup.", name=backup.path.name))
    draft = layout.database.with_suffix(".tmp")
    shutil.copyfile(backup.path, draft)
    aside = next(
        path
        for n in range(1, 10_000)
        if not (path := layout.folder / f"project.db.before-restore-{n}").exists()
    )
    if layout.journal.exists():
        layout.journal.replace(aside.with_name(aside.name + "-journal"))
        sync_folder(layout.folder)
    if layout.database.exists():
        # A copy, not a rename: killed between two renames the project would have no database.
        shutil.copyfile(layout.database, aside)
    publish(draft, layout.database)
    return aside
