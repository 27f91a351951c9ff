"""How much memory a training step will hold, by term, before anything is loaded.

Each term is a formula over what `core.training.model_shape` counts: NF4 with double quantisation
keeps 0.5 + 1/64 + 4/16384 bytes a weight; a trained weight costs itself, its gradient and the
optimiser's moments; a layer that is computed again keeps its input, one that is not keeps all that
its derivative needs. What a mask head takes is measured and stands with it.
`tests/bench/forecast.py` holds all this against real steps on a processor; on a graphics card it is
computed alone. What the formulae miss is learnt from real steps: `core.training.calibration`. Knows
figures; loads no model, no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from core import registry
from core.heads.base import HeadSpec, weights_file
from core.language import tr
from core.training.config import Method, Optimiser, Tower, TrainConfig
from core.training.model_shape import Shape

NF4 = 0.5 + 1 / 64 + 4 / 16384
"""Bytes a weight, double quantisation included."""
WINDOWS, LARGE_EYE = 512 << 20, 500 << 20
"""Bytes that a SAM 2 takes to look at a photo, and how large the file of a Segment Anything must be
for it to have 16 heads and not 12."""
QUESTIONS, WORDS, SAID = 4, 14, 6
"""Of one photo: questions woven into its row, their words each, the words of their answers."""
FORETOLD = 4
"""Places a question at which a word is foretold: answers that begin alike share theirs."""
PATCHES = 8192
"""Patches that a frozen tower looks at in one go: two photos of 4,096, eight of a smaller grid."""
ROWS_BYTES = 128 << 20
"""Bytes of logits in fp32 that are held at a time: 128 rows of Gemma's vocabulary."""
CONTEXT, LIBRARIES = 0.9 * 2**30, 0.6 * 2**30
"""Bytes of a graphics card's context (computed), and of the libraries in the computer's memory and
what they make once (measured)."""
HELD = ("weights", "tables", "per_layer", "eye", "trained", "fixed")
"""Terms that stay between steps."""
LOOK = "look"
"""The term of looking at a photo, which happens once, before anything of a step is there."""


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
        """Bytes above what stays between steps."""
        return sum(t.bytes for t in self.terms if t.id not in HELD)

    @property
    def step(self) -> float:
        """Those of ``moving`` that two real steps measure, whose photos were looked at before."""
        return sum(t.bytes for t in self.terms if t.id not in (*HELD, LOOK))


def forecast(model: Shape, config: TrainConfig, *, gpu: bool, factor: float = 1.0) -> Forecast:
    """Every term of one training step, in bytes; bf16 on a graphics card, fp32 elsewhere.

    What a step allocates is multiplied by ``factor``, as measured on this machine.
    """
    wide = 2 if gpu else 4
    four = config.method is Method.QLORA_NF4
    trained = trained_weights(model, config)
    tower, frozen = _tower(model, config, wide), config.tower is Tower.FROZEN
    step = [
        Term("gradients", tr("Gradients"), 4.0 * trained),
        Term("layers", tr("Layers of the language model"), _layers(model, config, wide)),
        Term("logits", tr("Scores over the vocabulary"), _logits(model, config)),
        Term("head", tr("Mask head"), float(_head(config).step_bytes * config.batch_size)),
        Term("tower", tr("Vision tower"), 0.0 if frozen else tower),
    ]
    step = [replace(term, bytes=term.bytes * factor) for term in step]
    # Before a step, or at its beginning: only what it takes beyond the step counts.
    look = max(_eye_looks(config), tower if frozen else 0.0)
    terms = [
        Term(
            "weights",
            tr("Weights in 4 bits, the rest as they are") if four else tr("Weights"),
            model.linear * (NF4 if four else wide) + model.rest * wide,
        ),
        Term("tables", tr("Vocabulary"), float(model.tables * wide)),
        # On a computer with a graphics card it stays in the computer's own memory.
        Term("per_layer", tr("Vocabulary of each layer"), 0.0 if gpu else 4.0 * model.per_layer),
        Term("eye", tr("The model that the mask head builds on"), _eye(config)),
        # Kept with two moments; in fp32 unless the moments are in 8 bits.
        Term(
            "trained",
            tr("LoRA, projector and head with their optimiser"),
            float(trained * (6 if config.optimiser is Optimiser.ADAMW_8BIT else 12)),
        ),
        *step,
        Term(LOOK, tr("Looking at a photo"), max(0.0, look - sum(t.bytes for t in step))),
        Term("fixed", tr("Libraries"), CONTEXT if gpu else LIBRARIES),
    ]
    return Forecast(tuple(t for t in terms if t.bytes))


def _head(config: TrainConfig) -> HeadSpec:
    return registry.find("core.heads", HeadSpec, config.head)


def _eye(config: TrainConfig) -> float:
    """Bytes of the weights that a mask head builds on: published in fp32, and held so."""
    path = weights_file(config.head_path)
    return float(path.stat().st_size) if path is not None and path.is_file() else 0.0


def _eye_looks(config: TrainConfig) -> float:
    """Bytes that it takes to look at a photo. A Segment Anything holds three maps of every patch
    against every other, in each of its heads; its descendants look through windows."""
    path = weights_file(config.head_path)
    if path is None:
        return 0.0
    if path.suffix != ".pth":
        return WINDOWS
    heads = 12 if _eye(config) < LARGE_EYE else 16
    return float(3 * heads * 4096**2 * 4)


