"""A word to stop is heard in the middle of a forward or a backward, a layer at a time.

A step of a large model without a graphics card takes minutes, and so does a look at a photo;
whoever presses Stop is not to wait for either. Knows layers and whom to ask; knows no loop and no
process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.heads.base import Remembering
from core.training.recompute import LAYER

if TYPE_CHECKING:
    from torch import nn

    from core.training.learner import Learner


class StopAsked(Exception):
    """Somebody asked for the end in the middle of something that may be left unfinished."""


def heed(learner: Learner, stop: Callable[[], bool]) -> None:
    """From now on StopAsked leaves any pass through ``learner``'s layers once ``stop`` says so.

    Nothing of a pass that was left may be used: gradients are there in part. ``stop`` is asked
    some hundred times a second, so it should only look at what somebody else has noted.
    """

    def ask(*_: object) -> None:
        if stop():
            raise StopAsked

    def before(_layer: object, given: tuple[Any, ...]) -> None:
        ask()
        # Reached on the way back once this layer is through.
        first: Any = given[0] if given else None
        if getattr(first, "requires_grad", False):
            first.register_hook(ask)

    for layer in _layers(learner):
        layer.register_forward_pre_hook(before)


def _layers(learner: Learner) -> list[nn.Module]:
    """The repeated blocks of every model that takes part, and each single layer of the head."""
    model: Any = learner.vlm.model
    models = [model]
    if isinstance(learner.head, Remembering):
        models.append(learner.head.sees_with)
    found = [m for one in models for name, m in one.named_modules() if LAYER.search(name)]
    return [*found, *(m for m in learner.head.module.modules() if not [*m.children()])]
