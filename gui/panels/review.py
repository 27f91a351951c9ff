"""The Review workspace: the leaves a run gets wrong, worst first, and what to do about each.

Arranges the list, the filter and the detail, and carries verdicts and wishes to the controllers.
Knows which run and which leaf are in front.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QStackedWidget, QWidget

from core.changes import Changes
from core.domain.disease import colours_by_name
from core.domain.ids import ImageId, RunId
from core.domain.run import Run, Score, Verdict
from core.language import tr, trn
from core.services.hard_samples import BELOW
from core.services.review import Review as ReviewFigures
from gui.actions import line, spec
from gui.context import Context
from gui.controllers import review, wording
from gui.controllers.focus import Focus
from gui.controllers.review import Hard, LeafLoader, RunFigures
from gui.controllers.shared import shared
from gui.controllers.training import TrainingController
from gui.gallery.narrow_box import NarrowBox
from gui.panels.pieces import Empty, Switch, button, column, label, row
from gui.panels.review_detail import VERDICT_KEYS, DetailView
from gui.panels.review_figures import FiguresView
from gui.panels.review_filter import MARGIN, SIDE, ThresholdFilter, fit_side
from gui.panels.review_hard import HardRuns
from gui.panels.review_list import HARD, HardList
from gui.plain import plain_tip
from gui.workspaces import Workspace

if TYPE_CHECKING:
    from core.ports import ProjectStore

LOAD_MS = 60
"""Holding an arrow key runs through the list without loading every photo on the way."""


DICE = tr(
    "Dice says how well the predicted lesions cover the outlined ones: 1 is perfect, 0 is none.\n"
    "A mean Dice is over the leaves that have lesions."
)


class ReviewWorkspace(Workspace):
    """The page. ``figures`` are those of the run in front, None while there is none."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.training = shared(context, TrainingController)
        self._focus = shared(context, Focus)
        self.figures: RunFigures | None = None
        self.runs = NarrowBox(tr("Run"))
        self.summary = label("", wrap=True)
        self.every = label("", "muted", wrap=True)
        for figures in (self.summary, self.every):
            figures.setToolTip(plain_tip(DICE))
        self.compared = label("", "muted", wrap=True)
        self.filter = ThresholdFilter()
        self.list = HardList(context)
        self.detail = DetailView(context)
        self.whole = FiguresView(context)
        self.views = Switch((tr("Leaf by leaf"), tr("Figures")))
        self.hard = button(tr("Train on the hard leaves…"), self.offer_hard, primary=True)
        self.empty = Empty(context.theme, "mdi6.magnify-scan")
        self.hard_runs = HardRuns(context, self.training, self)
        self._pages = QStackedWidget()
        self._loader = LeafLoader(context, self)
        self._timer = QTimer(self, singleShot=True, interval=LOAD_MS)
        self._assemble()
        self._connect()
        self._runs_changed()

    def _assemble(self) -> None:
        side = self.side = QFrame()
        side.setObjectName("panel")
        side.setFixedWidth(SIDE)
        self.runs.view().setMinimumWidth(420)  # the box has no room for a whole line, its list does
        self.nothing = label(tr("No leaf is below this Dice."), "muted", wrap=True)
        layout = column(
            self.runs,
            self.views,
            column(self.summary, self.every, spacing=4),
            self.compared,
            self.filter,
            self.nothing,
            self.list,
            self.hard,
            spacing=10,
            margin=MARGIN,
        )
        layout.setStretch(6, 1)
        side.setLayout(layout)
        page = QWidget()
        self._right = QStackedWidget()
        self._right.addWidget(self.detail)
        self._right.addWidget(self.whole)
        split = row(side, self._right, spacing=0)
        split.setStretch(1, 1)
        page.setLayout(split)
        self._page = page
        self._pages.addWidget(self.empty)
        self._pages.addWidget(page)
        self.setLayout(column(self._pages))

    def _connect(self) -> None:
        context = self._context
        self.training.runs_changed.connect(self._runs_changed)
        self._focus.changed.connect(self._runs_changed)
        self.runs.currentTextChanged.connect(lambda run: self.runs.setToolTip(plain_tip(run)))
        self.runs.activated.connect(lambda _index: self._focus.put(self.runs.currentData()))
        self.filter.changed.connect(lambda _below: self._list_again())
        self.list.hard.more_wanted.connect(self._next_page)
        self.list.selectionModel().currentChanged.connect(lambda _new, _old: self._selected())
        self.list.doubleClicked.connect(lambda _index: self.open_in_label())
        self.detail.verdict_given.connect(self.judge)
        self.detail.open_wanted.connect(self.open_in_label)
        self.views.chosen.connect(self._show_view)
        self.whole.control_wanted.connect(self.hard_runs.control)
        self._timer.timeout.connect(self._load_leaf)
        self._loader.masks_ready.connect(self.detail.show_leaf)
        self._loader.photo_ready.connect(
            lambda rgb, size: self.detail.compare.set_photo(rgb, size=size)
        )
        context.project.changed.connect(self._changed)
        for verdict, key in VERDICT_KEYS:
            id_ = f"review.{verdict}"
            text = tr("Review: {verdict}", verdict=wording.VERDICTS[verdict].lower())
            context.actions.add(
                spec(id_, text, "", key, needs="review writable", sheet=tr("Review"))
            )
            context.actions.on(id_, partial(self.judge_key, verdict))
        open_spec = line("review.open", "Review: correct in Label", "", "Return", "Enter",
                         needs="review", sheet=tr("Review"))  # fmt: skip
        context.actions.add(open_spec)
        context.actions.on("review.open", self.open_in_label)

    # -- what the window tells

    def entered(self) -> None:
        self.list.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        if event.key() in moves:
            self.list.step(moves[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _changed(self, changes: Changes) -> None:
        if self.figures is None:
            return
        lines = [h.score for h in self.list.hard.lines]
        touched = [s.image for s in lines if s.image in changes.images]
        if touched:
            self._refresh_lines(touched)
        line = self.line
        if line is not None and line.score.image in changes.images and not changes.runs:
            self._timer.start()

    # -- runs

    @property
    def line(self) -> Hard | None:
        """The leaf in front."""
        index = self.list.currentIndex()
        return index.data(HARD) if index.isValid() else None

    def _runs_changed(self) -> None:
        scored = [r for r in self.training.runs if r.summary and r.state in review.SCORED_STATES]
        ids = [r.id for r in scored]
        wanted = self._focus.run if self._focus.run in ids else (ids[0] if ids else None)
        self.runs.clear()
        for run in scored:
            self.runs.addItem(wording.run_line(run), run.id)
        self.runs.setCurrentIndex(ids.index(wanted) if wanted is not None else -1)
        if wanted is None:
            self.figures = None
            self._say_empty()
        elif self.figures is None or self.figures.run != scored[ids.index(wanted)]:
            self._load_run(scored[ids.index(wanted)])
        else:  # another run may be what this one is held against
            self._show_view(self.views.value)

    def _say_empty(self) -> None:
        self._pages.setCurrentWidget(self.empty)
        if self.training.live is not None:
            self.empty.put(
                tr("The first run is still going on"),
                tr("When it has finished, the leaves it gets wrong appear here, worst first."),
                tr("Watch it in Train"),
                partial(self._context.navigate, "train"),
            )
        else:
            self.empty.put(
                tr("No run yet"),
                tr("Train a model first. Then the leaves it gets wrong appear here, worst first."),
                tr("Go to Train"),
                partial(self._context.navigate, "train"),
            )

    def _load_run(self, run: Run) -> None:
        def ask(store: ProjectStore) -> tuple[RunFigures, dict[str, str]]:
            return review.load_run(store, run), colours_by_name(store.diseases())

        def got(found: tuple[RunFigures, dict[str, str]]) -> None:
            if self.runs.currentData() != run.id:  # another has been asked for since
                return
            self.figures, colours = found
            self.detail.set_colours(colours)
            self._pages.setCurrentWidget(self._page)
            for text, shown in zip(
                summary_sentences(self.figures), (self.summary, self.every), strict=True
            ):
                shown.setText(text)
                shown.setVisible(bool(text))
            compared = self.figures.compared
            self.compared.setVisible(compared is not None)
            self.compared.setText(compared_sentence(compared) if compared else "")
            self.filter.count_with(self.figures.below)
            self._list_again()
            self._show_view(self.views.value)

        def failed(error: BaseException) -> None:
            self._context.notices.show(error)

        self._context.project.ask(ask, on_done=got, on_error=failed, owner=self)

    def _show_view(self, which: int) -> None:
        """0: leaf by leaf, 1: the run as a whole, worked out when it is asked for."""
        self._right.setCurrentIndex(which)
        if which and self.figures is not None:
            free = self._context.project.writable and not self.training.busy_sentence
            self.whole.show_run(self.figures.run, may_train=free)

    # -- the list

    def _list_again(self) -> None:
        figures = self.figures
        if figures is None:
            return
        count = figures.below(self.filter.value)
        self.nothing.setVisible(count == 0)
        scored = figures.review.scored
        self.nothing.setText(
            tr("No leaf is below this Dice.")
            if scored
            else tr("This run ended before it scored its leaves; resume it in Train.")
        )
        self.list.hard.begin(more=count > 0)
        hard = figures.below(hard_below(self.filter.value))
        self.hard.setEnabled(self._context.project.writable and hard > 0)
        self.hard.setText(
            tr("Train on the hard leaves ({hard:,})…", hard=hard) if hard else tr("No hard leaves")
        )
        fit_side(self.side, self.filter, self.hard)
        if count:
            self._next_page()
        else:
            self._loader.drop()

    def _next_page(self) -> None:
        figures, below, after = self.figures, self.filter.value, self.list.hard.last
        if figures is None:
            return

        def got(page: list[Hard]) -> None:
            same = self.figures is figures and self.filter.value == below
            if not same or self.list.hard.last != after:
                return
            self.list.hard.add(page)
            if not self.list.currentIndex().isValid():
                self.list.step(0)

        self._context.project.ask(
            partial(review.load_page, run=figures.run, below=below, after=after),
            on_done=got,
            owner=self,
        )

    def _refresh_lines(self, images: list[ImageId]) -> None:
        assert self.figures is not None
        run: RunId = self.figures.run.id

        def got(scores: list[Score]) -> None:
            for score in scores:
                row_ = self.list.hard.row_of(score.image)
                if row_ >= 0 and self.figures is not None and self.figures.run.id == run:
                    self.list.hard.replace(row_, score)
            if (line := self.line) is not None:
                self.detail.show_verdict(line.score.verdict)

        self._context.project.ask(lambda s: s.scores(run, images), on_done=got, owner=self)

    def _selected(self) -> None:
        line = self.line
        if line is None:
            return
        self.detail.show_score(line, writable=self._context.project.writable)
        self._timer.start()

    def _load_leaf(self) -> None:
        line = self.line
        if line is not None and self.figures is not None:
            self._loader.load(self.figures, line.score)

    # -- what the person decides

    def judge_key(self, verdict: Verdict) -> None:
        """A verdict by its key; the same key again takes it back."""
        line = self.line
        if line is not None:
            self.judge(None if line.score.verdict is verdict else verdict)

    def judge(self, verdict: Verdict | None) -> None:
        line, figures = self.line, self.figures
        if line is None or figures is None or not self._context.project.writable:
            return
        self.detail.show_verdict(verdict)
        review.set_verdict(self._context, figures.run, line.score.image, verdict)

    def open_in_label(self) -> None:
        if (line := self.line) is not None:
            self._context.navigate("label", line.score.image)

    def offer_hard(self) -> None:
        """“Train on the hard leaves” was pressed."""
        if self.figures is not None:
            self.hard_runs.offer(self.figures.run, hard_below(self.filter.value))


def hard_below(listed: float) -> float:
    """Leaves under this Dice count as hard: those that are listed, unless that is every leaf."""
    return BELOW if listed == review.EVERY else listed


def summary_sentences(figures: RunFigures) -> tuple[str, str]:
    """Of the leaves that the run was tested on, and of all of them; "" where both are the same.

    The first has the figure that the run is known by, the second is about the leaves in the list.
    """
    held, every = figures.held_out, figures.review
    leaves = trn("{n:,} leaf", "{n:,} leaves", every.scored)
    if held is None:
        return _figures_of(leaves, every), ""
    tested = trn(
        "{n:,} leaf held out for testing", "{n:,} leaves held out for testing", held.scored
    )
    return (
        _figures_of(tested, held),
        _figures_of(tr("All {leaves}, with those it learnt from", leaves=leaves), every),
    )


def _figures_of(leaves: str, found: ReviewFigures) -> str:
    parts = []
    if found.dice is not None:
        parts.append(tr("mean Dice {dice}", dice=wording.dice(found.dice)))
    if found.accuracy is not None:
        parts.append(tr("{percent} of diseases right", percent=wording.percent(found.accuracy)))
    return f"{leaves}: {', '.join(parts)}" if parts else leaves


def compared_sentence(found: review.BeforeAfter) -> str:
    """“Dice before → after”, overall and on the leaves that were repeated."""
    first, second = found.overall
    text = tr(
        "Against the run before: Dice {dice} → {dice_2} overall",
        dice=wording.dice(first),
        dice_2=wording.dice(second),
    )
    if found.hard is not None:
        before, after = found.hard
        leaves = trn("{n:,} hard leaf", "{n:,} hard leaves", found.hard_leaves)
        text += tr(
            ", {dice} → {dice_2} on the {leaves}",
            dice=wording.dice(before),
            dice_2=wording.dice(after),
            leaves=leaves,
        )
    return f"{text}."


def build(context: Context) -> ReviewWorkspace:
    return ReviewWorkspace(context)
