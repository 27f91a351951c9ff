"""Every setting of a training run, with the reasons a setting cannot be used.

Knows numbers and names; knows no torch, no file but its own JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path

from core.adapter_package import MAX_CLASSES, MAX_NAME
from core.domain.disease import is_shown
from core.errors import Bug
from core.language import tr
from core.training import prompts


class Method(StrEnum):
    """How the base model is held while it is trained.

    ``LORA_FP32`` is the fast path on a CPU (bf16 is 2.5× slower there without bf16 instructions);
    ``QLORA_NF4`` keeps the base in 4-bit NF4 with double quantisation through bitsandbytes and
    saves memory everywhere.
    """

    LORA_FP32 = "lora-fp32"
    QLORA_NF4 = "qlora-nf4"


class Stage(StrEnum):
    """What a run does to the adapter it begins with: see `core.services.programme`.

    ``LORA`` learns answers and masks. ``PREFERENCE`` prefers the outlined mask to the one a frozen
    copy drew (direct preference optimisation, Rafailov et al. 2023, with a Bernoulli likelihood a
    pixel). ``HARD`` learns as ``LORA`` does, gently, with hard leaves drawn more often.
    """

    LORA = "lora"
    PREFERENCE = "preference"
    HARD = "hard"


class Answers(StrEnum):
    """``MASK`` outlines and names; ``CLASS`` names alone, the control that tells whether masks
    help the naming."""

    MASK = "mask"
    CLASS = "class"


class Layers(StrEnum):
    """Which linear layers of the language model carry LoRA."""

    ALL = "all"
    ATTENTION = "attention"


class Optimiser(StrEnum):
    """``ADAMW_8BIT`` keeps AdamW's two moments in 8 bits (bitsandbytes): 10 bytes a trained weight
    instead of 16, at the price of a coarser step; for large ranks on small cards.
    """

    ADAMW = "adamw"
    ADAMW_8BIT = "adamw-8bit"


class Tower(StrEnum):
    """``FROZEN`` encodes each photo once and caches it; ``LORA`` adapts the vision tower too."""

    FROZEN = "frozen"
    LORA = "lora"


KINDS: dict[str, type[StrEnum]] = {
    "method": Method,
    "tower": Tower,
    "stage": Stage,
    "answers": Answers,
    "layers": Layers,
    "optimiser": Optimiser,
}
"""The settings whose values are words."""
TOO_FEW_CLASSES = tr(
    "Training needs at least two classes; name another disease or mark some leaves healthy."
)
TOO_MANY_CLASSES = tr("Training takes at most 1,000 classes; merge some diseases.")
UNFIT_NAME = tr(
    "The name of a disease is too long or holds characters that cannot be shown; rename it."
)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One run. Written to ``config.json`` in its folder and never changed afterwards.

    ``classes`` are the diseases the answer may name, healthy included; ``healthy`` is the name of
    the class that gets no mask token, "" when the project has none. ``parent`` is the adapter
    folder that training continues from, "" for a fresh start. ``hard`` lists image ids that are
    drawn ``hard_weight`` times as often. ``watch`` are the (up to eight) leaves whose masks are
    drawn at every evaluation. ``head_path`` is where the model lies that a head builds on, "" for
    heads that need none; ``image_tokens`` how many tokens a photo may take up, 0 for the base
    model's own number. Learning rates are per optimiser step, ``minutes`` is wall time for
    training without the final scoring, ``epochs`` an upper bound as well; whichever ends first.
    ``steps`` above 0 sets both aside: exactly so many optimiser steps, whatever they take.
    ``patience`` ends a run after so many evaluations without a better one, 0 never does.
    ``final_rate`` is the share of the learning rate that is left at the end. The mask's loss is
    ``dice_weight`` · (1 - Dice) + ``bce_weight`` · cross-entropy. ``beta`` is how strongly the
    preference stage is held to the copy it began with. ``below`` says under which Dice the photos
    in ``hard`` were, for the record; so do ``control_of`` and ``fold_of``, a run's id.
    ``recompute`` keeps each layer's input alone and computes the rest again on the way back: a
    third more time for a fraction of the memory, the same gradients. ``cache_gib`` is the disk that
    features of a frozen tower may take, in GiB; what has no room is computed when it is needed.
    ``auto_batch_size`` raises ``batch_size`` when a run begins to what memory has room for, and
    lowers ``accumulation`` as much: a step learns from ``batch_size`` · ``accumulation`` photos.
    ``balance`` is the power of a disease's rarity by which its photos are drawn more often: 0 draws
    all alike, 1 every disease as often. ``colour_jitter`` scales how far light and colours are
    varied (1: a gamma of 0.78 to 1.28, brightness by 16 %); ``feature_dropout`` is the share of the
    tower's features, and of what a mask found, that a visit hides.
    """

    base: str = "starter"
    base_path: str = ""
    classes: tuple[str, ...] = ()
    healthy: str = ""
    method: Method = Method.LORA_FP32
    tower: Tower = Tower.FROZEN
    optimiser: Optimiser = Optimiser.ADAMW
    recompute: bool = False
    cache_gib: float = 8.0
    head: str = "pixel"
    head_path: str = ""
    image_tokens: int = 0
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    learning_rate: float = 2e-3
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip: float = 1.0
    batch_size: int = 8
    accumulation: int = 1
    auto_batch_size: bool = False
    epochs: float = 30.0
    minutes: float = 15.0
    evaluations: int = 6
    seed: int = 1
    threads: int = 0
    parent: str = ""
    hard: tuple[int, ...] = ()
    hard_weight: float = 3.0
    balance: float = 0.0
    colour_jitter: float = 1.0
    feature_dropout: float = 0.1
    watch: tuple[int, ...] = ()
    stage: Stage = Stage.LORA
    answers: Answers = Answers.MASK
    layers: Layers = Layers.ALL
    steps: int = 0
    patience: int = 0
    final_rate: float = 0.0
    dice_weight: float = 1.0
    bce_weight: float = 0.5
    beta: float = 0.1
    below: float = 0.0
    control_of: str = ""
    fold_of: str = ""

    def problems(self) -> list[str]:
        """Every reason these settings cannot be used, as sentences; empty when they can."""
        classes = len(set(self.classes))
        checks = [
            (bool(self.base), tr("Choose a base model.")),
            (classes >= 2, TOO_FEW_CLASSES),
            (classes == len(self.classes), tr("Two classes have the same name; merge them.")),
            (classes <= MAX_CLASSES, TOO_MANY_CLASSES),
            (all(len(n) <= MAX_NAME and is_shown(n) for n in self.classes), UNFIT_NAME),
            (
                not {prompts.LEAF_TARGET, prompts.LESION_TARGET} & set(self.classes),
                tr("A disease cannot be called “leaf” or “lesions”, as masks are; rename it."),
            ),
            (1 <= self.rank <= 256, tr("The LoRA rank must lie between 1 and 256.")),
            (1 <= self.alpha <= 4096, tr("The LoRA alpha must lie between 1 and 4096.")),
            (0 < self.learning_rate < 0.1, tr("The learning rate must lie between 0 and 0.1.")),
            (0 < self.head_learning_rate < 0.1, tr("The head's learning rate must be 0 to 0.1.")),
            (1 <= self.batch_size <= 256, tr("The batch size must lie between 1 and 256.")),
            (1 <= self.accumulation <= 256, tr("Accumulation must lie between 1 and 256.")),
            (0 < self.epochs <= 1e6, tr("Epochs must be more than 0 and at most a million.")),
            (0 < self.minutes <= 10_080, tr("Minutes must lie between 0 and 10080, a week.")),
            (1 <= self.evaluations <= 1000, tr("Evaluate between 1 and 1000 times.")),
            (0 <= self.dropout < 1, tr("Dropout must lie between 0 and 1.")),
            (0 <= self.balance <= 1, tr("Balance must lie between 0 and 1.")),
            (0 <= self.colour_jitter <= 4, tr("Colour jitter must lie between 0 and 4.")),
            (0 <= self.feature_dropout < 1, tr("Feature dropout must lie between 0 and 1.")),
            (0 <= self.steps <= 10_000_000, tr("Steps must lie between 0 and ten million.")),
            (0 <= self.patience <= 1000, tr("Patience must lie between 0 and 1000 evaluations.")),
            (0 <= self.final_rate <= 1, tr("The final learning rate is a share from 0 to 1.")),
            (0 < self.beta <= 10, tr("Beta must lie between 0 and 10.")),
            (
                self.stage is not Stage.PREFERENCE or self.answers is Answers.MASK,
                tr("The preference stage compares masks; train with masks."),
            ),
            (0 <= self.cache_gib <= 4096, tr("The cache may take 0 to 4096 GiB of disk.")),
            (0 <= self.seed < 2**31, tr("The random seed must lie between 0 and 2147483647.")),
            (0 <= self.threads <= 256, tr("Threads must lie between 0 and 256.")),
        ]
        return [sentence for fine, sentence in checks if not fine]

    def own_problems(self) -> list[str]:
        """Those of ``problems`` that no photo can mend: known before any is looked at."""
        return replace(self, classes=("one", "other")).problems()

    def to_json(self) -> str:
        """What ``read`` reads."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def read(cls, file: Path) -> TrainConfig:
        """From a run's ``config.json``. Unknown keys are a Bug: the file is ours."""
        raw = json.loads(file.read_text("utf-8"))
        unknown = raw.keys() - {f.name for f in fields(cls)}
        if unknown:
            raise Bug(f"{file.name} holds unknown settings: {sorted(unknown)}")
        for name in ("classes", "hard", "watch"):
            raw[name] = tuple(raw[name])
        for name, kind in KINDS.items():
            if name in raw:
                raw[name] = kind(raw[name])
        return cls(**raw)


