"""The forecast of memory as lines: each term, the sum against what there is, and the ways out.

Knows the computer through a process of its own; loads no model here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import ModelMissing
from core.files import size_text
from core.language import tr, trn
from core.services import machine
from core.services.bases import ChosenBase
from core.services.checks import Check, Level
from core.training import batching, calibration, model_shape, room
from core.training.config import TrainConfig
from core.training.forecast import Forecast, Term
from core.training.model_shape import Shape


@dataclass(frozen=True, slots=True)
class Device:
    """Where a run would compute. ``name`` is "" for the computer itself; bytes, 0 unknown."""

    name: str
    total: int
    free: int

    @property
    def gpu(self) -> bool:
        return bool(self.name)


def device() -> Device:
    """A graphics card where PyTorch sees one, else the computer. Takes seconds with a card."""
    card = machine.probe_torch().get("gpu", {}) if _has_card() else {}
    if card.get("name"):
        return Device(str(card["name"]), int(card.get("total", 0)), int(card.get("free", 0)))
    here = machine.memory()
    return Device("", here.total, here.available)


def memory_lines(
    base: ChosenBase, config: TrainConfig, found: Device | None = None, *, processes: int = 1
) -> Iterator[Check]:
    """One line a term and one for the sum; none for a model whose files tell nothing.

    ``processes`` share the photos of a step: the terms are those of each, the sum is of all.
    """
    try:
        model = model_shape.shape(base.folder)
    except ModelMissing as error:
        yield Check("memory", tr("Memory"), Level.UNKNOWN, str(error))
        return
    where = found or device()
    sums = room.predicted(model, config, gpu=where.gpu, processes=processes)
    for term in sums.terms:
        yield Check(f"memory.{term.id}", term.title, Level.OK, size_text(term.bytes))
    own = room.share(config, processes)
    measured = calibration.factor(own, gpu=where.gpu) is not None
    ways = room.ways_out(model, config, gpu=where.gpu, total=where.total, processes=processes)
    yield fits(sums, where, ways, measured=measured, processes=processes)
    if config.auto_batch_size:
        yield parts(model, config, where, processes=processes)


def parts(model: Shape, config: TrainConfig, where: Device, *, processes: int = 1) -> Check:
    """How many photos at a time a run that finds that by itself is expected to take, and why."""
    title = tr("Parts of a step")
    if not where.free:
        return Check("memory.parts", title, Level.UNKNOWN, batching.unmeasured(config))

    def needed(at_once: int) -> float:
        part = replace(config, batch_size=at_once)
        return room.predicted(model, part, gpu=where.gpu).total

    found = batching.find(config, needed, where.free, gpu=where.gpu, processes=processes)
    later = tr("The run measures parts of one and two photos first and may find otherwise.")
    return Check("memory.parts", title, Level.OK, f"{found.sentence()} {later}")


def terms(base: ChosenBase, config: TrainConfig, where: Device) -> tuple[Term, ...]:
    """What the forecast is made of; nothing for a model whose files tell nothing."""
    try:
        model = model_shape.shape(base.folder)
    except ModelMissing:
        return ()
    return room.predicted(model, config, gpu=where.gpu).terms


def fits(
    sums: Forecast, where: Device, ways: list[str], *, measured: bool, processes: int = 1
) -> Check:
    """The sum against the device, on which each of ``processes`` takes it unless each has a card.

    ``ways`` are remedies, the cheapest first.
    """
    title = tr("Memory of {card}", card=where.name) if where.gpu else tr("Memory")
    how = tr("as measured here") if measured else tr("by the formulae, not measured here yet")
    if processes > 1 and not where.gpu:
        how = trn(
            "for {n} process, {how}",
            "for {n} processes that each hold the model, {how}",
            processes,
            how=how,
        )
    every = sums.total if where.gpu else sums.total * processes
    needed = size_text(every)
    if not where.total:
        return Check(
            "memory",
            title,
            Level.UNKNOWN,
            tr("about {needed} in all, {how}", needed=needed, how=how),
        )
    text = tr(
        "about {needed} in all, {how}; {free} of {total} free",
        free=size_text(where.free),
        total=size_text(where.total),
        needed=needed,
        how=how,
    )
    if every > where.total:
        return Check("memory", title, Level.FAIL, text, " ".join(ways))
    if every > where.free:
        close = tr("Close other programs before you start.")
        return Check("memory", title, Level.WARN, text, close)
    return Check("memory", title, Level.OK, text)


def _has_card() -> bool:
    """Whether there may be a card, so that it is worth asking PyTorch in a process of its own."""
    tools = any(shutil.which(name) for name in ("nvidia-smi", "rocm-smi"))
    return tools or any(Path(node).exists() for node in ("/dev/nvidia0", "/dev/kfd"))
