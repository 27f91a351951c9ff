"""Checkpoints in the form in which their authors publish them: one .pt file, names of their own.

The transformers library calls the same tensors otherwise, and keeps some of them joined or apart.
What is renamed here is compared with what the library builds, as with its own folders; what a photo
has no use for (memory, object pointers) is left out. Knows names and tensors; knows no photo.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.engines.hub_checkpoint import CONFIG, HubFamily
from core.engines.weights_file import FAMILIES, NAMED, named_tensors, read_weights
from core.errors import CheckpointRefused
from core.language import tr

Rules = tuple[tuple[str, str], ...]
"""(pattern, what takes its place), applied one after the other."""
POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"
POINTS = "prompt_encoder.point_embeddings.{}.weight"
SIGNS = 4
"""Kinds of points: minus, plus, and two corners of a box."""
HEADS = r"(iou_prediction_head|pred_obj_score_head|output_hypernetworks_mlps\.\d+)"
CLICKS: Rules = (
    (r"^sam_(prompt_encoder|mask_decoder)\.", r"\1."),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", POSITIONS),
    (r"^(prompt_encoder\.)mask_downscaling\.0\.", r"\1mask_embed.conv1."),
    (r"^(prompt_encoder\.)mask_downscaling\.1\.", r"\1mask_embed.layer_norm1."),
    (r"^(prompt_encoder\.)mask_downscaling\.3\.", r"\1mask_embed.conv2."),
    (r"^(prompt_encoder\.)mask_downscaling\.4\.", r"\1mask_embed.layer_norm2."),
    (r"^(prompt_encoder\.)mask_downscaling\.6\.", r"\1mask_embed.conv3."),
    (r"^(mask_decoder\.)output_upscaling\.0\.", r"\1upscale_conv1."),
    (r"^(mask_decoder\.)output_upscaling\.1\.", r"\1upscale_layer_norm."),
    (r"^(mask_decoder\.)output_upscaling\.3\.", r"\1upscale_conv2."),
    (r"^(mask_decoder\.transformer\.layers\.\d+\.)norm(\d)\.", r"\1layer_norm\2."),
    (r"^(mask_decoder\.transformer\.)norm_final_attn\.", r"\1layer_norm_final_attn."),
    (r"^(mask_decoder\.transformer\..*)\.out_proj\.", r"\1.o_proj."),
    (r"^(mask_decoder\.transformer\..*\.mlp\.)(?:layers\.0|lin1)\.", r"\1proj_in."),
    (r"^(mask_decoder\.transformer\..*\.mlp\.)(?:layers\.1|lin2)\.", r"\1proj_out."),
    (rf"^(mask_decoder\.{HEADS}\.)layers\.0\.", r"\1proj_in."),
    (rf"^(mask_decoder\.{HEADS}\.)layers\.2\.", r"\1proj_out."),
    (rf"^(mask_decoder\.{HEADS}\.)layers\.1\.", r"\1layers.0."),
)
"""Prompts and mask decoder, the same for SAM 2, EdgeTAM and the tracker of SAM 3."""
SAM2: Rules = (
    (r"^image_encoder\.trunk\.body\.", "vision_encoder.backbone.timm_model."),
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^(vision_encoder\.backbone\.patch_embed\.)proj\.", r"\1projection."),
    (r"^(vision_encoder\.backbone\.blocks\.\d+\.)norm([12])\.", r"\1layer_norm\2."),
    (r"^(vision_encoder\.backbone\.blocks\.\d+\.mlp\.)layers\.0\.", r"\1proj_in."),
    (r"^(vision_encoder\.backbone\.blocks\.\d+\.mlp\.)layers\.1\.", r"\1proj_out."),
    (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"vision_encoder.neck.convs.\1."),
    *CLICKS,
)


def is_authors_form(path: Path) -> bool:
    """Whether it is to be read as one, by its name; the contents will tell."""
    return path.is_file() and path.suffix.lower() != ".safetensors" and path.name != CONFIG


def read_authors(
    path: Path, family: HubFamily, *, leave: Callable[[str], bool] = lambda _name: False
) -> dict[str, Any]:
    """{name: tensor}, float32, by the authors' names, without those that ``leave`` picks.

    Raises CheckpointRefused for another family's file, a damaged one or one with code in it.
    """
    import torch

    found = read_weights(path, get_another=family.get_another)
    state: dict[str, Any] = named_tensors(
        path,
        found,
        engine=family.engine,
        what=family.title,
        get_another=family.get_another,
        leave=leave,
    )
    marks = tuple(known.mark for known in FAMILIES if known.engine == family.engine)
    if not any(name.startswith(marks) for name in state):
        raise CheckpointRefused(
            tr(
                "{file} is not {title} in a form that is opened here. {get_another}",
                file=path.name,
                title=family.title,
                get_another=family.get_another,
            )
        )
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointRefused(
                tr(
                    "{file} is damaged: {name} holds numbers that are none. {get_another}",
                    file=path.name,
                    name=name[:NAMED],
                    get_another=family.get_another,
                )
            )
    return state


def renamed(state: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The same tensors by the library's names."""
    return {_renamed(name, rules): tensor for name, tensor in state.items()}


def clicks(state: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """What answers clicks, by the library's names: the four kinds of points in one tensor, and the
    positions, which the library has twice. Lacks what ``state`` lacks."""
    import torch

    found = renamed(state, rules)
    points = [found.pop(POINTS.format(n), None) for n in range(SIGNS)]
    shapes = {None if point is None else tuple(point.shape) for point in points}
    if len(shapes) == 1 and points[0] is not None and points[0].ndim > 0:
        found["prompt_encoder.point_embed.weight"] = torch.cat(points, dim=0)
    if POSITIONS in found:
        found["shared_image_embedding.positional_embedding"] = found[POSITIONS].clone()
    return found


def _renamed(name: str, rules: Rules) -> str:
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name
