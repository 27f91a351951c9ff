"""What a run shows while it learns: held-out figures, the watched leaves' masks, how far it got.

Knows a model, its photos and the run folder; knows no optimiser.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from core.domain.run import Score
from core.imaging.probability import write_probability
from core.training import checkpoints, events, prompts, scoring
from core.training.config import TrainConfig
from core.training.learner import Learner
from core.training.photos import PhotoCache
from core.training.predict import Prediction
from core.training.run_folder import RunFolder, Sample
from core.training.stopping import StopAsked

Report = Callable[[events.TrainEvent], None]
MOST_EVALUATED = 64
"""Held-out photos looked at during training; scoring afterwards looks at all of them."""
REPORT_EVERY = 0.3
"""Seconds between two reports of the same kind."""


class Merit(NamedTuple):
    """How good a model is on the leaves looked at, higher is better, and the standard error."""

    figure: float
    error: float

    def replaces(self, best: float) -> bool:
        """Whether a later checkpoint should take the place of one whose figure was ``best``.

        It should unless it is worse by more than its standard error (the rule of Breiman et al.,
        Classification and Regression Trees, 1984): on a few dozen leaves the highest figure is
        mostly the luckiest, and with a falling learning rate a later model is the better bet.
        """
        return self.figure >= best - self.error


def merit(scores: Sequence[Score]) -> Merit:
    """Accuracy plus mean Dice, each 0 where nothing is known."""
    right = [float(s.predicted == s.truth) for s in scores if s.truth is not None]
    dice = [s.dice for s in scores if s.dice is not None]
    parts = [np.array(values) for values in (right, dice) if values]
    figure = sum(float(x.mean()) for x in parts)
    return Merit(figure, sum(float(x.var()) / len(x) for x in parts) ** 0.5)


class Looker:
    """Looks at the same held-out photos, by the generated path, whenever asked."""

    def __init__(
        self, run: RunFolder, config: TrainConfig, learner: Learner, cache: PhotoCache
    ) -> None:
        self._run, self._config = run, config
        self._learner, self._cache = learner, cache
        samples = cache.samples
        held_out = [i for i, s in enumerate(samples) if s.split == "val"]
        # Outlined ones first, always the same.
        held_out.sort(key=lambda i: not samples[i].mask_known)
        self._held_out = held_out[:MOST_EVALUATED]
        watched = {int(i) for i in config.watch}
        self._watched = [i for i, s in enumerate(samples) if s.image in watched]

    @property
    def measures(self) -> bool:
        """Whether any leaf is held out, so that there is a figure to speak of."""
        return bool(self._held_out)

    def look(
        self, step: int, stop: Callable[[], bool] = lambda: False
    ) -> tuple[events.Evaluated, Merit]:
        """The event to report, and what checkpoints are compared by.

        ``stop`` is asked between photos; raises StopAsked when it says so.
        """
        self._learner.train(False)
        indices = list(dict.fromkeys(self._held_out + self._watched))
        samples = [self._cache.samples[i] for i in indices]
        said = scoring.predictions(
            self._learner,
            self._config,
            samples,
            lambda k: self._cache.photo(indices[k]),
        )
        watch: dict[str, str] = {}
        watch_dice: dict[str, float] = {}
        scores: list[Score] = []
        for i, sample, one in zip(indices, samples, said, strict=True):
            if stop():
                raise StopAsked
            score = scoring.score(self._run, sample, one)
            if i in self._held_out:
                scores.append(score)
            if i in self._watched and prompts.LESION_TARGET in one.targets:
                watch[str(sample.image)] = self._keep(step, sample, one)
                if score.dice is not None:
                    watch_dice[str(sample.image)] = score.dice
        found = scoring.summary(scores) if scores else {}
        scoring.write_scores(self._run.look_scores(step), scores)
        event = events.Evaluated(
            step=step,
            dice=found.get("lesion_dice"),
            leaf_dice=found.get("leaf_dice"),
            accuracy=found.get("accuracy"),
            leaves=len(scores),
            watch=watch,
            watch_dice=watch_dice,
        )
        return event, merit(scores)

    def _keep(self, step: int, sample: Sample, said: Prediction) -> str:
        """Writes the lesion picture of a watched leaf; its path relative to the run folder."""
        folder = self._run.watch / checkpoints.folder_name(step)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{sample.image}.png"
        write_probability(path, said.targets[prompts.LESION_TARGET])
        return path.relative_to(self._run.root).as_posix()


def ticker(
    report: Report, phase: str, stop: Callable[[], bool] = lambda: False
) -> Callable[[int, int], None]:
    """Reports a phase's progress (done, total), at most a few times a second.

    What it gives raises StopAsked when ``stop`` says so.
    """
    last = 0.0

    def tick(done: int, total: int) -> None:
        nonlocal last
        if stop():
            raise StopAsked
        now = time.monotonic()
        if done == total or now - last > REPORT_EVERY:
            last = now
            report(events.Phase(phase, done, total))

    return tick
