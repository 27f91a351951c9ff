"""A project as plain dense arrays, and random work on it: what every store test compares with.

Shares no code with the store or with ``TileMask``: an edit is applied pixel by pixel here.
The same ``random.Random`` and the same state always give the same work.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from core.domain.edits import (
    Change,
    Edit,
    ImageLabel,
    ImageRelabelled,
    PixelsChanged,
    RegionAdded,
    RegionRelabelled,
    RegionRemoved,
)
from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.image import ImageState, LeafImage
from core.domain.mask import TILE, TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.ports import ImageQuery, NewImage, ProjectStore

Pixels = NDArray[np.bool_]
SIZES = ((300, 520), (257, 255), (700, 40))


@dataclass
class ProjectModel:
    """Photos, and their regions as (info, [height, width] bool)."""

    diseases: list[DiseaseId]
    photos: dict[ImageId, LeafImage] = field(default_factory=dict)
    regions: dict[ImageId, dict[RegionId, tuple[RegionInfo, Pixels]]] = field(default_factory=dict)
    done: list[Edit] = field(default_factory=list)

    def copy(self) -> ProjectModel:
        regions = {i: {r: (info, p.copy()) for r, (info, p) in of.items()}
                   for i, of in self.regions.items()}  # fmt: skip
        return ProjectModel(list(self.diseases), dict(self.photos), regions, list(self.done))

    @classmethod
    def of(cls, store: ProjectStore) -> ProjectModel:
        """The model of what a store holds now."""
        model = cls([d.id for d in store.diseases()])
        for image in store.image_ids(ImageQuery()):
            model.photos[image] = store.image(image)
            model.regions[image] = {
                r.info.id: (r.info, r.mask.to_array()) for r in store.regions(image)
            }
        return model

    # -- random work

    def random_photo(self, rng: Random, folder: Path) -> NewImage:
        """A photo with a file of its own and up to two regions."""
        number = rng.getrandbits(48)
        data = number.to_bytes(8, "big")
        (folder / f"leaf-{number}.jpg").write_bytes(data)
        width, height = rng.choice(SIZES)
        image = LeafImage(
            ImageId(number),
            f"../leaf-{number}.jpg",
            hashlib.sha256(data).hexdigest(),
            width,
            height,
        )
        regions = []
        for _ in range(rng.randrange(3)):
            info = self._info(rng, image)
            regions.append(Region(info, TileMask.from_array(self._blot(rng, image))))
        return NewImage(image, tuple(regions), data)

    def random_edit(self, rng: Random) -> Edit:
        """A stroke, a label, a new or removed region, several at once, or an undo."""
        if self.done and rng.random() < 0.2:
            return self.done[-1].inverse()
        image = rng.choice(sorted(self.photos))
        trial = self.copy()
        changes: list[Change] = []
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            change = trial._random_change(rng, trial.photos[image])
            trial._apply(image, change)
            changes.append(change)
        return Edit(image, "random", tuple(changes))

    def _random_change(self, rng: Random, photo: LeafImage) -> Change:
        there = self.regions[photo.id]
        kinds = ["add", "label"] + ["stroke", "stroke", "relabel", "remove"] * bool(there)
        match rng.choice(kinds):
            case "add":
                mask = TileMask.from_array(self._blot(rng, photo))
                return RegionAdded(self._info(rng, photo), mask.packed())
            case "label":
                state = rng.choice(list(ImageState))
                after = ImageLabel(rng.choice([None, *self.diseases]), state, rng.random() < 0.5)
                return ImageRelabelled(_label(photo), after)
        info, pixels = there[rng.choice(sorted(there))]
        before = TileMask.from_array(pixels)
        match rng.choice(("stroke", "stroke", "relabel", "remove")):
            case "relabel":
                kind = rng.choice(list(RegionKind))
                disease = rng.choice([None, *self.diseases])
                return RegionRelabelled(info, replace(info, kind=kind, disease=disease))
            case "remove":
                return RegionRemoved(info, before.packed())
        blot = self._blot(rng, photo)
        after = pixels | blot if rng.random() < 0.6 else pixels & ~blot
        return PixelsChanged(info.id, before.delta(TileMask.from_array(after)))

    def _info(self, rng: Random, photo: LeafImage) -> RegionInfo:
        disease = rng.choice([None, *self.diseases])
        kind = rng.choice(list(RegionKind))
        return RegionInfo(RegionId(rng.getrandbits(62)), photo.id, kind, disease, "hand", "anna")

    def _blot(self, rng: Random, photo: LeafImage) -> Pixels:
        """A rectangle with a hole in it and a single pixel somewhere."""
        pixels = np.zeros((photo.height, photo.width), bool)
        x, y = rng.randrange(photo.width), rng.randrange(photo.height)
        w, h = rng.randrange(1, 400), rng.randrange(1, 400)
        pixels[y : y + h, x : x + w] = True
        pixels[y + h // 3 : y + h // 2, x + w // 3 : x + w // 2] = False
        pixels[rng.randrange(photo.height), rng.randrange(photo.width)] = True
        return pixels

    # -- what work means

    def add(self, new: NewImage) -> None:
        self.photos[new.image.id] = new.image
        self.regions[new.image.id] = {r.info.id: (r.info, r.mask.to_array()) for r in new.regions}

    def apply(self, edit: Edit) -> None:
        for change in edit.changes:
            self._apply(edit.image, change)
        self.done.append(edit)

    def _apply(self, image: ImageId, change: Change) -> None:
        there, photo = self.regions[image], self.photos[image]
        match change:
            case RegionAdded(info, tiles):
                there[info.id] = (info, _dense(photo, tiles))
            case RegionRemoved(info, _):
                del there[info.id]
            case RegionRelabelled(before, after):
                now, pixels = there[after.id]
                if (now.kind, now.disease) != (before.kind, before.disease):
                    after = replace(after, kind=now.kind, disease=now.disease)
                there[after.id] = (after, pixels)
            case PixelsChanged(region, delta):
                info, pixels = there[region]
                there[region] = (info, pixels ^ _dense(photo, delta))
            case ImageRelabelled(before, after):
                self.photos[image] = _relabelled(photo, before, after)

    # -- comparing

    def differences(self, store: ProjectStore) -> list[str]:
        """How the store differs from this model; [] when bit for bit equal."""
        found: list[str] = []
        ids = store.image_ids(ImageQuery())
        if set(ids) != set(self.photos):
            return [f"photos: {sorted(ids)} instead of {sorted(self.photos)}"]
        cards = {card.id: card for card in store.cards(ids)}
        for image, photo in self.photos.items():
            if store.image(image) != photo:
                found.append(f"photo {store.image(image)} instead of {photo}")
            stored = {r.info.id: r for r in store.regions(image)}
            wanted = self.regions[image]
            if {i: r.info for i, r in stored.items()} != {
                i: info for i, (info, _) in wanted.items()
            }:
                found.append(f"regions of {image}: {list(stored)} instead of {list(wanted)}")
                continue
            found += [
                f"pixels of region {i}"
                for i, (_, pixels) in wanted.items()
                if not np.array_equal(stored[i].mask.to_array(), pixels)
            ]
            if store.areas(image) != self.areas(image):
                found.append(f"areas {store.areas(image)} instead of {self.areas(image)}")
            shown = (cards[image].regions, cards[image].severity, cards[image].state)
            if shown != (len(wanted), self.severity(image), photo.state):
                found.append(f"card {cards[image]} instead of {self.severity(image)}")
        return found

    def _union(self, image: ImageId, *kinds: RegionKind) -> int:
        masks = [p for info, p in self.regions[image].values() if info.kind in kinds]
        return int(np.any(masks, axis=0).sum()) if masks else 0

    def severity(self, image: ImageId) -> float | None:
        if not self._union(image, RegionKind.LEAF):
            return None
        lesion = self._union(image, RegionKind.LESION)
        return 100.0 * lesion / self._union(image, RegionKind.LEAF, RegionKind.LESION)

    def areas(self, image: ImageId) -> dict[tuple[RegionKind, DiseaseId | None], int]:
        unions: dict[tuple[RegionKind, DiseaseId | None], Pixels] = {}
        for info, pixels in self.regions[image].values():
            group = (info.kind, info.disease)
            unions[group] = unions.get(group, np.zeros_like(pixels)) | pixels
        return {group: int(union.sum()) for group, union in unions.items() if union.any()}


def _label(photo: LeafImage) -> ImageLabel:
    return ImageLabel(photo.disease, photo.state, photo.mask_known, photo.done_by, photo.checked_by)


def _relabelled(photo: LeafImage, before: ImageLabel, after: ImageLabel) -> LeafImage:
    """What the step changed, where nobody has said otherwise since."""
    changed: dict[str, object] = {
        name: getattr(after, name)
        for name in ("disease", "mask_known")
        if getattr(photo, name) == getattr(before, name) != getattr(after, name)
    }
    names = ("state", "done_by", "checked_by")
    if photo.state == before.state and any(getattr(before, n) != getattr(after, n) for n in names):
        changed |= {name: getattr(after, name) for name in names}
    return replace(photo, **changed)  # type: ignore[arg-type]


def _dense(photo: LeafImage, tiles: object) -> Pixels:
    pixels = np.zeros((photo.height + TILE, photo.width + TILE), bool)
    for (row, col), packed in dict(tiles).items():  # type: ignore[call-overload]
        square = np.unpackbits(packed).reshape(TILE, TILE).astype(bool)
        pixels[row * TILE : (row + 1) * TILE, col * TILE : (col + 1) * TILE] = square
    return pixels[: photo.height, : photo.width]
