"""The assistant's end of the process beside: one look at a time, the urgent ones first.

The process is started with the first job and may die without anybody noticing: what it was to do is
reported as not done, and a new one is started for the next engine. Knows the client and the wire's
words; knows no pixel.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.embeddings.store import EmbeddingStore
from core.errors import WorkerFailed
from core.services.looks import Done, Job
from core.workers.client import WorkerClient

RESTART = 6.0
"""Seconds that a new process needs before it looks at its first photo, about."""


class Beside:
    """Implements ``core.services.looks.Encoder``. Used from the main thread."""

    def __init__(self) -> None:
        self._load: dict[str, Any] = {}
        self._store: EmbeddingStore | None = None
        self._worker: WorkerClient | None = None
        self._wanted: list[Job] = []
        self._current: tuple[int, Job] | None = None
        self._since, self._seconds = 0.0, 0.0
        self._token = 0
        self._broken = False
        self._lost: list[Done] = []

    @property
    def busy(self) -> bool:
        return self._current is not None or bool(self._lost)

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._worker.pid if self._worker is not None else None

    def begin(self, engine: str, checkpoint: Path | None, store: EmbeddingStore | None) -> None:
        self.close()
        self._load = {"engine": engine, "checkpoint": str(checkpoint) if checkpoint else None}
        self._store, self._broken, self._seconds = store, False, 0.0

    def keep_in(self, store: EmbeddingStore | None) -> None:
        self._store, self._wanted = store, []

    def want(self, jobs: Sequence[Job]) -> None:
        self._wanted = list(jobs)
        if self._broken:
            self._lost += [Done(job.key, stored=False) for job in jobs]
            self._wanted = []
        elif self._current is not None and jobs and jobs[0].urgent:
            # An urgent look does not wait for that of a photo nobody has asked for yet, where a
            # new process would be there sooner.
            left = self._seconds - (time.monotonic() - self._since)
            if not self._current[1].urgent and left > RESTART:
                self.close()
                self._wanted = list(jobs)
        self._go_on()

    def finished(self) -> list[Done]:
        done, self._lost = self._lost, []
        while self._current is not None and self._worker is not None:
            try:
                event = self._worker.wait_for("embedded", "refused", timeout=0)
            except TimeoutError:
                break
            except WorkerFailed:
                done += self._give_up()
                break
            if event.get("do") == "load":
                done += self._give_up()
            elif event.get("token") == self._current[0]:
                done.append(self._took(self._current[1], event))
                self._current = None
        self._go_on()
        return done

    def close(self) -> None:
        """End the process at once; nothing of its work can be half done."""
        worker, self._worker = self._worker, None
        self._current, self._wanted, self._lost = None, [], []
        if worker is not None:
            worker.stop(grace=0)

    def _took(self, job: Job, event: dict[str, Any]) -> Done:
        seconds = event.get("seconds")
        stored = event.get("stored") is True
        if not isinstance(seconds, float):  # refused, or no look
            return Done(job.key, stored=stored)
        self._seconds = seconds
        return Done(job.key, stored=stored, seconds=seconds)

    def _give_up(self) -> list[Done]:
        """It died, or cannot load the engine: all looks are made elsewhere from now on."""
        jobs = [self._current[1]] if self._current is not None else []
        jobs += self._wanted
        self.close()
        self._broken = True
        return [Done(job.key, stored=False) for job in jobs]

    def _go_on(self) -> None:
        if self._current is not None or not self._wanted or self._store is None:
            return
        if self._worker is None:
            self._worker = WorkerClient("embed")
            try:
                self._worker.start()
            except WorkerFailed:
                self._worker = None
                self._lost += self._give_up()
                return
            self._worker.send("load", **self._load)
        job = self._wanted.pop(0)
        self._token += 1
        self._current, self._since = (self._token, job), time.monotonic()
        self._worker.send(
            "embed",
            token=self._token,
            path=str(job.photo),
            fields=job.key.fields(),
            folder=str(self._store.folder),
            budget=self._store.budget,
        )
