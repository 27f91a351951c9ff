"""What an embedding is of: which photo, which part of it, looked at by which engine and weights.

An embedding is used again only where all of this is the same. Knows digests and names; knows no
pixel and no folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.domain.mask import Box
from core.engines.base import EngineSpec
from core.errors import ModelMissing
from core.files import sha256

FORMAT = 1
"""Raised when the files of ``core.embeddings.store`` mean something else."""
NAME = re.compile(r"[0-9a-f]{40}\.safetensors")
CANDIDATES = "candidates"
KINDS = ("", CANDIDATES)
_FIELDS = ("format", "photo", "engine", "weights", "revision", "window", "what")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Maker:
    """Who looks. ``weights`` is the SHA-256 of the weights file, "" for an engine without one."""

    engine: str
    weights: str
    revision: int


@dataclass(frozen=True, slots=True)
class EmbeddingKey:
    """``photo`` is the SHA-256 of the photo's file; ``window`` (x0, y0, x1, y1) in displayed
    pixels, None for the whole photo. ``what`` is "" for what was seen there, ``CANDIDATES`` for
    what was found there."""

    photo: str
    maker: Maker
    window: Box | None = None
    what: str = ""

    def fields(self) -> dict[str, str]:
        """As texts, for a file's header."""
        kept = {
            "format": str(FORMAT),
            "photo": self.photo,
            "engine": self.maker.engine,
            "weights": self.maker.weights,
            "revision": str(self.maker.revision),
            "window": "" if self.window is None else ",".join(map(str, self.window)),
        }
        return kept | {"what": self.what} if self.what else kept

    @property
    def file_name(self) -> str:
        """A name that says nothing and collides with no other key's."""
        text = json.dumps(self.fields(), sort_keys=True)
        return f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.safetensors"

    @classmethod
    def of_fields(cls, fields: dict[str, str]) -> EmbeddingKey:
        """The inverse of ``fields``, which may hold more. Raises ValueError."""
        try:
            kept = {"what": ""} | {name: fields[name] for name in _FIELDS if name in fields}
            if not all(isinstance(text, str) for text in kept.values()):
                raise ValueError("not the header of an embedding")
            if kept["format"] != str(FORMAT):
                raise ValueError("embeddings of another format")
            maker = Maker(kept["engine"], kept["weights"], int(kept["revision"]))
            corners = [int(part) for part in kept["window"].split(",") if part]
            photo, what = kept["photo"], kept["what"]
        except (KeyError, TypeError) as error:
            raise ValueError("not the header of an embedding") from error
        if not _DIGEST.fullmatch(photo) or len(corners) not in (0, 4) or what not in KINDS:
            raise ValueError("not the header of an embedding")
        window = (corners[0], corners[1], corners[2], corners[3]) if corners else None
        return cls(photo, maker, window, what)


def maker_of(spec: EngineSpec, checkpoint: Path | None) -> Maker:
    """Reads the weights file once while it stays the same. Raises ModelMissing when it is gone."""
    file = checkpoint if spec.needs_checkpoint else spec.weights
    if file is None:
        return Maker(spec.id, "", spec.revision)
    if file.is_dir():
        file = file / "model.safetensors"
    try:
        seen = file.stat()
        digest = _weights(file, seen.st_size, seen.st_mtime_ns)
    except OSError as error:
        raise ModelMissing(
            f"The weights file {file.name} cannot be read; open it again."
        ) from error
    return Maker(spec.id, digest, spec.revision)


@lru_cache(maxsize=8)
def _weights(file: Path, _size: int, _changed: int) -> str:
    return sha256(file)
