"""How a worker shares the processor with the person who works meanwhile.

Knows the operating system; knows no worker. Takes nothing from a job that is alone on the machine.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

STEPS = 10
"""POSIX niceness over the starter's: next to a program in use it gets a tenth of a core."""
SPINS = "2000"
"""Turns (microseconds) that a thread of a library waits for the others of its pool before it goes
to sleep. As it comes, it waits on for as long as the priority lets it, which keeps its core from
those it waits for: beside one busy program on two cores a training took 0.07 steps a second instead
of the 1.25 that it takes alone, with this 0.67; alone 3 % fewer. The assistant's look at a photo
took 1.9 seconds beside two of them, with this 0.4; alone 0.12 either way (`docs/benches.md`)."""
BELOW_NORMAL = 0x4000
"""BELOW_NORMAL_PRIORITY_CLASS of Windows. The class below stands still beside any busy program."""


Promptly = Callable[[Callable[[], None]], None]
"""Does what it is given, to its end, in another thread; what that raises comes through."""


def stay_prompt() -> Promptly:
    """For what somebody waits for: on Linux a thread that keeps the priority of now.

    To be made before ``give_way``, which cannot be taken back.
    """
    pool = ThreadPoolExecutor(1, "prompt")
    pool.submit(int).result()  # the thread starts with the first work
    return lambda work: pool.submit(work).result()


def waiting() -> dict[str, str]:
    """What in a process's environment lets threads that wait for others leave their cores to
    whoever wants them; nothing where the person's own environment says how they wait.

    For pools of GNU OpenMP, which is what torch has on Linux; read when torch is loaded.
    """
    said = "OMP_WAIT_POLICY" in os.environ or "GOMP_SPINCOUNT" in os.environ
    return {} if said else {"GOMP_SPINCOUNT": SPINS}


def give_way() -> None:
    """Let every other program of the person go first from now on.

    On Linux this holds for the calling thread and all it starts: call it before any library starts
    threads. Programs that this one starts inherit it everywhere. Its threads wait as ``waiting``
    says, however it was started.
    """
    os.environ.update(waiting())
    if sys.platform == "win32":
        from ctypes import wintypes

        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.SetPriorityClass.argtypes = (wintypes.HANDLE, wintypes.DWORD)
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), BELOW_NORMAL)
    else:
        os.nice(STEPS)
