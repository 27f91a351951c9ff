"""Rehearses a run in the training worker's process: a folder goes in, lines come out.

What the worker does is `core.training.trial`. The folder is a temporary one and the project is
only read. Knows the project's port and processes; knows no torch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.errors import TrainingRefused
from core.language import tr
from core.machine_lock import MachineLock
from core.ports import ProjectStore
from core.services import bases
from core.services.checks import Check, Level, Targets
from core.training import snapshot
from core.training.config import Answers, TrainConfig
from core.training.events import Examined, TrainEvent, from_fields
from core.training.run_folder import RunFolder
from core.workers.client import WorkerClient

FLAG = "--trial"
SAMPLES = 400
"""Photos at most among which the worker chooses its four."""
STOP_GRACE = 20.0


def prepare(store: ProjectStore, config: TrainConfig, folder: Path) -> RunFolder:
    """Writes what a rehearsal of ``config`` needs into ``folder``.

    Raises as `core.services.train.prepare_run` does.
    """
    base = bases.choose(f"{config.base}={config.base_path}" if config.base_path else config.base)
    bases.check_tokens(base, config.image_tokens)
    named = config.answers is Answers.CLASS
    taken = snapshot.take_snapshot(store, class_only=named, check_photos=False)
    config = replace(
        config,
        base=base.spec.id,
        base_path=base.path,
        head_path=bases.choose_head(config.head, config.head_path),
        classes=taken.classes,
        healthy=taken.healthy,
        hard=(),
        parent="",
    )
    if problems := config.problems():
        raise TrainingRefused(problems)
    run = RunFolder(folder / "trial")
    run.root.mkdir()
    taught = [s for s in taken.samples if s.split == "train" and (s.disease or not named)]
    taught.sort(key=lambda s: (not s.lesions, s.sha256))
    run.write_samples(taught[:SAMPLES])
    run.config.write_text(config.to_json(), "utf-8")
    return run


@contextmanager
def prepared(store: ProjectStore, config: TrainConfig) -> Iterator[RunFolder]:
    """``prepare`` in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="leafspot-", ignore_cleanup_errors=True) as folder:
        yield prepare(store, config, Path(folder))


def rehearse(
    store: ProjectStore, config: TrainConfig, *, on_event: Callable[[TrainEvent], None]
) -> list[Check]:
    """Runs the worker to its end; its lines, in order. Ctrl-C ends it and comes through.

    Raises TrainingRefused while a training goes on, or when the project cannot be trained on.
    """
    found: list[Check] = []
    with MachineLock(tr("the project “{name}”", name=store.name)), prepared(store, config) as run:
        worker = WorkerClient("train", str(run.root), FLAG, log=run.log)
        with worker.started():
            for message in worker.events():
                event = from_fields(message)
                if event is not None:
                    on_event(event)
                if isinstance(event, Examined):
                    found.append(check_of(event))
        outcome = worker.stop(STOP_GRACE)
    if not outcome.ok:
        found.append(broken(outcome.sentence()))
    return found


def check_of(event: Examined) -> Check:
    """The line that an event carries."""
    targets = Targets(**event.targets) if event.targets else None
    return Check(event.id, event.title, Level(event.level), event.text, event.remedy, targets)


def broken(sentence: str) -> Check:
    """The line of a rehearsal that came to no end; the sentence carries its own remedy."""
    return Check("rehearsal", tr("Rehearsal"), Level.FAIL, sentence)
