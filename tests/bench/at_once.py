"""More photos at a time: what a step then takes of memory and time, and whether that was foreseen.

    python tests/bench/at_once.py [--json FILE] [--method qlora-nf4] [--base gemma3] [--rounds 3]

One optimiser step of eight photos, cut into parts of 1, 2, 4 and 8, by turns in one process on
drawn leaves: a Gemma 3 with the widths of its 270M text model and random weights, as a base model
from a folder begins (NF4, layers computed again). "foreseen" is what a run reckons with before it
decides how many to take: the formulae's curve through what parts of one and of two photos took
(`core.training.part_trial`); "measured" is the peak of whole steps above what stays between them.
"faster" is against one at a time, the least of all rounds. On a processor (Linux) or a card.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from core.training import batching, device, forecast, model_shape, part_trial, trial
from core.training.config import LARGE, Method, TrainConfig
from core.training.objective import Whole
from tests.bench import figures, small_models
from tests.drawn_run import SETTINGS, drawn_run

VOCABULARY = 65_536
WHOLE, CUTS = 8, (1, 2, 4, 8)
FAMILIES = {"gemma3": "gemma-3", "gemma4_e": "gemma-4", "gemma_clip": "gemma-clip"}
AIM = 1.1
"""Times the foreseen that a step may take: a run leaves a tenth of what is free."""


def step(one: trial.Trial, seed: int, at_once: int) -> None:
    """An optimiser step of ``WHOLE`` photos, ``at_once`` at a time."""
    visits = one._visits(WHOLE, seed)
    parts = [visits[k : k + at_once] for k in range(0, WHOLE, at_once)]
    whole = Whole.of(parts)
    one.model.train(True)
    for part in parts:
        answer, mask = one.objective.losses(part, whole)
        torch.autograd.backward(answer + mask)
    one.optimiser.step()
    one.optimiser.zero_grad(set_to_none=True)


def compared(
    config: TrainConfig, folder: Path, rounds: int, cuts: Sequence[int]
) -> list[dict[str, Any]]:
    """One row a number of photos at a time; bytes and seconds."""
    one = trial.Trial(drawn_run(folder, photos=15, settings=config), lambda _e: None, lambda: False)
    one.prepare()
    for group in one.optimiser.param_groups:
        group["lr"] = 0.0
    step(one, 0, max(cuts))  # what is made once is no part of a step
    gpu = torch.cuda.is_available()
    shape = model_shape.shape(trial.learner.base_folder(config))
    taken: dict[int, list[float]] = {n: [] for n in cuts}
    spent: dict[int, list[float]] = {n: [] for n in cuts}
    for turn in range(rounds):
        for at_once in cuts:
            begin = time.perf_counter()
            peak = device.peak_above(lambda n=at_once, seed=turn + 1: step(one, seed, n))
            if gpu:
                torch.cuda.synchronize()
            spent[at_once].append(time.perf_counter() - begin)
            taken[at_once].append(peak or 0.0)
    plain = {n: forecast.forecast(shape, replace(config, batch_size=n), gpu=gpu).step for n in cuts}
    few = one._visits(part_trial.PHOTOS, 9)
    measured = [part_trial.peak(one.objective, few, n) or 0.0 for n in (1, 2)]
    needed = batching.part_bytes(shape, config, batching.Taken(*measured), gpu=gpu)
    return [
        {
            "at_once": n,
            "formulae": plain[n],
            "foreseen": needed(n),
            "measured": max(taken[n]),
            "photo_seconds": min(spent[n]) / WHOLE,
            "faster": min(spent[cuts[0]]) / min(spent[n]),
        }
        for n in cuts
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--base", default="gemma3", choices=[*FAMILIES])
    parser.add_argument("--method", type=Method, default=Method.QLORA_NF4, choices=[*Method])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cuts", type=int, nargs="+", default=CUTS, choices=CUTS)
    parser.add_argument("--keep", action="store_true", help="layers keep what they made")
    args = parser.parse_args()
    small_models.VOCABULARY = VOCABULARY
    machine = figures.machine()
    print(machine)
    with tempfile.TemporaryDirectory() as scratch:
        base = getattr(small_models, args.base)(Path(scratch) / args.base)
        given = LARGE | {"base": FAMILIES[args.base], "base_path": str(base), "rank": 16}
        given |= {"method": args.method, "recompute": not args.keep}
        config = replace(SETTINGS, **given)  # type: ignore[arg-type]
        rows = compared(config, Path(scratch) / "run", args.rounds, args.cuts)
    print("photos at a time   formulae   foreseen   measured (MiB)   s a photo   faster")
    for row in rows:
        mib = [f"{row[k] / 2**20:11.0f}" for k in ("formulae", "foreseen", "measured")]
        told = f"{row['photo_seconds']:18.3f}{row['faster']:9.2f}"
        print(f"{row['at_once']:16}{''.join(mib)}{told}", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    return 0 if all(row["measured"] <= AIM * row["foreseen"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
