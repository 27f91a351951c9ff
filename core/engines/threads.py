"""How many cores a click takes.

A click of a small network is over before its threads have gained on each other, and the window
paints at the same time: where both want every core, the click waits at each layer for the thread
that was put aside. Knows torch's threads; knows no engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def half_the_cores() -> Iterator[None]:
    """What is done inside leaves the other half, one at least of two, to the window."""
    import torch

    all_of_them = torch.get_num_threads()
    torch.set_num_threads(max(1, all_of_them // 2))
    try:
        yield
    finally:
        torch.set_num_threads(all_of_them)
