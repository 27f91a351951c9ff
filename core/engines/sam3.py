"""SAM 3 (Carion et al. 2025) through the transformers library: its clicks and boxes.

The published folder holds a detector that is asked in words and a tracker that is asked with
clicks; they share one image encoder. What is built here is the tracker, out of the tensors it
needs. torch and transformers are imported when a checkpoint is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.engines.base import POINTING, EngineSpec
from core.engines.home import Home
from core.engines.hub_checkpoint import HubFamily, build, find_files, read_config, read_tensors
from core.engines.hub_segmenter import HubSegmenter
from core.engines.sam2 import without
from core.errors import CheckpointRefused, ModelMissing
from core.language import tr

FAMILY = HubFamily(
    engine="sam3",
    title="SAM 3",
    kinds=("sam3_video",),
    parts=("sam3", "clip_text_model"),
    example="sam3",
)
BEGINNINGS = {
    "detector_model.vision_encoder.backbone.": "vision_encoder.backbone.",
    "tracker_neck.": "vision_encoder.neck.",
    "tracker_model.": "",
}
"""How the tracker's tensors begin in the published file, and in the model that is built."""
HALF = (0.5, 0.5, 0.5)
"""Mean and standard deviation of the channels it was trained with."""


def load_sam3(checkpoint: Path) -> Any:
    """A Sam3TrackerModel on the CPU. Raises CheckpointRefused for anything that is not one."""
    from transformers import Sam3TrackerConfig, Sam3TrackerModel

    config, weights = find_files(checkpoint, FAMILY)
    films = [p for p in Sam3TrackerModel._keys_to_ignore_on_load_unexpected if "detector" not in p]

    def renamed(name: str) -> str | None:
        for beginning, new in BEGINNINGS.items():
            if name.startswith(beginning):
                return without(films, new + name.removeprefix(beginning))
        return None

    state = read_tensors(weights, FAMILY, renamed)
    settings = read_config(config, FAMILY).get("tracker_config")
    if not isinstance(settings, dict):
        raise CheckpointRefused(
            tr(
                "The config.json beside the weights has no part for clicks. {get_another}",
                get_another=FAMILY.get_another,
            )
        )
    wanted = settings | {"model_type": "sam3_tracker"}
    return build(
        Sam3TrackerModel,
        lambda: Sam3TrackerConfig.from_dict(wanted),
        state,
        path=weights,
        family=FAMILY,
    )


def load(spec: EngineSpec, checkpoint: Path | None) -> HubSegmenter:
    """The factory. Raises CheckpointRefused for a file that is not a SAM 3."""
    if checkpoint is None:
        raise ModelMissing(tr("{title} needs a weights file: open one first.", title=spec.title))
    return HubSegmenter(Home(lambda: load_sam3(checkpoint)), mean=HALF, std=HALF)


SPECS = (
    EngineSpec(
        id="sam3",
        title="SAM 3",
        prompts=POINTING,
        factory="core.engines.sam3:load",
        needs_checkpoint=True,
        side=1008,
        note=tr(
            "Opens the model.safetensors of the sam3 folder, its config.json beside it; it is "
            "large and slow without a graphics card."
        ),
    ),
)
