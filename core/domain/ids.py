"""Identifiers. Made on the client, so that an edit can be drawn before it is on disk.

Knows nothing of what they identify.
"""

from __future__ import annotations

import secrets
import time
from typing import NewType

ImageId = NewType("ImageId", int)
RegionId = NewType("RegionId", int)
DiseaseId = NewType("DiseaseId", int)
RunId = NewType("RunId", str)


def new_id() -> int:
    """A positive 63-bit integer: 42 bits of milliseconds, then 21 random bits.

    Rising with time, so that primary keys append; two made in the same millisecond collide
    with probability 2**-21.
    """
    return ((time.time_ns() // 1_000_000) & ((1 << 42) - 1)) << 21 | secrets.randbits(21)
