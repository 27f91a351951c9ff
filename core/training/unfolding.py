"""A trained model's weights one by one, with what was learnt added, and in files that are written
one after the other.

The model stays as it was trained: on its card, in its 4 bits. Each weight is unpacked, added to,
taken to the computer's memory, and gone once the file it belongs to is written; so what a merge
takes beyond the model itself is one file's worth. Weights have the names and the width under which
the transformers library saves and opens such a model. Knows peft's and bitsandbytes' layers; knows
no family, no run and no adapter's files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import files
from core.errors import Bug
from core.language import tr
from core.training.tensors import write_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

SHARD = 2 << 30
"""Bytes of a file, but for a weight that alone has more: what may be in memory at a time, and less
than FAT drives take."""
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER = "default"
"""peft's name of the one adapter there is."""


@dataclass(frozen=True, slots=True)
class Weight:
    """``make`` gives the tensor, of ``shape`` and ``dtype``, in the computer's memory."""

    name: str
    shape: tuple[int, ...]
    dtype: Any
    make: Callable[[], Tensor]

    @property
    def bytes(self) -> int:
        """How large it is in a file."""
        count: int = self.dtype.itemsize
        for side in self.shape:
            count *= side
        return count


def write(model: Any, out: Path, *, shard: int = SHARD) -> None:
    """Writes configuration and weights of a peft ``model`` with its one adapter into ``out``.

    Raises DiskFull where there is no room for all of it, OSError where the system refuses.
    """
    core = model.base_model.model
    config = deepcopy(core.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = str(core.dtype).removeprefix("torch.")
    config.architectures = [type(core).__name__]
    config.save_pretrained(out)
    if core.can_generate():
        core.generation_config.save_pretrained(out)
    parts = _files(_named(core, [*weights(core)]), shard)
    total = sum(one.bytes for part in parts for one in part)
    files.need_space(out, total, what=tr("The merged model"))
    listed: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        name = WHOLE if len(parts) == 1 else f"model-{number:05}-of-{len(parts):05}.safetensors"
        _write_file(part, out / name)
        listed |= {one.name: name for one in part}
    if len(parts) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(listed.items()))}
        (out / INDEX).write_text(json.dumps(index, indent=1), "utf-8")


def _write_file(part: list[Weight], path: Path) -> None:
    """A function of its own, so that its tensors are gone before those of the next are made."""
    write_tensors({one.name: one.make() for one in part}, path, metadata={"format": "pt"})


def weights(core: nn.Module) -> Iterator[Weight]:
    """Every weight that is saved, under the name it has within ``core``; tied ones once."""
    told: set[int] = set()
    for one, source in _within(core, "", core.dtype):
        if id(source) not in told:
            told.add(id(source))
            yield one


def _within(module: Any, before: str, width: Any) -> Iterator[tuple[Weight, Tensor]]:
    """Weights with the tensor that each comes from; trained ones get the ``width`` of the rest."""
    from bitsandbytes.nn import Linear4bit
    from peft.tuners.lora.layer import LoraLayer
    from peft.utils.other import ModulesToSaveWrapper, TrainableTokensWrapper

    if isinstance(module, ModulesToSaveWrapper):
        trained = module.modules_to_save[ADAPTER]
        yield from ((_narrow(w, width), t) for w, t in _within(trained, before, width))
        return
    base, added = module, _learnt(module)
    if isinstance(module, TrainableTokensWrapper):
        base = module.token_adapter.base_layer
    elif isinstance(module, LoraLayer):
        base = module.get_base_layer()
    for name, tensor in _own(base):
        learnt = added if name == "weight" else None
        yield _weight(f"{before}{name}", base, tensor, learnt, packed=Linear4bit), tensor
    if added is None:
        for name, child in module.named_children():
            yield from _within(child, f"{before}{name}.", width)


def _learnt(module: Any) -> Callable[[Tensor], Tensor] | None:
    """What makes a module's trained weight of its base's; None for one that was left as it is."""
    from peft.tuners.lora.layer import LoraLayer
    from peft.utils.other import TrainableTokensWrapper

    if isinstance(module, TrainableTokensWrapper):
        return _Rows(module.token_adapter)
    return _Product(module) if isinstance(module, LoraLayer) else None


@dataclass(frozen=True, slots=True)
class _Product:
    """What LoRA adds to a layer's weight."""

    layer: Any

    def __call__(self, weight: Tensor) -> Tensor:
        found: Tensor = (weight + self.layer.get_delta_weight(ADAPTER)).to(weight.dtype)
        return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a table that were trained, in the place of its own."""

    layer: Any

    def __call__(self, weight: Tensor) -> Tensor:
        import torch

        # A table is large, and a card that holds the model may have no room for another one.
        plain = weight.to("cpu")
        ids = torch.tensor(self.layer.token_indices[ADAPTER])
        return plain.index_copy(0, ids, self.layer.trainable_tokens_delta[ADAPTER].to(plain))


def _weight(
    name: str, base: Any, tensor: Any, learnt: Callable[[Tensor], Tensor] | None, *, packed: type
) -> Weight:
    """``tensor`` of the module ``base``, out of its 4 bits where it is ``packed`` in them."""
    import torch
    from bitsandbytes.functional import dequantize_4bit

    in_four_bits = isinstance(base, packed) and name.endswith("weight")
    state = tensor.quant_state if in_four_bits else None

    @torch.no_grad()
    def make() -> Tensor:
        plain: Tensor = tensor.detach()
        if state is not None:
            plain = dequantize_4bit(plain, state)
        made = plain if learnt is None else learnt(plain)
        return made.to("cpu").contiguous()

    if state is not None:
        return Weight(name, tuple(state.shape), state.dtype, make)
    return Weight(name, tuple(tensor.shape), tensor.dtype, make)


def _narrow(one: Weight, width: Any) -> Weight:
    if not one.dtype.is_floating_point:
        return one
    return replace(one, dtype=width, make=lambda: one.make().to(width))


def _own(module: Any) -> Iterator[tuple[str, Any]]:
    """A module's own parameters and those of its buffers that are saved, by name."""
    yield from ((n, p) for n, p in module._parameters.items() if p is not None)
    passing = module._non_persistent_buffers_set
    yield from ((n, b) for n, b in module._buffers.items() if b is not None and n not in passing)


def _named(core: Any, found: list[Weight]) -> list[Weight]:
    """Under the names of the files that the library opens as such a model."""
    import torch
    from transformers.core_model_loading import revert_weight_conversion

    marks = {one.name: torch.empty(one.shape, dtype=one.dtype, device="meta") for one in found}
    owner = {id(marks[one.name]): one for one in found}
    named = revert_weight_conversion(core, marks)
    if len(named) != len(found) or not all(id(mark) in owner for mark in named.values()):
        raise Bug("a weight of this model is not saved as it is held")
    return [replace(owner[id(mark)], name=name) for name, mark in named.items()]


def _files(found: list[Weight], most: int) -> list[list[Weight]]:
    """In files of ``most`` bytes, or of one weight that has more."""
    parts: list[list[Weight]] = []
    room = 0
    for one in found:
        if not parts or one.bytes > room:
            parts.append([])
            room = most
        parts[-1].append(one)
        room -= one.bytes
    return parts
