"""What a segmentation engine is: a photo in, prompts in, candidate masks out.

Knows prompts and pixels; knows no widget, no table and no particular model.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.domain.region import RegionKind


class PromptKind(StrEnum):
    """What an engine understands; the buttons follow."""

    POINT = "point"
    MINUS_POINT = "minus_point"
    BOX = "box"
    BEFORE = "before"
    WHOLE_LEAF = "whole_leaf"
    EVERYTHING = "everything"
    ALIKE = "alike"
    TEXT = "text"
    EXEMPLAR = "exemplar"


POINTING = frozenset({PromptKind.POINT, PromptKind.MINUS_POINT, PromptKind.BOX})
"""Clicks and boxes. ``WHOLE_LEAF`` heeds ``Prompt.wanted``; for the others see ``Finder`` and, for
the last two, ``Searcher``."""


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The mask a person already has: ``pixels`` [h, w] bool, its top left at ``origin`` (x, y)."""

    pixels: NDArray[np.bool_]
    origin: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything the person has pointed at so far for one region.

    ``points`` are (x, y) in displayed pixels, ``positive`` says for each whether it lies inside.
    ``box`` is (x0, y0, x1, y1), half open, or None. At least one positive point or a box.
    ``wanted`` is what the person is outlining, None for whatever is there; an engine that cannot
    tell leaves from lesions takes no notice. ``before`` is what the clicks are to better; an engine
    that cannot use it takes no notice, and does not declare ``PromptKind.BEFORE``. With one that
    does, a minus point alone is enough.
    """

    points: tuple[tuple[float, float], ...] = ()
    positive: tuple[bool, ...] = ()
    box: Box | None = None
    wanted: RegionKind | None = None
    before: Before | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One proposed mask, cropped: ``pixels`` [h, w] bool with its top left at ``origin`` (x, y).

    ``score`` in [0, 1], higher is better; comparable within one engine only.
    """

    pixels: NDArray[np.bool_]
    origin: tuple[int, int]
    score: float


class Segmenter(Protocol):
    """A loaded engine. ``set_image`` once, ``predict`` many."""

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        """``rgb`` is [height, width, 3] uint8 in displayed orientation."""
        ...

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """Best first, at least one. Raises UserError when the prompt is empty or off the photo."""
        ...


Embedding = Mapping[str, NDArray[Any]]
"""What an engine keeps of one look at one picture, by name; float16 or float32 arrays."""


@runtime_checkable
class Embedder(Segmenter, Protocol):
    """An engine whose look at a photo can be kept and used again: ``set_image(rgb)`` is
    ``use(rgb, embed(rgb))``."""

    def embed(self, rgb: NDArray[np.uint8]) -> Embedding:
        """The costly part. Leaves the current photo as it is."""
        ...

    def use(self, rgb: NDArray[np.uint8], embedding: Embedding) -> None:
        """Go on as if ``rgb`` had just been looked at; ``embedding`` is from ``embed(rgb)``.

        ``rgb`` may be a view into a larger photo, and is not to be changed.

        Raises ValueError when names or shapes are not what this engine makes of such a picture.
        """
        ...


@runtime_checkable
class Gradual(Embedder, Protocol):
    """An embedder that can be interrupted: a click need not wait for another place's look."""

    def embedding(self, rgb: NDArray[np.uint8]) -> Generator[None, None, Embedding]:
        """``embed(rgb)`` in steps of a few milliseconds each; other calls may come between."""
        ...

    def ready(self, embedding: Embedding) -> bool:
        """Whether ``use`` of it costs nothing."""
        ...

    def readying(
        self, rgb: NDArray[np.uint8], embedding: Embedding
    ) -> Generator[None, None, object]:
        """Makes that so, in steps likewise. ``rgb`` and errors as for ``use``."""
        ...


@runtime_checkable
class Finder(Protocol):
    """An engine that finds what nobody pointed at, on the photo that is set."""

    def everything(self, most: int = 100) -> list[Candidate]:
        """At most ``most`` lesions of the whole photo, the surest first, none on another."""
        ...

    def leaves(self, most: int = 20) -> list[Candidate]:
        """At most ``most`` leaves of the photo, the largest first, none on another."""
        ...

    def alike(self, examples: Sequence[Candidate], most: int = 100) -> list[Candidate]:
        """As ``everything``, those that look most like ``examples`` first and none on an example.

        ``score`` is the likeness. Raises PromptRefused without an example on the photo.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is looked for on a photo: a thing's name in ``words`` ("" for none), ``examples`` of it
    on the photo, and ``against``, what looks like it there and is not meant."""

    words: str = ""
    examples: tuple[Candidate, ...] = ()
    against: tuple[Candidate, ...] = ()


@runtime_checkable
class Searcher(Protocol):
    """An engine that is told what to find on the photo that is set: in words where it declares
    ``PromptKind.TEXT``, by examples on the photo where it declares ``PromptKind.EXEMPLAR``."""

    def search(self, query: Query, most: int = 100) -> list[Candidate]:
        """At most ``most``, the surest first, none on another nor on an example of either sign.

        Raises PromptRefused for a query without words and examples, or words it cannot read.
        """
        ...


@runtime_checkable
class Noticing(Protocol):
    """An engine that may have something to say besides its answer."""

    def take_notice(self) -> str:
        """A sentence for the person, given once; "" when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """A plug-in entry. ``factory`` ("module:function") is called with (spec, checkpoint or None).

    ``needs_checkpoint``: the person opens a weights file first. ``note`` is shown beside the title.
    ``weights`` is the file that the engine brings itself, listed in ``SHA256SUMS`` beside it.
    ``side`` is the longest side, in pixels, of what an `Embedder` sees; None for whatever comes.
    ``revision`` is raised when the same weights give other embeddings or findings: kept ones are
    not used then.
    """

    id: str
    title: str
    prompts: frozenset[PromptKind]
    factory: str
    needs_checkpoint: bool = False
    note: str = ""
    weights: Path | None = None
    side: int | None = None
    revision: int = 1
