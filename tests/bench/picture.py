"""The picture of the window in the README, taken of the window itself.

    python tests/bench/picture.py [--out docs/images/label.png] [--theme light] [--size 1280x800]

Measures nothing. Draws the sample project in a passing folder, opens it as a new user would, goes
to its second photo, the first that is labelled, and keeps what is on the screen: offscreen, unless
QT_QPA_PLATFORM says where.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.panels.label import LabelPage

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
PHOTO = 1
PATIENCE_S = 60.0
SETTLE_S = 3.0
"""After the photo is complete: thumbnails arrive and the canvas draws itself smooth."""


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="leafspot-picture-") as home:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"):
            os.environ[name] = home
        _take(Path(home), arguments)
    print(arguments.out)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "label.png")
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    parser.add_argument("--size", default="1280x800")
    return parser.parse_args()


def _take(home: Path, arguments: argparse.Namespace) -> None:
    from PySide6.QtCore import QSettings

    from core.commands.demo import WITHHELD
    from core.services.sample import sample_project
    from gui.app import Leafspot
    from gui.shell import application
    from storage.projects import create_project

    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(home))
    project = sample_project(home, create_project, withheld=WITHHELD)
    app = application("leafspot")
    program = Leafspot(app)
    program.preferences.put("appearance.theme", arguments.theme)
    program.shell.resize(*map(int, arguments.size.split("x")))
    program.shell.show()
    program.controller.open(project)
    _wait(lambda: program.window.current == "label")
    page: LabelPage = program.window.page("label")
    for shown in range(PHOTO + 1):
        if shown:
            program.context.actions["photo.next"].trigger()
        _wait(lambda: _complete(page))
    _settle(SETTLE_S)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    if not program.shell.grab().save(str(arguments.out)):
        raise SystemExit(f"{arguments.out} cannot be written.")
    program.shell.close()


def _complete(page: LabelPage) -> bool:
    """Whether the photo that was asked for stands on the canvas, in full."""
    session = page.controller.session
    there = session is not None and session.image.id == page.controller.current.wanted
    return there and page.canvas.photo_complete


def _wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        if time.monotonic() > end:
            raise SystemExit("The window does not get ready.")
        _settle(0.02)


def _settle(seconds: float) -> None:
    """Lets the window and its threads work: QTest.qWait would keep the interpreter to itself."""
    from PySide6.QtCore import QCoreApplication

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QCoreApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
