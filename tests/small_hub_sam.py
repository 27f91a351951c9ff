"""Models of the SAM 2 design with a few thousand random numbers, built by the library itself from
configurations and saved as its own folders.

Knows the library; the engines that open the folders know nothing of this.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SIDE = 64
CHANNELS = 32
SIZES = [[16, 16], [8, 8], [4, 4]]
PROMPTS = {"hidden_size": CHANNELS, "image_size": SIDE, "patch_size": 16}
DECODER = {
    "hidden_size": CHANNELS,
    "mlp_dim": 32,
    "num_attention_heads": 4,
    "iou_head_hidden_dim": 16,
}
IMAGE_PLACES = "shared_image_embedding.positional_embedding"
PROMPT_PLACES = "prompt_encoder.shared_embedding.positional_embedding"


def shake(model: Any, seed: int = 0) -> Any:
    """Numbers everywhere that make masks of some shape; norms near one, as after training."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                wave = torch.randn(tensor.shape, generator=generator)
                near_one = "norm" in name or ".bn." in name
                positive = near_one and name.endswith(("weight", "running_var"))
                tensor.copy_((1 + 0.1 * wave).abs() if positive else 0.2 * wave)
        state = model.state_dict()
        for name, tensor in state.items():  # one thing under two names, as after training
            if name.endswith(IMAGE_PLACES):
                tensor.copy_(state[name.replace(IMAGE_PLACES, PROMPT_PLACES)])
    return model.eval()


def _save(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


def build_sam2() -> Any:
    """A Sam2Model."""
    from transformers import Sam2Config, Sam2Model

    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 16,
        "image_size": [SIDE, SIDE],
        "window_positional_embedding_background_size": [4, 4],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 2, 4],
        "window_size_per_stage": [4, 2, 4, 2],
        "global_attention_blocks": [3],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": SIZES,
        "fpn_hidden_size": CHANNELS,
    }
    return shake(
        Sam2Model(
            Sam2Config(
                vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER
            )
        )
    )


def save_sam2(path: Path) -> Path:
    """Its folder; ``path`` is one that does not exist yet."""
    return _save(build_sam2(), path)


def build_edgetam() -> Any:
    """An EdgeTamModel with the RepViT of this program."""
    from transformers import EdgeTamConfig, EdgeTamModel

    from core.engines.nets.repvit_backbone import RepVitConfig, register

    register()
    vision = {
        "backbone_config": RepVitConfig(widths=[8, 16, 32, 64], depths=[1, 1, 2, 1]),
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": SIZES,
        "fpn_hidden_size": CHANNELS,
    }
    return shake(
        EdgeTamModel(
            EdgeTamConfig(
                vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER
            )
        ),
    )


def save_edgetam(path: Path) -> Path:
    """Its folder, with the configuration that the published one has: RepViT of another library."""
    return say_timm(_save(build_edgetam(), path))


def say_timm(folder: Path) -> Path:
    """Put the published configuration's words for the image encoder into a folder of ours."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["vision_config"]["backbone_config"] = {
        "model_type": "timm_wrapper",
        "architecture": "repvit_m1.dist_in1k",
        "model_args": {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]},
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def build_mobile_sam() -> Any:
    """A MobileSAM with a TinyViT of a few channels, behind it the small SAM's decoder."""
    import torch
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    from core.engines.nets.tiny_vit import TinySizes, TinyViT

    torch.manual_seed(0)
    encoder = TinyViT(TinySizes((8, 8, 8, 8), (1, 1, 1, 1), (0, 1, 2, 2), (0, 7, 14, 7), 32), 1024)
    transformer = TwoWayTransformer(depth=2, embedding_dim=32, mlp_dim=64, num_heads=8)
    return shake(
        Sam(
            image_encoder=encoder,
            prompt_encoder=PromptEncoder(32, (64, 64), (1024, 1024), 16),
            mask_decoder=MaskDecoder(
                num_multimask_outputs=3,
                transformer=transformer,
                transformer_dim=32,
                iou_head_depth=3,
                iou_head_hidden_dim=32,
            ),
            pixel_mean=[123.675, 116.28, 103.53],
            pixel_std=[58.395, 57.12, 57.375],
        ),
        seed=2,
    )


def save_mobile_sam(path: Path) -> Path:
    """Its weights as a .pt state dict."""
    import torch

    torch.save(build_mobile_sam().state_dict(), path)
    return path


def build_words() -> Any:
    """A CLIP tokenizer of single letters and two joined words."""
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    joined = [("r", "u"), ("ru", "s"), ("rus", "t</w>"), ("s", "p"), ("sp", "o"), ("spo", "t</w>")]
    pieces = [*letters, *(f"{c}</w>" for c in letters), *(a + b for a, b in joined)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}, merges=joined)


def build_sam3() -> Any:
    """A Sam3VideoModel: detector and tracker, as they are published."""
    from transformers import Sam3VideoConfig, Sam3VideoModel

    vision = {
        "backbone_config": {
            "model_type": "sam3_vit_model",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 16,
            "window_size": 2,
            "global_attn_indexes": [1],
            "pretrain_image_size": 32,
        },
        "fpn_hidden_size": CHANNELS,
        "backbone_feature_sizes": SIZES,
    }
    small = {"hidden_size": CHANNELS, "num_attention_heads": 4}
    layers = small | {"num_layers": 1, "intermediate_size": 32}
    text = {
        "model_type": "clip_text_model",
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 64,
        "projection_dim": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 32,
    }
    detector = {
        "vision_config": vision | {"model_type": "sam3_vision_model"},
        "text_config": text,
        "geometry_encoder_config": layers,
        "detr_encoder_config": layers,
        "detr_decoder_config": layers | {"num_queries": 8},
        "mask_decoder_config": small,
    }
    tracker = {
        "image_size": SIDE,
        "vision_config": vision | {"model_type": "sam3_vision_model"},
        "prompt_encoder_config": PROMPTS,
        "mask_decoder_config": DECODER,
        "memory_attention_hidden_size": CHANNELS,
        "memory_attention_feed_forward_hidden_size": 32,
        "memory_attention_num_layers": 1,
        "memory_encoder_hidden_size": CHANNELS,
        "mask_downsampler_embed_dim": CHANNELS,
        "memory_fuser_embed_dim": CHANNELS,
        "memory_fuser_intermediate_dim": 32,
        "memory_encoder_output_channels": 16,
    }
    return shake(Sam3VideoModel(Sam3VideoConfig(detector_config=detector, tracker_config=tracker)))


def save_sam3(path: Path) -> Path:
    """Its folder, the tensors named as in the published one."""
    from safetensors.torch import save_file

    model = build_sam3()
    path.mkdir()
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, path / "model.safetensors"
    )
    model.config.save_pretrained(path)
    build_words().save_pretrained(path)
    return path
