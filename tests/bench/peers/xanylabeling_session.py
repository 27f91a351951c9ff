"""X-AnyLabeling's own window, offscreen, over the leaves and polygons of a session file.

    PEER-PYTHON xanylabeling_session.py SESSION.json OUT.json

Run by X-AnyLabeling's environment: imports nothing of ours. Every polygon is finished and named by
its digit as its canvas does, with autosave on, its default; then one is taken back. What a hand
does between is not replayed.
"""

import json
import sys
import time
from importlib import metadata
from pathlib import Path

from anylabeling import config
from anylabeling.resources import resources  # noqa: F401  its icons and translations
from anylabeling.views.labeling.shape import Shape
from anylabeling.views.mainwindow import MainWindow
from PyQt6.QtCore import QPointF
from PyQt6.QtWidgets import QApplication


def main() -> None:
    session = json.loads(Path(sys.argv[1]).read_text())
    home = Path(sys.argv[1]).parent
    config.set_work_directory(str(home))
    config.current_config_file = str(home / ".xanylabelingrc")
    app = QApplication([])
    window = MainWindow(app, config=config.get_config(config.current_config_file, {}))
    view = window.labeling_widget.view
    window.resize(1400, 900)
    window.show()
    times = {"open": [], "add and save": [], "undo": [], "open again": []}

    def timed(what, call, *args) -> None:
        begin = time.perf_counter()
        call(*args)
        app.processEvents()
        times[what].append((time.perf_counter() - begin) * 1e3)

    def add(polygon) -> None:
        shape = Shape(shape_type="polygon")
        for x, y in polygon["points"]:
            shape.add_point(QPointF(x, y))
        view.canvas.current = shape
        view.digit_to_label = polygon["label"]
        view.canvas.finalise()

    for leaf in session["leaves"]:
        timed("open", view.load_file, leaf["photo"])
        view.toggle_draw_mode(False, "polygon")
        for polygon in leaf["polygons"]:
            timed("add and save", add, polygon)
        if len(leaf["polygons"]) > 1:
            timed("undo", view.undo_shape_edit)
            add(leaf["polygons"][-1])
        if leaf["polygons"]:
            saved = json.loads(Path(leaf["photo"]).with_suffix(".json").read_text())["shapes"]
            if len(saved) != len(leaf["polygons"]):
                raise SystemExit(f"{len(saved)} of {len(leaf['polygons'])} polygons were saved")
    for leaf in session["leaves"]:
        timed("open again", view.load_file, leaf["photo"])
    report = {"version": metadata.version("x-anylabeling-cvhub"), "ms": times}
    Path(sys.argv[2]).write_text(json.dumps(report))


main()
