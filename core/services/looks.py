"""Embeddings of the engine that is loaded: kept in memory, kept on disk, or made now.

Measures how long the engine takes: a quick one is asked on the spot, a slow one in a process beside
(`Encoder`), so that no click waits for another photo. Knows keys and seconds; knows neither which
look a click needs nor any process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.embeddings.key import EmbeddingKey, Maker
from core.embeddings.memory import Recent
from core.embeddings.store import EmbeddingStore
from core.engines.base import Embedder, Embedding, Gradual

MEMORY = 192 << 20
"""Bytes of embeddings kept in memory: two dozen of the engine Leaf."""
QUICK = 1.0
"""Seconds of one look up to which it is made on the spot."""
BRIEF = 0.15
"""Seconds of one look up to which a click may have to wait for that of another photo."""
TRIES = 3
"""Looks after which an engine that is presumed quick has shown that it is not, here."""


class StillLooking(Exception):
    """Not an error: the look that an answer needs is being made beside; ask again later."""


@dataclass(frozen=True, slots=True)
class Job:
    """A look to be made beside, or what is found on a photo. ``urgent`` ones are of the photo that
    the person looks at."""

    key: EmbeddingKey
    photo: Path
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job: ``stored`` says whether it lies in the folder now; ``seconds`` are those
    of a look."""

    key: EmbeddingKey
    stored: bool
    seconds: float | None = None


class Encoder(Protocol):
    """Makes embeddings in a process beside and puts them in the store's folder."""

    @property
    def busy(self) -> bool: ...

    def begin(self, engine: str, checkpoint: Path | None, store: EmbeddingStore | None) -> None:
        """Another engine; what was wanted of the one before is not any more."""
        ...

    def keep_in(self, store: EmbeddingStore | None) -> None:
        """Another folder."""
        ...

    def want(self, jobs: Sequence[Job]) -> None:
        """From now on these, in this order, and no others."""
        ...

    def finished(self) -> list[Done]:
        """What came to an end since the last time."""
        ...


class Looks:
    """``quick`` is what is presumed of the engine until it was measured; ``side`` is what it sees.
    ``helped`` says that there is a process beside."""

    def __init__(
        self, engine: Embedder, maker: Maker, *, side: int | None, quick: bool, helped: bool
    ) -> None:
        self.engine, self.side = engine, side
        self._maker, self._presumed, self._helped = maker, quick, helped
        self.store: EmbeddingStore | None = None
        self._seconds, self._count = float("inf"), 0
        self._failed: set[EmbeddingKey] = set()
        self._memory: Recent[EmbeddingKey, Embedding] = Recent(
            MEMORY, lambda arrays: sum(array.nbytes for array in arrays.values())
        )

    def key(self, sha256: str, window: tuple[int, int, int, int] | None = None) -> EmbeddingKey:
        """What this engine's look at a photo is kept under."""
        return EmbeddingKey(sha256, self._maker, window)

    @property
    def quick(self) -> bool:
        return self._seconds <= QUICK or (self._presumed and self._count < TRIES)

    def beside(self, key: EmbeddingKey, *, ahead: bool = False) -> bool:
        """Whether this look is better made in the process beside; ``ahead`` of the person more of
        them are, because somebody may click on another photo meanwhile."""
        quick = self._seconds <= BRIEF if ahead else self.quick
        return not quick and self.aside(key)

    def aside(self, key: EmbeddingKey) -> bool:
        """Whether the process beside could make this, be it a look or what is found there."""
        can = self._helped and self.store is not None and self.store.budget != 0
        return can and key not in self._failed

    def there(self, key: EmbeddingKey) -> bool:
        """Whether ``get`` has it, as far as can be told without reading it."""
        return key in self._memory or (self.store is not None and self.store.has(key))

    def ready(self, key: EmbeddingKey) -> bool:
        """Whether it is there and the engine can go on from it at once."""
        if not isinstance(self.engine, Gradual):
            return self.there(key)
        found = self._memory.get(key)
        return found is not None and self.engine.ready(found)

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """From memory, else from disk. A file of no use is taken away."""
        found = self._memory.get(key)
        if found is None and self.store is not None and self.store.has(key):
            found = self.store.get(key)
            if found is None:
                self.drop(key)
            else:
                self._memory.put(key, found)
        return found

    def make(self, key: EmbeddingKey, rgb: NDArray[np.uint8]) -> Embedding:
        """Look now at a photo or a view into one."""
        start = time.perf_counter()
        made = self.engine.embed(np.ascontiguousarray(rgb))
        self._made(key, made, time.perf_counter() - start)
        return made

    def making(self, key: EmbeddingKey, rgb: NDArray[np.uint8]) -> Iterator[None]:
        """The same in steps, as short as the engine has them; of a look that is there, what is
        still to be done before it is ``ready``."""
        if not isinstance(self.engine, Gradual):
            self.make(key, rgb)
            return
        known = self.get(key)
        if known is not None:
            yield from self._readying(self.engine, key, rgb, known)
            return
        steps, spent = self.engine.embedding(rgb), 0.0
        while True:
            start = time.perf_counter()
            try:
                next(steps)
            except StopIteration as end:
                self._made(key, end.value, spent + time.perf_counter() - start)
                return
            spent += time.perf_counter() - start
            yield

    def _readying(
        self, engine: Gradual, key: EmbeddingKey, rgb: NDArray[np.uint8], known: Embedding
    ) -> Iterator[None]:
        try:
            yield from engine.readying(rgb, known)
        except ValueError:  # whole, of this photo and engine, and yet of other shapes
            self.drop(key)

    def _made(self, key: EmbeddingKey, made: Embedding, seconds: float) -> None:
        """What took long is worth its place on the disk."""
        self.took(seconds)
        self._memory.put(key, made)
        if self.store is not None and not self.quick:
            self.store.put(key, made)

    def took(self, seconds: float) -> None:
        """The fastest counts: a machine may be busy, and a first look warms up."""
        self._seconds, self._count = min(self._seconds, seconds), self._count + 1

    def take(self, done: Done) -> None:
        """Learn what came of a job."""
        if done.seconds is not None:
            self.took(done.seconds)
        if not done.stored:
            self._failed.add(done.key)

    def drop(self, key: EmbeddingKey) -> None:
        """Forget one that is of no use, on disk as well."""
        self._memory.drop(key)
        if self.store is not None and self.store.budget != 0:
            self.store.drop(key)
