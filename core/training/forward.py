"""The one forward that training, scoring and prediction share.

A batch is a few photos and any number of questions about them. The tower runs once a photo, the
language model once a question, the head once a photo plus one dot product a mask. The state of
`<SEG>` comes from a forward over prompt + answer everywhere, so that what was trained is what is
used. Knows tensors; knows no files and no optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from core.vlms.base import Rendered, VisionLanguage


@dataclass(slots=True)
class Read:
    """What the language model made of N questions.

    ``seg`` [M, hidden] are the states of the answers that hold a `<SEG>`, ``seg_row`` [M] their
    rows. ``answer`` [T] are the log-probabilities of every answer token (end of turn included),
    ``answer_row`` [T] the row each belongs to.
    """

    seg: Tensor
    seg_row: Tensor
    answer: Tensor
    answer_row: Tensor

    def row_scores(self, rows: int) -> Tensor:
        """[rows] summed log-probability of each answer."""
        total = self.answer.new_zeros(rows)
        return total.index_add(0, self.answer_row, self.answer)


def read(vlm: VisionLanguage, tokens: Tensor, rendered: Sequence[Rendered]) -> Read:
    """Runs the language model over N rendered questions.

    ``tokens`` [N, n, hidden] are the image tokens of the photo each question is about. Logits are
    computed on the rows that predict an answer token only: over a 262k vocabulary that is the
    difference between 0.1 and 2 GiB.
    """
    device = tokens.device
    longest = max(len(r.ids) for r in rendered)
    ids = torch.full((len(rendered), longest), vlm.pad, dtype=torch.long)
    attention = torch.zeros_like(ids)
    types = torch.zeros_like(ids)
    rows: list[int] = []
    places: list[int] = []
    for i, r in enumerate(rendered):
        length = len(r.ids)
        ids[i, :length] = torch.tensor(r.ids)
        types[i, :length] = torch.tensor(r.types)
        attention[i, :length] = 1
        places += range(r.prompt, length)
        rows += [i] * (length - r.prompt)
    row, place = torch.tensor(rows), torch.tensor(places)
    is_answer = torch.zeros_like(ids, dtype=torch.bool)
    is_answer[row, place] = True
    seg_row, seg_place = torch.nonzero((ids == vlm.seg) & is_answer, as_tuple=True)
    wanted = ids[row, place].to(device)
    states = vlm.states(ids.to(device), attention.to(device), types.to(device), tokens)
    logits = vlm.logits(states[row.to(device), (place - 1).to(device)])
    answer = -functional.cross_entropy(logits, wanted, reduction="none")
    seg = states[seg_row.to(device), seg_place.to(device)]
    return Read(seg=seg, seg_row=seg_row.to(device), answer=answer, answer_row=row.to(device))


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean soft Dice loss. ``logits`` and ``truth`` (coverage in [0, 1]) are [N, h, w]."""
    probability = logits.sigmoid().flatten(1)
    wanted = truth.flatten(1)
    overlap = 2 * (probability * wanted).sum(1) + 1.0
    total = probability.sum(1) + wanted.sum(1) + 1.0
    return (1 - overlap / total).mean()


def mask_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Dice + 0.5 · BCE, the mixture of LISA (Lai et al. 2023) with the weights of the design."""
    bce = functional.binary_cross_entropy_with_logits(logits, truth)
    return dice_loss(logits, truth) + 0.5 * bce
