"""Training, top to bottom: set up, learn, look at held-out leaves, commit, score.

The loop is ours and short, because HF's Trainer commits checkpoints that can be half-written and
normalises accumulation wrongly for Gemma 3 and 4 (``accepts_loss_kwargs = False``). Knows a run
folder and how to report; knows no project, no window and no process.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import TrainingRefused, WorkerFailed
from core.heads.base import Remembering
from core.language import tr
from core.training import adapter, checkpoints, events, learner, scoring
from core.training.checkpoints import Progress
from core.training.config import Tower, TrainConfig
from core.training.forward import converse, mask_loss
from core.training.learner import Learner
from core.training.looking import REPORT_EVERY, Looker, Report, ticker
from core.training.optimising import load_optimiser, optimiser_of, optimiser_state
from core.training.photos import PhotoCache
from core.training.predict import grid_of, head_input
from core.training.run_folder import RunFolder, Sample
from core.training.schedule import Schedule
from core.training.visits import Visit, Visits
from core.training.weave import Asked

SAVE_EVERY = 120.0
"""Seconds between checkpoints, so that a killed run loses no more than that."""


@dataclass(slots=True)
class Losses:
    """Of one optimiser step, as plain figures."""

    total: float = 0.0
    answer: float = 0.0
    mask: float = 0.0


class Recipe:
    """One run. ``stop`` is asked between steps; True ends training with a usable adapter."""

    def __init__(self, run: RunFolder, report: Report, stop: Callable[[], bool]) -> None:
        self.run, self.report, self.stop = run, report, stop
        self.config = TrainConfig.read(run.config)
        self.samples = run.read_samples()
        if problems := self.config.problems():
            raise TrainingRefused(problems)
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        self.train = [i for i, s in enumerate(self.samples) if s.split == "train"]
        if not self.train:
            raise TrainingRefused([tr("There is no photo to train on; label some leaves first.")])
        self.learner: Learner
        self.cache: PhotoCache
        self.features: NDArray[np.float16] | None = None
        self.progress = Progress(0, 0.0, -1.0, 0)

    # -- setting up

    def setup(self) -> None:
        """Loads the model, decodes the photos, encodes them, picks up a checkpoint."""
        self.report(events.Phase("loading"))
        self.learner = learner.load(self.config)
        if self.config.parent:
            adapter.fill(self.learner, Path(self.config.parent))
        self.cache = self._decode(self.samples)
        if self.config.tower is Tower.FROZEN:
            self.features = self._encode()
        self.visits = Visits(self.config, self.cache, self.train)
        self.schedule = Schedule(self.config, self.visits.steps_per_epoch)
        self.looker = Looker(self.run, self.config, self.learner, self.cache)
        self.optimiser = optimiser_of(self.learner, self.config)
        self._resume()

    def _decode(self, samples: Sequence[Sample]) -> PhotoCache:
        if isinstance(self.learner.head, Remembering):
            self.learner.head.keep_in(self.run.root / "cache" / "seen")
        side = max(self.learner.head.spec.side, self.learner.vlm.photo_side)
        tick = ticker(self.report, "reading photos")
        folder = self.run.root / "cache"
        cells = self.learner.head.spec.cells
        return PhotoCache.build(samples, folder, side=side, cells=cells, progress=tick)

    def _encode(self) -> NDArray[np.float16]:
        """Tower features of every photo, once: the tower is frozen, so they never change."""
        channels, rows, columns = self.learner.vlm.grid
        count = len(self.samples)
        out = np.lib.format.open_memmap(
            self.run.root / "cache" / "features.npy",
            mode="w+",
            dtype=np.float16,
            shape=(count, rows * columns, channels),
        )
        tick = ticker(self.report, "encoding photos")
        with torch.inference_mode():
            for start in range(0, count, 8):
                part = self.cache.photos[start : start + 8]
                pixels = self.learner.vlm.pixels([np.asarray(p) for p in part])
                out[start : start + 8] = self.learner.vlm.tower(pixels).half().cpu().numpy()
                tick(min(start + 8, count), count)
                if self.stop():
                    raise TrainingRefused([tr("Training was stopped before it began.")])
        return out

    def _resume(self) -> None:
        saved = checkpoints.latest(self.run.checkpoints)
        if saved is None:
            return
        self.learner.load(saved.weights)
        load_optimiser(self.optimiser, self.learner, saved.optimiser)
        self.progress = saved.progress
        self.report(events.Notice(tr("Going on from step {step}.", step=saved.progress.step)))

    # -- learning

    def fit(self) -> bool:
        """Trains to the end, or until stopped; True when it was stopped."""
        looks = self.schedule.looks(self._done())
        # Everything counts as training time, looks and checkpoints too: a person who asks for
        # fifteen minutes waits fifteen.
        began = time.monotonic() - self.progress.seconds
        if not self.progress.step:
            self._evaluate()
        saved = reported = time.monotonic()
        stopped = False
        while not stopped and self._done() < 1:
            losses = self._step()
            now = time.monotonic()
            self.progress = replace(self.progress, step=self.progress.step + 1, seconds=now - began)
            if now - reported > REPORT_EVERY:
                self._report_step(losses)
                reported = now
            stopped = self.stop()
            if looks and self._done() >= looks[0]:
                looks = [x for x in looks if x > self._done()]
                self._evaluate()
                self._save()
                saved = time.monotonic()
            elif stopped or now - saved > SAVE_EVERY:
                self._save()
                saved = time.monotonic()
        return stopped

    def _done(self) -> float:
        return self.schedule.progress(self.progress.step, self.progress.seconds)

    def _step(self) -> Losses:
        factor = self.schedule.factor(self._done())
        for group in self.optimiser.param_groups:
            group["lr"] = group["top"] * factor
        torch.manual_seed(self.config.seed * 1_000_003 + self.progress.step)
        self.learner.train(True)
        parts = self.visits.step(self.progress.step)
        losses = Losses()
        for part in parts:
            answer, mask = self._forward(part)
            total = (answer + mask) / len(parts)
            torch.autograd.backward(total)
            losses.answer += answer.item() / len(parts)
            losses.mask += mask.item() / len(parts)
        losses.total = losses.answer + losses.mask
        if not np.isfinite(losses.total):
            raise WorkerFailed(
                tr(
                    "Training went out of range (the loss is not a number); the last checkpoint is "
                    "good. Train again with a lower learning rate."
                )
            )
        parameters = [p for g in self.optimiser.param_groups for p in g["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return losses

    def _forward(self, visits: Sequence[Visit]) -> tuple[torch.Tensor, torch.Tensor]:
        """Answer and mask loss of one accumulation part."""
        vlm, head = self.learner.vlm, self.learner.head
        features = self._features(visits)
        questions = [(k, q) for k, visit in enumerate(visits) for q in visit.questions]
        photos = [v.turn.array(self.cache.photo(v.index)) for v in visits]
        maps = head.features(head_input(self.learner, photos), grid_of(self.learner, features))
        asked = [Asked(k, vlm.render(q.prompt, q.answer)) for k, q in questions]
        told = converse(self.learner, vlm.tokens(features), maps, asked)
        # Of whole answers, as they are ranked: a mean over tokens would let the many easy tokens
        # drown the one that tells the diseases apart.
        answer = -told.scores(len(asked)).mean()
        shown = [questions[row] for row in told.mask_rows]
        kept = [j for j, (_, q) in enumerate(shown) if q.target]
        if not kept:
            return answer, answer.new_zeros(())
        truth = np.stack([self._truth(visits[shown[j][0]], shown[j][1].target) for j in kept])
        wanted = torch.from_numpy(truth).to(told.masks.device)
        return answer, mask_loss(told.masks[kept], wanted)

    def _features(self, visits: Sequence[Visit]) -> torch.Tensor:
        """Tower features [B, cells, C] of the turned photos.

        With a frozen tower the cached features are turned instead of the photo: the tower was
        schooled with flips, and encoding every turn would cost four times as much.
        """
        vlm = self.learner.vlm
        if self.features is None:
            photos = [v.turn.array(self.cache.photo(v.index)) for v in visits]
            return vlm.tower(vlm.pixels(photos))
        channels, rows, columns = vlm.grid
        grid = self.features.reshape(-1, rows, columns, channels)
        stack = torch.from_numpy(np.stack([v.turn.array(grid[v.index]) for v in visits]))
        device: Any = vlm.model.device
        dtype: Any = vlm.model.dtype
        return stack.flatten(1, 2).to(device, dtype)

    def _truth(self, visit: Visit, target: str) -> NDArray[np.float32]:
        cover = self.cache.targets[visit.index][target]
        return visit.turn.array(cover).astype(np.float32) / np.float32(255)

    # -- looking and saving

    def _evaluate(self) -> None:
        """Held-out leaves by the generated path; which checkpoint to keep is remembered."""
        event, merit = self.looker.look(self.progress.step)
        if self.progress.step and merit.replaces(self.progress.best):
            best = max(merit.figure, self.progress.best)
            self.progress = replace(self.progress, best=best, best_step=self.progress.step)
        self.report(event)

    def _save(self) -> None:
        state = optimiser_state(self.optimiser, self.learner)
        path = checkpoints.save(self.run.checkpoints, self.learner.state(), state, self.progress)
        best = self.progress.best_step == self.progress.step
        relative = path.relative_to(self.run.root).as_posix()
        self.report(events.Checkpoint(self.progress.step, relative, best))

    # -- ending

    def finish(self, *, stopped: bool) -> None:
        """Puts the best weights into ``adapter/`` and, unless stopped, scores every photo."""
        self.report(events.Phase("saving"))
        best = checkpoints.at(self.run.checkpoints, self.progress.best_step)
        if best is not None:
            self.learner.load(best.weights)
        self.learner.train(False)
        adapter.save_adapter(self.learner, self.config, self.run.adapter)
        if not stopped:
            self.score()
        shutil.rmtree(self.run.root / "cache", ignore_errors=True)
        self.report(events.Finished("adapter", stopped))

    def score(self) -> None:
        """Scores every sample with what is loaded."""
        scores = scoring.score_run(
            self.run,
            self.learner,
            self.config,
            self.samples,
            self.cache.photo,
            ticker(self.report, "scoring"),
        )
        self.report(events.Scored(len(scores), scoring.summary(scores)))

    def score_only(self) -> None:
        """The run's adapter on the run's photos, without training."""
        self.report(events.Phase("loading"))
        self.learner = learner.load(self.config)
        adapter.fill(self.learner, self.run.adapter)
        self.cache = self._decode(self.samples)
        self.score()
        shutil.rmtree(self.run.root / "cache", ignore_errors=True)

    def _report_step(self, losses: Losses) -> None:
        step, seconds = self.progress.step, self.progress.seconds
        self.report(
            events.Step(
                step=step,
                of=self.schedule.expected_steps(step, seconds),
                loss=round(losses.total, 5),
                answer_loss=round(losses.answer, 5),
                mask_loss=round(losses.mask, 5),
                learning_rate=self.optimiser.param_groups[0]["lr"],
                eta=round(self.schedule.eta(step, seconds), 1),
                epoch=round(step / self.visits.steps_per_epoch, 3),
            )
        )
