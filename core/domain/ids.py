"""Identifiers. Made on the client, so that an edit can be drawn before it is on disk.

Knows nothing of what they identify.
"""

from __future__ import annotations

import os
import threading
import time
from typing import NewType

ImageId = NewType("ImageId", int)
RegionId = NewType("RegionId", int)
DiseaseId = NewType("DiseaseId", int)
RunId = NewType("RunId", str)


_last = 0
_lock = threading.Lock()


def new_id() -> int:
    """A positive 63-bit integer: 42 bits of milliseconds, then 21 random bits.

    Rising, so that primary keys append, and never the same twice in one process: an import makes
    many in one millisecond. Two of different processes collide with probability 2**-21 when made
    in the same millisecond. Safe from any thread.
    """
    global _last
    chance = int.from_bytes(os.urandom(3), "big") >> 3  # `secrets` would cost the start 6 ms
    made = ((time.time_ns() // 1_000_000) & ((1 << 42) - 1)) << 21 | chance
    with _lock:
        _last = made if made > _last else _last + 1
        return _last
