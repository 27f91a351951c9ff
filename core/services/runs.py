"""Finding runs: by id, the last one scored, the one to go on with; folder and settings of each.

Knows the project through its port; knows no process and no model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from core import files
from core.domain.ids import RunId
from core.domain.run import Run, RunState
from core.errors import Bug, TrainingRefused, UsageError
from core.language import tr
from core.ports import ProjectStore
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder

PACE = (
    "learning_rate",
    "head_learning_rate",
    "final_rate",
    "warmup",
    "clip",
    "dice_weight",
    "bce_weight",
    "accumulation",
    "stage",
)
"""The settings that a run which goes on with an adapter has of its own."""
RESUMABLE = (RunState.PREPARED, RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED)


def run_folder(store: ProjectStore, run: Run) -> RunFolder:
    """Raises TrainingRefused when the run's folder has gone."""
    root = files.real(store.folder / run.folder)
    if not root.is_relative_to(files.real(store.folder)) or not root.is_dir():
        raise TrainingRefused([tr("The folder of run {id} is gone; train again.", id=run.id)])
    return RunFolder(root)


def run_config(folder: RunFolder) -> TrainConfig:
    """The run's settings. Raises TrainingRefused when they cannot be read."""
    try:
        return TrainConfig.read(folder.config)
    # A project may come from elsewhere: Bug is what settings of a newer Leafspot are.
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        Bug,
    ) as error:
        raise TrainingRefused(
            [tr("The settings of run {id} cannot be read; train again.", id=folder.id)]
        ) from error


def find_run(store: ProjectStore, wanted: str) -> Run:
    """Raises UsageError naming the runs there are."""
    runs = store.runs()
    for run in runs:
        if run.id == wanted:
            return run
    names = ", ".join(r.id for r in runs[:8]) or tr("none yet")
    raise UsageError(
        tr(
            "There is no run “{wanted}” in this project; its runs are: {names}.",
            wanted=wanted,
            names=names,
        )
    )


def last_scored(store: ProjectStore) -> Run:
    """The newest run that has scores, of those to be kept first. Raises UsageError for none."""
    for run in kept_first(store.runs()):
        if store.scores(run.id):
            return run
    raise UsageError(tr("No run of this project has been scored yet; train first."))


def last_trained(store: ProjectStore) -> Run:
    """The newest run that has an adapter, of those to be kept first. Raises UsageError for none."""
    for run in kept_first(store.runs()):
        if (store.folder / run.folder / RunFolder(store.folder).adapter.name).is_dir():
            return run
    raise UsageError(tr("No run of this project has an adapter yet; train first."))


def kept_first(runs: Sequence[Run]) -> list[Run]:
    """In their order, but those whose adapter nobody wants come last."""
    return sorted(runs, key=lambda run: not run.kept)


def chosen_run(store: ProjectStore, wanted: str | None, *, scored: bool) -> Run:
    """The run called ``wanted``, else the last one scored (or the last with an adapter).

    Raises UsageError where there is none, or the one that is wanted has no scores but should.
    """
    if wanted:
        run = find_run(store, wanted)
        if scored and not store.scores(run.id):
            raise UsageError(
                tr(
                    "Run {id} has no scores yet; train it to its end, or score it with “leafspot "
                    "score”.",
                    id=run.id,
                )
            )
        return run
    return last_scored(store) if scored else last_trained(store)


def resumable(store: ProjectStore, base: str) -> Run:
    """The newest run of ``base`` if it has something left to do. Raises UsageError otherwise."""
    newest = next((run for run in store.runs() if run.base == base), None)
    if newest is None or newest.state not in RESUMABLE:
        raise UsageError(
            tr("There is no unfinished run of that base model; train without --resume.")
        )
    return newest


def lineage(store: ProjectStore, run: Run) -> list[RunId]:
    """The runs whose adapters ``run`` goes back to, nearest first."""
    by_id = {r.id: r for r in store.runs()}
    found: list[RunId] = []
    while run.parent is not None and run.parent in by_id and run.parent not in found:
        found.append(run.parent)
        run = by_id[run.parent]
    return found


def afresh(store: ProjectStore, run: Run) -> TrainConfig:
    """The settings of ``run`` for a training that begins with the base model.

    One that goes on with an adapter learns ever more slowly, and a base model would hardly learn
    at such rates: what is in ``PACE`` is that of the run with which the line of adapters began.
    Raises TrainingRefused when the folder of ``run`` has gone.
    """
    config = replace(run_config(run_folder(store, run)), parent="")
    by_id = {r.id: r for r in store.runs()}
    for earlier in reversed(lineage(store, run)):
        with contextlib.suppress(TrainingRefused):  # its folder has gone
            first = run_config(run_folder(store, by_id[earlier]))
            return replace(config, **{name: getattr(first, name) for name in PACE})
    return config
