"""MobileSAM (Zhang et al. 2023) from a weights file that the person opens.

SAM's own prompt encoder and mask decoder behind TinyViT, an image encoder sixty times smaller than
ViT-H; everything after loading is as with ``segment_anything``. Knows the sizes of the one file
that is published, and of any like it. torch is imported when a file is opened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.engines.base import POINTING, EngineSpec, PromptKind
from core.engines.home import Home
from core.engines.sam_checkpoint import NO_DESIGN, assemble, count, fill, infer_decoder
from core.engines.segment_anything import SegmentAnything
from core.engines.weights_file import compare, named_tensors, read_weights
from core.errors import CheckpointRefused, ModelMissing
from core.language import tr

GET_ANOTHER = tr("Open mobile_sam.pt.")
SIDE, PATCH = 1024, 16
"""Pixels of the square input and of one cell: no tensor's shape tells them."""
STAGES = 4


def load_mobile_sam(path: Path) -> Any:
    """A ``segment_anything`` Sam with TinyViT on the CPU in eval mode.

    Raises CheckpointRefused, with a sentence, for anything that is not one.
    """
    import torch

    state = named_tensors(
        path,
        read_weights(path, get_another=GET_ANOTHER),
        engine="mobile-sam",
        what="MobileSAM",
        get_another=GET_ANOTHER,
    )
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    try:
        with torch.device("meta"):  # sizes only: a wrong file must not cost gigabytes
            model = _build(shape)
    except NO_DESIGN as error:
        raise CheckpointRefused(
            tr(
                "{name} is not a MobileSAM model. {get_another}",
                name=path.name,
                get_another=GET_ANOTHER,
            )
        ) from error
    compare(path, state, model, looks_like="MobileSAM", get_another=GET_ANOTHER)
    return fill(model, state)


def _build(shape: Mapping[str, tuple[int, ...]]) -> Any:
    """Raises KeyError, IndexError or ValueError where the shapes make no such model."""
    from core.engines.nets.tiny_vit import TinySizes, TinyViT

    stages = [f"image_encoder.layers.{n}." for n in range(STAGES)]
    biases = [shape[f"{stage}blocks.0.attn.attention_biases"] for stage in stages[1:]]
    decoder = infer_decoder(shape)
    sizes = TinySizes(
        widths=tuple(shape[f"{stage}blocks.0.{_width(n)}"][0] for n, stage in enumerate(stages)),
        depths=tuple(
            count(shape, rf"image_encoder\.layers\.{n}\.blocks\.(\d+)\.") for n in range(4)
        ),
        heads=(0, *(heads for heads, _ in biases)),
        windows=(0, *(math.isqrt(cells) for _, cells in biases)),
        channels=decoder.channels,
    )
    if max(sizes.widths) > 4096 or max(sizes.depths) > 64 or max(sizes.windows) > 64:
        raise ValueError("no such design")
    return assemble(TinyViT(sizes, SIDE), decoder, grid=SIDE // PATCH, side=SIDE)


def _width(stage: int) -> str:
    """A tensor whose first side is the stage's width."""
    return "attn.proj.weight" if stage else "conv3.c.weight"


def load(spec: EngineSpec, checkpoint: Path | None) -> SegmentAnything:
    """The factory. Raises CheckpointRefused for a file that is not a MobileSAM."""
    if checkpoint is None:
        raise ModelMissing(tr("{title} needs a weights file: open one first.", title=spec.title))
    return SegmentAnything(Home(lambda: load_mobile_sam(checkpoint)))


SPECS = (
    EngineSpec(
        id="mobile-sam",
        title="MobileSAM",
        prompts=POINTING | {PromptKind.BEFORE},
        factory="core.engines.mobile_sam:load",
        needs_checkpoint=True,
        side=1024,
        note=tr("Opens mobile_sam.pt (41 MB): as SAM, and quick to look at a photo."),
    ),
)
