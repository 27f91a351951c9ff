"""`leafspot preflight`: would this training run, and would it fit? Every term is named.

Looks at the data, the settings, the base model's header, memory and disk; loads no model and
writes nothing. What needs the model is tried in its own process (`core.services.rehearsal`). What
nobody checks is said, too.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import registry
from core.domain.run import RunState
from core.errors import ModelMissing, TrainingRefused
from core.files import size_text
from core.heads.base import HeadSpec
from core.language import tr, trn
from core.ports import ProjectStore
from core.services import memory_lines
from core.services.bases import ChosenBase
from core.services.checks import Check, Level
from core.services.data_checks import data_checks
from core.services.train import disk_needed
from core.training import model_shape, snapshot
from core.training.config import Answers, TrainConfig
from core.training.snapshot import Snapshot

EXTRA_SECONDS = 0.6
"""A photo's share of looking at it once and scoring it, on two laptop cores; a guess."""


def preflight(
    store: ProjectStore,
    base: ChosenBase,
    config: TrainConfig,
    *,
    progress: snapshot.Progress | None = None,
    check_photos: bool = True,
    processes: int = 1,
) -> list[Check]:
    """One line a term. Raises ProjectDamaged; everything else is a line.

    ``processes`` are to share the photos of a step.

    ``check_photos`` reads every photo file to see that its bytes are still those imported.
    """
    found: list[Check] = []
    taken: Snapshot | None = None
    named = config.answers is Answers.CLASS
    try:
        taken = snapshot.take_snapshot(
            store, class_only=named, progress=progress, check_photos=check_photos
        )
    except TrainingRefused as error:
        found += [Check("data", tr("Leaves"), Level.FAIL, p, "") for p in error.problems]
    else:
        found += _data(taken, photos=check_photos)
        config = replace(config, classes=taken.classes, healthy=taken.healthy)
        found += _settings(config)
        head = registry.find("core.heads", HeadSpec, config.head)
        found += data_checks(store, cells=head.cells, class_only=named)
    found.append(_model(base))
    photos = len(taken.samples) if taken else 0
    if not config.own_problems():  # what cannot be has no size
        found += memory_lines.memory_lines(base, config, processes=processes)
    found.append(_disk(store, base, photos))
    found.append(_time(store, base, config, photos))
    return found


def _data(taken: Snapshot, *, photos: bool) -> Iterator[Check]:
    text = tr(
        "{manys} to learn from ({outlined} with outlined lesions), {manys_2} held "
        "out ({outlined_2} with outlined lesions)",
        manys=taken.count("train"),
        outlined=taken.outlined("train"),
        manys_2=taken.count("val"),
        outlined_2=taken.outlined("val"),
    )
    yield Check("data", tr("Leaves"), Level.OK, text)
    if photos:
        text = tr("all there, with the bytes they had at import")
        yield Check("photos", tr("Photo files"), Level.OK, text)
    for name in taken.classes:
        leaves = sum(s.disease == name and s.split == "train" for s in taken.samples)
        level = Level.OK if leaves >= 5 else Level.WARN
        remedy = "" if level is Level.OK else tr("Name this disease on some more leaves.")
        text = trn("{n:,} leaf", "{n:,} leaves", leaves)
        yield Check(f"class.{name}", tr("Class “{name}”", name=name), level, text, remedy)
    for note in taken.notes:
        yield Check("note", tr("Note"), Level.WARN, note)


def _settings(config: TrainConfig) -> Iterator[Check]:
    problems = config.problems()
    for problem in problems:
        yield Check("settings", tr("Settings"), Level.FAIL, problem)
    if problems:
        return
    if config.answers is Answers.CLASS:
        text = tr(
            "{method}, rank {rank}, the disease alone and no masks, {minutes:g} min",
            method=config.method,
            rank=config.rank,
            minutes=config.minutes,
        )
    else:
        text = tr(
            "{method}, rank {rank}, head “{head}”, {minutes:g} min",
            method=config.method,
            rank=config.rank,
            head=config.head,
            minutes=config.minutes,
        )
    yield Check("settings", tr("Settings"), Level.OK, text)


