"""A rehearsal of a run on a few of its photos: what would go wrong in an hour shows in a minute.

Each check is one line with a level and, where it is wanting, what to press. It loads the model as
the run would, takes real steps with it and throws it away. Knows a run folder and how to report;
knows no project, no window and no process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from core.errors import TrainingRefused
from core.files import size_text
from core.heads.base import Remembering
from core.language import tr, trn
from core.services.checks import Check, Level, Targets
from core.training import (
    calibration,
    device,
    events,
    forecast,
    learner,
    model_shape,
    out_of_range,
    part_trial,
    quick_checks,
    recompute,
)
from core.training.config import Answers, Tower, TrainConfig
from core.training.features import Features
from core.training.looking import Report, ticker
from core.training.objective import Objective, Whole
from core.training.optimising import optimiser_of
from core.training.photos import PhotoCache
from core.training.questions import known_of
from core.training.run_folder import RunFolder
from core.training.stopping import heed
from core.training.trial_views import (
    chosen,
    layer_of,
    matrix_line,
    part_of,
    parts,
    states_both_ways,
    untouched,
)
from core.training.visits import Turn, Visit, asked

OVERFIT_STEPS, OVERFIT_SECONDS = 40, 90.0
LEARNT = 0.6
"""Of the first loss may be left after learning four leaves by heart."""
GRADIENTS_ALIKE = 0.02
"""Largest difference over largest gradient, layers computed again against layers kept."""
STATES_ALIKE = 0.995
"""Cosine between the `<SEG>` state of training and that of a generation token by token."""


class Trial:
    """One rehearsal; ``stop`` is asked between checks."""

    def __init__(self, run: RunFolder, report: Report, stop: Callable[[], bool]) -> None:
        self.run, self.report, self.stop = run, report, stop
        self.config = TrainConfig.read(run.config)
        if problems := self.config.problems():
            raise TrainingRefused(problems)
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        self.masks = self.config.answers is Answers.MASK
        self._no_number = False
        self.samples = chosen(run.read_samples(), masks=self.masks)
        if not self.samples:
            raise TrainingRefused([tr("There is no photo to train on; label some leaves first.")])

    def prepare(self) -> None:
        """Loads the model as the run would. Raises TrainingRefused where it does not fit."""
        device.insist(self.config)
        self.report(events.Phase("loading"))
        self.model = learner.load(self.config)
        heed(self.model, self.stop)
        if isinstance(self.model.head, Remembering):
            self.model.head.keep_in(self.run.root / "cache" / "seen")
        side = max(self.model.head.spec.side, self.model.vlm.photo_side)
        self.cache = PhotoCache.build(
            self.samples,
            self.run.root / "cache",
            side=side,
            cells=self.model.head.spec.cells,
            progress=ticker(self.report, "reading photos", self.stop),
        )
        self.objective = Objective(self.model, self.config, self.cache, self._features())
        self.optimiser = optimiser_of(self.model, self.config)

    def _features(self) -> Features | None:
        """As the run has them, so that its steps take what the run's do."""
        if self.config.tower is not Tower.FROZEN:
            return None
        folder, budget = self.run.root / "features", round(self.config.cache_gib * 2**30)
        # The folder is this rehearsal's alone: no other base ever looks into it.
        found = Features(self.model.vlm, self.cache, folder, budget=budget, digest="rehearsal")
        found.prepare(ticker(self.report, "encoding photos", self.stop))
        return found

    def examine(self) -> None:
        """Reports every line as it comes. Raises as ``prepare`` does."""
        self.prepare()
        self.report(events.Phase("trying"))
        states = (self.states,) if self.masks else ()
        steps = (self.memory, self.targets, self.again, self.by_heart)
        for look in (self.tokens, self.labels, *states, *steps):
            if self.stop() or self._no_number:
                return
            for check in look():
                self._say(check)

    def _say(self, check: Check, spans: Sequence[tuple[str, bool]] = ()) -> None:
        self.report(events.examined(check, spans))

    # -- words

    def tokens(self) -> Iterator[Check]:
        """`<SEG>` is one id, and the photo's tokens are known as such."""
        yield from quick_checks.tokens(self.model, self.config.classes[0])

    def labels(self) -> Iterator[Check]:
        """What is learnt, word by word: shown, since only a person can say that it is meant."""
        named = (s.disease for s in self.samples if s.disease)
        disease = next(named, self.config.classes[0])
        check, spans = quick_checks.learnt(self.model, self.config, disease)
        if check.level is Level.OK:
            self._say(check, spans)
        else:
            yield check

    @torch.inference_mode()
    def states(self) -> Iterator[Check]:
        """The mask token's state as training sees it, and as it comes word by word."""
        self.model.train(False)
        woven, plain = states_both_ways(self.model, self.cache.photo(0), self.config.classes)
        alike = float(torch.nn.functional.cosine_similarity(woven, plain, dim=0))
        title = tr("Training and answering agree")
        text = tr("the mask token's state is the same both ways to {alike:.2%}", alike=alike)
        if not np.isfinite(alike):
            text = tr("the mask token's state holds no numbers")
        if alike >= STATES_ALIKE:
            yield Check("states", title, Level.OK, text)
        else:
            remedy = tr("Choose another base model; masks of this one would not be those trained.")
            yield Check("states", title, Level.FAIL, text, remedy)

    # -- steps

    def _visits(self, count: int, seed: int = 0) -> list[Visit]:
        rng = np.random.default_rng((self.config.seed, seed))
        out = []
        for k in range(count):
            index = k % len(self.samples)
            sample = self.samples[index]
            known = known_of(sample.disease, self.cache.targets[index], sample.lesions)
            out.append(Visit(index, Turn(), tuple(asked(self.config, known, rng))))
        return out

    def _step(self, visits: Sequence[Visit], rate: float) -> float:
        """One optimiser step at ``rate`` of the settings' learning rate; the loss before it, NaN
        where its gradient is no number."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["top"] * rate
        loss = self._backward(visits)
        parameters = list(self.model.parameters().values())
        length = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss if bool(torch.isfinite(length)) else float("nan")

    def _backward(self, visits: Sequence[Visit]) -> float:
        self.model.train(True)
        answer, mask = self.objective.losses(visits, Whole.of([visits]))
        torch.autograd.backward(answer + mask)
        return float((answer + mask).detach())

    def memory(self) -> Iterator[Check]:
        """Two real steps: what they took, what was foreseen, and how long they last."""
        visits = self._visits(self.config.batch_size)
        # What is made once is no part of a step.
        if not np.isfinite(self._step(visits, 0.1)):
            self._no_number = True
            text, remedy = out_of_range.at_first()
            yield Check("steps.first", tr("First step"), Level.FAIL, text, remedy)
            return
        spent: list[float] = []

        def steps() -> None:
            for seed in (1, 2):
                begin = time.perf_counter()
                self._step(self._visits(self.config.batch_size, seed), 0.1)
                spent.append(time.perf_counter() - begin)

        taken = device.peak_above(steps)
        gpu = torch.cuda.is_available()
        shape = model_shape.shape(learner.base_folder(self.config))
        # Both without a look at the photos: what tower and head saw of them is kept by now.
        foreseen = forecast.forecast(shape, self.config, gpu=gpu).step
        title = tr("Memory of a step")
        if taken is None:
            text = tr("cannot be measured on this system")
            yield Check("steps.memory", title, Level.UNKNOWN, text)
        else:
            calibration.remember(self.config, taken / foreseen, gpu=gpu)
            text = tr(
                "{taken} measured, {moving} foreseen by the formulae; forecasts here are "
                "corrected by ×{factor:.2f} from now on",
                taken=size_text(taken),
                moving=size_text(foreseen),
                factor=taken / foreseen,
            )
            yield Check("steps.memory", title, Level.OK, text)
        at_once, seconds = self.config.batch_size, min(spent)
        if self.config.auto_batch_size:
            few = self._visits(part_trial.PHOTOS, 3)
            at_once, why = part_trial.find(self.objective, self.config, few, begun=True)
            yield Check("steps.parts", tr("Parts of a step"), Level.OK, why)
            begin = time.perf_counter()
            self._step(self._visits(at_once, 4), 0.1)
            seconds = time.perf_counter() - begin
        whole = self.config.batch_size * self.config.accumulation
        yield self._speed(seconds * (whole // at_once))

    def _speed(self, seconds: float) -> Check:
        """``seconds`` are those of an optimiser step."""
        count = int(self.config.minutes * 60 / max(1e-6, seconds))
        text = trn(
            "{seconds:.2g} s a step, so about {n:,} step in {minutes:g} min",
            "{seconds:.2g} s a step, so about {n:,} steps in {minutes:g} min",
            count,
            seconds=seconds,
            minutes=self.config.minutes,
        )
        if count >= 50:
            return Check("steps.time", tr("Speed"), Level.OK, text)
        remedy = tr("Give it more minutes (--minutes), or take a smaller base model.")
        return Check("steps.time", tr("Speed"), Level.WARN, text, remedy)

    def targets(self) -> Iterator[Check]:
        """Which layers LoRA goes on, and whether each of them learns."""
        self._backward(self._visits(max(2, self.config.batch_size), 3))
        there: dict[str, set[str]] = {part: set() for part in parts()}
        idle: dict[str, set[str]] = {part: set() for part in parts()}
        for name, parameter in self.model.parameters().items():
            part, layer = part_of(name), layer_of(name)
            there[part].add(layer)
            if parameter.grad is None or not bool(parameter.grad.any()):
                idle[part].add(layer)
        self.optimiser.zero_grad(set_to_none=True)
        left = untouched(self.model)
        for part, title in parts().items():
            wanted = part in quick_checks.wanted(self.model, self.config)
            found = Targets(len(there[part]), left[part], len(idle[part]))
            if not wanted and there[part] == idle[part]:  # as a control's mask head
                found = Targets(0, left[part], 0)
            yield matrix_line(part, title, found, wanted=wanted)

    def again(self) -> Iterator[Check]:
        """Layers computed again must give the gradients of layers kept."""
        title = tr("Gradients of layers computed again")
        if not self.config.recompute:
            text = tr("layers keep what they made; nothing is computed again")
            yield Check("gradients", title, Level.OK, text)
            return
        visits = self._visits(1, 4)
        found = self._gradients(visits)
        try:
            with recompute.left_off():
                wanted = self._gradients(visits)
        except RuntimeError as error:
            if "out of memory" not in str(error).lower():
                raise
            text = tr("one photo does not fit without it, so there is nothing to compare with")
            yield Check("gradients", title, Level.UNKNOWN, text)
            return
        largest = max(float(g.abs().max()) for g in wanted.values())
        apart = max(float((found[n] - g).abs().max()) for n, g in wanted.items()) / largest
        text = tr("differ by {apart:.2g} of the largest", apart=apart)
        if apart <= GRADIENTS_ALIKE:
            yield Check("gradients", title, Level.OK, text)
        else:
            remedy = tr("Under Advanced (--set recompute=false), let layers keep what they made.")
            yield Check("gradients", title, Level.FAIL, text, remedy)

    def _gradients(self, visits: Sequence[Visit]) -> dict[str, torch.Tensor]:
        torch.manual_seed(self.config.seed)
        self._backward(visits)
        named = self.model.parameters().items()
        found = {n: p.grad.clone() for n, p in named if p.grad is not None}
        self.optimiser.zero_grad(set_to_none=True)
        return found

    def by_heart(self) -> Iterator[Check]:
        """Four leaves learnt by heart: what cannot do that will not learn four hundred."""
        self.optimiser = optimiser_of(self.model, replace(self.config, weight_decay=0.0))
        visits = self._visits(len(self.samples), 5)
        size = self.config.batch_size
        shares = [visits[k : k + size] for k in range(0, len(visits), size)]
        tick = ticker(self.report, "learning four leaves by heart", self.stop)
        first = last = 0.0
        begin, steps = time.monotonic(), 0
        while steps < OVERFIT_STEPS and time.monotonic() - begin < OVERFIT_SECONDS:
            last = sum(self._step(part, 1.0) for part in shares) / len(shares)
            first, steps = first or last, steps + 1
            tick(steps, OVERFIT_STEPS)
        title = tr("Learning four leaves by heart")
        text = trn(
            "the loss went from {first:.2f} to {last:.2f} in {n:,} step",
            "the loss went from {first:.2f} to {last:.2f} in {n:,} steps",
            steps,
            first=first,
            last=last,
        )
        if np.isfinite(last) and last <= LEARNT * first:
            yield Check("by_heart", title, Level.OK, text)
        elif steps < OVERFIT_STEPS and np.isfinite(last):
            yield Check("by_heart", title, Level.UNKNOWN, text + tr("; there was no time for more"))
        else:
            remedy = tr(
                "Under Advanced (--set learning_rate=NUMBER), choose another learning rate: twice "
                "as high if it fell a little, half if it rose."
            )
            yield Check("by_heart", title, Level.FAIL, text, remedy)
