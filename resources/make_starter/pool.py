"""Draws the pool of leaves with invented diseases that the starter is schooled on.

    python resources/make_starter/pool.py CACHE [--count 4000] [--styles 160]

Each drawn disease is a random lesion style with an invented name, put together from pieces of the
starter's own vocabulary, so that the model practises telling lesions apart and tying them to words
it has never seen, without learning the name of any real disease, and gets most of its vocabulary
said. Every core draws. Writes arrays: photos [n, 448, 448, 3], leaf and lesion masks, and
``pool.json`` with the names drawn. Reads the tokenizer in ``CACHE/blank`` (build.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.imaging.drawn_leaves import draw_leaf, random_style

SIDE = 448


def pieces(tokenizer: Path) -> list[str]:
    """What names are put together from: the vocabulary's runs of lower-case letters."""
    vocabulary = json.loads(tokenizer.read_text("utf-8"))["model"]["vocab"]
    plain = {token.removeprefix("▁") for token in vocabulary}
    return sorted(p for p in plain if p.isascii() and p.isalpha() and p.islower())


def invented_names(count: int, seed: int, tokenizer: Path) -> list[str]:
    """Distinct invented names of two or three pieces; the same for the same seed."""
    rng = np.random.default_rng(seed)
    parts = pieces(tokenizer)
    names: dict[str, None] = {}
    while len(names) < count:
        chosen = [str(p) for p in rng.choice(parts, size=int(rng.integers(2, 4)))]
        names["_".join(chosen) if rng.random() < 0.25 else "".join(chosen)] = None
    return list(names)


def draw(number: int, names: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[str]]:
    """Photo, mask (0 background, 1 leaf, 2 first disease, 3 second) and the diseases on it."""
    rng = np.random.default_rng(50_000 + number)
    many = int(rng.choice([0, 1, 2], p=[0.12, 0.58, 0.30]))
    chosen = [int(k) for k in rng.choice(len(names), size=many, replace=False)]
    styles = {names[k]: random_style(np.random.default_rng(1000 + k)) for k in chosen}
    leaf = draw_leaf(rng, styles=styles, size=(SIDE, SIDE))
    mask = leaf.leaf.astype(np.uint8)
    kept = [name for name in styles if leaf.lesions[name].any()]
    for k, name in enumerate(kept):
        mask[leaf.lesions[name]] = 2 + k
    return leaf.rgb, mask, kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--styles", type=int, default=160)
    args = parser.parse_args()
    names = invented_names(args.styles, 11, args.cache / "blank" / "tokenizer.json")
    open_array = np.lib.format.open_memmap
    photos = open_array(args.cache / "pool_photos.npy", "w+", np.uint8, (args.count, SIDE, SIDE, 3))
    masks = open_array(args.cache / "pool_masks.npy", "w+", np.uint8, (args.count, SIDE, SIDE))
    drawn: list[list[str]] = []
    with ProcessPoolExecutor() as workers:
        work = workers.map(draw, range(args.count), [names] * args.count, chunksize=16)
        for i, (photo, mask, kept) in enumerate(work):
            photos[i], masks[i] = photo, mask
            drawn.append(kept)
            if i % 500 == 0:
                print(f"{i} / {args.count}", flush=True)
    (args.cache / "pool.json").write_text(json.dumps({"names": names, "drawn": drawn}), "utf-8")


if __name__ == "__main__":
    main()
