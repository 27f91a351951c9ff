"""Where torch comes from: on Windows with an NVIDIA card, from PyTorch's own CUDA index.

On Linux the plain package runs on the card and on the processor; on Windows the plain package knows
the processor only. Knows cards, not packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

VARIABLE = "LEAFSPOT_TORCH_INDEX"
"""Names another source for torch and torchvision, such as a mirror; empty means pip's own."""

CUDA_INDEX = "https://download.pytorch.org/whl/cu132"
"""The CUDA release that the pinned torch is built for (``torch.version.cuda`` says 13.2)."""


def _lists_a_card() -> bool:
    program = shutil.which("nvidia-smi")
    system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvidia-smi.exe")
    if program is None and system.is_file():
        program = str(system)
    if program is None:
        return False
    try:
        done = subprocess.run(
            [program, "-L"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and "GPU" in done.stdout


def torch_index(
    platform: str = sys.platform, *, has_card: Callable[[], bool] = _lists_a_card
) -> str | None:
    """The index that torch and torchvision are to come from; None for pip's own."""
    asked = os.environ.get(VARIABLE)
    if asked is not None:
        return asked or None
    return CUDA_INDEX if platform == "win32" and has_card() else None
