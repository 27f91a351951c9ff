"""Whether a training fits, asked before anything is loaded.

Knows the forecast and figures; what there is, `core.training.device` knows. Loads nothing.
"""

from __future__ import annotations

from core.files import size_text
from core.language import tr
from core.training import calibration, forecast
from core.training.config import TrainConfig
from core.training.forecast import Forecast
from core.training.model_shape import Shape

CHEAPEST = 3
"""Remedies that are told at once."""


def predicted(model: Shape, config: TrainConfig, *, gpu: bool) -> Forecast:
    """The forecast, corrected by what steps like these took on this machine before."""
    factor = calibration.factor(config, gpu=gpu)
    return forecast.forecast(model, config, gpu=gpu, factor=1.0 if factor is None else factor)


def problems(model: Shape, config: TrainConfig, *, gpu: bool, total: int) -> list[str]:
    """Why ``config`` cannot be held in ``total`` bytes of memory, with the cheapest ways out;
    nothing where it can, or where nobody says how much there is."""
    needed = predicted(model, config, gpu=gpu).total
    if not total or needed <= total:
        return []
    where = tr("the graphics card") if gpu else tr("this computer")
    said = tr(
        "This training needs about {needed} of memory and {where} has {total}.",
        needed=size_text(needed),
        where=where,
        total=size_text(total),
    )
    return [said, *ways_out(model, config, gpu=gpu, total=total)]


def ways_out(model: Shape, config: TrainConfig, *, gpu: bool, total: int) -> list[str]:
    """At most three sentences, the cheapest first; that even all of them are not enough is one."""

    def needed(settings: TrainConfig) -> float:
        return predicted(model, settings, gpu=gpu).total

    if needed(forecast.smallest(config, needed)) > total:
        return [tr("No setting makes it fit; choose a smaller base model.")]
    found = forecast.savings(config, needed)[:CHEAPEST]
    return [
        tr("{remedy} That takes {needed}.", remedy=one.text, needed=size_text(one.bytes))
        for one in found
    ]
