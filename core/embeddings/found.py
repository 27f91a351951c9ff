"""What an engine found on a photo by itself, kept beside its embeddings: masks, scores, in order.

Reading gives back what was written, bit for bit: the masks as runs, the scores as they were. Such a
file may be a stranger's. Knows arrays and candidates; knows no engine and no photo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings.key import CANDIDATES, EmbeddingKey
from core.embeddings.store import EmbeddingStore
from core.engines.base import Candidate

MOST = 1000
"""Candidates of one photo."""
MAX_PIXELS = 1 << 29
"""Pixels of all their boxes together; a hundred lesions have a hundredth."""
KINDS = {"boxes": np.int32, "counts": np.int32, "runs": np.uint32, "scores": np.float64}


def kept(store: EmbeddingStore, key: EmbeddingKey) -> list[Candidate] | None:
    """What was kept under ``key``, whose ``what`` is ``CANDIDATES``; None where nothing of use is.

    A file that does not hold what its name says is taken away."""
    arrays = store.get(key)
    if arrays is None:
        return None
    try:
        return unpack(arrays)
    except ValueError:
        store.drop(key)
        return None


def keep(store: EmbeddingStore, key: EmbeddingKey, candidates: Sequence[Candidate]) -> bool:
    """Whether they lie there now. A full disk, or far too many pixels, are no reason to stop."""
    try:
        return store.put(key, pack(candidates))
    except ValueError:
        return False


def once(
    store: EmbeddingStore | None, key: EmbeddingKey, find: Callable[[], list[Candidate]]
) -> list[Candidate]:
    """What is kept under ``key``, else what ``find`` finds, which is kept from then on."""
    found = kept(store, key) if store is not None else None
    if found is None:
        found = find()
        if store is not None:
            keep(store, key, found)
    return found


def key_of(key: EmbeddingKey) -> EmbeddingKey:
    """Under which the candidates of a whole photo are kept, from its embedding's ``key``."""
    return EmbeddingKey(key.photo, key.maker, None, CANDIDATES)


def pack(candidates: Sequence[Candidate]) -> dict[str, NDArray[Any]]:
    """{"boxes" [n, 4] (x, y, width, height), "scores" [n], "counts" [n] runs of each, "runs"}: a
    mask's pixels row by row in turns of outside and inside, outside first.

    Raises ValueError for more than a file may hold.
    """
    runs = [_runs(one.pixels) for one in candidates]
    boxes = [(*one.origin, one.pixels.shape[1], one.pixels.shape[0]) for one in candidates]
    arrays = {
        "boxes": np.array(boxes, np.int32).reshape(-1, 4),
        "counts": np.array([len(one) for one in runs], np.int32),
        "runs": np.concatenate([np.zeros(0, np.uint32), *runs]),
        "scores": np.array([one.score for one in candidates], np.float64),
    }
    _check(arrays)
    return arrays


def unpack(arrays: Mapping[str, NDArray[Any]]) -> list[Candidate]:
    """The inverse of ``pack``. Raises ValueError for anything else."""
    _check(arrays)
    found, start = [], 0
    boxes = arrays["boxes"].tolist()
    for (x, y, width, height), count, score in zip(
        boxes, arrays["counts"].tolist(), arrays["scores"].tolist(), strict=True
    ):
        runs = arrays["runs"][start : start + count].astype(np.int64)
        start += count
        if runs.sum() != width * height:
            raise ValueError("a mask whose runs do not fill its box")
        inside = np.repeat(np.arange(count) % 2 == 1, runs)
        found.append(Candidate(inside.reshape(height, width), (x, y), score))
    return found


def _runs(pixels: NDArray[np.bool_]) -> NDArray[np.uint32]:
    flat = pixels.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    first = [0, 0] if flat.size and flat[0] else [0]  # an empty run of outside
    return np.diff(np.concatenate([first, turns, [flat.size]])).astype(np.uint32)


def _check(arrays: Mapping[str, NDArray[Any]]) -> None:
    if {name: array.dtype for name, array in arrays.items()} != KINDS:
        raise ValueError("not the arrays of candidates")
    count = len(arrays["boxes"])
    shapes = {name: array.shape for name, array in arrays.items() if name != "runs"}
    if count > MOST or shapes != {"boxes": (count, 4), "counts": (count,), "scores": (count,)}:
        raise ValueError("not as many boxes as scores, or too many")
    sides = arrays["boxes"][:, 2:].astype(np.int64)
    counts = arrays["counts"].astype(np.int64)
    if (sides < 0).any() or (sides > 1 << 20).any() or sides.prod(axis=1).sum() > MAX_PIXELS:
        raise ValueError("boxes of no photo")
    if (counts < 1).any() or arrays["runs"].shape != (counts.sum(),):
        raise ValueError("not as many runs as are said")
    scores = arrays["scores"]
    if not np.isfinite(scores).all() or (scores < 0).any() or (scores > 1).any():
        raise ValueError("scores that are none")
