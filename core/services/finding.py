"""What can be looked for on a photo without a click, and how an engine is asked for it.

Knows the kinds of prompts and what engines declare; knows no photo and no wire.
"""

from __future__ import annotations

from core.engines.base import EngineSpec, Finder, PromptKind, Searcher, Segmenter
from core.errors import PromptRefused
from core.language import either, tr
from core.registry import discover
from core.services.sight import Search

ENGINES = "core.engines"
FOUND = (
    PromptKind.WHOLE_LEAF,
    PromptKind.EVERYTHING,
    PromptKind.ALIKE,
    PromptKind.TEXT,
    PromptKind.EXEMPLAR,
)
"""What finds without a click."""


def search_of(engine: Segmenter, what: PromptKind) -> Search:
    """How ``engine`` is asked for ``what``. Raises PromptRefused where it cannot be."""
    if what in (PromptKind.TEXT, PromptKind.EXEMPLAR) and isinstance(engine, Searcher):
        return engine.search
    if isinstance(engine, Finder):
        if what is PromptKind.WHOLE_LEAF:
            return lambda _query: engine.leaves()
        if what is PromptKind.EVERYTHING:
            return lambda _query: engine.everything()
        if what is PromptKind.ALIKE:
            return lambda query: engine.alike(query.examples)
    raise PromptRefused(tr("This assistant does not find that; choose {able}.", able=able(what)))


def able(what: PromptKind) -> str:
    """The titles of the engines that declare ``what``, for a sentence."""
    specs = discover(ENGINES, EngineSpec).values()
    return either([f"“{spec.title}”" for spec in specs if what in spec.prompts])
