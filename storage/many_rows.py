"""What undo and redo remember of actions on many photos across restarts, merged diseases too.

A step is written in the transaction that carries it out, and holds what is to be carried out next:
the edit that takes it back, or the one that does it again. Taking one back changes a photo only
where it still is as the action left it, so steps may come in any order and never fail halfway.
The oldest go first when the budget is passed. Knows rows; what a step does is in ``bulk_rows`` and
``merge_rows``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from core.domain.bulk import ManyStep
from core.domain.ids import DiseaseId
from storage.database import Database
from storage.rows import Rows
from storage.tables import DiseaseRow, ManyStepRow
from storage.thumbnails import Thumbnails

BUDGET = 16 << 20
"""Compressed bytes of such steps that a project keeps: some thirty of 100,000 photos each."""


class StepRefused(Exception):
    """It cannot be carried out any more, as the sentence says; nothing has been changed."""


class ManySteps(Rows):
    """The list of such steps; the part of the port that shows it."""

    def __init__(self, database: Database, thumbnails: Thumbnails, folder: Path) -> None:
        super().__init__(database, thumbnails, folder)
        self.many_budget = BUDGET

    def many_steps(self) -> list[ManyStep]:
        """As the port says; what they hold is not read for it."""
        row = ManyStepRow
        with self._db.read() as session:
            found = session.execute(
                select(row.action, row.title, row.photos, row.gone_id, row.undone).order_by(row.id)
            )
            return [
                ManyStep(int(action), str(title), int(photos), gone is not None, bool(undone))
                for action, title, photos, gone, undone in found
            ]

    def _remember(self, session: Session, step: ManyStep, data: bytes) -> None:
        """``step`` has been done, undone or redone; ``data`` is what comes next for it."""
        values = {
            "photos": step.photos, "undone": step.undone, "size": len(data),
            "sha256": hashlib.sha256(data).digest(), "data": data,
        }  # fmt: skip
        mine = ManyStepRow.action == step.action
        if session.scalar(select(ManyStepRow.id).where(mine)) is not None:
            session.execute(update(ManyStepRow).where(mine).values(**values))
        else:
            session.execute(delete(ManyStepRow).where(ManyStepRow.undone.is_(True)))
            row = {"action": step.action, "title": step.title, "gone_id": None, "into_id": None}
            session.execute(insert(ManyStepRow), [row | values])
        self._keep_many_to_budget(session)

    def _keep_many_to_budget(self, session: Session) -> None:
        held = int(session.scalar(select(func.sum(ManyStepRow.size))) or 0)
        if held <= self.many_budget:
            return
        sizes = select(ManyStepRow.id, ManyStepRow.size).order_by(ManyStepRow.id)
        for step, size in session.execute(sizes).all()[:-1]:  # the last one is kept in any case
            session.execute(delete(ManyStepRow).where(ManyStepRow.id == step))
            held -= size
            if held <= self.many_budget:
                return


def note_merge(session: Session, action: int, gone: DiseaseId, into: DiseaseId) -> None:
    """The step ``action`` is a merge of these two."""
    mine = ManyStepRow.action == action
    session.execute(update(ManyStepRow).where(mine).values(gone_id=gone, into_id=into))


def names_now(session: Session) -> dict[DiseaseId, DiseaseId]:
    """What diseases that have gone are called since they were merged, as far as that is known."""
    merges = session.execute(
        select(ManyStepRow.gone_id, ManyStepRow.into_id)
        .where(ManyStepRow.gone_id.is_not(None), ManyStepRow.undone.is_(False))
        .order_by(ManyStepRow.id)
    )
    found: dict[DiseaseId, DiseaseId] = {}
    for gone, into in merges:
        last = DiseaseId(int(into or 0))
        found |= {first: last for first, now in found.items() if now == gone}
        found[DiseaseId(int(gone or 0))] = last
    there = set(session.scalars(select(DiseaseRow.id)))
    return {gone: into for gone, into in found.items() if into in there and gone not in there}
