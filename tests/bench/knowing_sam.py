"""Weights of a Segment Anything ViT-B that always says the same lesion, for timing programs.

Published weights cannot be had here, and random ones say noise all over the photo: contours of it
are nobody's work. These have the published names and shapes and cost every multiplication, but the
encoder hands its position embedding through and the decoder reads three discs out of it: 3, 5 and
8 cells of radius (a cell is 1/256 of the photo's longer side) about the cell ``CENTRE``. So every
program can be given the same file through its own door, and no code of it is touched.

Knows the library's model; knows no program.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from segment_anything import sam_model_registry

CENTRE = (120.5, 90.5)
"""x, y in cells."""
RADII = (5.0, 3.0, 5.0, 8.0)
"""Of the single mask and of the three."""
SCORES = (0.9, 0.7, 0.9, 0.8)
CLOSE = 12.0
LARGE = 100.0
"""Cells: what is farther from an edge says no more; and by what they are divided, so that the layer
norms do not bend them."""


def knowing_sam() -> Any:
    """The model, on the CPU."""
    torch.manual_seed(0)
    model = sam_model_registry["vit_b"]().eval()
    with torch.no_grad():
        _encoder(model.image_encoder)
        _decoder(model)
    return model


def write(path: Path) -> None:
    """A checkpoint of tensors by name, as the published one is."""
    torch.save(knowing_sam().state_dict(), path)


def place(width: int, height: int) -> tuple[float, float]:
    """The discs' middle (x, y) in a photo of this size."""
    cell = max(width, height) / 256
    return CENTRE[0] * cell, CENTRE[1] * cell


def _distances() -> torch.Tensor:
    """[64, 64, 32]: for the 16 cells under each token how far inside, and its negative."""
    yy, xx = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    near = torch.hypot(yy + 0.5 - CENTRE[1], xx + 0.5 - CENTRE[0])
    inside = (RADII[0] - near).clamp(-CLOSE, CLOSE) / LARGE
    cells = inside.reshape(64, 2, 2, 64, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(64, 64, 16)
    return torch.stack([cells, -cells], -1).reshape(64, 64, 32)


def _encoder(encoder: Any) -> None:
    """Position embedding out, whatever the photo: the blocks compute and add nothing."""
    for block in encoder.blocks:
        for last in (block.attn.proj, block.mlp.lin2):
            _silence(last)
    _silence(encoder.patch_embed.proj)
    steady = torch.ones(64, 64, 256)
    steady[..., 1::2] = -1.0
    steady[..., :32] = _distances()
    encoder.pos_embed.zero_()
    encoder.pos_embed[0, ..., :256] = steady
    narrow, norm, smooth, norm_again = encoder.neck
    for conv in (narrow, smooth):
        conv.weight.zero_()
        middle = conv.kernel_size[0] // 2
        for channel in range(256):
            conv.weight[channel, channel, middle, middle] = 1.0
    for layer in (norm, norm_again):
        layer.weight.fill_(1.0)
        layer.bias.zero_()


def _decoder(model: Any) -> None:
    """Tokens and prompts compute what they like; the picture reaches the masks untouched."""
    model.prompt_encoder.no_mask_embed.weight.zero_()
    _silence(model.prompt_encoder.mask_downscaling[-1])
    decoder = model.mask_decoder
    for layer in decoder.transformer.layers:
        _silence(layer.cross_attn_image_to_token.out_proj)
    first, _, _, second, _ = decoder.output_upscaling
    for conv in (first, second):
        conv.weight.zero_()
        conv.bias.zero_()
    for corner in range(4):
        y, x = divmod(corner, 2)
        for channel in range(8):
            first.weight[corner * 8 + channel, channel, y, x] = 1.0
        _pair(second.weight[2 * corner : 2 * corner + 2, :2, y, x])
    for channel in range(32, 64):
        first.weight[channel, channel] = 1.0
    _pair(second.weight[32:34, 2:4])
    for token, radius in enumerate(RADII):
        last = decoder.output_hypernetworks_mlps[token].layers[-1]
        _silence(last)
        last.bias[:2] = torch.tensor([LARGE, -LARGE])
        last.bias[2:4] = torch.tensor([1.0, -1.0]) * (radius - RADII[0])
    last = decoder.iou_prediction_head.layers[-1]
    _silence(last)
    last.bias.copy_(torch.tensor(SCORES))


def _pair(weight: torch.Tensor) -> None:
    """From (gelu(x), gelu(-x)) to (x, -x), [in, out] or with the kernel behind."""
    # gelu(x) - gelu(-x) is x: a number and its negative pass through it unharmed.
    weight[0, 0] = weight[1, 1] = 1.0
    weight[0, 1] = weight[1, 0] = -1.0


def _silence(layer: Any) -> None:
    layer.weight.zero_()
    if layer.bias is not None:
        layer.bias.zero_()
