"""The dialog that asks for a file or a folder, gone when it is closed.

Knows Qt's dialog; knows nothing of what is asked for.
"""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog, QWidget


def file_dialog(
    parent: QWidget, title: str, start: str = "", *, folders: bool = False, saves: bool = False
) -> QFileDialog:
    """For one file that is there, with ``folders`` for one folder, with ``saves`` for a file to be
    written. To be set up and opened once; ``start`` is what it shows first.
    """
    dialog = QFileDialog(parent, title, start)
    dialog.finished.connect(dialog.deleteLater)
    if folders:
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    elif saves:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    else:
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return dialog
