"""What a base model is made of, counted in its own files before anything is loaded.

Names and shapes stand in the safetensors headers, widths in ``config.json``; how many tokens a
photo takes up stands there too, or with the processor. Knows files and figures; loads no model, no
torch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelMissing
from core.language import tr

MAX_HEADER = 100 << 20
"""safetensors itself refuses longer ones."""
MOST = 1 << 40
"""Of any figure; those of real models stay far below."""
_TEXT = re.compile(r"layers\.\d+\..*\b(q|k|v|o|gate|up|down)_proj\.weight$")
_TOWER = re.compile(r"(layers?|blocks?)\.\d+\..*\b(q_proj|k_proj|v_proj|out_proj|fc1|fc2)\.weight$")
WIDTHS = {"inner": "gate_proj", "heads_width": "q_proj", "kv_width": "k_proj"}
"""The mean widths of layers, by the projection that has them."""
NO_MODEL = (
    ArithmeticError, AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What reading a file raises that is not of a model."""
SEES = ("vision", "audio", "tower")
"""What names of weights outside the language model have in them."""
PER_LAYER = "embed_tokens_per_layer"
"""Gemma 4's embeddings for each layer, which are only looked up in."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's weights, counted. ``linear`` are the language model's linear layers, ``tables`` the
    vocabulary's, ``per_layer`` that which holds a row for each layer (Gemma 4 E2B, E4B), ``rest``
    everything else (tower, projector, norms). ``lora_text`` and ``lora_tower`` are Σ (in + out)
    over the layers LoRA goes on. ``kv_width`` and ``heads_width`` are those of keys and of queries,
    ``layer_width`` is that of a row for one layer. ``pooling``: so many patches along each edge of
    a token, where the number of tokens is a choice; 0 where it is not. ``capped``: scores over the
    vocabulary go through a cap (Gemma 2 and 4)."""

    linear: int
    tables: int
    rest: int
    projector: int
    lora_text: int
    lora_tower: int
    hidden: int
    layers: int
    inner: int
    heads_width: int
    vocabulary: int
    image_tokens: int
    tower_hidden: int = 0
    tower_layers: int = 0
    tower_inner: int = 0
    patches: int = 0
    kv_width: int = 0
    per_layer: int = 0
    layer_width: int = 0
    pooling: int = 0
    capped: bool = False

    @property
    def total(self) -> int:
        return self.linear + self.tables + self.per_layer + self.rest

    def seen(self, image_tokens: int) -> tuple[int, int]:
        """(tokens, patches) of a photo that may take up ``image_tokens``, 0 for the model's own
        number. Photos are square, and so is what they become."""
        if not (self.pooling and image_tokens):
            return self.image_tokens, self.patches
        tokens = math.isqrt(image_tokens) ** 2
        return tokens, tokens * self.pooling**2


