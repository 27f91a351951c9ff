"""Actions on many photos: one transaction, and the edit that takes it back.

Values are set by a statement for each 500 photos, not photo by photo: ten thousand take less than
a second. Only photos whose lesions follow their disease are worked on one by one, because their
areas are counted anew. What could be undone on a photo still can. Knows rows; what one photo's edit
does is in ``region_rows``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from core.changes import Changes
from core.domain.bulk import Assignment, BulkEdit, Field, ManyStep, Renaming, Values
from core.domain.edits import Edit, RegionRelabelled
from core.domain.ids import DiseaseId, ImageId, RegionId, RunId
from core.domain.region import RegionInfo, RegionKind
from core.domain.run import Verdict
from storage import many_codec
from storage.many_rows import ManySteps, names_now
from storage.mapping import fold, region_from
from storage.region_rows import apply_edit, photo_row
from storage.rows import chunks, now
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
    Field.CROP: ImageRow.crop,
}
_PROGRESS = (Field.STATE, Field.DONE_BY, Field.CHECKED_BY)
"""One thing said of a photo: where the state is another since, the names stay as well."""


class Bulk(ManySteps):
    """``bulk`` of the port."""

    def bulk(self, edit: BulkEdit) -> Changes:
        """All or none; what takes it back is remembered with it. Raises as ``commit``."""
        with self._db.write() as session:
            return self._carry_out(session, edit)

    def _carry_out(self, session: Session, edit: BulkEdit) -> Changes:
        work = _Work(session, edit)
        undoable = photos_with_steps(session, edit.images)
        for assignment in edit.assignments:
            work.assign(assignment)
        work.rename(edit.renamings)
        for run, image in edit.label_wrong:
            bring_label_wrong_back(session, image, [run])
        keep_steps(session, undoable)
        step = ManyStep(edit.action, edit.title, len(work.touched), undone=edit.undoes)
        if work.touched or edit.undoes:  # what changed nothing is no step; what undid one is
            self._remember(session, step, many_codec.encode(work.inverse()))
        removal = any(Field.REMOVED in a.values for a in edit.assignments)
        return Changes(images=frozenset(work.touched), everything=removal, elsewhere=True)


class _Work:
    """One bulk edit under way."""

    def __init__(self, session: Session, edit: BulkEdit) -> None:
        self._session, self._edit = session, edit
        self._now = now()
        self._names = names_now(session)
        self._there = set(session.scalars(select(DiseaseRow.id)))
        self._before: list[Assignment] = []
        self._renamings: list[Renaming] = []
        self._label_wrong: list[tuple[RunId, ImageId]] = []
        self.touched: set[ImageId] = set()

    def inverse(self) -> BulkEdit:
        """What takes back all that was changed so far."""
        return BulkEdit(
            self._edit.title,
            tuple(reversed(self._before)),
            tuple(
                Renaming(r.image, r.region, before=r.after, after=r.before)
                for r in reversed(self._renamings)
            ),
            follow=False,
            label_wrong=tuple(self._label_wrong),
            action=self._edit.action,
            undoes=not self._edit.undoes,
        )

    def assign(self, assignment: Assignment) -> None:
        """Set what may be set, on those of its photos that it changes."""
        values, where = self._called_now(assignment.values), self._called_now(assignment.where)
        for part in chunks(assignment.images):
            for before, images in self._read(list(values), part):
                after = {
                    f: v for f, v in values.items() if _may(f, before, where) and v != before[f]
                }
                if not after:  # these are so already, or somebody has said otherwise since
                    continue
                changed = {f: before[f] for f in after}
                self._follow(after, changed, images)
                self._set(after, images)
                self._before.append(Assignment(changed, tuple(images), where=after))

    def rename(self, renamings: Iterable[Renaming]) -> None:
        """Lesions, photo by photo: a photo's areas are counted anew once."""
        by_image: dict[ImageId, list[Renaming]] = defaultdict(list)
        for one in renamings:
            by_image[one.image].append(one)
        for image, wanted in by_image.items():
            rows = self._session.scalars(select(RegionRow).where(RegionRow.image_id == image))
            self._rename(image, {r.id: r for r in map(region_from, rows)}, wanted)

    def _rename(
        self, image: ImageId, there: Mapping[RegionId, RegionInfo], wanted: Sequence[Renaming]
    ) -> None:
        changes, done = [], []
        for one in wanted:
            before, after = self._name(one.before), self._name(one.after)
            region = there.get(one.region)
            known = after is None or after in self._there
            # Gone, another name since, or a leaf: it stays as it is.
            if region is None or not known or region.disease != before or before == after:
                continue
            if region.kind is RegionKind.LESION:
                changes.append(RegionRelabelled(region, replace(region, disease=after)))
                done.append(Renaming(image, one.region, before, after))
        if changes:
            edit = Edit(image, self._edit.title, tuple(changes))
            taken = apply_edit(self._session, photo_row(self._session, image), edit)
            self._label_wrong += [(RunId(run), image) for run in taken]
            self._session.flush()
            self._renamings += done
            self.touched.add(image)

    def _name(self, disease: DiseaseId | None) -> DiseaseId | None:
        return None if disease is None else self._names.get(disease, disease)

    def _called_now(self, values: Values) -> Values:
        """``values`` without a disease that has gone, and with the one it was merged into."""
        given = values.get(Field.DISEASE)
        if not isinstance(given, int):
            return values
        called = self._name(DiseaseId(given))
        rest = dict(values)
        del rest[Field.DISEASE]
        return rest | {Field.DISEASE: called} if called in self._there else rest

    def _read(
        self, fields: Sequence[Field], images: Sequence[ImageId]
    ) -> Iterator[tuple[Values, list[ImageId]]]:
        """Photos by the values they have now."""
        columns = [_COLUMNS[f] for f in fields]
        readers = [many_codec.READ.get(f, str) for f in fields]
        found: dict[tuple[object, ...], list[ImageId]] = defaultdict(list)
        rows = self._session.execute(select(ImageRow.id, *columns).where(ImageRow.id.in_(images)))
        for image, *values in rows:
            known = tuple(read(v) for read, v in zip(readers, values, strict=True))
            found[known].append(ImageId(image))
        for known, those in found.items():
            yield dict(zip(fields, known, strict=True)), those

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
        wrong = (ScoreRow.image_id.in_(images)) & (ScoreRow.verdict == Verdict.LABEL_WRONG.value)
        said = self._session.execute(select(ScoreRow.run_id, ScoreRow.image_id).where(wrong)).all()
        self._label_wrong += [(RunId(run), ImageId(image)) for run, image in said]
        if said:
            self._session.execute(update(ScoreRow).where(wrong).values(verdict=None))
        if new is not None and self._is_healthy(new):
            return
        named = None if new is None else DiseaseId(int(str(new)))
        for image, regions in self._lesions(images, former, new):
            wanted = [Renaming(image, r.id, r.disease, named) for r in regions]
            self._rename(image, {r.id: r for r in regions}, wanted)

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


def _may(which: Field, before: Values, where: Values) -> bool:
    """Whether a photo that is ``before`` is still as it has to be for ``which`` to be set."""
    group = _PROGRESS if which in _PROGRESS else (which,)
    return all(before[f] == where[f] for f in group if f in where)
