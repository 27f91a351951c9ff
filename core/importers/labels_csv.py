"""Labels from a table: CSV with the columns ``image`` and ``disease`` and any others.

``group``, ``split`` and ``crop`` are understood; every further column is kept as it came. Comma or
semicolon, UTF-8 with or without a byte order mark. Rows find their photo by path: the longest
matching tail of path wins, and a bare name must be unambiguous. Nothing is guessed.

Knows tables and names; knows no project and no picture.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import spreadsheets
from core.domain.image import Split
from core.errors import ImportRefused
from core.files import quoted
from core.importers.label_places import Places, tail
from core.importers.texts import file_text
from core.language import listed, tr, trn

MAX_BYTES = 200_000_000
_KNOWN = ("image", "disease", "group", "split", "crop")
_SPLITS = {
    **{split.value: split for split in Split},
    "": Split.AUTO,
    "training": Split.TRAIN,
    "validation": Split.VAL,
    "valid": Split.VAL,
    "dev": Split.VAL,
    # A test set must not leak into training, and there is no third part to put it in.
    "test": Split.IGNORED,
}
_UNPRINTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One line of the table; ``number`` counts from 1 with the header, as spreadsheets do.

    ``disease`` is the name as written, "" where the cell is empty; ``odd_split`` what stands in
    the split column when it is no split (``split`` is then auto).
    """

    number: int
    image: str
    disease: str
    group: str
    split: Split
    crop: str
    extra: tuple[tuple[str, str], ...]
    odd_split: str = ""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The rows of one file and what was wrong with some of them, as sentences."""

    path: Path
    rows: tuple[LabelRow, ...]
    problems: tuple[str, ...]

    def match(self, photos: Sequence[Path]) -> Matches:
        """Which row belongs to which photo. Rows and photos may both be left over."""
        places = Places(photos)
        found: dict[Path, LabelRow] = {}
        problems: list[str] = []
        elsewhere: list[LabelRow] = []
        for row in self.rows:
            best = places.fitting(row.image)
            if not best:
                elsewhere.append(row)
            elif len(best) > 1:
                problems.append(
                    tr(
                        "{name}, row {number}: “{image}” fits {count} photos; write more of the "
                        "path. The row was left out.",
                        name=self.path.name,
                        number=row.number,
                        image=row.image,
                        count=len(best),
                    )
                )
            else:
                problems += self._give(best[0], row, found)
        orphans: list[LabelRow] = []
        claims: dict[Path, list[LabelRow]] = {}
        for row in elsewhere:
            called = places.called(row.image)
            sole = called[0] if len(called) == 1 and called[0] not in found else None
            (orphans if sole is None else claims.setdefault(sole, [])).append(row)
        for photo, rows in claims.items():
            problems += self._settle(photo, rows, found)
        problems += _odd_splits(self.path, found.values()) + _missing(self.path, orphans)
        return Matches(found, tuple(problems))

    def _settle(
        self, photo: Path, rows: Sequence[LabelRow], found: dict[Path, LabelRow]
    ) -> list[str]:
        """``rows`` are of photos that are called like ``photo`` and lie elsewhere."""
        if len({tail(row.image) for row in rows}) == 1:
            return [said for row in rows for said in self._give(photo, row, found)]
        return [
            tr(
                "{name}: {rows} may each be of “{photo}”, and none says its folder; write the "
                "folders as they are called here. The rows were left out.",
                name=self.path.name,
                rows=listed([tr("row {number}", number=row.number) for row in rows[:5]]),
                photo=photo.name,
            )
        ]

    def _give(self, photo: Path, row: LabelRow, found: dict[Path, LabelRow]) -> list[str]:
        if photo not in found:
            found[photo] = row
            return []
        return [
            tr(
                "{name}, row {number}: “{image}” is already in row {number_2}; the later "
                "row was left out.",
                name=self.path.name,
                number=row.number,
                image=row.image,
                number_2=found[photo].number,
            )
        ]


@dataclass(frozen=True, slots=True)
class Matches:
    """``rows`` by photo; ``problems`` are sentences about rows that found none."""

    rows: dict[Path, LabelRow]
    problems: tuple[str, ...]


def read_labels(path: Path) -> LabelTable:
    """Raises ImportRefused when the file cannot be read as a table with an ``image`` column."""
    lines = csv.reader(io.StringIO(_text(path)), delimiter=_delimiter(path))
    try:
        table = list(lines)
    except csv.Error as error:
        raise ImportRefused(
            path,
            tr(
                "The table cannot be read ({error}). Save it as CSV from your spreadsheet.",
                error=error,
            ),
        ) from error
    header = [cell.strip().casefold() for cell in table[0]] if table else []
    if "image" not in header:
        raise ImportRefused(
            path,
            tr(
                "The table has no column “image”. Name the columns in its first row: image, "
                "disease and, if you like, group, split, crop."
            ),
        )
    twice = [name for name, times in Counter(header).items() if times > 1 and name in _KNOWN]
    if twice:
        raise ImportRefused(
            path, tr("The table has two columns “{twice}”. Rename one of them.", twice=twice[0])
        )
    _refuse_control(path, table[0])
    return _read_rows(path, [cell.strip() for cell in table[0]], table[1:])


def _read_rows(path: Path, header: list[str], table: Iterable[list[str]]) -> LabelTable:
    rows: list[LabelRow] = []
    problems: list[str] = []
    for number, cells in enumerate(table, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row = _row(path, number, header, cells)
        if not row.image.strip():
            problems.append(
                tr(
                    "{name}, row {number}: no image is named; the row was left out.",
                    name=path.name,
                    number=number,
                )
            )
            continue
        rows.append(row)
    if not rows:
        problems.append(
            tr(
                "{name}: no row names an image, so nothing was taken from the table.",
                name=path.name,
            )
        )
    elif not {name.casefold() for name in header} & set(_KNOWN[1:]):
        problems.append(
            tr(
                "{name}: no column is called {list} or {known}, so the table names no "
                "disease. Name its columns so in the first row and import it again.",
                name=path.name,
                list=", ".join(_KNOWN[1:-1]),
                known=_KNOWN[-1],
            )
        )
    return LabelTable(path, tuple(rows), tuple(problems))


def _row(path: Path, number: int, header: list[str], cells: list[str]) -> LabelRow:
    # A file may be called by blanks and bells, and an export names it as it is called.
    image = next((c for n, c in zip(header, cells, strict=False) if n.casefold() == "image"), "")
    named = dict(zip(header, (spreadsheets.read(c.strip()) for c in cells), strict=False))
    _refuse_control(path, (text for name, text in named.items() if name.casefold() != "image"))
    known = {name.casefold(): value for name, value in named.items() if name.casefold() in _KNOWN}
    split = known.get("split", "")
    kept = [(n, v) for n, v in named.items() if n.casefold() not in _KNOWN and n and v]
    odd = "" if split.casefold() in _SPLITS else split
    if odd:
        kept.append(("split", odd))
    return LabelRow(
        number=number,
        image=spreadsheets.read(image),
        disease=known.get("disease", ""),
        group=known.get("group", ""),
        split=_SPLITS.get(split.casefold(), Split.AUTO),
        crop=known.get("crop", ""),
        extra=tuple(kept),
        odd_split=odd,
    )


def _refuse_control(path: Path, texts: Iterable[str]) -> None:
    odd = next((m for text in texts if (m := _UNPRINTED.search(text))), None)
    if odd is not None:
        raise ImportRefused(
            path,
            tr(
                "The table holds the control character {quoted}, which no name has. Save "
                "it as CSV from your spreadsheet.",
                quoted=quoted(odd[0]),
            ),
        )


def _text(path: Path) -> str:
    try:
        text = file_text(path, MAX_BYTES)
    except OSError as error:
        why = error.strerror or str(error)
        raise ImportRefused(
            path, tr("The table cannot be read ({why}). Check its name.", why=why)
        ) from error
    except UnicodeDecodeError as error:
        raise ImportRefused(
            path, tr("The table is not UTF-8 text. Save it as “CSV UTF-8” from your spreadsheet.")
        ) from error
    return text


def _delimiter(path: Path) -> str:
    first = _text(path).partition("\n")[0]
    return max(",;\t", key=first.count) if first else ","


def _odd_splits(path: Path, rows: Iterable[LabelRow]) -> list[str]:
    counted = Counter(row.odd_split for row in rows if row.odd_split)
    return [
        tr(
            "{name}: “{split}” ({rows}) is not a split. Use train, val, "
            "ignored or auto; these photos got auto.",
            name=path.name,
            split=split,
            rows=trn("{n} row", "{n} rows", times),
        )
        for split, times in counted.items()
    ]


def _missing(path: Path, orphans: list[LabelRow]) -> list[str]:
    if not orphans:
        return []
    names = ", ".join(
        tr("“{image}” (row {number})", image=row.image, number=row.number) for row in orphans[:5]
    )
    more = tr(" and {count} more", count=len(orphans) - 5) if len(orphans) > 5 else ""
    return [
        trn(
            "{name}: {n} row named no imported photo: {names}{more}.",
            "{name}: {n} rows named no imported photo: {names}{more}.",
            len(orphans),
            name=path.name,
            names=names,
            more=more,
        )
    ]
