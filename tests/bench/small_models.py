"""Model folders for the benches: real architectures, small widths, the real vocabulary's size.

Random weights, so that nothing is downloaded; tokenizer, processor and chat template are the
starter's, whose ids are the first of 262,208. Knows transformers' configs; knows no bench.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from core import registry
from core.vlms.base import VlmSpec

VOCABULARY = 262_208
"""Rows in Gemma 3's table."""


def gemma3(folder: Path) -> Path:
    """Gemma 3 with the widths of its 270M text model in six layers, and the starter's tower."""
    spec = registry.find("core.vlms", VlmSpec, "starter")
    return _made(
        spec.path(),
        folder,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        query_pre_attn_scalar=256,
        layer_types=["sliding_attention"] * 5 + ["full_attention"],
    )


def siglip_and_270m(folder: Path) -> Path:
    """The shapes of SigLIP so400m at 384 pixels and of Gemma 3's 270M text model, whole."""
    spec = registry.find("core.vlms", VlmSpec, "starter")
    tower = {
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "image_size": 384,
        "patch_size": 14,
    }
    return _made(
        spec.path(),
        folder,
        tower=tower,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=18,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        query_pre_attn_scalar=256,
        layer_types=(["sliding_attention"] * 5 + ["full_attention"]) * 3,
    )


def gemma4_e(folder: Path) -> Path:
    """Gemma 4 as E2B and E4B are: embeddings for each layer, shared keys, clipped linear layers."""
    from tests.small_vlms import save_gemma4_e

    return _made(
        save_gemma4_e(folder.parent / f"{folder.name}-small"),
        folder,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=6,
        num_kv_shared_layers=2,
        head_dim=256,
        layer_types=["sliding_attention", "full_attention"] * 3,
        per_layer_config={str(n): {"head_dim": 512} for n in (1, 3, 5)},
        vocab_size_per_layer_input=VOCABULARY,
        hidden_size_per_layer_input=32,
        sliding_window=512,
    )


def gemma_clip(folder: Path) -> Path:
    """A CLIP tower before the widths of Gemma 3's 270M text model in six layers."""
    from tests.small_vlms import save_gemma_clip

    return _made(
        save_gemma_clip(folder.parent / f"{folder.name}-small"),
        folder,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        query_pre_attn_scalar=256,
        sliding_window=512,
        layer_types=["sliding_attention"] * 5 + ["full_attention"],
    )


def _made(
    source: Path, folder: Path, *, tower: dict[str, int] | None = None, **text: object
) -> Path:
    """The starter's folder with another text model in it, and another tower where one is given:
    random, and of the real vocabulary."""
    import torch
    from transformers import AutoConfig, AutoModelForMultimodalLM

    if (folder / "model.safetensors").is_file():
        return folder
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors", "mask_head"))
    config = json.loads((source / "config.json").read_text("utf-8"))
    config["text_config"] |= {"vocab_size": VOCABULARY, **text}
    config["vision_config"] |= tower or {}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if tower:
        seen = folder / "processor_config.json"
        processor = json.loads(seen.read_text("utf-8"))
        side = tower["image_size"]
        processor["image_processor"]["size"] = {"height": side, "width": side}
        seen.write_text(json.dumps(processor), "utf-8")
    torch.manual_seed(0)
    model = AutoModelForMultimodalLM.from_config(AutoConfig.from_pretrained(folder))
    model.save_pretrained(folder)
    return folder
