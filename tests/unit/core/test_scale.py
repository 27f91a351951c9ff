"""A grade is what the published scale says at every limit, and a scale that cannot be is refused
with what to change."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.domain.calibration import Calibration, measured
from core.domain.scale import (
    BRACOL,
    HORSFALL_BARRATT,
    ONE_TO_NINE,
    PUBLISHED,
    Grade,
    Scale,
    Scales,
    problem,
    scales_problem,
)


@pytest.mark.parametrize(
    ("scale", "severity", "expected"),
    [
        *((BRACOL, s, g) for s, g in
          ((0, "0"), (0.09, "0"), (0.1, "1"), (5, "1"), (5.1, "2"), (10, "2"), (15, "3"),
           (15.1, "4"), (100, "4"))),
        *((HORSFALL_BARRATT, s, g) for s, g in
          ((0, "1"), (0.01, "2"), (3, "2"), (12.1, "5"), (50, "6"), (75.1, "8"), (97, "10"),
           (99.9, "11"), (100, "12"))),
        *((ONE_TO_NINE, s, g) for s, g in
          ((0, "1"), (2, "2"), (2.1, "3"), (22, "6"), (37, "7"), (61, "8"), (61.1, "9"))),
    ],
)  # fmt: skip
def test_grades_follow_the_published_limits(scale: Scale, severity: float, expected: str) -> None:
    assert scale.grade(severity) == expected


def test_an_unknown_severity_has_no_grade() -> None:
    assert BRACOL.grade(None) == ""


@pytest.mark.parametrize("scale", PUBLISHED)
def test_published_scales_are_in_order_and_name_their_source(scale: Scale) -> None:
    assert problem(scale) == ""
    assert any(figure.isdigit() for figure in scale.source)


@pytest.mark.parametrize(
    ("grades", "says"),
    [
        ([("0", 0.0)], "between two"),
        ([("0", 0.0), ("1", 50.0)], "up to 100"),
        ([("0", 5.0), ("1", 5.0), ("2", 100.0)], "rise"),
        ([("0", 5.0), ("1", 3.0), ("2", 100.0)], "rise"),
        ([("0", 5.0), ("0", 100.0)], "two grades called 0"),
        ([("", 5.0), ("1", 100.0)], "needs a name"),
        ([("0", -1.0), ("1", 100.0)], "from 0 to 100"),
        ([("0", math.nan), ("1", 100.0)], "from 0 to 100"),
        ([("0", 5.0), ("1", 101.0)], "from 0 to 100"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(grades: list[tuple[str, float]], says: str) -> None:
    assert says in problem(Scale("mine", tuple(Grade(*g) for g in grades)))


def test_scales_have_names_of_their_own() -> None:
    twice = Scales((BRACOL, replace(ONE_TO_NINE, title=BRACOL.title.upper())))
    assert "two scales" in scales_problem(twice)
    assert scales_problem(Scales()) == ""
    assert Scales(title="one that has gone").chosen is BRACOL


def test_a_line_of_known_length_gives_areas() -> None:
    found = measured((10.0, 10.0, 40.0, 50.0), 25.0)
    assert found.length_px == 50
    assert found.mm_per_px == 0.5
    assert found.mm2(400) == 100
    assert found.copied() == Calibration(25.0, 50.0)


@pytest.mark.parametrize(
    ("line", "mm"),
    [((0, 0, 3, 0), 10.0), ((0, 0, 90, 0), 0.0), ((0, 0, 90, 0), math.nan),
     ((0, 0, math.nan, 0), 10.0), ((0, 0, 90, 0), -3.0), ((0, 0, 90, 0), 1e9)],
)  # fmt: skip
def test_a_line_that_measures_nothing_is_refused(
    line: tuple[float, float, float, float], mm: float
) -> None:
    with pytest.raises(ValueError, match="line"):
        measured(line, mm)
