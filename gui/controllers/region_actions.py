"""What the Region menu does to the chosen regions, and the rules that new lesions follow.

Small regions change at once; of large ones the pixels are worked out beside the window, and put in
only if nothing has changed them meanwhile. Knows action ids and the controller; keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject

from core.domain.edits import Edit
from core.domain.ids import RegionId
from core.domain.mask import TILE, TileMask
from core.errors import EditRefused
from core.geometry import reshape
from core.language import tr
from core.services import reshaping
from core.services.annotate import LabellingSession
from core.services.rules import Overlap
from gui.canvas.view import CanvasView
from gui.context import Context
from gui.controllers.label import LabelController
from gui.plain import plain_tip
from gui.tasks import Lane

LIGHT = 3_000_000
"""Pixels of box up to which an action is done before the next frame."""
ALREADY = tr("There was nothing to change: the chosen region is like that already.")
OVERTAKEN = tr("The region was changed meanwhile, so the action was left undone; choose it again.")
TIPS = {
    "lesions.inside": tr(
        "What is drawn beside an outlined leaf is left out of lesions. Lesions drawn "
        "before stay as they are: “Clip all lesions to the leaf” is for them."
    ),
    "overlap.allow": tr(
        "A pixel may belong to several lesions. It counts for each disease, and once "
        "in the severity of the photo."
    ),
    "overlap.take": tr(
        "Where a new lesion lies over others, its pixels are taken from them. One undo "
        "gives them back."
    ),
    "overlap.keep_out": tr("A new lesion leaves out the pixels that belong to others."),
}
Shape = Callable[[TileMask], TileMask]


class RegionActions(QObject):
    """Binds the actions and keeps the marks of the rules true."""

    def __init__(self, context: Context, controller: LabelController, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._context, self._controller, self._canvas = context, controller, canvas
        self._number = context.preferences.number
        on = context.actions.on
        on("region.fill", lambda: self._reshape(tr("Fill holes"), reshape.fill_holes))
        on("region.specks", self._drop_specks)
        on("region.smooth", self._smooth)
        on("region.grow", partial(self._move_edge, tr("Grow region"), reshape.grow))
        on("region.shrink", partial(self._move_edge, tr("Shrink region"), reshape.shrink))
        on("region.split", lambda: self._do(reshaping.split))
        on("region.merge", lambda: self._do(reshaping.merge))
        on(
            "lesions.clip",
            lambda: self._do(lambda session, _chosen: reshaping.clip_to_leaf(session)),
        )
        canvas.lineDrawn.connect(self._cut)
        context.actions.on_toggled("draw.subtract", canvas.gestures.surface.set_subtracts)
        context.actions.on_toggled(
            "lesions.inside", lambda inside: context.preferences.put("label.inside_leaf", inside)
        )
        for rule in Overlap:
            on(f"overlap.{rule.value}", partial(self._rule, rule))
        for action, tip in TIPS.items():
            context.actions[action].setToolTip(plain_tip(tip))
        context.preferences.changed.connect(lambda _key: self._show_rules())
        controller.edits.updated.connect(self._follow)
        self._show_rules()

    # -- the chosen regions

    def _drop_specks(self) -> None:
        smallest = self._number("label.specks")
        self._reshape(tr("Drop specks"), partial(reshape.drop_specks, smallest=smallest))

    def _smooth(self) -> None:
        self._reshape(
            tr("Smooth outline"), partial(reshape.smooth, radius=self._number("label.smooth"))
        )

    def _move_edge(self, title: str, change: Callable[[TileMask, int], TileMask]) -> None:
        by = self._number("label.grow")
        self._reshape(title, lambda mask: change(mask, by))

    def _cut(self, points: tuple[tuple[float, float], ...]) -> None:
        self._do(
            lambda session, chosen: reshaping.cut(session, chosen, points),
            nothing=tr("The line does not part the region: draw it from side to side."),
        )

    def _do(
        self,
        propose: Callable[[LabellingSession, list[RegionId]], Edit | None],
        *,
        nothing: str = ALREADY,
    ) -> None:
        session = self._controller.session
        if session is None:
            return
        try:
            edit = propose(session, self._controller.edits.chosen)
        except EditRefused as error:
            self._context.notices.info(str(error))
            return
        if edit is None:
            self._context.notices.info(nothing)
        # Nothing here adds a pixel that was not a lesion's: no rule has a say.
        self._controller.edits.do(edit)

    def _reshape(self, title: str, change: Shape) -> None:
        session, chosen = self._controller.session, self._controller.edits.chosen
        if session is None:
            return
        masks = [r.mask for r in map(session.region, chosen) if r is not None]
        if sum(map(_weight, masks)) <= LIGHT:
            self._finish(session, chosen, title, change)
            return
        before = [mask.copy() for mask in masks]
        self._context.tasks.run(
            lambda: [change(mask) for mask in before],
            on_done=lambda after: self._take(session, chosen, title, before, after),
            lane=Lane.FREE,
            owner=self,
        )

    def _take(
        self,
        session: LabellingSession,
        chosen: list[RegionId],
        title: str,
        before: list[TileMask],
        after: list[TileMask],
    ) -> None:
        """Put in what was worked out beside the window, if it is still about what is there."""
        if session is not self._controller.session:
            return
        there = [r.mask for r in map(session.region, chosen) if r is not None]
        if there != before:
            self._context.notices.info(OVERTAKEN)
            return
        made = {id(mask): done for mask, done in zip(there, after, strict=True)}
        self._finish(session, chosen, title, lambda mask: made[id(mask)])

    def _finish(
        self, session: LabellingSession, chosen: list[RegionId], title: str, change: Shape
    ) -> None:
        try:
            edit = reshaping.reshaped(session, chosen, title, change)
        except EditRefused as error:
            self._context.notices.info(str(error))
            return
        if edit is None:
            self._context.notices.info(ALREADY)
        self._controller.propose(edit)

    # -- rules

    def _rule(self, rule: Overlap) -> None:
        self._context.preferences.put("label.overlap", rule.value)
        self._show_rules()

    def _show_rules(self) -> None:
        rules, actions = self._controller.rules, self._context.actions
        actions["lesions.inside"].setChecked(rules.inside_leaf)
        for rule in Overlap:
            actions[f"overlap.{rule.value}"].setChecked(rule is rules.overlap)

    def _follow(self) -> None:
        self._context.actions.set_flag("several_regions", len(self._controller.edits.chosen) > 1)


def _weight(mask: TileMask) -> int:
    """Pixels of its box, without looking into its tiles."""
    if not mask.tiles:
        return 0
    rows, cols = zip(*mask.tiles, strict=True)
    return int(max(rows) - min(rows) + 1) * int(max(cols) - min(cols) + 1) * TILE * TILE
