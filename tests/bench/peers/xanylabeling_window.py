"""X-AnyLabeling's own window, offscreen, at the commands of the bench.

    PEER-PYTHON xanylabeling_window.py JOB.json

Run by X-AnyLabeling's environment: imports nothing of ours. The weights go through its door for
models of one's own, its ``segment_anything`` type on ONNX Runtime; a click is a mouse press on its
canvas, and what is waited for is the painting of the polygon that its worker sends.
"""

import time
from importlib import metadata
from itertools import cycle
from pathlib import Path

import answering
import yaml
from anylabeling import config
from anylabeling.resources import resources  # noqa: F401  its icons and translations
from anylabeling.services.auto_labeling.types import AutoLabelingMode
from anylabeling.views.labeling.label_file import LabelFile
from anylabeling.views.mainwindow import MainWindow
from PIL import Image
from PyQt6 import QtCore, QtTest, QtWidgets


class Program:
    def __init__(self, job):
        self.job = job
        config.set_work_directory(str(Path.cwd()))
        config.current_config_file = str(Path.cwd() / ".xanylabelingrc")
        self.app = QtWidgets.QApplication([])
        self.window = MainWindow(self.app, config=config.get_config(config.current_config_file, {}))
        self.view = self.window.labeling_widget.view
        self.window.resize(*job["window"])
        self.window.show()
        self.canvas = self.view.canvas
        self.painted = answering.Painted(self.app, self.canvas, QtCore)
        self.next = cycle(job["photos"])
        self.nearer = cycle((1.1, 1 / 1.1))
        self._write_labels(Path(job["labelled"]))

    def _write_labels(self, photo):
        width, height = Image.open(photo).size
        shapes = [
            {"label": "lesion", "points": points, "group_id": None, "shape_type": "polygon"}
            | {"flags": {}, "description": "", "difficult": False, "attributes": {}}
            for points in self.job["polygons"]
        ]
        path = str(photo.with_suffix(".json"))
        LabelFile().save(path, shapes, photo.name, height, width, None, {}, {})

    def _show(self, photo):
        before = self.canvas.pixmap
        return self.painted.time(
            lambda: self.view.load_file(photo), lambda: self.canvas.pixmap is not before
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
        scale = self.canvas.scale * 100 * next(self.nearer)
        return self.painted.time(lambda: self.view.set_zoom(scale))

    def actual_pixels(self):
        self.view.set_zoom(100)
        bars = self.view.scroll_bars.values()
        answering.until(self.app, lambda: all(bar.maximum() for bar in bars))
        for bar in bars:
            bar.setValue(bar.maximum() // 2)
        self.app.processEvents()

    def pan(self):
        bar = self.view.scroll_bars[QtCore.Qt.Orientation.Horizontal]
        return self.painted.time(lambda: bar.setValue(bar.value() + self.job["step"]))

    def load(self):
        path = Path.cwd() / "sam.yaml"
        said = {"type": "segment_anything", "name": "bench", "display_name": "Bench"}
        said |= {"input_size": 1024, "max_width": 1024, "max_height": 682}
        for part in ("encoder", "decoder"):
            said[f"{part}_model_path"] = str(Path(self.job["onnx"]) / f"{part}_fixed.onnx")
        path.write_text(yaml.safe_dump(said))
        manager = self.view.auto_labeling_widget.model_manager
        self._show(self.job["photos"][0])
        manager.load_custom_model(str(path))
        answering.until(self.app, lambda: manager.loaded_model_config)
        answering.until(self.app, lambda: not manager.is_model_download_running())
        self.model = manager.loaded_model_config["model"]

    def look(self):
        """Its own reading of the canvas's picture, and its encoder."""
        from anylabeling.views.labeling.utils.opencv import qt_img_to_rgb_cv_img

        begin = time.perf_counter()
        picture = qt_img_to_rgb_cv_img(self.view.image, self.view.filename)
        found = self.model.model.encode(picture)
        took = (time.perf_counter() - begin) * 1e3
        self.model.image_embedding_cache.put(self.view.filename, found)
        return took

    def click(self):
        widget, canvas = self.view.auto_labeling_widget, self.canvas
        widget.set_auto_labeling_mode(AutoLabelingMode.ADD, AutoLabelingMode.POINT)
        at = QtCore.QPointF(*self.job["click"]) + canvas.offset_to_center()
        where = (at * canvas.scale).toPoint()

        def answers():
            return [s for s in canvas.shapes if s.label == AutoLabelingMode.OBJECT]

        took = self.painted.time(
            lambda: QtTest.QTest.mousePress(canvas, QtCore.Qt.MouseButton.LeftButton, pos=where),
            answers,
        )
        box = answers()[0].bounding_rect()
        if not 0.5 < box.width() * box.height() * 0.785 / self.job["area"] < 2:
            raise RuntimeError(f"the mask is {box.width():.0f} x {box.height():.0f}")
        manager = widget.model_manager
        answering.until(self.app, lambda: manager.model_execution_thread is None)
        self.view.clear_auto_labeling_marks()
        self.app.processEvents()
        return took


def main():
    program = Program(answering.job())
    names = ("open", "open_labelled", "redraw", "zoom", "actual_pixels", "pan")
    names += ("load", "look", "click")
    version = metadata.version("x-anylabeling-cvhub")
    answering.serve(version, {n: getattr(program, n) for n in names})


main()
