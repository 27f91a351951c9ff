"""Writes the sample project's photos: drawn leaves with masks, labels and a map file.

Knows how a folder must look for import to understand it; knows no project. The folder gets

    photos/leaf_001.jpg …   JPEG with an EXIF date
    masks/leaf_001.png …    palette PNG: 0 background, 1 leaf, 2 and up one value per disease
    labels.csv              image, disease, group, split, crop
    map.json                what the mask's values mean
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from core.imaging.drawn_leaves import DISEASES, DrawnLeaf, draw_leaf
from core.imaging.textures import Rng

SAMPLE_CROPS = ("coffee", "tomato", "grapevine", "bean")
HEALTHY = "healthy"
MASK_VALUES = {"leaf": 1, **{name: value for value, name in enumerate(DISEASES, start=2)}}
_COLOURS = (0, 0, 0, 60, 160, 60, 214, 94, 0, 120, 80, 60, 230, 230, 240, 90, 40, 20)
_FIRST_DAY = datetime(2025, 5, 12, 8, 30)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One photo before it is drawn."""

    name: str
    disease: str
    group: str
    split: str
    crop: str
    taken: datetime


def write_sample_leaves(
    folder: Path,
    *,
    count: int = 48,
    seed: int = 7,
    size: tuple[int, int] = (1024, 768),
    most: int = 3,
) -> None:
    """Draw ``count`` photos of ``size`` (width, height) into ``folder``, made if missing.

    Crops, diseases and healthy leaves come up equally often; plants of ``most`` photos
    or one fewer stay in one split. The same seed writes the same pixels. Raises OSError when it
    cannot write.
    """
    photos, masks = folder / "photos", folder / "masks"
    photos.mkdir(parents=True, exist_ok=True)
    masks.mkdir(exist_ok=True)
    plans = _plan(np.random.default_rng(seed), count, most)
    for number, plan in enumerate(plans):
        leaf = _draw(np.random.default_rng((seed, number)), plan, size)
        _write_photo(leaf, photos / plan.name, plan.taken)
        _write_mask(leaf, masks / Path(plan.name).with_suffix(".png"))
    _write_tables(folder, plans)


def _plan(rng: Rng, count: int, most: int) -> list[_Plan]:
    """Plants in turn over all crops and classes; every fourth round of plants is validation."""
    classes = (*DISEASES, HEALTHY)
    plans: list[_Plan] = []
    plant = 0
    while len(plans) < count:
        turn, kind = divmod(plant, len(classes))
        crop = SAMPLE_CROPS[(kind + turn) % len(SAMPLE_CROPS)]
        taken = _FIRST_DAY + timedelta(days=int(rng.integers(0, 60)))
        for _ in range(min(count - len(plans), int(rng.integers(most - 1, most + 1)))):
            taken += timedelta(minutes=int(rng.integers(1, 5)))
            plans.append(
                _Plan(
                    name=f"leaf_{len(plans) + 1:03d}.jpg",
                    disease=classes[kind],
                    group=f"plant {plant + 1:02d}",
                    split="val" if turn % 4 == 1 else "train",
                    crop=crop,
                    taken=taken,
                )
            )
        plant += 1
    return plans


def _draw(rng: Rng, plan: _Plan, size: tuple[int, int]) -> DrawnLeaf:
    if plan.disease == HEALTHY:
        return draw_leaf(rng, crop=plan.crop, size=size)
    severity = float(np.clip(rng.lognormal(2.2, 0.7), 1.5, 40))
    styles = {plan.disease: DISEASES[plan.disease]}
    return draw_leaf(rng, crop=plan.crop, styles=styles, size=size, severity=severity)


def _write_photo(leaf: DrawnLeaf, path: Path, taken: datetime) -> None:
    exif = Image.Exif()
    stamp = taken.strftime("%Y:%m:%d %H:%M:%S")
    exif[ExifTags.Base.Software] = "Leafspot drawn leaf"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = stamp
    Image.fromarray(leaf.rgb).save(path, quality=92, exif=exif)


def class_map(leaf: DrawnLeaf) -> NDArray[np.uint8]:
    """[h, w] uint8 with ``MASK_VALUES``; 0 is background."""
    out = leaf.leaf.astype(np.uint8)
    for name, mask in leaf.lesions.items():
        out[mask] = MASK_VALUES[name]
    return out


def _write_mask(leaf: DrawnLeaf, path: Path) -> None:
    picture = Image.fromarray(class_map(leaf), "L")
    picture = picture.convert("P")
    picture.putpalette(_COLOURS)
    picture.save(path)


def _write_tables(folder: Path, plans: list[_Plan]) -> None:
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "disease", "group", "split", "crop"])
        table.writerows([p.name, p.disease, p.group, p.split, p.crop] for p in plans)
    meanings = {str(value): name for name, value in MASK_VALUES.items()}
    (folder / "map.json").write_text(json.dumps(meanings, indent=2) + "\n", encoding="utf-8")
