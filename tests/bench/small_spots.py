"""One click on a spot of 10 to 18 pixels of a photo of 24 megapixels: how good, and how long.

    python tests/bench/small_spots.py [--spots 24] [--json FILE]

A drawn healthy leaf, enlarged to 6000 × 4000, with brown ellipses whose pixels are known. Each is
clicked once in its middle through the assistant's own path (``core.services.segment``), first with
the whole photo in view, where it is two or three of the engine's pixels across, then zoomed in on
it. The mean IoU of the first proposal and the time of the call, 50 and 95 % of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np
from PIL import Image

from core.domain.region import RegionKind
from core.engines.base import Candidate, Prompt
from core.errors import UserError
from core.imaging.drawn_leaves import draw_leaf
from core.services.segment import Assistant

SIZE = (6000, 4000)
BROWN = (120, 68, 30)
ZOOMED = (800, 520)
Ellipse = tuple[int, int, int, float]
"""x, y, longer half axis, angle in degrees."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spots", type=int, default=24)
    parser.add_argument("--engine", default="leaf")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rgb, spots = picture(args.spots)
    report: dict[str, object] = {"engine": args.engine, "spots": len(spots)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leaf.png"
        Image.fromarray(rgb).save(path, compress_level=1)
        assistant = Assistant()
        assistant.load(args.engine)
        assistant.show(path)
        for name in ("whole photo", "zoomed in"):
            ious, times = [], []
            for spot in spots:
                view = (0, 0, *SIZE) if name == "whole photo" else _around(spot)
                prompt = Prompt(
                    ((spot[0] + 0.5, spot[1] + 0.5),), (True,), wanted=RegionKind.LESION
                )
                began = time.perf_counter()
                try:
                    found = assistant.predict(prompt, view)
                except UserError:
                    ious.append(0.0)
                    continue
                times.append((time.perf_counter() - began) * 1e3)
                ious.append(_iou(found[0], spot))
            p50, p95 = np.percentile(times, [50, 95])
            report[name] = {"iou": float(np.mean(ious)), "ms_p50": float(p50), "ms_p95": float(p95)}
            print(f"{name:<12} IoU {np.mean(ious):.3f}   {p50:.0f} ms, 95 % within {p95:.0f}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def picture(count: int) -> tuple[np.ndarray, list[Ellipse]]:
    """The photo [4000, 6000, 3] and its spots, the same every time."""
    rng = np.random.default_rng(3)
    leaf = draw_leaf(np.random.default_rng(5), crop="coffee", size=(3000, 2000))
    rgb = cv2.resize(leaf.rgb, SIZE, interpolation=cv2.INTER_CUBIC)
    inner = cv2.erode(cv2.resize(leaf.leaf.astype(np.uint8), SIZE), np.ones((61, 61)))
    rows, cols = np.nonzero(inner)
    spots: list[Ellipse] = []
    for n in rng.integers(0, len(rows), count):
        spot = (int(cols[n]), int(rows[n]), int(rng.integers(5, 9)), float(rng.uniform(0, 180)))
        _draw(rgb, spot, BROWN, cv2.LINE_AA)
        spots.append(spot)
    noise = rng.normal(0, 4, (SIZE[1] // 4, SIZE[0] // 4, 3)).astype(np.float32)
    return np.clip(rgb + cv2.resize(noise, SIZE), 0, 255).astype(np.uint8), spots


def _draw(array: np.ndarray, spot: Ellipse, colour: tuple[int, ...], line: int) -> None:
    x, y, longer, angle = spot
    axes = (longer, max(3, longer - 2))
    cv2.ellipse(array, (x, y), axes, angle, 0, 360, colour, -1, line)


def _around(spot: Ellipse) -> tuple[int, int, int, int]:
    x, y = spot[:2]
    width, height = ZOOMED
    return x - width // 2, y - height // 2, x + width // 2, y + height // 2


def _iou(found: Candidate, spot: Ellipse) -> float:
    truth = np.zeros(SIZE[::-1], np.uint8)
    _draw(truth, spot, (1,), cv2.LINE_8)
    whole = np.zeros(SIZE[::-1], bool)
    x, y = found.origin
    height, width = found.pixels.shape
    whole[y : y + height, x : x + width] = found.pixels
    return float((whole & (truth > 0)).sum() / (whole | (truth > 0)).sum())


if __name__ == "__main__":
    sys.exit(main())
