"""Qt's signals do not wear Python out: PySide6 6.12.0 on Python 3.11 aborts after some 500."""

from __future__ import annotations

import subprocess
import sys

CODE = """
from PySide6.QtCore import QCoreApplication, QObject, Signal
app = QCoreApplication([])
class Leaf(QObject):
    touched = Signal(bool)
heard = []
leaf = Leaf()
leaf.touched.connect(heard.append)
for turn in range(200_000):
    leaf.touched.emit(turn % 2 == 0)
    if turn % 1000 == 0:
        app.processEvents()
print(len(heard))
"""


def test_a_long_session_of_signals_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "200000"), done.stderr
