"""The one forward that training, scoring and prediction share.

A batch is a few photos and any number of questions about them. The tower runs once a photo, the
head once a photo plus one dot product a mask, the language model once a question and, for a
diagnosis, once more with what the mask found filled in. States come from a forward over the text
itself everywhere, never from a generation cache, so that what was trained is what is used.

Knows tensors; knows no files and no optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from core.heads.base import Maps
    from core.training.learner import Learner
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


def read(vlm: VisionLanguage, tokens: Tensor, rendered: Sequence[Rendered]) -> Read:
    """Runs the language model over N rendered questions.

    ``tokens`` [N, n, hidden] fill the image tokens of each question, what a mask found included.
    Logits are computed on the rows that predict an answer token only: over a 262k vocabulary that
    is the difference between 0.1 and 2 GiB.
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


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and answer about photo number ``photo`` of the batch."""

    photo: int
    rendered: Rendered


@dataclass(slots=True)
class Told:
    """What came of N questions.

    ``answer`` [T] are the log-probabilities of every answer token, ``answer_row`` [T] the question
    each belongs to (a question shared by several answers counts for each). ``masks``
    [M, cells, cells] are the logits of the questions in ``mask_rows``, ``states`` [M, hidden] their
    `<SEG>` states.
    """

    answer: Tensor
    answer_row: Tensor
    masks: Tensor
    states: Tensor
    mask_rows: list[int]

    def scores(self, rows: int) -> Tensor:
        """[rows] log-probability of each whole answer."""
        return self.answer.new_zeros(rows).index_add(0, self.answer_row, self.answer)


def converse(learner: Learner, tokens: Tensor, maps: Maps, asked: Sequence[Asked]) -> Told:
    """Asks everything: first up to the masks, then what depends on what a mask found.

    ``tokens`` [B, n, hidden] are the image tokens of the batch, ``maps`` the head's features of
    the same photos. Answers that begin alike share their first look.
    """
    vlm, head = learner.vlm, learner.head
    opened: dict[tuple[int, tuple[int, ...]], int] = {}
    first_of: list[int] = []
    firsts: list[Asked] = []
    for one in asked:
        opening = one.rendered.opening() if one.rendered.found >= 0 else one.rendered
        key = (one.photo, opening.ids)
        if key not in opened:
            opened[key] = len(firsts)
            firsts.append(Asked(one.photo, opening))
        first_of.append(opened[key])
    device = tokens.device
    photo = torch.tensor([f.photo for f in firsts], device=device)
    first = read(vlm, tokens[photo], [f.rendered for f in firsts])
    places = photo[first.seg_row]
    masks = head.masks(maps, first.seg.float(), places)
    mask_of = {int(row): k for k, row in enumerate(first.seg_row)}
    answers, rows = _shared(first, first_of, device)
    again = [i for i, one in enumerate(asked) if one.rendered.found >= 0]
    if again:
        which = torch.tensor([mask_of[first_of[i]] for i in again], device=device)
        where = places[which]
        found = head.describe(maps, masks[which], where).to(tokens.dtype)
        filled = torch.cat([tokens[where], found[:, None]], 1)
        second = read(vlm, filled, [asked[i].rendered.ending() for i in again])
        answers = torch.cat([answers, second.answer])
        rows = torch.cat([rows, torch.tensor(again, device=device)[second.answer_row]])
    drawn = [i for i in range(len(asked)) if first_of[i] in mask_of]
    chosen = torch.tensor([mask_of[first_of[i]] for i in drawn], dtype=torch.long, device=device)
    return Told(answers, rows, masks[chosen], first.seg[chosen], drawn)


def _shared(first: Read, first_of: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Answer tokens of the first look, once for every question that shares it."""
    answers, rows = [], []
    for i, k in enumerate(first_of):
        mine = torch.nonzero(first.answer_row == k)[:, 0]
        answers.append(first.answer[mine])
        rows.append(torch.full((len(mine),), i, dtype=torch.long, device=device))
    return torch.cat(answers), torch.cat(rows)


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
