"""Actions on many photos and merged diseases on a project of plain values, photo by photo.

Shares no code with the store: what an action changed is found by comparing before and after, and
taking it back sets each thing that is still so. Knows `ProjectModel`; knows no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.image import ImageState, LeafImage
from core.domain.region import RegionKind
from tests.faults.project_model import ProjectModel

PROGRESS = ("state", "done_by", "checked_by")
SINGLE = ("disease", "mask_known", "split", "group", "crop")


@dataclass
class Changed:
    """What one action did: (before, after) by photo and field, and by lesion."""

    fields: dict[tuple[ImageId, str], tuple[object, object]] = field(default_factory=dict)
    lesions: dict[tuple[ImageId, RegionId], tuple[object, object]] = field(default_factory=dict)


class ManyModel:
    """``done`` are the actions by their number, with what takes each back or does it again."""

    def __init__(self, model: ProjectModel) -> None:
        self.model = model
        self.done: dict[int, Changed] = {}

    # -- actions

    def assign(self, action: int, images: Iterable[ImageId], **values: object) -> None:
        """Set fields of photos."""
        before = self.model.copy()
        for image in images:
            photo = self.model.photos[image]
            self.model.photos[image] = replace(photo, **values)  # type: ignore[arg-type]
        self.done[action] = self._difference(before)

    def name(
        self, action: int, images: Iterable[ImageId], disease: DiseaseId | None, *, healthy: bool
    ) -> None:
        """As naming each photo: work begins, lesions follow."""
        before = self.model.copy()
        for image in images:
            photo = self.model.photos[image]
            former = photo.disease
            unseen = photo.state is ImageState.UNSEEN
            state = ImageState.IN_PROGRESS if unseen else photo.state
            self.model.photos[image] = replace(photo, disease=disease, state=state)
            if disease == former or healthy:
                continue
            for region, (info, pixels) in self.model.regions[image].items():
                follows = info.disease == former if former is not None else False
                follows |= info.disease is None and disease is not None
                if info.kind is RegionKind.LESION and follows:
                    named = replace(info, disease=disease)
                    self.model.regions[image][region] = (named, pixels)
        self.done[action] = self._difference(before)

    def mark(
        self,
        action: int,
        images: Iterable[ImageId],
        state: ImageState,
        by: str,
        healthy: DiseaseId,
    ) -> None:
        """How far ``by`` got; a finished healthy leaf has no lesions."""
        before = self.model.copy()
        finished = state in (ImageState.DONE, ImageState.CHECKED)
        for image in images:
            photo = self.model.photos[image]
            done_by = by if state is ImageState.DONE else ""
            self.model.photos[image] = replace(
                photo,
                state=state,
                done_by=photo.done_by if state is ImageState.CHECKED else done_by,
                checked_by=by if state is ImageState.CHECKED else "",
                mask_known=photo.mask_known or (finished and photo.disease == healthy),
            )
        self.done[action] = self._difference(before)

    def merge(self, action: int, gone: DiseaseId, into: DiseaseId) -> None:
        """``gone`` is ``into`` from now on."""
        before = self.model.copy()
        for image, photo in self.model.photos.items():
            if photo.disease == gone:
                self.model.photos[image] = replace(photo, disease=into)
            for region, (info, pixels) in self.model.regions[image].items():
                if info.disease == gone:
                    self.model.regions[image][region] = (replace(info, disease=into), pixels)
        self.model.diseases.remove(gone)
        self.done[action] = self._difference(before)

    # -- back and forth

    def turn(self, action: int) -> None:
        """Take it back, or do it again: each thing that is still so becomes what it was."""
        before = self.model.copy()
        changed = self.done[action]
        for image in {image for image, _ in changed.fields}:
            self._turn_photo(image, changed)
        for (image, region), (was, now) in changed.lesions.items():
            found = self.model.regions[image].get(region)
            if found and found[0].disease == now and found[0].kind is RegionKind.LESION:
                renamed = replace(found[0], disease=was)  # type: ignore[arg-type]
                self.model.regions[image][region] = (renamed, found[1])
        self.done[action] = self._difference(before)

    def _turn_photo(self, image: ImageId, changed: Changed) -> None:
        photo = self.model.photos[image]
        values: dict[str, object] = {}
        groups = [PROGRESS, *((name,) for name in SINGLE)]
        for names in groups:
            mine = {n: changed.fields[image, n] for n in names if (image, n) in changed.fields}
            if mine and all(getattr(photo, name) == now for name, (_, now) in mine.items()):
                values |= {name: was for name, (was, _) in mine.items()}
        self.model.photos[image] = replace(photo, **values)  # type: ignore[arg-type]

    def _difference(self, before: ProjectModel) -> Changed:
        found = Changed()
        for image, photo in self.model.photos.items():
            found.fields |= _fields(image, before.photos[image], photo)
            for region, (info, _) in self.model.regions[image].items():
                was = before.regions[image][region][0].disease
                if was != info.disease:
                    found.lesions[image, region] = (was, info.disease)
        return found


def _fields(
    image: ImageId, before: LeafImage, after: LeafImage
) -> dict[tuple[ImageId, str], tuple[object, object]]:
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in (*PROGRESS, *SINGLE)}
    return {(image, name): pair for name, pair in pairs.items() if pair[0] != pair[1]}
