"""Which language the window speaks: the person's choice, else the system's.

Has to be called before anything that holds words is imported, since tables of words are made when
they are. Knows where the choice is kept and Qt's own words; knows none of ours.
"""

from __future__ import annotations

import os

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QSettings, QTranslator

from core import language

KEY = "appearance.language"
SYSTEM = "auto"


def begin(kept: QSettings) -> None:
    """Speak what ``kept`` says; what a variable says goes before it, as for every command."""
    wanted = os.environ.get(language.VARIABLE) or str(kept.value(f"settings/{KEY}") or SYSTEM)
    if wanted == SYSTEM:
        wanted = next(iter(QLocale.system().uiLanguages()), language.ENGLISH)
    language.use(wanted)


def dress(app: QCoreApplication) -> None:
    """Qt's own buttons, menus and figures in the same language."""
    code = language.current()
    if code == language.PSEUDO:
        return
    QLocale.setDefault(QLocale(code))
    words = QTranslator(app)
    if words.load(
        QLocale(code), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    ):
        app.installTranslator(words)
