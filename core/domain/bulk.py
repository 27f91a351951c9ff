"""One action on many photos at once: what is set, on which, and what takes it back.

A `BulkEdit` is a value, as an `Edit` is; the store carries it out in one transaction and hands
back the one that undoes it. Knows the domain; knows no table and no widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.domain.edits import Edit
from core.domain.ids import DiseaseId, ImageId, RunId


class Field(StrEnum):
    """What of a photo can be set on many; the names of `LeafImage`'s fields."""

    DISEASE = "disease"
    STATE = "state"
    SPLIT = "split"
    GROUP = "group"
    REMOVED = "removed"
    DONE_BY = "done_by"
    CHECKED_BY = "checked_by"
    MASK_KNOWN = "mask_known"


Values = Mapping[Field, object]
"""As the fields of `LeafImage`: an `ImageState` for ``STATE``, a `DiseaseId` or None, …"""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The same ``values`` for all of ``images``."""

    values: Values
    images: tuple[ImageId, ...]


@dataclass(frozen=True, slots=True)
class BulkEdit:
    """``title`` is what Undo shows. ``assignments`` are carried out first, then ``edits``.

    ``follow``: lesions that are unnamed or carry their photo's former disease take its new one, as
    when one photo is named. ``label_wrong`` are verdicts to bring back (run, photo).
    """

    title: str
    assignments: tuple[Assignment, ...]
    edits: tuple[Edit, ...] = ()
    follow: bool = True
    label_wrong: tuple[tuple[RunId, ImageId], ...] = field(default=())

    @property
    def images(self) -> frozenset[ImageId]:
        """Every photo it is about."""
        return frozenset(i for a in self.assignments for i in a.images) | {
            e.image for e in self.edits
        }

    def diseases(self) -> frozenset[DiseaseId]:
        """Those that its photos and lesions get."""
        given = (a.values.get(Field.DISEASE) for a in self.assignments)
        named = {DiseaseId(disease) for disease in given if isinstance(disease, int)}
        return frozenset(named).union(*(e.diseases() for e in self.edits))
