"""Epochs with a frozen tower: with its features kept on disk, and without.

    python tests/bench/epochs.py [--json FILE] [--photos N] [--repeats N]

One process, the same run by both ways in turn: every photo is learnt from once, by the recipe's own
steps. Without the cache the tower looks at each photo as it is turned, every time. The first epoch
with the cache also looks at every photo once and is told apart. The gain is what the tower costs
beside the rest, so it differs by model: `starter`'s tower is small, that of a Gemma with SigLIP in
front of it is most of the work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

AIM = 3.0
BATCH = 4
CASES = {"starter": "", "SigLIP so400m/384 + Gemma 3 270M": "siglip_and_270m"}


def measured(title: str, maker: str, scratch: Path, args: argparse.Namespace) -> dict[str, object]:
    """Seconds of an epoch by both ways, and their ratio."""
    import small_models

    from core.training import events
    from core.training.recipe import Recipe
    from tests.drawn_run import SETTINGS, drawn_run

    folder = getattr(small_models, maker)(scratch / maker) if maker else None
    base = {"base": "gemma-3", "base_path": str(folder)} if folder else {"base": "starter"}
    settings = replace(SETTINGS, **base, batch_size=BATCH, epochs=1000.0)
    photos = args.photos * 5 // 4 + 1  # every fifth is held out
    run = drawn_run(scratch / f"run-{maker}", photos=photos, settings=settings)

    def tell(_event: events.TrainEvent) -> None:
        """Nobody listens."""

    begin = time.perf_counter()
    recipe = Recipe(run, tell, lambda: False)
    recipe.setup()
    first = time.perf_counter() - begin
    kept = recipe.features
    recipe._step()  # warm
    spent: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(args.repeats):
        for way, features in (("without", None), ("with", kept)):
            recipe.objective._features = features
            begin = time.perf_counter()
            for _ in range(recipe.visits.steps_per_epoch):
                recipe._step()
                recipe.progress = replace(recipe.progress, step=recipe.progress.step + 1)
            spent[way].append(time.perf_counter() - begin)
    seconds = {way: statistics.median(values) for way, values in spent.items()}
    return {
        "case": title,
        "photos": recipe.visits.steps_per_epoch * BATCH,
        "seconds": seconds,
        "setting up, every photo looked at once": first,
        "ratio": seconds["without"] / seconds["with"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--photos", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    import figures

    said = {"machine": figures.machine(), "torch": version("torch")}
    print(said)
    found = []
    for title, maker in CASES.items():
        with tempfile.TemporaryDirectory() as scratch:
            found.append(measured(title, maker, Path(scratch), args))
        print(found[-1])
    if args.json:
        args.json.write_text(json.dumps(said | {"cases": found}, indent=1))
    return 0 if max(float(case["ratio"]) for case in found) >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
