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
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core import spreadsheets
from core.domain.image import Split
from core.errors import ImportRefused
from core.files import quoted
from core.importers.texts import file_text
from core.language import tr, trn

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
_TAIL = tuple[str, ...]
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
        tails = {photo: _tail(photo.as_posix()) for photo in photos}
        by_name: dict[str, list[Path]] = {}
        for photo, tail in tails.items():
            by_name.setdefault(tail[-1], []).append(photo)
            if (stem := PurePosixPath(tail[-1]).stem) != tail[-1]:
                by_name.setdefault(stem, []).append(photo)
        found: dict[Path, LabelRow] = {}
        problems: list[str] = []
        orphans: list[LabelRow] = []
        for row in self.rows:
            wanted = _tail(row.image)
            best = _best(wanted, by_name.get(wanted[-1], []), tails)
            if not best:
                orphans.append(row)
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
            elif best[0] in found:
                problems.append(
                    tr(
                        "{name}, row {number}: “{image}” is already in row {number_2}; the later "
                        "row was left out.",
                        name=self.path.name,
                        number=row.number,
                        image=row.image,
                        number_2=found[best[0]].number,
                    )
                )
            else:
                found[best[0]] = row
        problems += _odd_splits(self.path, found.values()) + _missing(self.path, orphans)
        return Matches(found, tuple(problems))


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
    return _read_rows(path, [cell.strip() for cell in table[0]], table[1:])


def _read_rows(path: Path, header: list[str], table: Iterable[list[str]]) -> LabelTable:
    rows: list[LabelRow] = []
    problems: list[str] = []
    for number, cells in enumerate(table, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row = _row(number, header, [spreadsheets.read(cell.strip()) for cell in cells])
        if not row.image:
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


def _row(number: int, header: list[str], cells: list[str]) -> LabelRow:
    named = dict(zip(header, cells, strict=False))
    known = {name.casefold(): value for name, value in named.items() if name.casefold() in _KNOWN}
    split = known.get("split", "")
    kept = [(n, v) for n, v in named.items() if n.casefold() not in _KNOWN and n and v]
    odd = "" if split.casefold() in _SPLITS else split
    if odd:
        kept.append(("split", odd))
    return LabelRow(
        number=number,
        image=known.get("image", "").replace("\\", "/"),
        disease=known.get("disease", ""),
        group=known.get("group", ""),
        split=_SPLITS.get(split.casefold(), Split.AUTO),
        crop=known.get("crop", ""),
        extra=tuple(kept),
        odd_split=odd,
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
    if odd := _UNPRINTED.search(text):
        raise ImportRefused(
            path,
            tr(
                "The table holds the control character {quoted}, which no name has. Save "
                "it as CSV from your spreadsheet.",
                quoted=quoted(odd[0]),
            ),
        )
    return text


def _delimiter(path: Path) -> str:
    first = _text(path).partition("\n")[0]
    return max(",;\t", key=first.count) if first else ","


def _tail(text: str) -> _TAIL:
    """Path parts for comparing: one Unicode form, no case, no ``.``."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return tuple(p for p in plain.split("/") if p not in ("", ".")) or ("",)


def _best(wanted: _TAIL, candidates: list[Path], tails: dict[Path, _TAIL]) -> list[Path]:
    """The photos whose path ends in ``wanted``; a sole photo of that name counts as well."""
    fitting = [c for c in candidates if tails[c][-len(wanted) : -1] == wanted[:-1]]
    return fitting or (candidates if len(candidates) == 1 else [])


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
