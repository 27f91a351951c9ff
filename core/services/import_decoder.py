"""The importer's side of the limited decoder process.

Knows when to restart it and when to blame the file; knows no project. A file on which the process
dies is tried once more in a fresh one, so that a process killed from outside costs no photo; if it
dies again, the file is refused.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from core import files
from core.errors import ImportRefused, WorkerFailed
from core.imaging.decode import Inspection, PhotoHeader
from core.language import tr
from core.workers.client import WorkerClient
from core.workers.wire import Message

START_SECONDS = 60.0
FILE_SECONDS = 30.0
"""Wall-clock time for one file before its process is ended."""


@dataclass(frozen=True, slots=True)
class MaskSeen:
    """A mask that the limited process could read. Size as stored, in pixels."""

    sha256: str
    width: int
    height: int


class LimitedDecoder:
    """One decoder process for many files; a context manager. ``seconds`` is the time per file."""

    def __init__(self, *, seconds: float = FILE_SECONDS) -> None:
        self._seconds = seconds
        self._client: WorkerClient | None = None
        self._request = 0

    def photo(self, path: Path) -> Inspection:
        """Decode a photo completely. Raises ImportRefused, or WorkerFailed if no process starts."""
        said = self._ask("photo", path)
        try:
            return _inspection(said)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise ImportRefused(path, _BLAME) from error

    def mask(self, path: Path) -> MaskSeen:
        """Decode a mask completely. Raises as ``photo`` does."""
        said = self._ask("mask", path)
        try:
            return MaskSeen(str(said["sha256"]), int(said["width"]), int(said["height"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ImportRefused(path, _BLAME) from error

    @property
    def pid(self) -> int | None:
        """The process that is running now, if any."""
        return self._client.pid if self._client else None

    def close(self) -> None:
        if self._client:
            self._client.stop(2.0)
            self._client = None

    def __enter__(self) -> LimitedDecoder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, what: str, path: Path) -> Message:
        if not files.is_text(str(path)):  # neither the project nor any export could write it down
            raise ImportRefused(
                path, tr("Its name or folder's name holds bytes that are no text. Rename it.")
            )
        for _ in range(2):
            client = self._running()
            self._request += 1
            try:
                client.send(what, request=self._request, path=str(path))
                said = client.wait_for(what, "refused", timeout=self._seconds)
            except TimeoutError:
                self._drop()
                raise ImportRefused(
                    path,
                    tr(
                        "This file was still not decoded after {seconds:.0f} seconds. Open it in "
                        "another program and save it again.",
                        seconds=self._seconds,
                    ),
                ) from None
            except WorkerFailed:
                self._drop()
                continue
            if said["event"] == "refused":
                text = str(said.get("text", _BLAME))
                raise ImportRefused(path, text.removeprefix(f"{path.name}: "))
            return said
        raise ImportRefused(path, _BLAME)

    def _running(self) -> WorkerClient:
        if self._client is None:
            client = WorkerClient("decode")
            client.start()
            try:
                client.wait_for("ready", timeout=START_SECONDS)
            except (TimeoutError, WorkerFailed) as error:
                client.stop(0.0)
                raise WorkerFailed(
                    tr(
                        "The process that opens photos could not be started. "
                        "Run “leafspot doctor” to see what is missing."
                    )
                ) from error
            self._client = client
        return self._client

    def _drop(self) -> None:
        if self._client:
            self._client.stop(0.0)
            self._client = None


_BLAME = tr(
    "Decoding this file ends the program that tries. It is damaged or made to do harm: "
    "leave it out, or open it where it came from and save it again."
)


def _inspection(said: dict[str, Any]) -> Inspection:
    gps = said["gps"]
    header = PhotoHeader(
        width=int(said["width"]),
        height=int(said["height"]),
        orientation=int(said["orientation"]),
        format=str(said["format"]),
        captured_at=str(said["captured_at"]),
        gps=(float(gps[0]), float(gps[1])) if gps else None,
    )
    thumbnail = base64.b64decode(said["thumbnail"])
    return Inspection(header, str(said["sha256"]), thumbnail, int(said["size"]))
