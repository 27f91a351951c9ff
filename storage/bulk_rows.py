"""Actions on many photos: one transaction, and the edit that takes it back.

Values are set by a statement for each 500 photos, not photo by photo: ten thousand take less than
a second. Only photos whose lesions follow their disease are worked on one by one, because their
areas are counted anew. What could be undone on a photo still can: a step says what its labels
become, whatever they are meanwhile. Knows rows; what one photo's edit does is in ``region_rows``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from core.changes import Changes
from core.domain.bulk import Assignment, BulkEdit, Field, Values
from core.domain.edits import Change, Edit, RegionRelabelled
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.image import ImageState, Split
from core.domain.region import RegionInfo, RegionKind
from core.domain.run import Verdict
from core.ports import BulkDone
from storage.mapping import fold, region_from
from storage.region_rows import apply_edit, photo_row
from storage.rows import Rows, chunks, now
from storage.run_rows import bring_label_wrong_back
from storage.tables import DiseaseRow, ImageRow, RegionRow, ScoreRow
from storage.undo_rows import keep_steps, photos_with_steps

_COLUMNS = {
    Field.DISEASE: ImageRow.disease_id,
    Field.STATE: ImageRow.state,
    Field.SPLIT: ImageRow.split,
    Field.GROUP: ImageRow.group_name,
    Field.REMOVED: ImageRow.removed,
    Field.DONE_BY: ImageRow.done_by,
    Field.CHECKED_BY: ImageRow.checked_by,
    Field.MASK_KNOWN: ImageRow.mask_known,
}
_READ: dict[Field, Callable[[Any], object]] = {
    Field.STATE: ImageState,
    Field.SPLIT: Split,
    Field.REMOVED: bool,
    Field.MASK_KNOWN: bool,
}
"""From a column's value to the domain's, where they differ."""


class Bulk(Rows):
    """``bulk`` of the port."""

    def bulk(self, edit: BulkEdit) -> BulkDone:
        """All or none; the inverse undoes exactly what was changed. Raises as ``commit``."""
        with self._db.write() as session:
            work = _Work(session, edit)
            undoable = photos_with_steps(session, edit.images)
            for assignment in edit.assignments:
                work.assign(assignment)
            for each in edit.edits:
                work.edit(each)
            for run, image in edit.label_wrong:
                bring_label_wrong_back(session, image, [run])
            keep_steps(session, undoable)
        removal = any(Field.REMOVED in a.values for a in edit.assignments)
        changes = Changes(images=frozenset(work.touched), everything=removal, elsewhere=True)
        return BulkDone(changes, work.inverse())


class _Work:
    """One bulk edit under way."""

    def __init__(self, session: Session, edit: BulkEdit) -> None:
        self._session, self._edit = session, edit
        self._now = now()
        self._before: list[Assignment] = []
        self._edits: list[Edit] = []
        self._label_wrong: list[tuple[RunId, ImageId]] = []
        self.touched: set[ImageId] = set()

    def inverse(self) -> BulkEdit:
        return BulkEdit(
            self._edit.title,
            tuple(reversed(self._before)),
            tuple(e.inverse() for e in reversed(self._edits)),
            follow=False,
            label_wrong=tuple(self._label_wrong),
        )

    def assign(self, assignment: Assignment) -> None:
        fields = list(assignment.values)
        wanted = tuple(assignment.values[f] for f in fields)
        for part in chunks(assignment.images):
            groups = self._read(fields, part)
            groups.pop(wanted, None)  # these are so already
            for before, images in groups.items():
                self._follow(assignment.values, dict(zip(fields, before, strict=True)), images)
                self._set(assignment.values, images)
                values = dict(zip(fields, before, strict=True))
                self._before.append(Assignment(values, tuple(images)))

    def edit(self, edit: Edit) -> None:
        # Taken back after other work: a lesion that is not there any more needs no name.
        edit = replace(edit, changes=tuple(self._of_what_is_there(edit)))
        photo = photo_row(self._session, edit.image)
        taken = apply_edit(self._session, photo, edit)
        self._label_wrong += [(RunId(run), edit.image) for run in taken]
        self._session.flush()
        self._edits.append(edit)
        self.touched.add(edit.image)

    def _of_what_is_there(self, edit: Edit) -> Iterator[Change]:
        rows = select(RegionRow.id).where(RegionRow.image_id == edit.image)
        there = set(self._session.scalars(rows))
        for change in edit.changes:
            if not isinstance(change, RegionRelabelled) or change.after.id in there:
                yield change

    def _read(
        self, fields: Sequence[Field], images: Sequence[ImageId]
    ) -> dict[tuple[object, ...], list[ImageId]]:
        """Photos by the values they have now."""
        columns = [_COLUMNS[f] for f in fields]
        found: dict[tuple[object, ...], list[ImageId]] = defaultdict(list)
        rows = self._session.execute(select(ImageRow.id, *columns).where(ImageRow.id.in_(images)))
        for image, *values in rows:
            known = tuple(_READ.get(f, _same)(v) for f, v in zip(fields, values, strict=True))
            found[known].append(ImageId(image))
        return found

    def _set(self, values: Values, images: Sequence[ImageId]) -> None:
        columns = {_COLUMNS[f].key: v for f, v in values.items()}
        if Field.GROUP in values:
            columns["group_folded"] = fold(str(values[Field.GROUP]))
        self._session.execute(
            update(ImageRow)
            .where(ImageRow.id.in_(images))
            .values(**columns, changed=self._now)
            .execution_options(synchronize_session=False)
        )
        self.touched.update(images)

    def _follow(self, values: Values, before: Values, images: Sequence[ImageId]) -> None:
        """The label is corrected: lesions take the new name, "label wrong" is taken back."""
        if not self._edit.follow or Field.DISEASE not in values:
            return
        new, former = values[Field.DISEASE], before[Field.DISEASE]
        if new == former:
            return
        wrong = (ScoreRow.image_id.in_(images)) & (ScoreRow.verdict == Verdict.LABEL_WRONG.value)
        said = self._session.execute(select(ScoreRow.run_id, ScoreRow.image_id).where(wrong)).all()
        self._label_wrong += [(RunId(run), ImageId(image)) for run, image in said]
        if said:
            self._session.execute(update(ScoreRow).where(wrong).values(verdict=None))
        if new is not None and self._is_healthy(new):
            return
        for image, regions in self._lesions(images, former, new):
            named = None if new is None else DiseaseId(int(str(new)))
            self.edit(Edit(image, self._edit.title, tuple(_named(r, named) for r in regions)))

    def _is_healthy(self, disease: object) -> bool:
        healthy = select(DiseaseRow.healthy).where(DiseaseRow.id == disease)
        return bool(self._session.scalar(healthy))

    def _lesions(
        self, images: Sequence[ImageId], former: object, new: object
    ) -> Iterator[tuple[ImageId, list[RegionInfo]]]:
        follows: list[ColumnElement[bool]] = (
            [RegionRow.disease_id.is_(None)] if new is not None else []
        )
        follows += [RegionRow.disease_id == former] if former is not None else []
        if not follows:
            return
        rows = self._session.scalars(
            select(RegionRow).where(
                RegionRow.image_id.in_(images),
                RegionRow.kind == RegionKind.LESION.value,
                or_(*follows),
            )
        ).all()
        by_image: dict[ImageId, list[RegionInfo]] = defaultdict(list)
        for row in rows:
            by_image[ImageId(row.image_id)].append(region_from(row))
        yield from by_image.items()


def _named(region: RegionInfo, disease: DiseaseId | None) -> RegionRelabelled:
    return RegionRelabelled(region, replace(region, disease=disease))


def _same(value: object) -> object:
    return value
