"""`leafspot preflight`: would this training run, and would it fit? Every term is named.

Looks at the data, the settings, the base model's header, memory and disk; loads no model and
writes nothing. What it does not check it says, too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.domain.run import RunState
from core.errors import ModelMissing, TrainingRefused
from core.files import size_text
from core.language import tr, trn
from core.ports import ProjectStore
from core.services import machine
from core.services.bases import ChosenBase
from core.services.checks import Check, Level
from core.services.train import disk_needed
from core.training import snapshot
from core.training.config import Method, TrainConfig
from core.training.snapshot import Snapshot

MAX_HEADER = 100 << 20
"""safetensors itself refuses longer ones."""
LIBRARIES = 1.2e9
"""Bytes that torch and transformers take before any model."""
TRAINED_SHARE = 0.02
"""LoRA of rank 16 and the head, as a share of the base's parameters."""
NF4 = 0.516
"""Bytes a parameter in NF4 with double quantisation: 0.5 + 1/64 + 4/16384."""
EXTRA_SECONDS = 0.6
"""A photo's share of looking at it once and scoring it, on two laptop cores; a guess."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Counted from the safetensors headers. ``tables`` (embeddings) are never kept in 4-bit."""

    total: int
    tables: int


def preflight(
    store: ProjectStore,
    base: ChosenBase,
    config: TrainConfig,
    *,
    progress: snapshot.Progress | None = None,
) -> list[Check]:
    """One line a term. Raises ProjectDamaged; everything else is a line."""
    found: list[Check] = []
    taken: Snapshot | None = None
    try:
        taken = snapshot.take_snapshot(store, progress=progress)
    except TrainingRefused as error:
        found += [Check("data", tr("Leaves"), Level.FAIL, p, "") for p in error.problems]
    else:
        found += _data(taken)
        config = replace(config, classes=taken.classes, healthy=taken.healthy)
        found += _settings(config)
    found.append(_model(base))
    photos = len(taken.samples) if taken else 0
    found += _memory(base, config)
    found.append(_disk(store, base, photos))
    found.append(_time(store, base, config, photos))
    found += _unchecked()
    return found


def _data(taken: Snapshot) -> Iterator[Check]:
    text = tr(
        "{manys} to learn from ({outlined} with outlined lesions), {manys_2} held "
        "out ({outlined_2} with outlined lesions)",
        manys=taken.count("train"),
        outlined=taken.outlined("train"),
        manys_2=taken.count("val"),
        outlined_2=taken.outlined("val"),
    )
    yield Check("data", tr("Leaves"), Level.OK, text)
    yield Check(
        "photos", tr("Photo files"), Level.OK, tr("all there, with the bytes they had at import")
    )
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
    if not problems:
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
        "{title}, {total:,.0f} million parameters", title=base.spec.title, total=counted.total / 1e6
    )
    return Check("base", tr("Base model"), Level.OK, text)


def parameters(folder: Path) -> Parameters:
    """Raises ModelMissing when a file is none of safetensors."""
    total = tables = 0
    for path in sorted(folder.glob("*.safetensors")):
        for name, shape in _shapes(path):
            cells = 1
            for side in shape:
                cells *= side
            total += cells
            tables += cells if "embed" in name or "lm_head" in name else 0
    if not total:
        raise ModelMissing(
            tr(
                "There are no .safetensors weights in {folder}; choose another folder.",
                folder=folder,
            )
        )
    return Parameters(total, tables)


def _shapes(path: Path) -> Iterable[tuple[str, list[int]]]:
    """Name and shape of each tensor, by the file's header alone."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER:
                raise ModelMissing(
                    tr("{name} is no safetensors file; get the model again.", name=path.name)
                )
            header = json.loads(file.read(length))
        return [(n, [int(s) for s in e["shape"]]) for n, e in header.items() if n != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(
            tr("{name} is no safetensors file; get the model again.", name=path.name)
        ) from error


def memory_needed(counted: Parameters, config: TrainConfig, *, gpu: bool) -> float:
    """Bytes at the peak, by the book: weights, trained parts with Adam, activations, libraries."""
    whole = 2.0 if gpu else 4.0
    inside = counted.total - counted.tables
    weights = counted.total * whole
    if config.method is Method.QLORA_NF4:
        weights = inside * NF4 + counted.tables * whole
    trained = counted.total * TRAINED_SHARE * config.rank / 16 * 16
    activations = inside * whole * 0.02 * config.batch_size
    return LIBRARIES + weights + trained + activations


def _memory(base: ChosenBase, config: TrainConfig) -> Iterator[Check]:
    """Of the graphics card where PyTorch sees one, else of the computer."""
    try:
        counted = parameters(base.folder)
    except ModelMissing:
        return
    card = machine.probe_torch().get("gpu", {})
    gpu = bool(card.get("name"))
    free = int(card.get("free", 0)) if gpu else machine.memory().available
    title = tr("Memory of {card}", card=card["name"]) if gpu else tr("Memory")
    yield fits(title, memory_needed(counted, config, gpu=gpu), free)


def fits(title: str, needed: float, free: int) -> Check:
    """A line about memory, in bytes; 0 free means that the system does not say."""
    text = tr(
        "about {size_text} by the book, {size_text_2} free",
        size_text=size_text(needed),
        size_text_2=size_text(free),
    )
    if not free:
        return Check(
            "memory",
            title,
            Level.UNKNOWN,
            tr("{size_text} by the book", size_text=size_text(needed)),
        )
    if needed > free:
        remedy = tr("Close other programs, take a smaller base model, or train in 4-bit.")
        return Check("memory", title, Level.FAIL, text, remedy)
    if needed > 0.7 * free:
        return Check(
            "memory", title, Level.WARN, text, tr("Close other programs before you start.")
        )
    return Check("memory", title, Level.OK, text)


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
    minutes = config.minutes + each * photos / 60
    how = tr("a guess") if seen is None else tr("as in the last run here")
    text = tr(
        "{minutes:g} min of training and about {each:.0f} min to look at the "
        "photos and score them ({how}): {minutes_2:.0f} min",
        minutes=config.minutes,
        each=each * photos / 60,
        how=how,
        minutes_2=minutes,
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
            steps = [float(e["time"]) for e in events if e["event"] == "step"]
            whole = float(events[-1]["time"]) - float(events[0]["time"])
            return max(0.0, whole - (steps[-1] - steps[0])) / photos
        except (OSError, ValueError, LookupError, TypeError, ZeroDivisionError):
            continue
    return None


def _unchecked() -> Iterator[Check]:
    yield Check(
        "unchecked.peak",
        tr("Memory while training"),
        Level.UNKNOWN,
        tr("the model was not loaded and no step was tried; the figure above is a sum"),
    )
    yield Check(
        "unchecked.labels",
        tr("Labels"),
        Level.UNKNOWN,
        tr("whether the diseases and outlines are right; Review shows the leaves to look at again"),
    )
    yield Check(
        "unchecked.steps",
        tr("Speed"),
        Level.UNKNOWN,
        tr("how many steps fit into the minutes: no step was tried"),
    )
