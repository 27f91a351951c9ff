"""The program speaks the person's language, and its figures with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from core import language
from core.language import either, listed, number_text, separated, tr, trc, trn
from core.workers import launch


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.use("en")


@pytest.fixture
def portuguese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(locale="pt_BR")
    catalog.add("Open the photo {name}.", "Abra a foto {name}.")
    catalog.add(("{n:,} leaf", "{n:,} leaves"), ("{n:,} folha", "{n:,} folhas", "{n:,} folhas"))
    catalog.add("Label", "Rótulo", context="noun")
    catalog.add("Label", "Rotular")
    catalog.add("{some} and {last}", "{some} e {last}")
    catalog.add("{some} or {last}", "{some} ou {last}")
    stream = io.BytesIO()
    write_mo(stream, catalog)
    (tmp_path / "pt_BR.mo").write_bytes(stream.getvalue())
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    language.use("pt_BR")


def test_english_is_what_is_written() -> None:
    assert tr("Open {it}.", it="it") == "Open it."
    assert trn("{n:,} leaf", "{n:,} leaves", 1) == "1 leaf"
    assert trn("{n:,} leaf", "{n:,} leaves", 1200) == "1,200 leaves"
    assert trn("{n:,} leaf", "{n:,} leaves", 0) == "0 leaves"
    assert tr("A brace { alone without values") == "A brace { alone without values"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (either([]), either(["a"]), either(["a", "b"])) == ("", "a", "a or b")
    assert number_text(1234.5, ",.2f") == "1,234.50"
    assert tr("{share:.0%} of {whole:.1%}", share=0.38, whole=1) == "38 % of 100.0 %"


@pytest.mark.usefixtures("portuguese")
def test_a_catalogue_is_spoken() -> None:
    assert tr("Open the photo {name}.", name="x.jpg") == "Abra a foto x.jpg."
    assert trn("{n:,} leaf", "{n:,} leaves", 1) == "1 folha"
    assert (tr("Label"), trc("noun", "Label")) == ("Rotular", "Rótulo")
    assert listed(["a", "b"]) == "a e b"
    assert either(["a", "b", "c"]) == "a, b ou c"


@pytest.mark.usefixtures("portuguese")
def test_what_it_lacks_stays_english() -> None:
    assert tr("Undo {what}", what="x") == "Undo x"


@pytest.mark.usefixtures("portuguese")
def test_figures_have_the_separators_of_the_language() -> None:
    assert trn("{n:,} leaf", "{n:,} leaves", 1234) == "1.234 folhas"
    assert tr("Dice {dice:.2f}", dice=0.5) == "Dice 0,50"
    assert number_text(1234.5, ",.2f") == "1.234,50"
    assert separated("0.25") == "0,25"


@pytest.mark.usefixtures("portuguese")
def test_a_name_with_dots_or_braces_is_left_alone() -> None:
    assert tr("Open the photo {name}.", name="a.b,{c}.jpg") == "Abra a foto a.b,{c}.jpg."


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("pt_BR", "pt_BR"), ("pt-PT", "pt_BR"), ("pt_PT.UTF-8", "pt_BR"), ("de_DE@euro", "en"),
     ("C", "en"), ("", "en"), ("../../etc/passwd", "en"), ("en_GB", "en")],
)  # fmt: skip
@pytest.mark.usefixtures("portuguese")
def test_a_locale_gets_the_closest_language(wanted: str, spoken: str) -> None:
    assert language.closest(wanted) == spoken


def test_a_worker_speaks_the_language_of_its_window() -> None:
    language.use("pseudo")
    assert launch.environment()[language.VARIABLE] == "pseudo"


def test_the_pseudo_language_changes_letters_and_no_place() -> None:
    language.use("pseudo")
    assert tr("Open {name!r} at {x:.1f}", name="a", x=1.5) == "Õpéñ 'a' àt 1.5"
    assert trn("{n} leaf", "{n} leaves", 2) == "2 léàvéš"
