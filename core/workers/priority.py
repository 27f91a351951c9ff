"""How a long job leaves the processor to the person who works meanwhile.

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


def give_way() -> None:
    """Let every other program of the person go first from now on.

    On Linux this holds for the calling thread and all it starts: call it before any library starts
    threads. Programs that this one starts inherit it everywhere.
    """
    if sys.platform == "win32":
        from ctypes import wintypes

        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.SetPriorityClass.argtypes = (wintypes.HANDLE, wintypes.DWORD)
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), BELOW_NORMAL)
    else:
        os.nice(STEPS)
