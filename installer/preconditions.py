"""What must be true before anything is downloaded: the right Python, room on the disk, a network.

Knows how much Leafspot needs; changes nothing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from installer.report import Refusal, size

# Bytes on disk and to download. Linux is measured with the pinned versions, and most of it is what
# a graphics card needs; Windows and macOS are estimated from the sizes of the packages.
_INSTALLED = {"linux": 6.9e9, "win32": 1.6e9, "darwin": 1.6e9}
_DOWNLOAD = {"linux": 2.9e9, "win32": 0.4e9, "darwin": 0.4e9}
_CUDA_ON_WINDOWS = (4e9, 2e9)
_LEAST = 0.5e9


def download_size(platform: str = sys.platform, *, cuda_on_windows: bool = False) -> float:
    """About how many bytes the first installation fetches."""
    more = _CUDA_ON_WINDOWS[1] if cuda_on_windows else 0.0
    return _DOWNLOAD.get(platform, _DOWNLOAD["linux"]) + more


def room_needed(
    platform: str = sys.platform, *, cuda_on_windows: bool = False, present: float = 0.0
) -> float:
    """Bytes an installation needs at its peak, when the downloads are still there.

    ``present`` bytes are installed from an earlier time, and so is their share of the downloads.
    """
    more = _CUDA_ON_WINDOWS[0] if cuda_on_windows else 0.0
    installed = _INSTALLED.get(platform, _INSTALLED["linux"]) + more
    download = download_size(platform, cuda_on_windows=cuda_on_windows)
    left = max(0.0, 1.0 - present / installed)
    return max(_LEAST, (installed + download) * left)


def _free_bytes(folder: Path) -> float:
    return shutil.disk_usage(folder).free


def check_room(
    folder: Path, needed: float, *, free: Callable[[Path], float] = _free_bytes
) -> float:
    """The bytes free where ``folder`` lies; raises Refusal when they are fewer than ``needed``."""
    there = free(folder)
    if there < needed:
        raise Refusal(
            f"Leafspot needs about {size(needed)} of disk space for the libraries, and only "
            f"{size(there)} are free in {folder}: make room, or move this folder to a larger disk."
        )
    return there


def check_writable(folder: Path) -> None:
    """Raises Refusal when this user may not create files in ``folder``."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refusal(
            f"You may not write to {folder}, where the libraries are installed: "
            "copy the folder to a place of your own and run the command there."
        )


def check_word_size(maxsize: int = sys.maxsize) -> None:
    """Raises Refusal on a 32-bit Python, for which the model libraries are not made."""
    if maxsize < 2**32:
        raise Refusal(
            "This is a 32-bit Python, for which the model libraries are not made: "
            "install the 64-bit Python and run the command with it."
        )


def venv_missing(find: Callable[[str], object] = importlib.util.find_spec) -> bool:
    """Whether this Python cannot make environments, as Debian's without its venv package."""
    return find("venv") is None or find("ensurepip") is None


def venv_package(version: tuple[int, int] = sys.version_info[:2]) -> str:
    """The Debian package that brings the venv module of this Python."""
    return f"python{version[0]}.{version[1]}-venv"
