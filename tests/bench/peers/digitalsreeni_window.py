"""digitalsreeni-image-annotator's own window, offscreen, at the commands of the bench.

    PEER-PYTHON digitalsreeni_window.py JOB.json

Run by its environment: imports nothing of ours. Photos and lesions come in a project file of its
format. Its assistant is not driven here.
"""

import json
from importlib import metadata
from itertools import cycle
from pathlib import Path

import answering
from digitalsreeni_image_annotator.annotator_window import ImageAnnotator
from PIL import Image
from PyQt6 import QtCore, QtWidgets


class Program:
    def __init__(self, job):
        self.job = job
        self.app = QtWidgets.QApplication([])
        self.window = ImageAnnotator()
        self.window.resize(*job["window"])
        self.window.show()
        self.label = self.window.image_label
        self.painted = answering.Painted(self.app, self.label, QtCore)
        self.window.project_controller.open_specific_project(self._write_project())
        names = [Path(p).name for p in job["photos"]]
        self.next = cycle(names)
        self.nearer = cycle((1.1, 1 / 1.1))
        self.labelled = Path(job["labelled"]).name

    def _write_project(self):
        lesions = [
            {"segmentation": [c for point in points for c in point], "number": number}
            | {"category_id": 1, "category_name": "lesion"}
            for number, points in enumerate(self.job["polygons"], 1)
        ]
        images = []
        for number, path in enumerate([*self.job["photos"], self.job["labelled"]], 1):
            width, height = Image.open(path).size
            one = {"file_name": Path(path).name, "width": width, "height": height}
            there = {"lesion": lesions} if path == self.job["labelled"] else {}
            one |= {"id": number, "is_multi_slice": False, "annotations": there}
            images.append(one)
        paths = {Path(p).name: p for p in [*self.job["photos"], self.job["labelled"]]}
        said = {"classes": [{"name": "lesion", "color": "#d55e00"}], "images": images}
        # Beside the folder "images": where photos lie elsewhere it asks, in a dialog, to copy them.
        path = Path(self.job["labelled"]).parents[1] / "bench.iap"
        path.write_text(json.dumps(said | {"image_paths": paths}))
        return str(path)

    def _show(self, name):
        item = self.window.image_list.findItems(name, QtCore.Qt.MatchFlag.MatchExactly)[0]
        before = self.label.original_pixmap
        return self.painted.time(
            lambda: self.window.switch_image(item),
            lambda: self.label.original_pixmap is not before,
        )

    def open(self):
        return self._show(next(self.next))

    def open_labelled(self):
        took = self._show(self.labelled)
        found = len(self.label.annotations.get("lesion", ()))
        if found != len(self.job["polygons"]):
            raise RuntimeError(f"{found} lesions were read")
        return took

    def redraw(self):
        return self.painted.time(self.label.update)

    def zoom(self):
        scale = self.label.zoom_factor * next(self.nearer)
        return self.painted.time(lambda: self.window.set_zoom(scale))

    def actual_pixels(self):
        self.window.set_zoom(1.0)
        area = self.window.scroll_area
        bars = area.horizontalScrollBar(), area.verticalScrollBar()
        answering.until(self.app, lambda: all(bar.maximum() for bar in bars))
        for bar in bars:
            bar.setValue(bar.maximum() // 2)
        self.app.processEvents()

    def pan(self):
        bar = self.window.scroll_area.horizontalScrollBar()
        return self.painted.time(lambda: bar.setValue(bar.value() + self.job["step"]))


def main():
    program = Program(answering.job())
    names = ("open", "open_labelled", "redraw", "zoom", "actual_pixels", "pan")
    version = metadata.version("digitalsreeni-image-annotator")
    answering.serve(version, {n: getattr(program, n) for n in names})


main()
