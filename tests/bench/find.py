"""How much of the lesions an engine finds that nobody pointed at.

    python tests/bench/find.py --images DIR --masks DIR [--engine leaf] [--json FILE]

Photos and masks as in ``clicks.py``. ``everything``: of the lesions of 30 pixels or more, the share
that some candidate covers with an IoU of 0.5 or more (recall), the share of candidates that do so
(precision), and the Dice of all candidates together with all lesions. ``alike``: each lesion in
turn is the example (at most five a photo); the first ten answers are looked at: the share that are
lesions of the photo at all (half of the candidate or more lies on lesions).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from clicks import LESION, _iou, _lesions, _pairs
from PIL import Image

from core.engines.base import Candidate, Finder
from core.services.segment import load_engine

ENOUGH = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--engine", default="leaf")
    parser.add_argument("--split", default="val")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    engine = load_engine(args.engine)
    if not isinstance(engine, Finder):
        print(f"{args.engine} finds nothing by itself.", file=sys.stderr)
        return 1
    hit, lesions, right, candidates, dices, times, first = 0, 0, 0, 0, [], [], []
    for photo, mask in _pairs(args):
        rgb = np.asarray(Image.open(photo).convert("RGB"))
        truth = np.asarray(Image.open(mask)) == LESION
        engine.set_image(rgb)
        began = time.perf_counter()
        found = engine.everything()
        times.append(time.perf_counter() - began)
        drawn = [_whole(one, truth.shape) for one in found]
        wanted = list(_lesions(truth))
        table = np.array([[_iou(d, w) for w in wanted] for d in drawn]).reshape(
            len(drawn), len(wanted)
        )
        hit += int((table.max(0, initial=0) >= ENOUGH).sum())
        right += int((table.max(1, initial=0) >= ENOUGH).sum())
        lesions, candidates = lesions + len(wanted), candidates + len(found)
        union = np.any(drawn, axis=0) if drawn else np.zeros_like(truth)
        if truth.any() or union.any():
            dices.append(2 * (union & truth).sum() / (union.sum() + truth.sum()))
        for example in wanted[:5]:
            y, x = np.argwhere(example).min(0)
            end_y, end_x = np.argwhere(example).max(0) + 1
            shown = Candidate(example[y:end_y, x:end_x], (int(x), int(y)), 1.0)
            for one in engine.alike([shown], 10):
                pixels = _whole(one, truth.shape)
                first.append(float((pixels & truth).sum() / pixels.sum() >= ENOUGH))
    report = {
        "engine": args.engine,
        "lesions": lesions,
        "recall": hit / max(1, lesions),
        "precision": right / max(1, candidates),
        "dice": float(np.mean(dices)),
        "alike_on_lesions": float(np.mean(first)),
        "seconds_p50": float(np.median(times)),
        "seconds_p95": float(np.quantile(times, 0.95)),
    }
    for name, value in report.items():
        print(f"{name:<18} {value if isinstance(value, (int, str)) else round(value, 3)}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def _whole(one: Candidate, shape: tuple[int, int]) -> np.ndarray:
    whole = np.zeros(shape, bool)
    x, y = one.origin
    whole[y : y + one.pixels.shape[0], x : x + one.pixels.shape[1]] = one.pixels
    return whole


if __name__ == "__main__":
    sys.exit(main())
