"""What a frozen vision tower sees of each photo: looked at once, kept on disk for every later run.

Kept in safetensors files by what they are of (`core.embeddings`): the photo's bytes, the base
model's weights, the size the photo was shown at. A budget in bytes bounds the folder; a photo that
has no room there is looked at whenever it is needed, which is slower and nothing else. Knows
arrays and a tower; knows no project and no loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.embeddings.key import EmbeddingKey, Maker
from core.embeddings.memory import Recent
from core.embeddings.store import EmbeddingStore
from core.training import forecast
from core.training.photos import PhotoCache
from core.vlms.base import VisionLanguage

MEMORY = 256 << 20
"""Bytes of features kept in memory beside the disk: all of some two thousand photos of `starter`,
two dozen of a tower of 4,096 patches."""
REVISION = 1
"""Raised when a photo is shown to the tower in another way."""
ARRAY = "features"


class Features:
    """Of ``cache``'s photos by their index; ``looked`` counts those the tower really looked at."""

    def __init__(
        self, vlm: VisionLanguage, cache: PhotoCache, folder: Path, *, budget: int, digest: str
    ) -> None:
        """``budget`` in bytes; ``digest`` as ``base_digest`` gives it."""
        self._vlm, self._cache = vlm, cache
        channels, rows, columns = vlm.grid
        shown = f"{vlm.photo_side}.{cache.photos.shape[1]}.{rows}x{columns}x{channels}"
        self._maker = Maker(f"tower.{vlm.spec.id}.{shown}", digest, REVISION)
        self._store = EmbeddingStore(folder, budget)
        # More than fits would push itself out again, photo by photo.
        self._together = forecast.together(rows * columns)
        self._room = budget // (rows * columns * channels * 2 + 4096)
        self._memory: Recent[int, NDArray[np.floating]] = Recent(MEMORY, lambda a: a.nbytes)
        self.looked = 0

    def prepare(self, tick: Callable[[int, int], None]) -> None:
        """Looks at every photo that has room and was not looked at before."""
        wanted = range(min(len(self._cache.samples), self._room))
        for start in range(0, len(wanted), self._together):
            self.of(wanted[start : start + self._together])
            tick(min(start + self._together, len(wanted)), len(wanted))

    def of(self, indices: Sequence[int]) -> list[NDArray[np.floating]]:
        """[cells, channels] of each photo, fp16 where its numbers allow it."""
        found = {i: self._kept(i) for i in indices}
        missing = [i for i, features in found.items() if features is None]
        for start in range(0, len(missing), self._together):
            part = missing[start : start + self._together]
            found |= dict(zip(part, self._look(part), strict=True))
        return [features for i in indices if (features := found[i]) is not None]

    def _kept(self, index: int) -> NDArray[np.floating] | None:
        found = self._memory.get(index)
        if found is None and (key := self._key(index)) is not None and self._store.has(key):
            arrays = self._store.get(key)
            found = arrays.get(ARRAY) if arrays else None
            if found is not None and self._fits(found):
                self._memory.put(index, found)
        return found if found is not None and self._fits(found) else None

    def _fits(self, found: NDArray[np.floating]) -> bool:
        channels, rows, columns = self._vlm.grid
        return found.shape == (rows * columns, channels)

    @torch.inference_mode()
    def _look(self, indices: Sequence[int]) -> list[NDArray[np.floating]]:
        pixels = self._vlm.pixels([np.asarray(self._cache.photo(i)) for i in indices])
        seen = self._vlm.tower(pixels).float().cpu().numpy()
        self.looked += len(indices)
        out = []
        for index, one in zip(indices, seen, strict=True):
            with np.errstate(over="ignore"):
                half = one.astype(np.float16)
            kept = half if np.isfinite(half).all() else one
            self._memory.put(index, kept)
            if (key := self._key(index)) is not None and index < self._room:
                self._store.put(key, {ARRAY: kept})
            out.append(kept)
        return out

    def _key(self, index: int) -> EmbeddingKey | None:
        digest = self._cache.samples[index].sha256
        return EmbeddingKey(digest, self._maker) if digest else None


def base_digest(files: Mapping[str, str]) -> str:
    """SHA-256 over a base model's ``files`` (`core.adapter_package.base_digests`), as text: other
    weights see other things."""
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
