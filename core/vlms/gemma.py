"""What all Gemmas share: one way to write a chat, one forward over a tree.

Knows transformers' model classes; every family says for itself how it sees a photo and which of its
layers attend within an image in both directions. Left to themselves the models work that out from
token types; here `states` says in full what sees what, as the model's own mask would. Heavy imports
sit in the functions: scanning this package loads nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.vlms.base import Rendered, VlmSpec
from core.vlms.chat import Chat

if TYPE_CHECKING:
    from torch import Tensor

TEXT_LAYERS = r".*language_model\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"


class Gemma:
    """A loaded model. See `core.vlms.base.VisionLanguage` for the promises.

    A family gives ``grid``, ``tower``, ``tokens`` and ``lora_targets``.
    """

    trained_whole: tuple[str, ...] = ("multi_modal_projector",)
    grid: tuple[int, int, int]

    def __init__(self, spec: VlmSpec, folder: Path, model: Any, chat: Chat) -> None:
        self.spec, self.folder, self.model = spec, folder, model
        self._base, self._chat = model, chat
        self.processor = chat.processor
        self.seg, self.end, self.pad = chat.seg, chat.end, chat.pad
        self.photo_side = chat.photo_side
        text = model.config.get_text_config()
        self.hidden_size = int(text.hidden_size)
        # Gemma 1 has no window.
        self._window = int(getattr(text, "sliding_window", None) or text.max_position_embeddings)

    def pixels(self, photos: list[NDArray[np.uint8]]) -> Tensor:
        out: Tensor = self.processor.image_processor(images=list(photos), return_tensors="pt")[
            "pixel_values"
        ]
        return out.to(self._base.device, self._base.dtype)

    def render(self, prompt: str, answer: str) -> Rendered:
        return self._chat.render(prompt, answer)

    def states(
        self, ids: Tensor, places: Tensor, sees: Tensor, filled: Tensor, past: Any = None
    ) -> tuple[Tensor, Any]:
        from transformers import DynamicCache

        own = places[:, -ids.shape[1] :, None]
        apart = own - places[:, None, :]
        # Made without the config: a cache with one would drop what lies outside the window.
        cache = DynamicCache() if past is None else past
        read = self._read(
            ids,
            filled,
            position_ids=own[..., 0],
            attention_mask=self._masks(sees, apart),
            past_key_values=cache,
            use_cache=True,
        )
        found: Tensor = read.last_hidden_state
        return found, cache

    def _read(self, ids: Tensor, filled: Tensor, **how: Any) -> Any:
        """The class's own forward without its head, ``filled`` in place of image tokens."""
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        photos = BaseModelOutputWithPooling(pooler_output=self._photos(filled))
        return self._base.model(input_ids=ids, mm_encoder_outputs={"image": photos}, **how)

    def _photos(self, filled: Tensor) -> Any:
        """[F, hidden] in the form in which the class takes the photos' tokens."""
        return (filled,)

    def _masks(self, sees: Tensor, apart: Tensor) -> Any:
        """What the layers see, [B, 1, S, P + S] by kind of layer.

        ``apart`` [B, S, P + S] is how far back from each token each other lies.
        """
        return {
            "full_attention": sees[:, None],
            "sliding_attention": (sees & (apart < self._window))[:, None],
        }

    def logits(self, states: Tensor) -> Tensor:
        found: Tensor = self._base.lm_head(states).float()
        return found
