"""Gemma 4: E2B, E4B and 31B with a vision tower, 12B (`gemma4_unified`) without one.

Photos are square here, and so are their token grids: of a budget of 280 tokens 16 × 16 are used.
The 26B mixture of experts is refused. Knows how the two classes see a photo and which of their
layers attend within it; heavy imports sit in the functions: scanning this file loads nothing.
"""

from __future__ import annotations

from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelMissing
from core.language import tr
from core.vlms.base import VlmSpec
from core.vlms.chat import Chat
from core.vlms.gemma import TEXT_LAYERS, Gemma
from core.vlms.opening import Opening, open_model, open_processor, read_config
from core.vlms.words import no_processor

if TYPE_CHECKING:
    from torch import Tensor

BUDGETS = (70, 140, 280, 560, 1120)
"""Tokens that a photo may take up; what the model was trained with."""
PER_LAYER = "model.language_model.embed_tokens_per_layer"

SPECS = (
    VlmSpec(
        id="gemma-4",
        title=tr("Gemma 4 (E2B, E4B, 12B, 31B) from a folder"),
        factory="core.vlms.gemma4:load",
        note=tr("Open the folder of a downloaded Gemma 4 model. Wants a GPU."),
        min_memory_gib=4.0,
        kinds=("gemma4", "gemma4_unified"),
        image_tokens=BUDGETS,
        glance="core.vlms.gemma4:refuse_experts",
    ),
)

OPENING = Opening(
    unquantised=("model.vision_tower", "model.embed_vision", "lm_head"),
)


class Gemma4(Gemma):
    """A loaded Gemma 4 with a vision tower."""

    trained_whole: tuple[str, ...] = ("embed_vision",)

    def __init__(self, spec: VlmSpec, folder: Path, model: Any, chat: Chat) -> None:
        super().__init__(spec, folder, model, chat)
        side = isqrt(chat.photo_tokens)
        self.grid = (self._channels, side, side)
        text = model.config.get_text_config()
        self._within_photo = text.use_bidirectional_attention == "vision"
        self._cap = text.final_logit_softcapping

    @property
    def _channels(self) -> int:
        return int(self._base.config.vision_config.hidden_size)

    def pixels(self, photos: list[NDArray[np.uint8]]) -> Tensor:
        """Photos as patches [B, n, values], row by row, without the padding that follows them."""
        return super().pixels(photos)[:, : self._side**2]

    @property
    def _side(self) -> int:
        """Patches along an edge of the photo."""
        return int(self.grid[1] * self.processor.image_processor.pooling_kernel_size)

    def _places(self, pixels: Tensor) -> Tensor:
        """(x, y) of every patch, [B, n, 2]."""
        import torch

        line = torch.arange(self._side, device=pixels.device)
        y, x = torch.meshgrid(line, line, indexing="ij")
        return torch.stack([x, y], -1).reshape(1, -1, 2).expand(len(pixels), -1, -1)

    def tower(self, pixels: Tensor) -> Tensor:
        """Features before the factor √channels, which half precision might not hold."""
        tower = self._base.model.vision_tower
        found: Tensor = tower(
            pixel_values=pixels, pixel_position_ids=self._places(pixels)
        ).last_hidden_state
        return found.reshape(len(pixels), -1, self._channels) / self._factor

    @property
    def _factor(self) -> float:
        # Standardised features are of size one already.
        standard = self._base.config.vision_config.standardize
        return 1.0 if standard else float(self._channels) ** 0.5

    def tokens(self, features: Tensor) -> Tensor:
        found: Tensor = self._base.model.embed_vision(inputs_embeds=features * self._factor)
        return found

    def _read(self, ids: Tensor, filled: Tensor, **how: Any) -> Any:
        """Where there is a table for each layer, the words are looked up here.

        The class would ask for the whole vocabulary to find the padding's row in it, and where
        rows of it are trained peft makes a copy for that, twice a step: 1.5 GiB of E2B in fp32.
        """
        text = self._base.model.language_model
        if not getattr(text, "hidden_size_per_layer_input", 0):
            return super()._read(ids, filled, **how)
        image = ids == self._chat.image
        words = ids.masked_fill(image, self._base.config.get_text_config().pad_token_id)
        embedded = self._base.get_input_embeddings()(words)
        embedded = embedded.masked_scatter(image[..., None], filled.to(embedded.dtype))
        rows = text.get_per_layer_inputs(words)
        return text(inputs_embeds=embedded, per_layer_inputs=rows, **how)

    def _masks(self, sees: Tensor, apart: Tensor) -> Any:
        """No model attends ahead within a photo in its global layers, the small ones nowhere.

        So their makers have it. Of the library's class for 12B (transformers 5.23) this is what
        generating with a static cache does; its plain forward attends ahead in global layers too.
        """
        causal = sees & (apart >= 0)
        local = sees if self._within_photo else causal
        return super()._masks(local, apart) | {"full_attention": causal[:, None]}

    def logits(self, states: Tensor) -> Tensor:
        found = super().logits(states)
        return found if self._cap is None else (found / self._cap).tanh() * self._cap

    def lora_targets(self, *, tower: bool) -> str:
        # The layers lie inside wrappers that clip what goes in and out, and LoRA takes no wrapper.
        vision = r".*vision_tower\.encoder\.layers\..*\.(q|k|v|o|gate|up|down)_proj\.linear"
        return f"({TEXT_LAYERS})|({vision})" if tower else TEXT_LAYERS