def trained_weights(model: Shape, config: TrainConfig) -> int:
    """How many numbers are trained."""
    sides = model.lora_text + (model.lora_tower if config.tower is Tower.LORA else 0)
    return config.rank * sides + model.projector + _head(config).weights


def tokens(model: Shape, config: TrainConfig) -> int:
    """Of one photo's row: the image and what is asked about it."""
    return model.seen(config.image_tokens)[0] + QUESTIONS * (WORDS + SAID)


def _layers(model: Shape, config: TrainConfig, wide: int) -> float:
    """Of the forward: what each layer keeps for the way back. Of the backward: what one layer makes
    on top of it, and its weights without their 4 bits."""
    row = tokens(model, config)
    rows = config.batch_size * row
    # Counted in what autograd keeps of a layer of Gemma 3, tensor by tensor. In fp32 everywhere:
    # what goes into its norms and into each LoRA. Keys and values are there as they are, in the
    # cache that the second turn goes on from, and as wide as the queries for the attention; each
    # token sees a mask.
    full = 9 * model.hidden + model.inner + 2 * model.heads_width + model.kv_width
    others = 5 * model.hidden + 4 * model.inner + 7 * model.heads_width + 2 * model.kv_width + row
    if model.layer_width:
        full, others = full + model.hidden, others + 3 * model.layer_width
    one = rows * (4 * (full + 7 * config.rank) + wide * others)
    back = rows * wide * (3 * model.inner + 2 * model.hidden)
    if config.method is Method.QLORA_NF4:
        back += model.hidden * model.inner * wide
    if not config.recompute:
        return float(model.layers * one + back)
    # Its input, and the keys and values that the second turn goes on from.
    kept = rows * wide * (model.hidden + 4 * model.kv_width + model.layer_width)
    return float(model.layers * kept + one + back)


def _tower(model: Shape, config: TrainConfig, wide: int) -> float:
    """Of a tower that learns, as of the layers. One that does not looks at photos before the steps
    and not beside them."""
    patches = model.seen(config.image_tokens)[1]
    one = patches * (15 * model.tower_hidden + 3 * model.tower_inner) * wide
    if config.tower is Tower.FROZEN:
        live = 12 * model.tower_hidden + 4 * model.tower_inner
        return float(together(patches) * patches * live * wide)
    kept = patches * model.tower_hidden * model.tower_layers * wide
    return float(
        config.batch_size * (kept + 2 * one if config.recompute else model.tower_layers * one)
    )


def together(patches: int) -> int:
    """How many photos of so many patches a tower looks at in one go, from 1 to 8."""
    return max(1, min(8, PATCHES // max(1, patches)))


def _logits(model: Shape, config: TrainConfig) -> float:
    """Scores, their logarithms and their gradients in fp32; a cap is two more and its own."""
    rows = config.batch_size * QUESTIONS * FORETOLD
    most = max(1, ROWS_BYTES // (4 * model.vocabulary))
    return float(min(rows, most) * model.vocabulary * (24 if model.capped else 12))


@dataclass(frozen=True, slots=True)
class Saving:
    """A change of settings that takes less memory. ``text`` says what to press."""

    text: str
    config: TrainConfig
    bytes: float


Needed = Callable[[TrainConfig], float]
"""Gives the bytes that settings take in all."""


def savings(config: TrainConfig, needed: Needed) -> list[Saving]:
    """What would take less, the cheapest in time first; each keeps the photos of a step."""
    now = needed(config)
    found = []
    for text, changed in _changes(config):
        less = needed(changed)
        if less < 0.98 * now:
            found.append(Saving(text, changed, less))
    return found


def _changes(config: TrainConfig) -> Iterator[tuple[str, TrainConfig]]:
    whole = config.batch_size * config.accumulation
    if config.optimiser is not Optimiser.ADAMW_8BIT:
        yield (
            tr(
                "Under Advanced (--set optimiser=adamw-8bit), set the optimiser to AdamW in 8 bits."
            ),
            replace(config, optimiser=Optimiser.ADAMW_8BIT),
        )
    if config.batch_size > 1:
        yield (
            tr(
                "Under Advanced (--set batch_size=1 --set accumulation={n}), set the batch size "
                "to 1 and gradient accumulation to {n}.",
                n=whole,
            ),
            replace(config, batch_size=1, accumulation=whole),
        )
    if not config.recompute:
        yield (
            tr("Under Advanced (--set recompute=true), compute layers again on the way back."),
            replace(config, recompute=True),
        )
    if config.method is not Method.QLORA_NF4:
        yield (
            tr("Under Advanced (--method qlora-nf4), set the method to QLoRA in 4 bits."),
            replace(config, method=Method.QLORA_NF4),
        )
    if config.tower is not Tower.FROZEN:
        yield (
            tr("Under Advanced (--set tower=frozen), leave the vision tower as it is."),
            replace(config, tower=Tower.FROZEN),
        )
    if config.rank > 8:
        yield (
            tr("Under Advanced (--set rank=8), set the LoRA rank to 8."),
            replace(config, rank=8),
        )


def smallest(config: TrainConfig, needed: Needed) -> TrainConfig:
    """``config`` with every saving laid over it: the least a model can be trained in."""
    while better := savings(config, needed):
        config = better[0].config
    return config
