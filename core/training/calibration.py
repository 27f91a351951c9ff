"""What real steps took of memory on this machine, beside what the formulae said.

One number a base model, method, tower, mask head, kind of answers and device: measured over
predicted, of what a step allocates. The next forecast of that is multiplied by it. Kept in a small
JSON file in the person's data folder; losing it costs nothing. Knows a file; measures nothing.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import platformdirs

from core import files
from core.errors import UserError
from core.training.config import TrainConfig

FORMULAE = 3
"""Raised with the formulae: what was measured against others corrects nothing here."""
MOST = 10.0
"""A factor beyond this, or below its inverse, is no correction but a fault of measuring."""


def key(config: TrainConfig, *, gpu: bool) -> str:
    """What a factor is remembered under."""
    device = "gpu" if gpu else "cpu"
    again = "again" if config.recompute else "kept"
    base = f"{config.base}|{Path(config.base_path).name}"
    what = f"{config.method}|{config.tower}|{config.head}|{config.answers}"
    return f"{base}|{what}|{again}|{device}|{FORMULAE}"


def factor(config: TrainConfig, *, gpu: bool) -> float | None:
    """Measured over predicted, None where nothing was measured here yet."""
    found = _read().get(key(config, gpu=gpu))
    return found if found is not None and 1 / MOST < found < MOST else None


def remember(config: TrainConfig, value: float, *, gpu: bool) -> None:
    """Notes a measured factor. Failing does no harm."""
    known = _read() | {key(config, gpu=gpu): round(value, 4)}
    with contextlib.suppress(UserError), files.whole_file(_file()) as draft:
        draft.write_text(json.dumps(known, indent=1), "utf-8")


def _read() -> dict[str, float]:
    try:
        raw = json.loads(_file().read_text("utf-8"))
        return {str(k): float(v) for k, v in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _file() -> Path:
    return Path(platformdirs.user_data_dir("leafspot", appauthor=False)) / "memory.json"
