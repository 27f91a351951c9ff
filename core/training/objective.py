"""What one optimiser step is learnt from: the losses of its photos, in parts that add up.

A step may be cut into any number of parts (gradient accumulation): each part's loss is its share
of the mean over the whole step, so that the cut changes nothing but the memory that it takes.
Knows tensors; knows no optimiser and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.heads.base import Remembering
from core.training.forward import Told, converse, mask_loss
from core.training.predict import grid_of, head_input
from core.training.prompts import LESION_TARGET
from core.training.weave import Asked

if TYPE_CHECKING:
    from core.training.config import TrainConfig
    from core.training.features import Features
    from core.training.learner import Learner
    from core.training.photos import PhotoCache
    from core.training.questions import Question
    from core.training.visits import Visit


TOWER, FOUND = 1, 2
"""What a visit hides features of: the tower's, and what a mask found."""


@dataclass(frozen=True, slots=True)
class Whole:
    """How many answers and masks an optimiser step has in all its parts; ``lesions`` are the masks
    of all lesions."""

    answers: int
    masks: int
    lesions: int

    @classmethod
    def of(cls, parts: Sequence[Sequence[Visit]]) -> Whole:
        """Counted over all ``parts`` of a step."""
        questions = [q for part in parts for visit in part for q in visit.questions]
        targets = [q.target for q in questions if q.target]
        return cls(len(questions), len(targets), targets.count(LESION_TARGET))


class Objective:
    """Answers by their likelihood, masks by Dice and cross-entropy."""

    def __init__(
        self,
        learner: Learner,
        config: TrainConfig,
        cache: PhotoCache,
        features: Features | None,
    ) -> None:
        """``features`` of a frozen tower, None where it looks anew every time."""
        self._learner, self._config = learner, config
        self._cache, self._features = cache, features

    def train(self) -> list[torch.nn.Parameter]:
        """Switches dropout on; gives back everything that is trained."""
        self._learner.train(True)
        return [*self._learner.parameters().values()]

    def losses(self, visits: Sequence[Visit], whole: Whole) -> tuple[torch.Tensor, torch.Tensor]:
        """Answer and mask loss of one part, as its shares of the step's means."""
        told, questions = self.converse(visits)
        # Of whole answers, as they are ranked: a mean over tokens would let the many easy tokens
        # drown the one that tells the diseases apart.
        answer = -told.scores(len(questions)).sum() / whole.answers
        masks, owners = self.masks(told, questions)
        if not owners:
            return answer, answer.new_zeros(())
        return answer, self.mask_loss(masks, visits, owners) * (len(owners) / whole.masks)

    def mask_loss(
        self,
        masks: torch.Tensor,
        visits: Sequence[Visit],
        owners: Sequence[tuple[int, Question]],
    ) -> torch.Tensor:
        """Mean loss of ``masks`` [M, cells, cells], each with its (visit, question)."""
        config = self._config
        wanted = self.truths(visits, owners, masks.device)
        return mask_loss(masks, wanted, dice=config.dice_weight, bce=config.bce_weight)

    def converse(self, visits: Sequence[Visit]) -> tuple[Told, list[tuple[int, Question]]]:
        """The model's answers, and which (visit, question) each row of them belongs to."""
        vlm, head = self._learner.vlm, self._learner.head
        features = self._seen(visits)
        questions = [(k, q) for k, visit in enumerate(visits) for q in visit.questions]
        photos = [v.turn.array(self._cache.photo(v.index)) for v in visits]
        if not isinstance(head, Remembering):  # one that looks once sees a photo as it is
            photos = [v.noise.light(p) for v, p in zip(visits, photos, strict=True)]
        maps = head.features(head_input(self._learner, photos), grid_of(self._learner, features))
        asked = [Asked(k, vlm.render(q.prompt, q.answer)) for k, q in questions]
        tokens = vlm.tokens(features)
        left = self._left(visits, tokens, FOUND)
        return converse(self._learner, tokens, maps, asked, left=left), questions

    @staticmethod
    def masks(
        told: Told, questions: Sequence[tuple[int, Question]]
    ) -> tuple[torch.Tensor, list[tuple[int, Question]]]:
        """Logits [M, cells, cells] of the masks that have a truth, and whose they are."""
        shown = [questions[row] for row in told.mask_rows]
        kept = [j for j, (_, q) in enumerate(shown) if q.target]
        return told.masks[kept], [shown[j] for j in kept]

    def truths(
        self,
        visits: Sequence[Visit],
        owners: Sequence[tuple[int, Question]],
        device: torch.device,
    ) -> torch.Tensor:
        """[M, cells, cells] covered shares in [0, 1]."""
        found = [self._truth(visits[k], q.target) for k, q in owners]
        return torch.from_numpy(np.stack(found)).to(device)

    def _truth(self, visit: Visit, target: str) -> NDArray[np.float32]:
        cover = self._cache.targets[visit.index][target]
        return visit.turn.array(cover).astype(np.float32) / np.float32(255)

    def _seen(self, visits: Sequence[Visit]) -> torch.Tensor:
        """Tower features [B, cells, C] of the photos as their visits show them."""
        features = self._features_of(visits)
        left = self._left(visits, features, TOWER)
        return features if left is None else features * left[:, None]

    def _left(self, visits: Sequence[Visit], of: torch.Tensor, kind: int) -> torch.Tensor | None:
        """[B, C] factors of the channels of ``of`` [B, …, C]; None where nothing is hidden."""
        if not any(v.noise.unseen for v in visits):
            return None
        factors = np.stack([v.noise.seen(of.shape[-1], kind) for v in visits])
        return torch.from_numpy(factors).to(of.device, of.dtype)

    def _features_of(self, visits: Sequence[Visit]) -> torch.Tensor:
        """Tower features [B, cells, C] of the turned photos.

        With a frozen tower the cached features are turned instead of the photo: encoding every
        turn would cost four times as much, and a tower with ``flips`` hardly sees the difference.
        """
        vlm = self._learner.vlm
        if self._features is None:
            photos = [v.noise.light(v.turn.array(self._cache.photo(v.index))) for v in visits]
            return vlm.tower(vlm.pixels(photos))
        channels, rows, columns = vlm.grid
        kept = self._features.of([v.index for v in visits])
        grids = [k.reshape(rows, columns, channels) for k in kept]
        turned = [v.turn.array(g) for v, g in zip(visits, grids, strict=True)]
        device: Any = vlm.model.device
        dtype: Any = vlm.model.dtype
        return torch.from_numpy(np.stack(turned)).flatten(1, 2).to(device, dtype)
