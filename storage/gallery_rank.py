"""All photos in the order that the gallery is shown in, kept until anything is written.

Who filters, or types into the search field, asks for the same order again and again; what matches
is then put in order without reading the order anew. Knows ids; knows no query and no row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from core.domain.ids import ImageId


class Ranking:
    """``ids`` of every photo that has what is sorted by, in order, none twice."""

    def __init__(self, ids: list[ImageId]) -> None:
        self._ids = np.array(ids, np.int64)
        self._ranks = np.argsort(self._ids)
        self._sorted = self._ids[self._ranks]

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> list[ImageId]:
        return self._ids.tolist()  # type: ignore[no-any-return]

    def split(self, found: list[ImageId]) -> tuple[list[ImageId], list[ImageId]]:
        """``found`` (none twice): what has a rank, in order, and the others as they came."""
        if not len(self._ids):
            return [], found
        wanted = np.array(found, np.int64)
        at = np.searchsorted(self._sorted, wanted)
        at[at == len(self._sorted)] = 0
        known = self._sorted[at] == wanted
        chosen = np.zeros(len(self._ids), bool)
        chosen[self._ranks[at[known]]] = True
        return self._ids[chosen].tolist(), wanted[~known].tolist()


class LastRanking:
    """The one that was asked for last, as long as it is true."""

    def __init__(self) -> None:
        self._kept: tuple[Hashable, Hashable, Ranking] | None = None

    def get(self, what: Hashable, state: Hashable, read: Callable[[], list[ImageId]]) -> Ranking:
        """The ranking called ``what`` of a database in ``state``: kept, or made by ``read``."""
        if self._kept is None or self._kept[:2] != (what, state):
            self._kept = (what, state, Ranking(read()))
        return self._kept[2]
