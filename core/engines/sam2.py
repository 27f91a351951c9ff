"""SAM 2.1 (Ravi et al. 2024) through the transformers library: tiny, small, base+ and large.

Knows which files make one; the answers are ``hub_segmenter``'s. torch and transformers are imported
when a checkpoint is opened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.engines.base import POINTING, EngineSpec
from core.engines.home import Home
from core.engines.hub_checkpoint import HubFamily, build, find_files, read_config, read_tensors
from core.engines.hub_segmenter import HubSegmenter
from core.errors import ModelMissing
from core.language import tr

FAMILY = HubFamily(
    engine="sam2",
    title="SAM 2.1",
    kinds=("sam2", "sam2_video"),
    parts=("sam2",),
    example="sam2.1-hiera-tiny",
)


def without(patterns: Sequence[str], name: str) -> str | None:
    """``name`` unless the library leaves such tensors out: they are for films."""
    return None if any(re.search(pattern, name) for pattern in patterns) else name


def load_sam2(checkpoint: Path) -> Any:
    """A Sam2Model on the CPU. Raises CheckpointRefused for anything that is not one."""
    from transformers import Sam2Config, Sam2Model

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
        note=tr("Opens the model.safetensors of a SAM 2.1 folder, its config.json beside it."),
    ),
)
