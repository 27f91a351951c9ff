"""The shipped EPPO codes name one pathogen each, and the README beside them accounts for all.

Knows the two files and how they agree; whether a code is the database's own, only its page says.
"""

from __future__ import annotations

import re

from core.services.starter_list import TABLE, entries

README = TABLE.with_name("README.md")
READ, UNREAD = "Read on a page", "On no page that was read"


def _codes() -> dict[str, set[str]]:
    """The pathogens of each code in the list."""
    found: dict[str, set[str]] = {}
    for entry in entries():
        if entry.eppo:
            found.setdefault(entry.eppo, set()).add(entry.synonyms[0])
    return found


def _section(title: str) -> dict[str, list[str]]:
    """Code to the other cells of its row, of the README's table under ``title``."""
    text = README.read_text("utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if row and re.fullmatch("[A-Z]{6}", row[0])}


def test_every_code_has_the_shape_of_one_species() -> None:
    for code in _codes():
        assert re.fullmatch("[A-Z]{6}", code), code
        assert not code.endswith("SP"), f"{code} stands for any species of its genus"


def test_no_two_pathogens_share_a_code() -> None:
    shared = {code: names for code, names in _codes().items() if len(names) > 1}
    assert shared == {}


def test_a_pathogen_has_the_same_code_in_every_crop() -> None:
    codes: dict[str, set[str]] = {}
    for entry in entries():
        codes.setdefault(entry.synonyms[0], set()).add(entry.eppo)
    assert {name: found for name, found in codes.items() if len(found) > 1} == {}


def test_the_readme_says_of_every_code_where_it_was_read_or_that_it_was_not() -> None:
    read, unread = _section(READ), _section(UNREAD)
    assert not read.keys() & unread.keys()
    listed = read | unread
    assert listed.keys() == _codes().keys()
    for code, names in _codes().items():
        assert re.sub(r" \(.*\)$", "", listed[code][0]) in names, code
    assert all(re.fullmatch(r"<https?://\S+>", page) for _name, page in read.values())


def test_a_page_of_the_database_is_the_page_of_that_code() -> None:
    for code, (_name, page) in _section(READ).items():
        if taxon := re.search(r"gd\.eppo\.int/taxon/(\w+)", page):
            assert taxon[1] == code


def test_the_head_of_the_list_counts_them_truly() -> None:
    head = " ".join(x[2:] for x in TABLE.read_text("utf-8").splitlines() if x.startswith("#"))
    read, unread = len(_section(READ)), len(_section(UNREAD))
    assert f"{read} of the {read + unread} codes" in head
    assert f"the other {unread}," in head
