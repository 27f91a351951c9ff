"""Where the window keeps what a person chose; for whoever has to know before any table is made.

Knows a place and no key.
"""

from __future__ import annotations

from PySide6.QtCore import QSettings

ORGANISATION = "Leafspot"


def kept_settings() -> QSettings:
    """The user's own settings, made anew; cheap."""
    return QSettings(QSettings.defaultFormat(), QSettings.Scope.UserScope, ORGANISATION, "leafspot")
