"""What real steps took of memory on this machine, beside what the formulae said.

One number a base model, method and device: measured over predicted, of what a step allocates. The
next forecast is multiplied by it. Kept in a small JSON file in the person's data folder; losing it
costs nothing. Knows a file and how to ask for a peak; knows no model.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

from core import files
from core.errors import UserError
from core.training.config import TrainConfig

MOST = 10.0
"""A factor beyond this, or below its inverse, is no correction but a fault of measuring."""


def key(config: TrainConfig, *, gpu: bool) -> str:
    """What a factor is remembered under."""
    device = "gpu" if gpu else "cpu"
    again = "again" if config.recompute else "kept"
    return f"{config.base}|{Path(config.base_path).name}|{config.method}|{again}|{device}"


def factor(config: TrainConfig, *, gpu: bool) -> float | None:
    """Measured over predicted, None where nothing was measured here yet."""
    found = _read().get(key(config, gpu=gpu))
    return found if found is not None and 1 / MOST < found < MOST else None


def remember(config: TrainConfig, value: float, *, gpu: bool) -> None:
    """Notes a measured factor. Failing does no harm."""
    known = _read() | {key(config, gpu=gpu): round(value, 4)}
    with contextlib.suppress(UserError), files.whole_file(_file()) as draft:
        draft.write_text(json.dumps(known, indent=1), "utf-8")


def peak_above(steps: Callable[[], object]) -> float | None:
    """Bytes at most held during ``steps`` above what was held before; None where nobody says."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        steps()
        torch.cuda.synchronize()
        return float(torch.cuda.max_memory_allocated() - before)
    if not sys.platform.startswith("linux"):
        steps()
        return None
    try:
        # Forgets this process's own high-water mark so far.
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        steps()
        return None
    before = _status("VmRSS")
    steps()
    return float(_status("VmHWM") - before)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text("ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _read() -> dict[str, float]:
    try:
        raw = json.loads(_file().read_text("utf-8"))
        return {str(k): float(v) for k, v in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _file() -> Path:
    return Path(platformdirs.user_data_dir("leafspot", appauthor=False)) / "memory.json"
