"""The one forward that training, scoring and prediction share.

A batch is a few photos and any number of questions about them. The tower runs once a photo, the
head once a photo plus one dot product a mask, the language model once over the photo with all its
questions woven together (`core.training.weave`), and then goes on from there with what each mask
found filled in. States come from this forward everywhere, never from a generation loop, so that
what was trained is what is used.

Knows tensors; knows no files and no optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from core.training.forecast import ROWS_BYTES
from core.training.weave import Asked, Woven, weave

if TYPE_CHECKING:
    from torch import Tensor

    from core.heads.base import Maps
    from core.training.learner import Learner
    from core.vlms.base import VisionLanguage


@dataclass(slots=True)
class Told:
    """What came of N questions.

    ``answer`` [T] are the log-probabilities of every answer token (end of turn included),
    ``choice`` [T] the same where only the answers asked about the same photo with the same prompt
    may be said. ``answer_row`` [T] is the question each belongs to; tokens that several answers
    share count for each. ``masks`` [M, cells, cells] are the logits of the questions in
    ``mask_rows``, ``states`` [M, hidden] their `<SEG>` states.
    """

    answer: Tensor
    choice: Tensor
    answer_row: Tensor
    masks: Tensor
    states: Tensor
    mask_rows: list[int]

    def scores(self, rows: int) -> Tensor:
        """[rows] log-probability of each whole answer."""
        return self.answer.new_zeros(rows).index_add(0, self.answer_row, self.answer)

    def choices(self, rows: int) -> Tensor:
        """[rows] log-probability of each whole answer among those it competes with."""
        return self.choice.new_zeros(rows).index_add(0, self.answer_row, self.choice)


def converse(
    learner: Learner,
    tokens: Tensor,
    maps: Maps,
    asked: Sequence[Asked],
    *,
    left: Tensor | None = None,
) -> Told:
    """Asks everything: first up to the masks, then what depends on what a mask found.

    ``tokens`` [B, n, hidden] are the image tokens of the batch, ``maps`` the head's features of
    the same photos. What questions share is read once, and answers that begin alike share their
    mask. ``left`` [B, hidden] are factors on what the masks of a photo found, in training alone.
    """
    vlm, head = learner.vlm, learner.head
    device = tokens.device
    woven = weave(asked, seg=vlm.seg, pad=vlm.pad)
    photo, place = _on(woven.images, device).unbind(1)
    photos = _on(woven.photos, device)
    states, past = _read(vlm, woven, slice(0, woven.early), tokens[photo, place], None)
    # Masks first: of every `<SEG>` once, whoever asked for it.
    spots, which = np.unique(woven.masks[:, 1:], axis=0, return_inverse=True)
    row, column = _on(spots, device).unbind(1)
    seg = states[row, column]
    masks = head.masks(maps, seg.float(), photos[row])
    if len(woven.found):
        mask_at = {(int(r), int(c)): k for k, (r, c) in enumerate(spots)}
        chosen = [mask_at[int(r), int(c)] for r, c in woven.found]
        looked = torch.tensor(chosen, device=device)
        owner = photos[row[looked]]
        found = head.describe(maps, masks[looked], owner).to(tokens.dtype)
        if left is not None:
            found = found * left[owner]
        rest, _ = _read(vlm, woven, slice(woven.early, None), found, past)
        states = torch.cat([states, rest], 1)
    again = _on(which.reshape(-1), device)
    answer = _answers(vlm, woven, states)
    return Told(
        answer=answer,
        choice=_choice(woven, answer),
        answer_row=_on(woven.answers[:, 0], device),
        masks=masks[again],
        states=seg[again],
        mask_rows=[int(q) for q in woven.masks[:, 0]],
    )


def _read(
    vlm: VisionLanguage, woven: Woven, columns: slice, filled: Tensor, past: object
) -> tuple[Tensor, object]:
    """States of one turn's columns; ``filled`` takes the place of their image tokens."""
    device = filled.device
    end = woven.ids[:, columns].shape[1] + (columns.start or 0)
    return vlm.states(
        _on(woven.ids[:, columns], device),
        _on(woven.places[:, :end], device),
        _on(woven.sees[:, columns, :end], device),
        filled,
        past,
    )


def _answers(vlm: VisionLanguage, woven: Woven, states: Tensor) -> Tensor:
    """[T] log-probabilities of the answers' tokens.

    Logits are computed once for each column that predicts an answer token, and nowhere else: over
    a 262k vocabulary that is the difference between 0.1 and 2 GiB.
    """
    spots, which = np.unique(woven.answers[:, 1:3], axis=0, return_inverse=True)
    row, column = _on(spots, states.device).unbind(1)
    place, said = _on(which.reshape(-1), states.device), _on(woven.answers[:, 3], states.device)
    predicting = states[row, column]
    most = max(1, ROWS_BYTES // (4 * _vocabulary(vlm)))
    if len(predicting) <= most:
        return _chances(vlm, predicting, place, said)
    # Each part's logits are let go of and made once more on the way back.
    answer = states.new_zeros(len(said), dtype=torch.float32)
    for start in range(0, len(predicting), most):
        part = predicting[start : start + most]
        mine = ((place >= start) & (place < start + most)).nonzero()[:, 0]
        found = checkpoint(
            _chances, vlm, part, place[mine] - start, said[mine], use_reentrant=False
        )
        answer = answer.index_copy(0, mine, found)
    return answer


def _chances(vlm: VisionLanguage, states: Tensor, place: Tensor, said: Tensor) -> Tensor:
    """[T] log-probability of token ``said`` after the state at ``place`` among ``states``."""
    return vlm.logits(states).log_softmax(-1)[place, said]


def _vocabulary(vlm: VisionLanguage) -> int:
    model: Any = vlm.model
    return int(model.config.get_text_config().vocab_size)


def _choice(woven: Woven, answer: Tensor) -> Tensor:
    """[T] log-probabilities among the tokens that may come at each place: constrained decoding.

    What may come are the children in the tree. Where there is one, it is certain, whatever else
    the model might have liked to say; so a long name or a rare syllable costs an answer nothing.
    """
    _, first, which = np.unique(
        woven.answers[:, 1:], axis=0, return_index=True, return_inverse=True
    )
    _, place = np.unique(woven.answers[first, 1:3], axis=0, return_inverse=True)
    group = _on(place.reshape(-1), answer.device)
    said = answer[_on(first, answer.device)].double()
    count = int(place.max()) + 1
    most = said.new_zeros(count).scatter_reduce(0, group, said, "amax", include_self=False)
    total = said.new_zeros(count).index_add(0, group, (said - most[group]).exp())
    among = said - most[group] - total[group].log()
    return among[_on(which.reshape(-1), answer.device)]


def _on(table: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(table)).to(device)


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean soft Dice loss. ``logits`` and ``truth`` (coverage in [0, 1]) are [N, h, w]."""
    probability = logits.sigmoid().flatten(1)
    wanted = truth.flatten(1)
    overlap = 2 * (probability * wanted).sum(1) + 1.0
    total = probability.sum(1) + wanted.sum(1) + 1.0
    return (1 - overlap / total).mean()


def mask_loss(logits: Tensor, truth: Tensor, *, dice: float = 1.0, bce: float = 0.5) -> Tensor:
    """Dice + 0.5 · BCE, the mixture of LISA (Lai et al. 2023) with the weights of the design."""
    entropy = functional.binary_cross_entropy_with_logits(logits, truth)
    return dice * dice_loss(logits, truth) + bce * entropy
