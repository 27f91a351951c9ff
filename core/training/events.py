"""What a training run says while it works: typed events, and how they are written down.

``events.jsonl`` in the run folder is the truth; the same lines go to stdout for whoever watches.
Knows names and figures; knows no torch and no window. Every line is a JSON object with ``event``,
``time`` (seconds since the epoch) and the fields of the class below it stands for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

if TYPE_CHECKING:
    from core.services.checks import Check

PROTOCOL = 1


@dataclass(frozen=True, slots=True)
class Hello:
    """First of every process. ``resumed_from`` is a step, or 0."""

    protocol: int
    pid: int
    worker: str
    resumed_from: int = 0
    name = "hello"


@dataclass(frozen=True, slots=True)
class Phase:
    """A named stretch of work: "loading", "encoding photos", "training", "scoring", "saving".

    ``done`` of ``total`` counts items of that phase; 0 of 0 means "unknown".
    """

    phase: str
    done: int = 0
    total: int = 0
    name = "phase"


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step. Losses are means over the batch; ``eta`` is seconds to the end."""

    step: int
    of: int
    loss: float
    answer_loss: float
    mask_loss: float
    learning_rate: float
    eta: float
    epoch: float
    name = "step"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A look at held-out leaves. ``dice`` is the lesion target by the generated path, mean over
    leaves that have lesions; None where no held-out leaf is outlined (likewise ``leaf_dice``).
    ``watch`` maps an image id to the run-relative path of its probability PNG, ``watch_dice`` to
    its Dice. ``step`` 0 is the base before any tuning.
    """

    step: int
    dice: float | None
    leaf_dice: float | None
    accuracy: float | None
    leaves: int
    watch: dict[str, str]
    watch_dice: dict[str, float]
    name = "evaluated"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A committed checkpoint; ``path`` is relative to the run folder."""

    step: int
    path: str
    best: bool
    name = "checkpoint"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result depends on besides the settings: ``data`` is the sha256 of the snapshot,
    ``settings`` of the settings, ``versions`` those of the libraries by name, ``device`` what it
    was computed on.
    """

    data: str
    settings: str
    versions: dict[str, str]
    device: str
    name = "provenance"


@dataclass(frozen=True, slots=True)
class Examined:
    """One line of a rehearsal (`core.training.trial`), or of what every run looks at before its
    first photo (`core.training.quick_checks`): the fields of `core.services.checks.Check`.

    ``spans`` are (text, whether it is learnt) of the words that are learnt from, where it shows
    them; ``targets`` the fields of `core.services.checks.Targets`, where it has them.
    """

    id: str
    title: str
    level: str
    text: str
    remedy: str = ""
    spans: list[tuple[str, bool]] = field(default_factory=list)
    targets: dict[str, int] = field(default_factory=dict)
    name = "examined"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know while training goes on."""

    text: str
    name = "notice"


@dataclass(frozen=True, slots=True)
class Scored:
    """``scores.jsonl`` is complete. ``summary`` holds final figures by name."""

    samples: int
    summary: dict[str, float]
    name = "scored"


@dataclass(frozen=True, slots=True)
class Finished:
    """The end, with a usable adapter. ``stopped`` says a person asked for it early."""

    adapter: str
    stopped: bool
    name = "finished"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The end, asked for before there was anything to keep."""

    name = "stopped"


@dataclass(frozen=True, slots=True)
class Failed:
    """The end, without a result. ``text`` is a sentence with the remedy; ``trace`` for reports."""

    code: str
    text: str
    trace: str = ""
    name = "failed"


TrainEvent = (
    Hello
    | Phase
    | Step
    | Evaluated
    | Checkpoint
    | Provenance
    | Examined
    | Notice
    | Scored
    | Finished
    | Stopped
    | Failed
)
KINDS: dict[str, type[TrainEvent]] = {kind.name: kind for kind in get_args(TrainEvent)}


def examined(check: Check, spans: Sequence[tuple[str, bool]] = ()) -> Examined:
    """The event that carries a line."""
    targets = asdict(check.targets) if check.targets else {}
    level = check.level.value
    return Examined(check.id, check.title, level, check.text, check.remedy, [*spans], targets)


def to_fields(event: TrainEvent) -> dict[str, object]:
    """The JSON object of an event, ``event`` and ``time`` included."""
    return {"event": event.name, "time": round(time.time(), 3), **asdict(event)}


def from_fields(fields: dict[str, object]) -> TrainEvent | None:
    """The event of a JSON object; None for one this version does not know or cannot read."""
    kind = KINDS.get(str(fields.get("event")))
    if kind is None:
        return None
    values = {k: v for k, v in fields.items() if k in kind.__dataclass_fields__}
    if not all(_fits(str(kind.__dataclass_fields__[k].type), v) for k, v in values.items()):
        return None
    try:
        return kind(**values)  # type: ignore[arg-type]
    except TypeError:
        return None


_PLAIN: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "dict": (dict,),
    "list": (list,),
}  # fmt: skip


def _fits(annotation: str, value: object) -> bool:
    """Whether ``value``, out of a JSON object, is what ``annotation`` says."""
    if annotation.endswith(" | None"):
        return value is None or _fits(annotation.removesuffix(" | None"), value)
    outer, _, inner = annotation.removesuffix("]").partition("[")
    if isinstance(value, dict) and outer == "dict":
        return all(_fits(inner.partition(", ")[2], each) for each in value.values())
    return isinstance(value, _PLAIN[outer])


def replay(file: Path) -> Iterator[TrainEvent]:
    """Every readable event of an ``events.jsonl``; a torn last line is skipped."""
    if not file.exists():
        return
    for line in file.read_bytes().splitlines():
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(fields, dict) and (event := from_fields(fields)) is not None:
            yield event
