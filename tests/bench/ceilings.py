"""How fine a mask each head can draw at best: the true masks pushed through its grid.

    python tests/bench/ceilings.py --data BRACOL [--cells 14 56 112] [--json FILE]

Each lesion mask is averaged on the grid, enlarged as predictions are, and cut at the one threshold
that does best over all leaves. No head, however trained, gets beyond the Dice that is left: of all
leaves' pixels together, and as the mean of the leaves. Heads that build on another model have that
model's grid; 256 × 256 stands for theirs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2
import numpy as np
from numpy.typing import NDArray
from oracle import LESION, pairs
from PIL import Image

from core import registry
from core.heads.base import HeadSpec

THRESHOLDS = np.arange(0.1, 0.71, 0.05)


def overlaps(truth: NDArray[np.bool_], cells: int) -> NDArray[np.float64]:
    """[2, thresholds]: twice the overlap of one mask, and both areas together."""
    height, width = truth.shape
    small = cv2.resize(truth.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA)
    chance = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    both = [2 * (truth & (chance >= t)).sum() for t in THRESHOLDS]
    each = [truth.sum() + (chance >= t).sum() for t in THRESHOLDS]
    return np.array([both, each], float)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--cells", type=int, nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    heads = registry.discover("core.heads", HeadSpec).values()
    every = sorted({*args.cells, *(head.cells for head in heads)})
    found: dict[int, list[NDArray[np.float64]]] = {cells: [] for cells in every}
    for _, file in pairs(args.data / "images", args.data / "masks", args.split):
        truth = np.asarray(Image.open(file)) == LESION
        if truth.any():
            for cells in every:
                found[cells].append(overlaps(truth, cells))
    rows = {}
    for cells, per_leaf in found.items():
        whole = np.stack(per_leaf)
        pooled = whole[:, 0].sum(0) / whole[:, 1].sum(0)
        mean = (whole[:, 0] / whole[:, 1]).mean(0)
        rows[cells] = {"pooled": float(pooled.max()), "mean": float(mean.max())}
        names = ", ".join(head.id for head in heads if head.cells == cells)
        both = f"{pooled.max():.3f} of all pixels, {mean.max():.3f} a leaf"
        print(f"{cells:4d} × {cells:<4d} Dice {both}  {names}", flush=True)
    print(f"{len(next(iter(found.values())))} leaves with lesions")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
