"""Prepares training runs, and brings what they said into the project.

The worker never sees the project and the project never sees a model: a folder goes in, events and
scores come out. Knows both sides' files; starts no process (`core.services.training_session` does,
as does the window).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from core import files
from core.changes import Changes
from core.domain.ids import ImageId, RunId
from core.domain.run import Run, RunState, Score
from core.errors import ProjectReadOnly, TrainingRefused, UsageError, WorkerFailed
from core.language import tr
from core.ports import ImageQuery, ProjectStore
from core.services import bases, own_adapter, programme, run_titles
from core.services.bases import ChosenBase
from core.services.run_entry import enter_run
from core.services.runs import run_config, run_folder
from core.training import snapshot
from core.training.config import PRESETS, Answers, Preset, TrainConfig
from core.training.events import replay
from core.training.run_folder import RunFolder, Sample
from core.training.snapshot import Snapshot
from core.training.summary import follow

HELD_OUT = "held_out"
WATCHED = 8
RUN_BYTES = 96 << 20
"""Adapter, checkpoints and logs of a small model; a larger base adds its share."""
ENDED = (RunState.FINISHED, RunState.STOPPED, RunState.FAILED)
PHOTO_BYTES = 400_000
"""The squeezed photo and its masks in the run's cache, and its two prediction PNGs."""


def preset(name: str) -> Preset:
    """Raises UsageError naming those there are."""
    for found in PRESETS:
        if found.id == name:
            return found
    raise UsageError(
        tr(
            "There is no preset “{name}”; choose {list}.",
            name=name,
            list=", ".join(p.id for p in PRESETS),
        )
    )


def settings_of(
    name: str = "standard", *, embedded: bool = True, **overrides: object
) -> TrainConfig:
    """A preset's settings with some replaced; None overrides nothing."""
    values = {k: v for k, v in overrides.items() if v is not None}
    return replace(preset(name).settings(embedded=embedded), **values)  # type: ignore[arg-type]


def prepare_run(
    store: ProjectStore,
    config: TrainConfig,
    *,
    parent: Run | None = None,
    adapter: Path | None = None,
    progress: snapshot.Progress | None = None,
    on_snapshot: Callable[[Snapshot], None] | None = None,
) -> RunFolder:
    """Freeze the project into a run folder and enter the run as PREPARED.

    Of ``config``, classes, healthy, watch and parent are filled in here; ``config.hard`` keeps
    the ids of photos to learn from. ``parent`` continues that run's adapter; ``adapter`` is a
    folder of the person's own to start from, whose base, rank, head and tower setting are taken
    over. Raises TrainingRefused with every reason at once, AdapterRefused, ProjectReadOnly,
    DiskFull, ModelMissing; nothing is left behind then.
    """
    if store.read_only:
        raise ProjectReadOnly(
            tr(
                "“{name}” is open read-only, and training writes into it; close it where "
                "it is open, or copy it to a place you may write to.",
                name=store.name,
            )
        )
    if adapter is not None:
        config = own_adapter.start_from(config, adapter)
    base = bases.choose(f"{config.base}={config.base_path}" if config.base_path else config.base)
    bases.check_tokens(base, config.image_tokens)
    config = replace(config, head_path=bases.choose_head(config.head, config.head_path))
    if problems := config.own_problems():
        raise TrainingRefused(problems)
    taken = snapshot.take_snapshot(
        store, class_only=config.answers is Answers.CLASS, progress=progress
    )
    if on_snapshot:
        on_snapshot(taken)
    config = _completed(store, config, base=base, taken=taken, parent=parent)
    if problems := config.problems():
        raise TrainingRefused(problems)
    needed = disk_needed(base.bytes, len(taken.samples))
    files.need_space(store.folder, needed, what=tr("This training"))
    return enter_run(
        store,
        config,
        taken.samples,
        title=run_titles.kept(config, taken.count("train"), continued=bool(parent or adapter)),
        parent=parent,
        adapter=adapter,
    )


def disk_needed(base_bytes: int, photos: int) -> int:
    """A generous guess of what a run writes, in bytes."""
    return RUN_BYTES + base_bytes // 4 + photos * PHOTO_BYTES


def ingest(store: ProjectStore, folder: RunFolder, *, keep_state: bool = False) -> Changes:
    """Bring state, figures and scores of a run whose process has ended into the project.

    ``events.jsonl`` decides, so it may be called again at any time. ``keep_state``: it was only
    scored again, so a failure does not make the run a failed one. Raises WorkerFailed when the
    scores cannot be read; the state is written down all the same.
    """
    summary = follow(replay(folder.events))
    state = summary.state
    if keep_state:
        state = next((r.state for r in store.runs() if r.id == folder.id), state)
    figures = dict(summary.figures)
    if figures:
        figures |= _held_out(folder) | _aside(folder)
    changes = store.set_run_state(folder.id, state, figures)
    if summary.scored:
        changes |= store.put_scores(_known_scores(store, folder))
        run = next((r for r in store.runs() if r.id == folder.id), None)
        if run is not None and (judged := programme.summary(programme.acceptance(store, run))):
            changes |= store.set_run_state(folder.id, state, figures | judged)
    return changes


