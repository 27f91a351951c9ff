"""Our window beside other programs' own windows: a 24 megapixel photo, 500 lesions, a click.

    python tests/bench/beside_peers.py [--only NAME ...] [--folder DIR] [--rounds 6] [--json FILE]

Each program is installed from its package into an environment of its own (``--folder``, else this
user's cache), started headless and told by a line what to do; ours and theirs do the same thing in
turns, so that what the machine has else to do falls on both. Every time runs from the doing to the
end of the first painting that shows it, by the clock:

open           another photo, nothing drawn on it, not seen for long nor looked at ahead (ours
               shows a reduced one first; the time to all its pixels is given at the end)
open lesions   the photo with 500 lesions, from its file or project
redraw, zoom   all of it in view, as it is and a tenth nearer or farther
pan            20 pixels at actual pixels
look           encoding the photo with ViT-B (ours once: weights opened, to the worker and back)
click          a click to its mask, the photo looked at before, the same ViT-B weights for all:
               those of ``knowing_sam.py``, which say a lesion; without (ours alone): engine `leaf`

One program is one file in ``tests/bench/peers``; `isat-sam`, `labelme` and the like keep lesions as
polygons, here of 16 corners each, micro-sam as a label image, ours as pixels.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
from platformdirs import user_cache_path

from tests.bench import knowing_sam
from tests.bench.canvas import VIEW, leaf
from tests.bench.figures import machine, spread
from tests.bench.peers.driven import Driven, LeftOut, export_onnx
from tests.bench.peers.environments import PEERS, environment
from tests.bench.peers.ours import Ours

MEGAPIXELS, PHOTOS, CORNERS, STEP = 24, 8, 16, 20
ENOUGH_S = 25.0
"""A stage that has taken so long gets no further round."""


@dataclass(frozen=True)
class Stage:
    """``before`` is asked of the program first and does not count, nor does a ``quiet`` stage."""

    name: str
    times: int
    before: str = ""
    quiet: bool = False


def stages(rounds: int) -> list[Stage]:
    return [
        Stage("open", rounds),
        Stage("open_labelled", max(2, rounds // 2), before="open"),
        Stage("redraw", 2 * rounds),
        Stage("zoom", 2 * rounds),
        Stage("actual_pixels", 1, quiet=True),
        Stage("pan", 2 * rounds),
        Stage("load", 1, quiet=True),
        Stage("look", 1),
        Stage("click", rounds),
    ]


def main() -> int:
    args = _arguments()
    where = machine()
    ours = {n: metadata.version(n) for n in ("torch", "PySide6-Essentials", "segment-anything")}
    print(f"{where}\nours: " + ", ".join(f"{k} {v}" for k, v in ours.items()))
    report: dict[str, Any] = {"machine": where, "versions": ours, "beside": {}}
    with tempfile.TemporaryDirectory(prefix="beside-peers-") as name:
        job = write_job(Path(name))
        with Ours(job, Path(name)) as mine:
            report["leaf: click"] = spread([mine.leaf_click() for _ in range(args.rounds + 1)][1:])
            for peer in args.only:
                found = beside(peer, args.folder, job, Path(name), mine, args.rounds)
                report["beside"][peer] = found
                _print(peer, found)
        report["open in full"] = spread(mine.in_full)
    print("\nours, engine leaf: click " + _cell(report["leaf: click"]))
    print("ours: a photo opened, in full " + _cell(report["open in full"]))
    if args.json:
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--folder", type=Path, default=user_cache_path("leafspot-bench") / "peers")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def write_job(folder: Path) -> dict[str, Any]:
    """The photos, where the lesions are, the weights and where the click goes."""
    photo, _, spots = leaf(MEGAPIXELS)
    height, width = photo.shape[:2]
    photos = folder / "photos"
    photos.mkdir()
    paths = [photos / f"leaf{n}.jpg" for n in range(PHOTOS)] + [photos / "lesions.jpg"]
    for number, path in enumerate(paths):
        shown = cv2.putText(photo[..., ::-1].copy(), str(number), (40, 160), 0, 5, (0, 0, 0), 9)
        path.write_bytes(cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    between = [photos / f"between{n}.jpg" for n in range(2 * PHOTOS)]
    for number, path in enumerate(between):
        cv2.imwrite(str(path), cv2.putText(photo[:480, :640].copy(), str(number), (9, 99), 0, 3, 0))
    weights = folder / "sam_vit_b.pth"
    knowing_sam.write(weights)
    turns = [n * 2 * math.pi / CORNERS for n in range(CORNERS)]
    lesions = [[[x + r * math.cos(a), y + r * math.sin(a)] for a in turns] for x, y, r in spots]
    cell = max(width, height) / 256
    return {
        "photos": [str(p) for p in paths[:-1]],
        "labelled": str(paths[-1]),
        "between": [str(p) for p in between],
        "size": [width, height],
        "spots": spots,
        "polygons": lesions,
        "window": VIEW,
        "middle": [width / 2, height / 2],
        "step": STEP,
        "checkpoint": str(weights),
        "onnx": str(folder / "onnx"),
        "click": knowing_sam.place(width, height),
        "area": math.pi * (knowing_sam.RADII[0] * cell) ** 2,
    }


def beside(
    name: str, folder: Path, job: dict[str, Any], work: Path, mine: Ours, rounds: int
) -> dict[str, Any]:
    """Both, in turns, through every stage that the other has; or why it was left out."""
    ready = environment(name, folder.resolve())
    if ready.python is None:
        return {"left_out": ready.why}
    found: dict[str, Any] = {"ours": {}, "theirs": {}, "failed": {}}
    try:
        if name in ("labelme", "x-anylabeling-cvhub") and not Path(job["onnx"]).is_dir():
            export_onnx(environment("x-anylabeling-cvhub", folder.resolve()), job)
        with Driven(ready, job, work / name) as peer:
            found["version"] = peer.version
            mine.begin()
            for stage in stages(rounds):
                if stage.name in peer.can:
                    _stage(stage, peer, mine, found)
    except LeftOut as error:
        found["left_out"] = str(error)
    return found


def _stage(stage: Stage, peer: Driven, mine: Ours, found: dict[str, Any]) -> None:
    """The first round warms up where there are several."""
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    asked: dict[str, Callable[[str], float | None]] = {"ours": mine.ask, "theirs": peer.ask}
    end = time.monotonic() + ENOUGH_S
    rounds = stage.times + (stage.times > 1)
    while rounds and time.monotonic() < end:
        rounds -= 1
        for who, ask in asked.items():
            try:
                if stage.before:
                    ask(stage.before)
                took = ask(stage.name)
            except RuntimeError as error:
                found["failed"][stage.name] = f"{who}: {error}"
                return
            if took is not None:
                times[who].append(took)
    if not stage.quiet:
        for who, values in times.items():
            found[who][stage.name] = spread(values[len(values) > 1 :])


def _print(name: str, found: dict[str, Any]) -> None:
    print(f"\n{name} {found.get('version', '')}".rstrip())
    for what, theirs in found.get("theirs", {}).items():
        mine = found["ours"][what]
        times = theirs["p50"] / mine["p50"]
        print(f"  {what:<14} ours {_cell(mine)}   theirs {_cell(theirs)}   {times:.1f} x")
    for what, why in found.get("failed", {}).items():
        print(f"  {what:<14} failed: {why}")
    if "left_out" in found:
        print(f"  left out: {found['left_out']}")


def _cell(one: dict[str, float]) -> str:
    return f"{one['p50']:8.1f} {one['p95']:8.1f} ms (p50, p95 of {one['calls']})"


if __name__ == "__main__":
    sys.exit(main())
