"""The person's settings and the window's state, kept in QSettings.

The table of settings, their defaults and their limits is `core.settings`; this knows only where
they are kept. ``changed`` carries the key.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, Signal

from core.settings import Value, clean
from gui.places import kept_settings

RECENT = 8


class Preferences(QObject):
    """Reads and writes single values. Cheap to make; nothing is cached."""

    changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = kept_settings()

    def get(self, key: str) -> Value:
        return clean(key, self._settings.value(f"settings/{key}"))

    def text(self, key: str) -> str:
        return str(self.get(key))

    def number(self, key: str) -> int:
        return int(self.get(key))

    def put(self, key: str, value: Value) -> None:
        """A value that does not fit the setting is stored as its default."""
        value = clean(key, value)
        if value != self.get(key):
            self._settings.setValue(f"settings/{key}", value)
            self.changed.emit(key)

    def recent(self) -> list[Path]:
        """Project folders, last opened first."""
        raw = self._settings.value("window/recent")
        try:
            found = json.loads(raw) if isinstance(raw, str) else []
        except ValueError:
            found = []
        return [Path(p) for p in found if isinstance(p, str)] if isinstance(found, list) else []

    def add_recent(self, folder: Path) -> None:
        rest = [p for p in self.recent() if p != folder]
        self._put_recent([folder, *rest][:RECENT])

    def forget_recent(self, folder: Path) -> None:
        self._put_recent([p for p in self.recent() if p != folder])

    def _put_recent(self, folders: list[Path]) -> None:
        self._settings.setValue("window/recent", json.dumps([str(p) for p in folders]))

    def geometry(self, name: str) -> QByteArray:
        """A widget's saved geometry or splitter state; empty when there is none."""
        raw = self._settings.value(f"window/{name}")
        return raw if isinstance(raw, QByteArray) else QByteArray()

    def put_geometry(self, name: str, state: QByteArray) -> None:
        self._settings.setValue(f"window/{name}", state)

    def last_folder(self, purpose: str) -> str:
        """Where the person last picked something for ``purpose``, or their home."""
        raw = self._settings.value(f"folders/{purpose}")
        # Path.is_dir() raises where a folder on the way may not be entered any more.
        if isinstance(raw, str) and os.path.isdir(raw):  # noqa: PTH112
            return raw
        return str(Path.home())

    def put_last_folder(self, purpose: str, folder: Path) -> None:
        self._settings.setValue(f"folders/{purpose}", str(folder))
