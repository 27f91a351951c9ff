"""Makes and opens projects: the way in for the window and the command line.

Everything that can be wrong with a folder is found here, before it is written to: not a project,
damaged, from the future, held by somebody else, on read-only media.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import tempfile
from os import W_OK, access
from pathlib import Path

from core.domain.disease import HEALTHY_COLOUR, Disease, distinct
from core.domain.ids import DiseaseId, new_id
from core.errors import ProjectDamaged, ProjectError, ProjectLocked, ProjectReadOnly, ProjectTooNew
from core.files import at_home, is_text, quoted
from core.language import listed, tr
from storage import backup
from storage.database import APPLICATION_ID, DRIVER_ERRORS, Database, connect, explained
from storage.files import Layout, sync_folder, with_suffix
from storage.lock import ProjectLock
from storage.mapping import disease_values
from storage.migrations import runner
from storage.project_store import SqlProjectStore
from storage.tables import DiseaseRow

_NOT_WRITABLE = tr("Its folder may not be written to; copy it to another place to make changes.")
_ASKED_FOR = tr("It was opened only to be read; open it again to make changes.")


def create_project(folder: Path) -> SqlProjectStore:
    """A new, empty project with one class, "healthy" (hotkey 9); open for writing.

    ``folder`` gets ``.leafspot`` where it is missing. Nothing is left behind by a failure: the
    project is built beside its place and renamed. Raises ProjectError.
    """
    layout = Layout(with_suffix(folder))
    if not is_text(str(layout.folder)):
        raise ProjectError(
            tr(
                "The name {quoted} holds bytes that are no text; choose another name.",
                quoted=quoted(str(layout.folder)),
            )
        )
    try:
        if layout.folder.exists() and any(layout.folder.iterdir()):
            raise ProjectError(
                tr("“{it}” exists already; open it, or choose another name.", it=layout.folder)
            )
        layout.folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=layout.folder.parent))
        try:
            draft.chmod(0o755)  # mkdtemp makes it private; a project may be shared by a team
            _fill(Layout(draft))
            if layout.folder.exists():
                layout.folder.rmdir()
            draft.rename(layout.folder)
            sync_folder(layout.folder.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ProjectError(
            tr(
                "A project cannot be made at “{folder}” ({strerror}); choose a shorter name.",
                folder=layout.folder,
                strerror=error.strerror,
            )
            if error.errno == errno.ENAMETOOLONG
            else tr(
                "A project cannot be made at “{folder}” ({strerror}); choose a folder you "
                "may write to.",
                folder=layout.folder,
                strerror=error.strerror,
            )
        ) from error
    except DRIVER_ERRORS as error:
        raise explained(error, layout.name) from error
    return _open(layout)


def open_project(folder: Path, *, read_only: bool = False) -> SqlProjectStore:
    """Open a project; for writing unless somebody else does so or the folder may not be written.

    ``store.read_only`` and ``store.locked_by`` say what came of it. A project left behind by a
    crash opens without a question. Raises ProjectError, ProjectDamaged, ProjectTooNew; the files
    are then as they were.
    """
    store = _open(_locate(folder), read_only=read_only)
    if not store.read_only:
        store.start_backup()
    return store


def _open(layout: Layout, *, read_only: bool = False) -> SqlProjectStore:
    lock, locked_by, why = (None, "", _ASKED_FOR) if read_only else _claim(layout)
    try:
        version = _examine(layout, recover=lock is not None)
        if version < runner.CURRENT:
            _upgrade(layout, lock)
        if lock is not None:
            layout.make_folders()
        return SqlProjectStore(layout, lock=lock, locked_by=locked_by, why=why)
    except BaseException as error:
        if lock is not None:
            lock.release()
        if isinstance(error, OSError):
            raise ProjectError(
                tr(
                    "“{name}” cannot be opened ({strerror}); check that its drive is connected "
                    "and not full.",
                    name=layout.name,
                    strerror=error.strerror,
                )
            ) from error
        raise


def restore_backup(folder: Path, chosen: Path | None = None) -> Path:
    """Go back to a backup, the newest good one unless ``chosen``; returns the backup used.

    The database there was is kept beside it. Raises ProjectError when there is no good backup,
    ProjectLocked when the project is open somewhere, ProjectReadOnly when it may not be written.
    """
    layout = _locate(folder, lost=True)
    lock, locked_by, why = _claim(layout)
    if lock is None:
        raise (ProjectLocked if locked_by else ProjectReadOnly)(f"“{layout.name}”: {why}")
    try:
        return _bring_back(layout, chosen)
    except OSError as error:
        raise ProjectError(
            tr(
                "The backup of “{name}” could not be brought back ({strerror}); free some "
                "space and try again.",
                name=layout.name,
                strerror=error.strerror,
            )
        ) from error
    finally:
        lock.release()


def _bring_back(layout: Layout, chosen: Path | None) -> Path:
    named = {found.path.name: found for found in backup.backups(layout)}
    found = named.get(chosen.name) if chosen else backup.newest_good(layout)
    if found is None and chosen and named:
        raise ProjectError(
            tr(
                "“{name}” has no backup called {backup}; it has {names}.",
                name=layout.name,
                backup=quoted(chosen.name),
                names=listed(sorted(named)),
            )
        )
    if found is None:
        raise ProjectError(tr("“{name}” has no good backup to go back to.", name=layout.name))
    backup.bring_back(layout, found)
    return found.path


def _fill(layout: Layout) -> None:
    layout.make_folders()
    connection = connect(layout.database, create=True)
    try:
        runner.migrate(connection)
    finally:
        connection.close()
    database = Database(layout.database, read_only=False, title=layout.name)
    name = tr("healthy")
    healthy = Disease(
        DiseaseId(new_id()), name, HEALTHY_COLOUR,
        hotkey=9, healthy=True, synonyms=distinct(["healthy"], name),
    )  # fmt: skip
    try:
        with database.write() as session:
            session.add(DiseaseRow(**disease_values(healthy)))
    finally:
        database.close()


def _locate(folder: Path, *, lost: bool = False) -> Layout:
    """Accepts the folder, its name without ``.leafspot``, or the database inside it.

    A project whose database is gone but has been backed up is damaged, unless it may be ``lost``.
    """
    folder = at_home(folder).absolute()
    candidates = [folder, with_suffix(folder)]
    if folder.name == Layout(folder).database.name:
        candidates.append(folder.parent)
    for layout in map(Layout, candidates):
        if layout.database.is_file():
            return layout
    for layout in map(Layout, candidates):
        if layout.backups.is_dir() and backup.newest_good(layout):
            if lost:
                return layout
            raise _damaged(layout, tr("project.db is missing"))
    raise ProjectError(
        tr(
            "“{folder}” is not a Leafspot project (it holds no project.db); choose a "
            "folder that ends in .leafspot.",
            folder=folder,
        )
    )


def _claim(layout: Layout) -> tuple[ProjectLock | None, str, str]:
    """(lock, who holds it otherwise, why it is read-only)."""
    kept = layout.database.exists() and not access(layout.database, W_OK)
    if kept or not access(layout.folder, W_OK):
        return None, "", _NOT_WRITABLE
    try:
        return ProjectLock.acquire(layout.lock), "", ""
    except ProjectLocked as held:
        who = str(held)
        why = tr("It is being worked on by {who}; close it there and open it here again.", who=who)
        return None, who, why
    except OSError:
        return None, "", _NOT_WRITABLE


def _examine(layout: Layout, *, recover: bool) -> int:
    """The schema version of a database that is ours, after looking without writing."""
    if layout.database.stat().st_size == 0:
        raise _damaged(layout, tr("project.db is empty"))
    try:
        try:
            return _look(layout, read_only=True)
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code != sqlite3.SQLITE_READONLY_ROLLBACK or not recover:
                raise
            # The last writer was killed in the middle of a save: opening for writing undoes it.
            return _look(layout, read_only=False)
    except DRIVER_ERRORS as error:
        known = explained(error, layout.name)
        if isinstance(known, ProjectDamaged):
            raise _damaged(layout, str(error)) from error
        stranger = layout.database.with_name(f"{layout.database.name}-wal")
        if type(known) is ProjectError and stranger.exists():
            raise ProjectError(
                tr(
                    "“{name}” cannot be read beside {name_2}, a file that Leafspot never "
                    "makes. If another program has the project open, close it there; if not, "
                    "move that file elsewhere and open the project again.",
                    name=layout.name,
                    name_2=stranger.name,
                )
            ) from error
        raise known from error


def _look(layout: Layout, *, read_only: bool) -> int:
    connection = connect(layout.database, read_only=read_only)
    try:
        connection.execute("BEGIN")  # one state, also while somebody else is writing
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        version = runner.version(connection)
        if application != APPLICATION_ID or version < 1:
            raise _damaged(layout, tr("project.db was not written by Leafspot"))
        if version > runner.CURRENT:
            raise ProjectTooNew(
                tr(
                    "“{name}” was made by a newer Leafspot (project version {version}, this "
                    "program knows {current}) and was left untouched; update Leafspot to open "
                    "it.",
                    name=layout.name,
                    version=version,
                    current=runner.CURRENT,
                )
            )
        if version == runner.CURRENT:
            _expect_schema(layout, connection)
        _expect_all_pages(layout, connection)
        return version
    finally:
        connection.close()


def _expect_schema(layout: Layout, connection: sqlite3.Connection) -> None:
    """Word for word what our migrations make: no trigger or view of somebody else's, no damage."""
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        runner.migrate(fresh)
        wanted = _schema(fresh)
    finally:
        fresh.close()
    # A damaged file may give bytes for a name.
    odd = sorted(str(name) for _, name, _ in _schema(connection) ^ wanted)
    if odd:
        raise _damaged(layout, tr("“{odd}” in project.db is not as Leafspot makes it", odd=odd[0]))


