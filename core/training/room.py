"""Whether a training fits, asked before anything is loaded.

Knows the forecast and figures; what there is, `core.training.device` knows. Loads nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from core.files import size_text
from core.language import tr, trn
from core.training import calibration, forecast
from core.training.config import TrainConfig
from core.training.forecast import Forecast
from core.training.model_shape import Shape

CHEAPEST = 3
"""Remedies that are told at once."""


def predicted(model: Shape, config: TrainConfig, *, gpu: bool, processes: int = 1) -> Forecast:
    """The forecast of one of ``processes`` that share the photos of a step, corrected by what steps
    like these took on this machine before."""
    config = share(config, processes)
    factor = calibration.factor(config, gpu=gpu)
    return forecast.forecast(model, config, gpu=gpu, factor=1.0 if factor is None else factor)


def share(config: TrainConfig, processes: int) -> TrainConfig:
    """``config`` with the photos at a time that each of ``processes`` looks at
    (`core.training.together.Group.share`)."""
    whole = config.batch_size * config.accumulation
    return replace(config, batch_size=min(config.batch_size, math.ceil(whole / processes)))


def needed(model: Shape, config: TrainConfig, *, gpu: bool, processes: int = 1) -> float:
    """Bytes of one memory: a graphics card's, which each process has to itself, or this computer's,
    in which each of ``processes`` holds the model."""
    one = predicted(model, config, gpu=gpu, processes=processes).total
    return one if gpu else one * processes


def problems(
    model: Shape, config: TrainConfig, *, gpu: bool, total: int, processes: int = 1
) -> list[str]:
    """Why ``config`` cannot be held in ``total`` bytes of memory, with the cheapest ways out;
    nothing where it can, or where nobody says how much there is."""
    wanted = needed(model, config, gpu=gpu, processes=processes)
    if not total or wanted <= total:
        return []
    where = tr("the graphics card") if gpu else tr("this computer")
    if processes > 1 and not gpu:
        said = tr(
            "This training needs about {needed} of memory, since each of {processes} processes "
            "holds the model, and {where} has {total}.",
            needed=size_text(wanted),
            processes=processes,
            where=where,
            total=size_text(total),
        )
    else:
        said = tr(
            "This training needs about {needed} of memory and {where} has {total}.",
            needed=size_text(wanted),
            where=where,
            total=size_text(total),
        )
    return [said, *ways_out(model, config, gpu=gpu, total=total, processes=processes)]


def ways_out(
    model: Shape, config: TrainConfig, *, gpu: bool, total: int, processes: int = 1
) -> list[str]:
    """At most three sentences: what is enough by itself before what is not, the cheapest first;
    that even all of them are not enough is one."""

    def taken(settings: TrainConfig, count: int = processes) -> float:
        return needed(model, settings, gpu=gpu, processes=count)

    fewer = [] if gpu else _fewer(lambda count: taken(config, count), processes, total)
    if not fewer and taken(forecast.smallest(config, taken)) > total:
        return [tr("No setting makes it fit; choose a smaller base model.")]
    found = sorted(forecast.savings(config, taken), key=lambda one: one.bytes > total)
    said = [
        tr("{remedy} That takes {needed}.", remedy=one.text, needed=size_text(one.bytes))
        for one in found
    ]
    return [*fewer, *said][:CHEAPEST]


def _fewer(taken: Callable[[int], float], processes: int, total: int) -> list[str]:
    """The most processes whose memory there is, as a remedy; nothing where not even one fits."""
    for count in range(processes - 1, 0, -1):
        if taken(count) <= total:
            return [
                trn(
                    "Start {n} process. That takes {needed}.",
                    "Start {n} processes. That takes {needed}.",
                    count,
                    needed=size_text(taken(count)),
                )
            ]
    return []
