"""Reads a Segment Anything weights file that came from anywhere.

The model's size is read off the tensors' shapes, so that ViT-B, ViT-L, ViT-H and any other size of
the same design take one path. Knows the library's modules; reading and comparing is
``weights_file``'s. Imports torch when it is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engines.weights_file import compare, named_tensors, read_weights
from core.errors import CheckpointRefused
from core.language import tr

GET_ANOTHER = tr("Open another file: sam_vit_b, sam_vit_l or sam_vit_h, as .pth or .safetensors.")
NAMES = {(768, 12): "ViT-B", (1024, 24): "ViT-L", (1280, 32): "ViT-H"}
HEADS = 8
"""Attention heads of the mask decoder: the one number that no tensor's shape tells."""
NO_DESIGN = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)
"""What building a model from shapes raises that make none."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """Sizes of prompt encoder and mask decoder, the same for SAM and its relatives."""

    channels: int
    mask_channels: int
    depth: int
    mlp: int
    multimask: int
    iou_depth: int
    iou_width: int


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of one SAM. ``grid`` is the embedding's side, ``window`` 0 where all attention is
    global; the input is ``grid * patch`` pixels square."""

    width: int
    depth: int
    heads: int
    mlp_ratio: float
    patch: int
    grid: int
    window: int
    global_blocks: tuple[int, ...]
    channels: int
    decoder: Decoder

    @property
    def name(self) -> str:
        """ "ViT-B", or the sizes for one that has no name."""
        return NAMES.get((self.width, self.depth), f"ViT {self.width}×{self.depth}")


def load_sam(path: Path) -> tuple[Any, Architecture]:
    """A ``segment_anything`` Sam on the CPU in eval mode, and its sizes.

    Raises CheckpointRefused, with a sentence, for anything that is not one.
    """
    import torch

    state = named_tensors(
        path,
        read_weights(path, get_another=GET_ANOTHER),
        engine="segment-anything",
        what="Segment Anything",
        get_another=GET_ANOTHER,
    )
    try:
        found = infer(state)
        with torch.device("meta"):  # sizes only: a wrong file must not cost gigabytes
            model = _build(found)
    except NO_DESIGN as error:
        raise CheckpointRefused(
            tr(
                "{name} is not a Segment Anything model. {get_another}",
                name=path.name,
                get_another=GET_ANOTHER,
            )
        ) from error
    looks_like = f"Segment Anything {found.name}"
    compare(path, state, model, looks_like=looks_like, get_another=GET_ANOTHER)
    return fill(model, state), found


def infer(state: Mapping[str, Any]) -> Architecture:
    """The sizes from the shapes. Raises KeyError, IndexError or ValueError where they make none."""
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    width, _, patch, _ = shape["image_encoder.patch_embed.proj.weight"]
    grid = shape["image_encoder.pos_embed"][1]
    depth = count(shape, r"image_encoder\.blocks\.(\d+)\.")
    spans = []
    for n in range(depth):
        rows, head = shape[f"image_encoder.blocks.{n}.attn.rel_pos_h"]
        spans.append((rows + 1) // 2)
    everywhere = tuple(n for n, span in enumerate(spans) if span == grid)
    windows = {span for span in spans if span != grid} or {0}
    if len(windows) > 1 or not 1 <= depth <= 64 or max(width, grid) > 4096:
        raise ValueError("no such design")
    return Architecture(
        width=width,
        depth=depth,
        heads=width // head,
        mlp_ratio=shape["image_encoder.blocks.0.mlp.lin1.weight"][0] / width,
        patch=patch,
        grid=grid,
        window=windows.pop(),
        global_blocks=everywhere,
        channels=shape["image_encoder.neck.0.weight"][0],
        decoder=infer_decoder(shape),
    )


def infer_decoder(shape: Mapping[str, tuple[int, ...]]) -> Decoder:
    """Of the ``shape`` of every tensor by name. Raises as ``infer``."""
    return Decoder(
        channels=shape["mask_decoder.mask_tokens.weight"][1],
        mask_channels=shape["prompt_encoder.mask_downscaling.0.weight"][0] * 4,
        depth=count(shape, r"mask_decoder\.transformer\.layers\.(\d+)\."),
        mlp=shape["mask_decoder.transformer.layers.0.mlp.lin1.weight"][0],
        multimask=shape["mask_decoder.mask_tokens.weight"][0] - 1,
        iou_depth=count(shape, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\."),
        iou_width=shape["mask_decoder.iou_prediction_head.layers.0.weight"][0],
    )


def count(shapes: Mapping[str, Any], pattern: str) -> int:
    """How many numbered things the names hold; ``pattern`` catches the number.

    Raises ValueError where they are not numbered from 0 on, one by one: nothing is built of a
    number that a name merely says.
    """
    found = {int(m[1]) for name in shapes if (m := re.match(pattern, name))}
    if not found or max(found) != len(found) - 1:
        raise ValueError("things that are not numbered one by one")
    return len(found)


def _build(a: Architecture) -> Any:
    """The library's own modules in these sizes, as its builder puts them together."""
    from functools import partial

    import torch
    from segment_anything.modeling import ImageEncoderViT

    encoder = ImageEncoderViT(
        depth=a.depth,
        embed_dim=a.width,
        img_size=a.grid * a.patch,
        mlp_ratio=a.mlp_ratio,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        num_heads=a.heads,
        patch_size=a.patch,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=a.global_blocks,
        window_size=a.window,
        out_chans=a.channels,
    )
    return assemble(encoder, a.decoder, grid=a.grid, side=a.grid * a.patch)


def assemble(encoder: Any, a: Decoder, *, grid: int, side: int) -> Any:
    """A Sam of any image ``encoder`` that turns ``side`` pixels square into ``grid`` cells square,
    with the library's prompt encoder and mask decoder."""
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    return Sam(
        image_encoder=encoder,
        prompt_encoder=PromptEncoder(
            embed_dim=a.channels,
            image_embedding_size=(grid, grid),
            input_image_size=(side, side),
            mask_in_chans=a.mask_channels,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=a.multimask,
            transformer=TwoWayTransformer(
                depth=a.depth, embedding_dim=a.channels, mlp_dim=a.mlp, num_heads=HEADS
            ),
            transformer_dim=a.channels,
            iou_head_depth=a.iou_depth,
            iou_head_hidden_dim=a.iou_width,
        ),
    )


PIXEL_MEAN, PIXEL_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""What the published models were trained with; the files do not carry them."""


def fill(model: Any, state: Mapping[str, Any]) -> Any:
    """``model``, built on the meta device, with the tensors of ``state``; in eval mode."""
    import torch

    model.load_state_dict(state, strict=True, assign=True)
    model.pixel_mean = torch.tensor(PIXEL_MEAN).view(-1, 1, 1)
    model.pixel_std = torch.tensor(PIXEL_STD).view(-1, 1, 1)
    return ready(model)


def ready(model: Any) -> Any:
    """``model`` in eval mode, laid out as it answers fastest; the same numbers."""
    import torch

    # What the transformer hands on lies pixel by pixel: so nothing has to be put in order.
    model.mask_decoder.output_upscaling.to(memory_format=torch.channels_last)
    return model.requires_grad_(False).eval()
