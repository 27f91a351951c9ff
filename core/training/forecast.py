"""How much memory a training step will hold, by term, before anything is loaded.

Counted from the model's own files: names and shapes in the safetensors headers, widths in
``config.json``. Each term is a formula (NF4 with double quantisation keeps 0.5 + 1/64 + 4/16384
bytes a weight; a trained weight costs itself, its gradient and the optimiser's moments; a layer
that is computed again keeps its input, one that is not keeps all it made). What the formulae miss
is learnt from real steps: `core.training.calibration`. Knows figures; loads no model, no torch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import ModelMissing
from core.language import tr
from core.training.config import Method, Optimiser, Tower, TrainConfig

MAX_HEADER = 100 << 20
"""safetensors itself refuses longer ones."""
NF4 = 0.5 + 1 / 64 + 4 / 16384
"""Bytes a weight, double quantisation included."""
HEAD_WEIGHTS = 1_300_000
HEAD_PHOTO = 120 << 20
"""Bytes that the mask head's maps of one photo take, forward and backward."""
QUESTIONS, WORDS, SAID = 4, 24, 8
"""Of one photo: questions woven into its row, their words each, the words of their answers."""
PATCHES = 8192
"""Patches that a frozen tower looks at in one go: two photos of 4,096, eight of a smaller grid."""
ROWS_BYTES = 128 << 20
"""Bytes of logits in fp32 that are held at a time: 128 rows of Gemma's vocabulary."""
CONTEXT, LIBRARIES = 0.9 * 2**30, 0.9 * 2**30
"""Bytes of a graphics card's context and of the libraries in the computer's memory."""
_TEXT = re.compile(r"layers\.\d+\..*\b(q|k|v|o|gate|up|down)_proj\.weight$")
_TOWER = re.compile(r"(layers?|blocks?)\.\d+\..*\b(q_proj|k_proj|v_proj|out_proj|fc1|fc2)\.weight$")
_SEES = ("vision", "audio", "tower")


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's weights, counted. ``linear`` are the language model's linear layers, ``tables`` the
    vocabulary's, ``rest`` everything else (tower, projector, norms). ``lora_text`` and
    ``lora_tower`` are Σ (in + out) over the layers LoRA goes on."""

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

    @property
    def total(self) -> int:
        return self.linear + self.tables + self.rest


@dataclass(frozen=True, slots=True)
class Term:
    """``bytes`` of memory under a stable ``id`` and a ``title`` that people read."""

    id: str
    title: str
    bytes: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The terms, largest matter first; ``moving`` are those that a step allocates."""

    terms: tuple[Term, ...] = field(default_factory=tuple)

    @property
    def total(self) -> float:
        return sum(term.bytes for term in self.terms)

    @property
    def moving(self) -> float:
        """Bytes above the resident weights, as two real steps measure them."""
        return sum(t.bytes for t in self.terms if t.id not in ("weights", "tables", "fixed"))

    def scaled(self, factor: float) -> Forecast:
        """With what a step allocates multiplied by ``factor``, as measured on this machine."""
        fixed = ("weights", "tables", "fixed")
        return Forecast(
            tuple(t if t.id in fixed else replace(t, bytes=t.bytes * factor) for t in self.terms)
        )


def shape(folder: Path) -> Shape:
    """Of the model in ``folder``. Raises ModelMissing when it is none that can be read."""
    counts = {"linear": 0, "tables": 0, "rest": 0, "projector": 0}
    lora = {"text": 0, "tower": 0}
    for name, sides in weights(folder):
        cells = math.prod(sides)
        sees = any(word in name for word in _SEES)
        if not sees and _TEXT.search(name) and len(sides) == 2:
            counts["linear"] += cells
            lora["text"] += sum(sides)
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
    return Shape(**counts, lora_text=lora["text"], lora_tower=lora["tower"], **_widths(folder))


