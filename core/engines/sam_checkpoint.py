"""Reads a Segment Anything weights file that came from anywhere.

The file is data, never a program: tensors only, no pickled code. The model's size is read off the
tensors' shapes, so that ViT-B, ViT-L, ViT-H and any other size of the same design take one path.
Every name and shape is compared with what the library would build before a single output is made.
Knows files and tensors; knows no photo. Imports torch when it is called.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CheckpointRefused

GET_ANOTHER = "Open another file: sam_vit_b, sam_vit_l or sam_vit_h, as .pth or .safetensors."
NAMES = {(768, 12): "ViT-B", (1024, 24): "ViT-L", (1280, 32): "ViT-H"}
STRANGERS = {
    "image_encoder.trunk.": "SAM 2",
    "image_encoder.layers.": "MobileSAM",
    "mask_decoder.hf_token": "HQ-SAM",
    "vision_encoder.": "the transformers library's form of SAM",
    "image_encoder.body.": "EdgeSAM",
}
"""Relatives that people try: how their tensors' names begin."""
HEADS = 8
"""Attention heads of the mask decoder: the one number that no tensor's shape tells."""
MAX_TENSORS = 5000


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
    mask_channels: int
    decoder_depth: int
    decoder_mlp: int
    multimask: int
    iou_depth: int
    iou_width: int

    @property
    def name(self) -> str:
        """ "ViT-B", or the sizes for one that has no name."""
        return NAMES.get((self.width, self.depth), f"ViT {self.width}×{self.depth}")


CODE = r"Unsupported (global|class|operand)"
"""What torch says of a pickle that would have run something."""


def load_sam(path: Path) -> tuple[Any, Architecture]:
    """A ``segment_anything`` Sam on the CPU in eval mode, and its sizes.

    Raises CheckpointRefused, with a sentence, for anything that is not one.
    """
    import torch

    state = _tensors(path, _read(path))
    try:
        found = infer(state)
        with torch.device("meta"):  # sizes only: a wrong file must not cost gigabytes
            model = _build(found)
    except (KeyError, IndexError, ValueError, ZeroDivisionError, AssertionError) as error:
        raise CheckpointRefused(
            f"{path.name} is not a Segment Anything model. {GET_ANOTHER}"
        ) from error
    _compare(path, state, model, found)
    model.load_state_dict(state, strict=True, assign=True)
    _fill_constants(model)
    return model.requires_grad_(False).eval(), found


def infer(state: Mapping[str, Any]) -> Architecture:
    """The sizes from the shapes. Raises KeyError, IndexError or ValueError where they make none."""
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    width, _, patch, _ = shape["image_encoder.patch_embed.proj.weight"]
    grid = shape["image_encoder.pos_embed"][1]
    depth = _count(shape, r"image_encoder\.blocks\.(\d+)\.")
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
        mask_channels=shape["prompt_encoder.mask_downscaling.0.weight"][0] * 4,
        decoder_depth=_count(shape, r"mask_decoder\.transformer\.layers\.(\d+)\."),
        decoder_mlp=shape["mask_decoder.transformer.layers.0.mlp.lin1.weight"][0],
        multimask=shape["mask_decoder.mask_tokens.weight"][0] - 1,
        iou_depth=_count(shape, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\."),
        iou_width=shape["mask_decoder.iou_prediction_head.layers.0.weight"][0],
    )


def _count(shapes: Mapping[str, Any], pattern: str) -> int:
    return 1 + max(int(m[1]) for name in shapes if (m := re.match(pattern, name)))


def _build(a: Architecture) -> Any:
    """The library's own modules in these sizes, as its builder puts them together."""
    from functools import partial

    import torch
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    side = a.grid * a.patch
    return Sam(
        image_encoder=ImageEncoderViT(
            depth=a.depth,
            embed_dim=a.width,
            img_size=side,
            mlp_ratio=a.mlp_ratio,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=a.heads,
            patch_size=a.patch,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=a.global_blocks,
            window_size=a.window,
            out_chans=a.channels,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=a.channels,
            image_embedding_size=(a.grid, a.grid),
            input_image_size=(side, side),
            mask_in_chans=a.mask_channels,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=a.multimask,
            transformer=TwoWayTransformer(
                depth=a.decoder_depth,
                embedding_dim=a.channels,
                mlp_dim=a.decoder_mlp,
                num_heads=HEADS,
            ),
            transformer_dim=a.channels,
            iou_head_depth=a.iou_depth,
            iou_head_hidden_dim=a.iou_width,
        ),
    )


PIXEL_MEAN, PIXEL_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""What the published models were trained with; the files do not carry them."""


def _fill_constants(model: Any) -> None:
    import torch

    model.pixel_mean = torch.tensor(PIXEL_MEAN).view(-1, 1, 1)
    model.pixel_std = torch.tensor(PIXEL_STD).view(-1, 1, 1)


def _compare(path: Path, state: Mapping[str, Any], model: Any, found: Architecture) -> None:
    """Raises CheckpointRefused unless every name and shape is the library's own."""
    import torch

    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    here = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(n for n in wanted.keys() | here.keys() if wanted.get(n) != here.get(n))
    if wrong:
        raise CheckpointRefused(
            f"{path.name} looks like a Segment Anything {found.name}, but {len(wrong)} of its "
            f"tensors are missing or have another shape ({wrong[0]}). {GET_ANOTHER}"
        )
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointRefused(
                f"{path.name} is damaged: {name} holds numbers that are none. {GET_ANOTHER}"
            )


def _read(path: Path) -> Any:
    """The file's contents, whatever they are."""
    import torch

    # torch's own handle on the error: this program reads no pickles and has no use for the module.
    refusal: type[Exception] = torch.serialization.pickle.UnpicklingError  # type: ignore[attr-defined]
    broken = (
        f"{path.name} cannot be read: it is damaged, cut short, or no weights file. {GET_ANOTHER}"
    )
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            try:
                return load_file(path, device="cpu")
            except SafetensorError as error:
                raise CheckpointRefused(broken) from error
        return torch.load(path, map_location="cpu", weights_only=True)
    except refusal as error:
        code = zipfile.is_zipfile(path) or re.search(
            r"Unsupported (global|class|operand)", str(error)
        )
        raise CheckpointRefused(
            f"{path.name} holds program code beside its numbers, so it is not opened. {GET_ANOTHER}"
            if code
            else broken
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError) as error:
        raise CheckpointRefused(broken) from error


def _no_sam(path: Path) -> CheckpointRefused:
    return CheckpointRefused(f"{path.name} is not a Segment Anything model. {GET_ANOTHER}")


def _tensors(path: Path, found: Any) -> dict[str, Any]:
    """The named tensors in float32, out of the wrapping that training scripts put around them."""
    import torch

    for key in ("model", "state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not 0 < len(found) <= MAX_TENSORS:
        raise _no_sam(path)
    tensors = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    for beginning, what in STRANGERS.items():
        if any(name.startswith(beginning) for name in tensors):
            raise CheckpointRefused(f"{path.name} is {what}, which is another model. {GET_ANOTHER}")
    if not all(t.is_floating_point() and t.layout == torch.strided for t in tensors.values()):
        raise _no_sam(path)
    return {name: value.float().contiguous() for name, value in tensors.items()}
