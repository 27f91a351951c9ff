"""Kills a program that is saving, again and again, and looks what is left.

``python -m tests.faults.killing FOLDER`` is the helper of `tests.faults.forking`: its writers do
random work and say ``ack`` after each call of the store that returned. POSIX only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType

from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from storage import create_project, open_project
from tests.faults.forking import Forker, serve
from tests.faults.project_model import ProjectModel


def work(model: ProjectModel, rng: Random, folder: Path, store: object = None) -> None:
    """One action, on the model and, where given, on the store first."""
    if len(model.photos) < 2 or (rng.random() < 0.05 and len(model.photos) < 12):
        new = model.random_photo(rng, folder)
        if store is not None:
            store.add_images([new])  # type: ignore[attr-defined]
        model.add(new)
        return
    edit = model.random_edit(rng)
    if store is not None:
        store.commit(edit)  # type: ignore[attr-defined]
    model.apply(edit)


@dataclass
class Tally:
    """What ``trials`` kills left behind."""

    trials: int = 0
    acknowledged: int = 0
    unacknowledged_kept: int = 0
    hot_journals: int = 0
    failures: list[str] = field(default_factory=list)


class Killer:
    """A project under fire. Use as a context manager."""

    def __init__(self, folder: Path, *, seed: int = 1) -> None:
        self._folder = folder
        self._project = folder / "field.leafspot"
        self._rng = Random(seed)
        self.tally = Tally()
        store = create_project(self._project)
        store.put_disease(Disease(DiseaseId(7), "rust", "#e69f00"))
        store.close()

    def __enter__(self) -> Killer:
        self._helper = Forker("tests.faults.killing", self._folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._helper.close()

    def trial(self) -> None:
        """One writer, killed at a random moment; then everything acknowledged must be there."""
        before = self._state()
        seed = self._rng.getrandbits(32)
        acknowledged = self._run_and_kill(seed)
        self.tally.trials += 1
        self.tally.acknowledged += acknowledged
        self.tally.hot_journals += (self._project / "project.db-journal").exists()
        store = open_project(self._project)
        try:
            if store.read_only:
                self.tally.failures.append(f"still locked by {store.locked_by}")
                return
            self.tally.failures += store.check().problems
            rng = Random(seed)
            for _ in range(acknowledged):
                work(before, rng, self._folder)
            wrong = before.differences(store)
            if wrong:
                # The action under way when the kill came may be in, but then whole.
                work(before, rng, self._folder)
                self.tally.unacknowledged_kept += 1
                if before.differences(store):
                    self.tally.failures.append(f"trial {self.tally.trials}: {wrong}")
        finally:
            store.close()

    def _state(self) -> ProjectModel:
        store = open_project(self._project, read_only=True)
        try:
            return ProjectModel.of(store)
        finally:
            store.close()

    def _run_and_kill(self, seed: int) -> int:
        """How many actions were acknowledged before the kill.

        It comes some time after the start, so that it also hits opening and recovery, or some
        time after the n-th acknowledgement, however slow the machine is.
        """
        writer = self._helper.go(str(seed))
        acknowledged, wanted = 0, self._rng.randrange(5)
        while acknowledged < wanted and self._helper.line() == "ack":
            acknowledged += 1
        time.sleep(self._rng.uniform(0, 0.05 if wanted else 0.2))
        os.kill(writer, signal.SIGKILL)
        while (line := self._helper.line()) != "dead":
            acknowledged += line == "ack"
        return acknowledged


def _write_for_ever(folder: Path, seed: int) -> None:
    store = open_project(folder / "field.leafspot")
    if store.read_only:
        os._exit(3)
    model, rng = ProjectModel.of(store), Random(seed)
    while True:
        work(model, rng, folder, store)
        os.write(1, b"ack\n")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    serve(lambda seed: _write_for_ever(place, int(seed)))
