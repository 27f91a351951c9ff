"""What is prepared of a project's photos, and what a pack would bring: for a person to look at.

Knows embeddings and packs; knows no project and no widget. Photos are SHA-256 digests here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from core.embeddings.found import key_of
from core.embeddings.key import EmbeddingKey, Maker
from core.embeddings.packs import (
    Cancelled,
    PackReport,
    Progress,
    listed,
    read_pack,
    write_pack,
)
from core.embeddings.store import FOLDER, EmbeddingStore
from core.engines.base import EngineSpec
from core.language import listed as in_words
from core.language import tr, trn
from core.registry import discover
from core.services.embed import of_use
from core.services.segment import ENGINES

NAMED = 5
"""Makers that are told of a pack: a stranger's may name thousands."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one maker has seen of the project: whole photos, and their bytes on disk.

    ``current``: an assistant of this program can use it.
    """

    maker: Maker
    photos: frozenset[str]
    size: int
    current: bool

    @property
    def title(self) -> str:
        """The maker in words."""
        return told(self.maker)


@dataclass(frozen=True, slots=True)
class PackView:
    """What a pack holds for a project: ``matching`` photos are in both and would be of use.

    ``other_photos`` counts those that are not in the project, ``other_makers`` those of the
    project that were looked at by another assistant, other weights or another version. ``size`` is
    what the matching ones take on disk, in bytes; ``makers`` are those of the pack with most
    photos, in words.
    """

    path: Path
    matching: frozenset[str]
    other_photos: int
    other_makers: int
    size: int
    makers: tuple[str, ...]

    @property
    def refusal(self) -> str:
        """Why there is nothing to take in, as a sentence; "" when there is something."""
        if self.matching:
            return ""
        if self.other_makers:
            return tr(
                "These photos were looked at by {makers}, which is of no use here. Make a pack "
                "with an assistant of this program.",
                makers=in_words(self.makers),
            )
        if self.other_photos:
            return trn(
                "This pack is of another photo, which is not in this project. Import it first, or "
                "take the pack that was made of these.",
                "This pack is of {n:,} other photos; none is in this project. Import them first, "
                "or take the pack that was made of these.",
                self.other_photos,
            )
        return tr("This pack is empty; make it again on the other machine.")


def told(maker: Maker) -> str:
    """An assistant with its weights or its version, where they are not those of this program."""
    spec = discover(ENGINES, EngineSpec).get(maker.engine)
    if spec is None:
        return tr("“{engine}”, which is not part of this program", engine=maker.engine[:40])
    if spec.needs_checkpoint:
        return tr("{title}, weights {digest}", title=spec.title, digest=maker.weights[:8])
    if not of_use(maker):
        return tr("{title} of another version", title=spec.title)
    return spec.title


def shelves(folder: Path, photos: Collection[str]) -> list[Shelf]:
    """What lies in a project's ``folder`` of its ``photos``; what is of use and largest first."""
    seen: dict[Maker, set[str]] = {}
    sizes: Counter[Maker] = Counter()
    for key, size in EmbeddingStore(folder / FOLDER, 0).contents():
        if key.window is None and key.photo in photos:
            # What was found on a photo spares no click the look at it.
            if not key.what:
                seen.setdefault(key.maker, set()).add(key.photo)
            sizes[key.maker] += size
    found = [Shelf(m, frozenset(of), sizes[m], of_use(m)) for m, of in seen.items()]
    return sorted(found, key=lambda shelf: (not shelf.current, -len(shelf.photos), shelf.title))


def view(path: Path, photos: Collection[str]) -> PackView:
    """What a pack holds for a project of these ``photos``; nothing is taken in.

    Raises ImportRefused for a file that is no pack.
    """
    makers: Counter[Maker] = Counter()
    matching: set[str] = set()
    strangers: set[str] = set()
    useless: set[str] = set()
    whole = 0
    for key, size in listed(path):
        makers[key.maker] += 1
        if key.photo not in photos:
            strangers.add(key.photo)
        elif not of_use(key.maker):
            useless.add(key.photo)
        else:
            matching.add(key.photo)
            whole += size
    return PackView(
        path,
        frozenset(matching),
        len(strangers),
        len(useless - matching),
        whole,
        tuple(told(maker) for maker, _ in makers.most_common(NAMED)),
    )


def export_pack(
    folder: Path, shelf: Shelf, path: Path, *, progress: Progress, cancelled: Cancelled
) -> int:
    """Write what is on ``shelf`` as a pack; gives the number of photos.

    Raises DiskFull, ExportRefused, and Stopped when it is cancelled.
    """
    looks = [EmbeddingKey(photo, shelf.maker) for photo in sorted(shelf.photos)]
    keys = [key for look in looks for key in (look, key_of(look))]  # with what was found there
    store = EmbeddingStore(folder / FOLDER, 0)
    return write_pack(store, keys, path, progress=progress, cancelled=cancelled)


def take_in(
    folder: Path,
    photos: Collection[str],
    path: Path,
    *,
    progress: Progress,
    cancelled: Cancelled,
) -> PackReport:
    """Take in what a pack has for these ``photos``. Raises ImportRefused and DiskFull."""
    cache = EmbeddingStore(folder / FOLDER)
    return read_pack(
        path, cache, photos=photos, accepts=of_use, progress=progress, cancelled=cancelled
    )
