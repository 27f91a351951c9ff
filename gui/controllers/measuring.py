"""The dialogs about measuring: severity scales, scale card, lesions in figures.

Opens them and carries what they decide to the store. Knows the open photo; knows no figure.
"""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from core.changes import Changes
from core.domain.calibration import Calibration
from core.domain.ids import ImageId
from core.domain.scale import Scales
from core.language import tr, trn
from core.ports import ProjectStore
from gui.context import Context
from gui.controllers.label import LabelController
from gui.controllers.measures import Measures
from gui.models.diseases import DiseaseList
from gui.panels.severity import SeverityPanel


class Measuring(QObject):
    """Binds the actions and the severity panel's buttons."""

    def __init__(
        self,
        context: Context,
        controller: LabelController,
        measures: Measures,
        *,
        diseases: DiseaseList,
        panel: SeverityPanel,
    ) -> None:
        super().__init__(panel)
        self._context, self._controller, self._measures = context, controller, measures
        self._diseases, self._panel = diseases, panel
        context.actions.on("photo.scale_card", self.ask_scale_card)
        context.actions.on("label.scales", self.ask_scales)
        panel.editing_scales.connect(self.ask_scales)
        panel.details.connect(self.show_details)

    @property
    def _window(self) -> QWidget:
        return self._panel.window()

    def show_details(self) -> None:
        from gui.dialogs.measures import MeasuresDialog

        MeasuresDialog(self._measures, self._diseases, self._context.theme, self._window).show()

    def ask_scales(self) -> None:
        from gui.dialogs.scales import ScalesDialog

        writable = self._context.project.writable
        dialog = ScalesDialog(self._measures.scales, self._window, writable=writable)
        dialog.chosen.connect(self._put_scales)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _put_scales(self, scales: Scales) -> None:
        self._context.project.change(lambda store: store.put_scales(scales))

    def ask_scale_card(self) -> None:
        """First how many photos would follow, then the dialog."""
        session = self._controller.session
        if session is None:
            return
        image = session.image.id
        self._context.project.ask(
            lambda store: len(store.later_in_group(image)),
            on_done=lambda followers: self._open(image, followers),
            owner=self,
        )

    def _open(self, image: ImageId, followers: int) -> None:
        from gui.dialogs.scale_card import ScaleCardDialog

        photo, session = self._controller.current.photo, self._controller.session
        if photo is None or session is None or session.image.id != image:
            return
        dialog = ScaleCardDialog(photo.pyramid, self._measures.card, followers, self._window)
        dialog.chosen.connect(lambda card, copy: self._put_card(image, card, copy))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _put_card(self, image: ImageId, card: Calibration | None, copy: bool) -> None:
        def put(store: ProjectStore) -> Changes:
            cards: dict[ImageId, Calibration | None] = {image: card}
            if copy:
                copied = card.copied() if card else None
                cards |= dict.fromkeys(store.later_in_group(image), copied)
            return store.put_calibrations(cards)

        def done(changes: Changes) -> None:
            if copy:
                photos = trn("{n:,} photo has", "{n:,} photos have", len(changes.images))
                self._context.notices.info(tr("{photos} this scale now.", photos=photos))

        self._context.project.change(put, on_done=done)
