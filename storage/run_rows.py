"""Training runs and their scores: the part of the store behind the Review workspace.

Knows rows of runs and scores; a run's own files live in its folder and are core's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.orm import Session

from core.changes import Changes
from core.domain.ids import ImageId, RunId
from core.domain.run import Run, RunState, Score, Verdict
from core.errors import ProjectError
from storage.mapping import run_from, run_values, score_from, score_values, summary_json
from storage.rows import Rows, chunks
from storage.tables import RunRow, ScoreRow

_COLUMNS = tuple(ScoreRow.__table__.columns)
"""Columns instead of ScoreRow objects: half the time for a page."""


class Runs(Rows):
    """The run part of the port."""

    def put_run(self, run: Run) -> Changes:
        """Insert or replace by id."""
        with self._db.write() as session:
            row = session.get(RunRow, run.id)
            if row is None:
                added = int(session.scalar(select(func.max(RunRow.added))) or 0) + 1
                session.add(RunRow(added=added, **run_values(run)))
            else:
                for name, value in run_values(run).items():
                    setattr(row, name, value)
        return Changes(runs=True)

    def runs(self) -> list[Run]:
        """Newest first: by the order they were put in, whatever the clock said."""
        with self._db.read() as session:
            return [run_from(r) for r in session.scalars(select(RunRow).order_by(-RunRow.added))]

    def set_run_state(
        self, run: RunId, state: RunState, summary: Mapping[str, float] | None = None
    ) -> Changes:
        """``summary`` replaces the figures there were; without it they stay."""
        with self._db.write() as session:
            row = _run(session, run)
            row.state = state.value
            if summary is not None:
                row.summary = summary_json(summary)
        return Changes(runs=True)

    def put_scores(self, scores: Sequence[Score]) -> Changes:
        """Insert or replace by (run, image); an earlier verdict is kept unless one is given."""
        with self._db.write() as session:
            by_run: dict[RunId, dict[ImageId, Score]] = {}
            for score in scores:
                by_run.setdefault(score.run, {})[score.image] = score
            for run, latest in by_run.items():
                _run(session, run)
                for part in chunks(list(latest.values())):
                    _replace(session, run, part)
        return Changes(images=frozenset(score.image for score in scores), runs=True)

    def scores(self, run: RunId, images: Sequence[ImageId] | None = None) -> list[Score]:
        """By photo id; all of the run's without ``images``."""
        wanted = select(*_COLUMNS).where(ScoreRow.run_id == run).order_by(ScoreRow.image_id)
        with self._db.read() as session:
            if images is None:
                return [score_from(row) for row in session.execute(wanted)]
            found: list[Score] = []
            for part in chunks(sorted(set(images))):
                rows = session.execute(wanted.where(ScoreRow.image_id.in_(part)))
                found += [score_from(row) for row in rows]
            return found

    def worst(
        self,
        run: RunId,
        *,
        below: float = 1.01,
        after: tuple[float, ImageId] | None = None,
        limit: int = 100,
    ) -> list[Score]:
        """Scores with a Dice under ``below``, worst first, keyset-paged by (dice, image)."""
        page = select(*_COLUMNS).where(ScoreRow.run_id == run, ScoreRow.dice < below)
        if after is not None:
            page = page.where(tuple_(ScoreRow.dice, ScoreRow.image_id) > tuple_(*after))
        with self._db.read() as session:
            rows = session.execute(page.order_by(ScoreRow.dice, ScoreRow.image_id).limit(limit))
            return [score_from(row) for row in rows]

    def set_verdict(self, run: RunId, image: ImageId, verdict: Verdict | None) -> Changes:
        """Raises ProjectError when the run has not scored the photo."""
        with self._db.write() as session:
            row = session.get(ScoreRow, (run, image))
            if row is None:
                raise ProjectError("This run has no score for that photo; score it first.")
            row.verdict = None if verdict is None else verdict.value
        return Changes(images=frozenset({image}), runs=True)


def _run(session: Session, run: RunId) -> RunRow:
    row = session.get(RunRow, run)
    if row is None:
        raise ProjectError(f"There is no run {run} in this project.")
    return row


def _replace(session: Session, run: RunId, scores: Sequence[Score]) -> None:
    images = [score.image for score in scores]
    there = (ScoreRow.run_id == run) & ScoreRow.image_id.in_(images)
    verdicts = {
        image: verdict
        for image, verdict in session.execute(
            select(ScoreRow.image_id, ScoreRow.verdict).where(there)
        )
    }
    session.execute(delete(ScoreRow).where(there))
    rows = [score_values(score) for score in scores]
    for row in rows:
        row["verdict"] = row["verdict"] or verdicts.get(row["image_id"])
    session.execute(insert(ScoreRow), rows)
