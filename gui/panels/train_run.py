"""One run as it goes on, or as it went: phase, time left, curves, the watched leaves, notices.

Shows a `RunProgress`; asks for stop, resume and the rest by signals. Knows no process.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QLayout, QProgressBar, QSizePolicy, QWidget

from core.domain.run import Run, RunState
from core.language import tr
from core.services import run_titles
from core.services.runs import RESUMABLE
from gui.context import Context
from gui.controllers import wording
from gui.controllers.run_progress import RunProgress
from gui.panels.charts import Curves
from gui.panels.pieces import Elided, button, card, column, label, row
from gui.panels.train_filmstrip import Filmstrip

BUSY = 0
FULL = 1000
LINES = 4


class RunView(QWidget):
    """``show_run`` for another run, ``show_progress`` for news of the same one."""

    stop_wanted = Signal()
    resume_wanted = Signal()
    review_wanted = Signal()
    export_wanted = Signal()
    again_wanted = Signal()
    folder_wanted = Signal()
    facts_wanted = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.run: Run | None = None
        self.progress = RunProgress()
        self._live = self._stopping = False
        self.title = Elided("", "title")
        self.sentence = Elided()
        self.left_text = label("", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.outcome = label("", wrap=True)
        self.stop = button(tr("Stop"), self.stop_wanted.emit)
        self.stop.setToolTip(tr("Saves a checkpoint that can be reviewed, exported and resumed"))
        self.resume = button(tr("Resume"), self.resume_wanted.emit)
        self.review = button(tr("Review the hard leaves"), self.review_wanted.emit, primary=True)
        self.export = button(tr("Export"), self.export_wanted.emit)
        self.again = button(tr("Train again"), self.again_wanted.emit)
        self.folder = button(tr("Open the run's folder"), self.folder_wanted.emit, flat=True)
        self.facts = button(tr("Settings and versions…"), self.facts_wanted.emit, flat=True)
        self.curves = Curves(context.theme)
        self.film = Filmstrip(context)
        self.notices = label("", "muted", wrap=True)
        self._assemble()

    def _assemble(self) -> None:
        self.stop.setIcon(self._context.theme.icon("mdi6.stop-circle-outline"))
        self.folder.setIcon(self._context.theme.icon("mdi6.folder-open-outline"))
        self.outcome.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.notices.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        buttons = (self.review, self.export, self.resume, self.again, self.stop)
        told = row(
            column(
                state := row(self.sentence, self.left_text, spacing=12),
                self.bar,
                self.outcome,
                spacing=6,
            ),
            *buttons,
            spacing=10,
        )
        told.setStretch(0, 1)
        state.setStretch(0, 1)
        foot = row(self.notices, self.facts, self.folder)
        foot.setAlignment(self.facts, Qt.AlignmentFlag.AlignBottom)
        foot.setAlignment(self.folder, Qt.AlignmentFlag.AlignBottom)
        foot.setStretch(0, 1)
        film = card(self.film, margin=12)
        # No higher than the pictures, so that the curves get the rest.
        inner = film.layout()
        assert inner is not None
        inner.setSizeConstraint(QLayout.SizeConstraint.SetMinAndMaxSize)
        layout = column(
            self.title,
            told,
            self.curves,
            film,
            foot,
            spacing=12,
            margin=20,
        )
        layout.setStretch(2, 3)
        layout.setStretch(3, 2)
        self.setLayout(layout)

    def show_run(self, run: Run, progress: RunProgress, *, live: bool) -> None:
        """``live``: it is being trained now, in this window."""
        self.run, self._stopping = run, False
        self.title.setText(run_titles.title(run))
        self.show_progress(progress, live=live)

    def show_progress(self, progress: RunProgress, *, live: bool) -> None:
        """News of the run that is shown."""
        self.progress, self._live = progress, live
        self.curves.show_progress(progress)
        self.film.show_evaluations(progress.evaluations)
        self.notices.setText("\n".join(progress.notices[-LINES:]))
        self._show_state()
        self._show_buttons()

    def show_state(self, run: Run, *, live: bool) -> None:
        """The same run in another state."""
        self.run = run
        self.show_progress(self.progress, live=live)

    def say_stopping(self) -> None:
        """The person pressed Stop; the checkpoint is being written."""
        self._stopping = True
        self._show_state()
        self._show_buttons()

    def _show_state(self) -> None:
        progress, live = self.progress, self._live
        for widget in (self.sentence, self.left_text, self.bar):
            widget.setVisible(live)
        self.outcome.setVisible(not live)
        if not live:
            self.outcome.setText(self._outcome())
            self.outcome.setProperty("role", "danger" if self._failed else "")
            self._restyle(self.outcome)
            return
        share = progress.share
        self.bar.setRange(0, BUSY if share is None else FULL)
        self.bar.setValue(0 if share is None else round(share * FULL))
        if self._stopping:
            self.sentence.setText(tr("Stopping: saving a checkpoint you can review and resume…"))
            self.left_text.clear()
            return
        self.sentence.setText(progress.sentence)
        eta = progress.eta
        self.left_text.setText("" if eta is None else wording.remaining(eta))

    def _show_buttons(self) -> None:
        state = self.run.state if self.run else RunState.PREPARED
        done = state in (RunState.FINISHED, RunState.STOPPED)
        writable = self._context.project.writable
        scored = self.progress.scored is not None
        self.stop.setVisible(self._live)
        self.stop.setEnabled(not self._stopping)
        self.resume.setVisible(not self._live and state in RESUMABLE and writable)
        self.review.setVisible(not self._live and done and scored)
        self.export.setVisible(not self._live and done)
        self.again.setVisible(not self._live and writable)

    @property
    def _failed(self) -> bool:
        return self.run is not None and self.run.state is RunState.FAILED

    def _outcome(self) -> str:
        """The end in one or two sentences, figures included."""
        progress, run = self.progress, self.run
        if run is None:
            return ""
        if run.state is RunState.FAILED:
            return progress.failed.text if progress.failed else tr("The run failed.")
        if run.state is RunState.RUNNING and not self._context.project.writable:
            return tr("This run may be going on in the Leafspot that has the project open.")
        if run.state in (RunState.INTERRUPTED, RunState.RUNNING):
            kept = (
                tr("Its checkpoint at step {checkpoint:,} is safe", checkpoint=progress.checkpoint)
                if progress.checkpoint is not None
                else tr("It had no checkpoint yet")
            )
            return tr("This run was interrupted. {kept}; Resume goes on from there.", kept=kept)
        if run.state is RunState.PREPARED:
            return tr("This run has not been started. Resume starts it.")
        return outcome_sentence(run, progress)

    @staticmethod
    def _restyle(widget: QLabel) -> None:
        widget.style().unpolish(widget)
        widget.style().polish(widget)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.curves.show_progress(self.progress)


def outcome_sentence(run: Run, progress: RunProgress) -> str:
    """“Finished. Held-out leaves: …, up from … before training.”"""
    looks = sorted(progress.evaluations, key=lambda e: e.step)
    word = (
        tr("Stopped early; the best checkpoint is kept.") if run.state is RunState.STOPPED else ""
    )
    parts = [word or tr("Finished.")]
    known = dict(run.summary) or (dict(progress.scored.summary) if progress.scored else {})
    dice = known.get("lesion_dice", looks[-1].dice if looks else None)
    right = known.get("accuracy", looks[-1].accuracy if looks else None)
    first = looks[0] if looks and looks[0].step == 0 else None
    figures = []
    if dice is not None:
        before = (
            tr(" ({dice} before)", dice=wording.dice(first.dice))
            if first and first.dice is not None
            else ""
        )
        figures.append(tr("Dice {dice}{before}", dice=wording.dice(dice), before=before))
    if right is not None:
        before = (
            tr(" ({percent} before)", percent=wording.percent(first.accuracy))
            if first and first.accuracy is not None
            else ""
        )
        figures.append(
            tr("{percent} of diseases right{before}", percent=wording.percent(right), before=before)
        )
    if figures:
        which = (
            tr("held-out leaves")
            if wording.held_some_out(known)
            else tr("the leaves it learnt from")
        )
        # A number and its sign stay on one line.
        said = tr("On {which}: {figures}.", which=which, figures=", ".join(figures))
        parts.append(said.replace(" %", "\u00a0%"))
    if "accepted" in known:
        kept = (
            tr("Kept: better than the run before it beyond chance.")
            if known["accepted"]
            else tr("Not kept: not better than the run before it beyond chance.")
        )
        parts.append(kept)
    return " ".join(parts)
