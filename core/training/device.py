"""The device that this process computes on: what it has, and what steps really take of it.

A graphics card where PyTorch sees one, else the computer. Knows torch; knows no model.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from core import registry
from core.errors import ModelMissing, TrainingRefused
from core.services import machine
from core.training import model_shape, room
from core.training.config import TrainConfig
from core.vlms.base import VlmSpec


def insist(config: TrainConfig, *, processes: int = 1) -> None:
    """Raises TrainingRefused where this process's device cannot hold the run, or this computer's
    memory all of the ``processes`` on it.

    A model whose files tell nothing passes: loading it says what is wrong with it.
    """
    spec = registry.find("core.vlms", VlmSpec, config.base)
    try:
        model = model_shape.shape(spec.path(config.base_path))
    except ModelMissing:
        return
    gpu = torch.cuda.is_available()
    total = torch.cuda.mem_get_info()[1] if gpu else machine.memory().total
    if found := room.problems(model, config, gpu=gpu, total=int(total), processes=processes):
        raise TrainingRefused(found)


def peak_above(steps: Callable[[], object]) -> float | None:
    """Bytes at most held during ``steps`` above what was held before; None where nobody says."""
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
    _give_back()
    try:
        # Forgets this process's own high-water mark so far.
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        steps()
        return None
    before = resident()
    steps()
    return float(_status("VmHWM") - before)


def free() -> int:
    """Bytes that this process could still take of its device, what it has freed itself among them;
    0 where nobody says."""
    _give_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info()[0])
    return machine.memory().available


def _give_back() -> None:
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # glibc alone keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes of the computer's memory that this process holds now; 0 where nobody says (Linux
    does)."""
    return _status("VmRSS")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text("ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
