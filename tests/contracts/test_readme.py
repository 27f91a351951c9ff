"""The ten lines of the README do what they say, with plain transformers and peft."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from core.training import learner as learners
from core.training.adapter import save_adapter
from core.training.config import TrainConfig

ROOT = Path(__file__).resolve().parents[2]
PLACES = '"base model folder", "adapter folder", "leaf.jpg"'


def test_an_adapter_opens_by_the_readmes_lines_without_leafspot(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (lines,) = (block for block in blocks if PLACES in block)
    assert len(lines.splitlines()) <= 14
    config = TrainConfig(classes=("healthy", "rust"), healthy="healthy", rank=4)
    made = learners.load(config)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters().values():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    adapter, photo = tmp_path / "adapter", tmp_path / "leaf.png"
    save_adapter(made, config, adapter)
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(photo)
    base = learners.base_folder(config)
    script = tmp_path / "ten_lines.py"
    places = ", ".join(repr(str(place)) for place in (base, adapter, photo))
    script.write_text(lines.replace(PLACES, places), "utf-8")
    # From elsewhere and isolated: nothing of ours can be imported by accident.
    done = subprocess.run(
        [sys.executable, "-I", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it says something"
    assert "core." not in done.stderr
