"""What a mask head is: `<SEG>` states and a photo in, mask logits out.

Knows tensors; knows no prompt, no project and no particular base model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """A mask head's entry. ``factory`` is called as ``factory(hidden=…, grid=(C, rows, cols))``.

    ``side`` is the photo's side the head looks at and ``cells`` the side of the square grid it
    answers on; both are stretched over the photo, whatever its shape. A head that builds on
    another model has that model's sizes. ``ceiling`` says in words how fine a mask can get.
    ``builds_on`` names the model that a person has to point to, "" for none; where there is one,
    ``factory`` takes its place as ``path``. ``weights`` is about how many numbers are trained, and
    ``step_bytes`` what a training step takes for each photo, in fp32 and as measured
    (`tests/bench/forecast.py`).
    """

    id: str
    title: str
    factory: str
    side: int
    cells: int
    ceiling: str = ""
    builds_on: str = ""
    weights: int = 1_000_000
    step_bytes: int = 64 << 20


class Maps(NamedTuple):
    """Image features of B photos: ``fine`` [B, F, h, w] and ``coarse`` [B, C, h, w].

    ``finer`` [B, C, h, w] are those of smaller scales, where a head has some.
    """

    fine: Tensor
    coarse: Tensor
    finer: tuple[Tensor, ...] = ()


class MaskHead(Protocol):
    """A head on one base model. ``module`` holds what is trained and saved."""

    spec: HeadSpec

    @property
    def module(self) -> nn.Module: ...

    def features(self, photos: Tensor, grid: Tensor) -> Maps:
        """Image features, once per photo, whatever the number of targets.

        ``photos`` [B, 3, side, side] in [0, 1]; ``grid`` [B, channels, rows, columns] from the
        vision tower.
        """
        ...

    def masks(self, maps: Maps, states: Tensor, owner: Tensor) -> Tensor:
        """Mask logits [N, cells, cells] of N targets.

        ``states`` [N, hidden] are the `<SEG>` states, ``owner`` [N] says which photo of the batch
        each belongs to.
        """
        ...

    def describe(self, maps: Maps, logits: Tensor, owner: Tensor) -> Tensor:
        """What lies under each mask, as one token [N, hidden] for the language model.

        The class is read after this token: from what the mask found, not from the whole photo.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """A head that looks at photos with a model of its own, and need not do so twice."""

    @property
    def sees_with(self) -> nn.Module:
        """That model; nothing of it is trained."""
        ...

    def keep_in(self, folder: Path) -> None:
        """From now on, what was seen of a photo lies in ``folder``, by the photo's content."""
        ...


def weights_file(path: str) -> Path | None:
    """The one file that tells one model from another, of a file or folder; None for ""."""
    if not path:
        return None
    found = Path(path)
    return found / "model.safetensors" if found.is_dir() else found


def shrink(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """[h, w, 3] uint8 squeezed to [side, side, 3]: area average down, cubic up."""
    import cv2

    height, width = photo.shape[:2]
    down = height >= side and width >= side
    way = cv2.INTER_AREA if down else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, (side, side), interpolation=way), np.uint8)
