"""Figures, times and runs in plain words, said the same way in every workspace.

Knows the language and the domain's figures; knows no widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from PySide6.QtCore import QDate, QDateTime, QLocale, QTime

from core.domain.run import Run, Verdict
from core.language import current, number_text, tr
from core.services import run_titles
from core.services.bootstrap import Interval
from gui.direction import isolated

VERDICTS = {
    Verdict.LABEL_WRONG: tr("Label wrong"),
    Verdict.MODEL_WRONG: tr("Model wrong"),
    Verdict.UNSURE: tr("Unsure"),
}


def duration(seconds: float) -> str:
    """A span as a person would say it; never more precise than it deserves."""
    if seconds < 45:
        return tr("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 60:
        return (
            tr("about a minute") if minutes == 1 else tr("about {minutes} minutes", minutes=minutes)
        )
    hours, rest = divmod(round(minutes / 5) * 5, 60)
    text = tr("about an hour") if hours == 1 else tr("about {hours} hours", hours=hours)
    return tr("{what} and {rest} minutes", what=text, rest=rest) if rest else text


def remaining(seconds: float) -> str:
    return tr("{duration} left", duration=duration(seconds))


def dice(value: float | None) -> str:
    """Two decimals, the way Dice is quoted; a dash where there is none."""
    return "–" if value is None else number_text(value, ".2f")


def interval(found: Interval | None, form: str = ".2f") -> str:
    """“0.83 (0.79–0.87)”; the figure alone where too few leaves give no interval."""
    if found is None:
        return "–"
    value, low, high = (number_text(x, form) for x in (found.value, found.low, found.high))
    return f"{value} ({low}–{high})" if found.known else value


def change(found: Interval | None) -> str:
    """“+0.02 (−0.01 to +0.05)”, a difference; the figure alone without an interval."""
    if found is None:
        return "–"
    if not found.known:
        return number_text(found.value, "+z.2f")
    return tr(
        "{value:+z.2f} ({low:+z.2f} to {high:+z.2f})",
        value=found.value,
        low=found.low,
        high=found.high,
    )


def percent(share: float | None, digits: int = 0) -> str:
    """``share`` in [0, 1]."""
    return "–" if share is None else isolated(f"{number_text(share * 100, f'.{digits}f')} %")


def severity(value: float | None) -> str:
    """``value`` in percent already."""
    return "–" if value is None else isolated(f"{number_text(value, '.1f')} %")


def when(created_at: str) -> str:
    """ISO 8601 as “21 Nov, 14:05”; the text itself where it is none."""
    try:
        time = datetime.fromisoformat(created_at)
    except ValueError:
        return created_at
    # For translators: a moment of this year, in the letters that Qt has for dates.
    return moment(time.astimezone() if time.tzinfo else time, tr("d MMM, HH:mm"))


def moment(time: datetime, pattern: str) -> str:
    """By one of Qt's patterns for dates, months in the language in use; ``time`` as it stands."""
    date, clock = QDate(time.year, time.month, time.day), QTime(time.hour, time.minute)
    return QLocale(current()).toString(QDateTime(date, clock), pattern)


def figures(run: Run) -> Mapping[str, float]:
    return dict(run.summary)


def run_line(run: Run) -> str:
    """A run in a list of choices; what tells runs apart comes first."""
    texts = (when(run.created_at), held_out(run), run_titles.title(run))
    return " · ".join(text for text in texts if text)


def held_out(run: Run) -> str:
    """The run's own figure: of the leaves it never learnt from, if any; "" without one."""
    known = figures(run)
    if "lesion_dice" not in known:
        return ""
    which = tr("held-out Dice") if held_some_out(known) else tr("Dice on learnt leaves")
    return f"{which} {dice(known['lesion_dice'])}"


def held_some_out(known: Mapping[str, float]) -> bool:
    """Whether the figures of a run are of leaves that it did not learn from."""
    return known.get("held_out", 1.0) > 0


def found_line(number: int, count: int, *, leaf: bool) -> str:
    """Of what was found without a click: which of how many this is, and its keys."""
    thing = tr("Leaf") if leaf else tr("Lesion")
    more = tr(" Ctrl+Enter accepts all.") if count > 1 else ""
    return tr(
        "{thing} {number} of {count}: Enter accepts, J rejects.{more}",
        thing=thing,
        number=number,
        count=count,
        more=more,
    )


def proposed_line(number: int, count: int, *, better: bool) -> str:
    """Of what a click proposes: which of how many this is, and its keys."""
    what = tr("Better outline") if better else tr("Suggestion")
    if count > 1:
        return tr(
            "{what} {number} of {count} (Tab): Enter accepts, Esc drops it.",
            what=what,
            number=number,
            count=count,
        )
    return tr("{what}: Enter accepts, Esc drops it.", what=what)
