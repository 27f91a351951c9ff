"""Undo and redo of actions on many photos: takes the step that is remembered and carries it out.

Knows which steps there are and who can carry them out; knows no photo.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.changes import Changes
from core.errors import ProjectError
from core.language import tr
from storage import many_codec
from storage.bulk_rows import Bulk
from storage.edit_codec import StepDamaged
from storage.many_rows import StepRefused
from storage.merge_rows import Merging
from storage.tables import ManyStepRow


class TakeBack(Bulk, Merging):
    """``take_back`` and ``do_again`` of the port."""

    def take_back(self, action: int) -> Changes:
        """As the port says."""
        return self._step(action, undone=False)

    def do_again(self, action: int) -> Changes:
        """As the port says."""
        return self._step(action, undone=True)

    def _step(self, action: int, *, undone: bool) -> Changes:
        wanted = (ManyStepRow.action == action, ManyStepRow.undone.is_(undone))
        try:
            with self._db.write() as session:
                return self._next(session, session.scalar(select(ManyStepRow).where(*wanted)))
        except (StepDamaged, StepRefused) as error:
            # Steps before it can still be taken back; this one would bar the way to them.
            with self._db.write() as session:
                session.execute(delete(ManyStepRow).where(*wanted))
            why = str(error) if isinstance(error, StepRefused) else tr("Its entry is damaged.")
            raise ProjectError(
                tr("This cannot be undone or done again; nothing was changed. {why}", why=why)
            ) from error

    def _next(self, session: Session, row: ManyStepRow | None) -> Changes:
        if row is None:
            raise StepRefused(tr("It is not remembered any more."))
        action, undone = int(row.action), bool(row.undone)
        if row.gone_id is None:
            edit = many_codec.decode(row.data, sha256=row.sha256, action=action, undoes=not undone)
            return self._carry_out(session, edit)
        merged = many_codec.decode_merge(row.data, sha256=row.sha256, action=action)
        if not undone:
            return self._unmerge(session, merged)
        merged = self._merge(session, merged.gone.id, merged.into.id, action)
        return Changes(images=merged.photos, diseases=True, elsewhere=True)
