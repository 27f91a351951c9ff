"""What of an adapter cannot be read off its tensors: ``leafspot.json``, an allow-listed schema.

Knows settings and one file; knows no tensor.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path

from core import adapter_package, files
from core.adapter_package import Manifest
from core.errors import AdapterRefused
from core.heads.base import weights_file
from core.language import tr
from core.services import bases
from core.training.config import Answers, Layers, Method, Tower, TrainConfig

FACTS = "leafspot.json"
MOST = 4096
"""Of rank, alpha and image tokens: memory is taken by them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The allow-listed schema of ``leafspot.json``.

    ``head_sha256`` is of the weights of the model that the mask head builds on, "" for none.
    """

    base: str
    head: str
    method: str
    tower: str
    rank: int
    alpha: int
    classes: tuple[str, ...]
    healthy: str
    image_tokens: int = 0
    head_sha256: str = ""
    layers: str = Layers.ALL.value
    answers: str = Answers.MASK.value

    @classmethod
    def of(cls, config: TrainConfig) -> Facts:
        """What of a run's settings an adapter carries."""
        path = weights_file(config.head_path)
        return cls(
            base=config.base,
            head=config.head,
            method=config.method.value,
            tower=config.tower.value,
            rank=config.rank,
            alpha=config.alpha,
            classes=config.classes,
            healthy=config.healthy,
            image_tokens=config.image_tokens,
            head_sha256=files.sha256(path) if path else "",
            layers=config.layers.value,
            answers=config.answers.value,
        )

    def config(self, base_path: str, head_path: str = "") -> TrainConfig:
        """The settings an adapter was trained with, as far as loading it needs them."""
        return TrainConfig(
            base=self.base,
            base_path=base_path,
            head=self.head,
            head_path=head_path,
            method=Method(self.method),
            tower=Tower(self.tower),
            rank=self.rank,
            alpha=self.alpha,
            classes=self.classes,
            healthy=self.healthy,
            image_tokens=self.image_tokens,
            layers=Layers(self.layers),
            answers=Answers(self.answers),
        )


def verified(folder: Path) -> tuple[Manifest, Facts]:
    """Manifest and facts of an adapter folder that is exactly what they say, and agree.

    Raises AdapterRefused.
    """
    manifest = adapter_package.verify(folder)
    facts = read_facts(folder)
    if facts.classes != manifest.classes or facts.base != manifest.base.id:
        raise AdapterRefused(
            tr("The adapter's manifest and its settings disagree; export it again.")
        )
    return manifest, facts


def is_merged(folder: Path) -> bool:
    """Whether ``folder`` looks like a merged model of ours (`core.training.merging`)."""
    # Path's own questions raise where a folder on the way may not be entered.
    return (
        os.path.isfile(folder / FACTS)  # noqa: PTH113
        and os.path.isdir(folder / "mask_head")  # noqa: PTH112
        and not os.path.lexists(folder / adapter_package.MANIFEST)
    )


def read_facts(folder: Path) -> Facts:
    """The checked ``leafspot.json``. Raises AdapterRefused."""
    try:
        if (folder / FACTS).stat().st_size > adapter_package.MAX_MANIFEST:
            raise ValueError("a file of ours is smaller")  # noqa: TRY301 - one net for all
        raw = json.loads((folder / FACTS).read_text("utf-8"))
        raw["classes"] = tuple(raw["classes"])
        facts = Facts(**raw)
        _check_kinds(facts)
        problems = facts.config("").problems()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AdapterRefused(
            tr("The adapter's {facts} cannot be read; export the adapter again.", facts=FACTS)
        ) from error
    if problems:
        raise AdapterRefused(
            tr(
                "The adapter's {facts} makes no sense: {problems}",
                facts=FACTS,
                problems=problems[0],
            )
        )
    return facts


def _check_kinds(facts: Facts) -> None:
    """Raises ValueError for what is no text, or no number that a model could be built with."""
    numbers = {"rank", "alpha", "image_tokens"}
    texts = [getattr(facts, f.name) for f in fields(facts) if f.name not in numbers | {"classes"}]
    sizes = facts.rank, facts.alpha, facts.image_tokens + 1
    if not all(type(text) is str for text in (*texts, *facts.classes)):
        raise ValueError("a text was expected")
    if not all(type(size) is int and 0 < size <= MOST for size in sizes):
        raise ValueError("a number was expected")


def head_path_of(facts: Facts) -> str:
    """Where the model lies that the mask head builds on. Raises AdapterRefused for another one."""
    if not facts.head_sha256:
        return ""
    path = bases.remembered(bases.head_note(facts.head))
    found = weights_file(path)
    if found is None or not found.is_file() or files.sha256(found) != facts.head_sha256:
        raise AdapterRefused(
            tr(
                "The adapter's mask head builds on weights that are not on this computer, or no "
                "longer where they were used last; choose the same ones for a training here, then "
                "open the adapter again."
            )
        )
    return path
