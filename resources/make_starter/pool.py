"""Draws the pool of leaves with invented diseases that the starter is schooled on.

    python resources/make_starter/pool.py CACHE [--count 1600]

Each drawn disease is one of 48 random lesion styles with an invented two-syllable name, so that the
model practises telling lesions apart and tying them to words it has never seen, without learning
the name of any real disease. Writes memory-mapped arrays: photos [n, 448, 448, 3], leaf and lesion
masks, and ``pool.json`` with the names drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.imaging.drawn_leaves import draw_leaf, random_style

SIDE = 448
STYLES = 48
SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "jo",
    "ki",
    "lu",
    "me",
    "no",
    "pa",
    "ro",
    "si",
    "ta",
    "vu",
    "wo",
    "xi",
    "ya",
    "zu",
    "bren",
    "cor",
    "dal",
    "fim",
    "gral",
]


def invented_names(count: int) -> list[str]:
    """Distinct invented names, always the same."""
    rng = np.random.default_rng(11)
    names: list[str] = []
    while len(names) < count:
        name = "".join(rng.choice(SYLLABLES, size=int(rng.integers(2, 4))))
        if name not in names:
            names.append(name)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--count", type=int, default=1600)
    args = parser.parse_args()
    names = invented_names(STYLES)
    styles = {n: random_style(np.random.default_rng(1000 + i)) for i, n in enumerate(names)}
    open_array = np.lib.format.open_memmap
    photos = open_array(args.cache / "pool_photos.npy", "w+", np.uint8, (args.count, SIDE, SIDE, 3))
    # 0 background, 1 leaf, 2 first disease, 3 second
    masks = open_array(args.cache / "pool_masks.npy", "w+", np.uint8, (args.count, SIDE, SIDE))
    drawn: list[list[str]] = []
    for i in range(args.count):
        rng = np.random.default_rng(50_000 + i)
        many = int(rng.choice([0, 1, 2], p=[0.12, 0.58, 0.30]))
        chosen = [str(n) for n in rng.choice(names, size=many, replace=False)]
        leaf = draw_leaf(rng, styles={n: styles[n] for n in chosen}, size=(SIDE, SIDE))
        photos[i] = leaf.rgb
        masks[i] = leaf.leaf.astype(np.uint8)
        kept = [n for n in chosen if leaf.lesions[n].any()]
        for k, name in enumerate(kept):
            masks[i][leaf.lesions[name]] = 2 + k
        drawn.append(kept)
        if i % 200 == 0:
            print(f"{i} / {args.count}", flush=True)
    (args.cache / "pool.json").write_text(json.dumps({"names": names, "drawn": drawn}), "utf-8")


if __name__ == "__main__":
    main()
