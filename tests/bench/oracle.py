"""The person that the benches simulate: what there is to find, where they click, how right it is.

Knows true masks of [h, w] bool; knows no engine and no window.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
LESION = 2
"""In the mask PNGs: 0 background, 1 leaf, 2 lesion."""
SMALLEST = 30


def pairs(images: Path, masks: Path, split: str) -> Iterator[tuple[Path, Path]]:
    """(photo, mask) by name; those of ``split`` where labels.csv lies beside the photos' folder."""
    wanted = None
    table = images.parent / "labels.csv"
    if table.is_file():
        with table.open(newline="") as file:
            wanted = {r["id"] for r in csv.DictReader(file) if r["split"] == split}
    for photo in sorted(images.iterdir()):
        mask = masks / f"{photo.stem}.png"
        if mask.is_file() and (wanted is None or photo.stem in wanted):
            yield photo, mask


def lesions(truth: Flags, smallest: int = SMALLEST) -> Iterator[Flags]:
    """Every 8-connected piece of at least ``smallest`` pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        truth.astype(np.uint8), connectivity=8
    )
    for n in range(1, count):
        if stats[n, cv2.CC_STAT_AREA] >= smallest:
            yield labels == n


def next_click(wanted: Flags, found: Flags) -> tuple[tuple[float, float] | None, bool]:
    """((x, y), whether it is a plus): the inmost point of the largest piece that is wrong."""
    best: tuple[int, Flags | None, bool] = (0, None, True)
    for wrong, plus in ((wanted & ~found, True), (found & ~wanted, False)):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            wrong.astype(np.uint8), connectivity=8
        )
        if count > 1:
            n = int(stats[1:, cv2.CC_STAT_AREA].argmax()) + 1
            area = int(stats[n, cv2.CC_STAT_AREA])
            if area > best[0]:
                best = (area, labels == n, plus)
    if best[1] is None:
        return None, True
    return inmost(best[1]), best[2]


def inmost(flags: Flags) -> tuple[float, float]:
    """The (x, y) farthest from the edge of what is set, the photo's border being an edge too."""
    framed = np.pad(flags.astype(np.uint8), 1)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return float(x) + 0.5, float(y) + 0.5


def iou(a: Flags, b: Flags) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def dice(a: Flags, b: Flags) -> float:
    """1 where both are empty."""
    both = int(a.sum()) + int(b.sum())
    return 1.0 if not both else float(2 * (a & b).sum() / both)


def box_of(flags: Flags) -> tuple[int, int, int, int]:
    x, y, w, h = cv2.boundingRect(flags.astype(np.uint8))
    return x, y, x + w, y + h


def paste(pixels: Flags, origin: tuple[int, int], shape: tuple[int, int]) -> Flags:
    """``pixels`` at ``origin`` (x, y) of an empty photo of ``shape`` (h, w)."""
    whole = np.zeros(shape, bool)
    x, y = origin
    whole[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return whole
