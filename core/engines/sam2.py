"""SAM 2.1 (Ravi et al. 2024) through the transformers library: tiny, small, base+ and large.

Knows which files make one; the answers are ``hub_segmenter``'s. torch and transformers are imported
when a checkpoint is opened.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.engines.authors_form import SAM2, clicks, is_authors_form, read_authors
from core.engines.base import POINTING, EngineSpec
from core.engines.home import Home
from core.engines.hub_checkpoint import HubFamily, build, find_files, read_config, read_tensors
from core.engines.hub_segmenter import HubSegmenter
from core.errors import CheckpointRefused, ModelMissing
from core.language import tr

FAMILY = HubFamily(
    engine="sam2",
    title="SAM 2.1",
    kinds=("sam2", "sam2_video"),
    parts=("sam2",),
    example="sam2.1-hiera-tiny",
    file="sam2.1_hiera_tiny.pt",
)


def _published(
    width: int, blocks: list[int], whole: list[int], **more: Any
) -> tuple[tuple[int, int], dict[str, Any]]:
    """(what tells this size from the others, its configuration). ``whole`` are the blocks that see
    all of the photo; no tensor tells them, nor the windows and heads."""
    channels = [width * 2**n for n in range(4)]
    encoder = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "embed_dim_per_stage": channels,
        "blocks_per_stage": blocks,
        "global_attention_blocks": whole,
    } | more
    vision = {"backbone_config": encoder, "backbone_channel_list": channels[::-1]}
    return (width, sum(blocks)), {"vision_config": vision}


_HEADS = [2, 4, 8, 16]
SIZES = dict(
    [
        _published(96, [1, 2, 7, 2], [5, 7, 9]),
        _published(96, [1, 2, 11, 2], [7, 10, 13]),
        _published(
            112, [2, 3, 16, 3], [12, 16, 20],
            num_attention_heads_per_stage=_HEADS,
            window_positional_embedding_background_size=[14, 14],
        ),
        _published(
            144, [2, 6, 36, 4], [23, 33, 43],
            num_attention_heads_per_stage=_HEADS,
            window_positional_embedding_background_size=[7, 7],
            window_size_per_stage=[8, 4, 16, 8],
        ),
    ]
)  # fmt: skip
"""Configurations of tiny, small, base+ and large by width and number of blocks: the authors' files
say no more of themselves."""
PLACES = "vision_encoder.backbone.pos_embed"
BLOCKS = r"vision_encoder\.backbone\.blocks\.(\d+)\."


def without(patterns: Sequence[str], name: str) -> str | None:
    """``name`` unless the library leaves such tensors out: they are for films."""
    return None if any(re.search(pattern, name) for pattern in patterns) else name


def load_sam2(checkpoint: Path) -> Any:
    """A Sam2Model on the CPU. Raises CheckpointRefused for anything that is not one."""
    from transformers import Sam2Config, Sam2Model

    if is_authors_form(checkpoint):
        own = clicks(read_authors(checkpoint, FAMILY), SAM2)
        place = own.get(PLACES)
        width = int(place.shape[1]) if place is not None and place.ndim == 4 else 0
        size = SIZES.get((width, len({m[1] for n in own if (m := re.match(BLOCKS, n))})))
        if size is None:
            raise CheckpointRefused(
                tr(
                    "{name} is no {title} of a published size. {get_another}",
                    name=checkpoint.name,
                    title=FAMILY.title,
                    get_another=FAMILY.get_another,
                )
            )
        return build(
            Sam2Model,
            lambda: Sam2Config(**copy.deepcopy(size)),
            own,
            path=checkpoint,
            family=FAMILY,
            authors=True,
        )
    config, weights = find_files(checkpoint, FAMILY)
    films = Sam2Model._keys_to_ignore_on_load_unexpected or []
    state = read_tensors(weights, FAMILY, lambda name: without(films, name))
    settings = read_config(config, FAMILY) | {"model_type": "sam2"}
    return build(
        Sam2Model, lambda: Sam2Config.from_dict(settings), state, path=weights, family=FAMILY
    )


def load(spec: EngineSpec, checkpoint: Path | None) -> HubSegmenter:
    """The factory. Raises CheckpointRefused for a file that is not a SAM 2."""
    if checkpoint is None:
        raise ModelMissing(tr("{title} needs a weights file: open one first.", title=spec.title))
    return HubSegmenter(Home(lambda: load_sam2(checkpoint)))


SPECS = (
    EngineSpec(
        id="sam2",
        title="SAM 2.1",
        prompts=POINTING,
        factory="core.engines.sam2:load",
        needs_checkpoint=True,
        side=1024,
        note=tr(
            "Opens the model.safetensors of a SAM 2.1 folder, its config.json beside it, or the "
            "authors' .pt file."
        ),
    ),
)
