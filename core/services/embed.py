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

from core.embeddings.key import EmbeddingKey, Maker, maker_of
from core.embeddings.store import FOLDER, EmbeddingStore, pack
from core.engines.base import Embedder, Embedding, EngineSpec
from core.errors import ImageUnreadable, ModelMissing
from core.imaging.decode import decode_rgb
from core.ports import ImageQuery, ProjectStore
from core.registry import find
from core.services.segment import ENGINES, load_engine

Progress = Callable[[int, int], None]


@dataclass
class EmbedReport:
    """``refused`` are (name of the photo, sentence)."""

    maker: Maker
    made: int = 0
    there: int = 0
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
    images = [store.image(i) for i in store.image_ids(ImageQuery())]
    return {image.sha256: store.resolve(image) for image in images}


def embed_project(
    store: ProjectStore, engine: str, checkpoint: Path | None, *, progress: Progress
) -> EmbedReport:
    """Fill the project's folder of embeddings, each written whole before the next is begun.

    Raises ModelMissing for an engine that keeps nothing, as ``load_engine``, and DiskFull.
    """
    spec = find(ENGINES, EngineSpec, engine)
    loaded = load_engine(engine, checkpoint)
    if not isinstance(loaded, Embedder):
        raise ModelMissing(
            f"{spec.title} needs no preparation: it looks at a photo in a moment. "
            "Choose another engine, or go on without."
        )
    report = EmbedReport(maker_of(spec, checkpoint))
    cache = EmbeddingStore(store.folder / FOLDER)
    photos = photos_of(store)
    for done, (digest, path) in enumerate(photos.items(), 1):
        key = EmbeddingKey(digest, report.maker)
        if cache.get(key) is not None:
            report.there += 1
        else:
            try:
                made, _ = look(loaded, path, key)
            except ImageUnreadable as error:
                report.refused.append((path.name, str(error)))
            else:
                cache.write(key, pack(key, made))
                report.made += 1
        progress(done, len(photos))
    return report
