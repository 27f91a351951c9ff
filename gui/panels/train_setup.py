"""Before a run: what it would learn from, how, and one big button.

Shows a `TrainingData`; gives back a `TrainConfig`. Knows presets and the base models' entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.language import number_text, tr, trn
from core.services import bases
from core.training.config import PRESETS, Preset, TrainConfig
from gui.context import Context
from gui.controllers import wording
from gui.controllers.rehearsal import Rehearsal
from gui.controllers.shared import shared
from gui.controllers.train_survey import BaseModel, HeadChoice, TrainingData, mask_cells
from gui.dialogs.base_models import BaseModelsDialog
from gui.file_dialog import file_dialog
from gui.panels.bars import Bar, Bars
from gui.panels.numbers import NumberBox
from gui.panels.pieces import (
    BAR,
    Elided,
    Figure,
    Fold,
    Problems,
    button,
    card,
    centred,
    chip,
    column,
    label,
    row,
    scrolled,
)
from gui.panels.train_advanced import AdvancedForm
from gui.panels.train_checks import ChecksView
from gui.panels.train_start import StartFrom, Then
from gui.plain import plain_tip

WIDTH = 760


def _under(title: str, *items: QWidget | QLayout) -> QVBoxLayout:
    """A heading nearer to what it is about than to what is above it."""
    return column(label(title, "heading"), *items, spacing=6)


class SetupView(QWidget):
    """``show_data`` says what there is; ``config`` is what the person has chosen."""

    train_wanted = Signal()
    changed = Signal()

    def __init__(
        self, context: Context, models: Sequence[BaseModel], heads: Sequence[HeadChoice]
    ) -> None:
        super().__init__()
        self._context, self._models = context, {m.id: m for m in models}
        self._config = TrainConfig()
        self._data: TrainingData | None = None
        self._folders: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        self._busy = ""
        theme = context.theme
        self.photos, self.outlined = Figure(tr("photos")), Figure(tr("outlined"))
        self.classes, self.held_out = Figure(tr("classes")), Figure(tr("held out for testing"))
        self.bars = Bars(theme)
        self.base = QComboBox()
        self.base.setAccessibleName(tr("Base model"))
        self.base_note = label("", "muted", wrap=True)
        self.folder = Elided("", "muted", middle=True)
        self.choose = button(tr("Choose the model's folder…"), self._choose_folder)
        self.by_name = button(tr("By name…"), self._choose_by_name)
        self.by_name.setToolTip(tr("Models on this computer and on the hub, by their names"))
        self.presets = QButtonGroup(self)
        self.preset_note = label("", "muted", wrap=True)
        self.minutes = NumberBox(1, 24 * 60, lambda n: trn(" minute", " minutes", n))
        self.advanced = AdvancedForm(heads)
        self.start, self.then = StartFrom(context), Then()
        self.recipes = QComboBox()
        self._rehearsal = shared(context, Rehearsal)
        self.checks = ChecksView(self._rehearsal, theme)
        self.problems = Problems(theme)
        self.train = button(tr("Train"), self.train_wanted.emit, primary=True)
        self.promise = label("", "muted", wrap=True)
        self._fill()
        self._assemble()
        self._use_preset(next(p for p in PRESETS if p.id == "standard"))

    def _fill(self) -> None:
        for model in self._models.values():
            self.base.addItem(model.title, model.id)
        self.base.setAccessibleName(tr("Base model"))
        self.base.currentIndexChanged.connect(lambda _index: self._use_base())
        self.recipes.setAccessibleName(tr("Recipe"))
        self.recipes.setObjectName("train.recipe")
        self.recipes.addItem(tr("Recipe: ours"), "standard")
        for preset in PRESETS:
            if preset.published:
                self.recipes.addItem(tr("Recipe: {title}", title=preset.title), preset.id)
        self.recipes.activated.connect(lambda _index: self._use_recipe())
        self.minutes.setAccessibleName(tr("Minutes of training"))
        self.minutes.valueChanged.connect(lambda _value: self._refresh())
        self.advanced.changed.connect(self._refresh)
        self.checks.try_wanted.connect(lambda: self._rehearsal.begin(self.config))
        self._rehearsal.changed.connect(self._refresh)
        self.train.setStyleSheet("padding: 13px 18px; font-size: 13pt;")
        self.train.setObjectName("train.start")

    def _assemble(self) -> None:
        figures = row(self.photos, self.outlined, self.classes, self.held_out, spacing=28)
        learn = card(label(tr("What it will learn from"), "heading"), figures, self.bars)
        choices = row(spacing=8)
        for preset in PRESETS:
            if not preset.published:
                choices.addWidget(self._preset_button(preset))
        choices.addWidget(self.minutes)
        choices.addStretch(1)
        place = row(self.choose, self.by_name, self.folder)
        advanced = QWidget()
        advanced.setLayout(column(self.recipes, self.advanced, spacing=10))
        how = card(
            _under(tr("Base model"), self.base, self.base_note, place),
            _under(tr("Start from"), self.start),
            _under(tr("How long"), choices, self.preset_note),
            _under(tr("Afterwards"), self.then),
            Fold(tr("Advanced"), advanced, theme=self._context.theme),
            spacing=14,
        )
        checks = card(self.checks)
        body = QWidget()
        body.setMaximumWidth(WIDTH)
        body.setLayout(
            column(
                label(tr("Train a model on your leaves"), "title"),
                learn,
                how,
                checks,
                None,
                spacing=14,
            )
        )
        # The button stays in sight whatever is unfolded above it.
        foot = QWidget()
        foot.setMaximumWidth(WIDTH)
        foot.setLayout(column(self.problems, self.train, self.promise, spacing=8))
        below = centred(foot)
        below.setContentsMargins(BAR, 0, BAR, 0)
        layout = column(scrolled(centred(body), steady=True), below, spacing=12, margin=20)
        layout.setStretch(0, 1)
        self.setLayout(layout)

    def _preset_button(self, preset: Preset) -> QPushButton:
        made = chip(preset.title, lambda: self._use_preset(preset))
        made.setToolTip(plain_tip(preset.note))
        made.setObjectName(f"train.preset.{preset.id}")
        self.presets.addButton(made)
        return made

    @property
    def config(self) -> TrainConfig:
        """What is chosen; classes and watched leaves are found when the run is prepared."""
        base = str(self.base.currentData() or "")
        return replace(
            self._config,
            **self.advanced.values(),
            base=base,
            base_path=self._folders.get(base, ""),
            minutes=float(self.minutes.value()),
        )

    def show_data(self, data: TrainingData) -> None:
        """The project as it is now."""
        self._data = data
        self.photos.put(number_text(data.photos, ","))
        self.outlined.put(number_text(data.outlined, ","))
        self.classes.put(number_text(len(data.classes), ","))
        self.held_out.put(number_text(data.held_out, ","))
        most = max((c.leaves for c in data.classes), default=1)
        self.bars.put(
            [
                Bar(c.name, c.leaves / max(1, most), number_text(c.leaves, ","), c.colour)
                for c in data.classes
            ]
        )
        self._rehearsal.look_at_data(mask_cells(self.config.head))
        self._refresh()

    def show_preparing(self, busy: str) -> None:
        """``busy``: why no other run can be started now, or ""."""
        if busy != self._busy:
            self._busy = busy
            self._refresh()

    def choose_folder(self, folder: Path) -> None:
        """Use the base model in ``folder`` for the family that is chosen."""
        base = str(self.base.currentData())
        self._folders[base], self._faults[base] = str(folder), bases.fault(base, folder)
        self._context.preferences.put_last_folder("models", folder.parent)
        self._rehearsal.look_again()
        self._refresh()

    def _choose_folder(self) -> None:
        dialog = file_dialog(self, tr("Folder of the base model"), folders=True)
        dialog.setDirectory(self._context.preferences.last_folder("models"))
        dialog.fileSelected.connect(lambda name: self.choose_folder(Path(name)))
        dialog.open()

    def _choose_by_name(self) -> None:
        dialog = BaseModelsDialog(self._context, str(self.base.currentData()), self.window())
        dialog.wanted.connect(lambda name: self.choose_folder(Path(name)))
        dialog.open()

    def _use_preset(self, preset: Preset) -> None:
        model = self._models.get(str(self.base.currentData()))
        self._config = preset.settings(embedded=model is None or model.embedded)
        self.presets.setExclusive(False)  # a recipe of others is none of the chips
        for made in self.presets.buttons():
            made.setChecked(made.objectName() == f"train.preset.{preset.id}")
        self.presets.setExclusive(True)
        self._preset = preset
        self.recipes.setCurrentIndex(max(0, self.recipes.findData(preset.id)))
        self.minutes.setValue(round(self._config.minutes))
        self.advanced.put(self._config)

    def _use_base(self) -> None:
        """A large base model begins with other settings than an embedded one."""
        minutes = self.minutes.value()
        self._use_preset(self._preset)
        self.minutes.setValue(minutes)
        self._refresh()

    def _use_recipe(self) -> None:
        """A published recipe takes the place of the form's figures, not of the minutes."""
        minutes = self.minutes.value()
        self._use_preset(next(p for p in PRESETS if p.id == self.recipes.currentData()))
        self.minutes.setValue(minutes)

    def _refresh(self) -> None:
        model = self._models.get(str(self.base.currentData()))
        folder = self._folders.get(model.id, "") if model else ""
        self.base_note.setText(model.note if model else "")
        needs_folder = model is not None and not model.embedded
        self.advanced.offer_tokens(model.image_tokens if model else ())
        self.choose.setVisible(needs_folder)
        self.by_name.setVisible(needs_folder)
        self.folder.setVisible(needs_folder)
        self.folder.setText(folder)
        if self._data is not None:
            # First: what was tried with other settings stands in nobody's way any more.
            self._rehearsal.look_at_memory(self.config)
        problems = self._problems(needs_folder=needs_folder and not folder)
        self.problems.put(problems)
        waits = bool(self._busy) or self._rehearsal.running
        self.train.setEnabled(self._data is not None and not problems and not waits)
        self.checks.set_busy(bool(self._busy) or self._data is None)
        own = self.minutes.value() != round(self._config.minutes)
        self.preset_note.setText(
            tr("As “{title}”, for as long as you say.", title=self._preset.title)
            if own
            else self._preset.note
        )
        span = wording.duration(self.minutes.value() * 60).capitalize()
        ready = (
            "" if problems else tr("{span}, in the background: you can go on labelling.", span=span)
        )
        if self._rehearsal.running:
            ready = tr("A rehearsal is under way; train when it has ended, or stop it.")
        self.promise.setText(self._busy or ready)
        self.changed.emit()

    def _problems(self, *, needs_folder: bool) -> list[str]:
        found = list(self._data.problems) if self._data else []
        found += self._rehearsal.red
        if needs_folder:
            found.append(tr("Press “Choose the model's folder…” to say where the base model is."))
        elif fault := self._faults.get(self.config.base):
            found.append(fault)
        if not self._models:
            found.append(tr("No base model is installed; run “leafspot doctor” to see why."))
        if not self._context.project.writable:
            found.append(tr("The project is open read-only; training needs to write its runs."))
        # Classes come from the project, so only the numbers are left to be checked here.
        sample = replace(self.config, base=self.config.base or "none", classes=("a", "b"))
        return [*found, *self.advanced.head.problems(), *sample.problems()]
