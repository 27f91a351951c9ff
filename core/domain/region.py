"""A leaf or lesion outlined on one photo.

Knows its kind, class, pixels and where they came from; knows no widget and no table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.mask import TileMask


class RegionKind(StrEnum):
    """What is outlined. Severity counts leaf and lesion pixels apart."""

    LEAF = "leaf"
    LESION = "lesion"


@dataclass(frozen=True, slots=True)
class RegionInfo:
    """Everything about a region but its pixels.

    ``source`` is "hand", "engine:<id>", "import" or "run:<id>". ``disease`` is None for a leaf and
    for a lesion not yet named.
    """

    id: RegionId
    image_id: ImageId
    kind: RegionKind
    disease: DiseaseId | None = None
    source: str = "hand"
    author: str = ""


@dataclass(slots=True)
class Region:
    """A region with its pixels. ``mask`` is edited in place by the labelling session."""

    info: RegionInfo
    mask: TileMask
