"""Small projects with real photos and outlines, as the use-cases meet them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from core.domain.disease import PALETTE, Disease
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.image import LeafImage, Split
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.files import sha256
from core.ports import NewImage, ProjectStore
from storage.projects import create_project

SIZE = (64, 48)


@dataclass(frozen=True)
class Leaf:
    """One photo to make. ``lesions`` are (disease name or "", box); ``known``: outlined."""

    name: str
    disease: str | None = None
    lesions: Sequence[tuple[str, tuple[int, int, int, int]]] = ()
    leaf: tuple[int, int, int, int] | None = (4, 4, 60, 44)
    known: bool | None = None
    group: str = ""
    split: Split = Split.AUTO
    size: tuple[int, int] = field(default=SIZE)
    crop: str = ""


SPOT = (10, 10, 20, 18)


def spotted(name: str, disease: str, **more: object) -> Leaf:
    """A leaf with one named lesion."""
    return Leaf(name, disease, ((disease, SPOT),), **more)  # type: ignore[arg-type]


def leaves(count: int = 12) -> list[Leaf]:
    """Rust, scab and healthy in turn; every fourth photo is held out."""
    made: list[Leaf] = []
    for i in range(count):
        split = Split.VAL if i % 4 == 3 else Split.TRAIN
        kind = ("rust", "scab", "healthy")[i % 3]
        if kind == "healthy":
            made.append(Leaf(f"leaf_{i:02}.png", kind, known=True, split=split))
        else:
            made.append(spotted(f"leaf_{i:02}.png", kind, split=split))
    return made


def make_project(home: Path, wanted: Sequence[Leaf], name: str = "coffee") -> ProjectStore:
    """A project beside a ``photos`` folder with a real PNG for each leaf."""
    photos = home / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    store = create_project(home / name)
    diseases = {d.name: d for d in store.diseases()}
    names = {leaf.disease for leaf in wanted if leaf.disease}
    names |= {n for leaf in wanted for n, _ in leaf.lesions if n}
    for number, title in enumerate(sorted(names - diseases.keys())):
        found = Disease(DiseaseId(new_id()), title, PALETTE[number % 7], healthy=title == "healthy")
        store.put_disease(found)
        diseases[title] = found
    store.add_images([_new(photos, n, leaf, diseases) for n, leaf in enumerate(wanted)])
    return store


def _new(photos: Path, number: int, leaf: Leaf, diseases: dict[str, Disease]) -> NewImage:
    path = photos / leaf.name
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = leaf.size
    pixels = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    image = ImageId(new_id())
    regions = [_region(image, RegionKind.LEAF, leaf.leaf, leaf.size)] if leaf.leaf else []
    for disease, box in leaf.lesions:
        owner = diseases[disease].id if disease else None
        regions.append(_region(image, RegionKind.LESION, box, leaf.size, owner))
    known = bool(leaf.lesions) if leaf.known is None else leaf.known
    record = LeafImage(
        id=image,
        path=f"../photos/{leaf.name}",
        sha256=sha256(path),
        width=width,
        height=height,
        group=leaf.group,
        split=leaf.split,
        crop=leaf.crop,
        disease=diseases[leaf.disease].id if leaf.disease else None,
        mask_known=known,
    )
    return NewImage(record, tuple(regions))


def _region(
    image: ImageId,
    kind: RegionKind,
    box: tuple[int, int, int, int],
    size: tuple[int, int],
    disease: DiseaseId | None = None,
) -> Region:
    x0, y0, x1, y1 = box
    mask = TileMask.from_array(np.ones((y1 - y0, x1 - x0), bool), (x0, y0), size)
    return Region(RegionInfo(RegionId(new_id()), image, kind, disease), mask)
