"""isat-sam's own annotation layer over the leaves and polygons of a session file.

    PEER-PYTHON isat_session.py SESSION.json OUT.json

Run by isat-sam's environment: imports nothing of ours. Its window loads torch and a model at the
start; its files are read and written by ``ISAT.annotation``, which this calls as the window does:
the photo is looked at, its file read, an object added, all of the file written.
"""

import json
import sys
import time
from importlib import metadata
from pathlib import Path

from ISAT.annotation import Annotation, Object


def main() -> None:
    session = json.loads(Path(sys.argv[1]).read_text())
    times = {"open": [], "add and save": [], "open again": []}

    def timed(what, call):
        begin = time.perf_counter()
        found = call()
        times[what].append((time.perf_counter() - begin) * 1e3)
        return found

    def open_leaf(leaf) -> Annotation:
        label = str(Path(leaf["photo"]).with_suffix(".isat.json"))
        return Annotation(leaf["photo"], label).load_annotation()

    def add(annotation, polygon) -> None:
        xs, ys = zip(*polygon["points"], strict=True)
        box = [min(xs), min(ys), max(xs), max(ys)]
        layer = len(annotation.objects) + 1
        made = Object(polygon["label"], layer, polygon["points"], 0.0, layer, box)
        annotation.objects.append(made)
        annotation.save_annotation()

    for leaf in session["leaves"]:
        annotation = timed("open", lambda leaf=leaf: open_leaf(leaf))
        for polygon in leaf["polygons"]:
            timed("add and save", lambda a=annotation, p=polygon: add(a, p))
    for leaf in session["leaves"]:
        timed("open again", lambda leaf=leaf: open_leaf(leaf))
    report = {"version": metadata.version("isat-sam"), "ms": times}
    Path(sys.argv[2]).write_text(json.dumps(report))


main()