def shape(folder: Path) -> Shape:
    """Of the model in ``folder``. Raises ModelMissing when it is none that can be read."""
    counts: dict[str, Any] = {
        "linear": 0, "tables": 0, "per_layer": 0, "rest": 0, "projector": 0,
    }  # fmt: skip
    lora = {"text": 0, "tower": 0}
    wide = dict.fromkeys(WIDTHS, 0)
    for name, sides in weights(folder):
        cells = math.prod(sides)
        sees = any(word in name for word in SEES)
        if is_text_layer(name, sides):
            counts["linear"] += cells
            lora["text"] += sum(sides)
            for width, part in WIDTHS.items():
                wide[width] += sides[0] if part in name else 0
        elif not sees and PER_LAYER in name:
            counts["per_layer"] += cells
        elif not sees and ("embed_tokens" in name or "lm_head" in name):
            counts["tables"] += cells
        else:
            counts["rest"] += cells
            if sees and _TOWER.search(name) and len(sides) == 2:
                lora["tower"] += sum(sides)
            if "projector" in name:
                counts["projector"] += cells
    if not counts["linear"]:
        raise ModelMissing(
            tr(
                "There is no language model in {folder}; choose a folder with its .safetensors.",
                folder=folder,
            )
        )
    widths = _widths(folder)
    # Layers differ in Gemma 4: here stands their mean.
    widths |= {w: cells // max(1, widths["layers"]) for w, cells in wide.items() if cells}
    return Shape(**counts, lora_text=lora["text"], lora_tower=lora["tower"], **widths)


def is_text_layer(name: str, sides: Sequence[int]) -> bool:
    """Whether a weight is of one of the language model's linear layers, which LoRA goes on."""
    sees = any(word in name for word in SEES)
    return not sees and _TEXT.search(name) is not None and len(sides) == 2


def _widths(folder: Path) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        text, seen = raw.get("text_config", raw), raw.get("vision_config") or {}
        heads = int(text["num_attention_heads"])
        each = int(text.get("head_dim") or text["hidden_size"] // heads)
        found: dict[str, Any] = {
            "hidden": int(text["hidden_size"]),
            "layers": int(text["num_hidden_layers"]),
            "inner": int(text["intermediate_size"]),
            "heads_width": heads * each,
            "kv_width": int(text.get("num_key_value_heads") or heads) * each,
            "vocabulary": int(text.get("vocab_size", 262_208)),
            "layer_width": int(text.get("hidden_size_per_layer_input") or 0),
            "capped": bool(text.get("final_logit_softcapping")),
            "tower_hidden": int(seen.get("hidden_size", 0)),
            "tower_layers": int(seen.get("num_hidden_layers", 0)),
            "tower_inner": int(seen.get("intermediate_size", 0)),
            **_photo(raw, seen, folder),
        }
        if not all(0 <= figure <= MOST for figure in found.values()):
            raise ValueError("no model has such sizes")
    except NO_MODEL as error:
        raise ModelMissing(
            tr("The config.json in {folder} makes no sense; get the model again.", folder=folder)
        ) from error
    return found


def _photo(raw: dict[str, Any], seen: dict[str, Any], folder: Path) -> dict[str, int]:
    """Tokens and patches of a photo."""
    pooling = int(seen.get("pooling_kernel_size") or 0)
    if pooling:
        budget = _budget(folder) or int(raw.get("vision_soft_tokens_per_image") or 280)
        tokens = math.isqrt(budget) ** 2
        patches = tokens * pooling**2
        return {"image_tokens": tokens, "patches": patches, "pooling": pooling}
    patches = (int(seen.get("image_size", 0)) // max(1, int(seen.get("patch_size", 1)))) ** 2
    tokens = raw.get("mm_tokens_per_image") or raw.get("image_seq_length") or patches or 256
    return {"image_tokens": int(tokens), "patches": patches}


def _budget(folder: Path) -> int:
    """How many tokens the processor gives a photo at most; 0 where it does not say."""
    for name in ("processor_config.json", "preprocessor_config.json"):
        path = folder / name
        if path.is_file():
            told: dict[str, Any] = json.loads(path.read_text("utf-8"))
            if found := told.get("image_processor", told).get("max_soft_tokens"):
                return int(found)
    return 0


def weights(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Name and shape of each tensor, by the files' headers alone. Raises ModelMissing."""
    for path in sorted(p for p in folder.glob("*.safetensors") if p.is_file()):
        yield from _header(path)


def _header(path: Path) -> list[tuple[str, list[int]]]:
    nothing = tr("{name} is no safetensors file; get the model again.", name=path.name)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER:
                raise ModelMissing(nothing)
            header = json.loads(file.read(length))
        return [(n, _sides(e["shape"])) for n, e in header.items() if n != "__metadata__"]
    except NO_MODEL as error:
        raise ModelMissing(nothing) from error


def _sides(shape: Any) -> list[int]:
    """Raises ValueError or TypeError for what no tensor has."""
    sides = [int(side) for side in shape]
    if len(sides) > 8 or not all(side >= 0 for side in sides) or math.prod(sides) > MOST:
        raise ValueError("no tensor has such sides")
    return sides
