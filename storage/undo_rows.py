"""What undo and redo remember of a project across restarts: the steps of every photo.

A step is written in the transaction that carries it out, so that after a crash the two still fit.
Undoing and redoing only mark it. A digest of the photo's labels and masks is kept with the steps:
where something else has changed the photo since, they are dropped. A disease that was merged since
is called by the name it has now. The oldest steps go first when the budget is passed. Knows rows
and edits; what an edit does is ``edit_work``.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from core.domain.edits import (
    Edit,
    ImageRelabelled,
    PackedTiles,
    PixelsChanged,
    RegionAdded,
    RegionRelabelled,
    RegionRemoved,
)
from core.domain.ids import ImageId, RegionId
from core.ports import Steps
from storage import edit_codec, mask_codec
from storage.database import Database
from storage.edit_codec import StepDamaged
from storage.many_rows import names_now
from storage.rows import Rows, chunks
from storage.tables import DiseaseRow, ImageRow, RegionRow, UndoStateRow, UndoStepRow
from storage.thumbnails import Thumbnails

BUDGET = 48 << 20
"""Compressed bytes of steps that a project keeps: some forty-five thousand strokes. With those of
``many_rows`` they are 64 MiB."""
UNFOLDED = 64 << 20
"""Bytes of tiles that one photo's steps may take in memory when it is opened."""
_BATCH = 200


class UndoSteps(Rows):
    """The undo part of the port."""

    def __init__(self, database: Database, thumbnails: Thumbnails, folder: Path) -> None:
        super().__init__(database, thumbnails, folder)
        self.undo_budget = BUDGET
        self._held: int | None = None

    def steps(self, image: ImageId) -> Steps:
        """As the port says. What does not fit is removed, where the project may be written."""
        with self._db.read() as session:
            photo = session.get(ImageRow, image)
            rows = session.scalars(
                select(UndoStepRow).where(UndoStepRow.image_id == image).order_by(UndoStepRow.id)
            ).all()
            if photo is None or not rows:
                return Steps()
            found = _read(session, photo, rows)
        if found is None:
            if not self._db.read_only:
                with self._db.write() as session:
                    _drop(session, image)
                self._held = None
            return Steps(dropped=True)
        return found

    def _record(self, session: Session, photo: ImageRow, edit: Edit) -> int:
        """Write ``edit``, which has just been carried out; gives the bytes it added."""
        mine = UndoStepRow.image_id == photo.id
        same = (mine, UndoStepRow.action == edit.action, UndoStepRow.undone != edit.undoes)
        added = 0
        if session.scalar(select(UndoStepRow.id).where(*same)) is not None:
            session.execute(update(UndoStepRow).where(*same).values(undone=edit.undoes))
        elif not edit.undoes:
            gone = (mine, UndoStepRow.undone.is_(True))
            added -= int(session.scalar(select(func.sum(UndoStepRow.size)).where(*gone)) or 0)
            session.execute(delete(UndoStepRow).where(*gone))
            data = edit_codec.encode(edit)
            row = {
                "image_id": photo.id, "action": edit.action, "undone": False, "size": len(data),
                "sha256": hashlib.sha256(data).digest(), "data": data,
            }  # fmt: skip
            session.execute(insert(UndoStepRow), [row])
            added += len(data)
        session.flush()
        _sign(session, photo)
        return added

    def _keep_to_budget(self, session: Session, added: int) -> int:
        """The bytes held, after the oldest steps of the project have made room."""
        if self._held is None:
            held = int(session.scalar(select(func.sum(UndoStepRow.size))) or 0)
        else:
            held = self._held + added
        while held > self.undo_budget:
            oldest = session.execute(
                select(UndoStepRow.id, UndoStepRow.size, UndoStepRow.undone, UndoStepRow.image_id)
                .order_by(UndoStepRow.id)
                .limit(_BATCH)
            ).all()
            if len(oldest) < 2:  # the last one of all is kept whatever its size
                return held
            for step, size, undone, image in oldest[: -1 if len(oldest) < _BATCH else None]:
                if undone:  # those after it could not be redone without it
                    _drop(session, ImageId(image))
                    held = int(session.scalar(select(func.sum(UndoStepRow.size))) or 0)
                    break
                session.execute(delete(UndoStepRow).where(UndoStepRow.id == step))
                held -= size
                if held <= self.undo_budget:
                    break
        return held


def drop_unfit(session: Session, photo: ImageRow) -> None:
    """Before an edit: forget the photo's steps when something else has changed it since."""
    state = session.get(UndoStateRow, photo.id)
    if state is not None and state.digest != _digest(session, photo):
        _drop(session, ImageId(photo.id))


