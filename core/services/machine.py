"""The computer: memory, cores, disk, and what torch sees, measured without loading a model here.

Knows operating systems; judges nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from core.workers import launch

PROBE_SECONDS = 180
_PROBE = """
import json, sys
def tell(**found):
    sys.__stdout__.write(json.dumps(found) + "\\n"); sys.__stdout__.flush()
def attempt(name, look):
    try:
        tell(**{name: look()})
    except Exception as error:
        tell(**{name: {"error": f"{type(error).__name__}: {error}"[:500]}})
def torch_():
    import torch
    return {"version": torch.__version__, "threads": torch.get_num_threads()}
def vision():
    import torch, torchvision
    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    return {"version": torchvision.__version__}
def gpu():
    import torch
    if not torch.cuda.is_available():
        return {"name": "", "built_for": torch.version.cuda or ""}
    free, total = torch.cuda.mem_get_info()
    return {"name": torch.cuda.get_device_name(0), "free": free, "total": total}
def four_bit():
    import torch, bitsandbytes
    from bitsandbytes.functional import quantize_4bit, dequantize_4bit
    values = torch.linspace(-1, 1, 256).reshape(4, 64)
    packed, state = quantize_4bit(values, quant_type="nf4")
    gone = (dequantize_4bit(packed, state) - values).abs().max().item()
    assert gone < 0.3, f"NF4 changes values by {gone}"
    return {"version": bitsandbytes.__version__}
for name, look in dict(torch=torch_, torchvision=vision, gpu=gpu, bitsandbytes=four_bit).items():
    attempt(name, look)
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; 0 where the system does not say."""

    total: int
    available: int


def cores() -> int:
    """Processors this process may use."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> Memory:
    """Of the machine, or of the container where it has less."""
    if sys.platform == "win32":
        return _windows_memory()
    page = os.sysconf("SC_PAGE_SIZE")
    total = page * os.sysconf("SC_PHYS_PAGES")
    available = _meminfo("MemAvailable")
    if not available:
        with contextlib.suppress(ValueError, OSError):
            available = page * os.sysconf("SC_AVPHYS_PAGES")
    limit = _container_limit()
    if 0 < limit < total:
        return Memory(limit, min(available or limit, limit))
    return Memory(total, available or total)


def _meminfo(name: str) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/meminfo") as file:  # noqa: PTH123 - not a file of anybody's
        for line in file:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


def _container_limit() -> int:
    with contextlib.suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max") as file:  # noqa: PTH123 - likewise
        return int(file.read())
    return 0


def _windows_memory() -> Memory:
    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((f"field{i}", ctypes.c_ulonglong) for i in range(7)),
        )

    status = Status()
    status.length = ctypes.sizeof(status)
    windows: Any = vars(ctypes).get("windll")
    if windows is None or not windows.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return Memory(0, 0)
    return Memory(int(status.field0), int(status.field1))


def probe_torch() -> dict[str, dict[str, Any]]:
    """What torch, torchvision, bitsandbytes and the graphics card say, each or {"error": …}.

    In a process of its own: what crashes there says so, and does not take us along.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            env=launch.environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"torch": {"error": str(error)[:500]}}
    found: dict[str, dict[str, Any]] = {}
    for line in done.stdout.splitlines():
        with contextlib.suppress(ValueError):
            found |= json.loads(line)
    if done.returncode:
        for name in ("torch", "torchvision", "gpu", "bitsandbytes"):
            found.setdefault(name, {"error": f"the process ended with status {done.returncode}"})
    return found
