"""The forecast of memory beside what real steps take, on this computer's processor.

    python tests/bench/forecast.py [--json FILE] [--only NAME ...] [--minutes 3.5]

Models of the real architectures with the widths of Gemma 3's 270M text model, a vocabulary of
65,536 and random weights, the recipe's own steps on drawn leaves. Each case runs in a process of
its own, split off once the libraries are there. "held" is what stays between steps: the model, what
is trained and the optimiser's moments, by what the system counts as resident. "step" is the peak of
two steps above that (`core.training.device.peak_above`), "tower" that of a frozen tower looking at
as many photos as it does in one go. "kept" are the bytes that autograd keeps for the way back, by
where they were made: they tell which term is off. Linux only. What a graphics card takes besides
(its context, the allocator's rounding) is computed and not measured here.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from core.training import device, forecast, model_shape, trial
from core.training.config import Tower, TrainConfig
from core.training.weave import Asked, weave
from tests.bench import figures, small_models
from tests.bench.families import _sam2 as sam2_of
from tests.drawn_run import SETTINGS, drawn_run

AIM = 0.15
"""Of the larger of both that forecast and measurement may be apart."""
VOCABULARY = 65_536
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "starter, 8 photos": ("", {"batch_size": 8}),
    "starter, 8 photos, layers again": ("", {"batch_size": 8, "recompute": True}),
    "starter, 1 photo": ("", {"batch_size": 1}),
    "starter, 4 photos, grid": ("", {"batch_size": 4, "head": "grid"}),
    "starter, 2 photos, sam": ("", {"batch_size": 2, "head": "sam"}),
    "starter, 2 photos, tower": ("", {"batch_size": 2, "tower": Tower.LORA}),
    "starter, rank 64": ("", {"batch_size": 1, "rank": 64, "alpha": 128}),
    "gemma-3, 2 photos": ("gemma3", {"batch_size": 2}),
    "gemma-3, 2 photos, layers again": ("gemma3", {"batch_size": 2, "recompute": True}),
    "gemma-4 E, 70 tokens": ("gemma4_e", {"batch_size": 2, "image_tokens": 70}),
    "gemma-4 E, 280 tokens": ("gemma4_e", {"batch_size": 2, "image_tokens": 280}),
    "gemma-clip, 4 photos": ("gemma_clip", {"batch_size": 4}),
}
LIBRARIES = (
    "peft",
    "transformers.models.auto.processing_auto",
    *(
        f"transformers.models.{name}.modeling_{name}"
        for name in ("gemma3", "gemma4", "llava", "clip", "siglip", "sam2")
    ),
)
"""Loaded once, for all cases."""
FAMILIES = {"": "starter", "gemma3": "gemma-3", "gemma4_e": "gemma-4", "gemma_clip": "gemma-clip"}


class Kept(AbstractContextManager[None]):
    """Counts the bytes that are kept for the way back within, by where they are made."""

    def __init__(self, model: Any) -> None:
        self.bytes: Counter[str] = Counter()
        self._where = ["other"]
        self._seen = {p.untyped_storage().data_ptr() for p in model.peft.parameters()}
        self._seen |= {p.untyped_storage().data_ptr() for p in model.head.module.parameters()}
        for name, module in model.vlm.model.named_modules():
            if name.endswith("lm_head"):
                self._watch(module, "logits")
            elif name.rpartition(".")[0].endswith("layers"):
                self._watch(module, "tower" if "vision" in name else "layers")
        for module in model.head.module.modules():
            self._watch(module, "head")
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda kept: kept)

    def _watch(self, module: Any, name: str) -> None:
        module.register_forward_pre_hook(lambda *_: self._where.append(name))
        module.register_forward_hook(lambda *_: self._where.pop() and None)

    def _pack(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._seen:
            self._seen.add(storage.data_ptr())
            self.bytes[self._where[-1]] += storage.nbytes()
        return tensor

    def __enter__(self) -> None:
        self._hooks.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._hooks.__exit__(*error)


def measured(config: TrainConfig, scratch: Path) -> dict[str, Any]:
    """Of one case, in bytes; in a process that has done nothing yet."""
    run = drawn_run(scratch / "run", photos=10, settings=config)
    before = device.resident()
    one = trial.Trial(run, lambda _event: None, lambda: False)
    one.prepare()
    visits = one._visits(config.batch_size)
    one._step(visits, 0.1)
    found: dict[str, Any] = {"libraries": before}

    def steps() -> None:
        for seed in (1, 2):
            one._step(one._visits(config.batch_size, seed), 0.1)

    device.peak_above(lambda: None)  # gives back what was freed
    found["held"] = device.resident() - before
    found["step"] = device.peak_above(steps)
    found["tokens"] = _width(one, visits)
    found["tower"] = device.peak_above(lambda: _look(one))
    kept = Kept(one.model)
    with kept:
        one._backward(one._visits(config.batch_size, 1))
    found["kept"] = dict(kept.bytes)
    return found


def _width(one: trial.Trial, visits: Any) -> int:
    """Tokens in a row of these visits."""
    vlm = one.model.vlm
    asked = [
        Asked(k, vlm.render(q.prompt, q.answer))
        for k, visit in enumerate(visits)
        for q in visit.questions
    ]
    return int(weave(asked, seg=vlm.seg, pad=vlm.pad).ids.shape[1])


@torch.inference_mode()
def _look(one: trial.Trial) -> None:
    vlm = one.model.vlm
    count = forecast.together(vlm.grid[1] * vlm.grid[2])
    photos = [one.cache.photo(k % len(one.samples)) for k in range(count)]
    vlm.tower(vlm.pixels(photos))


def apart(work: Callable[..., Any], *given: Any) -> Any:
    """What ``work`` gives in a process of its own, which leaves no memory behind here."""
    split = multiprocessing.get_context("fork")
    ours, theirs = split.Pipe()
    process = split.Process(target=lambda: theirs.send(work(*given)))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def settings(maker: str, given: dict[str, object], folder: Path) -> TrainConfig:
    """A case's settings, its base model made where it is not there."""
    made = given
    if maker:
        path = apart(getattr(small_models, maker), folder / maker)
        made = made | {"base": FAMILIES[maker], "base_path": str(path)}
    if given.get("head") == "sam":
        made = made | {"head_path": str(apart(_sam2, folder / "sam2"))}
    return replace(SETTINGS, **({"rank": 16} | made))  # type: ignore[arg-type]


