"""How a worker is started: its command line and its environment.

Knows names and paths; starts nothing, so that QProcess and subprocess share it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core import language
from core.workers import priority

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds ``core``: the checkout, or site-packages when installed."""
ACCELERATE = ROOT / "resources" / "accelerate"
"""Settings for its launcher."""

OFFLINE = {
    # Set before any library is imported: nothing leaves the machine, and nobody asks to.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # Two copies of a tokenizer's thread pool on two cores help nobody.
    "TOKENIZERS_PARALLELISM": "false",
}


def command(worker: str, *args: str) -> list[str]:
    """The argv that runs ``core.workers.<worker>``.

    ``-P`` keeps the current folder off the import path: a ``json.py`` beside the photos must not
    become part of the program.
    """
    return [sys.executable, "-P", "-m", f"core.workers.{worker}", *args]


def shared_command(processes: int, worker: str, *args: str) -> list[str]:
    """The argv that runs it in several ``processes``, which accelerate starts."""
    python, *words = by_hand(processes, worker, *args)
    return [python, "-P", *words]


def by_hand(processes: int, worker: str, *args: str) -> list[str]:
    """Either of them for a person's terminal; in a checkout, in the folder that holds ``core``.

    By this Python's own path: a terminal knows another one, or none, and no ``accelerate``.
    """
    if processes == 1:
        return [sys.executable, "-m", f"core.workers.{worker}", *args]
    threads = max(1, (os.cpu_count() or 1) // processes)
    # A settings file of ours, for accelerate would read the person's own otherwise; a free port.
    return [sys.executable, "-m", "accelerate.commands.accelerate_cli",
            "launch", "--config_file", str(ACCELERATE / "two-processes.yaml"),
            "--num_processes", str(processes), "--num_cpu_threads_per_process", str(threads),
            "--main_process_port", "0", "-m", f"core.workers.{worker}", *args]  # fmt: skip


def environment() -> dict[str, str]:
    """This process's environment with what a worker needs."""
    path = os.environ.get("PYTHONPATH", "")
    parts = [str(ROOT), *(p for p in path.split(os.pathsep) if p and p != str(ROOT))]
    own = {
        "PYTHONPATH": os.pathsep.join(parts),
        "PYTHONUTF8": "1",
        "PYTHONSAFEPATH": "1",  # what -P is, for those that a launcher starts
        language.VARIABLE: language.current(),
    }
    return os.environ | OFFLINE | priority.waiting() | own
