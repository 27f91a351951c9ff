"""The classes a leaf or a lesion can carry.

Knows names, codes and colours; knows nothing of models or pixels.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.language import tr

LONGEST_NAME = 120
MOST_SYNONYMS = 40
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Disease:
    """One class. ``healthy`` marks the class of leaves without lesions; a project has at most one.

    ``colour`` is ``#rrggbb``; ``hotkey`` is a digit 1–9 or None; ``eppo`` an EPPO code or "".
    ``crop`` is the host in plain words or "". ``synonyms`` are other names it is found by: common
    ones, those of the pathogen, and those it had before it was renamed or merged.
    """

    id: DiseaseId
    name: str
    colour: str
    hotkey: int | None = None
    eppo: str = ""
    healthy: bool = False
    crop: str = ""
    synonyms: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, then its synonyms."""
        return (self.name, *self.synonyms)

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is its name or a synonym, in any case and spacing."""
        wanted = folded(name)
        return any(folded(n) == wanted for n in self.names)

    def renamed(self, name: str) -> Disease:
        """Under another name; the one it had stays a synonym, so that old tables still find it."""
        return replace(self, name=name, synonyms=distinct((*self.synonyms, self.name), name))

    def absorbing(self, other: Disease) -> Disease:
        """What it is after ``other`` was merged into it: found by the names of both, and with
        the key, the code and the crop of ``other`` where it has none."""
        return replace(
            self,
            synonyms=distinct((*self.synonyms, *other.names), self.name),
            hotkey=self.hotkey or other.hotkey,
            eppo=self.eppo or other.eppo,
            crop=self.crop or other.crop,
        )


@dataclass(frozen=True, slots=True)
class DiseaseUse:
    """Where a disease occurs: photos labelled with it, regions of it, photos with either."""

    labels: int = 0
    regions: int = 0
    photos: int = 0


@dataclass(frozen=True, slots=True)
class Merged:
    """One disease merged into another, with what it takes to undo that.

    ``gone`` and ``into`` are the two as they were; ``labels`` are the photos and ``regions`` the
    regions that carried ``gone``, ``photos`` those with either. ``action`` names it for undo.
    """

    gone: Disease
    into: Disease
    labels: tuple[ImageId, ...]
    regions: tuple[RegionId, ...]
    photos: frozenset[ImageId]
    action: int = field(default_factory=new_id, compare=False)


def is_shown(name: str) -> bool:
    """Whether a name can stand in a sentence: nothing in it orders a terminal about, breaks the
    line, turns the text around it round, or is no text at all. What joins letters may be there."""
    return _UNSHOWN.search(name) is None


def folded(name: str) -> str:
    """For comparing names: whatever their case, Unicode form and spacing, and without the signs
    that nobody sees, as tables bring them along."""
    plain = unicodedata.normalize("NFC", name).casefold()
    if not plain.isascii():
        plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return " ".join(plain.split())


def distinct(names: Iterable[str], name: str) -> tuple[str, ...]:
    """``names`` without blanks, doubles and ``name`` itself, each with single spaces."""
    known = {folded(name), ""}
    out: list[str] = []
    for each in names:
        if folded(each) not in known:
            known.add(folded(each))
            out.append(" ".join(each.split()))
    return tuple(out)


def colours_by_name(diseases: Iterable[Disease]) -> dict[str, str]:
    """``#rrggbb`` by name and synonym: runs say what they learnt by the name it had then."""
    listed = list(diseases)
    former = {name: d.colour for d in listed for name in d.synonyms}
    return former | {d.name: d.colour for d in listed}


def names_now(diseases: Iterable[Disease]) -> dict[str, str]:
    """What is called otherwise by now, by the names it had: a run knows diseases by the name of
    then.
    """
    listed = list(diseases)
    taken = {d.name for d in listed}
    return {name: d.name for d in listed for name in d.synonyms if name not in taken}


def clash(disease: Disease, others: Iterable[Disease]) -> str:
    """Why the names of ``disease`` cannot stand beside those of ``others``; "" when they can.

    A name finds one disease and no more, else a table could not say which it means.
    """
    names = {folded(n): n for n in disease.names}
    for other in others:
        if other.id == disease.id:
            continue
        if folded(other.name) in names:
            return tr(
                "There is already a disease called “{name}”; choose another name.", name=other.name
            )
        if both := [n for n in other.synonyms if folded(n) in names]:
            return tr(
                "“{both}” is a synonym of “{name}”; take it away there first.",
                both=both[0],
                name=other.name,
            )
    return ""


PALETTE = (
    # For lesions on a leaf: told apart from each other and from the green of leaves by people who
    # see all colours and by those who lack one kind of cone. The first four are of Okabe & Ito
    # (2008), "Color Universal Design"; their orange and vermilion are not here, because on a leaf
    # they vanish for those who do not see red. Patterns help where colours come close.
    "#f0e442", "#56b4e9", "#cc79a7", "#0072b2", "#b05070", "#00ffff",
    "#9070ff", "#703050", "#0000ff", "#303090", "#ffb0d0", "#d0e8b0",
)  # fmt: skip
HEALTHY_COLOUR = "#009e73"
LEAF_COLOUR = "#7fd37f"
UNNAMED_LESION_COLOUR = "#ff5ea8"
