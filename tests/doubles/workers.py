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
    text = {"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 16}
    kind = {"model_type": "gemma3", "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps(text | kind))
    tensors = {"model.embed_tokens.weight": np.zeros((16, 8), np.float32)}
    layer = {"model.layers.0.self_attn.q_proj.weight": np.zeros((8, 8), np.float32)}
    save_file(tensors | layer, folder / "m.safetensors")
    fake_words(folder)
    return folder


def fake_words(folder: Path) -> None:
    """What a base model reads with, as far as its small files tell."""
    tokens = ("<pad>", "<end_of_turn>", "<turn|>", "<image_soft_token>", "<unused0>")
    added = [{"id": number, "content": text} for number, text in enumerate(tokens)]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}), "utf-8")
    (folder / "chat_template.jinja").write_text("{{ messages }}", "utf-8")
    (folder / "preprocessor_config.json").write_text("{}", "utf-8")
