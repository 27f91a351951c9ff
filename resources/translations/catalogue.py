"""Gathers the texts of the program, brings the translations up to date and compiles them.

    python resources/translations/catalogue.py          update every .po and compile it
    python resources/translations/catalogue.py pt_BR    begin a language, or update that one
    python resources/translations/catalogue.py --check  say what is missing; write nothing

Needs babel, which the two commands of the README install. A translator edits the ``.po``, with
Poedit or any editor, and runs this again; the program reads the ``.mo`` beside it.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = ("core", "gui", "storage")
KEYWORDS = {
    "tr": None,
    "trn": (1, 2),
    "trc": ((1, "c"), 2),
    # The action table's second word: see gui/actions.py.
    "line": (2,),
}
# Heads that babel writes and that say nothing here; its dates would change a file for nothing.
EMPTY = (
    "Project-Id-Version", "Report-Msgid", "Last-Translator", "Language-Team", "Generated-By",
)  # fmt: skip
METHODS = [("**.py", "python")]
WIDTH = 100
# CLDR has a third form, for whole millions ("um milhão de fotos"), that no text here comes to.
PLURALS = {"pt_BR": "nplurals=2; plural=(n > 1);"}


def gathered() -> Catalog:
    """Every text in the sources, with the files that say it."""
    catalog = Catalog(project="Leafspot", charset="utf-8", fuzzy=False)
    for package in PACKAGES:
        found = extract_from_dir(
            ROOT / package, METHODS, keywords=KEYWORDS, comment_tags=("For translators:",)
        )
        for name, _line, message, comments, context in found:
            # Files without lines: else every edit anywhere would change the catalogue.
            place = (f"{package}/{name}".replace("\\", "/"), None)
            catalog.add(message, None, [place], auto_comments=comments, context=context)
    return catalog


def read(code: str) -> Catalog:
    """The translation as it is; an empty one where there is none yet."""
    file = HERE / f"{code}.po"
    with file.open("rb") if file.is_file() else io.BytesIO(_begun(code)) as stream:
        return read_po(stream, locale=code)


def _begun(code: str) -> bytes:
    """The head of a new translation; how its language counts is CLDR's unless it is named here."""
    plurals = PLURALS.get(code) or Catalog(locale=code).plural_forms
    return (
        f"# Leafspot in {code}.\n"
        'msgid ""\nmsgstr ""\n'
        f'"Language: {code}\\n"\n'
        f'"Plural-Forms: {plurals}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
    ).encode()


def updated(code: str, texts: Catalog) -> Catalog:
    """The translation with the texts of today; one that is gone goes."""
    catalog = read(code)
    catalog.update(texts, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def missing(catalog: Catalog) -> list[str]:
    """The texts without a translation."""
    empty = []
    for message in catalog:
        said = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and not all(said):
            empty.append(message.id if isinstance(message.id, str) else message.id[0])
    return empty


def po_bytes(catalog: Catalog) -> bytes:
    stream = io.BytesIO()
    write_po(stream, catalog, width=WIDTH, sort_by_file=True, omit_header=False)
    lines = stream.getvalue().decode().splitlines(keepends=True)
    kept = [line for line in lines if "-Date:" not in line and not line[1:].startswith(EMPTY)]
    return "".join(kept).encode()


def mo_bytes(catalog: Catalog) -> bytes:
    stream = io.BytesIO()
    write_mo(stream, _Dateless(catalog))
    return stream.getvalue()


class _Dateless(Catalog):
    """What is compiled: without the heads that would make another file of the same texts."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(locale=catalog.locale, charset=catalog.charset)
        self._whole = list(catalog)

    def __iter__(self) -> Iterator[Message]:
        head, *texts = self._whole
        lines = str(head.string).splitlines(keepends=True)
        kept = [x for x in lines if "-Date:" not in x and not x.startswith(EMPTY)]
        yield Message("", "".join(kept))
        yield from texts


def written(code: str, texts: Catalog) -> Catalog:
    """Bring ``code`` up to date on disk; both files."""
    file = HERE / f"{code}.po"
    file.write_bytes(po_bytes(updated(code, texts)))
    catalog = read(code)
    file.with_suffix(".mo").write_bytes(mo_bytes(catalog))
    return catalog


def main() -> int:
    parser = argparse.ArgumentParser(description="Update and compile the translations.")
    parser.add_argument("codes", nargs="*", metavar="CODE")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    texts = gathered()
    codes = args.codes or sorted(file.stem for file in HERE.glob("*.po"))
    lacking = 0
    for code in codes:
        catalog = updated(code, texts) if args.check else written(code, texts)
        absent = missing(catalog)
        lacking += len(absent)
        print(f"{code}: {len(catalog) - len(absent):,} of {len(catalog):,} texts")
        for text in absent[:20]:
            print(f"  without: {text}")
    return 1 if lacking and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
