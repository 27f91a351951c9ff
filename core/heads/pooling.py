"""What the mask heads share: reading features under a mask, and a small perceptron.

Knows tensors; knows no head and no model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def slots(owner: Tensor, photos: int) -> tuple[Tensor, int]:
    """Each target's place among those of its photo, and the most that one photo has."""
    from torch.nn import functional

    counted = functional.one_hot(owner, photos).cumsum(0)
    slot = counted.gather(1, owner[:, None])[:, 0] - 1
    return slot, int(slot.max()) + 1 if len(slot) else 1


def under(x: Tensor, chance: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread [N, C] of features [B, C, h, w] under soft masks [N, 1, h, w]."""
    slot, most = slots(owner, len(x))
    weight = chance.flatten(1) / (chance.flatten(1).sum(1, keepdim=True) + 1e-3)
    soft = weight.new_zeros(len(x), most, weight.shape[1]).index_put((owner, slot), weight)
    flat = x.flatten(2).transpose(1, 2)
    mean = (soft @ flat)[owner, slot]
    square = (soft @ flat.square())[owner, slot]
    return mean, (square - mean.square()).clamp_min(1e-6).sqrt()


def sizes(chance: Tensor) -> Tensor:
    """How much of the photo soft masks [N, 1, h, w] cover, [N, 2]."""
    import torch

    share = chance.mean((1, 2, 3))
    return torch.stack([share.sqrt(), (share + 1e-4).log()], 1)


def perceptron(inside: int, out: int) -> nn.Sequential:
    """Norm, 256 hidden units, ``out`` values."""
    from torch import nn

    return nn.Sequential(
        nn.LayerNorm(inside), nn.Linear(inside, 256), nn.GELU(), nn.Linear(256, out)
    )
