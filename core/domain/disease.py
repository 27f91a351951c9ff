"""The classes a leaf or a lesion can carry.

Knows names, codes and colours; knows nothing of models or pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.ids import DiseaseId


@dataclass(frozen=True, slots=True)
class Disease:
    """One class. ``healthy`` marks the class of leaves without lesions; a project has at most one.

    ``colour`` is ``#rrggbb``; ``hotkey`` is a digit 1–9 or None; ``eppo`` an EPPO code or "".
    """

    id: DiseaseId
    name: str
    colour: str
    hotkey: int | None = None
    eppo: str = ""
    healthy: bool = False


PALETTE = (
    # Okabe & Ito (2008), "Color Universal Design": distinguishable with the common forms of
    # colour blindness. Black is left out (it vanishes on dark photos).
    "#e69f00", "#56b4e9", "#cc79a7", "#d55e00", "#f0e442", "#0072b2", "#009e73",
)  # fmt: skip
HEALTHY_COLOUR = "#009e73"
LEAF_COLOUR = "#7fd37f"
UNNAMED_LESION_COLOUR = "#ff5ea8"
