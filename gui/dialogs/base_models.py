"""Base models by name: those this computer has, and those that can be fetched from the hub.

Nothing is fetched before Download is pressed. Knows the hub's service and the download controller;
opens no model.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QProgressBar, QWidget

from core.files import size_text
from core.language import tr
from core.services import bases, hub
from core.services.hub import Here, Offer
from gui.context import Context
from gui.controllers.fetching import Fetching
from gui.panels.pieces import Elided, button, column, in_order, label, row
from gui.plain import plain_tip

ROLE = Qt.ItemDataRole.UserRole


class BaseModelsDialog(QDialog):
    """``wanted`` carries the folder of a model that is to be used."""

    wanted = Signal(str)

    def __init__(
        self, context: Context, family: str, parent: QWidget, home: Path | None = None
    ) -> None:
        """``family`` is the id of its `VlmSpec`; ``home`` the folder that is fetched to."""
        super().__init__(parent)
        self._spec = bases.specs()[family]
        self.setWindowTitle(tr("Models on this computer and on the hub"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(680, 400)
        self.fetching = Fetching(context, self, home)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Base models"))
        self.list.setFixedWidth(250)
        self.list.ensurePolished()  # before a row is measured: the style sheet makes it higher
        self.title = label("", "title")
        self.facts = label("", "muted", wrap=True)
        self.place = Elided("", "muted", middle=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.status = label("", wrap=True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.download = button(tr("Download"), self._start, primary=True)
        self.stop = button(tr("Stop"), self.fetching.stop)
        self.use = button(tr("Use this model"), self._use, primary=True)
        self.terms = button(tr("Read its terms"), self._open_page)
        self.terms.setToolTip(tr("Opens the model's page in the browser"))
        close = button(tr("Close"), self.close)
        buttons = in_order([self.stop, self.download, self.use, self.terms], close)
        side = column(self.title, self.facts, self.place, self.bar, self.status, None, buttons)
        whole = row(self.list, side, spacing=16)
        whole.setContentsMargins(16, 16, 16, 16)
        self.setLayout(whole)
        self.fetching.progressed.connect(self._progressed)
        self.fetching.finished.connect(lambda _found: self._ended(tr("The model is whole.")))
        self.fetching.failed.connect(self._ended)
        self.fetching.stopping.connect(lambda: self.status.setText(tr("Stopping…")))
        self.fetching.stopped.connect(lambda: self._ended(tr("Stopped. What has arrived is kept.")))
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.fill()

    def fill(self) -> None:
        """List what is here, then what is not."""
        chosen = self.repository
        found = hub.here(self._spec)
        names = {one.repository for one in found}
        offers = [o for o in hub.OFFERS if o.family == self._spec.id and o.repository not in names]
        self.list.clear()
        every: list[Here | Offer] = [*found, *offers]
        for entry in every:
            item = QListWidgetItem(_line(entry))
            item.setToolTip(plain_tip(entry.repository))
            item.setData(ROLE, entry)
            self.list.addItem(item)
        known = [entry.repository for entry in every]
        self.list.setCurrentRow(known.index(chosen) if chosen in known else 0)
        self._show()

    @property
    def entry(self) -> Here | Offer | None:
        """What is chosen in the list."""
        item = self.list.currentItem()
        return item.data(ROLE) if item else None

    @property
    def repository(self) -> str:
        """Its name, "" where the list is empty."""
        return self.entry.repository if self.entry else ""

    def _show(self, said: str = "") -> None:
        entry = self.entry
        self.title.setText(self.repository or tr("No model is known by name"))
        self.place.setText("")
        if isinstance(entry, Here):
            self.facts.setText(tr("On this computer:"))
            self.place.setText(str(entry.folder))
        elif isinstance(entry, Offer):
            self.facts.setText(_offered(entry))
            self.place.setText(tr("Goes to {folder}", folder=self.fetching.home))
        else:
            self.facts.setText(self._spec.note)
        self.status.setText(said)
        self._offer(running=False)

    def _offer(self, *, running: bool) -> None:
        entry = self.entry
        self.terms.setVisible(isinstance(entry, Offer) and entry.gated and not running)
        self.download.setVisible(isinstance(entry, Offer) and not running)
        self.use.setVisible(isinstance(self.entry, Here) and not running)
        self.stop.setVisible(running)
        self.bar.setVisible(running)
        self.list.setEnabled(not running)

    def _start(self) -> None:
        entry = self.entry
        assert isinstance(entry, Offer)
        self._offer(running=True)
        self.bar.setRange(0, 0)
        self.status.setText(tr("Connecting…"))
        self.fetching.start(lambda: hub.listing(entry))

    def _progressed(self, name: str, have: int, of: int) -> None:
        self.bar.setRange(0, 1000 if of else 0)
        if of:
            self.bar.setValue(int(1000 * have / of))
        amounts = f"{size_text(have)} / {size_text(of)}" if of else size_text(have)
        self.status.setText(f"{name}: {amounts}")

    def _ended(self, sentence: str) -> None:
        self.fill()
        self._show(sentence)

    def _open_page(self) -> None:
        entry = self.entry
        assert isinstance(entry, Offer)
        QDesktopServices.openUrl(QUrl(entry.page))

    def _use(self) -> None:
        entry = self.entry
        assert isinstance(entry, Here)
        self.wanted.emit(str(entry.folder))
        self.close()

    def reject(self) -> None:
        """Escape closes without a close event."""
        self.fetching.stop()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing stops what is under way; it is gone on with the next time."""
        self.fetching.stop()
        super().closeEvent(event)


def _line(entry: Here | Offer) -> str:
    name = entry.repository.rpartition("/")[2]
    more = size_text(entry.gigabytes * 1e9) if isinstance(entry, Offer) else tr("here")
    return f"{name}  ·  {more}"


def _offered(offer: Offer) -> str:
    size = size_text(offer.gigabytes * 1e9)
    if offer.gated:
        return tr(
            "About {size}, from the Hugging Face hub. Its makers ask for your consent first: agree "
            "to their terms on {page} and log in there with the hub's own tool (hf auth login).",
            size=size,
            page=offer.page,
        )
    return tr("About {size}, from the Hugging Face hub.", size=size)
