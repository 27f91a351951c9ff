"""Finds photos that were moved since they were imported, by their bytes.

Looks through a folder the person names for the very same files (SHA-256), whatever they are called
now, and notes their new place. Knows files and the store; changes no photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.domain.image import LeafImage
from core.errors import ImageUnreadable
from core.imaging.decode import sha256_of
from core.ports import ImageQuery, ProjectStore
from core.services.import_files import plan
from core.services.import_images import project_path
from core.services.import_known import is_gone

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class LocateReport:
    """``missing`` counts photos whose file was not in its place, ``found`` those found again."""

    missing: int
    found: int

    def sentence(self) -> str:
        """What came of it, and what to do about the rest."""
        if not self.missing:
            return "All photos are in their place."
        if self.found == self.missing:
            return f"Found {self.found} of {self.missing} moved photos."
        return (
            f"Found {self.found} of {self.missing} moved photos; "
            "choose another folder for the rest."
        )


def find_moved(
    store: ProjectStore,
    folder: Path,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> LocateReport:
    """Search ``folder`` and all below it. Raises ProjectError when the project cannot be written.

    Files that still carry the name of a missing photo are looked at first.
    """
    missing = {i.sha256: i for i in _missing(store)}
    count = len(missing)
    names = {i.path.rpartition("/")[2] for i in missing.values()}
    files = [c.path for c in plan([folder]).files] if missing else []
    files.sort(key=lambda path: path.name not in names)
    found: list[LeafImage] = []
    for done, path in enumerate(files):
        if not missing or cancelled():
            break
        if progress:
            progress(done, len(files))
        try:
            image = missing.pop(sha256_of(path), None)
        except ImageUnreadable:
            continue
        if image is not None:
            found.append(replace(image, path=project_path(path.absolute(), store.folder)))
    if found:
        store.update_images(found)
    return LocateReport(count, len(found))


def _missing(store: ProjectStore) -> Iterator[LeafImage]:
    for image_id in store.image_ids(ImageQuery()):
        image = store.image(image_id)
        if is_gone(store, image):
            yield image
