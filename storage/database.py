"""One SQLite file, opened the same way every time, and what its errors mean to a person.

Everything that is true of SQLite alone (pragmas, locking modes, error codes) lives here, in
``backup`` and in ``migrations``; the queries elsewhere are portable. Knows no table.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from core.errors import (
    Bug,
    DiskFull,
    ProjectDamaged,
    ProjectError,
    ProjectLocked,
    ProjectReadOnly,
)
from core.files import quoted
from core.language import tr

APPLICATION_ID = 0x4C454146  # "LEAF"
BUSY_SECONDS = 5.0
# The driver decodes SQLite's messages strictly: quoting a damaged schema, it fails at that.
DRIVER_ERRORS = (sqlite3.Error, UnicodeDecodeError)

_PRAGMAS = (
    # Not WAL: before SQLite 3.51.3 two writing connections can corrupt it, and a WAL project does
    # not open from read-only media.
    "journal_mode=DELETE",
    # EXTRA syncs the folder too, so that a power cut cannot bring a deleted journal back.
    "synchronous=EXTRA",
    "foreign_keys=ON",
    # A project may come from anybody: its schema may call no function, its pages may not lie
    # about their cells, and a page beyond the end of the file is an error, not a bus fault.
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "mmap_size=0",
    "cache_size=-32768",
)


def connect(path: Path, *, read_only: bool = False, create: bool = False) -> sqlite3.Connection:
    """A connection with every pragma set and no transaction begun by itself.

    Raises DRIVER_ERRORS; nothing is created unless ``create`` says so. Usable from any one thread
    at a time.
    """
    mode = "ro" if read_only else "rwc" if create else "rw"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_SECONDS,
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except DRIVER_ERRORS:
        connection.close()
        raise
    return connection


class Database:
    """Short read and write transactions on one file, one at a time, whichever thread asks."""

    def __init__(self, path: Path, *, read_only: bool, title: str, why_read_only: str = "") -> None:
        """``title`` names the project in sentences; ``why_read_only`` ends the refusal to write."""
        self.path = path
        self.read_only = read_only
        self._title = title
        self._why_read_only = why_read_only
        self._guard = threading.RLock()
        self._closed = False
        self._reader = _engine(path, read_only=read_only)
        self._writer = self._reader.execution_options(leafspot_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one committed state."""
        with self._session(self._reader) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: on disk when the block ends, undone when it raises.

        Raises ProjectReadOnly, DiskFull, ProjectLocked, ProjectDamaged.
        """
        self.must_be_writable()
        with self._session(self._writer) as session:
            yield session

    def state(self, session: Session) -> tuple[int, int]:
        """Differs from what it was whenever anything was written meanwhile, by this program or by
        another: an answer may be kept as long as it is the same. Only from ``read``.
        """
        connection = session.connection().connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        (others,) = connection.execute("PRAGMA data_version").fetchone()
        return connection.total_changes, int(others)

    def must_be_writable(self) -> None:
        """Raises ProjectReadOnly with the reason, if there is one."""
        if self.read_only:
            raise ProjectReadOnly(
                tr(
                    "“{title}” is open read-only. {why_read_only}",
                    title=self._title,
                    why_read_only=self._why_read_only,
                )
            )

    def structure_problems(self) -> list[str]:
        """What SQLite itself finds wrong with the file, as sentences; [] when it is sound."""
        problems = []
        try:
            with self.read() as session:
                # The whole check: the quick one does not compare an index with its table, and a
                # photo that an index has lost is in no list.
                for (line,) in session.execute(text("PRAGMA integrity_check")):
                    if line != "ok":
                        problems.append(tr("The database file is damaged: {line}.", line=line))
                for table, row, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
                    problems.append(
                        tr(
                            "Entry {row} of {table} belongs to no {parent}.",
                            row=row,
                            table=table,
                            parent=parent,
                        )
                    )
        except ProjectError as error:
            problems.append(str(error))
        return problems

    def close(self) -> None:
        with self._guard:
            self._closed = True
            self._reader.dispose()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with self._guard:
            if self._closed:
                raise Bug(f"{self._title} was used after it was closed")
            try:
                with Session(engine) as session, session.begin():
                    yield session
            except DBAPIError as error:
                raise explained(error.orig, self._title) from error
            except UnicodeDecodeError as error:
                raise explained(error, self._title) from error
            except UnicodeEncodeError as error:
                raise ProjectError(
                    tr(
                        "The name {quoted} holds bytes that are no text; rename the file and try "
                        "again.",
                        quoted=quoted(str(error.object)[:80]),
                    )
                ) from error


def _engine(path: Path, *, read_only: bool) -> Engine:
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: connect(path, read_only=read_only),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock first: a transaction that began by reading could not be
        # upgraded later without the risk of a deadlock.
        write = connection.get_execution_options().get("leafspot_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


_WRITE_FAILED = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
    }
)


def explained(error: BaseException | None, title: str) -> Exception:
    """What a driver error means to a person, as an error to raise."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = sqlite3.SQLITE_CORRUPT if code is None else code & 0xFF
    match primary:
        case _ if code in _WRITE_FAILED:
            return DiskFull(
                tr(
                    "“{title}” could not be saved because the disk is full; everything saved "
                    "before is intact. Free some space and try again.",
                    title=title,
                )
            )
        case sqlite3.SQLITE_READONLY:
            return ProjectReadOnly(
                tr(
                    "“{title}” cannot be written: its folder is read-only, or the last program "
                    "that wrote to it was interrupted. Copy the folder to a place you may "
                    "write to.",
                    title=title,
                )
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ProjectLocked(
                tr(
                    "“{title}” is being read by another program at this moment; try again.",
                    title=title,
                )
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return ProjectDamaged(
                tr(
                    "The database of “{title}” is damaged ({error}). Nothing was changed; go "
                    "back to the newest file in its backups folder.",
                    title=title,
                    error=error,
                )
            )
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN:
            return ProjectError(
                tr(
                    "The files of “{title}” cannot be reached ({error}); check that the drive "
                    "is connected and that you may read and write there.",
                    title=title,
                    error=error,
                )
            )
    return Bug(f"the database of {title} refused a statement: {error}")
