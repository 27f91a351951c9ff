"""Labelme's own window, offscreen, at the commands of the bench.

    PEER-PYTHON labelme_window.py JOB.json

Run by labelme's environment: imports nothing of ours. The weights take the place of its ViT-B's in
its model folder (its own are quantised; these are not), and a click is a mouse press in its mode
"AI points": what is waited for is the painting of the outline.
"""

import hashlib
import json
import os
import shutil
import time
from itertools import cycle
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import answering
import labelme
import numpy as np
import osam
from labelme.app import MainWindow
from PIL import Image
from PyQt5 import QtCore, QtGui, QtTest, QtWidgets

MODEL = "sam:100m"


class Program:
    def __init__(self, job):
        self.job = job
        self.app = QtWidgets.QApplication([])
        self.window = MainWindow(config_overrides={"with_image_data": False})
        self.window.resize(*job["window"])
        self.window.show()
        self.canvas = self.window._canvas_widgets.canvas
        self.bars = self.window._canvas_widgets.scroll_bars
        self.painted = answering.Painted(self.app, self.canvas, QtCore)
        self.next = cycle(job["photos"])
        self.nearer = cycle((1.1, 1 / 1.1))
        self._write_labels(Path(job["labelled"]))

    def _write_labels(self, photo):
        width, height = Image.open(photo).size
        shapes = [
            {"label": "lesion", "points": points, "group_id": None, "shape_type": "polygon"}
            | {"flags": {}, "description": "", "mask": None}
            for points in self.job["polygons"]
        ]
        said = {"version": labelme.__version__, "flags": {}, "shapes": shapes, "imageData": None}
        said |= {"imagePath": photo.name}
        said |= {"imageHeight": height, "imageWidth": width}
        photo.with_suffix(".json").write_text(json.dumps(said))

    def _show(self, photo):
        before = self.canvas.pixmap
        self.window._is_changed = False
        return self.painted.time(
            lambda: self.window._load_file(photo), lambda: self.canvas.pixmap is not before
        )

    def open(self):
        return self._show(next(self.next))

    def open_labelled(self):
        took = self._show(self.job["labelled"])
        if len(self.canvas.shapes) != len(self.job["polygons"]):
            raise RuntimeError(f"{len(self.canvas.shapes)} lesions were read")
        return took

    def redraw(self):
        return self.painted.time(self.canvas.update)

    def zoom(self):
        return self.painted.time(lambda: self.window._add_zoom(next(self.nearer)))

    def actual_pixels(self):
        self.window._canvas_widgets.zoom_widget.setValue(100)
        answering.until(self.app, lambda: all(b.maximum() for b in self.bars.values()))
        for bar in self.bars.values():
            bar.setValue(bar.maximum() // 2)
        self.app.processEvents()

    def pan(self):
        bar = self.bars[QtCore.Qt.Horizontal]
        return self.painted.time(lambda: bar.setValue(bar.value() + self.job["step"]))

    def load(self):
        blobs = osam.apis.get_model_type_by_name(MODEL)._blobs
        for part, blob in blobs.items():
            source = Path(self.job["onnx"]) / f"{part}.onnx"
            with source.open("rb") as file:
                blob.hash = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
            Path(blob.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, blob.path)
        self._show(self.job["photos"][0])
        self.canvas.set_ai_model_name(MODEL)
        self.window._switch_canvas_mode(edit=False, create_mode="ai_points_to_shape")
        self.canvas._get_osam_session()._get_or_load_model()

    def look(self):
        """Its session's encoding of the photo, without the click that would ask for it."""
        session = self.canvas._get_osam_session()
        picture = np.asarray(Image.open(self.job["photos"][0]).convert("RGB"))
        begin = time.perf_counter()
        session._get_or_load_model().encode_image(image=picture)
        return (time.perf_counter() - begin) * 1e3

    def click(self):
        canvas = self.canvas
        at = QtCore.QPointF(*self.job["click"]) + canvas._compute_image_origin_offset()
        where = (at * canvas.scale).toPoint()
        took = self.painted.time(
            lambda: QtTest.QTest.mousePress(canvas, QtCore.Qt.LeftButton, pos=where),
            lambda: canvas._current is not None,
        )
        outline = canvas._build_ai_points_preview(canvas._current).points
        box = QtGui.QPolygonF(outline).boundingRect()
        if not 0.5 < box.width() * box.height() * 0.785 / self.job["area"] < 2:
            raise RuntimeError(f"the mask is {box.width():.0f} x {box.height():.0f}")
        canvas._cancel_current_shape()
        self.app.processEvents()
        return took


def main():
    program = Program(answering.job())
    names = ("open", "open_labelled", "redraw", "zoom", "actual_pixels", "pan")
    names += ("load", "look", "click")
    answering.serve(labelme.__version__, {n: getattr(program, n) for n in names})


main()
