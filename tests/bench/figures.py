"""What the benches share: figures that tell our own time from waiting for a busy machine.

A call takes the clock's time and the processor's. They differ when it waits: for a disk or a lock
of ours, or because another program has the core. The kernel counts the latter ("put off"), so that
a figure can also be given for the calls that nobody disturbed. Where it does not count (anywhere
but on Linux) that column is empty.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

try:
    import resource

    THREAD = resource.RUSAGE_THREAD
except (ImportError, AttributeError):
    THREAD = None


@dataclass(frozen=True)
class Figure:
    """One measured thing, in milliseconds; ``target`` is what its p95 by the clock may be.

    ``least``, ``p50`` and ``p95`` are by the clock, ``cpu`` is the thread's median processor time,
    ``cpu95`` its p95, ``calm`` the median in the calmest of several blocks of calls: caches that
    other programs fill cost processor time as well. ``alone`` is the p95 by the clock of the calls
    that were never put off, and ``put_off`` the part of the calls that were, 0 to 1; both None
    where nobody counts.
    """

    name: str
    least: float
    p50: float
    p95: float
    cpu: float
    cpu95: float
    calm: float
    alone: float | None
    put_off: float | None
    target: float | None = None

    @property
    def met(self) -> bool:
        return self.target is None or self.p95 <= self.target

    @property
    def verdict(self) -> str:
        """The target; when it was missed, whether the undisturbed calls would have met it."""
        if self.target is None:
            return ""
        if self.met:
            return f"{self.target:g}"
        if self.alone is None:  # nobody counts, or no call was left in peace
            return f"{self.target:g} MISSED" + (", always disturbed" if self.put_off else "")
        return f"{self.target:g} MISSED" + (", others" if self.alone <= self.target else "")


class Watch:
    """Times calls one by one, in the thread that makes them."""

    def __init__(self) -> None:
        self.clock: list[float] = []
        self.busy: list[float] = []
        self.put_off: list[bool] = []
        self.blocks: list[float] = []

    def __call__(self, call: Callable[[], object], *, due: float | None = None) -> None:
        """``due`` is when the call should have begun, by ``time.perf_counter``."""
        waits, begin, busy = _waits(), time.perf_counter(), time.thread_time()
        call()
        self.busy.append((time.thread_time() - busy) * 1e3)
        self.clock.append((time.perf_counter() - (begin if due is None else due)) * 1e3)
        self.put_off.append(_waits() != waits)

    def add(self, other: Watch) -> None:
        """The calls of ``other`` as well, as a block of their own."""
        self.blocks.append(statistics.median(other.busy))
        self.clock += other.clock
        self.busy += other.busy
        self.put_off += other.put_off

    def figure(self, name: str, target: float | None = None) -> Figure:
        alone = [t for t, late in zip(self.clock, self.put_off, strict=True) if not late]
        return Figure(
            name,
            min(self.clock),
            statistics.median(self.clock),
            p95(self.clock),
            statistics.median(self.busy),
            p95(self.busy),
            min(self.blocks, default=statistics.median(self.busy)),
            p95(alone) if THREAD is not None and alone else None,
            None if THREAD is None else sum(self.put_off) / len(self.put_off),
            target,
        )


def _waits() -> int:
    """How often the kernel has given this thread's core to somebody else."""
    return 0 if THREAD is None else resource.getrusage(THREAD).ru_nivcsw


def p95(figures: Iterable[float]) -> float:
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def watched(calls: Iterable[Callable[[], object]]) -> Watch:
    """Run every call once."""
    watch = Watch()
    for call in calls:
        watch(call)
    return watch


def table(figures: list[Figure], width: int = 42) -> str:
    heads = ("least", "p50", "p95", "undisturbed", "put off", "cpu p50", "cpu p95", "calmest")
    lines = [f"{'ms by the clock':{width}}" + "".join(f"{h:>12}" for h in heads) + "   target"]
    for f in figures:
        cells = [f"{v:.1f}" if v >= 10 else f"{v:.2f}" for v in (f.least, f.p50, f.p95)]
        cells.append("–" if f.alone is None else f"{f.alone:.2f}")
        cells.append("–" if f.put_off is None else f"{f.put_off:.0%}")
        cells += [f"{f.cpu:.2f}", f"{f.cpu95:.2f}", f"{f.calm:.2f}"]
        row = f"{f.name:{width}}" + "".join(f"{c:>12}" for c in cells)
        lines.append(f"{row}   {f.verdict}".rstrip())
    return "\n".join(lines)


def fields(figure: Figure) -> dict[str, object]:
    """For JSON."""
    return asdict(figure) | {"met": figure.met}


def machine() -> str:
    """The processor, and how busy it is now: ask before measuring."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [v for v in info.read_text().splitlines() if v.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    said = f"{model}, {os.cpu_count()} cores, {platform.system()}"
    if hasattr(os, "getloadavg"):
        loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
        said += f", load at the start {loads} (1, 5, 15 min)"
    if hasattr(os, "nice"):
        said += f", nice {os.nice(0)}"
    return said


def spread(milliseconds: list[float]) -> dict[str, float]:
    """Of times that more than one thread or process took part in: by the clock alone."""
    return {
        "calls": len(milliseconds),
        "least": min(milliseconds),
        "p50": statistics.median(milliseconds),
        "p95": p95(milliseconds),
    }


def spread_row(name: str, found: dict[str, float], target: float | None = None) -> str:
    """One line: least, p50, p95 in ms, the target for p95 and whether it was missed."""
    cells = "".join(f"{found[k]:>10.1f}" for k in ("least", "p50", "p95"))
    missed = " MISSED" if target is not None and found["p95"] > target else ""
    said = "" if target is None else f"   {target:g}{missed}"
    return f"{name:<52}{found['calls']:>6}{cells}{said}"


SPREAD_HEAD = f"{'ms by the clock':<52}{'calls':>6}{'least':>10}{'p50':>10}{'p95':>10}   at most"
