"""Finds photos that were moved since they were imported, by their bytes.

Looks through a folder the person names for the very same files, whatever they are called now, and
notes their new place. Only files of a missing photo's size are read, and those that still carry a
missing photo's name come first; what was found is written down as it goes, so that stopping loses
nothing. Knows files and the store; changes no photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.domain.edits import Edit
from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.errors import ImageUnreadable
from core.imaging.decode import sha256_of
from core.language import tr
from core.ports import ImageQuery, ProjectStore
from core.services.import_files import plan, project_path
from core.services.import_known import is_gone

BATCH = 500


@dataclass(frozen=True, slots=True)
class LocateProgress:
    """``done`` of ``total`` photos looked for, then files looked at (``searching``)."""

    done: int
    total: int
    searching: bool
    missing: int = 0
    found: int = 0


Progress = Callable[[LocateProgress], object]


@dataclass(frozen=True, slots=True)
class LocateReport:
    """``missing`` counts photos whose file was not in its place, ``found`` those found again."""

    missing: int
    found: int
    stopped: bool = False

    def sentence(self) -> str:
        """What came of it, and what to do about the rest."""
        if self.stopped:
            return tr("Stopped; found {found:,} moved photos so far.", found=self.found)
        if not self.missing:
            return tr("All photos are in their place.")
        if self.found == self.missing:
            return tr(
                "Found {found:,} of {missing:,} moved photos.",
                found=self.found,
                missing=self.missing,
            )
        return tr(
            "Found {found:,} of {missing:,} moved photos; choose another folder for the rest.",
            found=self.found,
            missing=self.missing,
        )


def find_moved(
    store: ProjectStore,
    folder: Path,
    *,
    progress: Progress = lambda _seen: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> LocateReport:
    """Search ``folder`` and all below it. Raises ProjectError when nothing can be written."""
    missing = {i.sha256: i for i in _missing(store, progress, cancelled)}
    count, found = len(missing), 0
    files = _likely(folder, missing) if missing and not cancelled() else []
    moved: dict[ImageId, Path] = {}
    for done, path in enumerate(files):
        if not missing or cancelled():
            break
        progress(LocateProgress(done, len(files), True, count, found))
        try:
            image = missing.pop(sha256_of(path), None)
        except ImageUnreadable:
            continue
        if image is not None:
            found += 1
            moved[image.id] = path.absolute()
        if len(moved) >= BATCH:
            _write_down(store, moved)
            moved = {}
    _write_down(store, moved)
    return LocateReport(count, found, stopped=cancelled())


def _missing(
    store: ProjectStore, progress: Progress, cancelled: Callable[[], bool]
) -> Iterator[LeafImage]:
    ids = store.image_ids(ImageQuery(removed=None))
    for start in range(0, len(ids), BATCH):
        if cancelled():
            return
        progress(LocateProgress(start, len(ids), False))
        yield from (i for i in store.images(ids[start : start + BATCH]) if is_gone(store, i))


def _write_down(store: ProjectStore, moved: dict[ImageId, Path]) -> None:
    """Only the places: people may have labelled these photos since the search began."""

    def decide(known: LeafImage, _regions: object) -> tuple[LeafImage, Edit]:
        path = moved[known.id]
        place = project_path(path, store.folder)
        return replace(known, path=place, size_bytes=max(0, _size(path))), Edit(known.id, "Found")

    if moved:
        store.amend(list(moved), decide)


def _likely(folder: Path, missing: dict[str, LeafImage]) -> list[Path]:
    """Files that may be one of the missing photos, the likeliest first.

    Photos of older projects have no size on record; for their sake every file is looked at.
    """
    names = {i.path.rpartition("/")[2] for i in missing.values()}
    sizes = {i.size_bytes for i in missing.values()}
    files = [c.path for c in plan([folder], twins=True).files]
    if 0 not in sizes:
        files = [path for path in files if _size(path) in sizes]
    return sorted(files, key=lambda path: path.name not in names)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
