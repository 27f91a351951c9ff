"""The language spoken between the window and its workers: one JSON object a line.

    worker to window   {"event": "hello", "protocol": 1, "pid": 4711, "worker": "segment"}
    window to worker   {"do": "predict", "request": 7, ...}

Knows bytes and JSON; knows no process, no pixel and no event's meaning. Standard library only, so
that the window can read it before anything heavy is imported. A line that cannot be read becomes a
``Garbage`` value and the next one is read as if nothing had happened.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROTOCOL = 1
MAX_LINE = 1 << 20
"""Longest line, in bytes and with its newline. Pixels beyond it travel as files."""

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Garbage:
    """A line that is not a message. ``text`` is its beginning, at most 200 characters."""

    text: str
    why: str


def encode(message: Mapping[str, object]) -> bytes:
    """One line, ASCII, newline included.

    Raises ValueError for NaN, infinities and lines over ``MAX_LINE``, TypeError for values that
    are not JSON.
    """
    line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > MAX_LINE:
        raise ValueError(f"a message of {len(line)} bytes does not fit the wire")
    return line


def decode(line: bytes) -> Message | Garbage:
    """The message in ``line`` (with or without its newline), or what is wrong with it."""
    if len(line) > MAX_LINE:
        return Garbage(_beginning(line), "too long")
    try:
        found = json.loads(line.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        return Garbage(_beginning(line), "nested too deeply")
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        return Garbage(_beginning(line), str(error))
    if not isinstance(found, dict):
        return Garbage(_beginning(line), "not an object")
    return found


class Reader:
    """Cuts a stream of bytes into messages, however the bytes arrive."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[Message | Garbage]:
        """Everything that ``data`` completes, in order. Blank lines are nothing."""
        out: list[Message | Garbage] = []
        *lines, last = data.split(b"\n")
        for piece in lines:
            self._take(piece, out)
            if not self._skipping and self._rest.strip():
                out.append(decode(bytes(self._rest)))
            self._rest.clear()
            self._skipping = False
        self._take(last, out)
        return out

    def _take(self, piece: bytes, out: list[Message | Garbage]) -> None:
        """Add to the unfinished line; one that outgrows the cap is named once and skipped."""
        if self._skipping:
            return
        self._rest += piece
        if len(self._rest) > MAX_LINE:
            out.append(Garbage(_beginning(self._rest), "too long"))
            self._rest.clear()
            self._skipping = True


def _beginning(line: bytes | bytearray) -> str:
    return bytes(line[:200]).decode("utf-8", "replace")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number we accept")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):  # 1e999 is legal JSON and reads as infinity
        raise ValueError(f"{text[:20]} is out of range")
    return value
