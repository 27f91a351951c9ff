"""Direct preference optimisation on masks: the person's outline against what the model drew.

Of two masks of a leaf the outlined one is preferred to the one that a frozen copy of the adapter
drew when the stage began. A mask's likelihood is Bernoulli in every pixel, with the head's logit z,
so that the log-likelihoods of the two masks differ by +z where only the outline has a lesion, by -z
where only the drawn one has, and by nothing where they agree. The loss is that of Rafailov et al.
(2023) over the mean of those pixels, measured from the frozen copy's own logits. What the answers
learnt is kept by learning them on as before; nothing else holds the pixels that nobody disputes.

Knows tensors; knows no optimiser and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from core.training import prompts
from core.training.objective import Objective, Whole
from core.training.questions import Question
from core.training.visits import Turn, Visit

if TYPE_CHECKING:
    from core.training.config import TrainConfig
    from core.training.features import Features
    from core.training.learner import Learner
    from core.training.photos import PhotoCache

BATCH = 8


class Preference(Objective):
    """Answers by their likelihood, lesions by preference."""

    def __init__(
        self,
        learner: Learner,
        config: TrainConfig,
        cache: PhotoCache,
        features: Features | None,
    ) -> None:
        """``learner`` is as it is when the stage begins: its masks are the frozen copy's."""
        super().__init__(learner, config, cache, features)
        self._beta = config.beta
        self._drawn = self._draw(cache)

    @torch.no_grad()
    def _draw(self, cache: PhotoCache) -> dict[int, NDArray[np.float16]]:
        """The frozen copy's lesion logits [cells, cells] by photo."""
        self._learner.train(False)
        known = [i for i, t in enumerate(cache.targets) if prompts.LESION_TARGET in t]
        found: dict[int, NDArray[np.float16]] = {}
        # Where a step takes smaller bites, so has this.
        size = min(BATCH, self._config.batch_size)
        for start in range(0, len(known), size):
            part = [
                Visit(i, Turn(), (_question(cache.samples[i].disease),))
                for i in known[start : start + size]
            ]
            told, _ = self.converse(part)
            for visit, logits in zip(part, told.masks, strict=True):
                found[visit.index] = logits.half().cpu().numpy()
        return found

    def losses(self, visits: Sequence[Visit], whole: Whole) -> tuple[torch.Tensor, torch.Tensor]:
        """Answer and preference loss of one part, as its shares of the step's means."""
        told, questions = self.converse(visits)
        answer = -told.scores(len(questions)).sum() / whole.answers
        masks, owners = self.masks(told, questions)
        chosen = [k for k, (_, q) in enumerate(owners) if q.target == prompts.LESION_TARGET]
        if not chosen:
            return answer, answer.new_zeros(())
        mine = [owners[k] for k in chosen]
        device: Any = masks.device
        drawn = np.stack([self._drawn[visits[k].index] for k, _ in mine]).astype(np.float32)
        loss = preference_loss(
            masks[chosen],
            torch.from_numpy(drawn).to(device),
            self.truths(visits, mine, device) > 0.5,
            beta=self._beta,
        )
        return answer, loss.sum() / whole.lesions


def _question(disease: str | None) -> Question:
    """The one in which a visit asks for all lesions; a state depends on what was asked."""
    if disease is None:
        return Question(prompts.LESIONS, prompts.SHOWN, prompts.LESION_TARGET)
    return Question(prompts.DIAGNOSE, prompts.diagnosis(disease), prompts.LESION_TARGET)


def preference_loss(
    logits: torch.Tensor, reference: torch.Tensor, outlined: torch.Tensor, *, beta: float
) -> torch.Tensor:
    """[M] losses of masks [M, h, w]: log 2 where ``logits`` are still those of ``reference``.

    0 for a mask that the frozen copy drew just as it is outlined: there is nothing to prefer.
    """
    disputed = (outlined != (reference > 0)).float()
    side = torch.where(outlined, 1.0, -1.0)
    pixels = disputed.flatten(1).sum(1)
    gained = ((logits - reference) * side * disputed).flatten(1).sum(1) / pixels.clamp_min(1)
    return -functional.logsigmoid(beta * gained) * (pixels > 0)
