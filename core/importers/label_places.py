"""Which photo a row of a table means, by what it says of the photo's path.

A row means the photo whose path ends as it says: whatever its case, Unicode form and kind of slash,
and without the file's ending, unless that fits several and one of them is called exactly so. A row
that says another folder than any photo lies in means a photo of that name only where there is one
photo and one such row: tables move, and then folders are called otherwise, but of two rows nobody
knows which it is. Knows paths and texts; knows no table and opens nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

_Tail = tuple[str, ...]


class Places:
    """Where the photos of an import lie."""

    def __init__(self, photos: Sequence[Path]) -> None:
        self._tails = {photo: tail(photo.as_posix()) for photo in photos}
        self._named: dict[str, list[Path]] = {}
        for photo, parts in self._tails.items():
            for name in dict.fromkeys((parts[-1], PurePosixPath(parts[-1]).stem)):
                self._named.setdefault(name, []).append(photo)

    def called(self, text: str) -> list[Path]:
        """The photos of that name, wherever they lie."""
        return self._named.get(tail(text)[-1], [])

    def fitting(self, text: str) -> list[Path]:
        """The photos that ``text`` may mean, by their folders too; one where it is clear."""
        wanted = tail(text)
        found = [c for c in self.called(text) if self._tails[c][-len(wanted) : -1] == wanted[:-1]]
        if len(found) > 1:
            exact = [c for c in found if f"/{c.as_posix()}".endswith(f"/{text}")]
            whole = [c for c in found if self._tails[c][-1] == wanted[-1]]
            return exact if len(exact) == 1 else whole or found
        return found


def tail(text: str) -> _Tail:
    """Path parts for comparing: one Unicode form and kind of slash, no case, no ``.``."""
    plain = unicodedata.normalize("NFC", text.replace("\\", "/")).casefold()
    parts = (part.strip() for part in plain.split("/"))
    return tuple(p for p in parts if p not in ("", ".")) or ("",)
