"""Kills a training run, again and again, in the middle of a step or of a save.

``python -m tests.faults.train_killing RUN_DIR`` is the helper of `tests.faults.forking`, with the
model loaded and the photos encoded. A trainer goes on from the newest checkpoint as a fresh process
would, commits one after every step and says ``ack STEP`` then, ``done`` at the end. POSIX only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType

import torch

from core.training import checkpoints, events
from core.training.run_folder import RunFolder
from tests.faults.forking import Forker, serve


@dataclass
class Tally:
    """What the kills met and left behind."""

    trials: int = 0
    inside_save: int = 0
    finished: int = 0
    failures: list[str] = field(default_factory=list)


class TrainKiller:
    """A run under fire. Use as a context manager."""

    def __init__(self, run: RunFolder, *, seed: int = 1) -> None:
        self._run, self._rng = run, Random(seed)
        self._committed = 0
        self._whole: dict[str, torch.Tensor] = {}
        self.tally = Tally()

    def __enter__(self) -> TrainKiller:
        self._helper = Forker("tests.faults.train_killing", self._run.root)
        self._helper.go()
        self._until_dead(killed=False)
        self._whole = self._weights()
        self._afresh()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._helper.close()

    def trial(self) -> None:
        """One trainer, killed at a random moment; then the newest checkpoint must be whole."""
        trainer, before = self._helper.go(), self._committed
        inside = self.tally.trials % 2 == 0
        acknowledged = before
        for _ in range(self._rng.randrange(3)):
            acknowledged = self._ack(acknowledged)
        if inside and acknowledged >= 0:
            self.tally.inside_save += self._wait_for_draft()
        time.sleep(self._rng.uniform(0, 0.02 if inside else 0.5))
        with contextlib.suppress(ProcessLookupError):  # it came to its end meanwhile
            os.kill(trainer, signal.SIGKILL)
        acknowledged = max(acknowledged, self._until_dead(killed=True))
        self.tally.trials += 1
        self._check(acknowledged)

    def finish(self) -> None:
        """Let the run that was killed so often come to its end; it must be the undisturbed one."""
        self._helper.go()
        self._until_dead(killed=False)
        self._compare()

    def _check(self, acknowledged: int) -> None:
        found = checkpoints.latest(self._run.checkpoints)
        step = found.progress.step if found is not None else 0
        if step not in (acknowledged, acknowledged + 1):
            self.tally.failures.append(f"step {acknowledged} was committed, {step} is there")
        self._committed = step
        if found is not None:
            bad = [n for n, t in found.weights.items() if not bool(torch.isfinite(t).all())]
            self.tally.failures += [f"step {step}: {n} is not finite" for n in bad]
        if step >= 6:
            self._compare()
            self._afresh()

    def _compare(self) -> None:
        self.tally.finished += 1
        now = self._weights()
        self.tally.failures += [
            f"{n} differs from the undisturbed run's"
            for n, t in self._whole.items()
            if not torch.equal(t, now[n])
        ]

    def _weights(self) -> dict[str, torch.Tensor]:
        found = checkpoints.latest(self._run.checkpoints)
        assert found is not None
        return found.weights

    def _afresh(self) -> None:
        shutil.rmtree(self._run.checkpoints)
        self._committed = 0

    def _ack(self, before: int) -> int:
        line = self._helper.line()
        if line.startswith("ack "):
            return int(line.removeprefix("ack "))
        return before

    def _wait_for_draft(self) -> bool:
        """Until a checkpoint is half-written; False when none came."""
        for _ in range(4000):
            if any(self._run.checkpoints.glob(".step-*.tmp")):
                return True
            time.sleep(0.0005)
        return False

    def _until_dead(self, *, killed: bool) -> int:
        last = -1
        while (line := self._helper.line()) != "dead":
            if line.startswith("ack "):
                last = int(line.removeprefix("ack "))
            elif line == "done" and not killed:
                continue
        return last


def _serve(folder: Path) -> None:
    from core.training import recipe as module
    from core.training.looking import Looker, Merit

    torch.set_num_threads(1)
    module.SAVE_EVERY = -1.0
    nothing = events.Evaluated(0, None, None, None, 0, {}, {})
    Looker.look = lambda *_a: (nothing, Merit(0.0, 0.0))  # type: ignore[method-assign]

    def told(event: events.TrainEvent) -> None:
        if isinstance(event, events.Checkpoint):
            os.write(1, f"ack {event.step}\n".encode())

    out, err = os.dup(1), os.dup(2)
    os.dup2(err, 1)  # whatever a library prints
    recipe = module.Recipe(RunFolder(folder), lambda _event: None, lambda: False)
    recipe.setup()
    recipe.report = told
    os.dup2(out, 1)

    def go_on(_word: str) -> None:
        recipe._resume()
        recipe.fit()
        os.write(1, b"done\n")

    serve(go_on)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
