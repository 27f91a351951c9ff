"""What real parts of a step take of memory, before a run decides how many photos at a time it looks
at (`core.training.batching`).

Forward and backward of a few photos, one at a time and two; nothing is learnt, and no gradient is
left. As in a step, a part meets the gradients of the parts before it, and memory in the pieces that
they left, which on a processor is the larger matter. Knows an objective, the device, and where a
run keeps what was found; knows no step and no schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from core.errors import ModelMissing
from core.training import batching, device, events, learner, model_shape, remedies
from core.training.batching import Taken
from core.training.config import Optimiser, TrainConfig
from core.training.objective import Objective, Whole

if TYPE_CHECKING:
    from torch import nn

    from core.training.looking import Report
    from core.training.run_folder import RunFolder
    from core.training.together import Group
    from core.training.visits import Visit

PHOTOS = 4
"""Looked at, in parts of one and of two: after more parts than that hardly more is held."""


def settle(
    run: RunFolder,
    config: TrainConfig,
    objective: Objective,
    parts: Sequence[Sequence[Visit]],
    report: Report,
    group: Group,
) -> TrainConfig:
    """``config`` with as many photos at a time as the device has room for, found on the ``parts``
    of the first step, told and kept with the run.

    As it is where the person chose, where memory ran out before, and where a run has begun: once it
    has learnt anything another cut would make it another run. Raises as ``find`` does, DiskFull,
    and Left in the processes beside the first.
    """
    if not config.auto_batch_size:
        return config

    def look() -> int:
        if remedies.read(run).batch_size or run.committed_step:
            return config.batch_size
        found, why = find(objective, config, [v for p in parts for v in p], processes=group.size)
        remedies.keep(run, config, found)
        report(events.Notice(why))
        return found

    found = group.first_does(look)
    [told] = group.agree([found or 0])
    whole = config.batch_size * config.accumulation
    return replace(config, batch_size=int(told), accumulation=whole // int(told))


def find(
    objective: Objective,
    config: TrainConfig,
    visits: Sequence[Visit],
    *,
    begun: bool = False,
    processes: int = 1,
) -> tuple[int, str]:
    """How many photos at a time, by parts of the first ``PHOTOS`` of ``visits``, and why in a
    sentence; the settings' own number where nobody says what parts take or how much is free.

    ``begun``: the optimiser holds its moments already. On a card each of ``processes`` is taken
    to have as much as this one. Raises what a part of one photo raises that has no room.
    """
    gpu, few = torch.cuda.is_available(), visits[:PHOTOS]
    own, parameters = config.batch_size, objective.train()
    peak(objective, few[:1], 1)  # what is made once is no part of a step
    one = peak(objective, few, 1)
    free = device.free() - (0 if begun else moments(config, parameters))
    try:
        model = model_shape.shape(learner.base_folder(config))
    except ModelMissing:
        return own, batching.unmeasured(config)
    if one is None or free <= 0 or len(few) < 2:
        return own, batching.unmeasured(config)
    taken = Taken(one)
    needed = batching.part_bytes(model, config, taken, gpu=gpu)
    # A computer whose memory ran out would take the person's other programs along.
    if batching.fits(needed(2), free, gpu=gpu, processes=processes):
        try:
            taken = Taken(one, peak(objective, few, 2))
        except (RuntimeError, MemoryError) as error:
            if not remedies.is_out_of_memory(error):
                raise
            error.__traceback__ = None  # it holds on to every tensor of the part
            _forget(parameters)
            return own, batching.no_room(config)
        needed = batching.part_bytes(model, config, taken, gpu=gpu)
    found = batching.find(config, needed, free, gpu=gpu, processes=processes)
    return found.at_once, found.sentence()


def peak(objective: Objective, visits: Sequence[Visit], at_once: int) -> float | None:
    """Bytes at most that ``at_once`` of ``visits`` at a time hold above what stays; None where
    nobody says."""
    whole, parameters = Whole.of([visits]), objective.train()

    def learn() -> None:
        for k in range(0, len(visits), at_once):
            answer, mask = objective.losses(visits[k : k + at_once], whole)
            torch.autograd.backward(answer + mask)
            del answer, mask

    found = device.peak_above(learn)
    _forget(parameters)
    return found


def _forget(parameters: Sequence[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = None


def moments(config: TrainConfig, parameters: Sequence[nn.Parameter]) -> int:
    """Bytes that the optimiser makes at the first step and keeps."""
    each = 2 if config.optimiser is Optimiser.ADAMW_8BIT else 8
    return each * sum(p.numel() for p in parameters)
