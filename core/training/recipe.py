"""Training, top to bottom: set up, learn, look at held-out leaves, commit, score.

The loop is ours and short, because HF's Trainer commits checkpoints that can be half-written and
normalises accumulation wrongly for Gemma 3 and 4 (``accepts_loss_kwargs = False``). Knows a run
folder, how to report, and with whom it learns; knows no project, no window and no process.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.errors import DiskFull, TrainingRefused, WorkerFailed
from core.heads.base import Remembering
from core.language import tr
from core.training import (
    adapter,
    checkpoints,
    device,
    events,
    learner,
    out_of_range,
    part_trial,
    remedies,
    scoring,
)
from core.training.checkpoints import Progress
from core.training.config import Answers, Stage, Tower, TrainConfig
from core.training.features import Features, base_digest
from core.training.learner import Learner
from core.training.lesson import Losses, learn
from core.training.looking import REPORT_EVERY, Looker, Merit, Report, ticker
from core.training.objective import Objective
from core.training.optimising import load_optimiser, optimiser_of, optimiser_state
from core.training.photos import PhotoCache
from core.training.preference import Preference
from core.training.quick_checks import insist
from core.training.run_folder import RunFolder, Sample
from core.training.schedule import Schedule
from core.training.stopping import StopAsked, heed
from core.training.stopwatch import Stopwatch
from core.training.together import Group
from core.training.visits import Visits

SAVE_EVERY = 120.0
"""Seconds between checkpoints, so that a killed run loses no more than that."""


Promptly = Callable[[Callable[[], None]], None]
"""Does what it is given, to its end, without leaving the processor to others meanwhile."""


class Recipe:
    """One run. ``stop`` is asked all the time; True ends training with a usable adapter.

    Before the first step there is nothing to use: whatever is under way raises StopAsked then.
    ``promptly`` does what a person may be waiting for: the last checkpoint and the adapter.
    In a ``group`` every process has its own Recipe of the same run, and raises Left where the first
    one has come to an end before this one; after ``fit`` the first goes on alone.
    """

    def __init__(
        self,
        run: RunFolder,
        report: Report,
        stop: Callable[[], bool],
        promptly: Promptly = lambda work: work(),
        group: Group | None = None,
    ) -> None:
        self._promptly = promptly
        self.group = group or Group()
        self.run, self.report, self.stop = run, report, self.group.telling(stop)
        self.config = remedies.applied(TrainConfig.read(run.config), run)
        self.samples = run.read_samples()
        if problems := self.config.problems():
            raise TrainingRefused(problems)
        if self.config.threads:
            torch.set_num_threads(max(1, self.config.threads // self.group.size))
        taught = self.config.answers is Answers.MASK
        self.train = [
            i
            for i, s in enumerate(self.samples)
            if s.split == "train" and (taught or s.disease is not None)
        ]
        if not self.train:
            raise TrainingRefused([tr("There is no photo to train on; label some leaves first.")])
        self.learner: Learner
        self.cache: PhotoCache
        self.features: Features | None = None
        self.progress = Progress(0, 0.0, -1.0, 0)
        self._saved = 0
        self._full = False

    # -- setting up

    def setup(self) -> None:
        """Loads the model, decodes the photos, encodes them, picks up a checkpoint.

        ``stop`` is asked from the moment at which the model is loaded.
        """
        if said := remedies.sentence(self.run):
            self.report(events.Notice(said))
        # Of what was found for it on a larger card a run lets go by itself.
        own = TrainConfig.read(self.run.config).batch_size
        least = replace(self.config, batch_size=min(own, self.config.batch_size))
        device.insist(least, processes=self.group.here)
        self.report(events.Phase("loading"))
        self.learner = learner.load(self.config)
        insist(self.learner, self.config, self.report)
        heed(self.learner, self.stop)
        self._unchanging = adapter.Unchanging.of(
            self.learner, self.config, self.run.root / "cache" / f"processor-{self.group.rank}"
        )
        preferring = self.config.stage is Stage.PREFERENCE
        # A run that goes on has what it needs in its checkpoint; only what the preference stage
        # compares with is drawn anew by the adapter that it began with.
        if self.config.parent and (preferring or not checkpoints.steps(self.run.checkpoints)):
            adapter.begin(self.learner, self.config, Path(self.config.parent))
        self.cache = self._decode(self.samples)
        if self.config.tower is Tower.FROZEN:
            self.features = self._encode()
        self.visits = self._visits()
        self.schedule = Schedule(self.config, self.visits.steps_per_epoch)
        self.looker = Looker(self.run, self.config, self.learner, self.cache)
        kind = Preference if preferring else Objective
        self.objective = kind(self.learner, self.config, self.cache, self.features)
        self.optimiser = optimiser_of(self.learner, self.config)
        self._resume()
        self.group.begin_alike(self.learner.parameters().values())
        self.config = part_trial.settle(
            self.run, self.config, self.objective, self.visits.step(0), self.report, self.group
        )
        self.visits = self._visits()

    def _visits(self) -> Visits:
        flips = self.features is None or self.learner.vlm.spec.flips
        return Visits(self.config, self.cache, self.train, flips=flips)

    def _decode(self, samples: Sequence[Sample]) -> PhotoCache:
        if isinstance(self.learner.head, Remembering):
            self.learner.head.keep_in(self.run.root / "cache" / "seen")
        side = max(self.learner.head.spec.side, self.learner.vlm.photo_side)
        tick = ticker(self.report, "reading photos", self.stop)
        folder = self.run.root / "cache"
        cells = self.learner.head.spec.cells
        built = self.group.first_does(
            lambda: PhotoCache.build(samples, folder, side=side, cells=cells, progress=tick)
        )
        return built or PhotoCache.built(samples, folder, cells=cells)

    def _encode(self) -> Features:
        """Tower features of every photo, once: the tower is frozen, so they never change."""
        budget = round(self.config.cache_gib * 2**30)
        digest = base_digest(self._unchanging.base.sha256)
        found = Features(
            self.learner.vlm, self.cache, self.run.features, budget=budget, digest=digest
        )
        tick = ticker(self.report, "encoding photos", self.stop)
        self.group.first_does(lambda: found.prepare(tick))
        return found

    def _resume(self) -> None:
        saved = checkpoints.latest(self.run.checkpoints)
        step = saved.progress.step if saved is not None else 0
        if self.group.agree([step]) != [step]:
            raise WorkerFailed(
                tr("The processes that train together see different checkpoints; start them again.")
            )
        if saved is None:
            return
        self.learner.load(saved.weights)
        load_optimiser(self.optimiser, self.learner, saved.optimiser)
        self.progress = saved.progress
        self._saved = saved.progress.step
        self.report(events.Notice(tr("Going on from step {step}.", step=saved.progress.step)))

    # -- learning

    def fit(self) -> bool:
        """Trains to the end, or until stopped; True when it was stopped.

        Raises WorkerFailed where a loss or gradient is not finite, DiskFull where the last
        checkpoint cannot be written; what was committed before stays in either case.
        """
        stopped = False
        try:
            stopped = self._fit()
        except StopAsked:
            stopped = True
        except (RuntimeError, MemoryError) as error:
            if remedies.is_out_of_memory(error):
                self._save_after(error)
            raise
        if self.progress.step > self._saved:
            self._promptly(lambda: self._save(last=True))
        self.group.leave()
        return stopped

    def _fit(self) -> bool:
        looks = self.schedule.looks(self._done())
        # Everything counts as training time, looks and checkpoints too: a person who asks for
        # fifteen minutes waits fifteen. Only the computer's sleep does not.
        watch = Stopwatch(self.progress.seconds)
        if not self.progress.step:
            self._evaluate()
        tried = reported = watch.read()
        while self._done() < 1 and not self._gained_nothing():
            losses = self._step()
            self.progress = replace(self.progress, step=self.progress.step + 1)
            now, asked = self.group.agree([watch.read(), self.stop()])
            self.progress = replace(self.progress, seconds=now)
            self._tell_of_sleep(watch.slept())
            if now - reported > REPORT_EVERY:
                self._report_step(losses)
                reported = now
            if asked:
                return True
            if looks and self._done() >= looks[0]:
                looks = [x for x in looks if x > self._done()]
                self._evaluate()
                self._save()
                tried = now
            elif now - tried > SAVE_EVERY:
                self._save()
                tried = now
        return False

    def _gained_nothing(self) -> bool:
        """Whether patience is at an end."""
        patience = self.config.patience
        if not patience or self.progress.stale < patience or not self.looker.measures:
            return False
        self.report(
            events.Notice(
                tr(
                    "No gain in {n} evaluations: training ends early, the best checkpoint is kept.",
                    n=self.progress.stale,
                )
            )
        )
        return True

    def _tell_of_sleep(self, seconds: float) -> None:
        if seconds:
            text = tr(
                "The computer slept for {minutes:.0f} minutes; they do not count as training.",
                minutes=seconds / 60,
            )
            self.report(events.Notice(text))

    def _done(self) -> float:
        return self.schedule.progress(self.progress.step, self.progress.seconds)

    def _step(self) -> Losses:
        """One optimiser step. StopAsked within it leaves the weights as they were."""
        factor = self.schedule.factor(self._done())
        for group in self.optimiser.param_groups:
            group["lr"] = group["top"] * factor
        # Whatever dropout draws is each process's own.
        torch.manual_seed(
            self.config.seed * 1_000_003 + self.progress.step + (self.group.rank << 40)
        )
        self.learner.train(True)
        parameters = [p for g in self.optimiser.param_groups for p in g["params"]]
        parts = self.visits.step(self.progress.step)
        losses = learn(self.objective, parts, parameters, self.group)
        length = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
        # Before the step, so that no weight is ever touched by what is not a number.
        if not np.isfinite(losses.total) or not bool(torch.isfinite(length)):
            raise WorkerFailed(out_of_range.sentence(self.progress.step, self._saved))
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return losses

    # -- looking and saving

    def _evaluate(self) -> None:
        """Held-out leaves by the generated path; which checkpoint to keep is remembered."""
        step = self.progress.step
        looked = self.group.first_does(lambda: self.looker.look(step, self.stop))
        merit = Merit(*self.group.agree(looked[1] if looked else [0.0, 0.0]))
        if self.progress.step:
            gained = merit.figure > self.progress.best
            chosen = merit.replaces(self.progress.best)
            self.progress = replace(
                self.progress,
                best=max(merit.figure, self.progress.best),
                best_step=self.progress.step if chosen else self.progress.best_step,
                stale=0 if gained else self.progress.stale + 1,
            )
        if looked:
            self.report(looked[0])

    def _save(self, *, last: bool = False) -> None:
        """Commits a checkpoint. A full disk is told once and tried again, unless it is the last."""
        if not self.group.first:
            self._saved = self.progress.step
            return
        state = optimiser_state(self.optimiser, self.learner)
        try:
            path = checkpoints.save(
                self.run.checkpoints, self.learner.state(), state, self.progress
            )
        except DiskFull as error:
            if last:
                raise
            if not self._full:
                text = tr("{problem} Training goes on meanwhile.", problem=str(error))
                self.report(events.Notice(text))
            self._full = True
            return
        self._saved, self._full = self.progress.step, False
        best = self.progress.best_step == self.progress.step
        relative = path.relative_to(self.run.root).as_posix()
        self.report(events.Checkpoint(self.progress.step, relative, best))

    def _save_after(self, error: BaseException) -> None:
        """Memory ran out within a step: what the steps before it taught is still good."""
        # The trace holds on to every tensor of the step; saving needs some of that room.
        error.__traceback__ = None
        self.optimiser.zero_grad(set_to_none=True)
        if self.progress.step > self._saved:
            self._save()

    # -- ending

    def finish(self, *, stopped: bool) -> None:
        """Puts the best weights into ``adapter/`` and, unless stopped, scores every photo.

        Raises StopAsked when nothing has been learnt that could be kept.
        """
        if not self.progress.step:
            raise StopAsked
        self.report(events.Phase("saving"))
        self._promptly(self._keep)
        if not stopped:
            try:
                self.score()
            except StopAsked:
                stopped = True
        self.report(events.Finished("adapter", stopped))
        shutil.rmtree(self.run.root / "cache", ignore_errors=True)

    def _keep(self) -> None:
        """The best weights, in memory and as the run's adapter."""
        if self.progress.best_step != self.progress.step:
            best = checkpoints.weights_at(self.run.checkpoints, self.progress.best_step)
            if best is not None:
                self.learner.load(best)
        self.learner.train(False)
        adapter.save_adapter(self.learner, self.config, self.run.adapter, self._unchanging)

    def score(self) -> None:
        """Scores every sample with what is loaded."""
        scores = scoring.score_run(
            self.run,
            self.learner,
            self.config,
            self.samples,
            self.cache.photo,
            ticker(self.report, "scoring", self.stop),
        )
        self.report(events.Scored(len(scores), scoring.summary(scores)))

    def score_only(self) -> None:
        """The run's adapter on the run's photos, without training."""
        self.report(events.Phase("loading"))
        self.learner = learner.load(self.config)
        heed(self.learner, self.stop)
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