def _model(base: ChosenBase) -> Check:
    try:
        counted = parameters(base.folder)
    except ModelMissing as error:
        return Check("base", tr("Base model"), Level.FAIL, str(error))
    text = tr(
        "{title}, {total:,.0f} million parameters", title=base.spec.title, total=counted / 1e6
    )
    return Check("base", tr("Base model"), Level.OK, text)


def parameters(folder: Path) -> int:
    """How many a model has, by its files' headers. Raises ModelMissing when one is none."""
    total = sum(math.prod(shape) for _, shape in model_shape.weights(folder))
    if not total:
        raise ModelMissing(
            tr(
                "There are no .safetensors weights in {folder}; choose another folder.",
                folder=folder,
            )
        )
    return total


def _disk(store: ProjectStore, base: ChosenBase, photos: int) -> Check:
    needed = 2 * disk_needed(base.bytes, photos)
    free = shutil.disk_usage(store.folder).free
    text = tr(
        "{size_text} wanted, {size_text_2} free",
        size_text=size_text(needed),
        size_text_2=size_text(free),
    )
    if free < needed:
        return Check(
            "disk", tr("Disk"), Level.FAIL, text, tr("Free some space on the project's drive.")
        )
    return Check("disk", tr("Disk"), Level.OK, text)


def _time(store: ProjectStore, base: ChosenBase, config: TrainConfig, photos: int) -> Check:
    seen = _seconds_beside_training(store, base)
    each = EXTRA_SECONDS if seen is None else seen
    beside = math.ceil(each * photos / 60)  # never "about 0 min"
    how = tr("a guess") if seen is None else tr("as in the last run here")
    text = tr(
        "{minutes:g} min of training and about {each:.0f} min to look at the "
        "photos and score them ({how}): {minutes_2:.0f} min",
        minutes=config.minutes,
        each=beside,
        how=how,
        minutes_2=config.minutes + beside,
    )
    return Check("time", tr("Time"), Level.OK, text)


def _seconds_beside_training(store: ProjectStore, base: ChosenBase) -> float | None:
    """Seconds a photo that the last finished run of this base took beside its training."""
    for run in store.runs():
        if run.base != base.spec.id or run.state is not RunState.FINISHED:
            continue
        folder = store.folder / run.folder
        try:
            lines = (folder / "events.jsonl").read_text("utf-8").splitlines()
            events = [json.loads(line) for line in lines]
            photos = (folder / "samples.jsonl").read_bytes().count(b"\n")
            return beside_steps(events) / photos
        except (OSError, ValueError, LookupError, TypeError, ZeroDivisionError):
            continue
    return None


def beside_steps(events: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that a run's processes took outside their steps.

    A process begins with "hello"; the time between two is nobody's, and one without a step only
    scored again. Raises ValueError where there was no step.
    """
    begun = [n for n, event in enumerate(events) if n == 0 or event["event"] == "hello"]
    beside, stepped = 0.0, False
    for first, last in zip(begun, [*begun[1:], len(events)], strict=True):
        own = events[first:last]
        steps = [float(e["time"]) for e in own if e["event"] == "step"]
        if steps:
            stepped = True
            beside += float(own[-1]["time"]) - float(own[0]["time"]) - (steps[-1] - steps[0])
    if not stepped:
        raise ValueError("no step")
    return max(0.0, beside)


def unchecked() -> Iterator[Check]:
    """What stays unknown as long as the model was not loaded and no step was tried."""
    yield Check(
        "unchecked.steps",
        tr("Rehearsal"),
        Level.UNKNOWN,
        tr("the model was not loaded and no step was tried"),
    )
    yield labels_unchecked()


def labels_unchecked() -> Check:
    """No program knows whether a label is right."""
    return Check(
        "unchecked.labels",
        tr("Labels"),
        Level.UNKNOWN,
        tr("whether the diseases and outlines are right; Review shows the leaves to look at again"),
    )
