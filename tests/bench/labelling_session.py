"""A scripted session: open, click, repair, class, next, over 40 leaves, by a person who knows.

    python tests/bench/labelling_session.py --images DIR --masks DIR [--engine leaf] [--json FILE]
                                            [--leaves 40] [--peers DIR] [--think 0.1]

The real program, offscreen: window, autosave, the assistant in its worker process, a project in a
passing folder. The simulated person clicks every lesion of 30 pixels or more (up to three clicks:
``tests/bench/oracle.py`` says where), accepts, names the disease with its digit once a leaf,
repairs with brush and eraser what is still under IoU 0.6, and finishes the photo. Each click, key,
stroke and change of brush is an action. Waiting is the time from an action to the end of the
painting that shows what it did; ``--think`` seconds pass before each action and do not count.
The final figures are read back from the disk.

With ``--peers``, a folder where environments may be made, the same leaves and lesions go through
the windows of labelme, X-AnyLabeling and digitalsreeni-image-annotator and through isat-sam's
annotation layer. Their assistants need weights that have to be downloaded and are not compared
(``beside_peers.py`` times them): they get finished polygons, as coarse as IoU 0.9 with the truth
allows, and what is measured is opening, adding with saving, and undo (isat-sam's layer has none).
The corners are the clicks that a hand needs for them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np
from PIL import Image
from PySide6.QtCore import QEvent, QPointF

from tests.bench.canvas import mouse
from tests.bench.figures import SPREAD_HEAD, machine, spread, spread_row
from tests.bench.oracle import LESION, Flags, dice, iou, lesions, next_click, pairs, paste
from tests.bench.peers.environments import environment, surroundings
from tests.bench.window import Painted, click, complete, opened, rest, until

if TYPE_CHECKING:
    from gui.app import Leafspot
    from gui.panels.label import LabelPage

CLICKS, GOOD, POOR, STROKES = 3, 0.85, 0.6, 6
HAND = 0.9
DISEASE = "lesion"
HERE = Path(__file__).resolve().parent
SCRIPTS = {
    "labelme": "labelme_session.py",
    "isat-sam": "isat_session.py",
    "x-anylabeling-cvhub": "xanylabeling_session.py",
    "digitalsreeni-image-annotator": "digitalsreeni_session.py",
}


class Person:
    """Acts in the window, counts and waits."""

    def __init__(self, program: Leafspot, page: LabelPage, think: float) -> None:
        self._program, self._page, self._think = program, page, think
        self._painted = Painted(page)
        self.actions: Counter[str] = Counter()
        self.waits: dict[str, list[float]] = {}
        self.unanswered = 0

    def act(self, what: str, do: Callable[[], object], shown: Callable[[], object]) -> None:
        """One action, and the wait for the painting that shows it."""
        rest(self._page, self._think)
        self.actions[what] += 1
        begin = time.perf_counter()
        do()
        painted = self._painted.wait(shown, 30.0)
        if not painted:
            raise SystemExit(f"Nothing came of “{what}”: {self._page.assistant.status}")
        self.waits.setdefault(what, []).append((painted - begin) * 1e3)

    def press(self, action: str) -> None:
        self._program.context.actions[action].trigger()

    def leaf(self, truth: Flags) -> None:
        """Everything on the open photo."""
        found = list(lesions(truth))
        for lesion in found:
            self._lesion(lesion)
        if found:
            self.actions["name"] += 1
            self.press("leaf.1")
        else:
            self.actions["no lesions"] += 1
            self.press("photo.no_lesions")

    def _lesion(self, lesion: Flags) -> None:
        page, assistant = self._page, self._page.assistant
        if page.canvas.tool_id != "point":
            self.actions["tool"] += 1
            self.press("tool.point")
        seen = np.zeros_like(lesion)
        for _ in range(CLICKS):
            at, positive = next_click(lesion, seen)
            if at is None or iou(seen, lesion) >= GOOD:
                break
            self.act(
                "click",
                lambda at=at, positive=positive: click(page, *at, positive=positive),
                lambda: not assistant.busy,
            )
            if (candidate := assistant.candidate) is not None:
                seen = paste(candidate.pixels, candidate.origin, lesion.shape)
        if assistant.candidate is None:
            self.unanswered += 1
            assistant.clear()
            return
        before = len(page.controller.session.regions)
        self.act(
            "accept",
            lambda: self.press("candidate.accept"),
            lambda: len(page.controller.session.regions) > before and page.canvas.regions.settled,
        )
        self._repair(lesion)

    def _repair(self, lesion: Flags) -> None:
        """Strokes over the largest piece that is wrong, as wide as the piece is deep."""
        page = self._page
        for _ in range(STROKES):
            active = page.controller.edits.active
            region = page.controller.session.region(active) if active is not None else None
            mask = np.zeros_like(lesion) if region is None else region.mask.to_array()
            if region is None or iou(mask, lesion) >= POOR:
                return
            wrong, tool = max(
                ((lesion & ~mask, "brush"), (mask & ~lesion, "eraser")), key=lambda w: w[0].sum()
            )
            path, radius = stroke_through(wrong)
            if page.canvas.tool_id != tool:
                self.actions["tool"] += 1
                self.press(f"tool.{tool}")
            if abs(page.canvas.brush_radius - radius) > 0.3 * radius:
                self.actions["brush size"] += 1
                page.canvas.brush_radius = radius
            self.act("stroke", lambda p=path: self._drag(p), lambda: page.canvas.regions.settled)

    def _drag(self, path: list[tuple[float, float]]) -> None:
        camera = self._page.canvas.camera
        spots = [QPointF(*camera.transform.to_device(*p)) / camera.ratio for p in path]
        mouse(self._page.canvas, QEvent.Type.MouseButtonPress, spots[0], middle=False)
        for spot in spots[1:]:
            mouse(self._page.canvas, QEvent.Type.MouseMove, spot, middle=False)
        mouse(self._page.canvas, QEvent.Type.MouseButtonRelease, spots[-1], middle=False)
        self._page.canvas.update()


def stroke_through(wrong: Flags) -> tuple[list[tuple[float, float]], float]:
    """A path along the middle of the largest piece, and a brush that stays mostly inside it."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=8)
    piece = labels == int(stats[1:, cv2.CC_STAT_AREA].argmax()) + 1
    depth = cv2.distanceTransform(np.pad(piece.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    radius = max(1.0, float(depth.max()) * 0.9)
    ys, xs = np.nonzero(depth >= 0.8 * radius)
    spread_x = np.ptp(xs) >= np.ptp(ys)
    order = np.argsort(xs if spread_x else ys, kind="stable")
    steps = order[:: max(1, len(order) // 24)]
    return [(float(xs[n]) + 0.5, float(ys[n]) + 0.5) for n in steps], radius


def main() -> int:
    args = _arguments()
    where = machine()
    chosen = list(pairs(args.images, args.masks, args.split))[: args.leaves]
    if not chosen:
        print("No photo with a mask was found.", file=sys.stderr)
        return 1
    versions = {n: metadata.version(n) for n in ("torch", "PySide6-Essentials", "numpy")}
    print(f"{where}\n" + ", ".join(f"{k} {v}" for k, v in versions.items()))
    report: dict[str, Any] = {"machine": where, "versions": versions}
    report["ours"] = ours(chosen, args.engine, args.think)
    _print_ours(report["ours"])
    if args.peers:
        report["peers"] = peers(chosen, args.peers)
        _print_peers(report["peers"])
    if args.json:
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--leaves", type=int, default=40)
    parser.add_argument("--engine", default="leaf")
    parser.add_argument("--think", type=float, default=0.1)
    parser.add_argument("--peers", type=Path, help="folder for the peers' environments")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def ours(chosen: list[tuple[Path, Path]], engine: str, think: float) -> dict[str, Any]:
    """The session, and what lies on the disk after it."""
    truths = [np.asarray(Image.open(mask)) == LESION for _, mask in chosen]
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder), [photo for photo, _ in chosen])
        begin = time.perf_counter()
        with opened(project, Path(folder) / "home", engine=engine) as (program, page):
            start = time.perf_counter() - begin
            person = Person(program, page, think)
            for number, truth in enumerate(truths):
                person.leaf(truth)
                if number + 1 < len(truths):
                    _next(person, page)
            until(lambda: not page.assistant.busy)
            rest(page)
        masks = _on_disk(project)
    ious = [iou(m, t) if t.any() or m.any() else 1.0 for m, t in zip(masks, truths, strict=True)]
    waits = [w for group in person.waits.values() for w in group]
    return {
        "engine": engine,
        "leaves": len(truths),
        "lesions": sum(len(list(lesions(t))) for t in truths),
        "start_s": start,
        "waiting_s": sum(waits) / 1e3,
        "actions": dict(person.actions),
        "unanswered": person.unanswered,
        "iou": float(np.mean(ious)),
        "dice": float(np.mean([dice(m, t) for m, t in zip(masks, truths, strict=True)])),
        "ms": {name: spread(times) for name, times in person.waits.items()},
    }


def _next(person: Person, page: LabelPage) -> None:
    """Done and next, until the next photo stands there."""
    before = page.controller.current.wanted
    person.act(
        "done, next photo",
        lambda: person.press("photo.done"),
        lambda: page.controller.current.wanted != before and complete(page),
    )


def _project(folder: Path, photos: list[Path]) -> Path:
    from core.domain.disease import PALETTE, Disease
    from core.domain.ids import DiseaseId, ImageId, new_id
    from core.domain.image import LeafImage
    from core.imaging.decode import inspect
    from core.ports import NewImage
    from storage.projects import create_project

    store = create_project(folder / "session.leafspot")
    store.put_disease(Disease(DiseaseId(new_id()), DISEASE, PALETTE[0], hotkey=1))
    new = []
    for photo in photos:
        seen = inspect(photo)
        size = Image.open(photo).size
        image = LeafImage(ImageId(new_id()), str(photo.resolve()), seen.sha256, *size)
        new.append(NewImage(image, (), seen.thumbnail))
    store.add_images(new)
    store.close()
    return store.folder


def _on_disk(project: Path) -> list[Flags]:
    """The lesions of every photo, in the order of their names."""
    from core.domain.region import RegionKind
    from core.ports import ImageQuery
    from storage.projects import open_project

    store = open_project(project, read_only=True)
    masks = {}
    for number in store.image_ids(ImageQuery()):
        image = store.image(number)
        whole = np.zeros((image.height, image.width), bool)
        for region in store.regions(number):
            if region.info.kind is RegionKind.LESION:
                whole |= region.mask.to_array()
        masks[Path(image.path).name] = whole
    store.close()
    return [masks[name] for name in sorted(masks)]


def peers(chosen: list[tuple[Path, Path]], folder: Path) -> dict[str, Any]:
    """Each peer's own report, or why there is none."""
    found: dict[str, Any] = {}
    for name, script in SCRIPTS.items():
        ready = environment(name, folder.resolve())
        if ready.python is None:
            found[name] = {"left_out": ready.why}
            continue
        with tempfile.TemporaryDirectory() as work:
            said = _session_file(Path(work), chosen)
            out = Path(work) / "out.json"
            done = subprocess.run(
                [str(ready.python), str(HERE / "peers" / script), str(said), str(out)],
                env=surroundings(Path(work)),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if not out.is_file():
                last = (done.stderr.strip().splitlines() or ["no word"])[-1]
                found[name] = {"left_out": f"does not run headless: {last}"}
                continue
            report = json.loads(out.read_text())
            session = json.loads(said.read_text())
        polygons = [p for leaf in session["leaves"] for p in leaf["polygons"]]
        found[name] = {
            "version": report["version"],
            "waiting_s": sum(t for k, v in report["ms"].items() if k != "open again" for t in v)
            / 1e3,
            "polygons": len(polygons),
            "refused": report.get("refused", 0),
            "corners": sum(len(p["points"]) for p in polygons),
            "ms": {what: spread(times) for what, times in report["ms"].items() if times},
        }
    return found


def _session_file(folder: Path, chosen: list[tuple[Path, Path]]) -> Path:
    """The same leaves, copied, and an outline of every lesion."""
    leaves = []
    for photo, mask in chosen:
        copy = folder / photo.name
        copy.write_bytes(photo.read_bytes())
        polygons = []
        for lesion in lesions(np.asarray(Image.open(mask)) == LESION):
            points = hand_drawn(lesion)
            if len(points) >= 3:
                polygons.append({"label": DISEASE, "points": points})
        leaves.append({"photo": str(copy), "polygons": polygons})
    path = folder / "session.json"
    path.write_text(json.dumps({"leaves": leaves}))
    return path


def hand_drawn(lesion: Flags) -> list[list[float]]:
    """The corners of the coarsest outline that still overlaps the lesion by IoU 0.9."""
    contours, _ = cv2.findContours(
        lesion.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    contour = max(contours, key=cv2.contourArea)
    outline = contour
    for tolerance in (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0):
        coarser = cv2.approxPolyDP(contour, tolerance, closed=True)
        drawn = np.zeros(lesion.shape, np.uint8)
        cv2.fillPoly(drawn, [coarser], 1)
        if iou(drawn > 0, lesion) < HAND:
            break
        outline = coarser
    return [[float(x), float(y)] for (x, y) in outline[:, 0]]


def _print_ours(found: dict[str, Any]) -> None:
    total = sum(found["actions"].values())
    print(
        f"\nLeafspot, {found['engine']}: {found['leaves']} leaves, {found['lesions']} lesions\n"
        f"  waiting {found['waiting_s']:.1f} s in all (start of program and project"
        f" {found['start_s']:.1f} s apart)\n"
        f"  {total} actions: " + ", ".join(f"{n} {k}" for k, n in found["actions"].items())
    )
    print(
        f"  mean IoU {found['iou']:.3f}, Dice {found['dice']:.3f} a leaf;"
        f" {found['unanswered']} lesions without a proposal\n{SPREAD_HEAD}"
    )
    for name, one in found["ms"].items():
        print(spread_row(name, one))


def _print_peers(found: dict[str, Any]) -> None:
    for name, one in found.items():
        if "left_out" in one:
            print(f"\n{name}: left out, {one['left_out']}")
            continue
        print(
            f"\n{name} {one['version']}: {one['polygons']} finished polygons of {one['corners']}"
            f" corners, {one['refused']} refused, waiting {one['waiting_s']:.1f} s in all\n"
            f"{SPREAD_HEAD}"
        )
        for what, times in one["ms"].items():
            print(spread_row(what, times))


if __name__ == "__main__":
    sys.exit(main())
