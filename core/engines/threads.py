"""How many cores a short click takes.

A small network's answer for a part of a photo is there before its threads have gained anything on
each other, and the window paints at the same time: where both want every core, the click waits at
each layer for the thread that was put aside. Knows torch's threads; knows no engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def half_the_cores() -> Iterator[None]:
    """What is done inside has half of torch's threads, one at least; the rest is the window's."""
    import torch

    all_of_them = torch.get_num_threads()
    torch.set_num_threads(max(1, all_of_them // 2))
    try:
        yield
    finally:
        torch.set_num_threads(all_of_them)
