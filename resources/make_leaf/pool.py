"""Gathers what the engine ``leaf`` is trained on: outlined photos and drawn leaves.

    python resources/make_leaf/pool.py OUT --photos DIR --labels CSV --masks DIR [--drawn 900]

Takes the photos of the split ``train`` alone; masks as in BRACOL, 1 leaf, 2 lesion. Drawn leaves
have one or two invented diseases, or none. Every 8-connected piece of lesion becomes one thing to
point at. Writes ``pool.npz``: photos [n, 512, 1024, 3] uint8 and pieces [n, 512, 1024] int16,
-1 off the leaf, 0 leaf, 1 and up one number per lesion. Every core draws.
"""

from __future__ import annotations

import argparse
import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.imaging.drawn_leaves import draw_leaf, random_style

SIZE = (1024, 512)
Pair = tuple[NDArray[np.uint8], NDArray[np.int16]]


def pieces(leaf: NDArray[np.bool_], lesions: list[NDArray[np.bool_]]) -> NDArray[np.int16]:
    """-1, 0, or the number of the lesion, of each pixel."""
    found = np.where(leaf, 0, -1).astype(np.int16)
    above = 0
    for mask in lesions:
        count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        found[mask] = labels[mask] + above
        above += count - 1
    return found


def outlined(photos: Path, masks: Path, name: str) -> Pair:
    """One real photo and its pieces."""
    cv2.setNumThreads(1)
    photo = cv2.cvtColor(cv2.imread(str(photos / f"{name}.jpg")), cv2.COLOR_BGR2RGB)
    mask = cv2.imread(str(masks / f"{name}.png"), cv2.IMREAD_UNCHANGED)
    if mask.ndim == 3:  # OpenCV turns a palette into colours
        from PIL import Image

        mask = np.asarray(Image.open(masks / f"{name}.png"))
    if photo.shape[:2] != SIZE[::-1]:
        photo = cv2.resize(photo, SIZE, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask, SIZE, interpolation=cv2.INTER_NEAREST)
    return photo, pieces(mask > 0, [mask == 2])


def drawn(number: int) -> Pair:
    """One drawn leaf; the same number draws the same."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(90_000 + number)
    many = int(rng.choice([0, 1, 2], p=[0.08, 0.62, 0.30]))
    styles = {
        str(k): random_style(np.random.default_rng(rng.integers(1 << 30))) for k in range(many)
    }
    leaf = draw_leaf(rng, styles=styles, size=SIZE)
    return leaf.rgb, pieces(leaf.leaf, list(leaf.lesions.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--drawn", type=int, default=900)
    args = parser.parse_args()
    with args.labels.open(newline="") as file:
        names = [row["id"] for row in csv.DictReader(file) if row["split"] == "train"]
    with ProcessPoolExecutor() as workers:
        pairs = list(workers.map(partial(outlined, args.photos, args.masks), names, chunksize=8))
        pairs += workers.map(drawn, range(args.drawn), chunksize=8)
    photos, labels = zip(*pairs, strict=True)
    args.out.mkdir(parents=True, exist_ok=True)
    np.savez(
        args.out / "pool.npz", photos=np.stack(photos), pieces=np.stack(labels), real=len(names)
    )
    print(f"{len(names)} photos, {args.drawn} drawn leaves")


if __name__ == "__main__":
    main()
