"""The optimiser of a run, and its state under names that outlive a process.

Knows tensors; knows no data and no files.
"""

from __future__ import annotations

import torch

from core.training.config import TrainConfig
from core.training.learner import Learner


def optimiser_of(model: Learner, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over everything trained; each group's ``top`` is its rate at the schedule's height."""
    named = model.parameters()
    groups = [
        {
            "params": [p for n, p in named.items() if n.startswith("lora.")],
            "top": config.learning_rate,
        },
        {
            "params": [p for n, p in named.items() if n.startswith("head.")],
            "top": config.head_learning_rate,
        },
    ]
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=config.weight_decay, betas=(0.9, 0.99))


def optimiser_state(optimiser: torch.optim.AdamW, model: Learner) -> dict[str, torch.Tensor]:
    """AdamW's moments and step counts by "parameter/key"."""
    out: dict[str, torch.Tensor] = {}
    for name, parameter in model.parameters().items():
        for key, value in optimiser.state.get(parameter, {}).items():
            out[f"{name}/{key}"] = value.detach().clone().contiguous()
    return out


def load_optimiser(
    optimiser: torch.optim.AdamW, model: Learner, saved: dict[str, torch.Tensor]
) -> None:
    """The inverse of ``optimiser_state``."""
    named = model.parameters()
    for place, value in saved.items():
        name, _, key = place.rpartition("/")
        kept = named[name]
        # In the parameter's own memory layout, so that the sums come out bit for bit the same.
        optimiser.state[kept][key] = (
            value.clone() if not value.ndim else torch.empty_like(kept).copy_(value)
        )
