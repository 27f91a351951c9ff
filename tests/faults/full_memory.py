"""Makes memory seem to have run out within a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from core.training import objective


def runs_out(monkeypatch: pytest.MonkeyPatch, when: Callable[[int], bool]) -> None:
    """From now on a part of so many photos finds no room ``when`` that is so."""
    real = objective.Objective.losses

    def hungry(self: objective.Objective, visits: Sequence[object], whole: object) -> object:
        if when(len(visits)):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(self, visits, whole)  # type: ignore[arg-type]

    monkeypatch.setattr(objective.Objective, "losses", hungry)
