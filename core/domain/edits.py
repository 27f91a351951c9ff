"""One finished user action on one photo: the unit of autosave and of undo.

An Edit is a value. ``inverse`` undoes it exactly; the store commits either in one transaction.
Knows the domain; knows no table and no widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.image import ImageState
from core.domain.mask import TileKey
from core.domain.region import RegionInfo

PackedTiles = Mapping[TileKey, NDArray[np.uint8]]
Named = TypeVar("Named", RegionInfo, "ImageLabel")


@dataclass(frozen=True, slots=True)
class RegionAdded:
    """A new region and all its packed tiles."""

    region: RegionInfo
    tiles: PackedTiles


@dataclass(frozen=True, slots=True)
class RegionRemoved:
    """A region taken away, with the tiles it had, so that undo can bring it back."""

    region: RegionInfo
    tiles: PackedTiles


@dataclass(frozen=True, slots=True)
class RegionRelabelled:
    """Kind, disease, source or author of a region.

    Kind and disease change together, where the region still has those of ``before``: undoing an
    older step does not take back what was said after it.
    """

    before: RegionInfo
    after: RegionInfo

    def of(self, now: RegionInfo) -> RegionInfo:
        """What a region that is ``now`` becomes."""
        if (now.kind, now.disease) == (self.before.kind, self.before.disease):
            return self.after
        return replace(self.after, kind=now.kind, disease=now.disease)


@dataclass(frozen=True, slots=True)
class PixelsChanged:
    """Packed XOR tiles of one region (``TileMask.delta``); its own inverse."""

    region: RegionId
    delta: PackedTiles


@dataclass(frozen=True, slots=True)
class ImageLabel:
    """The image-level part of a photo that labelling changes, and who finished and checked it."""

    disease: DiseaseId | None
    state: ImageState
    mask_known: bool
    done_by: str = ""
    checked_by: str = ""

    @property
    def progress(self) -> tuple[ImageState, str, str]:
        """How far the photo is, who finished and who checked it."""
        return (self.state, self.done_by, self.checked_by)


@dataclass(frozen=True, slots=True)
class ImageRelabelled:
    """Image-level disease, state, or whether the mask is known.

    Only what differs between ``before`` and ``after`` is changed, and only where it is still as
    ``before``: a stroke that began the work on a photo, undone after somebody has marked the photo
    as done, leaves it done.
    """

    before: ImageLabel
    after: ImageLabel

    def of(self, now: ImageLabel) -> ImageLabel:
        """What the label of a photo that is ``now`` becomes. State and names go together."""
        before, after = self.before, self.after
        if before.disease != after.disease and now.disease == before.disease:
            now = replace(now, disease=after.disease)
        if before.mask_known != after.mask_known and now.mask_known == before.mask_known:
            now = replace(now, mask_known=after.mask_known)
        if before.progress != after.progress and now.state is before.state:
            state, done_by, checked_by = after.progress
            now = replace(now, state=state, done_by=done_by, checked_by=checked_by)
        return now


Change = RegionAdded | RegionRemoved | RegionRelabelled | PixelsChanged | ImageRelabelled


@dataclass(frozen=True, slots=True)
class Edit:
    """``changes`` are applied in order; ``title`` is what Undo shows ("Brush stroke").

    ``action`` is the same for an edit and its inverse, ``undoes`` tells the two apart: with them
    the store brings back what it took back when the other one came.
    """

    image: ImageId
    title: str
    changes: tuple[Change, ...] = field(default=())
    action: int = field(default_factory=new_id, compare=False)
    undoes: bool = field(default=False, compare=False)

    def inverse(self) -> Edit:
        """The edit that takes this one back; ``e.inverse().inverse() == e``."""
        changes = tuple(_inverse(c) for c in reversed(self.changes))
        return Edit(self.image, self.title, changes, self.action, not self.undoes)

    def corrects_label(self) -> bool:
        """Whether an outline, a disease or "no lesions" becomes another; the state alone is not."""
        return any(_says_otherwise(c) for c in self.changes)

    def diseases(self) -> frozenset[DiseaseId]:
        """Those that are carried before or after it."""
        named = (disease for change in self.changes for disease in _diseases(change))
        return frozenset(disease for disease in named if disease is not None)

    def called(self, names: Mapping[DiseaseId, DiseaseId]) -> Edit:
        """The same with the diseases that ``names`` knows called by the ones it gives."""
        if not self.diseases() & names.keys():
            return self
        changes = tuple(_called(change, names) for change in self.changes)
        return replace(self, changes=changes)

    def cost(self) -> int:
        """Bytes of pixel data held, for the undo budget."""
        return sum(
            sum(t.nbytes for t in tiles.values())
            for c in self.changes
            for tiles in (getattr(c, "tiles", None) or getattr(c, "delta", None) or {},)
        )


def _says_otherwise(change: Change) -> bool:
    match change:
        case ImageRelabelled(before, after):
            return (before.disease, before.mask_known) != (after.disease, after.mask_known)
        case RegionRelabelled(before, after):
            return (before.kind, before.disease) != (after.kind, after.disease)
        case _:
            return True


def _diseases(change: Change) -> tuple[DiseaseId | None, ...]:
    match change:
        case RegionAdded(region, _) | RegionRemoved(region, _):
            return (region.disease,)
        case RegionRelabelled(before, after) | ImageRelabelled(before, after):
            return (before.disease, after.disease)
        case PixelsChanged():
            return ()


def _called(change: Change, names: Mapping[DiseaseId, DiseaseId]) -> Change:
    def named(what: Named) -> Named:
        now = what.disease and names.get(what.disease, what.disease)
        return replace(what, disease=now)

    match change:
        case RegionAdded(region, tiles):
            return RegionAdded(named(region), tiles)
        case RegionRemoved(region, tiles):
            return RegionRemoved(named(region), tiles)
        case RegionRelabelled(before, after):
            return RegionRelabelled(named(before), named(after))
        case ImageRelabelled(was, becomes):
            return ImageRelabelled(named(was), named(becomes))
        case PixelsChanged():
            return change


def _inverse(change: Change) -> Change:
    match change:
        case RegionAdded(region, tiles):
            return RegionRemoved(region, tiles)
        case RegionRemoved(region, tiles):
            return RegionAdded(region, tiles)
        case RegionRelabelled(before, after):
            return RegionRelabelled(after, before)
        case ImageRelabelled(before, after):
            return ImageRelabelled(after, before)
        case PixelsChanged():
            return change
