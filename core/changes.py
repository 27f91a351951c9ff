"""What a mutation touched, so that each view refreshes only itself.

Knows ids; knows no view.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.ids import ImageId


@dataclass(frozen=True, slots=True)
class Changes:
    """The union of everything a committed action changed. ``everything`` follows a bulk import.

    ``measures``: scale cards or severity scales, which change no label.
    ``elsewhere``: not by labelling, so what an open photo holds of ``images`` is out of date and
    its steps can no longer be undone.
    """

    images: frozenset[ImageId] = frozenset()
    diseases: bool = False
    runs: bool = False
    everything: bool = False
    elsewhere: bool = False
    measures: bool = False

    def __or__(self, other: Changes) -> Changes:
        return Changes(
            images=self.images | other.images,
            diseases=self.diseases or other.diseases,
            runs=self.runs or other.runs,
            everything=self.everything or other.everything,
            elsewhere=self.elsewhere or other.elsewhere,
            measures=self.measures or other.measures,
        )
