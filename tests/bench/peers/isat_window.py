"""isat-sam's own window, offscreen, at the commands of the bench.

    PEER-PYTHON isat_window.py JOB.json

Run by isat-sam's environment: imports nothing of ours. Photos are opened through its list, clicks
are mouse presses in its view, and the mask is the one its scene paints.
"""

import json
import time
from importlib import metadata
from itertools import cycle
from pathlib import Path

import answering
import torch
from ISAT.configs import STATUSMode
from ISAT.widgets.mainwindow import MainWindow
from PIL import Image
from PyQt5 import QtCore, QtTest, QtWidgets


class Program:
    def __init__(self, job):
        self.job = job
        self.app = QtWidgets.QApplication([])
        torch.cuda.is_available()
        self.window = MainWindow()
        self.window.resize(*job["window"])
        self.window.show()
        self.view = self.window.view
        self.painted = answering.Painted(self.app, self.view.viewport(), QtCore)
        folder = Path(job["photos"][0]).parent
        self.window.image_root = self.window.label_root = str(folder)
        names = [Path(p).name for p in [*job["photos"], job["labelled"]]]
        self.window.files_list = names
        self.window.files_dock_widget.update_widget()
        self.nearer = cycle((self.view.zoom_in, self.view.zoom_out))
        self.next = cycle(range(len(job["photos"])))
        self._write_labels(folder / names[-1])

    def _write_labels(self, photo):
        width, height = Image.open(photo).size
        objects = []
        for layer, points in enumerate(self.job["polygons"], 1):
            xs, ys = zip(*points, strict=True)
            box = [min(xs), min(ys), max(xs), max(ys)]
            said = {"category": "lesion", "group": layer, "segmentation": points, "area": 1.0}
            objects.append(said | {"layer": layer, "bbox": box, "iscrowd": False, "note": ""})
        info = {"description": "ISAT", "folder": str(photo.parent), "name": photo.name}
        info |= {"width": width, "height": height, "depth": 3, "note": ""}
        photo.with_suffix(".json").write_text(json.dumps({"info": info, "objects": objects}))

    def _show(self, index):
        before = self.window.scene.image_data
        scene = self.window.scene
        return self.painted.time(
            lambda: self.window.show_image(index), lambda: scene.image_data is not before
        )

    def open(self):
        return self._show(next(self.next))

    def open_labelled(self):
        took = self._show(len(self.job["photos"]))
        if len(self.window.polygons) != len(self.job["polygons"]):
            raise RuntimeError(f"{len(self.window.polygons)} lesions were read")
        return took

    def redraw(self):
        return self.painted.time(self.view.viewport().update)

    def zoom(self):
        return self.painted.time(next(self.nearer))

    def actual_pixels(self):
        self.view.resetTransform()
        self.view.centerOn(*self.job["middle"])
        self.app.processEvents()

    def pan(self):
        bar = self.view.horizontalScrollBar()
        return self.painted.time(lambda: bar.setValue(bar.value() + self.job["step"]))

    def load(self):
        """With one photo in its list: its worker encodes the neighbours as well."""
        self.window.files_list = self.window.files_list[:1]
        self.window.show_image(0)
        self.window.init_segment_anything(self.job["checkpoint"])
        answering.until(self.app, self.window.actionSegment_anything_point.isEnabled)

    def look(self):
        """From its list to the assistant's readiness, the photo's opening included."""
        thread = self.window.seganythread
        answering.until(self.app, lambda: not thread.isRunning())
        thread.results_dict.clear()
        begin = time.perf_counter()
        self.window.show_image(0)
        answering.until(self.app, self.window.actionSegment_anything_point.isEnabled)
        return (time.perf_counter() - begin) * 1e3

    def click(self):
        scene = self.window.scene
        if scene.mode != STATUSMode.CREATE:
            scene.start_segment_anything()
        scene.mask = None
        where = self.view.mapFromScene(QtCore.QPointF(*self.job["click"]))
        took = self.painted.time(
            lambda: QtTest.QTest.mousePress(self.view.viewport(), QtCore.Qt.LeftButton, pos=where),
            lambda: scene.mask is not None,
        )
        if not 0.5 < float(scene.mask.sum()) / self.job["area"] < 2:
            raise RuntimeError(f"the mask has {int(scene.mask.sum())} pixels")
        scene.cancel_draw()
        self.app.processEvents()
        return took


def main():
    program = Program(answering.job())
    names = ("open", "open_labelled", "redraw", "zoom", "actual_pixels", "pan")
    names += ("load", "look", "click")
    answering.serve(metadata.version("isat-sam"), {n: getattr(program, n) for n in names})


main()
