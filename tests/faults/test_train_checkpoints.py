"""A checkpoint is whole or it is not there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from core.errors import WorkerFailed
from core.training import checkpoints
from core.training.checkpoints import Progress


def weights(step: int) -> dict[str, torch.Tensor]:
    return {"a": torch.full((64, 64), float(step)), "b": torch.arange(8.0) + step}


def save(root: Path, step: int, *, best: int = 0) -> Path:
    return checkpoints.save(root, weights(step), {}, Progress(step, step * 1.0, 0.5, best))


def test_the_newest_comes_back_with_its_progress(tmp_path: Path) -> None:
    for step in (9, 10, 99, 100, 1_000_000):
        save(tmp_path, step)
    found = checkpoints.latest(tmp_path)
    assert found is not None
    assert found.progress.step == 1_000_000
    assert torch.equal(found.weights["a"], weights(1_000_000)["a"])


def test_order_is_by_step_even_when_the_clock_was_set_back(tmp_path: Path) -> None:
    for step in (99, 100):
        folder = save(tmp_path, step)
        os.utime(folder, (2_000_000_000 - step * 1e6,) * 2)
    assert checkpoints.latest(tmp_path).progress.step == 100  # type: ignore[union-attr]


def test_two_are_kept_and_the_best_besides(tmp_path: Path) -> None:
    for step in range(1, 8):
        save(tmp_path, step, best=3 if step >= 3 else 0)
    assert checkpoints.steps(tmp_path) == [3, 6, 7]


@pytest.mark.parametrize("damage", ["flip", "truncate", "missing", "manifest"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    save(tmp_path, 1)
    folder = save(tmp_path, 2)
    file = folder / "weights.safetensors"
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[-5] ^= 1
        file.write_bytes(data)
    elif damage == "truncate":
        file.write_bytes(data[:-10])
    elif damage == "missing":
        file.unlink()
    else:
        (folder / "manifest.json").write_text("{}[")
    assert checkpoints.latest(tmp_path).progress.step == 1  # type: ignore[union-attr]
    assert checkpoints.weights_at(tmp_path, 2) is None


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    save(tmp_path, 1)
    broken = weights(2) | {"b": torch.tensor([1.0, float("nan")])}
    with pytest.raises(WorkerFailed, match="not finite"):
        checkpoints.save(tmp_path, broken, {}, Progress(2, 2.0, 0.0, 0))
    assert checkpoints.steps(tmp_path) == [1]


SAVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import torch
from core.training import checkpoints
from core.training.checkpoints import Progress
root, step = Path(sys.argv[1]), 0
while True:
    step += 1
    w = {"a": torch.full((200, 200), float(step))}
    checkpoints.save(root, w, dict(w), Progress(step, 1.0, 0.0, 0))
    print(step, flush=True)
"""


def test_a_kill_at_any_moment_leaves_the_last_committed_one(tmp_path: Path, repo: Path) -> None:
    for trial in range(4):
        root = tmp_path / str(trial)
        process = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(root), str(repo)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 + 0.037 * trial)
        process.send_signal(signal.SIGKILL)
        told = [1, *(int(line) for line in process.stdout.read().split())]
        process.wait()
        process.stdout.close()
        found = checkpoints.latest(root)
        assert found is not None
        assert found.progress.step in (told[-1], told[-1] + 1)
        assert bool((found.weights["a"] == found.progress.step).all())
        shutil.rmtree(root)
