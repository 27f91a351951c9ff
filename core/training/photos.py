"""The photos of a run, decoded once and kept small.

Each photo is squeezed to the head's square and kept as uint8 in a memory-mapped file in the run's
cache folder, with its masks as soft coverage on the head's grid. Knows pixels and files; knows no
torch and no prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core import files
from core.errors import TrainingRefused, UserError
from core.geometry import rle
from core.heads.base import shrink
from core.imaging.decode import decode_rgb
from core.language import tr
from core.training.run_folder import Sample

Progress = Callable[[int, int], None]
PHOTOS = "photos.npy"
"""In a run's cache folder."""


def coverage(mask: NDArray[np.bool_], cells: int) -> NDArray[np.uint8]:
    """[h, w] bool to [cells, cells] uint8: the covered share of each cell × 255."""
    small = cv2.resize(mask.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(small * 255), np.uint8)


@dataclass(slots=True)
class PhotoCache:
    """Photos and mask coverages of the samples, in their order.

    ``photos`` [n, side, side, 3] uint8. ``targets[i]`` maps "leaf", "lesions" and disease names to
    [cells, cells] uint8 coverage; only what is outlined has an entry.
    """

    samples: Sequence[Sample]
    photos: NDArray[np.uint8]
    targets: list[dict[str, NDArray[np.uint8]]]

    @classmethod
    def build(
        cls,
        samples: Sequence[Sample],
        folder: Path,
        *,
        side: int,
        cells: int,
        progress: Progress = lambda done, total: None,
    ) -> PhotoCache:
        """Decodes every photo; raises TrainingRefused naming those that cannot be read, DiskFull.

        ``side`` is the square the photos are squeezed to, ``cells`` the side of the mask grid.
        """
        folder.mkdir(parents=True, exist_ok=True)
        shape = (len(samples), side, side, 3)
        # Asked first: a disk that is full ends a process that writes to mapped memory, wordlessly.
        (folder / PHOTOS).unlink(missing_ok=True)
        files.need_space(folder, prod(shape), what=tr("This training"))
        photos = np.lib.format.open_memmap(folder / PHOTOS, mode="w+", dtype=np.uint8, shape=shape)
        targets: list[dict[str, NDArray[np.uint8]]] = []
        problems: list[str] = []
        for i, sample in enumerate(samples):
            try:
                rgb = decode_rgb(Path(sample.path), expected_sha256=sample.sha256 or None)
            except UserError as error:
                problems.append(str(error))
                continue
            photos[i] = shrink(rgb, side)
            targets.append(target_coverages(sample, cells))
            progress(i + 1, len(samples))
        if problems:
            raise TrainingRefused(problems[:20])
        return cls(samples, photos, targets)

    @classmethod
    def built(cls, samples: Sequence[Sample], folder: Path, *, cells: int) -> PhotoCache:
        """What another process has built of the same samples in the same ``folder``."""
        photos = np.load(folder / PHOTOS, mmap_mode="r", allow_pickle=False)
        return cls(samples, photos, [target_coverages(sample, cells) for sample in samples])

    def photo(self, index: int) -> NDArray[np.uint8]:
        """[side, side, 3] uint8 of one sample."""
        return np.asarray(self.photos[index])


def target_masks(sample: Sample) -> dict[str, NDArray[np.bool_]]:
    """Full-size truth of a sample: "leaf", "lesions" (all diseases) and each named disease."""
    size = (sample.width, sample.height)
    masks: dict[str, NDArray[np.bool_]] = {}
    if sample.leaf is not None:
        masks["leaf"] = rle.decode(sample.leaf, size)
    if sample.mask_known:
        every = np.zeros((sample.height, sample.width), bool)
        for name, runs in sample.lesions.items():
            part = rle.decode(runs, size)
            every |= part
            if name:
                masks[name] = part
        masks["lesions"] = every
    return masks


def target_coverages(sample: Sample, cells: int) -> dict[str, NDArray[np.uint8]]:
    """`target_masks` on the head's grid."""
    return {name: coverage(mask, cells) for name, mask in target_masks(sample).items()}
