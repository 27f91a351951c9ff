"""Layers that keep their input alone and are computed once more on the way back.

transformers' own switch takes a layer's past away without a word (`GradientCheckpointingLayer`),
and our answers are read in two turns, the second of which goes on from the first. It also leaves
open whether the recomputation is reentrant, and the reentrant one gives wrong gradients wherever
layers share keys and values (Gemma 4 E2B, E4B). So the layers are wrapped here: the past goes in
and comes out as plain tensors, never is a cache written a second time, and nothing is reentrant.

Knows torch and the calling convention of transformers' layers; knows no data and no family.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYER = re.compile(r"(^|\.)(layers|blocks?)\.\d+$")
"""The repeated blocks of language model and tower, by where they hang in the model."""


_off = False


@contextmanager
def left_off() -> Iterator[None]:
    """Layers keep everything, as without ``install``, until the end of the block."""
    global _off
    before, _off = _off, True
    try:
        yield
    finally:
        _off = before


class _Past:
    """Stands in for transformers' cache within one call of one layer."""

    def __init__(self, keys: Tensor | None, values: Tensor | None) -> None:
        self.keys, self.values = keys, values

    def update(
        self, keys: Tensor, values: Tensor, _layer: int, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], -2)
            values = torch.cat([self.values, values], -2)
        self.keys, self.values = keys, values
        return keys, values


def install(model: nn.Module) -> int:
    """Wraps every repeated layer of ``model`` that computes on states; how many that are.

    Only a forward that will be followed by a backward is affected: in evaluation mode, or without
    gradients, layers work as before.
    """
    found = [module for name, module in model.named_modules() if LAYER.search(name)]
    layers = [module for module in found if hasattr(module, "gradient_checkpointing")]
    for layer in layers:
        whole: Any = layer
        whole.forward = _recomputed(layer, layer.forward)
    return len(layers)


def _recomputed(layer: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    def call(hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        if _off or not (layer.training and torch.is_grad_enabled()):
            return forward(hidden, *args, **kwargs)
        if kwargs.get("past_key_values") is None:
            return checkpoint(lambda x: forward(x, *args, **kwargs), hidden, use_reentrant=False)
        return _going_on(layer, lambda x, **more: forward(x, *args, **more), hidden, kwargs)

    return call


def _going_on(
    layer: Any, forward: Callable[..., Any], hidden: Tensor, kwargs: dict[str, Any]
) -> Any:
    """One layer that reads what went before from the cache and adds to it."""
    cache, shared = kwargs.pop("past_key_values"), kwargs.pop("shared_kv_states", None)
    index = int(layer.self_attn.layer_idx)
    keys, values = _held(cache, index)

    def run(x: Tensor, keys: Tensor | None, values: Tensor | None) -> Any:
        past, seen = _Past(keys, values), dict(shared or {})
        more = kwargs if shared is None else kwargs | {"shared_kv_states": seen}
        out = forward(x, past_key_values=past, **more)
        new = {} if shared is None else {k: v for k, v in seen.items() if shared.get(k) is not v}
        return out, past.keys, past.values, new

    out, *after, new = checkpoint(run, hidden, keys, values, use_reentrant=False)
    if shared is not None:
        shared.update(new)
    if after[0] is not keys:
        _keep(cache, index, *after)
    return out


def _held(cache: Any, index: int) -> tuple[Tensor | None, Tensor | None]:
    if index >= len(cache.layers) or not cache.layers[index].is_initialized:
        return None, None
    return cache.layers[index].keys, cache.layers[index].values


def _keep(cache: Any, index: int, keys: Tensor, values: Tensor) -> None:
    """Puts a layer's keys and values into the cache as they are, without another copy."""
    while len(cache.layers) <= index:
        cache.layers.append(cache.layer_class_to_replicate())
    layer = cache.layers[index]
    if not layer.is_initialized:
        layer.lazy_initialization(keys, values)
    layer.keys, layer.values = keys, values
