"""EdgeTAM (Zhou et al. 2025) through the transformers library: SAM 2 for small machines.

The library takes the image encoder, RepViT, from another one; here it is ``nets.repvit``, so that
nothing more need be installed. Its sizes are read off the tensors. torch and transformers are
imported when a checkpoint is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.engines.authors_form import SAM2, clicks, is_authors_form, read_authors
from core.engines.base import POINTING, EngineSpec
from core.engines.home import Home
from core.engines.hub_checkpoint import HubFamily, build, find_files, read_config, read_tensors
from core.engines.hub_segmenter import HubSegmenter
from core.engines.sam2 import without
from core.engines.sam_checkpoint import count
from core.errors import CheckpointRefused, ModelMissing
from core.language import tr

FAMILY = HubFamily(
    engine="edgetam",
    title="EdgeTAM",
    kinds=("edgetam", "edgetam_video"),
    parts=("edgetam", "timm_wrapper"),
    example="EdgeTAM-hf",
    file="edgetam.pt",
)
PUBLISHED: dict[str, Any] = {}
"""Settings of the authors' file, which says nothing of itself: the library's own."""
ENCODER = "vision_encoder.backbone.timm_model."


def load_edgetam(checkpoint: Path) -> Any:
    """An EdgeTamModel on the CPU. Raises CheckpointRefused for anything that is not one."""
    from transformers import EdgeTamConfig, EdgeTamModel

    from core.engines.nets.repvit_backbone import RepVitConfig, register

    register()
    authors = is_authors_form(checkpoint)
    if authors:
        weights, settings = checkpoint, dict(PUBLISHED)
        state = clicks(read_authors(checkpoint, FAMILY), SAM2)
    else:
        config, weights = find_files(checkpoint, FAMILY)
        films = EdgeTamModel._keys_to_ignore_on_load_unexpected or []
        state = read_tensors(weights, FAMILY, lambda name: without(films, name))
        settings = read_config(config, FAMILY) | {"model_type": "edgetam"}
    try:
        widths, depths = sizes_of(state)
    except (IndexError, KeyError, ValueError) as error:
        raise CheckpointRefused(
            tr(
                "{name} is not an EdgeTAM model. {get_another}",
                name=weights.name,
                get_another=FAMILY.get_another,
            )
        ) from error

    def whole() -> Any:
        vision = dict(settings.get("vision_config") or {})
        vision["backbone_config"] = RepVitConfig(widths=widths, depths=depths)
        return EdgeTamConfig(**(settings | {"vision_config": vision}))

    return build(EdgeTamModel, whole, state, path=weights, family=FAMILY, authors=authors)


def sizes_of(state: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """(widths, depths) of RepViT's stages. Raises KeyError or ValueError where there is none."""
    widths, depths = [], []
    for n in range(count(state, rf"{ENCODER}stages_(\d+)\.")):
        stage = f"{ENCODER}stages_{n}."
        widths.append(int(state[f"{stage}blocks.0.token_mixer.conv.c.weight"].shape[0]))
        depths.append(count(state, rf"{stage}blocks\.(\d+)\."))
    if max(widths) > 4096 or max(depths) > 256:
        raise ValueError("no such design")
    return widths, depths


def load(spec: EngineSpec, checkpoint: Path | None) -> HubSegmenter:
    """The factory. Raises CheckpointRefused for a file that is not an EdgeTAM."""
    if checkpoint is None:
        raise ModelMissing(tr("{title} needs a weights file: open one first.", title=spec.title))
    return HubSegmenter(Home(lambda: load_edgetam(checkpoint)))


SPECS = (
    EngineSpec(
        id="edgetam",
        title="EdgeTAM",
        prompts=POINTING,
        factory="core.engines.edgetam:load",
        needs_checkpoint=True,
        side=1024,
        note=tr(
            "Opens the model.safetensors of an EdgeTAM folder, its config.json beside it, or the "
            "authors' edgetam.pt."
        ),
    ),
)
