"""The starter list: common crops and their leaf diseases, shipped as a table.

The table has the names in English and, in columns of their own, in other languages; people see
those of the language in use. Knows the table and how a project's own list takes diseases over from
it; knows no widget.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from core.changes import Changes
from core.domain.disease import HEALTHY_COLOUR, PALETTE, Disease, distinct, folded
from core.domain.ids import DiseaseId, new_id
from core.language import current
from core.ports import ProjectStore

TABLE = Path(__file__).resolve().parents[2] / "resources" / "diseases" / "starter.csv"


@dataclass(frozen=True, slots=True)
class Entry:
    """One disease of one crop. ``eppo`` is "" where the code is not certain.

    ``crop`` and ``name`` are in the language in use, ``english`` is the name in English. The
    ``synonyms`` begin with the pathogen and hold every name but ``name``.
    """

    crop: str
    name: str
    eppo: str
    synonyms: tuple[str, ...]
    english: str

    def matches(self, text: str) -> bool:
        """Whether ``text`` is part of a name, the crop or the code; "" is part of all."""
        wanted = folded(text)
        return any(wanted in folded(n) for n in (self.name, *self.synonyms, self.crop, self.eppo))

    def is_in(self, known: Iterable[Disease]) -> bool:
        """Whether one of ``known`` is called so, in the language in use or in English."""
        return any(d.is_called(self.name) or d.is_called(self.english) for d in known)


def entries() -> tuple[Entry, ...]:
    """The whole list, crop by crop as it is written, in the language in use."""
    return _entries(current())


@cache
def _entries(language: str) -> tuple[Entry, ...]:
    """Lines that begin with # are the table's head."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return tuple(_entry(row, language) for row in rows)


def _entry(row: Mapping[str, str], language: str) -> Entry:
    """English where the table has no column of ``language``."""
    name = row.get(f"name_{language}") or row["name"]
    # Hyphens between the words of a name are written by some and not by others.
    others = (*row["synonyms"].split(";"), row["name"], name.replace("-", " "))
    crop = row.get(f"crop_{language}") or row["crop"]
    return Entry(crop, name, row["eppo"], distinct(others, name), row["name"])


def crops() -> tuple[str, ...]:
    """Every crop, once, in the order of the list."""
    return tuple(dict.fromkeys(entry.crop for entry in entries()))


def of_crops(wanted: Iterable[str]) -> list[Entry]:
    """The diseases of those crops."""
    chosen = set(wanted)
    return [entry for entry in entries() if entry.crop in chosen]


def sole_crop(diseases: Iterable[Disease]) -> str:
    """The crop of a project with these diseases; "" when they are of several, or of none."""
    named = {folded(d.crop): d.crop for d in diseases if d.crop}
    return next(iter(named.values())) if len(named) == 1 else ""


def take_over(store: ProjectStore, wanted: Iterable[str]) -> Changes:
    """Put the diseases of those crops into a project."""
    return put(store, of_crops(wanted))


def put(store: ProjectStore, chosen: Sequence[Entry]) -> Changes:
    """Put those of ``chosen`` into a project that it does not have yet."""
    changes = Changes(diseases=True)
    for disease in additions(chosen, store.diseases()):
        changes |= store.put_disease(disease)
    return changes


def additions(chosen: Sequence[Entry], known: Sequence[Disease]) -> list[Disease]:
    """Diseases to put into a project that has ``known``: those it has by name are left out.

    Each gets the colour used least and the first free key. A pathogen of two crops (*Phytophthora
    infestans*) is a synonym of the first of them only, because a name finds one disease.
    """
    have = list(known)
    made: list[Disease] = []
    for entry in chosen:
        if entry.is_in(have):
            continue
        taken = {folded(n) for d in have for n in d.names}
        disease = Disease(
            DiseaseId(new_id()),
            entry.name,
            free_colour(have),
            hotkey=free_hotkey(have),
            eppo=entry.eppo,
            crop=entry.crop,
            synonyms=tuple(s for s in entry.synonyms if folded(s) not in taken),
        )
        have.append(disease)
        made.append(disease)
    return made


def free_colour(known: Sequence[Disease]) -> str:
    """The first colour of the palette that no disease has, or the one used least."""
    used = [d.colour.lower() for d in known]
    return min((c for c in PALETTE if c != HEALTHY_COLOUR), key=used.count)


def free_hotkey(known: Sequence[Disease]) -> int | None:
    """The first key 1–9 that no disease has."""
    used = {d.hotkey for d in known}
    return next((n for n in range(1, 10) if n not in used), None)


def found(diseases: Sequence[Disease], text: str) -> list[Disease]:
    """Those with ``text`` in a name, a synonym, the code or the crop; the one called so first."""
    wanted = folded(text)
    hits = [
        d for d in diseases
        if any(wanted in folded(n) for n in (*d.names, d.eppo, d.crop))
    ]  # fmt: skip
    return sorted(hits, key=lambda d: not d.is_called(text))


def with_names(disease: Disease, synonyms: str) -> Disease:
    """``disease`` with the synonyms that were typed, parted by commas or semicolons."""
    names = synonyms.replace(";", ",").split(",")
    return replace(disease, synonyms=distinct(names, disease.name))
