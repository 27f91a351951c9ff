"""Predicted masks as they lie on disk: uint8 probability × 255 on the mask head's grid, as PNG.

Knows how such a picture is read, stretched over its photo and cut at a threshold; knows no model.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import WorkerFailed
from core.language import tr

THRESHOLD = 128
"""A pixel belongs to the mask from here on."""
MAX_SIDE = 4096
MAX_BYTES = 64 << 20


def read_probability(path: Path) -> NDArray[np.uint8]:
    """[h, w] uint8. Raises WorkerFailed when it is missing or is no grey picture of that kind."""
    try:
        return _read(path)
    except (OSError, ValueError, SyntaxError) as error:
        raise WorkerFailed(
            tr(
                "The prediction {name} cannot be read ({error}); score the run again.",
                name=path.name,
                error=error,
            )
        ) from error


def _read(path: Path) -> NDArray[np.uint8]:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(tr("larger than any prediction"))
    with Image.open(path, formats=["PNG"]) as picture:
        if picture.mode != "L" or max(picture.size) > MAX_SIDE:
            raise ValueError(tr("a {mode} picture of {size}", mode=picture.mode, size=picture.size))
        return np.asarray(picture).copy()


def write_probability(path: Path, probability: NDArray[np.uint8]) -> None:
    """The inverse of ``read_probability``."""
    Image.fromarray(probability).save(path, "PNG")


def stretch(probability: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bilinear, from the grid to a photo of ``size`` (width, height); [height, width] uint8."""
    wide = cv2.resize(probability, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide, dtype=np.uint8)


def to_mask(
    probability: NDArray[np.uint8], size: tuple[int, int], threshold: int = THRESHOLD
) -> NDArray[np.bool_]:
    """The predicted mask on a photo of ``size`` (width, height); [height, width] bool."""
    return stretch(probability, size) >= threshold
