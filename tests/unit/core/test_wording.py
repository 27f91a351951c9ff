"""Counts are said in whole words, with the verb that belongs to them."""

from __future__ import annotations

from core.wording import count


def test_one_is_singular_and_every_other_number_plural() -> None:
    assert count(1, "photo") == "1 photo"
    assert count(0, "photo") == "0 photos"
    assert count(1200, "leaf", "leaves") == "1,200 leaves"
    assert count(1, "leaf has", "leaves have") == "1 leaf has"
