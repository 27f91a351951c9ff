"""How many photos at a time: the most that memory has room for, of those of an optimiser step.

A step's loss is the mean over all its photos however it is cut (`core.training.objective`), so this
changes time and memory and nothing that is learnt. What a part takes is foreseen by the formulae,
held to what real parts of one and of two photos took. Found once, when a run begins, and kept with
it (`core.training.remedies`): another cut adds up in another order, and a run that goes on would no
longer end bit for bit as it would have. Knows figures; knows no tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.files import size_text
from core.language import trn
from core.training import forecast
from core.training.config import TrainConfig
from core.training.model_shape import Shape

LEFT_CARD, LEFT_COMPUTER = 0.1, 0.25
"""Of what is free, the share that is left alone: of a card for what the allocator cannot use, of a
computer's memory for the other programs too, which would begin to swap."""


Needed = Callable[[int], float]
"""Gives the bytes that so many photos at a time take in one process."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes at the peak of a part of one photo and of one of two, above what is held between them.

    ``two`` is None where one of two was not tried.
    """

    one: float
    two: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """``at_once`` of the ``whole`` photos of a step; ``bytes`` are what they take, of ``free``.

    ``more`` is the next larger number, which would take ``more_bytes``; 0 where there is none.
    ``left`` is the share of ``free`` that is left alone.
    """

    at_once: int
    whole: int
    bytes: float
    free: float
    left: float
    more: int = 0
    more_bytes: float = 0.0

    def sentence(self) -> str:
        """How many at a time and why, for whoever follows the run."""
        if not self.more:
            return trn(
                "{n} photo at a time, all of a step: about {needed} of {free} free memory.",
                "{n} photos at a time, all of a step: about {needed} of {free} free memory.",
                self.at_once,
                needed=size_text(self.bytes),
                free=size_text(self.free),
            )
        return trn(
            "{n} photo at a time, {whole} a step: {more} would take about {needed}, and of {free} "
            "free memory {left:.0%} is left alone.",
            "{n} photos at a time, {whole} a step: {more} would take about {needed}, and of {free} "
            "free memory {left:.0%} is left alone.",
            self.at_once,
            whole=self.whole,
            more=self.more,
            needed=size_text(self.more_bytes),
            free=size_text(self.free),
            left=self.left,
        )


def part_bytes(model: Shape, config: TrainConfig, taken: Taken, *, gpu: bool) -> Needed:
    """What a part of so many photos takes, in bytes: the formulae's curve through what one and two
    photos took, never flatter than the formulae have it."""

    def plain(at_once: int) -> float:
        return forecast.forecast(model, replace(config, batch_size=at_once), gpu=gpu).step

    # Measured apart, two small figures may differ by less than they should.
    steeper = 1.0 if taken.two is None else (taken.two - taken.one) / (plain(2) - plain(1))
    return lambda at_once: taken.one + max(1.0, steeper) * (plain(at_once) - plain(1))


def sizes(config: TrainConfig, processes: int = 1) -> list[int]:
    """The numbers of photos at a time that there are to choose from, the settings' own first: those
    that divide a step evenly, up to what each of ``processes`` has of it."""
    whole = config.batch_size * config.accumulation
    share = math.ceil(whole / processes)
    every = [n for n in range(config.batch_size, whole + 1) if whole % n == 0]
    # Of those that reach a process's whole share the smallest; a larger one changes nothing.
    return [n for k, n in enumerate(every) if k == 0 or every[k - 1] < share]


def fits(bytes_: float, free: float, *, gpu: bool, processes: int = 1) -> bool:
    """Whether ``free`` bytes have room for what each of ``processes`` takes, the margin left alone.

    On a card each has ``free`` to itself, else all take theirs out of it.
    """
    return bytes_ * (1 if gpu else processes) <= (1 - _left(gpu)) * free


def find(
    config: TrainConfig, needed: Needed, free: float, *, gpu: bool, processes: int = 1
) -> Found:
    """The most photos at a time that fit (``fits``); the settings' own number where no more do."""
    whole = config.batch_size * config.accumulation
    share, several = math.ceil(whole / processes), 1 if gpu else processes
    at_once, *larger = sizes(config, processes)
    found = Found(at_once, whole, several * needed(min(at_once, share)), free, _left(gpu))
    for n in larger:
        one = needed(min(n, share))
        if not fits(one, free, gpu=gpu, processes=processes):
            return replace(found, more=n, more_bytes=several * one)
        found = replace(found, at_once=n, bytes=several * one)
    return found


def _left(gpu: bool) -> float:
    return LEFT_CARD if gpu else LEFT_COMPUTER


def unmeasured(config: TrainConfig) -> str:
    """The sentence where nobody says what a step takes, or how much memory is free."""
    return trn(
        "{n} photo at a time, {whole} a step, for what a step takes cannot be measured here.",
        "{n} photos at a time, {whole} a step, for what a step takes cannot be measured here.",
        config.batch_size,
        whole=config.batch_size * config.accumulation,
    )


def no_room(config: TrainConfig) -> str:
    """The sentence where memory ran out when two photos were tried."""
    return trn(
        "{n} photo at a time, {whole} a step: memory ran out when more were tried.",
        "{n} photos at a time, {whole} a step: memory ran out when more were tried.",
        config.batch_size,
        whole=config.batch_size * config.accumulation,
    )


def kept(at_once: int, whole: int) -> str:
    """The sentence of a run that goes on with what was found when it began."""
    return trn(
        "{n} photo at a time, {whole} a step, as was found when the run began.",
        "{n} photos at a time, {whole} a step, as was found when the run began.",
        at_once,
        whole=whole,
    )
