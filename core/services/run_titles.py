"""What a run is called: kept as what it is made of, said in the language of whoever reads it.

Titles that an earlier Leafspot kept as sentences are shown as they are. Knows settings of runs and
the base models by name; opens nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.domain.run import Run
from core.language import tr, trn

if TYPE_CHECKING:
    from core.training.config import TrainConfig

FRESH, CONTINUED, CLASS, PREFERENCE, HARD = "fresh", "continued", "class", "preference", "hard"
"""How a run was trained; ``CLASS`` without masks, as a control, the last two as further stages."""
LONGEST = 300
"""A text from elsewhere is cut after so many letters."""


def kept(config: TrainConfig, leaves: int, *, continued: bool) -> str:
    """The title, to be kept, of a run of that ``config`` that learns from so many ``leaves``."""
    from core.training.config import Answers, Stage

    way = CONTINUED if continued else FRESH
    if config.answers is Answers.CLASS:
        way = CLASS
    elif config.stage is not Stage.LORA:
        way = PREFERENCE if config.stage is Stage.PREFERENCE else HARD
    made = {"base": config.base, "way": way, "minutes": config.minutes, "leaves": leaves}
    return json.dumps(made | ({"below": config.below} if way == HARD else {}))


def kept_fold(run: Run, number: int, of: int) -> str:
    """The title, to be kept, of fold ``number`` (from 1) of ``of`` of ``run``."""
    return json.dumps({"fold": [number, of], "run": run.title}, ensure_ascii=False)


def title(run: Run) -> str:
    """In the language in use; the run's id where it has no title."""
    return said(run.title) or run.id


def said(text: str) -> str:
    """A title as it is ``kept``, in words; any other text as it is, cut after ``LONGEST``."""
    if text.startswith("{"):
        try:
            return _said(json.loads(text))
        # A project may come from elsewhere.
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            pass
    return text[:LONGEST]


def _said(made: dict[str, Any]) -> str:
    if "fold" in made:
        number, of = made["fold"]
        whole = str(made["run"])
        return tr("Fold {number} of {of} · {title}", number=number, of=of, title=said(whole))
    leaves = trn("{n:,} leaf", "{n:,} leaves", int(made["leaves"]))
    minutes = float(made["minutes"])
    return tr("{went}, {minutes:g} min, {leaves}", went=_went(made), minutes=minutes, leaves=leaves)


def _went(made: dict[str, Any]) -> str:
    """Short enough for a list of runs, with what tells one from another at its beginning."""
    # The window reads titles before anything of a model is wanted.
    from core import registry
    from core.vlms.base import VlmSpec

    base = str(made["base"])
    spec = registry.discover("core.vlms", VlmSpec).get(base)
    name = spec.title.partition(" (")[0] if spec else base[:LONGEST]
    way = made["way"]
    if way == CLASS:
        return tr("{name}, class alone", name=name)
    if way == PREFERENCE:
        return tr("{name}, preference on masks", name=name)
    if way == HARD:
        return tr("{name}, hard leaves below {below:.2f}", name=name, below=float(made["below"]))
    return tr("{name} continued", name=name) if way == CONTINUED else name
