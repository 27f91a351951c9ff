"""Taking photos in, and finding those that were moved: long work beside the person's own.

Runs on the free lane with a store that visits the store lane for each write, so that labelling and
its autosave go on meanwhile. Knows the services and the dialogs; reads no file itself.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.changes import Changes
from core.domain.ids import ImageId
from core.language import tr
from core.services.import_images import ImportOptions, ImportReport, plan, run
from core.services.locate import LocateProgress, LocateReport, find_moved
from gui.context import Context
from gui.file_dialog import file_dialog

if TYPE_CHECKING:
    from gui.dialogs.locate import LocateDialog


class ImportController(QObject):
    """``progressed`` carries (done, total, name), ``finished`` an `ImportReport`, ``failed`` an
    exception. One import at a time.
    """

    progressed = Signal(int, int, str)
    finished = Signal(object)
    failed = Signal(object)

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self._stop: threading.Event | None = None
        self.locating: LocateDialog | None = None
        context.actions.on("photos.import", lambda: self.ask([]))
        context.actions.on("photo.locate", self.ask_locate)
        context.guards.append(
            lambda: (
                tr("An import is under way; photos not yet taken in are left out.")
                if self.running
                else ""
            )
        )

    @property
    def running(self) -> bool:
        return self._stop is not None

    def ask(self, paths: list[Path]) -> None:
        """Open the import dialog, with ``paths`` filled in."""
        from gui.dialogs.import_photos import ImportDialog

        if self._context.project.writable and not self.running:
            ImportDialog(self._context, self, paths, self._window).show()

    def start(self, paths: list[Path], options: ImportOptions) -> None:
        store = self._context.project.from_afar()
        if store is None or self.running:
            return
        stop = self._stop = threading.Event()
        tasks = self._context.tasks

        def told(done: int, total: int, name: str) -> None:
            tasks.post(lambda: self.progressed.emit(done, total, name))

        def changed(images: frozenset[ImageId]) -> None:
            found = Changes(images=images, elsewhere=True)
            tasks.post(lambda: self._context.project.changed.emit(found))

        def work() -> ImportReport:
            left_out = [options.masks] if options.masks else []
            return run(
                store,
                plan(paths, leave_out=left_out),
                replace(options, on_known=changed),
                progress=told,
                cancelled=stop.is_set,
            )

        tasks.run(work, on_done=self._done, on_error=self._failed, owner=self)

    def cancel(self) -> None:
        """What has been taken in stays."""
        if self._stop is not None:
            self._stop.set()

    def ask_locate(self) -> None:
        dialog = file_dialog(self._window, tr("Folder to search for moved photos"), folders=True)
        dialog.setDirectory(self._context.preferences.last_folder("photos"))
        dialog.fileSelected.connect(lambda name: self.locate(Path(name)))
        dialog.open()

    def locate(self, folder: Path) -> None:
        """Search for every photo that is not in its place; labelling goes on meanwhile."""
        from gui.dialogs.locate import LocateDialog

        store = self._context.project.from_afar()
        if store is None or self.locating is not None:
            return
        self._context.preferences.put_last_folder("photos", folder)
        stop, tasks = threading.Event(), self._context.tasks
        dialog = self.locating = LocateDialog(folder, stop.set, self._window)

        def told(seen: LocateProgress) -> None:
            tasks.post(lambda: dialog.show_progress(seen))

        dialog.show()
        tasks.run(
            lambda: find_moved(store, folder, progress=told, cancelled=stop.is_set),
            on_done=self._located,
            on_error=self._not_located,
            owner=self,
        )

    def _not_located(self, error: BaseException) -> None:
        self._close_search()
        self._context.notices.show(error)

    def _close_search(self) -> None:
        if self.locating is not None:
            self.locating.finish()
            self.locating.deleteLater()
            self.locating = None

    def _located(self, report: LocateReport) -> None:
        self._close_search()
        if report.missing == report.found:
            self._context.notices.success(report.sentence())
        else:
            self._context.notices.warning(report.sentence())
        if report.found:
            self._context.project.changed.emit(Changes(everything=True))

    def _done(self, report: ImportReport) -> None:
        self._stop = None
        if report.accepted or report.completed:
            self._context.project.changed.emit(Changes(diseases=True, everything=True))
        self.finished.emit(report)

    def _failed(self, error: BaseException) -> None:
        self._stop = None
        # Batches written before the failure are in the project.
        self._context.project.changed.emit(Changes(diseases=True, everything=True))
        self.failed.emit(error)
        self._context.notices.show(error)
