"""One training run from the terminal: start the worker, follow it, stop it on Ctrl-C, take it in.

The window does the same with `gui.worker_process`. Knows processes and the project's port; knows
no torch and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from core.domain.run import RunState
from core.errors import WorkerFailed
from core.language import tr
from core.machine_lock import MachineLock
from core.ports import ProjectStore
from core.services import second_try
from core.services.train import ingest
from core.training.events import Notice, TrainEvent, from_fields, replay
from core.training.run_folder import RunFolder
from core.training.summary import RunSummary, follow
from core.workers.client import WorkerClient

OnEvent = Callable[[TrainEvent], None]
STOP_GRACE = 180.0
"""Seconds for the last checkpoint after a stop; a large model on a slow disk takes its time."""


def train(
    store: ProjectStore, folder: RunFolder, *, on_event: OnEvent, processes: int = 1
) -> RunSummary:
    """Train until done, or until Ctrl-C: that stops with a checkpoint; a second one kills.

    ``processes`` share the photos of each step. The same call resumes, with any number of them.
    Raises TrainingRefused while another training goes on, WorkerFailed with the worker's sentence
    when it ends without a usable result.
    """
    with MachineLock(tr("the project “{name}”", name=store.name)):
        store.set_run_state(folder.id, RunState.RUNNING)
        try:
            sentence = _run(folder, on_event, processes=processes)
        finally:
            ingest(store, folder)
    return _result(folder, sentence)


def score(store: ProjectStore, folder: RunFolder, *, on_event: OnEvent) -> RunSummary:
    """Score every photo of the run's snapshot again with its adapter. Raises as ``train`` does."""
    with MachineLock(tr("the project “{name}”", name=store.name)):
        try:
            sentence = _run(folder, on_event, "--score-only")
        finally:
            ingest(store, folder, keep_state=True)
    return _result(folder, sentence)


def _result(folder: RunFolder, sentence: str) -> RunSummary:
    summary = follow(replay(folder.events))
    if summary.failure or sentence:
        raise WorkerFailed(summary.failure or sentence)
    return summary


def _run(folder: RunFolder, on_event: OnEvent, *extra: str, processes: int = 1) -> str:
    """Gives back why the worker did not do its work; "" when it did."""
    while True:
        kills = second_try.memory_kills()
        worker = WorkerClient(
            "train", str(folder.root), *extra, log=folder.log, processes=processes
        )
        with worker.started():
            stopping = _listen(worker, on_event)
        outcome = worker.stop(STOP_GRACE)
        if outcome.ok:
            return ""
        if stopping or not second_try.prepare(
            folder, outcome, kills_before=kills, processes=processes
        ):
            return outcome.sentence()


def _listen(worker: WorkerClient, on_event: OnEvent) -> bool:
    """Until the worker has ended. The first Ctrl-C asks it to stop, the second comes through.

    Whether it was asked to.
    """
    stopping = False
    while True:
        try:
            for message in worker.events():
                if (event := from_fields(message)) is not None:
                    on_event(event)
        except KeyboardInterrupt:
            if stopping:
                raise
            stopping = True
            worker.send("stop")
            on_event(
                Notice(tr("Stopping: the work so far is being saved. Ctrl-C again to give up."))
            )
        else:
            return stopping
