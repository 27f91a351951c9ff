"""The gallery's questions: which photos match, in which order, at any number of photos.

Filters read one covering index; every other order has an index of its own, from which ids alone
are read and merged with what matched: two scans and a set are faster than a join that sorts. There
is no OFFSET anywhere: the answer is the list of ids, and pages of cards are asked for by id. Knows
rows and queries; begins no transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.domain.ids import ImageId
from core.ports import ImageOrder, ImageQuery, Range
from storage.gallery_rank import Ranking
from storage.mapping import disease_from, fold
from storage.tables import DiseaseRow, ImageRow, ScoreRow

Kept = Callable[[Hashable, Callable[[], list[ImageId]]], Ranking]
EVERY_DICE = (0.0, 1.0)
_COLUMN: dict[ImageOrder, tuple[InstrumentedAttribute[Any], Any, bool]] = {
    ImageOrder.NAME: (ImageRow.name_natural, "", False),
    ImageOrder.DATE: (ImageRow.captured_at, "", False),
    ImageOrder.SEVERITY: (ImageRow.severity, None, False),
    ImageOrder.CHANGED: (ImageRow.changed, 0, True),
}
"""What is sorted by, the value that means "not known", and whether high values come first."""


def _read(_what: Hashable, read: Callable[[], list[ImageId]]) -> Ranking:
    return Ranking(read())


def count(session: Session, query: ImageQuery) -> int:
    """How many photos match."""
    if _asks_scores(query):
        return len(ids(session, replace(query, order=ImageOrder.ADDED)))
    conditions = _conditions(session, query)
    return int(session.scalar(select(func.count()).select_from(ImageRow).where(*conditions)) or 0)


def ids(session: Session, query: ImageQuery, kept: Kept = _read) -> list[ImageId]:
    """Every match, in order. Photos that lack what is sorted by come last, in either direction.

    ``kept`` is asked for the order of all photos, by what makes it what it is.
    """
    down = query.reverse and query.order is ImageOrder.ADDED
    order = ImageRow.added.desc() if down else ImageRow.added.asc()
    ranked_within, rest = _without_what_ranks(query)
    matching = select(ImageRow.id).where(*_conditions(session, rest)).order_by(order)
    ranking = _ranking(session, query, kept)
    if ranking is not None and len(ranking) and not rest.filters:
        # The order is enough, unless photos lack what it is by.
        gone = set(_ids(session, select(ImageRow.id).where(ImageRow.removed)))
        present = [i for i in ranking.ids if i not in gone] if gone else ranking.ids
        if ranked_within or len(present) == count(session, rest):
            return present
    found = _ids(session, matching)
    for scored in _scored(session, rest):
        found = list(filter(scored.__contains__, found))
    if ranking is None:
        return found
    first, others = ranking.split(found)
    return first if ranked_within else first + others


def _ranking(session: Session, query: ImageQuery, kept: Kept) -> Ranking | None:
    ranked = _ranked(query)
    if ranked is None:
        return None
    figure = query.dice if query.order is ImageOrder.WORST_DICE else query.severity
    run = query.run if query.order is ImageOrder.WORST_DICE else None
    within = figure if query.order in (ImageOrder.WORST_DICE, ImageOrder.SEVERITY) else None
    return kept((query.order, query.reverse, run, within), lambda: _ids(session, ranked))


def _without_what_ranks(query: ImageQuery) -> tuple[bool, ImageQuery]:
    """Whether the scan of the order answers one of the filters as well, and the query without."""
    if query.order is ImageOrder.WORST_DICE and query.run and query.dice:
        return True, replace(query, dice=None)
    if query.order is ImageOrder.SEVERITY and query.severity:
        return True, replace(query, severity=None)
    return False, query


def groups(session: Session) -> Sequence[str]:
    """Every group, "" too."""
    return session.scalars(select(ImageRow.group_name).distinct()).all()


def _ids(session: Session, wanted: Select[int]) -> list[ImageId]:
    # Past the ORM, which costs more than the database needs for the answer.
    rows = session.connection().execute(wanted).cursor.fetchall()
    return [image for (image,) in rows]


def _ranked(query: ImageQuery) -> Select[int] | None:
    """Ids of every photo that has what is sorted by, in order, from an index alone."""
    if query.order is ImageOrder.WORST_DICE:
        if query.run is None:
            return None
        down = query.reverse
        found = select(ScoreRow.image_id).where(
            ScoreRow.run_id == query.run, ScoreRow.dice.between(*(query.dice or EVERY_DICE))
        )
        return found.order_by(*_directed((ScoreRow.dice, ScoreRow.image_id), down=down))
    if query.order not in _COLUMN:
        return None
    column, unknown, down = _COLUMN[query.order]
    known = column.is_not(None) if unknown is None else column > unknown
    if query.order is ImageOrder.SEVERITY and query.severity:
        known = _within(column, query.severity)
    return (
        select(ImageRow.id)
        .where(known)
        .order_by(*_directed((column, ImageRow.id), down=down != query.reverse))
    )


def _directed(
    columns: Sequence[InstrumentedAttribute[Any]], *, down: bool
) -> list[ColumnElement[Any]]:
    return [c.desc() if down else c.asc() for c in columns]


def _conditions(session: Session, query: ImageQuery) -> list[ColumnElement[bool]]:
    equal: tuple[tuple[InstrumentedAttribute[Any], object], ...] = (
        (ImageRow.removed, query.removed),
        (ImageRow.disease_id, query.disease),
        (ImageRow.split, query.split.value if query.split else None),
        (ImageRow.group_folded, fold(query.group) or None),
        (ImageRow.noted, query.has_notes),
        (ImageRow.mask_known, query.outlined),
    )
    conditions = [column == wanted for column, wanted in equal if wanted is not None]
    if query.states:
        conditions.append(ImageRow.state.in_(sorted(s.value for s in query.states)))
    if query.unnamed:
        conditions.append(ImageRow.disease_id.is_(None))
    if query.severity is not None:
        conditions.append(_within(ImageRow.severity, query.severity))
    if query.text:
        conditions.append(_says(session, fold(query.text)))
    return conditions


def _within(column: InstrumentedAttribute[Any], wanted: Range) -> ColumnElement[bool]:
    return column.between(*wanted)


def _asks_scores(query: ImageQuery) -> bool:
    """Nothing is asked of scores without a run."""
    return query.run is not None and not (query.dice is None and query.verdict is None)


def _scored(session: Session, query: ImageQuery) -> list[set[ImageId]]:
    """For each thing asked of the scores, the photos it is true of; an index answers each."""
    if not _asks_scores(query):
        return []
    of_run = select(ScoreRow.image_id).where(ScoreRow.run_id == query.run)
    found: list[set[ImageId]] = []
    if query.dice is not None:
        found.append(set(_ids(session, of_run.where(_within(ScoreRow.dice, query.dice)))))
    if query.verdict is not None:
        judged = of_run.where(ScoreRow.verdict == query.verdict.value)
        found.append(set(_ids(session, judged)))
    return found


def _says(session: Session, folded: str) -> ColumnElement[bool]:
    """Name, group or disease hold the text. There are few diseases: they are looked at here."""
    found = [
        ImageRow.name_folded.contains(folded, autoescape=True),
        ImageRow.group_folded.contains(folded, autoescape=True),
    ]
    known = map(disease_from, session.scalars(select(DiseaseRow)))
    diseases = [
        d.id for d in known if any(folded in fold(t) for t in (d.name, d.eppo, *d.synonyms))
    ]
    if diseases:
        found.append(ImageRow.disease_id.in_(diseases))
    return or_(*found)