@dataclass(frozen=True, slots=True)
class Preset:
    """Named settings a person can choose by one word; ``note`` says what it is for."""

    id: str
    title: str
    note: str
    values: dict[str, object] = field(default_factory=dict)
    published: bool = False
    """Whether it is somebody else's recipe, kept to try ours against."""
    large: dict[str, object] = field(default_factory=dict)
    """What is otherwise on a large base model, so that a step of as many photos fits."""

    def settings(self, *, embedded: bool = True) -> TrainConfig:
        """What a run of it begins with, on an embedded base model or on a large one."""
        plain = PLAIN if self.published else {}
        values = plain | self.values if embedded else LARGE | plain | self.values | self.large
        return replace(TrainConfig(), **values)  # type: ignore[arg-type]


PLAIN: dict[str, object] = {"dropout": 0.0, "colour_jitter": 0.0, "feature_dropout": 0.0}
"""Photos as they are, all of each seen: what a published recipe has that says nothing of it."""


LARGE: dict[str, object] = {
    "method": Method.QLORA_NF4,
    "recompute": True,
    "batch_size": 1,
    "accumulation": 8,
    "auto_batch_size": True,
    "learning_rate": 2e-4,
    "head_learning_rate": 5e-4,
    "feature_dropout": 0.0,
}
"""What a base model that does not come with the program starts from, so that it fits the card that
people have, and with as many photos at a time as there is room for; the rate is the one that papers
on QLoRA agree on."""


