"""What a worker writes to standard error, kept in a file.

A log is for whoever looks for a reason afterwards; that it cannot be written, on a full disk or in
a folder that went away, ends nothing. Knows one file; knows no process.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO


class WorkerLog:
    """The file at ``path``, added to; no file where there is no path, or none can be opened."""

    def __init__(self, path: Path | None) -> None:
        self._file: BinaryIO | None = None
        if path is not None:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                # Unbuffered, so that what a full disk refuses is not tried again at the end.
                self._file = path.open("ab", buffering=0)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """What has no room is lost; what comes later is tried again."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.write(data)

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
