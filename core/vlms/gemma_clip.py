"""A CLIP, SigLIP or DINOv2 tower, a projector of two layers, and any Gemma that reads text.

Together they are a `LlavaForConditionalGeneration`, which `core.vlms.assembling` puts together from
the folders of a tower and of a language model. Image tokens are read like words, one by one.
Knows the parts and their configurations; heavy imports sit in the functions: scanning this file
loads nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelMissing
from core.language import tr
from core.vlms.base import VlmSpec
from core.vlms.chat import Chat
from core.vlms.gemma import TEXT_LAYERS, Gemma
from core.vlms.opening import Opening, open_model, open_processor, read_config

if TYPE_CHECKING:
    from torch import Tensor

SPECS = (
    VlmSpec(
        id="gemma-clip",
        title=tr("Gemma-CLIP (CLIP, SigLIP or DINOv2 tower) from a folder"),
        factory="core.vlms.gemma_clip:load",
        note=tr(
            "Open a LLaVA folder whose language model is a Gemma; “leafspot assemble” makes one "
            "from a tower and a Gemma."
        ),
        min_memory_gib=2.0,
        kinds=("llava",),
        glance="core.vlms.gemma_clip:check_parts",
    ),
)

OPENING = Opening(
    unquantised=("model.vision_tower", "model.multi_modal_projector", "lm_head"),
)
CLIP = "clip_vision_model"
TOWERS = {CLIP: 1, "siglip_vision_model": 0, "dinov2": 1}
"""Kinds of towers, and how many tokens they have that are no patch."""
TEXTS = ("gemma", "gemma2", "gemma3_text")


class GemmaClip(Gemma):
    """A loaded LLaVA of a Gemma. The projector is trained whole: it starts from random numbers."""

    def __init__(self, spec: VlmSpec, folder: Path, model: Any, chat: Chat) -> None:
        super().__init__(spec, folder, model, chat)
        config = model.config
        vision = config.vision_config
        side = vision.image_size // vision.patch_size
        self.grid = (int(vision.hidden_size), side, side)
        self._others = TOWERS[vision.model_type]
        self._layer = int(config.vision_feature_layer) % (vision.num_hidden_layers + 1)

    def tower(self, pixels: Tensor) -> Tensor:
        seen = self._base.model.vision_tower(pixels, output_hidden_states=True)
        found: Tensor = seen.hidden_states[self._layer][:, self._others :]
        return found

    def tokens(self, features: Tensor) -> Tensor:
        found: Tensor = self._base.model.multi_modal_projector(features)
        return found

    def _masks(self, sees: Tensor, apart: Tensor) -> Any:
        made = super()._masks(sees & (apart >= 0), apart)
        text = self._base.config.text_config
        if text.model_type == "gemma":
            return made["full_attention"]
        if text._attn_implementation == "eager":
            return {name: _added(mask, self._base.dtype) for name, mask in made.items()}
        return made

    def lora_targets(self, *, tower: bool) -> str:
        # Layers past the one that is looked at would never learn.
        used = "|".join(str(n) for n in range(self._layer))
        names = "q_proj|k_proj|v_proj|out_proj|o_proj|fc1|fc2"
        vision = rf".*vision_tower\..*layers?\.({used})\..*\.({names})"
        return f"({TEXT_LAYERS})|({vision})" if tower else TEXT_LAYERS


def _added(mask: Tensor, dtype: Any) -> Tensor:
    """As a number that is added to the scores."""
    import torch

    floor = torch.finfo(dtype).min
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, floor)


def load(spec: VlmSpec, folder: Path, *, quantise: bool = False) -> GemmaClip:
    """A LLaVA directory. Raises ModelMissing when it is absent, damaged, or of other parts."""
    config = read_config(spec, folder)
    every = config.vision_feature_select_strategy == "full"
    if not isinstance(config.vision_feature_layer, int) or every != (
        TOWERS[config.vision_config.model_type] == 0
    ):
        raise ModelMissing(
            tr(
                "{folder} joins several layers of its tower, or keeps tokens that are no patch, "
                "and this program can use neither; put the parts together with “leafspot "
                "assemble”.",
                folder=folder.name,
            )
        )
    vision = config.vision_config
    chat = Chat(
        folder,
        config,
        open_processor(folder),
        photo_side=int(vision.image_size),
        photo_tokens=(vision.image_size // vision.patch_size) ** 2,
    )
    opening = OPENING
    if config.text_config.model_type == "gemma2":
        # It caps its scores, which the faster attention leaves out.
        opening = replace(OPENING, attention={"": "sdpa", "text_config": "eager"})
    model = open_model(folder, config, opening, quantise=quantise)
    return GemmaClip(spec, folder, model, chat)


def check_parts(folder: Path, config: dict[str, Any]) -> None:
    """Raises ModelMissing for a config.json with a part that is not of this family."""
    for part, known in (("vision_config", tuple(TOWERS)), ("text_config", TEXTS)):
        settings = config.get(part)
        kind = settings.get("model_type") if isinstance(settings, dict) else None
        if kind is None and known[0] == CLIP:
            continue  # what the library takes for granted
        if kind not in known:
            raise ModelMissing(
                tr(
                    "{folder} holds a part of kind {kind}; this family takes {known}. Put one "
                    "together with “leafspot assemble”.",
                    folder=folder.name,
                    kind=str(kind)[:40],
                    known=", ".join(known),
                )
            )