class Gemma4Unified(Gemma4):
    """Gemma 4 12B: patches of 48 pixels go through two layers straight into the language model."""

    trained_whole: tuple[str, ...] = ("multimodal_embedder",)

    @property
    def _channels(self) -> int:
        return int(self._base.config.vision_config.mm_embed_dim)

    @property
    def _side(self) -> int:
        return self.grid[1]

    def tower(self, pixels: Tensor) -> Tensor:
        embed = self._base.model.embed_vision
        found: Tensor = embed(pixels, self._places(pixels), return_dict=True).last_hidden_state
        return found

    def tokens(self, features: Tensor) -> Tensor:
        found: Tensor = self._base.model.embed_vision.multimodal_embedder(features)
        return found

    def lora_targets(self, *, tower: bool) -> str:
        return f"({TEXT_LAYERS})|(.*embed_vision\\.patch_dense)" if tower else TEXT_LAYERS


def load(spec: VlmSpec, folder: Path, *, quantise: bool = False, image_tokens: int = 0) -> Gemma4:
    """A Gemma 4 directory. ``image_tokens`` is one of BUDGETS, 0 for the processor's own.

    Raises ModelMissing when it is absent, damaged, no Gemma 4, or the mixture of experts.
    """
    from dataclasses import replace

    config = read_config(spec, folder)
    # Nothing here hears anything.
    config.audio_config = None
    opening = OPENING
    if getattr(config.get_text_config(), "hidden_size_per_layer_input", 0):
        # Only ever looked up in, and more than half of the weights of E2B and E4B.
        opening = replace(OPENING, on_cpu=(PER_LAYER,))
    chat = _chat(folder, config, image_tokens)
    model = open_model(folder, config, opening, quantise=quantise)
    family = Gemma4Unified if config.model_type == "gemma4_unified" else Gemma4
    return family(spec, folder, model, chat)


def refuse_experts(folder: Path, config: dict[str, Any]) -> None:
    """Raises ModelMissing for the mixture of experts, before anything of it is read or fetched."""
    text = config.get("text_config")
    if isinstance(text, dict) and text.get("enable_moe_block"):
        raise ModelMissing(
            tr(
                "{folder} is the mixture of experts: its experts cannot be kept in 4 bits, and in "
                "16 they need some 45 GiB; choose E2B, E4B, 12B or 31B.",
                folder=folder.name,
            )
        )


def _chat(folder: Path, config: Any, image_tokens: int) -> Chat:
    """Photos are square, and so is what is used of ``image_tokens``."""
    processor = open_processor(folder)
    pictures = processor.image_processor
    if not hasattr(pictures, "max_soft_tokens"):
        raise ModelMissing(no_processor(folder))
    if image_tokens:
        pictures.max_soft_tokens = image_tokens
    side = isqrt(pictures.max_soft_tokens)
    edge = pictures.patch_size * pictures.pooling_kernel_size
    return Chat(folder, config, processor, photo_side=side * edge, photo_tokens=side**2)
