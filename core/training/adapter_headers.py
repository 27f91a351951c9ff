"""What of an adapter's tensors can be told before a model is loaded: whether its files are what
their names say, and names and shapes of what was learnt of the base.

The library that reads the tensors later reads the headers here, so both call the same file broken.
What is left to `core.training.learner` is what only a built model tells: the mask head's tensors,
and which layers of a tower are looked at. Knows headers and settings; loads no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from core.errors import AdapterRefused
from core.language import tr
from core.training import model_shape
from core.training.config import Layers, Tower
from core.training.facts import Facts

LEARNT = "adapter_model.safetensors"
FILES = (LEARNT, "head.safetensors")
_IN = "base_model.model.model."
_TEXT = "language_model."
"""What names of an adapter begin with, and go on with in the language model."""
_LORA = re.compile(rf"{re.escape(_IN)}(.+)\.lora_([AB])\.weight")
_LAYER = re.compile(r"layers?\.\d+\..*$")
_BORROWED = ("k_proj", "v_proj")
"""A layer of Gemma 4 may use those of another, and its own are not built."""
_ROWS = f"{_IN}{_TEXT}embed_tokens.token_adapter.trainable_tokens_delta"

Shape = tuple[int, ...]


def refuse_misfits(folder: Path, facts: Facts, base: Path) -> None:
    """Raises AdapterRefused unless the files in ``folder`` are whole, and what was learnt fits
    ``facts`` and the weights in the folder ``base``, as far as headers tell."""
    learnt, _ = (_header(folder / name) for name in FILES)
    known = {name: tuple(sides) for name, sides in model_shape.weights(base)}
    if name := _first_misfit(learnt, facts, known, model_shape.shape(base).hidden):
        raise AdapterRefused(
            tr(
                "The {what} does not fit this base model; export it again where it was "
                "trained. The first tensor that differs is {tensor}.",
                what="adapter",
                tensor=name[:200],
            )
        )


def unreadable() -> AdapterRefused:
    """For a file that is no safetensors file, or only the beginning of one."""
    return AdapterRefused(tr("The adapter's weights cannot be read; copy the whole folder again."))


def _header(path: Path) -> dict[str, Shape]:
    """Names and shapes; a tensor of anything but floats has none."""
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - no dict
            return {
                name: tuple(found.get_shape()) if "F" in found.get_dtype() else ()
                for name, found in slices.items()
            }
    except (OSError, SafetensorError) as error:
        raise unreadable() from error


def _first_misfit(
    learnt: Mapping[str, Shape], facts: Facts, known: Mapping[str, Shape], hidden: int
) -> str:
    """The first tensor that is not as it must be, or is not there; "" for none."""
    whole = {(_last(name), sides) for name, sides in known.items()}
    pairs: dict[str, dict[str, Shape]] = {}
    for name, sides in learnt.items():
        if found := _LORA.fullmatch(name):
            pairs.setdefault(found[1], {})[found[2]] = sides
        elif name == _ROWS:
            if len(sides) != 2 or sides[1] != hidden:
                return name
        elif not (name.startswith(_IN) and (_last(name), sides) in whole):
            return name
    return _first_odd(pairs, facts, _text_layers(facts, known))


def _first_odd(
    pairs: Mapping[str, Mapping[str, Shape]], facts: Facts, text: Mapping[str, Shape]
) -> str:
    """As ``_first_misfit``, of the layers with LoRA; ``text`` are those of the language model."""
    there = set()
    for layer, pair in pairs.items():
        if any(word in layer for word in model_shape.SEES):
            # A tower's layers have other names in some files than once they are built.
            fits = facts.tower != Tower.FROZEN.value and _is_pair(pair, facts.rank, None)
        else:
            tail = _tail(layer)
            named = layer == f"{_TEXT}{tail}"
            fits = named and _is_pair(pair, facts.rank, text.get(tail, ()))
            there.add(tail)
        if not fits:
            return layer
    return next((n for n in text if n not in there and not n.endswith(_BORROWED)), "")


def _text_layers(facts: Facts, known: Mapping[str, Shape]) -> dict[str, Shape]:
    """(out, in) of the language model's layers that LoRA is on, by the end of their names."""
    found = {_tail(n): s for n, s in known.items() if model_shape.is_text_layer(n, s)}
    narrow = facts.layers == Layers.ATTENTION.value
    return {name: s for name, s in found.items() if not (narrow and ".mlp." in name)}


def _is_pair(pair: Mapping[str, Shape], rank: int, layer: Shape | None) -> bool:
    """Whether the two go on a layer of (out, in); None for one whose sizes are not known."""
    first, second = pair.get("A", ()), pair.get("B", ())
    if len(first) != 2 or len(second) != 2 or (first[0], second[1]) != (rank, rank):
        return False
    return layer is None or layer == (second[0], first[1])


def _tail(name: str) -> str:
    """“layers.3.mlp.up_proj”: families and files differ in what stands before."""
    found = _LAYER.search(name)
    return found[0].removesuffix(".weight") if found else name


def _last(name: str) -> str:
    """The end of a name by which a tensor that was trained whole is known in the base's files."""
    return ".".join(name.split(".")[-2:])
