"""Gemma 3, from the embedded `starter` to 27B.

Knows how a SigLIP tower and its projector are called. Image tokens attend to one another in both
directions, in all layers. Heavy imports sit in the functions: scanning this file loads nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.language import tr
from core.vlms.base import VlmSpec
from core.vlms.chat import Chat
from core.vlms.gemma import TEXT_LAYERS, Gemma
from core.vlms.opening import Opening, open_model, open_processor, read_config

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("gemma3",)
SPECS = (
    VlmSpec(
        id="starter",
        title=tr("Starter (embedded)"),
        factory="core.vlms.gemma3:load",
        folder="starter",
        note=tr("Small, made for laptops without a GPU; knows leaves, learns your diseases."),
        min_memory_gib=2.0,
        kinds=KINDS,
        flips=True,  # it was schooled with flips
    ),
    VlmSpec(
        id="gemma-3",
        title=tr("Gemma 3 (4B, 12B, 27B) from a folder"),
        factory="core.vlms.gemma3:load",
        note=tr("Open the folder of a downloaded Gemma 3 model. Wants a GPU."),
        min_memory_gib=5.0,
        kinds=KINDS,
    ),
)

OPENING = Opening(
    unquantised=("model.vision_tower", "model.multi_modal_projector", "lm_head"),
)


class Gemma3(Gemma):
    """A loaded Gemma 3. LoRA cannot wrap its projector, a bare parameter: it is trained whole."""

    def __init__(self, spec: VlmSpec, folder: Path, model: Any, chat: Chat) -> None:
        super().__init__(spec, folder, model, chat)
        vision = model.config.vision_config
        side = vision.image_size // vision.patch_size
        self.grid = (int(vision.hidden_size), side, side)

    def tower(self, pixels: Tensor) -> Tensor:
        found: Tensor = self._base.model.vision_tower(pixel_values=pixels).last_hidden_state
        return found

    def tokens(self, features: Tensor) -> Tensor:
        found: Tensor = self._base.model.multi_modal_projector(features)
        return found

    def _photos(self, filled: Tensor) -> Any:
        return filled[None]

    def lora_targets(self, *, tower: bool) -> str:
        vision = r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
        return f"({TEXT_LAYERS})|({vision})" if tower else TEXT_LAYERS


def load(spec: VlmSpec, folder: Path, *, quantise: bool = False) -> Gemma3:
    """A Gemma 3 directory. Raises ModelMissing when it is absent, damaged or not a Gemma 3."""
    config = read_config(spec, folder)
    chat = Chat(
        folder,
        config,
        open_processor(folder),
        photo_side=int(config.vision_config.image_size),
        photo_tokens=int(config.mm_tokens_per_image),
    )
    model = open_model(folder, config, OPENING, quantise=quantise)
    return Gemma3(spec, folder, model, chat)