def _held_out(folder: RunFolder) -> dict[str, float]:
    """How many leaves the figures are about; 0 means that they are of leaves it learnt from."""
    try:
        return {HELD_OUT: float(sum(s.split == "val" for s in folder.read_samples()))}
    except (OSError, ValueError, TypeError, KeyError):  # a torn snapshot must not hide the figures
        return {}


def _aside(folder: RunFolder) -> dict[str, float]:
    """Controls and folds are there to judge other runs by; nobody wants their adapter."""
    try:
        config = run_config(folder)
    except TrainingRefused:  # the figures are told all the same
        return {}
    return {"aside": 1.0} if config.control_of or config.fold_of else {}


def recover(store: ProjectStore) -> list[RunId]:
    """At start-up: runs still marked running have lost their window; write down how they ended.

    So is how those ended that were prepared here and trained by hand.
    """
    if store.read_only:
        return []
    runs = store.runs()
    lost = [run for run in runs if run.state is RunState.RUNNING or _trained_by_hand(store, run)]
    for run in lost:
        try:
            ingest(store, run_folder(store, run))
        except TrainingRefused:  # its folder has gone
            store.set_run_state(run.id, RunState.INTERRUPTED)
        except WorkerFailed:  # its state is written down; its scores are told when asked for
            continue
    return [run.id for run in lost]


def _trained_by_hand(store: ProjectStore, run: Run) -> bool:
    if run.state is not RunState.PREPARED:
        return False
    with contextlib.suppress(TrainingRefused):  # nobody has trained what is gone
        events = run_folder(store, run).events
        return events.is_file() and follow(replay(events)).state in ENDED
    return False


def watch_list(samples: Sequence[Sample]) -> tuple[ImageId, ...]:
    """Up to eight leaves to draw at every evaluation: held out, with lesions, classes in turn."""
    shown = [s for s in samples if s.lesions and s.split == "val"]
    shown = shown or [s for s in samples if s.lesions]
    by_class: dict[str, list[Sample]] = {}
    for sample in shown:
        by_class.setdefault(sample.disease or "", []).append(sample)
    turns = [
        (turn, name, s.image)
        for name, found in by_class.items()
        for turn, s in enumerate(sorted(found, key=lambda s: s.sha256))
    ]
    return tuple(image for _, _, image in sorted(turns)[:WATCHED])


def _completed(
    store: ProjectStore,
    config: TrainConfig,
    *,
    base: ChosenBase,
    taken: Snapshot,
    parent: Run | None,
) -> TrainConfig:
    train = {s.image for s in taken.samples if s.split == "train"}
    config = replace(
        config,
        base=base.spec.id,
        base_path=base.path,
        classes=taken.classes,
        healthy=taken.healthy,
        hard=tuple(i for i in config.hard if i in train),
        watch=watch_list(taken.samples),
    )
    if parent is None:
        return config
    folder = run_folder(store, parent)
    if why := why_not_continued(folder, config):
        raise TrainingRefused(
            [tr("Run {id} cannot be continued: {why}; start afresh.", id=parent.id, why=why)]
        )
    return replace(config, parent=str(folder.adapter))


def why_not_continued(folder: RunFolder, config: TrainConfig) -> str:
    """Why training with ``config`` cannot start from the adapter in ``folder``; "" when it can."""
    if not folder.adapter.is_dir():
        return tr("it has no adapter")
    before = run_config(folder)
    if before.base != config.base or before.base_path != config.base_path:
        return tr("it has another base model")
    if before.classes != config.classes or before.healthy != config.healthy:
        return tr("the classes have changed since")
    if _shape(before) != _shape(config):
        return tr("it has another mask head, rank, tower setting or number of image tokens")
    return ""


def _shape(config: TrainConfig) -> tuple[object, ...]:
    """What the tensors of an adapter depend on."""
    head = (config.head, config.head_path)
    lora = (config.rank, config.tower, config.layers, config.answers)
    return *head, *lora, config.image_tokens


def _known_scores(store: ProjectStore, folder: RunFolder) -> list[Score]:
    """The scores of photos that are still in the project. Raises WorkerFailed for a torn file."""
    present = set(store.image_ids(ImageQuery()))
    try:
        return [s for s in folder.read_scores() if s.image in present]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WorkerFailed(
            tr("The scores of run {id} cannot be read; run “leafspot score” again.", id=folder.id)
        ) from error
