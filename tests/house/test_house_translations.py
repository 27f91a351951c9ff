"""Every language has every text, with the same places to fill, and is compiled as it is written."""

from __future__ import annotations

import runpy
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from house_sources import ROOT, expect_none

FOLDER = ROOT / "resources" / "translations"
CODES = sorted(file.stem for file in FOLDER.glob("*.po"))
TOOL: dict[str, Callable[..., Any]] = runpy.run_path(str(FOLDER / "catalogue.py"))


@pytest.fixture(scope="module", params=CODES)
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def catalog(code: str) -> Catalog:
    found = TOOL["read"](code)
    assert isinstance(found, Catalog)
    return found


def test_every_text_of_the_sources_is_translated(code: str) -> None:
    """``python resources/translations/catalogue.py`` brings a language up to date."""
    expect_none(TOOL["missing"](TOOL["updated"](code, TOOL["gathered"]())))


def test_a_text_that_is_gone_from_the_sources_is_gone(catalog: Catalog) -> None:
    known = {(message.context, message.id) for message in TOOL["gathered"]()}
    expect_none(str(m.id) for m in catalog if m.id and (m.context, m.id) not in known)


def test_nothing_is_left_for_a_translator_to_look_at(catalog: Catalog) -> None:
    expect_none(str(message.id) for message in catalog if message.id and message.fuzzy)


def test_a_translation_fills_the_same_places_in_the_same_form(catalog: Catalog) -> None:
    expect_none(
        f"{said!r} for {text!r}"
        for message in catalog
        for text, said in _pairs(message)
        if _places(said) != _places(text)
    )


def test_a_translation_begins_and_ends_as_the_text_does(catalog: Catalog) -> None:
    """Spaces at an end part it from what is put there; a full stop makes a sentence."""
    expect_none(
        f"{said!r} for {text!r}"
        for message in catalog
        for text, said in _pairs(message)
        if _edges(said) != _edges(text)
    )


def test_what_is_compiled_is_what_is_written(code: str, catalog: Catalog) -> None:
    assert (FOLDER / f"{code}.mo").read_bytes() == TOOL["mo_bytes"](catalog)


def test_what_is_written_is_as_the_tool_writes_it(code: str) -> None:
    """Else the next update would change lines that nobody touched."""
    updated = TOOL["updated"](code, TOOL["gathered"]())
    assert (FOLDER / f"{code}.po").read_bytes() == TOOL["po_bytes"](updated)


def _pairs(message: Message) -> Iterator[tuple[str, str]]:
    """Each form of a text with the form of the translation that stands for it."""
    if not message.id:
        return
    texts = message.id if isinstance(message.id, tuple | list) else (message.id,)
    said = message.string if isinstance(message.string, tuple | list) else (message.string,)
    for form, translation in enumerate(said):
        yield texts[min(form, len(texts) - 1)], translation or ""


def _places(text: str) -> list[tuple[str, str, str]]:
    """Of a text whose braces are not places to fill: none."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return []
    return sorted((name, spec or "", how or "") for _, name, spec, how in parts if name is not None)


def _edges(text: str) -> tuple[bool, str]:
    last = text[-1:]
    return text[:1] == " ", last if last in " \n.…:?" else ""
