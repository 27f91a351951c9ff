"""Merging two diseases, and taking that back: the part of the store that moves labels in bulk.

What could be undone on a photo still can, before and after. Knows rows of diseases, photos and
regions; what a union of masks becomes is left to ``edit_work``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, func, select, union, update
from sqlalchemy.orm import Session

from core.changes import Changes
from core.domain.bulk import ManyStep
from core.domain.disease import Disease, DiseaseUse, Merged, clash
from core.domain.edits import RegionRelabelled
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.region import RegionKind
from core.errors import ProjectError
from core.geometry.areas import Areas
from core.language import tr
from storage import many_codec
from storage.edit_work import EditWork
from storage.many_rows import ManySteps, StepRefused, note_merge
from storage.mapping import (
    areas_from,
    areas_values,
    disease_from,
    disease_values,
    region_from,
)
from storage.rows import chunks
from storage.tables import DiseaseRow, ImageRow, RegionRow
from storage.undo_rows import keep_steps, photos_with_steps


class Merging(ManySteps):
    """``disease_use`` and ``merge_diseases`` of the port, and what takes a merge back."""

    def disease_use(self, disease: DiseaseId) -> DiseaseUse:
        """Counted by the indexes alone."""
        with self._db.read() as session:
            labels, regions = _carriers(session, disease)
            return DiseaseUse(len(labels), len(regions), len(_photos(session, disease)))

    def merge_diseases(self, gone: DiseaseId, into: DiseaseId) -> Merged:
        """In one transaction: all photos and regions follow, or none does."""
        with self._db.write() as session:
            return self._merge(session, gone, into, new_id())

    def _merge(self, session: Session, gone: DiseaseId, into: DiseaseId, action: int) -> Merged:
        first, second = _disease(session, gone), _disease(session, into)
        if gone == into:
            raise ProjectError(tr("A disease cannot be merged into itself; choose another one."))
        if first.healthy or second.healthy:
            raise ProjectError(
                tr(
                    "The class of healthy leaves cannot be merged; it means that there is no "
                    "disease. Relabel those photos instead."
                )
            )
        labels, regions = _carriers(session, gone)
        photos = frozenset(_photos(session, gone))
        undoable = photos_with_steps(session, photos)
        _move(session, regions, into)
        _label(session, labels, into, [])
        session.delete(session.get_one(DiseaseRow, gone))
        session.flush()
        _put(session, second.absorbing(first))
        keep_steps(session, undoable)
        merged = Merged(first, second, tuple(labels), tuple(regions), photos, action)
        self._remember_merge(session, merged, undone=False)
        return merged

    def _unmerge(self, session: Session, merged: Merged) -> Changes:
        """What has got yet another disease, or has gone, stays as it is.

        Raises StepRefused, with nothing changed, when the name has been given away since.
        """
        gone, into = merged.gone, merged.into
        others = [disease_from(row) for row in session.scalars(select(DiseaseRow))]
        _must_be_free(merged, others)
        photos = sorted(merged.photos)
        undoable = photos_with_steps(session, photos)
        parted = _parted(_disease(session, into.id), merged)
        _put(session, parted)
        keys = {parted.hotkey, *(d.hotkey for d in others if d.id != into.id)}
        session.flush()
        _put(session, gone if gone.hotkey not in keys else _without_key(gone))
        session.flush()
        _move(session, merged.regions, gone.id, only=RegionRow.disease_id == into.id)
        _label(session, merged.labels, gone.id, [ImageRow.disease_id == into.id])
        keep_steps(session, undoable)
        self._remember_merge(session, merged, undone=True)
        return Changes(images=merged.photos, diseases=True, elsewhere=True)

    def _remember_merge(self, session: Session, merged: Merged, *, undone: bool) -> None:
        title = tr("Merge “{gone}” into “{into}”", gone=merged.gone.name, into=merged.into.name)
        step = ManyStep(merged.action, title, len(merged.photos), merge=True, undone=undone)
        self._remember(session, step, many_codec.encode_merge(merged))
        note_merge(session, merged.action, merged.gone.id, merged.into.id)


def _must_be_free(merged: Merged, others: Sequence[Disease]) -> None:
    gone, into = merged.gone, merged.into
    known = {d.id for d in others}
    if gone.id in known:
        raise StepRefused(tr("“{name}” is in the project already.", name=gone.name))
    if into.id not in known:
        raise StepRefused(tr("“{name}” is no longer in the project.", name=into.name))
    if text := clash(gone, [d for d in others if d.id != into.id]):
        raise StepRefused(text)


def _parted(now: Disease, merged: Merged) -> Disease:
    """The surviving disease without what the merge gave it; what was changed since stays."""
    before, after = merged.into, merged.into.absorbing(merged.gone)
    taken = set(after.synonyms) - set(before.synonyms)
    return replace(
        now,
        synonyms=tuple(n for n in now.synonyms if n not in taken),
        hotkey=before.hotkey if now.hotkey == after.hotkey else now.hotkey,
        eppo=before.eppo if now.eppo == after.eppo else now.eppo,
        crop=before.crop if now.crop == after.crop else now.crop,
    )


def _without_key(disease: Disease) -> Disease:
    return replace(disease, hotkey=None)


def _disease(session: Session, disease: DiseaseId) -> Disease:
    row = session.get(DiseaseRow, disease)
    if row is None:
        raise ProjectError(tr("This disease is no longer in the project."))
    return disease_from(row)


def _put(session: Session, disease: Disease) -> None:
    session.merge(DiseaseRow(**disease_values(disease)))


def _carriers(session: Session, disease: DiseaseId) -> tuple[list[ImageId], list[RegionId]]:
    labels = session.scalars(select(ImageRow.id).where(ImageRow.disease_id == disease))
    regions = session.scalars(select(RegionRow.id).where(RegionRow.disease_id == disease))
    return [ImageId(i) for i in labels], [RegionId(i) for i in regions]


def _photos(session: Session, disease: DiseaseId) -> list[ImageId]:
    labelled = select(ImageRow.id).where(ImageRow.disease_id == disease)
    outlined = select(RegionRow.image_id).where(RegionRow.disease_id == disease)
    return [ImageId(i) for i in session.scalars(union(labelled, outlined))]


def _label(
    session: Session,
    photos: Sequence[ImageId],
    disease: DiseaseId,
    only: Sequence[ColumnElement[bool]],
) -> None:
    for part in chunks(photos):
        chosen = update(ImageRow).where(ImageRow.id.in_(part), *only)
        session.execute(chosen.values(disease_id=disease))


def _move(
    session: Session,
    regions: Sequence[RegionId],
    disease: DiseaseId,
    only: ColumnElement[bool] | None = None,
) -> None:
    """Give the regions that disease, and every photo's cached areas with it."""
    by_photo: dict[int, list[RegionRow]] = defaultdict(list)
    for part in chunks(regions):
        query = select(RegionRow).where(RegionRow.id.in_(part))
        for row in session.scalars(query if only is None else query.where(only)):
            by_photo[row.image_id].append(row)
    for image, rows in by_photo.items():
        _move_on(session, session.get_one(ImageRow, image), rows, disease)


def _move_on(
    session: Session, photo: ImageRow, rows: Sequence[RegionRow], disease: DiseaseId
) -> None:
    former = DiseaseId(rows[0].disease_id or 0)
    of_either = session.scalar(
        select(func.count())
        .select_from(RegionRow)
        .where(RegionRow.image_id == photo.id, RegionRow.disease_id.in_((former, disease)))
    )
    if of_either == len(rows):
        # No other lesion of the two: the union is the same under another name.
        renamed = _renamed(areas_from(photo), former, disease)
        for name, value in areas_values(renamed, photo.regions).items():
            setattr(photo, name, value)
        ids = [row.id for row in rows]
        for part in chunks(ids):
            session.execute(
                update(RegionRow).where(RegionRow.id.in_(part)).values(disease_id=disease)
            )
        return
    work = EditWork(session, photo)
    for info in [region_from(row) for row in rows]:
        work.apply(RegionRelabelled(info, replace(info, disease=disease)))
    work.flush()


def _renamed(areas: Areas, former: DiseaseId, disease: DiseaseId) -> Areas:
    groups = dict(areas.groups)
    if pixels := groups.pop((RegionKind.LESION, former), 0):
        groups[RegionKind.LESION, disease] = pixels
    return replace(areas, groups=groups)
