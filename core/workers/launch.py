"""How a worker is started: its command line and its environment.

Knows names and paths; starts nothing, so that QProcess and subprocess share it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core import language

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds ``core``: the checkout, or site-packages when installed."""

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


def environment() -> dict[str, str]:
    """This process's environment with what a worker needs."""
    path = os.environ.get("PYTHONPATH", "")
    parts = [str(ROOT), *(p for p in path.split(os.pathsep) if p and p != str(ROOT))]
    own = {
        "PYTHONPATH": os.pathsep.join(parts),
        "PYTHONUTF8": "1",
        language.VARIABLE: language.current(),
    }
    return os.environ | OFFLINE | own
