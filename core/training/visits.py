"""One optimiser step's data: which photos, how they are turned, what they are asked.

Everything random is drawn from the run's seed and the step's or epoch's number, so that a resumed
run goes on exactly as it would have. Knows arrays; knows no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.training.config import Answers, Stage, TrainConfig
from core.training.noise import AS_IT_IS, Noise
from core.training.photos import PhotoCache
from core.training.questions import Known, Question, ask, classify, known_of
from core.training.run_folder import Sample

RAREST = 3.0


@dataclass(frozen=True, slots=True)
class Turn:
    """How a photo is shown: as it is, or flipped. A leaf has no right way up."""

    flip_x: bool = False
    flip_y: bool = False

    def array(self, picture: NDArray[Any]) -> NDArray[Any]:
        """An array whose first two axes are y and x, turned; memory laid out anew."""
        turned = picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(turned)


@dataclass(frozen=True, slots=True)
class Visit:
    """One photo of a step, how it is turned (masks and features with it), what it is asked, and
    how else it is shown."""

    index: int
    turn: Turn
    questions: tuple[Question, ...]
    noise: Noise = AS_IT_IS


class Visits:
    """The order of photos over epochs, and each step's questions."""

    def __init__(
        self,
        config: TrainConfig,
        cache: PhotoCache,
        train: Sequence[int],
        *,
        flips: bool = True,
    ) -> None:
        """``flips``: whether photos may be shown mirrored."""
        self._config, self._flips = config, flips
        self._cache = cache
        self._train = list(train)
        self._weights = weights([cache.samples[i] for i in train], config)

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
        """The photos of one epoch, shuffled: each as often as its weight says, by turns."""
        rng = np.random.default_rng((self._config.seed, 2, epoch))
        # Every photo's share lies end to end; an even comb over them picks each its whole share,
        # rounded up or down, and the permutation lets chance decide which way.
        mixed = rng.permutation(len(self._train))
        ends = np.cumsum(self._weights[mixed])
        teeth = (np.arange(len(self._train)) + rng.random()) * (ends[-1] / len(self._train))
        picked = mixed[np.searchsorted(ends, teeth, side="right").clip(max=len(mixed) - 1)]
        return np.asarray(rng.permutation(np.array(self._train)[picked]))

    def _visit(self, index: int, rng: np.random.Generator) -> Visit:
        config = self._config
        sample = self._cache.samples[index]
        known = known_of(sample.disease, self._cache.targets[index], sample.lesions)
        flip_x, flip_y = (rng.random(2) < 0.5) & self._flips
        questions = asked(config, known, rng)
        if config.stage is Stage.PREFERENCE:  # the frozen copy saw each photo as it is
            return Visit(index, Turn(), tuple(questions))
        noise = Noise.drawn(rng, jitter=config.colour_jitter, unseen=config.feature_dropout)
        return Visit(index, Turn(bool(flip_x), bool(flip_y)), tuple(questions), noise)


def asked(config: TrainConfig, known: Known, rng: np.random.Generator) -> list[Question]:
    """What a run with these settings asks of a photo in one visit."""
    if config.answers is Answers.CLASS:
        return classify(known)
    return ask(known, config.classes, config.healthy, rng)


def weights(samples: Sequence[Sample], config: TrainConfig) -> NDArray[np.float64]:
    """How often each photo is drawn, relative to the others, [n].

    Hard photos are drawn ``hard_weight`` times as often. With ``balance`` a rare disease is drawn
    more often than its photos alone would have it, by that power of its rarity and ``RAREST``
    times at most; without, the model learns how common each disease is as well.
    """
    counts = Counter(s.disease for s in samples)
    usual = len(samples) / len(counts)
    hard = set(config.hard)
    out = np.ones(len(samples))
    for k, sample in enumerate(samples):
        if sample.disease is not None:
            out[k] = min(RAREST, (usual / counts[sample.disease]) ** config.balance)
        if sample.image in hard:
            out[k] *= config.hard_weight
    return out
