"""The plain recipe: a perceptron from the `<SEG>` state straight to a grid of 14 × 14 cells.

It is here for those who ask for it. A lesion is smaller than a cell: the true masks pushed through
such a grid keep a Dice of 0.55 as the mean of leaves, 0.62 of all pixels together (BRACOL `val`,
best threshold, `tests/bench/ceilings.py`; 0.66 in an earlier measurement), and no training lifts
that. What lies under a mask is described by the tower's features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.heads.base import HeadSpec, Maps
from core.heads.pooling import perceptron, sizes, under
from core.language import tr

if TYPE_CHECKING:
    from torch import Tensor, nn

CELLS = 14
SPECS = (
    HeadSpec(
        id="grid",
        title=tr("Grid of 14 × 14 (the plain recipe)"),
        factory="core.heads.grid:build",
        side=448,
        cells=CELLS,
        ceiling=tr(
            "14 × 14 cells over the photo: even the true masks pushed through it keep Dice 0.66 "
            "at most, 0.55 as the mean of leaves. Choose pixel features unless you compare recipes."
        ),
        weights=500_000,
        step_bytes=2 << 20,
    ),
)
RARE = -3.0
"""Where the logits start: lesions are few, and a half-full grid would have to be unlearnt."""


def build(*, hidden: int, grid: tuple[int, int, int]) -> GridHead:
    """A fresh head for a base of ``hidden`` wide states and a ``grid`` (C, rows, cols) tower."""
    from torch import nn

    channels = grid[0]
    query = perceptron(hidden, CELLS * CELLS)
    nn.init.constant_(query[-1].bias, RARE)  # type: ignore[arg-type]
    words = perceptron(3 * channels + 2, hidden)
    return GridHead(SPECS[0], nn.ModuleDict({"query": query, "words": words}))


class GridHead:
    """See `core.heads.base.MaskHead`."""

    def __init__(self, spec: HeadSpec, module: nn.ModuleDict) -> None:
        self.spec = spec
        self.module = module

    def features(self, photos: Tensor, grid: Tensor) -> Maps:
        """The tower's features, on the cells of the masks and as they are; no pixel is seen."""
        from torch.nn import functional

        cells = functional.interpolate(grid, size=(CELLS, CELLS), mode="bilinear")
        return Maps(cells, grid)

    def masks(self, maps: Maps, states: Tensor, owner: Tensor) -> Tensor:
        """Every cell's logit from the state alone: what was seen must have gone into it."""
        made: Tensor = self.module["query"](states.to(maps.fine.dtype))
        return made.reshape(-1, CELLS, CELLS)

    def describe(self, maps: Maps, logits: Tensor, owner: Tensor) -> Tensor:
        """Weighted mean and spread of the tower's features under the mask, and its size."""
        import torch

        chance = logits.detach().float().sigmoid()[:, None]
        mean, spread = under(maps.fine, chance, owner)
        parts: list[Any] = [mean, spread, maps.fine.mean((2, 3))[owner], sizes(chance)]
        found: Tensor = self.module["words"](torch.cat(parts, 1))
        return found
