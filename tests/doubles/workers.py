"""Puts the doubles in the place of workers that need a model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.workers import launch

HERE = Path(__file__).parent


def use_doubles(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """``train`` and ``answer`` are played by scripts; every other worker is the real one."""
    real = launch.command

    def command(worker: str, *args: str) -> list[str]:
        if worker in names:
            return [sys.executable, "-P", str(HERE / f"{worker}_worker.py"), *args]
        return real(worker, *args)

    monkeypatch.setattr(launch, "command", command)


def play(monkeypatch: pytest.MonkeyPatch, **wanted: object) -> None:
    """What the training double does next."""
    monkeypatch.setenv("LEAFSPOT_PLAY", json.dumps(wanted))


def answers(monkeypatch: pytest.MonkeyPatch, **wanted: object) -> None:
    """What the answering double does next."""
    monkeypatch.setenv("LEAFSPOT_ANSWERS", json.dumps(wanted))


def fake_base(folder: Path) -> Path:
    """A folder that looks like a base model: config and a real, tiny safetensors file."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "gemma3"}')
    tensors = {"model.embed_tokens.weight": np.zeros((16, 8), np.float32)}
    save_file(
        tensors | {"model.layers.0.w": np.zeros((8, 8), np.float32)}, folder / "m.safetensors"
    )
    return folder
