"""What an export format is: a project in, files out, and a word about what is lost.

Knows the project's port; knows no particular format. A format is one module of this package with
``SPECS``; menus, ``leafspot export --format`` and the contract tests read them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Protocol

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import LeafImage
from core.domain.region import Region
from core.errors import ExportRefused
from core.language import tr
from core.ports import ImageQuery, ProjectStore

MARKED_WITHIN = 1 << 16
"""Bytes at a file's beginning in which its project's mark must stand."""
Progress = Callable[[int, int], None]
"""Called with (done, of) photos; a format may count each photo twice when it reads back."""
Only = Collection[ImageId] | None
"""The photos to be exported, None for all."""
MAX_PIXELS = 1 << 29
LONGEST_STEM = 230
"""Bytes that leave room for a number and an ending in the 255 of a name."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written. ``notes`` are sentences about what could not be said in the format."""

    path: Path
    images: int
    regions: int
    notes: tuple[str, ...] = field(default=())


class Exporter(Protocol):
    """A format. Writes ``out`` whole or not at all, and reads it back before it says so.

    One that writes a file puts ``mark`` near its beginning: a later export of the same project
    may take the file's place then, and no other without being told to.
    """

    def __call__(
        self,
        store: ProjectStore,
        out: Path,
        *,
        progress: Progress | None = None,
        only: Only = None,
        **told: bool,
    ) -> ExportReport:
        """Raises ExportRefused, DiskFull, ProjectDamaged."""
        ...


@dataclass(frozen=True, slots=True)
class ExporterSpec:
    """A plug-in entry. ``factory`` ("module:function") is an `Exporter`.

    ``suffix`` is the file's ending, "" when a folder is written. ``loses`` says in one sentence
    what the format cannot hold. ``draws`` is set when the photos themselves are needed. One with
    ``places`` takes ``places=True`` as well, and writes where and when each photo was taken then,
    and only then.
    """

    id: str
    title: str
    suffix: str
    loses: str
    factory: str
    draws: bool = False
    places: bool = False


def images_of(store: ProjectStore, only: Only) -> list[LeafImage]:
    """The photos to be exported, in the order they were added. Raises ExportRefused for none."""
    every = store.image_ids(ImageQuery())
    if not every:
        raise ExportRefused(tr("“{name}” has no photos yet; import some first.", name=store.name))
    images = [store.image(i) for i in every if only is None or i in only]
    if not images:
        raise ExportRefused(
            tr("None of the chosen photos is in the project; choose others in the gallery.")
        )
    for image in images:
        if not 0 < image.width * image.height <= MAX_PIXELS:
            raise ExportRefused(
                tr(
                    "{name} claims {width} × {height} pixels, more than any photo has; run "
                    "“leafspot check”.",
                    name=PurePath(image.path).name,
                    width=image.width,
                    height=image.height,
                )
            )
    return images


def mark(store: ProjectStore) -> str:
    """Tells the exports of one project from those of others, whatever happens in it later.

    A removed photo stays on record, so the first photo's id stands for the project; the name, too,
    because a copy of a project is another one. Nobody learns either from it. "" while there is no
    photo.
    """
    first = store.image_ids(ImageQuery(removed=None))[:1]
    if not first:
        return ""
    return f"leafspot-{hashlib.sha256(f'{first[0]} {store.name}'.encode()).hexdigest()[:32]}"


def is_marked(file: Path, wanted: str) -> bool:
    """Whether ``file`` carries that mark. Raises OSError."""
    with file.open("rb") as opened:
        return bool(wanted) and wanted.encode() in opened.read(MARKED_WITHIN)


def checked_regions(store: ProjectStore, image: LeafImage) -> list[Region]:
    """The photo's regions, each of the photo's size. Raises ExportRefused, ProjectDamaged."""
    regions = store.regions(image.id)
    for region in regions:
        if (region.mask.width, region.mask.height) != (image.width, image.height):
            raise ExportRefused(
                tr(
                    "An outline on {name} is not of the photo's size; run “leafspot check”.",
                    name=PurePath(image.path).name,
                )
            )
    return regions


def relative_names(paths: Sequence[Path]) -> list[str]:
    """POSIX names below the photos' common folder: unique, and without anybody's home folder."""
    parents = [str(p.parent) for p in paths]
    try:
        root: str | None = os.path.commonpath(parents) if parents else None
    except ValueError:  # several Windows drives
        root = None
    if root is None:
        return [p.as_posix().replace(":", "").lstrip("/") for p in paths]
    return [p.relative_to(root).as_posix() for p in paths]


def without_ending(name: str) -> str:
    """A POSIX name, folders included, without the ending of its last part."""
    return name.removesuffix(PurePosixPath(name).suffix)


def unique_stems(names: Iterable[str]) -> list[str]:
    """POSIX names without endings, for one folder; twins (in any case) get ``_2``, ``_3``, …, for
    which a name that takes up all that systems allow is cut."""
    taken: set[str] = set()
    out: list[str] = []
    for name in names:
        candidate, number = without_ending(name), 1
        folder, slash, stem = candidate.rpartition("/")
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{folder}{slash}{_cut(stem)}_{number}"
        taken.add(candidate.casefold())
        out.append(candidate)
    return out


def _cut(stem: str) -> str:
    return os.fsencode(stem)[:LONGEST_STEM].decode("utf-8", "ignore")


def by_id(diseases: Iterable[Disease]) -> dict[DiseaseId, Disease]:
    """For looking up what a photo or region carries."""
    return {d.id: d for d in diseases}
