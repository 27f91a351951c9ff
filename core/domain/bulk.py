"""One action on many photos at once: what is set, on which, and what takes it back.

A `BulkEdit` is a value, as an `Edit` is; the store carries it out in one transaction and remembers
the one that undoes it. Knows the domain; knows no table and no widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.domain.ids import DiseaseId, ImageId, RegionId, RunId, new_id


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
    CROP = "crop"


Values = Mapping[Field, object]
"""As the fields of `LeafImage`: an `ImageState` for ``STATE``, a `DiseaseId` or None, …"""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The same ``values`` for all of ``images``.

    ``where`` holds what each field must still be on a photo, so that taking an action back leaves
    alone what somebody has said since; without it a field is set whatever it is.
    """

    values: Values
    images: tuple[ImageId, ...]
    where: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Renaming:
    """A lesion that gets the name ``after`` where it still carries ``before``; None is no name."""

    image: ImageId
    region: RegionId
    before: DiseaseId | None
    after: DiseaseId | None


@dataclass(frozen=True, slots=True)
class BulkEdit:
    """``title`` is what Undo shows. ``assignments`` are carried out first, then ``renamings``.

    ``follow``: lesions that are unnamed or carry their photo's former disease take its new one, as
    when one photo is named. ``label_wrong`` are verdicts to bring back (run, photo). ``action`` is
    the same for an edit and what takes it back, ``undoes`` tells the two apart.
    """

    title: str
    assignments: tuple[Assignment, ...]
    renamings: tuple[Renaming, ...] = ()
    follow: bool = True
    label_wrong: tuple[tuple[RunId, ImageId], ...] = ()
    action: int = field(default_factory=new_id, compare=False)
    undoes: bool = field(default=False, compare=False)

    @property
    def images(self) -> frozenset[ImageId]:
        """Every photo it is about."""
        return frozenset(i for a in self.assignments for i in a.images) | {
            r.image for r in self.renamings
        }


@dataclass(frozen=True, slots=True)
class ManyStep:
    """A finished action on many photos, as undo and redo remember it across restarts.

    ``action`` rises with time, as that of an `Edit` does; ``photos`` is how many were changed.
    ``merge``: it merged one disease into another. ``undone``: it can be redone.
    """

    action: int
    title: str
    photos: int
    merge: bool = False
    undone: bool = False
