"""Opens files that nobody has opened yet, in a process that may be lost.

    {"do": "photo", "request": 1, "path": "/photos/a.jpg"}
        {"event": "photo", "request": 1, "sha256": …, "width": …, "thumbnail": base64, …}
    {"do": "mask", "request": 2, "path": "/masks/a.png"}
        {"event": "mask", "request": 2, "sha256": …, "width": …, "height": …}
    either may be answered by {"event": "refused", "request": …, "text": a sentence}

Every file is decoded completely: what passes here was read to its last pixel. Memory and processor
time are capped where the system can (not on Windows, where the caller's clock and the pixel cap
remain). Knows files and limits; knows no project. Loads no model library.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from core.errors import ImageUnreadable
from core.imaging.decode import inspect
from core.imaging.mask_files import read_mask
from core.language import tr
from core.workers.channel import Channel
from core.workers.wire import Garbage, Message

MEMORY = 3 << 30
"""Address space in bytes: a 200-megapixel photo and its working copies, no more."""
SECONDS = 20
"""Processor time for one file."""


def main() -> int:
    """Serve files until the input ends or "stop" comes; returns the exit status."""
    channel = Channel.claim("decode")
    _cap_memory()
    channel.send("ready")
    while (command := channel.receive()) is not None:
        if isinstance(command, Garbage):
            continue
        if command.get("do") == "stop":
            channel.send("stopped")
            return 0
        _cap_time()
        event, fields = _answer(command)
        channel.send(event, request=command.get("request"), **fields)
    return 0


def _answer(command: Message) -> tuple[str, dict[str, object]]:
    """The event and its fields."""
    path = Path(str(command.get("path", "")))
    try:
        match command.get("do"):
            case "photo":
                return "photo", _photo(path)
            case "mask":
                return "mask", _mask(path)
        text = tr("This version does not know what was asked of it.")
    except ImageUnreadable as error:
        text = str(error)
    except MemoryError:
        text = tr(
            "{name}: This file needs more memory than it may have. Save a smaller copy.",
            name=path.name,
        )
    return "refused", {"text": text}


def _photo(path: Path) -> dict[str, object]:
    found = inspect(path)
    header = found.header
    return {
        "sha256": found.sha256,
        "width": header.width,
        "height": header.height,
        "orientation": header.orientation,
        "format": header.format,
        "captured_at": header.captured_at,
        "size": found.size,
        "gps": list(header.gps) if header.gps else None,
        "thumbnail": base64.b64encode(found.thumbnail).decode("ascii"),
    }


def _mask(path: Path) -> dict[str, object]:
    mask = read_mask(path)
    height, width = mask.values.shape
    return {"sha256": mask.sha256, "width": width, "height": height}


def _cap_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _cap_time() -> None:
    """Move the processor-time limit on: it counts from the start of the process."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS, hard))


if __name__ == "__main__":
    sys.exit(main())
