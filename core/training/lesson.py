"""The gradients of one optimiser step: of this process's photos, and of all processes' together.

Knows an objective, tensors and the other processes; knows no optimiser, no schedule and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from core.training import remedies
from core.training.objective import Objective, Whole
from core.training.stopping import StopAsked
from core.training.together import Group

if TYPE_CHECKING:
    from core.training.visits import Visit


@dataclass(slots=True)
class Losses:
    """Of one optimiser step, as plain figures."""

    answer: float = 0.0
    mask: float = 0.0

    @property
    def total(self) -> float:
        return self.answer + self.mask


def learn(
    objective: Objective,
    parts: Sequence[Sequence[Visit]],
    parameters: Sequence[torch.nn.Parameter],
    group: Group,
) -> Losses:
    """Puts the gradients of a step's ``parts`` on ``parameters`` and gives back its losses.

    Raises StopAsked, and leaves no gradients, when the end was asked for meanwhile in any process.
    Where memory runs out in one process of a group, all of them raise what says so: a remedy for
    one is one for all.
    """
    whole, losses = Whole.of(parts), Losses()
    asked, short = False, None
    try:
        for part in group.share(parts):
            answer, mask = objective.losses(part, whole)
            torch.autograd.backward(answer + mask)
            losses.answer += answer.item()
            losses.mask += mask.item()
    except StopAsked:
        asked = True
        _forget(parameters)
    except (RuntimeError, MemoryError) as error:
        if group.size == 1 or not remedies.is_out_of_memory(error):
            raise
        # The trace holds on to every tensor of the step; the word to the others needs some room.
        short = error.with_traceback(None)
        _forget(parameters)
    told = group.add(parameters, [losses.answer, losses.mask, asked, short is not None])
    losses, anyone_asked, anyone_short = Losses(*told[:2]), *told[2:]
    if anyone_short:
        raise short or MemoryError("another of the processes ran out of memory")
    if anyone_asked:
        _forget(parameters)
        raise StopAsked
    return losses


def _forget(parameters: Sequence[torch.nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = None
