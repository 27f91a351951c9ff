"""After a training process has ended badly: whether to start it again by itself, and with what.

Memory that ran out, in whichever process: the same optimiser steps in less memory. A graphics card
that was lost: once more from the checkpoint, for only a new process gets it back. Anything else is
for the person to decide. Knows a run's folder and how its process ended; starts nothing.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

from core.services.runs import run_config
from core.training import remedies
from core.training.run_folder import RunFolder
from core.workers.outcome import Ending, Outcome

KILLS = Path("/proc/vmstat")


def prepare(
    folder: RunFolder, outcome: Outcome, *, kills_before: int = 0, processes: int = 1
) -> bool:
    """Whether the same command should be run again; what it does otherwise is written down then.

    ``kills_before`` is what ``memory_kills`` said when the process was started; of more than one
    of ``processes``, ``outcome`` is their launcher's. Raises TrainingRefused, DiskFull and
    ExportRefused.
    """
    match _cause(outcome, kills_before, processes):
        case remedies.OUT_OF_MEMORY:
            return _smaller(folder, processes)
        case remedies.DEVICE_LOST:
            return _once_more(folder)
    return False


def memory_kills() -> int:
    """How many processes the kernel has killed for memory since it started; 0 where unknown."""
    try:
        lines = KILLS.read_text("ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    except (OSError, ValueError, StopIteration, IndexError):
        return 0


def _cause(outcome: Outcome, kills_before: int, processes: int) -> str:
    code = ""
    if outcome.ending is Ending.FAILED and outcome.last is not None:
        code = str(outcome.last.get("code"))
        if code != remedies.PARTED:
            return code
    killed = outcome.crashed and outcome.code == getattr(signal, "SIGKILL", 9)
    if processes > 1:  # a launcher outlives those that it started
        killed = bool(code) or outcome.ending is Ending.CRASHED
    # Somebody who kills it by hand wants it gone; the kernel counts those that it killed itself.
    if killed and memory_kills() > kills_before:
        return remedies.OUT_OF_MEMORY
    return ""


def _smaller(folder: RunFolder, processes: int) -> bool:
    before = remedies.applied(run_config(folder), folder)
    config = remedies.smaller(before, processes)
    if config is None:
        return False
    done = replace(
        remedies.read(folder), batch_size=config.batch_size, accumulation=config.accumulation
    )
    if config.recompute and not before.recompute:
        done = replace(done, recompute=1)
    remedies.write(folder, done)
    return True


def _once_more(folder: RunFolder) -> bool:
    """Not twice at one step: a card that is lost again there is not lost by a sleep."""
    done, step = remedies.read(folder), folder.committed_step
    if done.restarts and done.step == step:
        return False
    remedies.write(folder, replace(done, step=step, restarts=done.restarts + 1))
    return True
