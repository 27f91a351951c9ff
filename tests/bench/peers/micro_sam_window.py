"""The window that micro-sam annotates in, napari's, at the commands of the bench.

    PEER-PYTHON micro_sam_window.py JOB.json

Run by micro-sam's environment, on a display with OpenGL (Xvfb draws in software): imports nothing
of ours. Lesions are a label image, as it keeps them. Its assistant is not driven here.
"""

from importlib import metadata
from itertools import cycle
from pathlib import Path

import answering
import napari
import numpy as np
import tifffile
from PIL import Image
from qtpy import QtCore, QtWidgets
from skimage.draw import polygon


class Program:
    def __init__(self, job):
        self.job = job
        self.viewer = napari.Viewer()
        self.app = QtWidgets.QApplication.instance()
        self.viewer.window.resize(*job["window"])
        self.native = self.viewer.window._qt_viewer.canvas.native
        self.painted = answering.Painted(self.app, self.native, QtCore)
        self.next = cycle(job["photos"])
        self.labels = self._write_labels(job["labelled"])
        self.nearer = cycle((1.1, 1 / 1.1))

    def _write_labels(self, photo):
        width, height = Image.open(photo).size
        labels = np.zeros((height, width), np.uint16)
        for number, points in enumerate(self.job["polygons"], 1):
            xs, ys = np.array(points).T
            labels[polygon(ys, xs, labels.shape)] = number
        path = str(Path.cwd() / "lesions.tif")
        tifffile.imwrite(path, labels)
        return path

    def _show(self, photo, labels=None):
        layers = self.viewer.layers

        def do():
            layers.clear()
            self.viewer.open(photo)
            if labels:
                self.viewer.open(labels, layer_type="labels")

        return self.painted.time(do, lambda: len(layers) == 1 + bool(labels))

    def open(self):
        return self._show(next(self.next))

    def open_labelled(self):
        return self._show(self.job["labelled"], self.labels)

    def redraw(self):
        return self.painted.time(self.native.update)

    def zoom(self):
        camera = self.viewer.camera
        return self.painted.time(lambda: setattr(camera, "zoom", camera.zoom * next(self.nearer)))

    def actual_pixels(self):
        self.viewer.camera.center = tuple(reversed(self.job["middle"]))
        self.viewer.camera.zoom = 1.0
        self.app.processEvents()

    def pan(self):
        camera, step = self.viewer.camera, self.job["step"]
        y, x = camera.center[-2:]
        return self.painted.time(lambda: setattr(camera, "center", (y, x + step)))


def main():
    program = Program(answering.job())
    names = ("open", "open_labelled", "redraw", "zoom", "actual_pixels", "pan")
    answering.serve(metadata.version("micro-sam"), {n: getattr(program, n) for n in names})


main()
