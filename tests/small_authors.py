"""The small models in the form in which their authors publish them, written the other way round:
from the library's names to the authors'.

Knows names and tensors; shares no rule with the program, which goes the other way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CLICKS = (
    ("^prompt_encoder.", "sam_prompt_encoder."),
    ("^mask_decoder.", "sam_mask_decoder."),
    ("no_memory_embedding", "no_mem_embed"),
    ("shared_embedding.positional_embedding", "pe_layer.positional_encoding_gaussian_matrix"),
    ("mask_embed.conv1", "mask_downscaling.0"),
    ("mask_embed.layer_norm1", "mask_downscaling.1"),
    ("mask_embed.conv2", "mask_downscaling.3"),
    ("mask_embed.layer_norm2", "mask_downscaling.4"),
    ("mask_embed.conv3", "mask_downscaling.6"),
    ("upscale_conv1", "output_upscaling.0"),
    ("upscale_layer_norm", "output_upscaling.1"),
    ("upscale_conv2", "output_upscaling.3"),
    ("transformer.layer_norm_final_attn", "transformer.norm_final_attn"),
    (r"(transformer.layers.\d+.)layer_norm", r"\1norm"),
    (r"(transformer.*).o_proj", r"\1.out_proj"),
    (r"(transformer.layers.\d+.mlp.)proj_in", r"\1layers.0"),
    (r"(transformer.layers.\d+.mlp.)proj_out", r"\1layers.1"),
    (r"((iou_prediction|score)_head.|hypernetworks_mlps.\d+.)layers.0", r"\1layers.1"),
    (r"((iou_prediction|score)_head.|hypernetworks_mlps.\d+.)proj_in", r"\1layers.0"),
    (r"((iou_prediction|score)_head.|hypernetworks_mlps.\d+.)proj_out", r"\1layers.2"),
)
SAM2 = (
    *CLICKS,
    ("^vision_encoder.backbone.timm_model.", "image_encoder.trunk.body."),
    ("^vision_encoder.backbone.", "image_encoder.trunk."),
    ("patch_embed.projection", "patch_embed.proj"),
    (r"(trunk.blocks.\d+.)layer_norm", r"\1norm"),
    (r"(trunk.blocks.\d+.mlp.)proj_in", r"\1layers.0"),
    (r"(trunk.blocks.\d+.mlp.)proj_out", r"\1layers.1"),
    (r"^vision_encoder.neck.convs.(\d+).", r"image_encoder.neck.convs.\1.conv."),
)
TRUNK, WORDS = "backbone.vision_backbone.trunk.", "backbone.language_backbone."
NECK = (
    (r"fpn_layers.0.scale_layers.0.", "0.dconv_2x2_0."),
    (r"fpn_layers.0.scale_layers.2.", "0.dconv_2x2_1."),
    (r"fpn_layers.(\d+).scale_layers.0.", r"\1.dconv_2x2."),
    (r"fpn_layers.(\d+).proj1.", r"\1.conv_1x1."),
    (r"fpn_layers.(\d+).proj2.", r"\1.conv_3x3."),
)
DETECTOR = (
    ("^vision_encoder.neck.", "backbone.vision_backbone.convs."),
    *NECK,
    ("^vision_encoder.backbone.embeddings.position_embeddings", f"{TRUNK}pos_embed"),
    ("^vision_encoder.backbone.embeddings.patch_embeddings.projection", f"{TRUNK}patch_embed.proj"),
    ("^vision_encoder.backbone.layer_norm", f"{TRUNK}ln_pre"),
    (r"^vision_encoder.backbone.layers.(\d+).layer_norm", rf"{TRUNK}blocks.\1.norm"),
    (r"^vision_encoder.backbone.layers.(\d+).attention.o_proj", rf"{TRUNK}blocks.\1.attn.proj"),
    (r"^vision_encoder.backbone.layers.(\d+).attention.qkv", rf"{TRUNK}blocks.\1.attn.qkv"),
    (r"^vision_encoder.backbone.layers.", f"{TRUNK}blocks."),
    ("^text_projection.", f"{WORDS}resizer."),
    ("^text_encoder.text_projection.weight", f"{WORDS}encoder.text_projection"),
    ("^text_encoder.text_model.embeddings.token_embedding", f"{WORDS}encoder.token_embedding"),
    (
        "^text_encoder.text_model.embeddings.position_embedding.weight",
        f"{WORDS}encoder.positional_embedding",
    ),
    ("^text_encoder.text_model.final_layer_norm", f"{WORDS}encoder.ln_final"),
    ("^text_encoder.text_model.encoder.layers.", f"{WORDS}encoder.transformer.resblocks."),
    (r"(resblocks.\d+.)self_attn", r"\1attn"),
    (r"(resblocks.\d+.)layer_norm", r"\1ln_"),
    (r"(resblocks.\d+.mlp.)fc1", r"\1c_fc"),
    (r"(resblocks.\d+.mlp.)fc2", r"\1c_proj"),
    ("^geometry_encoder.vision_layer_norm", "geometry_encoder.img_pre_norm"),
    ("^geometry_encoder.prompt_layer_norm", "geometry_encoder.norm"),
    ("^geometry_encoder.output_layer_norm", "geometry_encoder.encode_norm"),
    (r"^geometry_encoder.layers.(\d+).cross_attn", r"geometry_encoder.encode.\1.cross_attn_image"),
    ("^geometry_encoder.layers.", "geometry_encoder.encode."),
    (r"^detr_encoder.layers.(\d+).cross_attn", r"transformer.encoder.layers.\1.cross_attn_image"),
    ("^detr_encoder.", "transformer.encoder."),
    (
        r"^detr_decoder.layers.(\d+).text_cross_attn_layer_norm",
        r"detr_decoder.layers.\1.catext_norm",
    ),
    (r"^detr_decoder.layers.(\d+).vision_cross_attn_layer_norm", r"detr_decoder.layers.\1.norm1"),
    (r"^detr_decoder.layers.(\d+).self_attn_layer_norm", r"detr_decoder.layers.\1.norm2"),
    (r"^detr_decoder.layers.(\d+).mlp_layer_norm", r"detr_decoder.layers.\1.norm3"),
    (r"^detr_decoder.layers.(\d+).text_cross_attn", r"detr_decoder.layers.\1.ca_text"),
    (r"^detr_decoder.layers.(\d+).vision_cross_attn", r"detr_decoder.layers.\1.cross_attn"),
    ("^detr_decoder.output_layer_norm", "transformer.decoder.norm"),
    ("^detr_decoder.presence_layer_norm", "transformer.decoder.presence_token_out_norm"),
    ("^detr_decoder.presence_head", "transformer.decoder.presence_token_head"),
    ("^detr_decoder.box_head", "transformer.decoder.bbox_embed"),
    ("^detr_decoder.box_rpb_embed_", "transformer.decoder.boxRPB_embed_"),
    ("^detr_decoder.", "transformer.decoder."),
    ("^dot_product_scoring.text_mlp_out_norm", "dot_prod_scoring.prompt_mlp.out_norm"),
    ("^dot_product_scoring.text_mlp", "dot_prod_scoring.prompt_mlp"),
    ("^dot_product_scoring.text_proj", "dot_prod_scoring.prompt_proj"),
    ("^dot_product_scoring.query_proj", "dot_prod_scoring.hs_proj"),
    (r"\.layer([123])\.", lambda m: f".layers.{int(m[1]) - 1}."),
    (r"^(geometry_encoder.encode|transformer.(?:en|de)coder.layers)(.*)layer_norm", r"\1\2norm"),
    (r"^(geometry_encoder.encode|transformer.(?:en|de)coder.layers)(.*)mlp.fc", r"\1\2linear"),
    ("^mask_decoder.pixel_decoder", "segmentation_head.pixel_decoder"),
    ("^mask_decoder.mask_embedder", "segmentation_head.mask_predictor.mask_embed"),
    ("^mask_decoder.instance_projection", "segmentation_head.instance_seg_head"),
    ("^mask_decoder.semantic_projection", "segmentation_head.semantic_seg_head"),
    ("^mask_decoder.prompt_cross_attn_norm", "segmentation_head.cross_attn_norm"),
    ("^mask_decoder.prompt_cross_attn", "segmentation_head.cross_attend_prompt"),
    ("o_proj", "out_proj"),
)


def _theirs(name: str, rules: Any) -> str:
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


def clicks(state: Mapping[str, Any], rules: Any = SAM2) -> dict[str, Any]:
    """A Sam2Model's or EdgeTamModel's tensors, and some that are for films."""
    import torch

    found = {
        _theirs(name, rules): tensor
        for name, tensor in state.items()
        if name != "shared_image_embedding.positional_embedding"
    }
    points = found.pop("sam_prompt_encoder.point_embed.weight")
    for n, point in enumerate(points.split(1)):
        found[f"sam_prompt_encoder.point_embeddings.{n}.weight"] = point
    films = ("maskmem_tpos_enc", "obj_ptr_proj.layers.0.weight", "memory_encoder.out_proj.weight")
    return found | {name: torch.ones(2, 3) for name in films}


def _joined(state: Mapping[str, Any]) -> dict[str, Any]:
    """Queries, keys and values in one."""
    import torch

    found: dict[str, Any] = {}
    for name, tensor in state.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            whole = [state[name.replace(".q_proj.", f".{one}_proj.")] for one in "qkv"]
            tensor = torch.cat(whole)
            in_one = ".qkv." if ".attention." in name else ".in_proj_"
            name = name.replace(".q_proj.", in_one)
        found[name] = tensor
    return found


def sam3(state: Mapping[str, Any]) -> dict[str, Any]:
    """A Sam3VideoModel's tensors, and some that nothing here has a use for."""
    import torch

    parts: dict[str, dict[str, Any]] = {"detector_model.": {}, "tracker_model.": {}}
    found: dict[str, Any] = {}
    for name, tensor in state.items():
        for beginning, part in parts.items():
            if name.startswith(beginning):
                part[name.removeprefix(beginning)] = tensor
        if name.startswith("tracker_neck."):
            own = _theirs(name.removeprefix("tracker_neck."), NECK)
            found[f"detector.backbone.vision_backbone.sam2_convs.{own}"] = tensor
    for name, tensor in _joined(parts["detector_model."]).items():
        new = f"detector.{_theirs(name, DETECTOR)}"
        if new.endswith("trunk.pos_embed"):
            tensor = torch.cat([torch.ones_like(tensor[:, :1]), tensor], dim=1)
        if new.endswith("encoder.text_projection"):
            tensor = tensor.T.contiguous()
        found[new] = tensor
    films = {n: t for n, t in parts["tracker_model."].items() if "memory" in n and "_emb" not in n}
    own = {n: t for n, t in parts["tracker_model."].items() if n not in films}
    found |= {f"tracker.{name}": t for name, t in clicks(own, CLICKS).items()}
    found[f"detector.{TRUNK}blocks.0.attn.freqs_cis"] = torch.ones(4, 2, dtype=torch.complex64)
    found["detector.geometry_encoder.points_direct_project.weight"] = torch.ones(2, 2)
    return found


def save(state: Mapping[str, Any], path: Path) -> Path:
    """As the authors do: one file, the tensors under "model"."""
    import torch

    torch.save({"model": dict(state)}, path)
    return path
