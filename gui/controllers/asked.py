"""One question for things that nobody pointed at: what is looked for, and in whose words.

Knows prompts, regions and the wire's words for them; asks nobody and draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.ids import RegionId
from core.domain.region import Region, RegionKind
from core.engines.base import Candidate, EngineSpec, PromptKind
from core.language import tr
from core.services.annotate import LabellingSession
from core.workers.mask_crop import encode_mask

NOTHING = {
    PromptKind.WHOLE_LEAF: tr("No leaf was found that is not outlined yet."),
    PromptKind.EVERYTHING: tr("No lesion was found that is not outlined yet."),
    PromptKind.ALIKE: tr("Nothing more like this was found on the photo."),
    PromptKind.EXEMPLAR: tr("Nothing more like this was found on the photo."),
    PromptKind.TEXT: tr("Nothing of that name was found that is not outlined yet; try another."),
}
BUSY = {
    PromptKind.WHOLE_LEAF: tr("Looking for the leaf…"),
    PromptKind.EVERYTHING: tr("Looking for lesions…"),
    PromptKind.ALIKE: tr("Looking for more like this…"),
    PromptKind.EXEMPLAR: tr("Looking for more like this…"),
}
MAX_AGAINST = 16
"""Counter-examples that are handed on: the last ones that were rejected."""


@dataclass(frozen=True, eq=False)
class Asked:
    """``kind`` is what becomes of the findings; ``words`` name them for ``PromptKind.TEXT``."""

    what: PromptKind
    kind: RegionKind = RegionKind.LESION
    words: str = ""
    examples: tuple[Region, ...] = ()

    @property
    def busy(self) -> str:
        """One line while the answer is awaited."""
        if self.words:
            return tr("Looking for “{words}”…", words=self.words)
        return BUSY[self.what]

    @property
    def nothing(self) -> str:
        """The sentence for an answer without findings."""
        return NOTHING[self.what]

    def fields(self, rejected: Sequence[Candidate]) -> dict[str, Any]:
        """As the wire has it; ``rejected`` are what looked like it and was not meant."""
        against = rejected[-MAX_AGAINST:] if self.what is PromptKind.EXEMPLAR else []
        return {
            "what": self.what.value,
            "words": self.words,
            "examples": _masks(self.examples),
            "against": [encode_mask(one.pixels, one.origin) for one in against],
        }


def fitting(what: PromptKind, spec: EngineSpec | None) -> PromptKind:
    """How this engine is asked for ``what``: one finds more like a lesion among what it finds by
    itself, another goes by examples."""
    by_example = spec is not None and PromptKind.EXEMPLAR in spec.prompts
    if what is PromptKind.ALIKE and spec is not None and what not in spec.prompts and by_example:
        return PromptKind.EXEMPLAR
    return what


def finds(what: PromptKind, spec: EngineSpec | None) -> bool:
    """Whether this engine can be asked for ``what``."""
    return spec is None or fitting(what, spec) in spec.prompts


def lesions(session: LabellingSession, chosen: Iterable[RegionId]) -> tuple[Region, ...]:
    """The chosen regions that are lesions; none unless the first of them, the active one, is."""
    found = [one for region in chosen if (one := session.region(region)) is not None]
    if not found or found[0].info.kind is not RegionKind.LESION:
        return ()
    return tuple(one for one in found if one.info.kind is RegionKind.LESION)


def _masks(regions: Iterable[Region]) -> list[dict[str, Any]]:
    """Without those that have no pixel."""
    boxes = [(one, box) for one in regions if (box := one.mask.box()) is not None]
    return [encode_mask(one.mask.read(box).astype(bool), box[:2]) for one, box in boxes]
