"""Checkpoints that are either whole or not there.

A checkpoint is written into ``step-N.tmp``, every file flushed to the disk, then a manifest with
size and sha256 of each, then the folder renamed to ``step-N`` and its parent flushed; only after
that are older ones rotated out, and never below two. Loading verifies the manifest and falls back
to the one before. Order comes from the step in the name, never from a clock. Safetensors and JSON
only. Knows files and tensors; knows no model.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from core import files
from core.errors import WorkerFailed
from core.language import tr
from core.training.tensors import write_tensors

if TYPE_CHECKING:
    from torch import Tensor

KEEP = 2
MANIFEST = "manifest.json"
WEIGHTS, OPTIMISER = "weights.safetensors", "optimiser.safetensors"
_NAME = re.compile(r"step-(\d{7,})")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. ``seconds`` is training time spent, ``best`` the best figure so far;
    ``stale`` counts the evaluations since then.
    """

    step: int
    seconds: float
    best: float
    best_step: int
    stale: int = 0


@dataclass(slots=True)
class Saved:
    """A loaded checkpoint: trained weights, optimiser state by "name/key", and the progress."""

    weights: dict[str, Tensor]
    optimiser: dict[str, Tensor]
    progress: Progress


def folder_name(step: int) -> str:
    """The folder of one step, ``step-0000120``: sorts by step, and is read back as a number."""
    return f"step-{step:07d}"


def save(
    root: Path,
    weights: Mapping[str, Tensor],
    optimiser: Mapping[str, Tensor],
    progress: Progress,
) -> Path:
    """Commits one checkpoint and rotates older ones out; the best one stays.

    Raises WorkerFailed when a tensor is not finite (nothing is written then), DiskFull when there
    is no space (what was committed before stays).
    """
    for name, tensor in (*weights.items(), *optimiser.items()):
        if not bool(torch.isfinite(tensor).all()):
            raise WorkerFailed(tr("Training went out of range ({name} is not finite).", name=name))
    target = root / folder_name(progress.step)
    if target.exists():
        if _verified(target):
            return target
        shutil.rmtree(target)
    with files.whole_folder(target) as draft:
        write_tensors(weights, draft / WEIGHTS)
        write_tensors(optimiser, draft / OPTIMISER)
        (draft / "progress.json").write_text(json.dumps(asdict(progress)), "utf-8")
        listed = {
            f.name: {"sha256": files.sha256(f), "bytes": f.stat().st_size}
            for f in sorted(draft.iterdir())
        }
        for file in draft.iterdir():
            files.flush(file)
        (draft / MANIFEST).write_text(json.dumps(listed, indent=1), "utf-8")
    _rotate(root, keep_step=progress.best_step)
    return target


def steps(root: Path) -> list[int]:
    """Steps of the committed checkpoints, oldest first."""
    if not root.is_dir():
        return []
    found = (_NAME.fullmatch(p.name) for p in root.iterdir())
    return sorted(int(m.group(1)) for m in found if m)


def latest(root: Path) -> Saved | None:
    """The newest checkpoint whose manifest holds; None when there is none."""
    for step in reversed(steps(root)):
        folder = root / folder_name(step)
        if _verified(folder):
            return _load(folder)
    return None


def weights_at(root: Path, step: int) -> dict[str, Tensor] | None:
    """The trained weights of one step's checkpoint, or None when it is gone or they are damaged.

    The optimiser's state, twice as large, is not looked at.
    """
    folder = root / folder_name(step)
    whole = folder.is_dir() and _verified(folder, WEIGHTS)
    return load_file(folder / WEIGHTS) if whole else None


def _load(folder: Path) -> Saved:
    raw = json.loads((folder / "progress.json").read_text("utf-8"))
    return Saved(
        weights=load_file(folder / WEIGHTS),
        optimiser=load_file(folder / OPTIMISER),
        progress=Progress(**raw),
    )


def _verified(folder: Path, *only: str) -> bool:
    try:
        listed = json.loads((folder / MANIFEST).read_text("utf-8"))
        return all(
            (folder / name).stat().st_size == listed[name]["bytes"]
            and files.sha256(folder / name) == listed[name]["sha256"]
            for name in only or listed
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _rotate(root: Path, *, keep_step: int) -> None:
    for step in steps(root)[:-KEEP]:
        if step != keep_step:
            shutil.rmtree(root / folder_name(step), ignore_errors=True)
    for draft in root.glob(".step-*.tmp"):
        shutil.rmtree(draft, ignore_errors=True)
