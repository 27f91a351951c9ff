"""Measures the open photo while it is edited, without making the brush wait.

Percentages come with every stroke from the session; what has to look at single lesions (counts,
sizes, which leaf they lie on) is done in the free lane once the hand rests. Knows the session and
the store's scales and scale cards; knows no widget.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from core.changes import Changes
from core.domain.calibration import Calibration
from core.domain.ids import ImageId
from core.domain.scale import Scales
from core.ports import ProjectStore
from core.services.severity import Measurer, PhotoMeasures, frozen
from gui.context import Context
from gui.controllers.label import LabelController

REST = 250
"""Milliseconds without an edit before lesions are counted again."""


class Measures(QObject):
    """``changed`` fires when any of the three may differ.

    ``found`` are the measures of the open photo as of the last rest, None before the first;
    ``card`` is its scale card, ``scales`` the project's severity scales.
    """

    changed = Signal()

    def __init__(self, context: Context, controller: LabelController, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._controller = context, controller
        self.found: PhotoMeasures | None = None
        self.card: Calibration | None = None
        self.scales = Scales()
        self._image: ImageId | None = None
        self._measurer = Measurer()
        self._busy = self._again = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST)
        self._timer.timeout.connect(self._measure)
        controller.current.opened.connect(self._opened)
        controller.edits.updated.connect(self._edited)
        context.project.opened.connect(self._ask)
        context.project.changed.connect(self._project_changed)
        self._ask()

    def grade(self, severity: float | None) -> str:
        """On the scale in use; "" where the severity is not known."""
        return self.scales.chosen.grade(severity)

    def _opened(self) -> None:
        session = self._controller.session
        self._image = session.image.id if session else None
        self.found = self.card = None
        self._ask()
        self._measure()
        self.changed.emit()

    def _edited(self) -> None:
        if self._controller.session is not None:
            self._timer.start()

    def _project_changed(self, changes: Changes) -> None:
        if changes.measures or changes.everything:
            self._ask()

    def _ask(self) -> None:
        image = self._image

        def question(store: ProjectStore) -> tuple[Scales, Calibration | None]:
            card = store.calibrations([image]).get(image) if image is not None else None
            return store.scales(), card

        def answered(answer: tuple[Scales, Calibration | None]) -> None:
            if self._image == image:
                self.scales, self.card = answer
                self.changed.emit()

        self._context.project.ask(question, on_done=answered, owner=self)

    def _measure(self) -> None:
        session = self._controller.session
        if session is None:
            return
        if self._busy:  # the measurer is for one thread at a time
            self._again = True
            return
        self._busy, self._again = True, False
        image, regions, measurer = session.image.id, frozen(session.regions), self._measurer
        self._context.tasks.run(
            lambda: (image, measurer.measure(regions)),
            on_done=self._measured,
            on_error=self._failed,
            owner=self,
        )

    def _measured(self, answer: tuple[ImageId, PhotoMeasures]) -> None:
        self._busy = False
        image, found = answer
        if image == self._image:
            self.found = found
            self.changed.emit()
        if self._again:
            self._measure()

    def _failed(self, error: BaseException) -> None:
        self._busy = False
        self._context.notices.show(error)
