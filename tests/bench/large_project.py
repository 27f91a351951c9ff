"""Builds a project of any size in a minute or two, for the benchmarks.

Rows are written straight into the tables, with the store's own codec, so that the project checks
out like one that was drawn by hand. Photos are 1024 × 768 and have no file; every photo has a
thumbnail, a leaf over twelve tiles, lesions, and a score of one run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId, RegionId, RunId
from core.domain.image import ImageState, LeafImage
from core.domain.mask import TILE, TileKey, pack_tile
from core.domain.region import RegionInfo, RegionKind
from core.domain.run import Run, RunState, Score, TargetScore, Verdict
from core.geometry import areas
from storage import create_project, mask_codec
from storage.database import connect
from storage.mapping import areas_values, image_values, region_values, score_values
from storage.mask_codec import Packed

RUN = "bench"
WIDTH, HEIGHT = 1024, 768
_BATCH = 2000
Values = dict[str, Any]
Shape = dict[TileKey, tuple[Packed, bytes]]
"""Packed tiles with their compressed bytes, which do not depend on the region."""


def build(
    project: Path, images: int, regions: int, progress: Callable[[str], None] = lambda _: None
) -> None:
    """Make ``project`` with so many photos and regions; nothing is left where it is interrupted."""
    draft = project.with_name(f".{project.name}.building.leafspot")
    store = create_project(draft)
    store.put_disease(Disease(DiseaseId(7), "rust", "#e69f00", hotkey=1))
    store.put_run(
        Run(RunId(RUN), "Bench", "starter", RunState.FINISHED, "2026-11-21T12:00:00", f"runs/{RUN}")
    )
    store.close()
    main, thumbs = connect(draft / "project.db"), connect(draft / "thumbs.db")
    for connection in (main, thumbs):
        connection.execute("PRAGMA synchronous = OFF")  # only while building
    makers = _Makers(Random(1), regions / images)
    for start in range(0, images, _BATCH):
        progress(f"building photo {start:,} of {images:,}")
        batch = [makers.photo(n) for n in range(start, min(images, start + _BATCH))]
        main.execute("BEGIN")
        for table in ("image", "region", "tile", "score"):
            _insert(main, table, [row for item in batch for row in item[table]])
        main.execute("COMMIT")
        thumbs.execute("BEGIN")
        _insert(thumbs, "thumbnail", [row for item in batch for row in item["thumbnail"]])
        thumbs.execute("COMMIT")
    main.close()
    thumbs.close()
    draft.rename(project)


def _insert(connection: sqlite3.Connection, table: str, rows: list[Values]) -> None:
    if rows:
        names = ", ".join(rows[0])
        marks = ", ".join(f":{name}" for name in rows[0])
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


class _Makers:
    """Rows of one photo after another. Regions of a photo never overlap but on the leaf."""

    def __init__(self, rng: Random, per_photo: float) -> None:
        self._rng = rng
        self._per_photo = per_photo
        self._made = 0
        self._leaves = [_ellipse(512, 384, 380 + 8 * n, 250 + 8 * n) for n in range(8)]
        self._lesions = [
            _ellipse(
                rng.randrange(260, 760), rng.randrange(200, 560), *rng.choices(range(9, 60), k=2)
            )
            for _ in range(200)
        ]
        self._thumbnails = list(_thumbnails())

    def photo(self, number: int) -> dict[str, list[Values]]:
        rng, image = self._rng, ImageId((number + 1) << 21)
        wanted = round((number + 1) * self._per_photo) - self._made
        self._made += wanted
        regions, tiles, stacks = [], [], {}
        for index in range(wanted):
            kind = RegionKind.LESION if index else RegionKind.LEAF
            disease = DiseaseId(7) if index % 2 else None
            info = RegionInfo(RegionId(image + index + 1), image, kind, disease)
            shape = rng.choice(self._lesions if index else self._leaves)
            digests = []
            for key, (packed, data) in shape.items():
                sha256 = mask_codec._digest(info.id, key, packed.tobytes())
                digests.append((key, sha256))
                tiles.append({"region_id": info.id, "tile_row": key[0], "tile_col": key[1],
                              "sha256": sha256, "data": data})  # fmt: skip
                stacks.setdefault(key, []).append(((kind, disease), packed))
            regions.append({**region_values(info), "mask_sha256": mask_codec.mask_digest(digests)})
        photo = LeafImage(
            image, f"../photos/leaf-{number:06d}.jpg", f"{number:064x}", WIDTH, HEIGHT,
            group=f"plot {number // 40}", state=rng.choice(list(ImageState)),
            disease=DiseaseId(7) if number % 3 else None, mask_known=True,
            captured_at=f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}T10:11:12",
            notes="wet" if number % 50 == 0 else "",
        )  # fmt: skip
        cached = areas_values(areas.count(stacks.values()), len(regions))
        dice = rng.random() ** 0.5
        score = Score(
            RunId(RUN), image, "val", dice,
            (TargetScore("leaf", 0.97, 0.94), TargetScore("lesions", dice, dice / (2 - dice))),
            "rust", "rust", (("rust", 0.9), ("healthy", 0.1)), 4.0, 4.2,
            f"predictions/{number}.png", rng.choice(list(Verdict)) if number % 20 == 0 else None,
        )  # fmt: skip
        return {
            "image": [
                {
                    **image_values(photo),
                    **cached,
                    "added": number + 1,
                    "changed": rng.randrange(1 << 40),
                }
            ],
            "region": regions,
            "tile": tiles,
            "score": [score_values(score)],
            "thumbnail": [{"image_id": image, "jpeg": rng.choice(self._thumbnails)}],
        }


def _ellipse(x: int, y: int, rx: int, ry: int) -> Shape:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(drawn, (x, y), (rx, ry), 15, 0, 360, 1, -1)
    shape: Shape = {}
    for row in range(HEIGHT // TILE):
        for col in range(WIDTH // TILE):
            tile = drawn[row * TILE : (row + 1) * TILE, col * TILE : (col + 1) * TILE] > 0
            if tile.any():
                packed = pack_tile(tile)
                shape[row, col] = (packed, mask_codec.encode(0, (row, col), packed)[1])
    return shape


def _thumbnails() -> Iterator[bytes]:
    """64 different leaves of about 4 KB."""
    noise = np.random.default_rng(1)
    for hue in range(64):
        picture = noise.integers(0, 40, (192, 256, 3), dtype=np.uint8)
        cv2.ellipse(picture, (128, 96), (100, 60), hue * 5, 0, 360, (40, 120 + hue, 60), -1)
        smooth = cv2.GaussianBlur(picture, (5, 5), 0)
        _, data = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 70])
        yield data.tobytes()
