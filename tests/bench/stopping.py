"""How soon a training that is asked to stop has stopped, whatever it was doing.

    python tests/bench/stopping.py [--json FILE] [--each 2] [--photos 40] [--only PHASE ...]
                                   [--base FOLDER]

The worker's own process on drawn leaves, `starter` with the default settings (eight photos a step),
asked over its pipe as the window asks. "said" is from the word to its last event, after which the
adapter is whole and verified here; "gone" to the end of the process, which is what the window waits
for. "worked" are the seconds of processor that the process used from the word to its last event:
on a machine that others keep busy that tells its own part. A stop before the first step leaves
nothing to keep, and none is expected then.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core import adapter_package
from core.training.run_folder import RunFolder
from core.workers.client import WorkerClient
from core.workers.outcome import Ending
from core.workers.wire import Message
from tests.bench import figures
from tests.drawn_run import SETTINGS, drawn_run

AIM = 2.0
PATIENCE = 240.0
"""Seconds without an event after which a worker is given up."""
Moment = Callable[[Message, int, int], bool]
"""Whether an event of a run over so many photos and steps is the one to wait for."""


def _phase(event: Message, name: str) -> bool:
    return event.get("event") == "phase" and event.get("phase") == name


PHASES: dict[str, tuple[Moment, float]] = {
    "loading": (lambda e, _photos, _steps: _phase(e, "loading"), 3.0),
    "encoding": (lambda e, _photos, _steps: _phase(e, "encoding photos"), 0.3),
    "first look": (
        lambda e, photos, _steps: _phase(e, "encoding photos") and e.get("done") == photos,
        1.0,
    ),
    "step": (lambda e, _photos, _steps: e.get("event") == "step", 1.0),
    "look": (
        lambda e, _photos, steps: e.get("event") == "step" and int(e["step"]) >= steps // 2 - 1,
        1.0,
    ),
    "saving": (lambda e, _photos, _steps: e.get("event") == "evaluated" and bool(e["step"]), 0.1),
    "scoring": (lambda e, _photos, _steps: _phase(e, "scoring"), 1.0),
}
"""By name: the event to wait for, and up to how many seconds to wait after it."""


@dataclass(frozen=True)
class Stopped:
    """One stop, in seconds from the word; ``adapter`` is whether a whole one was there."""

    phase: str
    said: float
    gone: float
    worked: float
    adapter: bool
    ending: str


def worked(pid: int) -> float:
    """Seconds of processor that the process has used so far; 0 where nobody says."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stop_in(phase: str, folder: Path, args: argparse.Namespace, rng: random.Random) -> Stopped:
    """Trains until ``phase`` and a little further, and stops."""
    base = {"base": "gemma-3", "base_path": str(args.base)} if args.base else {}
    settings = replace(SETTINGS, **base, batch_size=args.batch, epochs=4.0, evaluations=2, rank=16)
    run = drawn_run(folder, photos=args.photos, settings=settings)
    steps = 4 * ((args.photos * 4 // 5) // args.batch)
    moment, most = PHASES[phase]
    with WorkerClient("train", str(run.root), log=folder / "stderr.log") as worker:
        for event in worker.events(PATIENCE):
            if moment(event, args.photos, steps):
                break
        time.sleep(rng.uniform(0.0, most))
        begin, busy = time.monotonic(), worked(worker.pid)
        worker.send("stop")
        told, used = 0.0, 0.0
        for event in worker.events(PATIENCE):
            if event.get("event") in ("finished", "stopped", "failed"):
                told, used = time.monotonic() - begin, worked(worker.pid) - busy
                break
        outcome = worker.outcome()
        gone = time.monotonic() - begin
    return Stopped(phase, told, gone, used, whole(run), outcome.ending.value)


def whole(run: RunFolder) -> bool:
    """Whether there is an adapter that is exactly what it says."""
    if not run.adapter.is_dir():
        return False
    adapter_package.verify(run.adapter)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--only", nargs="*", choices=[*PHASES], default=[*PHASES])
    parser.add_argument("--base", type=Path)
    args = parser.parse_args()
    machine, rng = figures.machine(), random.Random(1)
    print(machine)
    found: list[Stopped] = []
    for turn in range(args.each):
        for phase in args.only:
            with tempfile.TemporaryDirectory() as scratch:
                found.append(stop_in(phase, Path(scratch) / "runs" / str(turn), args, rng))
            print(f"  {asdict(found[-1])}, load {os.getloadavg()[0]:.1f}", flush=True)
    for name in ("said", "gone", "worked"):
        values = [float(getattr(one, name)) for one in found]
        print(f"{name:<8} p50 {statistics.median(values):6.2f} s, max {max(values):6.2f} s")
    if args.json:
        cases = [asdict(one) for one in found]
        args.json.write_text(json.dumps({"machine": machine, "stops": cases}, indent=1) + "\n")
    fine = all(one.gone <= AIM and one.ending != Ending.FAILED for one in found)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
