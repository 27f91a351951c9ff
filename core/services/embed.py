"""Looks at every photo of a project once, so that nobody waits for it later.

What is there already is left, so a run that was broken off goes on where it was. Knows the store's
port and an engine; which files embeddings lie in is ``core.embeddings``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.embeddings import found
from core.embeddings.found import kept, key_of
from core.embeddings.key import EmbeddingKey, Maker, maker_of
from core.embeddings.packs import PackReport, read_pack
from core.embeddings.store import FOLDER, EmbeddingStore, pack
from core.engines.base import Candidate, Embedder, Embedding, EngineSpec, Finder, PromptKind
from core.errors import ExportInTheWay, ExportRefused, ImageUnreadable, ModelMissing
from core.imaging.decode import decode_rgb
from core.language import tr
from core.ports import ImageQuery, ProjectStore
from core.registry import discover, find
from core.services.finding import able
from core.services.segment import ENGINES, load_engine

Progress = Callable[[int, int], None]


@dataclass
class EmbedReport:
    """``made`` and ``there`` are looks; ``searched`` photos whose candidates were found now.
    ``refused`` are (name of the photo, sentence)."""

    maker: Maker
    made: int = 0
    there: int = 0
    searched: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def look(engine: Embedder, path: Path, key: EmbeddingKey) -> tuple[Embedding, float]:
    """(what the engine keeps of the photo at ``path``, seconds it took without decoding).

    Raises ImageUnreadable when the file is gone, damaged or has other bytes than ``key`` says.
    """
    rgb = decode_rgb(path, expected_sha256=key.photo)
    if key.window is not None:
        x0, y0, x1, y1 = key.window
        rgb = np.ascontiguousarray(rgb[y0:y1, x0:x1])
    start = time.perf_counter()
    made = engine.embed(rgb)
    return made, time.perf_counter() - start


def photos_of(store: ProjectStore) -> dict[str, Path]:
    """Path by SHA-256, in the gallery's order."""
    images = store.images(store.image_ids(ImageQuery()))
    return {image.sha256: store.resolve(image) for image in images}


def find_on(engine: Finder, path: Path, key: EmbeddingKey, seen: Embedding) -> list[Candidate]:
    """What ``engine``, an `Embedder` too, finds on the photo at ``path`` of which it saw ``seen``.

    Raises ImageUnreadable as ``look``.
    """
    assert isinstance(engine, Embedder)
    rgb = decode_rgb(path, expected_sha256=key.photo)
    try:
        engine.use(rgb, seen)
    except ValueError:  # whole, of this photo and engine, and yet of other shapes
        engine.set_image(rgb)
    return engine.everything()


def embed_project(
    store: ProjectStore,
    engine: str,
    checkpoint: Path | None,
    *,
    candidates: bool = False,
    progress: Progress,
) -> EmbedReport:
    """Fill the project's folder of embeddings, each written whole before the next is begun;
    ``candidates`` has what is found without a click written beside each.

    Raises ModelMissing for an engine that keeps nothing, or finds nothing by itself where
    ``candidates`` are wanted, as ``load_engine``, and DiskFull.
    """
    spec = find(ENGINES, EngineSpec, engine)
    loaded = load_engine(engine, checkpoint)
    if not isinstance(loaded, Embedder):
        raise ModelMissing(
            tr(
                "{title} needs no preparation: it looks at a photo in a moment. Choose "
                "another engine, or go on without.",
                title=spec.title,
            )
        )
    finder = loaded if isinstance(loaded, Finder) else None
    if candidates and finder is None:
        raise ModelMissing(
            tr(
                "{title} finds nothing by itself; choose {able}, or leave --candidates out.",
                title=spec.title,
                able=able(PromptKind.EVERYTHING),
            )
        )
    report = EmbedReport(maker_of(spec, checkpoint))
    cache = EmbeddingStore(store.folder / FOLDER)
    photos = photos_of(store)
    for done, (digest, path) in enumerate(photos.items(), 1):
        key = EmbeddingKey(digest, report.maker)
        try:
            _prepare(loaded, finder if candidates else None, path, key, cache, report)
        except ImageUnreadable as error:
            report.refused.append((path.name, str(error)))
        progress(done, len(photos))
    return report


def _prepare(
    engine: Embedder,
    finder: Finder | None,
    path: Path,
    key: EmbeddingKey,
    cache: EmbeddingStore,
    report: EmbedReport,
) -> None:
    """One photo: what is there stays, what is not is made. ``finder`` where findings are wanted."""
    seen = cache.get(key)
    if seen is not None:
        report.there += 1
    else:
        seen, _ = look(engine, path, key)
        cache.write(key, pack(key, seen))
        report.made += 1
    if finder is None:
        return
    own = key_of(key)
    if kept(cache, own) is None:
        cache.write(own, pack(own, found.pack(find_on(finder, path, key, seen))))
        report.searched += 1


def free_place(path: Path, *, replace: bool) -> None:
    """Raises ExportRefused or ExportInTheWay where a pack may not be written."""
    if path.is_dir():
        raise ExportRefused(tr("“{name}” is a folder; name a file for the pack.", name=path.name))
    if path.exists() and not replace:
        raise ExportInTheWay(tr("“{name}” is there already.", name=path.name))


def import_pack(
    store: ProjectStore,
    path: Path,
    *,
    engine: str | None = None,
    checkpoint: Path | None = None,
    progress: Progress,
) -> PackReport:
    """Take in a pack that was made elsewhere of photos of this project.

    With ``engine`` what that one made alone; without, whatever an assistant of this program made
    that could use it. Raises ImportRefused for a file that is no pack, DiskFull, ModelMissing.
    """
    only = maker_of(find(ENGINES, EngineSpec, engine), checkpoint) if engine else None
    cache = EmbeddingStore(store.folder / FOLDER)
    return read_pack(
        path,
        cache,
        photos=photos_of(store),
        accepts=of_use if only is None else lambda maker: maker == only,
        progress=progress,
    )


def of_use(maker: Maker) -> bool:
    """Whether an assistant of this program could use what ``maker`` saw."""
    spec = discover(ENGINES, EngineSpec).get(maker.engine)
    if spec is None:
        return False
    # Which weights a person will open is not known yet; those of the program are.
    return spec.needs_checkpoint or maker == maker_of(spec, None)
