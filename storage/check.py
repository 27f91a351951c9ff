"""``leafspot check``: is everything in the project what it was when it was saved?

Reads all of it and changes nothing: the file's structure, the checksum of every mask, the figures
cached from the masks, and every photo against its sha256. Findings are sentences.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.domain.mask import TileKey
from core.errors import ProjectDamaged, ProjectError
from core.exporters.base import MAX_PIXELS
from core.geometry import areas
from core.geometry.areas import Group
from core.language import tr
from core.ports import CheckReport
from storage.database import Database
from storage.mapping import areas_from, calibration_from, image_from, region_from, scales_from
from storage.mask_codec import Packed
from storage.measure_rows import SCALES
from storage.region_rows import read_mask, tiles_of
from storage.tables import (
    CalibrationRow,
    DiseaseRow,
    ImageRow,
    RegionRow,
    RunRow,
    ScoreRow,
    SettingRow,
    TileRow,
)

_PAGE = 100
_MAX_STRUCTURE = 20


class Check:
    """One run of the check over an open database."""

    def __init__(self, database: Database, resolve: Callable[[LeafImage], Path]) -> None:
        self._db = database
        self._resolve = resolve
        self._problems: list[str] = []
        self._checked: Counter[str] = Counter()

    def run(self) -> CheckReport:
        """Damage becomes a problem in the report; nothing is raised for it."""
        self._problems += self._db.structure_problems()[:_MAX_STRUCTURE]
        try:
            self._count()
            self._check_measures()
            for photo in self._photos():
                self._check_photo_file(photo)
        except ProjectError as error:
            self._problems.append(str(error))
        return CheckReport(tuple(dict.fromkeys(self._problems)), dict(self._checked))

    def _count(self) -> None:
        tables = {
            "diseases": DiseaseRow, "images": ImageRow, "regions": RegionRow, "tiles": TileRow,
            "runs": RunRow, "scores": ScoreRow,
        }  # fmt: skip
        with self._db.read() as session:
            for name, table in tables.items():
                counted = session.scalar(select(func.count()).select_from(table))
                self._checked[name] = int(counted or 0)

    def _check_measures(self) -> None:
        """Scale cards and severity scales make sense."""
        with self._db.read() as session:
            readers: list[Callable[[], object]] = [
                partial(calibration_from, row) for row in session.scalars(select(CalibrationRow))
            ]
            scales = session.get(SettingRow, SCALES)
            if scales is not None:
                readers.append(partial(scales_from, scales))
            for read in readers:
                try:
                    read()
                except ProjectDamaged as error:
                    self._problems.append(str(error))

    def _photos(self) -> Iterator[LeafImage]:
        """Every readable photo entry, its masks checked on the way; a page at a time."""
        last = -1
        while True:
            page: list[LeafImage] = []
            with self._db.read() as session:
                rows = session.scalars(
                    select(ImageRow)
                    .where(ImageRow.added > last)
                    .order_by(ImageRow.added)
                    .limit(_PAGE)
                ).all()
                for row in rows:
                    last = row.added
                    try:
                        page.append(image_from(row))
                        self._check_masks(session, row)
                    except ProjectDamaged as error:
                        self._problems.append(str(error))
            if not rows:
                return
            # Hashing photos takes long: the database is free for others meanwhile.
            yield from page

    def _check_masks(self, session: Session, photo: ImageRow) -> None:
        regions = session.scalars(select(RegionRow).where(RegionRow.image_id == photo.id)).all()
        tiles = tiles_of(session, ImageId(photo.id))
        stacks: dict[TileKey, list[tuple[Group, Packed]]] = {}
        damaged = False
        for region in regions:
            try:
                info = region_from(region)
                for key, packed in read_mask(photo.name, region, tiles.get(region.id, [])).items():
                    stacks.setdefault(key, []).append(((info.kind, info.disease), packed))
            except ProjectDamaged as error:
                self._problems.append(str(error))
                damaged = True
        if damaged:
            return
        if (areas.count(stacks.values()), len(regions)) != (areas_from(photo), photo.regions):
            self._problems.append(
                tr(
                    "The severity shown for photo {name} does not match its masks; open it and "
                    "change any region to have it counted again.",
                    name=photo.name,
                )
            )

    def _check_photo_file(self, photo: LeafImage) -> None:
        path = self._resolve(photo)
        self._checked["photos"] += 1
        if not (photo.width > 0 < photo.height and photo.width * photo.height <= MAX_PIXELS):
            self._problems.append(
                tr(
                    "The entry of photo {name} claims {width} × {height} pixels, which no "
                    "photo has; go back to the newest file in the project's backups folder.",
                    name=path.name,
                    width=photo.width,
                    height=photo.height,
                )
            )
        self._problems += _file_problems(photo, path)


def _file_problems(photo: LeafImage, path: Path) -> list[str]:
    """What is wrong with the photo's file, in sentences; nothing where it is as imported."""
    name = path.name
    try:
        # A project from elsewhere may name a device, which never ends, or a pipe.
        if path.exists() and not path.is_file():
            return [
                tr(
                    "Photo {name} at {path} is a folder, pipe or device and no photo; put the "
                    "photo back there.",
                    name=name,
                    path=path,
                )
            ]
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == photo.sha256
    except (FileNotFoundError, ValueError):  # ValueError: a name that no file can have
        return [
            tr(
                "Photo {name} has moved away: it is no longer at {path}. Put it back "
                "there, or import it from its new place.",
                name=name,
                path=path,
            )
        ]
    except OSError as error:
        why = error.strerror
        return [tr("Photo {name} at {path} cannot be read: {why}.", name=name, path=path, why=why)]
    if same:
        return []
    return [
        tr(
            "Photo {name} at {path} has changed since it was imported; its masks may "
            "no longer fit. Put the original back.",
            name=name,
            path=path,
        )
    ]
