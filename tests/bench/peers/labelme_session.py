"""Labelme's own window, offscreen, over the leaves and polygons of a session file.

    PEER-PYTHON labelme_session.py SESSION.json OUT.json

Run by labelme's environment: imports nothing of ours. Every polygon is added as its window adds a
finished one, with autosave on; then one is taken back. What a hand does between is not replayed.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import labelme
from labelme._shape import Shape
from labelme.app import MainWindow
from PyQt5.QtCore import QPointF
from PyQt5.QtWidgets import QApplication


def main() -> None:
    session = json.loads(Path(sys.argv[1]).read_text())
    app = QApplication([])
    window = MainWindow(config_overrides={"auto_save": True, "with_image_data": False})
    window._actions.save_auto.setChecked(True)
    window.resize(1400, 900)
    window.show()
    times = {"open": [], "add and save": [], "undo": [], "open again": []}

    def timed(what, call, *args) -> None:
        begin = time.perf_counter()
        call(*args)
        app.processEvents()
        times[what].append((time.perf_counter() - begin) * 1e3)

    def add(polygon) -> None:
        shape = Shape(label=polygon["label"], shape_type="polygon")
        for x, y in polygon["points"]:
            shape.add_point(QPointF(x, y))
        shape.close()
        window._insert_shapes([shape])

    def undo() -> None:
        window.undo_shape_edit()
        window.mark_dirty()

    for leaf in session["leaves"]:
        timed("open", window._load_file, leaf["photo"])
        for polygon in leaf["polygons"]:
            timed("add and save", add, polygon)
        if len(leaf["polygons"]) > 1:
            timed("undo", undo)
            add(leaf["polygons"][-1])
    for leaf in session["leaves"]:
        timed("open again", window._load_file, leaf["photo"])
    report = {"version": labelme.__version__, "ms": times}
    Path(sys.argv[2]).write_text(json.dumps(report))
    window._is_changed = False
    window.close()


main()
