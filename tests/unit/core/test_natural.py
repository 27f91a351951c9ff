"""Names are in the order in which people count."""

from __future__ import annotations

import random

import pytest

from core.natural import natural

IN_ORDER = [
    ["leaf 3", "leaf 23", "leaf 24", "leaf 100"],
    ["1.jpg", "2.jpg", "10.jpg", "a.jpg"],
    ["IMG_9.jpg", "img_010.jpg", "IMG_11.jpg"],
    ["plot 2 leaf 10", "plot 10 leaf 2", "plot 10 leaf 11"],
    ["leaf.jpg", "leaf2.jpg", "leaf10.jpg"],
    ["a0.jpg", "a1.jpg", "a9", "a10"],
    ["20260503_9", "20260503_10", "20261101_1"],
    ["ورقة ٣", "ورقة ٢٣"],
    ["a" + "9" * 300, "a1" + "0" * 300],
]


@pytest.mark.parametrize("wanted", IN_ORDER)
def test_names_are_sorted_as_people_count(wanted: list[str]) -> None:
    mixed = random.Random(0).sample(wanted, len(wanted))
    assert sorted(mixed, key=natural) == wanted


def test_case_leading_zeros_and_the_form_of_letters_make_no_difference() -> None:
    assert natural("Café 007") == natural("cafe\u0301 7")
    assert natural("a0") == natural("A000")


def test_a_number_of_any_length_is_taken() -> None:
    assert natural("1" * 100_000) > natural("9")
