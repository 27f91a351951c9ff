"""One optimiser step's data: which photos, how they are turned, what they are asked.

Everything random is drawn from the run's seed and the step's or epoch's number, so that a resumed
run goes on exactly as it would have. Knows arrays; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.training.config import TrainConfig
from core.training.photos import PhotoCache
from core.training.questions import Question, ask, known_of


@dataclass(frozen=True, slots=True)
class Visit:
    """One photo of a step, and what it is asked. Flips are applied to photo, features and masks."""

    index: int
    flip_x: bool
    flip_y: bool
    questions: tuple[Question, ...]

    def turn(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        """Flips an array whose first two axes are y and x."""
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


class Visits:
    """The order of photos over epochs, and each step's questions."""

    def __init__(self, config: TrainConfig, cache: PhotoCache, train: Sequence[int]) -> None:
        self._config = config
        self._cache = cache
        self._train = list(train)
        self._hard = set(config.hard)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps that show every photo about once."""
        per_step = self._config.batch_size * self._config.accumulation
        return max(1, len(self._train) // per_step)

    def step(self, number: int) -> list[list[Visit]]:
        """The visits of optimiser step ``number`` (from 0), split into accumulation parts."""
        epoch, place = divmod(number, self.steps_per_epoch)
        order = self._order(epoch)
        per_step = self._config.batch_size * self._config.accumulation
        chosen = order[place * per_step : (place + 1) * per_step]
        rng = np.random.default_rng((self._config.seed, 1, number))
        visits = [self._visit(int(i), rng) for i in chosen]
        size = self._config.batch_size
        return [visits[k : k + size] for k in range(0, len(visits), size)]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """A permutation of the training photos; hard ones, if any, are drawn more often."""
        rng = np.random.default_rng((self._config.seed, 2, epoch))
        every = np.array(self._train)
        if not self._hard:
            return np.asarray(rng.permutation(every))
        ids = [self._cache.samples[i].image for i in self._train]
        weight = np.array([self._config.hard_weight if i in self._hard else 1.0 for i in ids])
        return np.asarray(rng.choice(every, size=len(every), p=weight / weight.sum()))

    def _visit(self, index: int, rng: np.random.Generator) -> Visit:
        known = known_of(self._cache.samples[index].disease, self._cache.targets[index])
        flip_x, flip_y = rng.random(2) < 0.5
        questions = ask(known, self._config.classes, self._config.healthy, rng)
        return Visit(index, bool(flip_x), bool(flip_y), tuple(questions))
