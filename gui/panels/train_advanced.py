"""The settings of a run that most people never touch, as a form.

Drawn from one table; each line is a field of `TrainConfig`. Knows fields and widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from core.language import tr
from core.training.config import Layers, Method, Optimiser, Tower, TrainConfig
from gui.controllers.train_survey import HeadChoice
from gui.forms import Form
from gui.panels.numbers import DecimalBox, NumberBox
from gui.panels.pieces import label
from gui.panels.train_head import HeadParts
from gui.plain import plain_tip

METHODS = (
    (Method.LORA_FP32, tr("LoRA in full precision (fast without a GPU)")),
    (Method.QLORA_NF4, tr("QLoRA in 4 bits, NF4 (saves memory)")),
)
TOWERS = (
    (Tower.FROZEN, tr("Leave as it is (each photo is looked at once)")),
    (Tower.LORA, tr("Adapt as well (slower, sometimes better)")),
)

TOKENS_TIP = tr("More of them see smaller lesions, and take more memory and time")


LAYERS = (
    (Layers.ALL, tr("Attention and feed-forward")),
    (Layers.ATTENTION, tr("Attention alone")),
)
OPTIMISERS = (
    (Optimiser.ADAMW, tr("AdamW")),
    (Optimiser.ADAMW_8BIT, tr("AdamW in 8 bits (saves memory at large ranks)")),
)
RECOMPUTE = (
    (False, tr("Keep what layers made (faster)")),
    (True, tr("Compute them again (saves memory)")),
)
AUTO = (
    (True, tr("As many as memory has room for, in a step of as many")),
    (False, tr("The batch size")),
)
AUTO_TIP = tr(
    "A step learns from batch size × gradient accumulation photos either way, and learns the same; "
    "more of them at a time are faster"
)
PARTS = ("batch_size", "accumulation")
"""The fields by which a person says how many photos at a time."""


@dataclass(frozen=True)
class Line:
    """A number: ``low`` to ``high``, with ``decimals`` (0 makes it a whole number)."""

    field: str
    title: str
    low: float
    high: float
    decimals: int = 0
    step: float = 1.0
    tip: str = ""


LINES = (
    Line("rank", tr("LoRA rank"), 1, 256, tip=tr("Size of the adapter; 16 suits most projects")),
    Line(
        "alpha", tr("LoRA alpha"), 1, 512, tip=tr("How loudly the adapter speaks; twice the rank")
    ),
    Line("dropout", tr("LoRA dropout"), 0, 0.9, 2, 0.05),
    Line("learning_rate", tr("Learning rate"), 0.00001, 0.0999, 5, 0.0005),
    Line("head_learning_rate", tr("Learning rate of the mask head"), 0.00001, 0.0999, 5, 0.0001),
    Line("batch_size", tr("Batch size"), 1, 256),
    Line("accumulation", tr("Gradient accumulation"), 1, 256, tip=tr("Batches per optimiser step")),
    Line("epochs", tr("At most this many epochs"), 0.1, 10_000, 1, 1),
    Line("evaluations", tr("Evaluations"), 1, 1000, tip=tr("How often held-out leaves are tried")),
    Line(
        "patience",
        tr("End after evaluations without a gain (0: never)"),
        0,
        1000,
        tip=tr("Early stopping; the best checkpoint is kept either way"),
    ),
    Line(
        "hard_weight",
        tr("Weight of hard leaves"),
        1,
        20,
        1,
        0.5,
        tr("How much oftener they are drawn"),
    ),
    Line(
        "balance",
        tr("Rare diseases drawn more often"),
        0,
        1,
        2,
        0.25,
        tr("0 shows every leaf as often, 1 every disease as often"),
    ),
    Line(
        "colour_jitter",
        tr("Light and colours varied"),
        0,
        4,
        2,
        0.25,
        tr("0 shows photos as they are; 1 varies them as much as a cloudy day does"),
    ),
    Line(
        "feature_dropout",
        tr("Share of features hidden"),
        0,
        0.9,
        2,
        0.05,
        tr("Keeps the model from learning leaves by heart"),
    ),
    Line(
        "cache_gib",
        tr("Disk for what a frozen tower saw, in GiB"),
        0,
        4096,
        1,
        1,
        tr("Later runs look at no photo again; what has no room is looked at when needed"),
    ),
    Line("seed", tr("Random seed"), 0, 2**31 - 1),
    Line("threads", tr("Processor threads (0: as many as there are)"), 0, 256),
)


class AdvancedForm(QWidget):
    """``put`` shows a config, ``values`` gives the fields back as set."""

    changed = Signal()

    def __init__(self, heads: Sequence[HeadChoice]) -> None:
        super().__init__()
        self._widgets: dict[str, NumberBox | DecimalBox | QComboBox] = {}
        self._form = form = Form(self)
        form.setContentsMargins(24, 0, 0, 0)
        form.setHorizontalSpacing(18)
        self._add_choice(form, "method", tr("Method"), [(str(m), t) for m, t in METHODS])
        self._add_choice(form, "tower", tr("Vision tower"), [(str(m), t) for m, t in TOWERS])
        self._add_choice(form, "layers", tr("LoRA on"), [(str(m), t) for m, t in LAYERS])
        self.head = HeadParts(self, heads, self.changed.emit)
        self._place(form, "head", tr("Mask head"), self.head.box)
        form.addRow("", self.head.note)
        form.addRow("", self.head.place)
        self._add_choice(form, "image_tokens", tr("Tokens a photo"), [])
        self._widgets["image_tokens"].setToolTip(plain_tip(TOKENS_TIP))
        self.offer_tokens(())
        optimisers = [(str(o), t) for o, t in OPTIMISERS]
        self._add_choice(form, "optimiser", tr("Optimiser"), optimisers)
        again = [(str(on), t) for on, t in RECOMPUTE]
        self._add_choice(form, "recompute", tr("Layers on the way back"), again)
        auto = [(str(on), t) for on, t in AUTO]
        self._add_choice(form, "auto_batch_size", tr("Photos at a time"), auto)
        self._widgets["auto_batch_size"].setToolTip(plain_tip(AUTO_TIP))
        for line in LINES:
            self._add_number(form, line)

    def __getitem__(self, field: str) -> NumberBox | DecimalBox | QComboBox:
        return self._widgets[field]

    def offer_tokens(self, numbers: Sequence[int]) -> None:
        """The numbers of tokens that a photo may take up; none hides the choice."""
        box = self._widgets["image_tokens"]
        assert isinstance(box, QComboBox)
        options = [(0, tr("As the model has it")), *((n, f"{n:,}") for n in numbers)]
        if [box.itemData(k) for k in range(box.count())] != [n for n, _ in options]:
            with QSignalBlocker(box):
                box.clear()
                for number, text in options:
                    box.addItem(text, number)
        self._form.setRowVisible(box, bool(numbers))

    def put(self, config: TrainConfig) -> None:
        # The choice comes last: numbers that change take it for the person's.
        for field in sorted(self._widgets, key="auto_batch_size".__eq__):
            widget, value = self._widgets[field], getattr(config, field)
            if isinstance(widget, QComboBox):
                found = widget.findData(value if field == "image_tokens" else str(value))
                widget.setCurrentIndex(max(0, found))
            else:
                widget.setValue(value)

    def values(self) -> dict[str, Any]:
        """Field name to value, ready for ``dataclasses.replace``."""
        kinds: dict[str, Callable[[Any], Any]] = {
            "method": Method,
            "tower": Tower,
            "layers": Layers,
            "image_tokens": int,
            "optimiser": Optimiser,
            "recompute": lambda text: text == str(True),
            "auto_batch_size": lambda text: text == str(True),
        }
        return {"head_path": self.head.path} | {
            field: kinds.get(field, str)(widget.currentData())
            if isinstance(widget, QComboBox)
            else widget.value()
            for field, widget in self._widgets.items()
        }

    def _add_choice(
        self, form: QFormLayout, field: str, title: str, options: list[tuple[str, str]]
    ) -> None:
        box = QComboBox()
        for value, text in options:
            box.addItem(text, value)
        box.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self._place(form, field, title, box)

    def _add_number(self, form: QFormLayout, line: Line) -> None:
        box: NumberBox | DecimalBox
        if line.decimals:
            box = DecimalBox(line.low, line.high, line.decimals, line.step)
        else:
            box = NumberBox(int(line.low), int(line.high))
        if line.field in PARTS:
            box.valueChanged.connect(lambda _value: self._take_at_its_word())
        box.valueChanged.connect(lambda _value: self.changed.emit())
        box.setToolTip(plain_tip(line.tip))
        self._place(form, line.field, line.title, box)

    def _take_at_its_word(self) -> None:
        """Whoever says a number of photos means it."""
        box = self._widgets["auto_batch_size"]
        assert isinstance(box, QComboBox)
        box.setCurrentIndex(box.findData(str(False)))

    def _place(
        self,
        form: QFormLayout,
        field: str,
        title: str,
        box: NumberBox | DecimalBox | QComboBox,
    ) -> None:
        box.setMaximumWidth(360)
        box.setAccessibleName(title)
        box.setObjectName(f"train.{field}")
        self._widgets[field] = box
        form.addRow(label(title, "muted"), box)
