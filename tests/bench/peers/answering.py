"""What every peer's program is driven by: one line in, one line out, the painting timed in between.

Runs in the peer's environment: the standard library alone, whatever Qt the peer brings. The bench
writes a command's name to the standard input; the answer is a line of JSON on the standard output
the program was started with: ``{"ms": ...}`` or ``{"error": ...}``. Whatever else the peer prints
goes to the error output.
"""

import json
import os
import sys
import time
from pathlib import Path

PAINT = 12
"""QEvent::Paint, in every Qt."""
PATIENCE_S = 240.0


class Painted:
    """Times a thing done until the end of the first painting of ``widget`` that shows it."""

    def __init__(self, app, widget, core):
        self._app, self._armed, self._done = app, None, False
        outer = self

        class Filter(core.QObject):
            def eventFilter(self, watched, event):
                if int(event.type()) == PAINT and outer._armed and outer._armed():
                    outer._done = True
                return False

        self._filter = Filter()
        widget.installEventFilter(self._filter)

    def time(self, do, shown=lambda: True):
        """Milliseconds. ``shown`` says whether a painting that begins now shows it."""
        self._done, self._armed = False, shown
        begin = time.perf_counter()
        do()
        end = begin + PATIENCE_S
        while not self._done:
            self._app.processEvents()
            if time.perf_counter() > end:
                raise RuntimeError("nothing was painted")
            if not self._done:
                time.sleep(0.0005)
        self._armed = None
        return (time.perf_counter() - begin) * 1e3


def until(app, ready):
    """Let the window and its threads work until ``ready``."""
    end = time.perf_counter() + PATIENCE_S
    while not ready():
        app.processEvents()
        time.sleep(0.002)
        if time.perf_counter() > end:
            raise RuntimeError("it does not get ready")


def job():
    """What the bench wrote down: photos, lesions, a checkpoint, where to click."""
    return json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def serve(version, commands, stop=lambda: None):
    """Answer until the input ends. A command gives milliseconds or None."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    answers.write(json.dumps({"version": version, "can": sorted(commands)}) + "\n")
    for line in sys.stdin:
        try:
            said = {"ms": commands[line.strip()]()}
        except Exception as error:  # noqa: BLE001  the edge of a process: it is the answer
            said = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(said) + "\n")
    stop()
    answers.close()
    os._exit(0)
