"""How long until the first window: ours beside a bare Qt window, each in a fresh process.

    python tests/bench/startup.py [--runs 9] [--json] [--xvfb]

The clock starts before the interpreter and stops at the first turn of the event loop after the
window was shown and painted; for ours a second time, when the start page stands in it. Offscreen
unless a display is set or ``--xvfb`` is given. Fails (exit 1) when the ratio of the medians is over
1.5 or torch was imported.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CEILING = 1.5

STAMP = (
    "from PySide6.QtCore import QTimer;"
    "stamp = lambda: print('shown', time.time(), 'torch' in sys.modules, len(sys.modules));"
    "QTimer.singleShot(0, stamp);"
)
BARE = (
    "import sys, time; from PySide6.QtWidgets import QApplication, QMainWindow;"
    "app = QApplication([]); w = QMainWindow(); w.resize(1280, 800);"
    f"{STAMP} w.show(); w.repaint(); QTimer.singleShot(0, stamp);"
    "QTimer.singleShot(0, app.quit); app.exec()"
)
OURS = (
    "import sys, time; from gui.shell import application; app = application('leafspot');"
    f"from gui.start import Start; {STAMP} s = Start(app, None);"
    "QTimer.singleShot(0, lambda: (s.shell.repaint(), stamp()));"
    "QTimer.singleShot(0, app.quit); app.exec()"
)


def once(code: str) -> tuple[float, float, bool, int]:
    """Of a new process: milliseconds to the first window and to the filled one, whether torch was
    imported, and how many modules were.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if not environment.get("DISPLAY"):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    begin = time.time()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [x.split() for x in done.stdout.splitlines() if x.startswith("shown")]
    first, filled = ((float(x[1]) - begin) * 1000 for x in lines)
    return first, filled, lines[-1][2] == "True", int(lines[-1][3])


def measure(runs: int) -> dict[str, object]:
    """Alternating, so that a busy moment of the machine hits both alike; medians."""
    first: dict[str, list[float]] = {"bare": [], "leafspot": []}
    filled: list[float] = []
    torch, modules = False, {}
    codes = (("bare", BARE), ("leafspot", OURS))
    for _, code in codes:
        once(code)  # the file cache is warm from here on
    for _ in range(runs):
        for name, code in codes:
            shown, full, saw_torch, modules[name] = once(code)
            first[name].append(shown)
            if name == "leafspot":
                filled.append(full)
            torch |= saw_torch
    bare, ours = (statistics.median(first[name]) for name in ("bare", "leafspot"))
    return {
        "runs": runs,
        "bare_ms": round(bare, 1),
        "leafspot_ms": round(ours, 1),
        "start_page_ms": round(statistics.median(filled), 1),
        "ratio": round(ours / bare, 3),
        "best_ratio": round(min(first["leafspot"]) / min(first["bare"]), 3),
        "torch_imported": torch,
        "modules": modules,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--xvfb", action="store_true", help="a real window under Xvfb")
    args = parser.parse_args()
    if args.xvfb and not shutil.which("xvfb-run"):
        sys.exit("Xvfb is not installed; leave --xvfb out to measure offscreen.")
    server = None
    if args.xvfb:
        # One server for all runs: its own start is nobody's window.
        server = subprocess.Popen(["Xvfb", ":87", "-screen", "0", "1600x1200x24"])
        os.environ["DISPLAY"] = ":87"
        time.sleep(2)
    try:
        found = measure(args.runs)
    finally:
        if server is not None:
            server.terminate()
    if args.json:
        print(json.dumps(found))
    else:
        print(f"{'':<22}{'ms (median)':>12}{'modules':>9}")
        print(f"{'bare Qt window':<22}{found['bare_ms']:>12}{found['modules']['bare']:>9}")
        print(f"{'Leafspot window':<22}{found['leafspot_ms']:>12}")
        print(f"{'start page in it':<22}{found['start_page_ms']:>12}", end="")
        print(f"{found['modules']['leafspot']:>9}")
        print(f"ratio {found['ratio']} (best runs {found['best_ratio']}; at most {CEILING})")
        print(f"torch imported: {found['torch_imported']}")
    return 0 if found["ratio"] <= CEILING and not found["torch_imported"] else 1


if __name__ == "__main__":
    sys.exit(main())