def _schema(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    return set(connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema"))


def _expect_all_pages(layout: Layout, connection: sqlite3.Connection) -> None:
    """SQLite itself does not miss a part of the last page."""
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    size = int(connection.execute("PRAGMA page_size").fetchone()[0])
    if layout.database.stat().st_size < pages * size:
        raise _damaged(layout, tr("the end of project.db is missing"))


def _damaged(layout: Layout, what: str) -> ProjectDamaged:
    try:
        good = backup.newest_good(layout)
    except OSError:
        good = None
    remedy = (
        tr(
            "Go back to its newest good backup, backups/{name}, with “leafspot restore”.",
            name=good.path.name,
        )
        if good
        else tr(
            "There is no good backup in its backups folder; ask for help before changing anything."
        )
    )
    return ProjectDamaged(
        tr(
            "“{name}” is damaged: {what}. Nothing was changed. {remedy}",
            name=layout.name,
            what=what,
            remedy=remedy,
        )
    )


def _upgrade(layout: Layout, lock: ProjectLock | None) -> None:
    if lock is None:
        raise ProjectReadOnly(
            tr(
                "“{name}” was made by an older Leafspot and has to be converted; open it "
                "once where it may be written.",
                name=layout.name,
            )
        )
    backup.BackupMaker(layout).make()
    connection = connect(layout.database)
    try:
        runner.migrate(connection)
    except DRIVER_ERRORS as error:
        raise explained(error, layout.name) from error
    finally:
        connection.close()
