"""One training step, ours beside the plain peft loop that a user would write.

    python tests/bench/step.py [--json FILE [--add]] [--repeats N] [--peers FOLDER]
        [--cases NAME …] [--settings NAME …]

Time: both models in one process, their steps in turn, the median of each. Memory: a process each,
the most it held during its steps above what it held between them (weights, optimiser and all).
The worst case counts; ``--add`` counts those in FILE from earlier calls, so that a busy machine can
be lent for one case at a time. The case of real weights is left out unless `gemma270` can be
had. ``--peers`` also measures TRL's SFTTrainer in an environment of its own,
made in FOLDER; it trains the words alone. See `step_sides` for what a step is.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

CASES = {
    "gemma-3": ("gemma-3", "small_models:gemma3"),
    "gemma-4": ("gemma-4", "small_models:gemma4_e"),
    "gemma-clip": ("gemma-clip", "small_models:gemma_clip"),
    "gemma-270m": ("gemma-clip", "gemma270:clip"),
}
"""Base model's id, and what makes its folder; the last of real weights."""
AIM = 0.6
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")


def prepared(base: str, setting: str, side: str, folder: Path) -> Callable[[], float]:
    """A step that was taken once already."""
    import step_sides

    batch = step_sides.Batch.of(setting)
    step = step_sides.SIDES[side](base, folder, batch)
    step()
    return step


def times(base: str, setting: str, folder: Path, repeats: int) -> dict[str, list[float]]:
    """Seconds of every step by side, taken in turn."""
    steps = {side: prepared(base, setting, side, folder) for side in ("plain", "ours")}
    found: dict[str, list[float]] = {side: [] for side in steps}
    for _ in range(repeats):
        for side, step in steps.items():
            begin = time.perf_counter()
            step()
            found[side].append(time.perf_counter() - begin)
    return found


def memory(step: Callable[[], float]) -> dict[str, float]:
    """MiB between steps, and at most above that during two of them. Linux."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    between = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    step()
    step()
    return {"resident": between, "above": _status("VmHWM") - between}


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def child(job: str, *args: str, python: str = sys.executable) -> dict[str, object]:
    """What a process of its own measured."""
    # Freed memory goes back to the system at once, else the peak would be the allocator's.
    calm = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576"}
    done = subprocess.run(
        [python, __file__, "--job", job, *args],
        env=os.environ | calm | {"HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{job} {args}: {done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measured(name: str, setting: str, folder: Path, repeats: int) -> dict[str, object]:
    """One case: both ratios and what they are made of."""
    where = (CASES[name][0], setting, str(folder))
    seconds = child("times", *where, str(repeats))
    held = {side: child("memory", *where, side) for side in ("plain", "ours")}
    spent = {side: statistics.median(values) for side, values in seconds.items()}
    return {
        "case": f"{name}, {setting}",
        "seconds": spent,
        "mib": held,
        "time_ratio": spent["ours"] / spent["plain"],
        "memory_ratio": held["ours"]["above"] / held["plain"]["above"],
    }


def job(name: str, args: list[str]) -> object:
    base, setting, folder, last = args
    if name == "times":
        return times(base, setting, Path(folder), int(last))
    if last == "trl":
        import step_trl

        return step_trl.measure(setting, Path(folder), memory)
    return memory(prepared(base, setting, last, Path(folder)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--settings", nargs="+")
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(job(args.job[0], args.job[1:])))
        return 0
    import figures

    said = {"machine": figures.machine(), "versions": {n: version(n) for n in LIBRARIES}}
    print(said["machine"], said["versions"])
    found = every(args)
    if args.add and args.json and args.json.exists():
        mine = {case["case"] for case in found}
        before = json.loads(args.json.read_text("utf-8"))["cases"]
        found = [case for case in before if case["case"] not in mine] + found
    worst = {r: max(float(case[r]) for case in found) for r in ("time_ratio", "memory_ratio")}
    print("worst:", worst, "aim:", AIM)
    if args.json:
        args.json.write_text(json.dumps(said | worst | {"cases": found}, indent=1), "utf-8")
    return 0 if max(worst.values()) <= AIM else 1


def every(args: argparse.Namespace) -> list[dict[str, object]]:
    """What was asked for, measured."""
    import gemma270
    import step_sides

    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.cases:
            if name == "gemma-270m" and not (gemma270.is_kept() or gemma270.is_installed()):
                print(f"{name}: left out, not installed")
                continue
            module, _, maker = CASES[name][1].partition(":")
            folder = getattr(importlib.import_module(module), maker)(Path(scratch) / name)
            for setting in args.settings or step_sides.SETTINGS:
                found.append(measured(name, setting, folder, args.repeats))
                print(_line(found[-1]))
            if args.peers:
                found[-1]["trl"] = peer(args.peers, CASES[name][0], folder)
                print("  TRL's SFTTrainer:", found[-1]["trl"])
    return found


def peer(home: Path, base: str, folder: Path) -> dict[str, object]:
    """SFTTrainer on the same words, or why not."""
    from peers.environments import environment

    ready = environment("trl", home)
    if ready.python is None:
        return {"left out": ready.why}
    return child("memory", base, "one question", str(folder), "trl", python=str(ready.python))


def _line(case: dict[str, object]) -> str:
    seconds, mib = case["seconds"], case["mib"]
    return (
        f"{case['case']:28} step {seconds['ours']:.2f} s beside {seconds['plain']:.2f} s "
        f"({case['time_ratio']:.2f}), above the weights {mib['ours']['above']:,.0f} MiB beside "
        f"{mib['plain']['above']:,.0f} MiB ({case['memory_ratio']:.2f})"
    )


if __name__ == "__main__":
    sys.exit(main())
