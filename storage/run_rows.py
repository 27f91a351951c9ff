"""Training runs and their scores: the part of the store behind the Review workspace.

Knows rows of runs and scores; a run's own files live in its folder and are core's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from core.changes import Changes
from core.domain.ids import ImageId, RunId
from core.domain.run import Run, RunState, Score, Verdict
from core.errors import ProjectError
from core.language import tr
from storage.mapping import (
    SCORE_COLUMNS,
    run_from,
    run_values,
    score_from,
    score_values,
    summary_json,
)
from storage.rows import Rows, chunks
from storage.tables import ImageRow, RunRow, ScoreRow

# Columns instead of ScoreRow objects, and statements made once: building one costs as much as
# SQLite needs to answer it.
_score = ScoreRow.__table__.c
_present = _score.image_id.not_in(select(ImageRow.id).where(ImageRow.removed))
"""Scores of photos that were removed are kept for the day they are put back, and not shown."""
_SCORES = select(*SCORE_COLUMNS).where(_score.run_id == bindparam("run"), _present)
_WORST = (
    _SCORES.where(_score.dice < bindparam("below"))
    .order_by(_score.dice, _score.image_id)
    .limit(bindparam("limit"))
)
_WORST_AFTER = _WORST.where(
    tuple_(_score.dice, _score.image_id) > tuple_(bindparam("dice"), bindparam("image"))
)


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
        wanted = _SCORES.order_by(_score.image_id)
        with self._db.read() as session:
            if images is None:
                return [score_from(row) for row in session.execute(wanted, {"run": run})]
            found: list[Score] = []
            for part in chunks(sorted(set(images))):
                rows = session.execute(wanted.where(_score.image_id.in_(part)), {"run": run})
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
        page, values = _WORST, {"run": run, "below": below, "limit": limit}
        if after is not None:
            page, values = _WORST_AFTER, values | {"dice": after[0], "image": after[1]}
        with self._db.read() as session:
            return [score_from(row) for row in session.execute(page, values)]

    def set_verdict(self, run: RunId, image: ImageId, verdict: Verdict | None) -> Changes:
        """Raises ProjectError when the run has not scored the photo."""
        with self._db.write() as session:
            row = session.get(ScoreRow, (run, image))
            if row is None:
                raise ProjectError(tr("This run has no score for that photo; score it first."))
            row.verdict = None if verdict is None else verdict.value
        return Changes(images=frozenset({image}), runs=True)

    def judged(self, verdict: Verdict) -> list[Score]:
        """The scores of photos whose verdict in the newest run that has one is ``verdict``."""
        said = (
            select(*SCORE_COLUMNS)
            .join(RunRow, RunRow.id == _score.run_id)
            .where(_score.verdict.is_not(None), _present)
            .order_by(RunRow.added)
        )
        with self._db.read() as session:
            last = {row.image_id: row for row in session.execute(said)}
            return [score_from(last[i]) for i in sorted(last) if last[i].verdict == verdict.value]


def take_back_label_wrong(session: Session, image: ImageId) -> list[str]:
    """Within the caller's transaction: the label of ``image`` has been corrected.

    Gives the runs whose verdict on it was "label wrong".
    """
    said = (ScoreRow.image_id == image) & (ScoreRow.verdict == Verdict.LABEL_WRONG.value)
    runs = list(session.scalars(select(ScoreRow.run_id).where(said)))
    if runs:
        session.execute(update(ScoreRow).where(said).values(verdict=None))
    return runs


def bring_label_wrong_back(session: Session, image: ImageId, runs: Sequence[str]) -> None:
    """Within the caller's transaction: the correction is undone. A later verdict stays."""
    gone = ScoreRow.run_id.in_(runs) & ScoreRow.verdict.is_(None)
    session.execute(
        update(ScoreRow)
        .where(ScoreRow.image_id == image, gone)
        .values(verdict=Verdict.LABEL_WRONG.value)
    )


def _run(session: Session, run: RunId) -> RunRow:
    row = session.get(RunRow, run)
    if row is None:
        raise ProjectError(tr("There is no run {run} in this project.", run=run))
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
