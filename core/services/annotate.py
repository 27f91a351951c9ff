"""The labelling session: one photo open, its regions and labels, and the edits that change them.

Every user action becomes one `Edit`; ``apply`` carries it out here, the store commits the same
value, and undo applies its inverse. Knows the domain; knows no widget, no store and no model.

Overlaps: a stroke or a proposal changes one region and leaves all others as they are, so a pixel
may belong to several, unless the person chose another rule (``core.services.rules``). A pixel of a
leaf and a lesion counts as lesion; one of two lesions counts for each disease and once in the
severity of the photo.

``mask_known`` ("somebody has said where the lesions are") becomes True with the first lesion
outlined, with "no lesions", and with Done on a leaf of the healthy class. It becomes False again
when the last lesion goes. Naming the disease of a photo alone does not set it.

The photo's disease and its lesions': a lesion that is named while the photo is not names the photo
as well; naming the photo also names those of its lesions that are unnamed or carry its former name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.domain.disease import Disease
from core.domain.edits import (
    Change,
    Edit,
    ImageLabel,
    ImageRelabelled,
    PackedTiles,
    PixelsChanged,
    RegionAdded,
    RegionRelabelled,
    RegionRemoved,
)
from core.domain.ids import DiseaseId, RegionId, new_id
from core.domain.image import ImageState, LeafImage
from core.domain.mask import TileKey, TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.engines.base import Candidate
from core.errors import Bug
from core.geometry.areas import Areas
from core.language import tr
from core.services.areas import AreaBook
from core.wording import marked


@dataclass(frozen=True, slots=True)
class Touched:
    """What ``apply`` changed: tiles whose pixels differ, the list of regions, the photo's label."""

    tiles: frozenset[TileKey] = frozenset()
    regions: bool = False
    label: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new region will be: kind, disease and where its pixels come from."""

    kind: RegionKind = RegionKind.LESION
    disease: DiseaseId | None = None
    source: str = "hand"
    author: str = ""


def label_of(image: LeafImage) -> ImageLabel:
    """What labelling changes of a photo, as it is."""
    return ImageLabel(image.disease, image.state, image.mask_known, image.done_by, image.checked_by)


def relabelled(image: LeafImage, change: ImageRelabelled) -> LeafImage:
    """``image`` with the label that ``change`` makes of its own."""
    after = change.of(label_of(image))
    return replace(
        image,
        disease=after.disease,
        state=after.state,
        mask_known=after.mask_known,
        done_by=after.done_by,
        checked_by=after.checked_by,
    )


def brought_to(label: ImageLabel, state: ImageState, by: str) -> ImageLabel:
    """``label`` in ``state``, with the names of who finished and checked the photo.

    A photo that goes back to work has been finished and checked by nobody; checking one leaves
    who finished it.
    """
    match state:
        case ImageState.DONE:
            return replace(label, state=state, done_by=by, checked_by="")
        case ImageState.CHECKED:
            return replace(label, state=state, checked_by=by)
        case _:
            return replace(label, state=state, done_by="", checked_by="")


def own_check(session: LabellingSession, by: str) -> bool:
    """Whether whoever is about to check the photo finished it or outlined something on it."""
    authors = {r.info.author for r in session.regions} | {session.image.done_by}
    return bool(by) and by in authors


class LabellingSession:
    """One photo under work. Methods that propose give back an `Edit`, or None when nothing changes.

    Nothing changes before ``apply``. Regions are kept in the order they were made.
    """

    def __init__(self, image: LeafImage, regions: Iterable[Region]) -> None:
        self.image = image
        self._regions = {r.info.id: r for r in sorted(regions, key=lambda r: r.info.id)}
        self._areas = AreaBook(self._regions.values())

    @property
    def regions(self) -> list[Region]:
        return list(self._regions.values())

    @property
    def label(self) -> ImageLabel:
        return label_of(self.image)

    @property
    def figures(self) -> Areas:
        """Areas and severity, as of the last ``apply``."""
        return self._areas.figures()

    def region(self, region: RegionId) -> Region | None:
        """The region of that id, or None."""
        return self._regions.get(region)

    def area(self, region: RegionId) -> int:
        """Pixels of one region."""
        return self._areas.region(region)

    # -- proposing

    def stroke(
        self,
        delta: PackedTiles,
        *,
        region: RegionId | None,
        draft: Draft,
        title: str = tr("Brush stroke"),
    ) -> Edit | None:
        """A finished stroke or shape: XOR tiles of ``region``, or the tiles of a new one.

        A region of which nothing is left is removed.
        """
        if not delta:
            return None
        if region is None or region not in self._regions:
            return self._add(delta, draft, title)
        before = self._regions[region]
        after = before.mask.copy()
        after.apply_delta(delta)
        if not after.tiles:
            return self.delete(region)
        return self.edit(title, PixelsChanged(region, delta))

    def accept(
        self, candidate: Candidate, *, into: RegionId | None, draft: Draft, instead: bool = False
    ) -> Edit | None:
        """Take a proposed mask: as a new region, as more pixels of ``into``, or in their place."""
        size = (self.image.width, self.image.height)
        proposed = TileMask.from_array(candidate.pixels, candidate.origin, size)
        if into is None or into not in self._regions:
            tiles = proposed.packed()
            return self._add(tiles, draft, tr("Accept suggestion")) if tiles else None
        before = self._regions[into].mask
        box = proposed.box()
        if box is None:
            return None
        after = proposed if instead else before.copy()
        if not instead:
            after.add(box, proposed.read(box))
        delta = before.delta(after)
        title = tr("Refine region") if instead else tr("Extend region")
        return self.edit(title, PixelsChanged(into, delta)) if delta else None

    def delete(self, *regions: RegionId) -> Edit | None:
        """Take regions away; ids that are none of the photo's are passed over."""
        found = [self._regions[r] for r in regions if r in self._regions]
        if not found:
            return None
        title = tr("Delete region") if len(found) == 1 else tr("Delete regions")
        return self.edit(title, *(RegionRemoved(r.info, r.mask.packed()) for r in found))

    def relabel(
        self, *regions: RegionId, kind: RegionKind, disease: DiseaseId | None
    ) -> Edit | None:
        """Another kind or disease of regions. A leaf carries no disease."""
        named = disease if kind is RegionKind.LESION else None
        changes = [
            RegionRelabelled(info, after)
            for info in (self._regions[r].info for r in regions if r in self._regions)
            if (after := replace(info, kind=kind, disease=named)) != info
        ]
        if not changes:
            return None
        title = tr("Relabel region") if len(changes) == 1 else tr("Relabel regions")
        return self.edit(title, *changes)

    def name_disease(self, disease: Disease | None) -> Edit | None:
        """The disease of the whole photo, and of its lesions that follow it."""
        former = self.image.disease
        named = disease.id if disease else None
        follow: list[Change] = []
        if disease is None or not disease.healthy:
            follow = [
                RegionRelabelled(r.info, replace(r.info, disease=named))
                for r in self._regions.values()
                if r.info.kind is RegionKind.LESION
                and r.info.disease in (None, former)
                and r.info.disease != named
            ]
        after = replace(self._begun(), disease=named)
        if after == self.label and not follow:
            return None
        return Edit(
            self.image.id, tr("Name the disease"), (*follow, ImageRelabelled(self.label, after))
        )

    def set_state(
        self, state: ImageState, healthy: DiseaseId | None = None, *, by: str = ""
    ) -> Edit | None:
        """How far the person got; ``healthy`` is the id of the healthy class, if any.

        ``by`` is the person's name: kept as who finished the photo, or as who checked it.
        """
        finished = state in (ImageState.DONE, ImageState.CHECKED)
        is_healthy = healthy is not None and self.image.disease == healthy
        known = self.image.mask_known or (finished and is_healthy)
        return self._relabel_image(
            marked(state),
            replace(brought_to(self.label, state, by), mask_known=known),
        )

    def no_lesions(self, healthy: Disease | None) -> Edit | None:
        """This leaf has none: its lesions go, an empty mask is known, and it is healthy."""
        removed: list[Change] = [
            RegionRemoved(r.info, r.mask.packed())
            for r in self._regions.values()
            if r.info.kind is RegionKind.LESION
        ]
        disease = healthy.id if healthy else self.image.disease
        after = replace(self._begun(), disease=disease, mask_known=True)
        if not removed and after == self.label:
            return None
        return Edit(self.image.id, tr("No lesions"), (*removed, ImageRelabelled(self.label, after)))

    # -- carrying out

    def apply(self, edit: Edit) -> Touched:
        """Carry out ``edit`` (a proposal of this session, an undo or a redo)."""
        if edit.image != self.image.id:
            raise Bug("an edit of another photo")
        tiles: set[TileKey] = set()
        regions = label = False
        for change in edit.changes:
            match change:
                case RegionAdded(info, packed):
                    self._insert(info, packed)
                    tiles |= packed.keys()
                    regions = True
                case RegionRemoved(info, packed):
                    tiles |= self._regions.pop(info.id).mask.tiles.keys()
                    regions = True
                case RegionRelabelled(_, after):
                    found = self._regions[after.id]
                    found.info = change.of(found.info)
                    tiles |= found.mask.tiles.keys()
                    regions = True
                case PixelsChanged(region, delta):
                    self._regions[region].mask.apply_delta(delta)
                    tiles |= delta.keys()
                case ImageRelabelled():
                    self.image = relabelled(self.image, change)
                    label = True
        self._areas.update(tiles, self._regions.values())
        return Touched(frozenset(tiles), regions, label)

    def _insert(self, info: RegionInfo, packed: PackedTiles) -> None:
        mask = TileMask.from_packed(self.image.width, self.image.height, packed)
        self._regions[info.id] = Region(info, mask)
        # Undoing a removal puts the region back where it was in the list.
        self._regions = dict(sorted(self._regions.items()))

    def _add(self, tiles: PackedTiles, draft: Draft, title: str) -> Edit:
        info = RegionInfo(
            RegionId(new_id()),
            self.image.id,
            draft.kind,
            draft.disease if draft.kind is RegionKind.LESION else None,
            draft.source,
            draft.author,
        )
        return self.edit(title, RegionAdded(info, tiles))

    def edit(self, title: str, *changes: Change) -> Edit:
        """``changes`` of regions with what they mean for the photo: work has begun, lesions are
        known or not, it has a name."""
        lesions = {r.info.id for r in self._regions.values() if r.info.kind is RegionKind.LESION}
        before = len(lesions)
        named = self.image.disease
        for change in changes:
            match change:
                case RegionAdded(info) | RegionRelabelled(_, info):
                    (lesions.add if info.kind is RegionKind.LESION else lesions.discard)(info.id)
                    # A named lesion names a photo that has no name.
                    named = info.disease if named is None else named
                case RegionRemoved(info):
                    lesions.discard(info.id)
        known = self.image.mask_known
        if len(lesions) != before:
            known = bool(lesions)
        after = replace(self._begun(), mask_known=known, disease=named)
        extra = () if after == self.label else (ImageRelabelled(self.label, after),)
        return Edit(self.image.id, title, (*changes, *extra))

    def _begun(self) -> ImageLabel:
        """The label as it is, with an unseen photo now in progress."""
        state = self.image.state
        return replace(
            self.label, state=ImageState.IN_PROGRESS if state is ImageState.UNSEEN else state
        )

    def _relabel_image(self, title: str, after: ImageLabel) -> Edit | None:
        if after == self.label:
            return None
        return Edit(self.image.id, title, (ImageRelabelled(self.label, after),))
