"""How few clicks an assistant needs: mean IoU per lesion after 1, 2, 3, 5 clicks and a box.

    python tests/bench/clicks.py --images DIR --masks DIR --engine colour [--json FILE]

Masks are palette or grey PNGs named as the photos, 2 = lesion. Every 8-connected piece of at least
30 pixels is one lesion to find. The person is simulated: the first click is the lesion's inmost
point, each further one the inmost point of the largest piece that is wrong, plus when it is
missing, minus when it is too much. The box is the lesion's bounding box; ``loose`` is a box whose
sides lie up to 15 % of the lesion's size further out (fixed random numbers), as hands draw it.
Beside the engine, in the same run: GrabCut with the true box (it sees as much again around the box;
on the whole photo it takes seconds a lesion) and Otsu's threshold on a* inside it.
Only the first candidate counts. Photos of the ``--split`` (val) are taken where ``labels.csv``
lies beside the folder of photos.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np
from PIL import Image

from core.engines.base import Candidate, Prompt, Segmenter
from core.errors import UserError
from core.services.segment import load_engine

CLICKS = (1, 2, 3, 5)
LESION = 2
SMALLEST = 30


def main() -> int:
    args = _arguments()
    engine = load_engine(args.engine, args.checkpoint)
    rows: list[dict[str, float]] = []
    times: dict[str, list[float]] = {"photo": [], "click": [], "box": []}
    for photo, mask in _pairs(args):
        rgb = np.asarray(Image.open(photo).convert("RGB"))
        truth = np.asarray(Image.open(mask)) == LESION
        _timed(times["photo"], engine.set_image, rgb)
        for lesion in _lesions(truth):
            rows.append(_one(engine, lesion, times))
            if not args.engine_only:
                rows[-1] |= _baselines(rgb, lesion)
            if args.limit and len(rows) == args.limit:
                break
        print(f"\r{len(rows)} lesions", end="", file=sys.stderr, flush=True)
        if args.limit and len(rows) == args.limit:
            break
    print(file=sys.stderr)
    if not rows:
        print("No lesion of 30 pixels or more was found in these masks.", file=sys.stderr)
        return 1
    report = _report(args.engine, rows, times)
    _print(report)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--engine", default="colour")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=0, help="stop after so many lesions")
    parser.add_argument("--engine-only", action="store_true", help="no GrabCut, no Otsu")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _pairs(args: argparse.Namespace) -> Iterator[tuple[Path, Path]]:
    wanted = None
    table = args.images.parent / "labels.csv"
    if table.is_file():
        with table.open(newline="") as file:
            wanted = {r["id"] for r in csv.DictReader(file) if r["split"] == args.split}
    for photo in sorted(args.images.iterdir()):
        mask = args.masks / f"{photo.stem}.png"
        if mask.is_file() and (wanted is None or photo.stem in wanted):
            yield photo, mask


def _lesions(truth: np.ndarray) -> Iterator[np.ndarray]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        truth.astype(np.uint8), connectivity=8
    )
    for n in range(1, count):
        if stats[n, cv2.CC_STAT_AREA] >= SMALLEST:
            yield labels == n


def _one(engine: Segmenter, lesion: np.ndarray, times: dict[str, list[float]]) -> dict[str, float]:
    row: dict[str, float] = {}
    points: list[tuple[float, float]] = []
    positive: list[bool] = []
    found = np.zeros_like(lesion)
    for click in range(1, max(CLICKS) + 1):
        point, plus = _next_click(lesion, found)
        if point is not None:
            points.append(point)
            positive.append(plus)
            prompt = Prompt(tuple(points), tuple(positive))
            found = _ask(engine, prompt, lesion.shape, times["click"])
        if click in CLICKS:
            row[f"iou_{click}"] = _iou(found, lesion)
    box = _box(lesion)
    row["iou_box"] = _iou(_ask(engine, Prompt(box=box), lesion.shape, times["box"]), lesion)
    loose = _loosen(box, lesion.shape)
    row["iou_loose"] = _iou(_ask(engine, Prompt(box=loose), lesion.shape, times["box"]), lesion)
    return row


def _baselines(rgb: np.ndarray, lesion: np.ndarray) -> dict[str, float]:
    box = _box(lesion)
    return {
        "grabcut_box": _iou(_grabcut(rgb, box), lesion),
        "otsu_box": _iou(_otsu(rgb, box), lesion),
    }


def _box(lesion: np.ndarray) -> tuple[int, int, int, int]:
    x, y, w, h = cv2.boundingRect(lesion.astype(np.uint8))
    return x, y, x + w, y + h


def _next_click(lesion: np.ndarray, found: np.ndarray) -> tuple[tuple[float, float] | None, bool]:
    """((x, y), whether it is a plus): the inmost point of the largest piece that is wrong."""
    best: tuple[int, np.ndarray | None, bool] = (0, None, True)
    for wrong, plus in ((lesion & ~found, True), (found & ~lesion, False)):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            wrong.astype(np.uint8), connectivity=8
        )
        if count > 1:
            n = int(stats[1:, cv2.CC_STAT_AREA].argmax()) + 1
            area = int(stats[n, cv2.CC_STAT_AREA])
            if area > best[0]:
                best = (area, labels == n, plus)
    if best[1] is None:
        return None, True
    framed = np.pad(best[1].astype(np.uint8), 1)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return (float(x) + 0.5, float(y) + 0.5), best[2]


def _ask(
    engine: Segmenter, prompt: Prompt, shape: tuple[int, int], times: list[float]
) -> np.ndarray:
    whole = np.zeros(shape, bool)
    try:
        found = _timed(times, engine.predict, prompt)
    except UserError:
        return whole
    best: Candidate = found[0]
    x, y = best.origin
    whole[y : y + best.pixels.shape[0], x : x + best.pixels.shape[1]] = best.pixels
    return whole


def _timed(times: list[float], call, *args):
    start = time.perf_counter()
    out = call(*args)
    times.append((time.perf_counter() - start) * 1000)
    return out


def _loosen(box: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    rng = np.random.default_rng(box)
    w, h = box[2] - box[0], box[3] - box[1]
    out = rng.uniform(0, 0.15, 4) * (w, h, w, h)
    return (
        max(0, int(box[0] - out[0])),
        max(0, int(box[1] - out[1])),
        min(shape[1], int(np.ceil(box[2] + out[2]))),
        min(shape[0], int(np.ceil(box[3] + out[3]))),
    )


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def _grabcut(rgb: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    pad = max(20, x1 - x0, y1 - y0)
    left, top = max(0, x0 - pad), max(0, y0 - pad)
    part = rgb[top : y1 + pad, left : x1 + pad, ::-1].copy()
    mask = np.zeros(part.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    whole = np.zeros(rgb.shape[:2], bool)
    try:
        area = (x0 - left, y0 - top, x1 - x0, y1 - y0)
        cv2.grabCut(part, mask, area, *models, 5, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # a box as large as the photo leaves it no outside to learn from
        return whole
    inside = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    whole[top : y1 + pad, left : x1 + pad] = inside
    return whole


def _otsu(rgb: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    redness = cv2.cvtColor(rgb[y0:y1, x0:x1], cv2.COLOR_RGB2LAB)[:, :, 1]
    _, above = cv2.threshold(redness, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    whole = np.zeros(rgb.shape[:2], bool)
    whole[y0:y1, x0:x1] = above > 0
    return whole


def _report(engine: str, rows: list[dict[str, float]], times: dict[str, list[float]]) -> dict:
    report: dict = {"engine": engine, "lesions": len(rows)}
    report |= {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    report |= {f"ms_{name}": float(np.median(values)) for name, values in times.items()}
    report["machine"] = {
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    return report


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _print(report: dict) -> None:
    print(f"\n{report['engine']}: mean IoU of {report['lesions']} lesions")
    for name in (f"iou_{n}" for n in CLICKS):
        print(f"  {name.removeprefix('iou_'):>6} click(s)   {report[name]:.3f}")
    for name, title in (
        ("iou_box", "box"),
        ("iou_loose", "loose box"),
        ("grabcut_box", "GrabCut, box"),
        ("otsu_box", "Otsu a*, box"),
    ):
        if name in report:
            print(f"  {title:<15} {report[name]:.3f}")
    print(
        f"  median ms: photo {report['ms_photo']:.0f}, click {report['ms_click']:.0f},"
        f" box {report['ms_box']:.0f}"
    )
    print("  " + ", ".join(f"{k} {v}" for k, v in report["machine"].items()))


if __name__ == "__main__":
    sys.exit(main())
