"""What is kept in memory within a budget of bytes: the least recently used goes first.

Knows sizes; knows nothing of what is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """``budget`` in bytes; the newest entry stays whatever its size. ``size`` measures one."""

    def __init__(self, budget: int, size: Callable[[V], int]) -> None:
        self._budget, self._size = budget, size
        self._kept: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def get(self, key: K) -> V | None:
        """Counts as a use."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        """Replaces what was there; what was used longest ago makes room."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        held = sum(map(self._size, self._kept.values()))
        while held > self._budget and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            held -= self._size(gone)

    def drop(self, key: K) -> None:
        """Forget one, if it is there."""
        self._kept.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    def keys(self) -> list[K]:
        """Longest unused first."""
        return list(self._kept)