def _sam2(folder: Path) -> Path:
    """SAM 2.1 tiny in its published sizes, with random numbers."""
    if not folder.is_dir():
        sam2_of("sam2-tiny").save_pretrained(folder)
    return folder


def compared(name: str, folder: Path) -> dict[str, Any]:
    """One row: forecast and measurement."""
    config = settings(*CASES[name], folder)
    spec = trial.learner.base_folder(config)
    terms = forecast.forecast(model_shape.shape(spec), config, gpu=False)
    with tempfile.TemporaryDirectory() as scratch:
        found = apart(measured, config, Path(scratch))
    held = terms.total - terms.moving - forecast.LIBRARIES
    row = {"case": name, "terms": {t.id: t.bytes for t in terms.terms}, "measured": found}
    row["held"], row["step"] = held, terms.step
    whole = held + terms.step + forecast.LIBRARIES
    row["whole"] = whole / (found["libraries"] + found["held"] + found["step"])
    return row


def told(row: dict[str, Any]) -> str:
    """The row as a line, in MiB, and its terms under it."""
    found = row["measured"]
    cells = [f"{row['case']:34}"]
    for name in ("held", "step"):
        cells.append(f"{row[name] / 2**20:8.0f}{found[name] / 2**20:8.0f}")
        cells.append(f"{row[name] / found[name]:6.2f}")
    cells.append(f"{row['whole']:8.2f}   tower {found['tower'] / 2**20:.0f}, ")
    cells.append(f"libraries {found['libraries'] / 2**20:.0f}, {found['tokens']} tokens")
    mib = {k: round(v / 2**20, 1) for k, v in row["terms"].items()}
    kept = {k: round(v / 2**20, 1) for k, v in found["kept"].items()}
    return f"{''.join(cells)}\n    foreseen {mib}\n    kept     {kept}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", default=[*CASES], choices=[*CASES])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)  # a process with threads cannot be split
    small_models.VOCABULARY = VOCABULARY
    for name in LIBRARIES:
        importlib.import_module(name)
    machine = figures.machine()
    print(machine)
    print(f"{'MiB: foreseen, measured, ratio':34}{'held':>22}{'step':>22}{'whole':>8}")
    rows, begin = [], time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.only:
            if time.monotonic() - begin > 60 * args.minutes:
                break
            rows.append(compared(name, args.keep or Path(scratch)))
            print(told(rows[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, "cases": rows}, indent=1) + "\n")
    return 0 if all(abs(row["whole"] - 1) <= AIM for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