PRESETS = (
    Preset(
        "quick",
        tr("Quick look"),
        tr("Five minutes, to see whether the labels teach anything."),
        {"minutes": 5.0, "evaluations": 4},
    ),
    Preset(
        "standard",
        tr("Standard"),
        tr("Fifteen minutes; with the embedded base enough for about a thousand leaves."),
    ),
    Preset(
        "thorough",
        tr("Thorough"),
        tr("An hour, with the vision tower adapted as well."),
        {"minutes": 60.0, "tower": Tower.LORA, "epochs": 100.0},
    ),
    Preset(
        "rank-64",
        tr("Rank 64, all linear layers"),
        tr("LoRA r 64, α 64 on all linear layers, 5·10⁻⁵, two photos at a time, eight a step."),
        {
            "rank": 64,
            "alpha": 64,
            "learning_rate": 5e-5,
            "batch_size": 2,
            "accumulation": 4,
        },
        published=True,
    ),
    Preset(
        "attention",
        tr("Rank 64, attention only"),
        tr("LoRA r 64, α 16, dropout 0.1 on attention alone, 2·10⁻⁴, cosine, clipped at 1."),
        {
            "rank": 64,
            "alpha": 16,
            "dropout": 0.1,
            "layers": Layers.ATTENTION,
            "learning_rate": 2e-4,
        },
        published=True,
    ),
    Preset(
        "projector",
        tr("Rank 64, α 128, with the projector"),
        tr("LoRA r 64, α 128 and the projector whole, 10⁻⁴."),
        {"rank": 64, "alpha": 128, "learning_rate": 1e-4},
        published=True,
    ),
    Preset(
        "batch-32",
        tr("32 photos a step"),
        tr("2·10⁻⁴, 32 photos a step, masks by half their Dice and no cross-entropy."),
        {
            "learning_rate": 2e-4,
            "batch_size": 8,
            "accumulation": 4,
            "dice_weight": 0.5,
            "bce_weight": 0.0,
            "optimiser": Optimiser.ADAMW_8BIT,
        },
        published=True,
        large={"batch_size": 1, "accumulation": 32},
    ),
)
