"""Severity scales: which grade a percentage of diseased leaf area is.

A scale is data: a list of grades with the severities they hold. The project keeps its own copy,
which people may change. Knows figures and names; knows no photo and no file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.language import tr

MOST_GRADES = 101
MOST_SCALES = 50
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Grade:
    """One step. It holds the severities above the grade before it, up to ``upto`` %.

    ``upto`` itself belongs to it, unless ``under`` is set: then it belongs to the next one.
    """

    name: str
    upto: float
    under: bool = False

    def holds(self, severity: float) -> bool:
        """Whether ``severity`` in % lies at or below its upper end."""
        return severity < self.upto or (severity == self.upto and not self.under)


@dataclass(frozen=True, slots=True)
class Scale:
    """Grades from the healthiest to the sickest; ``source`` says where they come from."""

    title: str
    grades: tuple[Grade, ...]
    source: str = ""

    def grade(self, severity: float | None) -> str:
        """The name of the grade of a severity in % (0–100); "" where that is not known."""
        if severity is None:
            return ""
        return next((g.name for g in self.grades if g.holds(severity)), self.grades[-1].name)


def problem(scale: Scale) -> str:
    """What is wrong with ``scale``, as a sentence that says what to change; "" when nothing is."""
    if not scale.title.strip():
        return tr("Give the scale a name.")
    if len(scale.title) > LONGEST or any(len(g.name) > LONGEST for g in scale.grades):
        return tr("A name has at most {longest} characters; shorten it.", longest=LONGEST)
    if not 2 <= len(scale.grades) <= MOST_GRADES:
        return tr(
            "A scale has between two and {most_grades} grades; add or remove some.",
            most_grades=MOST_GRADES,
        )
    return next((text for g in _pairs(scale.grades) if (text := _wrong(*g))), "") or _end(scale)


def _pairs(grades: Sequence[Grade]) -> list[tuple[Grade | None, Grade, Sequence[Grade]]]:
    return [(grades[i - 1] if i else None, g, grades[:i]) for i, g in enumerate(grades)]


def _wrong(before: Grade | None, grade: Grade, earlier: Sequence[Grade]) -> str:
    if not grade.name.strip():
        return tr("Every grade needs a name, such as 3.")
    if any(g.name.strip() == grade.name.strip() for g in earlier):
        return tr("There are two grades called {name}; give one another name.", name=grade.name)
    if math.isnan(grade.upto):
        return tr(
            "Grade {name} has no limit; type a figure from 0 to 100, such as 12.5.", name=grade.name
        )
    if not 0 <= grade.upto <= 100:
        return tr(
            "Grade {name} ends at {upto:g} %; choose a figure from 0 to 100.",
            name=grade.name,
            upto=grade.upto,
        )
    if before is not None and not _above(before, grade):
        return tr(
            "Grade {name} ends at {upto:g} %, but grade {name_2} before it goes to "
            "{upto_2:g} %; make the limits rise.",
            name=grade.name,
            upto=grade.upto,
            name_2=before.name,
            upto_2=before.upto,
        )
    return ""


def _above(before: Grade, grade: Grade) -> bool:
    """Whether at least one severity belongs to ``grade`` and not to the one before it.

    "Up to 100" may follow "under 100": it holds the leaf that is diseased all over.
    """
    alone = before.under and not grade.under
    return grade.upto > before.upto or (grade.upto == before.upto and alone)


def one_more(grades: Sequence[Grade]) -> tuple[Grade, ...]:
    """``grades`` with the last one that has room for it parted in two.

    The lower half keeps the name, the upper one the limit; numbers above it count on. A grade has
    room when a limit of two decimals fits in: not the one for leaves diseased all over. Unchanged
    where none has: the limits do not rise.
    """
    for at in reversed(range(len(grades))):
        grade, floor = grades[at], grades[at - 1].upto if at else 0.0
        middle = round((floor + grade.upto) / 2, 2)
        if floor < middle < grade.upto:
            lower = replace(grade, upto=middle, under=False)
            return (*grades[:at], lower, *_named_on(grade, grades[at + 1 :], grades))
    return tuple(grades)


def _named_on(grade: Grade, above: Sequence[Grade], taken: Sequence[Grade]) -> tuple[Grade, ...]:
    """``grade`` under the name that follows its own, and those above it each one further."""
    if all(g.name.strip().isdecimal() for g in (grade, *above)):
        return tuple(replace(g, name=str(int(g.name) + 1)) for g in (grade, *above))
    names = {g.name.strip() for g in taken}
    name = grade.name.strip() + "+"
    while name in names:
        name += "+"
    return (replace(grade, name=name), *above)


def _end(scale: Scale) -> str:
    if scale.grades[-1].holds(100.0):
        return ""
    return tr("The last grade, {name}, has to go up to 100 %.", name=scale.grades[-1].name)


def _scale(title: str, source: str, *limits: tuple[str, float]) -> Scale:
    return Scale(title, tuple(Grade(name, upto) for name, upto in limits), source)


BRACOL = Scale(
    "Coffee leaf, 0–4",  # names go into tables, which are the same in every language
    (
        Grade("0", 0.1, under=True),
        *(Grade(n, u) for n, u in (("1", 5.0), ("2", 10.0), ("3", 15.0), ("4", 100.0))),
    ),
    tr(
        "Esgario, Krohling & Ventura (2020), Computers and Electronics in Agriculture 169, 105162: "
        "healthy, very low, low, high, very high."
    ),
)
_HB = _scale(
    "Horsfall–Barratt, 1–12",
    tr("Horsfall & Barratt (1945), Phytopathology 35, 655: steps that halve towards 0 and 100 %."),
    *(("1", 0.0), ("2", 3.0), ("3", 6.0), ("4", 12.0), ("5", 25.0), ("6", 50.0)),
    *(("7", 75.0), ("8", 88.0), ("9", 94.0), ("10", 97.0)),
    *(("11", 100.0), ("12", 100.0)),
)
HORSFALL_BARRATT = replace(
    _HB,
    # Only the leaf that is diseased all over is a 12.
    grades=tuple(replace(g, under=True) if g.name == "11" else g for g in _HB.grades),
)
ONE_TO_NINE = _scale(
    "Leaf disease, 1–9",
    tr(
        "Bundessortenamt (2000), Richtlinien für die Durchführung von landwirtschaftlichen "
        "Wertprüfungen und Sortenversuchen, 2.7.4: 1 absent to 9 very severe."
    ),
    *(("1", 0.0), ("2", 2.0), ("3", 5.0), ("4", 8.0), ("5", 14.0)),
    *(("6", 22.0), ("7", 37.0), ("8", 61.0), ("9", 100.0)),
)
PUBLISHED = (BRACOL, HORSFALL_BARRATT, ONE_TO_NINE)


@dataclass(frozen=True, slots=True)
class Scales:
    """The scales of a project and the one in use. Titles are unique; there is at least one."""

    all: tuple[Scale, ...] = field(default=PUBLISHED)
    title: str = BRACOL.title

    @property
    def chosen(self) -> Scale:
        return next((s for s in self.all if s.title == self.title), self.all[0])


def scales_problem(scales: Scales) -> str:
    """What is wrong with the list, as a sentence; "" when nothing is."""
    if not 1 <= len(scales.all) <= MOST_SCALES:
        return tr("A project has between one and {most_scales} scales.", most_scales=MOST_SCALES)
    titles = [s.title.strip().casefold() for s in scales.all]
    for scale in scales.all:
        if titles.count(scale.title.strip().casefold()) > 1:
            return tr(
                "There are two scales called {title}; give one another name.", title=scale.title
            )
        if text := problem(scale):
            return f"{scale.title}: {text}"
    return ""
