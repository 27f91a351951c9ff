"""The detector of SAM 3 in its authors' form: what the transformers library calls its tensors.

Attention is joined there (queries, keys and values in one), apart in the library. Knows names and
tensors; the tracker's are ``authors_form``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.engines.authors_form import CLICKS, Rules, clicks, renamed

PLACES = "vision_encoder.backbone.embeddings.position_embeddings"
PROJECTION = "text_encoder.text_projection.weight"
JOINED = re.compile(r"^(.*)(?:\.qkv\.|\.in_proj_)(weight|bias)$")


def _neck(theirs: str, ours: str) -> Rules:
    """The scales of one of the two necks."""
    begin, new = rf"^backbone\.vision_backbone\.{theirs}\.(\d+)\.", rf"{ours}.fpn_layers.\1."
    return (
        (begin + r"(?:dconv_2x2_0|dconv_2x2|maxpool_2x2)\.", new + "scale_layers.0."),
        (begin + r"dconv_2x2_1\.", new + "scale_layers.2."),
        (begin + r"conv_1x1\.", new + "proj1."),
        (begin + r"conv_3x3\.", new + "proj2."),
    )


def _layers(
    theirs: str, ours: str, attention: Mapping[str, str], norms: Mapping[str, str]
) -> Rules:
    """Transformer layers whose attentions and norms are called otherwise."""
    begin, new = rf"^{theirs}\.(\d+)\.", rf"{ours}.layers.\1."
    return (
        *((begin + rf"{a}\.out_proj\.", new + f"{b}.o_proj.") for a, b in attention.items()),
        *((begin + rf"{a}\.", new + f"{b}.") for a, b in attention.items()),
        *((begin + rf"{a}\.", new + f"{b}.") for a, b in norms.items()),
        (begin + r"linear([12])\.", new + r"mlp.fc\2."),
    )


def _heads(**names: str) -> Rules:
    """Small networks in a row whose layers are counted from 0 there, from 1 here."""
    return tuple(
        (rf"^transformer\.decoder\.{theirs}\.layers\.{n}\.", f"detr_decoder.{ours}.layer{n + 1}.")
        for theirs, ours in names.items()
        for n in range(3)
    )


PLAIN = {f"norm{n}": f"layer_norm{n}" for n in (1, 2, 3)}
IMAGE: Rules = (
    (r"^backbone\.vision_backbone\.trunk\.", "vision_encoder.backbone."),
    (r"^vision_encoder\.backbone\.pos_embed$", PLACES),
    (
        r"^(vision_encoder\.backbone\.)patch_embed\.proj\.",
        r"\1embeddings.patch_embeddings.projection.",
    ),
    (r"^(vision_encoder\.backbone\.)ln_pre\.", r"\1layer_norm."),
    (r"^(vision_encoder\.backbone\.)blocks\.(\d+)\.norm([12])\.", r"\1layers.\2.layer_norm\3."),
    (r"^(vision_encoder\.backbone\.)blocks\.(\d+)\.attn\.proj\.", r"\1layers.\2.attention.o_proj."),
    (r"^(vision_encoder\.backbone\.)blocks\.(\d+)\.attn\.", r"\1layers.\2.attention."),
    (r"^(vision_encoder\.backbone\.)blocks\.(\d+)\.", r"\1layers.\2."),
)
TEXT: Rules = (
    (r"^backbone\.language_backbone\.resizer\.", "text_projection."),
    (r"^backbone\.language_backbone\.encoder\.", "text_encoder."),
    (r"^text_encoder\.text_projection$", PROJECTION),
    (r"^(text_encoder\.)token_embedding\.", r"\1text_model.embeddings.token_embedding."),
    (
        r"^(text_encoder\.)positional_embedding$",
        r"\1text_model.embeddings.position_embedding.weight",
    ),
    (r"^(text_encoder\.)ln_final\.", r"\1text_model.final_layer_norm."),
    (r"^(text_encoder\.)transformer\.resblocks\.", r"\1text_model.encoder.layers."),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+\.)attn\.", r"\1self_attn."),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+\.)ln_([12])\.", r"\1layer_norm\2."),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+\.mlp\.)c_fc\.", r"\1fc1."),
    (r"^(text_encoder\.text_model\.encoder\.layers\.\d+\.mlp\.)c_proj\.", r"\1fc2."),
)
EXAMPLES: Rules = (
    *_layers(
        r"geometry_encoder\.encode",
        "geometry_encoder",
        {"self_attn": "self_attn", "cross_attn_image": "cross_attn"},
        PLAIN,
    ),
    (r"^(geometry_encoder\.)img_pre_norm\.", r"\1vision_layer_norm."),
    (r"^(geometry_encoder\.)norm\.", r"\1prompt_layer_norm."),
    (r"^(geometry_encoder\.)encode_norm\.", r"\1output_layer_norm."),
)
FINDING: Rules = (
    *_layers(
        r"transformer\.encoder\.layers",
        "detr_encoder",
        {"self_attn": "self_attn", "cross_attn_image": "cross_attn", "cross_attn": "cross_attn"},
        PLAIN,
    ),
    *_layers(
        r"transformer\.decoder\.layers",
        "detr_decoder",
        {"self_attn": "self_attn", "ca_text": "text_cross_attn", "cross_attn": "vision_cross_attn"},
        {
            "norm1": "vision_cross_attn_layer_norm",
            "catext_norm": "text_cross_attn_layer_norm",
            "norm2": "self_attn_layer_norm",
            "norm3": "mlp_layer_norm",
        },
    ),
    *_heads(
        presence_token_head="presence_head",
        bbox_embed="box_head",
        ref_point_head="ref_point_head",
        boxRPB_embed_x="box_rpb_embed_x",
        boxRPB_embed_y="box_rpb_embed_y",
    ),
    (r"^transformer\.decoder\.presence_token_out_norm\.", "detr_decoder.presence_layer_norm."),
    (r"^transformer\.decoder\.norm\.", "detr_decoder.output_layer_norm."),
    (
        r"^transformer\.decoder\.(query_embed|reference_points|presence_token)\.",
        r"detr_decoder.\1.",
    ),
    (r"^dot_prod_scoring\.prompt_mlp\.layers\.0\.", "dot_product_scoring.text_mlp.layer1."),
    (r"^dot_prod_scoring\.prompt_mlp\.layers\.1\.", "dot_product_scoring.text_mlp.layer2."),
    (r"^dot_prod_scoring\.prompt_mlp\.out_norm\.", "dot_product_scoring.text_mlp_out_norm."),
    (r"^dot_prod_scoring\.prompt_proj\.", "dot_product_scoring.text_proj."),
    (r"^dot_prod_scoring\.hs_proj\.", "dot_product_scoring.query_proj."),
)
MASKS: Rules = (
    (r"^segmentation_head\.pixel_decoder\.", "mask_decoder.pixel_decoder."),
    (r"^segmentation_head\.(?:mask_predictor\.)?mask_embed\.", "mask_decoder.mask_embedder."),
    (r"^segmentation_head\.instance_seg_head\.", "mask_decoder.instance_projection."),
    (r"^segmentation_head\.semantic_seg_head\.", "mask_decoder.semantic_projection."),
    (
        r"^segmentation_head\.cross_attend_prompt\.out_proj\.",
        "mask_decoder.prompt_cross_attn.o_proj.",
    ),
    (r"^segmentation_head\.cross_attend_prompt\.", "mask_decoder.prompt_cross_attn."),
    (r"^segmentation_head\.cross_attn_norm\.", "mask_decoder.prompt_cross_attn_norm."),
)
DETECTOR: Rules = (
    *IMAGE,
    *_neck("convs", "vision_encoder.neck"),
    *TEXT,
    *EXAMPLES,
    *FINDING,
    *MASKS,
)
TRACKER_NECK: Rules = _neck("sam2_convs", "vision_encoder.neck")


def is_table(name: str) -> bool:
    """Whether a tensor holds what is worked out anew: the angles of rotary positions."""
    return name.endswith("freqs_cis")


def both_parts(state: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors of "detector." and "tracker." by the library's names, from the authors'."""
    parts = {
        part: {n.removeprefix(f"{part}."): t for n, t in state.items() if n.startswith(f"{part}.")}
        for part in ("detector", "tracker")
    }
    neck = {n: t for n, t in parts["detector"].items() if ".sam2_convs." in n}
    detector = _apart(renamed(parts["detector"], DETECTOR))
    if PLACES in detector and detector[PLACES].ndim == 3 and detector[PLACES].shape[1] % 2:
        # A place for a token of the whole picture, which this encoder does not have.
        detector[PLACES] = detector[PLACES][:, 1:].contiguous()
    if PROJECTION in detector and detector[PROJECTION].ndim == 2:
        detector[PROJECTION] = detector[PROJECTION].T.contiguous()
    tracker = clicks(parts["tracker"], CLICKS) | renamed(neck, TRACKER_NECK)
    return {f"detector.{n}": t for n, t in detector.items()} | {
        f"tracker.{n}": t for n, t in tracker.items()
    }


def _apart(state: Mapping[str, Any]) -> dict[str, Any]:
    """Queries, keys and values each in a tensor of its own."""
    found: dict[str, Any] = {}
    for name, tensor in state.items():
        joined = JOINED.match(name)
        if joined is None or tensor.ndim < 1 or len(tensor) % 3:
            found[name] = tensor
            continue
        for which, part in zip("qkv", tensor.chunk(3), strict=True):
            found[f"{joined[1]}.{which}_proj.{joined[2]}"] = part.contiguous()
    return found
