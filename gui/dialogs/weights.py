"""Which weights can be fetched, from where and how large; fetches them when asked to.

Opening the dialog asks nobody anything: host, size and digest are the program's own table. Knows
the table and the one download under way.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QWidget,
)

from core.files import size_text
from core.language import tr, trc
from core.services.downloads import Fetched
from core.services.published import PUBLISHED, Published, PublishedFile
from gui.context import Context
from gui.controllers.fetching import Fetching
from gui.forms import Form
from gui.panels.pieces import Elided, button, column, in_order, label, row, say

UNKNOWN = tr("not published")
NO_SIZE = trc("a size", "not published")


class WeightsDialog(QDialog):
    """``wanted`` carries (engine id, path) when fetched weights are to be used."""

    wanted = Signal(str, str)

    def __init__(self, context: Context, engine: str, parent: QWidget) -> None:
        """``engine`` is the one whose weights are shown first."""
        super().__init__(parent)
        self.setWindowTitle(tr("Fetch weights"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 440)
        self.fetching = Fetching(context, self)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Weights files"))
        self.list.setFixedWidth(236)
        self.list.ensurePolished()  # before a row is measured: the style sheet makes it higher
        for entry in PUBLISHED:
            item = QListWidgetItem(f"{entry.title}  ·  {size_text(entry.megabytes * 1e6)}")
            item.setData(Qt.ItemDataRole.UserRole, entry)
            self.list.addItem(item)
        self.facts = Form()
        self.facts.setHorizontalSpacing(14)
        self.facts.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.hide()
        self.status = label("", "muted", wrap=True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.download = button(tr("Download"), self._start, primary=True)
        self.stop = button(tr("Stop"), self.fetching.stop)
        self.use = button(tr("Use these weights"), self._use, primary=True)
        close = button(tr("Close"), self.close)
        facts = QWidget()
        self.facts.setContentsMargins(0, 0, 0, 0)
        facts.setLayout(self.facts)
        buttons = in_order([self.stop, self.download, self.use], close)
        side = column(facts, self.bar, self.status, None, buttons)
        whole = row(self.list, side, spacing=16)
        whole.setContentsMargins(16, 16, 16, 16)
        self.setLayout(whole)
        self.fetching.progressed.connect(self._progressed)
        self.fetching.finished.connect(self._finished)
        self.fetching.failed.connect(lambda sentence: self._ended(sentence, "danger"))
        self.fetching.stopping.connect(lambda: self.status.setText(tr("Stopping…")))
        self.fetching.stopped.connect(lambda: self._ended(tr("Stopped. What has arrived is kept.")))
        self.list.currentItemChanged.connect(lambda *_: self._show())
        first = next((n for n, p in enumerate(PUBLISHED) if p.engine == engine), 0)
        self.list.setCurrentRow(first)

    @property
    def entry(self) -> Published:
        """What is chosen in the list."""
        found: Published = self.list.currentItem().data(Qt.ItemDataRole.UserRole)
        return found

    def _show(self) -> None:
        entry, home = self.entry, self.fetching.home
        while self.facts.rowCount():
            self.facts.removeRow(0)
        self.facts.addRow(label(entry.title, "title"))
        self._fact(tr("Licence"), label(entry.licence))
        self._fact(tr("Goes to"), Elided(str(entry.folder(home)), middle=True))
        for file in entry.files:
            self._add_file(file)
        there = all(_may_be(file, entry.folder(home) / file.name) for file in entry.files)
        self._offer(there=there)
        say(self.status, tr("These weights are on this machine.") if there else "", "muted")

    def _add_file(self, file: PublishedFile) -> None:
        size = (
            NO_SIZE
            if file.size is None
            else tr("{size_text} ({size:,} bytes)", size_text=size_text(file.size), size=file.size)
        )
        digest = label(
            file.sha256 or tr("{unknown}; that of what arrives is shown", unknown=UNKNOWN),
            wrap=True,
        )
        digest.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if file.sha256:  # two lines of equal length: one long word would widen the dialog
            digest.setText(f"{file.sha256[:32]}\n{file.sha256[32:]}")
        self._fact(tr("File"), label(file.name), above=6)
        self._fact(tr("From"), label(file.host))
        self._fact(tr("Size"), label(size))
        self._fact("SHA-256", digest)

    def _fact(self, name: str, value: QWidget, *, above: int = 0) -> None:
        title = label(name, "muted")
        for words in (title, value):
            words.setContentsMargins(0, above, 0, 0)
        self.facts.addRow(title, value)

    def _offer(self, *, there: bool, running: bool = False) -> None:
        self.download.setVisible(not there and not running)
        self.use.setVisible(there and not running)
        self.stop.setVisible(running)
        self.bar.setVisible(running)
        self.list.setEnabled(not running)

    def _start(self) -> None:
        self._offer(there=False, running=True)
        self.bar.setRange(0, 0)
        say(self.status, tr("Connecting…"), "muted")
        self.fetching.start(self.entry)

    def _progressed(self, name: str, have: int, of: int) -> None:
        self.bar.setRange(0, 1000 if of else 0)
        if of:
            self.bar.setValue(int(1000 * have / of))
        self.status.setText(
            tr(
                "{name}: {size_text} of {size_text_2}",
                name=name,
                size_text=size_text(have),
                size_text_2=size_text(of),
            )
            if of
            else f"{name}: {size_text(have)}"
        )

    def _finished(self, found: list[Fetched]) -> None:
        self._offer(there=True)
        lines = []
        for got in found:
            if got.verified:
                lines.append(tr("{name} is whole and is the published file.", name=got.path.name))
            else:
                digest = f"{got.sha256[:32]}\n{got.sha256[32:]}"
                lines.append(
                    tr("{name} is whole. Its SHA-256:\n{digest}", name=got.path.name, digest=digest)
                )
        self.status.setText("\n".join(lines))

    def _ended(self, sentence: str, role: str = "muted") -> None:
        self._offer(there=False)
        say(self.status, sentence, role)

    def _use(self) -> None:
        path: Path = self.entry.folder(self.fetching.home) / self.entry.opened
        self.wanted.emit(self.entry.engine, str(path))
        self.close()

    def reject(self) -> None:
        """Escape closes without a close event."""
        self.fetching.stop()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing stops what is under way; it is gone on with the next time."""
        self.fetching.stop()
        super().closeEvent(event)


def _may_be(file: PublishedFile, path: Path) -> bool:
    """Whether what lies at ``path`` is as long as the published file. Another one is not offered:
    with Download a person hears that it is in the way.
    """
    return path.is_file() and file.size in (None, path.stat().st_size)
