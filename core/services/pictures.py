"""Decoded photos of the assistant: the one that is shown, and the next ones ahead of time.

Decoding ahead runs in one thread of its own; the libraries that decode let others work meanwhile.
Knows paths and digests; knows no engine.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.embeddings.memory import Recent
from core.errors import ImageUnreadable
from core.imaging.decode import decode_rgb

KEPT = 320 << 20
"""Bytes of pixels: four photos of 24 megapixels."""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo's file and the SHA-256 that it had when it was imported."""

    path: Path
    sha256: str


class Pictures:
    """[height, width, 3] uint8 each, in displayed orientation. Used from one thread."""

    def __init__(self, budget: int = KEPT) -> None:
        self._kept: Recent[str, NDArray[np.uint8]] = Recent(budget, lambda rgb: rgb.nbytes)
        self._coming: dict[str, Future[NDArray[np.uint8]]] = {}
        self._thread: ThreadPoolExecutor | None = None

    def get(self, photo: PhotoFile) -> NDArray[np.uint8]:
        """The pixels, waiting for them where need be. Raises ImageUnreadable when the file is
        gone, damaged or has other bytes."""
        coming = self._coming.pop(photo.sha256, None)
        if coming is not None and not coming.cancel():
            try:
                self._kept.put(photo.sha256, coming.result())
            except ImageUnreadable:  # it may have come back since
                self._kept.drop(photo.sha256)
        found = self._kept.get(photo.sha256)
        if found is None:
            found = decode_rgb(photo.path, expected_sha256=photo.sha256)
            self._kept.put(photo.sha256, found)
        return found

    def begin(self, photo: PhotoFile) -> None:
        """Decode it in the background, unless that is done or under way."""
        if photo.sha256 in self._kept or photo.sha256 in self._coming:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._coming[photo.sha256] = self._thread.submit(
            decode_rgb, photo.path, expected_sha256=photo.sha256
        )

    def ready(self, photo: PhotoFile) -> bool:
        """Whether ``get`` would answer at once."""
        coming = self._coming.get(photo.sha256)
        return photo.sha256 in self._kept or (coming is not None and coming.done())

    def only(self, wanted: frozenset[str]) -> None:
        """Begin nothing any more but the photos of these digests."""
        for digest in [d for d in self._coming if d not in wanted]:
            self._coming.pop(digest).cancel()
