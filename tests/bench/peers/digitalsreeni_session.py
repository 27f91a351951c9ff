"""digitalsreeni-image-annotator's own window, offscreen, over the leaves of a session file.

    PEER-PYTHON digitalsreeni_session.py SESSION.json OUT.json

Run by its environment: imports nothing of ours. The leaves are a project of its format in the
folder that it wants photos in. Every polygon is finished as its polygon tool does, which writes the
whole project; then one is taken back. What a hand does between is not replayed. Those that it
refuses with a message are counted.
"""

import json
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path

from digitalsreeni_image_annotator.annotator_window import ImageAnnotator
from PIL import Image
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QMessageBox


def write_project(session) -> Path:
    folder = Path(sys.argv[1]).parent
    (folder / "images").mkdir()
    images, paths = [], {}
    for number, leaf in enumerate(session["leaves"], 1):
        path = Path(shutil.copy2(leaf["photo"], folder / "images"))
        width, height = Image.open(path).size
        one = {"file_name": path.name, "width": width, "height": height, "id": number}
        images.append(one | {"is_multi_slice": False, "annotations": {}})
        paths[path.name] = str(path)
    said = {"classes": [{"name": "lesion", "color": "#d55e00"}], "images": images}
    project = folder / "session.iap"
    project.write_text(json.dumps(said | {"image_paths": paths}))
    return project


def main() -> None:
    session = json.loads(Path(sys.argv[1]).read_text())
    project = write_project(session)
    app = QApplication([])
    window = ImageAnnotator()
    window.resize(1400, 900)
    window.show()
    window.project_controller.open_specific_project(str(project))
    refused = []
    QMessageBox.warning = lambda _parent, _title, text: refused.append(text)
    times = {"open": [], "add and save": [], "undo": [], "open again": []}

    def timed(what, call, *args) -> None:
        begin = time.perf_counter()
        call(*args)
        app.processEvents()
        times[what].append((time.perf_counter() - begin) * 1e3)

    def turn_to(leaf) -> None:
        name = Path(leaf["photo"]).name
        window.switch_image(window.image_list.findItems(name, Qt.MatchFlag.MatchExactly)[0])

    def add(polygon) -> None:
        window.image_label.current_annotation = [tuple(p) for p in polygon["points"]]
        window.finish_polygon()
        window.image_label.current_annotation = []  # a refused one is dropped, as Escape does

    for leaf in session["leaves"]:
        timed("open", turn_to, leaf)
        window.activate_tool("polygon")
        for polygon in leaf["polygons"]:
            timed("add and save", add, polygon)
        if len(leaf["polygons"]) > 1:
            timed("undo", window.annotation_controller.undo)
            add(leaf["polygons"][-1])
    saved = sum(
        len(lesions)
        for image in json.loads(project.read_text())["images"]
        for lesions in image.get("annotations", {}).values()
    )
    wanted = sum(len(leaf["polygons"]) for leaf in session["leaves"])
    if saved + len(refused) != wanted:
        raise SystemExit(f"{saved} of {wanted} polygons were saved; refused: {refused}")
    for leaf in session["leaves"]:
        timed("open again", turn_to, leaf)
    report = {"version": metadata.version("digitalsreeni-image-annotator"), "ms": times}
    report["refused"] = len(refused)
    Path(sys.argv[2]).write_text(json.dumps(report))


main()
