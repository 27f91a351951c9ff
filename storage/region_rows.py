"""The regions of a project: reading masks, and committing edits.

Knows rows of regions and tiles; what an edit does to them is worked out in ``edit_work``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.changes import Changes
from core.domain.edits import Edit
from core.domain.ids import DiseaseId, ImageId
from core.domain.mask import TileKey, TileMask
from core.domain.region import Region, RegionKind
from core.errors import Bug, ProjectDamaged, ProjectError
from core.language import tr
from core.ports import Decide
from storage import mask_codec
from storage.database import Database
from storage.edit_work import EditWork
from storage.mapping import areas_from, image_from, image_values, region_from
from storage.mask_codec import TileDamaged
from storage.rows import now
from storage.run_rows import bring_label_wrong_back, take_back_label_wrong
from storage.tables import ImageRow, RegionRow, TileRow
from storage.thumbnails import Thumbnails
from storage.undo_rows import UndoSteps, drop_unfit

StoredTile = tuple[TileKey, bytes, bytes]
"""(key, sha256, data)"""


class Regions(UndoSteps):
    """The region part of the port."""

    def __init__(self, database: Database, thumbnails: Thumbnails, folder: Path) -> None:
        super().__init__(database, thumbnails, folder)
        # Of this session, as undo is: (action, whether it was the undoing) to runs.
        self._taken_back: dict[tuple[int, bool], list[str]] = {}

    def regions(self, image: ImageId) -> list[Region]:
        """In the order they were made.

        Raises ProjectDamaged, naming image and region, when a tile or a whole mask fails its
        checksum; ProjectError when there is no such photo.
        """
        with self._db.read() as session:
            photo = photo_row(session, image)
            rows = session.scalars(
                select(RegionRow).where(RegionRow.image_id == image).order_by(RegionRow.id)
            ).all()
            tiles = tiles_of(session, image)
            return [_region(photo, row, tiles.get(row.id, [])) for row in rows]

    def areas(self, image: ImageId) -> dict[tuple[RegionKind, DiseaseId | None], int]:
        """Union pixel counts per kind and disease, from the cache. Empty unions are left out."""
        with self._db.read() as session:
            return dict(areas_from(photo_row(session, image)).groups)

    def commit(self, edit: Edit) -> Changes:
        """Apply one edit in one transaction; durable when it returns.

        One that corrects the label takes back every "label wrong" that was said of the photo;
        its inverse brings back those, but where something else has been said since.
        Raises DiskFull, ProjectReadOnly and ProjectLocked with the old state intact,
        ProjectDamaged when a tile in the way fails its checksum, and Bug when the edit does not
        fit what is stored.
        """
        back = self._taken_back.get((edit.action, not edit.undoes), [])
        try:
            with self._db.write() as session:
                photo = photo_row(session, edit.image)
                drop_unfit(session, photo)
                taken = apply_edit(session, photo, edit)
                if back:
                    bring_label_wrong_back(session, edit.image, back)
                held = self._keep_to_budget(session, self._record(session, photo, edit))
        except BaseException:
            self._held = None  # what came of it is not known
            raise
        self._held = held
        if taken:
            self._taken_back[edit.action, edit.undoes] = taken
        else:
            self._taken_back.pop((edit.action, edit.undoes), None)
        return Changes(images=frozenset({edit.image}))

    def amend(self, images: Sequence[ImageId], decide: Decide) -> Changes:
        """``decide`` for each photo inside one transaction; raises as ``commit``, then nothing is
        changed at all."""
        amended = set()
        with self._db.write() as session:
            for image in images:
                photo = photo_row(session, image)
                rows = session.scalars(select(RegionRow).where(RegionRow.image_id == image))
                decided = decide(image_from(photo), [region_from(row) for row in rows])
                if decided is None:
                    continue
                after, edit = decided
                if after.id != image or (after.width, after.height) != (photo.width, photo.height):
                    raise Bug(f"photo {image} cannot become another")
                for name, value in image_values(after).items():
                    setattr(photo, name, value)
                apply_edit(session, photo, edit)
                amended.add(image)
        return Changes(images=frozenset(amended))


def apply_edit(session: Session, photo: ImageRow, edit: Edit) -> list[str]:
    """Carry one edit out within the caller's transaction.

    Gives the runs whose "label wrong" it took back; raises as ``commit``.
    """
    work = EditWork(session, photo)
    for change in edit.changes:
        work.apply(change)
    work.flush()
    photo.changed = now()
    return take_back_label_wrong(session, edit.image) if edit.corrects_label() else []


def photo_row(session: Session, image: ImageId) -> ImageRow:
    """Raises ProjectError when there is no such photo."""
    row = session.get(ImageRow, image)
    if row is None:
        raise ProjectError(tr("This photo is not in the project."))
    return row


def tiles_of(session: Session, image: ImageId) -> dict[int, list[StoredTile]]:
    """Every tile of a photo, by region, as it is stored."""
    found: dict[int, list[StoredTile]] = defaultdict(list)
    rows = session.execute(
        select(TileRow.region_id, TileRow.tile_row, TileRow.tile_col, TileRow.sha256, TileRow.data)
        .join(RegionRow, RegionRow.id == TileRow.region_id)
        .where(RegionRow.image_id == image)
    )
    for region, row, col, sha256, data in rows:
        found[region].append(((row, col), sha256, data))
    return found


def _region(photo: ImageRow, row: RegionRow, tiles: Sequence[StoredTile]) -> Region:
    packed = read_mask(photo.name, row, tiles)
    size = (photo.width, photo.height)
    if not all(mask_codec.fits(key, tile, size) for key, tile in packed.items()):
        raise ProjectDamaged(
            tr("The mask of region {id} does not fit photo {name}.", id=row.id, name=photo.name)
        )
    return Region(region_from(row), TileMask.from_packed(*size, packed))


def read_mask(
    photo: str, row: RegionRow, tiles: Sequence[StoredTile]
) -> dict[TileKey, mask_codec.Packed]:
    """The packed tiles of one region. Raises ProjectDamaged naming the photo and the region."""
    packed: dict[TileKey, mask_codec.Packed] = {}
    try:
        for key, sha256, data in tiles:
            packed[key] = mask_codec.decode(row.id, key, sha256=sha256, data=data)
        mask_codec.verify_mask(((key, sha256) for key, sha256, _ in tiles), row.mask_sha256)
    except TileDamaged as error:
        raise ProjectDamaged(
            tr(
                "The mask of region {id} on photo {photo} is damaged ({error}); the other "
                "photos are fine. Bring it back from the newest file in the project's "
                "backups folder.",
                id=row.id,
                photo=photo,
                error=error,
            )
        ) from error
    return packed