def _widths(folder: Path) -> dict[str, int]:
    try:
        raw: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        text, seen = raw.get("text_config", raw), raw.get("vision_config") or {}
        heads = int(text["num_attention_heads"])
        side = int(seen.get("image_size", 0)) // max(1, int(seen.get("patch_size", 1)))
        patches = side * side
        image = raw.get("mm_tokens_per_image") or raw.get("image_seq_length")
        image = image or raw.get("vision_soft_tokens_per_image") or patches or 256
        return {
            "hidden": int(text["hidden_size"]),
            "layers": int(text["num_hidden_layers"]),
            "inner": int(text["intermediate_size"]),
            "heads_width": heads * int(text.get("head_dim") or text["hidden_size"] // heads),
            "vocabulary": int(text.get("vocab_size", 262_208)),
            "image_tokens": int(image),
            "tower_hidden": int(seen.get("hidden_size", 0)),
            "tower_layers": int(seen.get("num_hidden_layers", 0)),
            "tower_inner": int(seen.get("intermediate_size", 0)),
            "patches": patches,
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(
            tr("The config.json in {folder} makes no sense; get the model again.", folder=folder)
        ) from error


def weights(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Name and shape of each tensor, by the files' headers alone. Raises ModelMissing."""
    for path in sorted(folder.glob("*.safetensors")):
        yield from _header(path)


def _header(path: Path) -> list[tuple[str, list[int]]]:
    nothing = tr("{name} is no safetensors file; get the model again.", name=path.name)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER:
                raise ModelMissing(nothing)
            header = json.loads(file.read(length))
        return [(n, [int(s) for s in e["shape"]]) for n, e in header.items() if n != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(nothing) from error


def forecast(model: Shape, config: TrainConfig, *, gpu: bool) -> Forecast:
    """Every term of one training step, in bytes; bf16 on a graphics card, fp32 elsewhere."""
    wide = 2 if gpu else 4
    four = config.method is Method.QLORA_NF4
    return Forecast(
        (
            Term(
                "weights",
                tr("Weights in 4 bits, the rest as they are") if four else tr("Weights"),
                model.linear * (NF4 if four else wide) + model.rest * wide,
            ),
            Term("tables", tr("Vocabulary"), float(model.tables * wide)),
            Term(
                "trained",
                tr("LoRA, projector and head with their optimiser"),
                _trained(model, config),
            ),
            Term("layers", tr("Layers of the language model"), _layers(model, config, wide)),
            Term("tower", tr("Vision tower"), _tower(model, config, wide)),
            Term("logits", tr("Scores over the vocabulary"), _logits(model, config)),
            Term("head", tr("Mask head"), float(HEAD_PHOTO * config.batch_size)),
            Term("fixed", tr("Libraries"), CONTEXT if gpu else LIBRARIES),
        )
    )


def trained_weights(model: Shape, config: TrainConfig) -> int:
    """How many numbers are trained."""
    sides = model.lora_text + (model.lora_tower if config.tower is Tower.LORA else 0)
    return config.rank * sides + model.projector + HEAD_WEIGHTS


def _trained(model: Shape, config: TrainConfig) -> float:
    # Kept, their gradient, two moments; all in fp32 unless the moments are in 8 bits.
    each = 10 if config.optimiser is Optimiser.ADAMW_8BIT else 16
    return float(trained_weights(model, config) * each)


def tokens(model: Shape) -> int:
    """Of one photo's row: the image and what is asked about it."""
    return model.image_tokens + QUESTIONS * (WORDS + SAID)


def _layers(model: Shape, config: TrainConfig, wide: int) -> float:
    rows = config.batch_size * tokens(model)
    whole = 16 * model.hidden + 4 * model.inner + 3 * model.heads_width
    live = rows * whole * wide
    if not config.recompute:
        return float(model.layers * live)
    # Its input, and the keys and values that the second turn goes on from.
    return float(rows * 2 * model.hidden * model.layers * wide + live)


def _tower(model: Shape, config: TrainConfig, wide: int) -> float:
    one = model.patches * (8 * model.tower_hidden + 2 * model.tower_inner) * wide
    if config.tower is Tower.FROZEN:
        return float(together(model.patches) * one / 2)
    kept = model.patches * model.tower_hidden * model.tower_layers * wide
    photos = config.batch_size
    return float(photos * (kept + 2 * one if config.recompute else model.tower_layers * 2 * one))


def together(patches: int) -> int:
    """How many photos of so many patches a tower looks at in one go, from 1 to 8."""
    return max(1, min(8, PATCHES // max(1, patches)))


def _logits(model: Shape, config: TrainConfig) -> float:
    rows = config.batch_size * QUESTIONS * SAID
    most = max(1, ROWS_BYTES // (4 * model.vocabulary))
    return float(min(rows, most) * model.vocabulary * 12)


@dataclass(frozen=True, slots=True)
class Saving:
    """A change of settings that takes less memory. ``text`` says what to press."""

    text: str
    config: TrainConfig
    bytes: float


def savings(model: Shape, config: TrainConfig, *, gpu: bool) -> list[Saving]:
    """What would take less, the cheapest in time first; each keeps the photos of a step."""
    now = forecast(model, config, gpu=gpu).total
    found = []
    for text, changed in _changes(config):
        needed = forecast(model, changed, gpu=gpu).total
        if needed < 0.98 * now:
            found.append(Saving(text, changed, needed))
    return found


def _changes(config: TrainConfig) -> Iterator[tuple[str, TrainConfig]]:
    whole = config.batch_size * config.accumulation
    if config.optimiser is not Optimiser.ADAMW_8BIT:
        yield (
            tr("Under Advanced, set the optimiser to AdamW in 8 bits."),
            replace(config, optimiser=Optimiser.ADAMW_8BIT),
        )
    if config.batch_size > 1:
        yield (
            tr(
                "Under Advanced, set the batch size to 1 and gradient accumulation to {n}.", n=whole
            ),
            replace(config, batch_size=1, accumulation=whole),
        )
    if not config.recompute:
        yield (
            tr("Under Advanced, compute layers again on the way back."),
            replace(config, recompute=True),
        )
    if config.method is not Method.QLORA_NF4:
        yield (
            tr("Under Advanced, set the method to QLoRA in 4 bits."),
            replace(config, method=Method.QLORA_NF4),
        )
    if config.tower is not Tower.FROZEN:
        yield (
            tr("Under Advanced, leave the vision tower as it is."),
            replace(config, tower=Tower.FROZEN),
        )
    if config.rank > 8:
        yield tr("Under Advanced, set the LoRA rank to 8."), replace(config, rank=8)


def smallest(model: Shape, config: TrainConfig, *, gpu: bool) -> TrainConfig:
    """``config`` with every saving laid over it: the least this model can be trained in."""
    while better := savings(model, config, gpu=gpu):
        config = better[0].config
    return config
