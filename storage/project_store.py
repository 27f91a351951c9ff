"""The open project: ``core.ports.ProjectStore`` over SQLite.

Puts the parts together and looks after the whole: check, backup, close. Knows no query; opened by
``storage.projects``.
"""

from __future__ import annotations

from pathlib import Path

from core.ports import CheckReport
from storage.backup import BackupMaker
from storage.check import Check
from storage.database import Database
from storage.disease_rows import Diseases
from storage.files import Layout
from storage.image_rows import Images
from storage.lock import ProjectLock
from storage.measure_rows import Measures
from storage.region_rows import Regions
from storage.run_rows import Runs
from storage.take_back import TakeBack
from storage.thumbnails import Thumbnails


class SqlProjectStore(TakeBack, Diseases, Images, Measures, Regions, Runs):
    """One open project. Any thread may call it; calls wait for one another."""

    def __init__(
        self, layout: Layout, *, lock: ProjectLock | None, locked_by: str = "", why: str = ""
    ) -> None:
        """Without ``lock`` the project is read-only, and ``why`` is the sentence that says so."""
        self.name = layout.name
        self.read_only = lock is None
        self.locked_by = locked_by
        self._lock = lock
        self._backups = BackupMaker(layout)
        super().__init__(
            Database(
                layout.database, read_only=self.read_only, title=layout.name, why_read_only=why
            ),
            Thumbnails(layout.thumbnails, read_only=self.read_only, title=layout.name),
            layout.folder,
        )

    def start_backup(self) -> None:
        """Copy what the last session left, in the background; ``close`` waits for it."""
        self._backups.start()

    def check(self) -> CheckReport:
        """Verify everything against its checksums; takes as long as reading every photo."""
        return Check(self._db, self.resolve).run()

    def backup(self) -> Path | None:
        """A verified copy under ``backups/``; None when nothing changed since the last one.

        Raises DiskFull, ProjectDamaged, ProjectReadOnly.
        """
        self._db.must_be_writable()
        return self._backups.make()

    def close(self) -> None:
        """Let the copy under way finish, then let go of the files. May be called twice."""
        self._backups.wait()
        self._db.close()
        self._thumbs.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None
