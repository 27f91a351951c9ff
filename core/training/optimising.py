"""The optimiser of a run, and its state under names that outlive a process.

Knows tensors; knows no data and no files.
"""

from __future__ import annotations

import torch

from core.training.config import Optimiser, TrainConfig
from core.training.learner import Learner, off_card


def optimiser_of(model: Learner, config: TrainConfig) -> torch.optim.Optimizer:
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
    decay, betas = config.weight_decay, (0.9, 0.99)
    if config.optimiser is Optimiser.ADAMW_8BIT:
        from bitsandbytes.optim import AdamW8bit

        eight: torch.optim.Optimizer = AdamW8bit(groups, lr=0.0, weight_decay=decay, betas=betas)
        return eight
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=decay, betas=betas)


def optimiser_state(optimiser: torch.optim.Optimizer, model: Learner) -> dict[str, torch.Tensor]:
    """A copy of AdamW's moments and step counts, off the card, by "parameter/key"."""
    out: dict[str, torch.Tensor] = {}
    for name, parameter in model.parameters().items():
        for key, value in optimiser.state.get(parameter, {}).items():
            # In 8 bits the count of steps is a plain number.
            kept = value if isinstance(value, torch.Tensor) else torch.tensor(value)
            out[f"{name}/{key}"] = off_card(kept)
    return out


def load_optimiser(
    optimiser: torch.optim.Optimizer, model: Learner, saved: dict[str, torch.Tensor]
) -> None:
    """The inverse of ``optimiser_state``."""
    named = model.parameters()
    counted = not isinstance(optimiser, torch.optim.AdamW)
    for place, value in saved.items():
        name, _, key = place.rpartition("/")
        kept = named[name]
        if value.shape == kept.shape:
            # In the parameter's own memory layout, so that the sums come out bit for bit the same;
            # the 8-bit kernels of a card go by the layout alone.
            optimiser.state[kept][key] = torch.empty_like(kept, dtype=value.dtype).copy_(value)
        elif counted and not value.ndim:
            optimiser.state[kept][key] = int(value)
        else:
            optimiser.state[kept][key] = (
                value.to(kept.device, copy=True) if counted else value.clone()
            )
