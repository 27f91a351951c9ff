"""How few clicks an assistant needs: mean IoU per lesion after 1, 2, 3, 5 clicks and a box.

    python tests/bench/clicks.py --images DIR --masks DIR --engine leaf [--json FILE] [--reference]

Masks are palette or grey PNGs named as the photos, 2 = lesion. Every 8-connected piece of at least
30 pixels is one lesion to find. The person is simulated: the first click is the lesion's inmost
point, each further one the inmost point of the largest piece that is wrong, plus when it is
missing, minus when it is too much. The box is the lesion's bounding box; ``loose`` is a box whose
sides lie up to 15 % of the lesion's size further out (fixed random numbers), as hands draw it.
Beside the engine, in the same run: GrabCut with the true box (it sees as much again around the box;
on the whole photo it takes seconds a lesion) and Otsu's threshold on a* inside it.
The leaf: everything that is no background, from one click at its inmost point, the engine being
told that a leaf is wanted. Only the first candidate counts. Photos of the ``--split`` (val) are
taken where ``labels.csv`` lies beside the folder of photos.

``--reference`` holds our Segment Anything engine to the library's own ``SamPredictor.predict``:
the same small model of random weights (``tests/small_sam.py``), the same clicks on the same photos,
and the IoU between the masks of both. Ours keeps its look at a photo in half the digits and
enlarges once instead of twice, so a pixel of an edge may differ.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np
from PIL import Image

from core.domain.region import RegionKind
from core.engines.base import Prompt, Segmenter
from core.errors import UserError
from core.services.segment import load_engine
from tests.bench.figures import p95
from tests.bench.oracle import LESION, box_of, inmost, iou, lesions, next_click, pairs, paste

CLICKS = (1, 2, 3, 5)


def main() -> int:
    args = _arguments()
    report: dict = {"machine": _machine()}
    if args.reference:
        report["reference"] = _reference(args)
        _print_reference(report["reference"])
    else:
        found = _measure(args)
        if found is None:
            print("No lesion of 30 pixels or more was found in these masks.", file=sys.stderr)
            return 1
        report |= found
        _print(report)
    print("  " + ", ".join(f"{k} {v}" for k, v in report["machine"].items()))
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def _measure(args: argparse.Namespace) -> dict | None:
    """The figures of one engine; None when there was nothing to find."""
    engine = load_engine(args.engine, args.checkpoint)
    rows: list[dict[str, float]] = []
    leaves: list[float] = []
    times: dict[str, list[float]] = {"photo": [], "click": [], "box": [], "leaf": []}
    for photo, mask in pairs(args.images, args.masks, args.split):
        rgb = np.asarray(Image.open(photo).convert("RGB"))
        said = np.asarray(Image.open(mask))
        _timed(times["photo"], engine.set_image, rgb)
        for lesion in lesions(said == LESION):
            rows.append(_one(engine, lesion, times))
            if not args.engine_only:
                rows[-1] |= _baselines(rgb, lesion)
            if args.limit and len(rows) == args.limit:
                break
        leaves.append(_leaf(engine, said > 0, times["leaf"]))
        print(f"\r{len(rows)} lesions", end="", file=sys.stderr, flush=True)
        if args.limit and len(rows) >= args.limit:
            break
    print(file=sys.stderr)
    return _report(args.engine, rows, leaves, times) if rows else None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--engine", default="colour")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=0, help="stop after so many lesions")
    parser.add_argument("--engine-only", action="store_true", help="no GrabCut, no Otsu")
    parser.add_argument("--reference", action="store_true", help="only ours beside SamPredictor")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _one(engine: Segmenter, lesion: np.ndarray, times: dict[str, list[float]]) -> dict[str, float]:
    row: dict[str, float] = {}
    points: list[tuple[float, float]] = []
    positive: list[bool] = []
    found = np.zeros_like(lesion)
    for click in range(1, max(CLICKS) + 1):
        point, plus = next_click(lesion, found)
        if point is not None:
            points.append(point)
            positive.append(plus)
            prompt = Prompt(tuple(points), tuple(positive))
            found = _ask(engine, prompt, lesion.shape, times["click"])
        if click in CLICKS:
            row[f"iou_{click}"] = iou(found, lesion)
    box = box_of(lesion)
    row["iou_box"] = iou(_ask(engine, Prompt(box=box), lesion.shape, times["box"]), lesion)
    loose = _loosen(box, lesion.shape)
    row["iou_loose"] = iou(_ask(engine, Prompt(box=loose), lesion.shape, times["box"]), lesion)
    return row


def _baselines(rgb: np.ndarray, lesion: np.ndarray) -> dict[str, float]:
    box = box_of(lesion)
    return {
        "grabcut_box": iou(_grabcut(rgb, box), lesion),
        "otsu_box": iou(_otsu(rgb, box), lesion),
    }


def _ask(
    engine: Segmenter, prompt: Prompt, shape: tuple[int, int], times: list[float]
) -> np.ndarray:
    try:
        best = _timed(times, engine.predict, prompt)[0]
    except UserError:
        return np.zeros(shape, bool)
    return paste(best.pixels, best.origin, shape)


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


def _leaf(engine: Segmenter, leaf: np.ndarray, times: list[float]) -> float:
    prompt = Prompt((inmost(leaf),), (True,), wanted=RegionKind.LEAF)
    return iou(_ask(engine, prompt, leaf.shape, times), leaf)


def _reference(args: argparse.Namespace) -> dict:
    """IoU between our masks and SamPredictor's, one and two clicks and a box in every photo."""
    from segment_anything import SamPredictor

    from tests.small_sam import build_sam, save_sam

    with tempfile.TemporaryDirectory() as folder:
        ours = load_engine("segment-anything", save_sam(Path(folder) / "small.pth"))
    theirs = SamPredictor(build_sam())
    alike: list[float] = []
    for photo, _ in list(pairs(args.images, args.masks, args.split))[: args.limit or None]:
        rgb = np.asarray(Image.open(photo).convert("RGB"))
        ours.set_image(rgb)
        theirs.set_image(rgb)
        height, width = rgb.shape[:2]
        first, second = (width * 0.4 + 0.5, height * 0.5 + 0.5), (width * 0.7, height * 0.3)
        for prompt in (
            Prompt((first,), (True,)),
            Prompt((first, second), (True, False)),
            Prompt(box=(width // 4, height // 4, width // 2, height // 2)),
        ):
            alike += _beside(ours, theirs, prompt, (height, width))
    return {
        "masks": len(alike),
        "iou_mean": float(np.mean(alike)),
        "iou_least": min(alike),
        "identical": float(np.mean([a == 1 for a in alike])),
    }


def _beside(ours: Segmenter, theirs: object, prompt: Prompt, shape: tuple[int, int]) -> list[float]:
    """For each of SamPredictor's masks that is not empty, its IoU with ours of the same rank."""
    found, scores, _ = theirs.predict(
        point_coords=np.array(prompt.points) if prompt.points else None,
        point_labels=np.array(prompt.positive, int) if prompt.points else None,
        box=None if prompt.box is None else np.array(prompt.box),
        multimask_output=prompt.box is None and len(prompt.points) == 1,
    )
    ranked = [found[n] for n in np.argsort(-scores, kind="stable") if found[n].any()]
    try:
        mine = ours.predict(prompt)
    except UserError:
        mine = []
    if len(mine) != len(ranked):
        raise SystemExit(f"{len(ranked)} masks were expected, ours gave {len(mine)}")
    return [
        iou(paste(one.pixels, one.origin, shape), mask)
        for one, mask in zip(mine, ranked, strict=True)
    ]


def _report(
    engine: str,
    rows: list[dict[str, float]],
    leaves: list[float],
    times: dict[str, list[float]],
) -> dict:
    report: dict = {"engine": engine, "lesions": len(rows), "leaves": len(leaves)}
    report |= {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    report["leaf_1"] = float(np.mean(leaves))
    report["ms"] = {
        name: {"p50": float(np.median(values)), "p95": p95(values)}
        for name, values in times.items()
        if values
    }
    return report


def _machine() -> dict[str, str]:
    """What the figures were measured with."""
    return {
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "torch": metadata.version("torch"),
        "segment-anything": metadata.version("segment-anything"),
    }


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
    print(f"  {'leaf, 1 click':<15} {report['leaf_1']:.3f}   mean of {report['leaves']} leaves")
    for name, ms in report["ms"].items():
        print(f"  ms {name:<12} p50 {ms['p50']:.0f}, p95 {ms['p95']:.0f}")


def _print_reference(found: dict) -> None:
    print(
        f"\nsegment-anything beside SamPredictor, {found['masks']} masks: mean IoU"
        f" {found['iou_mean']:.5f}, least {found['iou_least']:.5f},"
        f" identical {found['identical']:.0%}"
    )


if __name__ == "__main__":
    sys.exit(main())
