"""A table from Leafspot does nothing when a spreadsheet opens it, and loses no letter."""

from __future__ import annotations

import pytest

from core import spreadsheets

EVIL = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=1")


@pytest.mark.parametrize("text", [*EVIL, "", "'", "'quoted'", "rust", "a=b", "’=1"])
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert spreadsheets.read(spreadsheets.written([text])[0]) == text


@pytest.mark.parametrize("text", EVIL)
def test_no_text_stays_a_formula(text: str) -> None:
    assert spreadsheets.written([text])[0].startswith("'")


def test_ordinary_names_are_left_alone() -> None:
    assert spreadsheets.written(["leaf 1.jpg", "rust", "it's"]) == ["leaf 1.jpg", "rust", "it's"]