def photos_with_steps(session: Session, images: Collection[ImageId]) -> list[ImageId]:
    """Those of ``images`` that have steps, where they fit the photo."""
    found = []
    for part in chunks(list(images)):
        signed = select(UndoStateRow.image_id, UndoStateRow.digest)
        kept = {i: d for i, d in session.execute(signed.where(UndoStateRow.image_id.in_(part)))}
        photos = session.scalars(select(ImageRow).where(ImageRow.id.in_(kept))).all()
        found += [i for i, digest in _digests(session, photos).items() if kept[i] == digest]
    return found


def keep_steps(session: Session, images: Iterable[ImageId]) -> None:
    """After labels of ``images`` were set: their steps, which fitted before, go on."""
    session.flush()
    session.expire_all()
    for part in chunks(list(images)):
        photos = session.scalars(select(ImageRow).where(ImageRow.id.in_(part))).all()
        rows = [{"image_id": i, "digest": d} for i, d in _digests(session, photos).items()]
        session.execute(update(UndoStateRow), rows)


def _drop(session: Session, image: ImageId) -> None:
    session.execute(delete(UndoStepRow).where(UndoStepRow.image_id == image))
    session.execute(delete(UndoStateRow).where(UndoStateRow.image_id == image))


def _sign(session: Session, photo: ImageRow) -> None:
    digest = _digest(session, photo)
    changed = update(UndoStateRow).where(UndoStateRow.image_id == photo.id).values(digest=digest)
    if session.execute(changed).rowcount == 0:  # type: ignore[attr-defined]
        session.execute(insert(UndoStateRow), [{"image_id": photo.id, "digest": digest}])


def _digest(session: Session, photo: ImageRow) -> bytes:
    return _digests(session, [photo])[ImageId(photo.id)]


def _digests(session: Session, photos: Sequence[ImageRow]) -> dict[ImageId, bytes]:
    """Over everything that an edit can change of a photo, for not too many at once."""
    rows = session.execute(
        select(
            RegionRow.image_id, RegionRow.id, RegionRow.kind, RegionRow.disease_id,
            RegionRow.source, RegionRow.author, RegionRow.mask_sha256,
        )
        .where(RegionRow.image_id.in_([photo.id for photo in photos]))
        .order_by(RegionRow.id)
    )  # fmt: skip
    regions: dict[int, list[tuple[object, ...]]] = defaultdict(list)
    for image, *fields, mask in rows:
        regions[image].append((*fields, mask.hex()))
    found = {}
    for photo in photos:
        label = (photo.disease_id, photo.state, bool(photo.mask_known))
        text = json.dumps([label, regions[photo.id]])
        found[ImageId(photo.id)] = hashlib.sha256(text.encode()).digest()
    return found


def _read(session: Session, photo: ImageRow, rows: Sequence[UndoStepRow]) -> Steps | None:
    """None when anything is damaged or does not fit."""
    state = session.get(UndoStateRow, photo.id)
    if state is None or state.digest != _digest(session, photo):
        return None
    done: list[Edit] = []
    undone: list[Edit] = []
    room = UNFOLDED
    image = ImageId(photo.id)
    names = names_now(session)
    try:
        for row in reversed(rows):
            edit = edit_codec.decode(row.data, image, action=int(row.action), sha256=row.sha256)
            edit = edit.called(names)
            room -= edit.cost()
            if room < 0 and done:
                break
            (undone if row.undone else done).append(edit)
    except StepDamaged:
        return None
    done.reverse()
    there = session.scalars(select(RegionRow.id).where(RegionRow.image_id == photo.id))
    regions = {RegionId(region) for region in there}
    diseases = set(session.scalars(select(DiseaseRow.id)))
    size = (photo.width, photo.height)
    back = [edit.inverse() for edit in reversed(done)]
    if not _apply_in_turn(back, set(regions), diseases, size):
        return None
    if not _apply_in_turn(list(reversed(undone)), set(regions), diseases, size):
        return None
    return Steps(tuple(done), tuple(undone))


def _apply_in_turn(
    edits: list[Edit], regions: set[RegionId], diseases: set[int], size: tuple[int, int]
) -> bool:
    """Whether each finds the regions that it speaks of, tiles that fit, and diseases there are."""
    for change in (change for edit in edits for change in edit.changes):
        match change:
            case RegionAdded(info, tiles):
                fits = info.id not in regions and _fit(tiles, size)
                fits &= info.disease is None or info.disease in diseases
                regions.add(info.id)
            case RegionRemoved(info, _):
                fits = info.id in regions
                regions.discard(info.id)
            case PixelsChanged(region, tiles):
                fits = region in regions and _fit(tiles, size)
            case RegionRelabelled(_, info):
                fits = info.id in regions and (info.disease is None or info.disease in diseases)
            case ImageRelabelled(_, label):
                fits = label.disease is None or label.disease in diseases
        if not fits:
            return False
    return True


def _fit(tiles: PackedTiles, size: tuple[int, int]) -> bool:
    return all(mask_codec.fits(key, tile, size) for key, tile in tiles.items())
