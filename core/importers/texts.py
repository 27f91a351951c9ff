"""Reads the small text files that come with photos: tables and maps.

Knows files and UTF-8; knows no format.
"""

from __future__ import annotations

import errno
from pathlib import Path


def file_text(path: Path, most: int) -> str:
    """The whole UTF-8 text, without a byte order mark.

    Raises OSError, also for a file above ``most`` bytes and for what is no file: a device never
    ends and a pipe may never begin. Raises UnicodeDecodeError.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is a folder, pipe or device", str(path))
    if path.stat().st_size > most:
        raise OSError(errno.EFBIG, f"it is larger than {most // 1_000_000} MB", str(path))
    return path.read_bytes().decode("utf-8-sig")
