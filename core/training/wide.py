"""Modules that are trained whole stay in fp32 where the base model is held in bf16.

peft keeps LoRA in fp32 on such a base, but not its copies of the modules that are trained whole
(``modules_to_save``, the projector): there a step smaller than a 256th of a weight is rounded away,
and so would be most of the second half of a run. A model that is taken away has one width again, as
its base has: whoever opens it expects that. Knows torch and peft's wrapper; knows no family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.hooks import RemovableHandle

_widened: WeakKeyDictionary[nn.Module, tuple[torch.dtype, tuple[RemovableHandle, ...]]]
_widened = WeakKeyDictionary()
"""The width that each module had, and what stands before and behind it since."""


def install(model: nn.Module) -> int:
    """Widens every module in ``model`` that is trained whole; how many had to be."""
    from peft.utils.other import ModulesToSaveWrapper

    wrappers: list[Any] = [m for m in model.modules() if isinstance(m, ModulesToSaveWrapper)]
    return sum(widen(copy) for each in wrappers for copy in each.modules_to_save.values())


def widen(module: nn.Module) -> bool:
    """Puts ``module`` into fp32, with inputs and outputs of the width that it had; False where it
    is in fp32 already, and nothing is done."""
    widths = {p.dtype for p in module.parameters() if p.is_floating_point()}
    if widths <= {torch.float32}:
        return False
    width = min(widths, key=lambda one: one.itemsize)
    module.float()
    before = module.register_forward_pre_hook(_widely, with_kwargs=True)
    after = module.register_forward_hook(lambda _module, _given, out: out.to(width))
    _widened[module] = width, (before, after)
    return True


def narrow(model: nn.Module) -> int:
    """Gives every widened module in ``model`` the width back that it had; how many there were."""
    found = [module for module in model.modules() if module in _widened]
    for module in found:
        width, handles = _widened.pop(module)
        for handle in handles:
            handle.remove()
        module.to(width)
    return len(found)


def _widely(
    _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return tuple(map(_wide, args)), {name: _wide(value) for name, value in kwargs.items()}


def _wide(value: Any) -> Any:
    floats = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.float() if floats else value
