"""What a mutation touched, so that each view refreshes only itself.

Knows ids; knows no view.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.ids import ImageId


@dataclass(frozen=True, slots=True)
class Changes:
    """The union of everything a committed action changed. ``everything`` follows a bulk import."""

    images: frozenset[ImageId] = frozenset()
    diseases: bool = False
    runs: bool = False
    everything: bool = False

    def __or__(self, other: Changes) -> Changes:
        return Changes(
            images=self.images | other.images,
            diseases=self.diseases or other.diseases,
            runs=self.runs or other.runs,
            everything=self.everything or other.everything,
        )
