"""A leaf photo as the project knows it.

Knows where the file is, what it holds and how far the labelling got; never opens it.
All sizes are in pixels of the *displayed* orientation (EXIF applied).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.ids import DiseaseId, ImageId


class ImageState(StrEnum):
    """How far a person got. ``CHECKED`` means a second look agreed."""

    UNSEEN = "unseen"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CHECKED = "checked"


class Split(StrEnum):
    """Which part of training a photo belongs to. ``AUTO``: assigned by group at snapshot time."""

    AUTO = "auto"
    TRAIN = "train"
    VAL = "val"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class LeafImage:
    """One photo. ``path`` is POSIX, relative to the project folder where possible, else absolute.

    ``orientation`` is the EXIF value 1–8 that was applied; ``captured_at`` is ISO 8601 local time
    or ""; ``gps`` is (latitude, longitude) in degrees. ``disease`` is the image-level class.
    ``extra`` keeps further CSV columns as they came. ``mask_known`` is True when somebody has said
    where the lesions are (an empty mask included); False means "not outlined yet".

    ``notes`` is free text. ``done_by`` and ``checked_by`` are the names of who said so, "" where
    nobody is known. ``size_bytes`` is that of the file, 0 where it was not noted. A ``removed``
    photo has been taken out of the project and can be put back.
    """

    id: ImageId
    path: str
    sha256: str
    width: int
    height: int
    orientation: int = 1
    captured_at: str = ""
    gps: tuple[float, float] | None = None
    crop: str = ""
    group: str = ""
    state: ImageState = ImageState.UNSEEN
    split: Split = Split.AUTO
    disease: DiseaseId | None = None
    mask_known: bool = False
    extra: tuple[tuple[str, str], ...] = ()
    notes: str = ""
    done_by: str = ""
    checked_by: str = ""
    removed: bool = False
    size_bytes: int = 0
