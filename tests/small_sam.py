"""A Segment Anything model of a few thousand numbers, built by the library itself and saved.

Knows the library; the engine that opens the file knows nothing of this.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any


def build_sam(
    *,
    width: int = 32,
    depth: int = 3,
    heads: int = 2,
    side: int = 64,
    patch: int = 8,
    window: int = 3,
    global_blocks: tuple[int, ...] = (1,),
    channels: int = 32,
    seed: int = 0,
) -> Any:
    """A Sam with random weights, in eval mode."""
    import torch
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    torch.manual_seed(seed)
    grid = side // patch
    sam = Sam(
        image_encoder=ImageEncoderViT(
            img_size=side,
            patch_size=patch,
            embed_dim=width,
            depth=depth,
            num_heads=heads,
            out_chans=channels,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=window,
            global_attn_indexes=global_blocks,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=channels,
            image_embedding_size=(grid, grid),
            input_image_size=(side, side),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=channels, mlp_dim=64, num_heads=8),
            transformer_dim=channels,
            iou_head_depth=3,
            iou_head_hidden_dim=32,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )
    with torch.no_grad():  # relative positions start at zero, which would hide a wrong window
        for name, tensor in sam.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:
                tensor.normal_(std=0.5)
    return sam.eval()


def save_sam(path: Path, **sizes: Any) -> Path:
    """Its weights as a .pth state dict."""
    import torch

    torch.save(build_sam(**sizes).state_dict(), path)
    return path
