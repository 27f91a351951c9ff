"""What all Gemmas share: one reserved token, one way to render a chat, one forward over a tree.

Knows transformers' model classes and their processors; every family says for itself how it sees a
photo and which of its layers attend within an image in both directions. Left to themselves the
models work that out from token types; here `states` says in full what sees what, as the model's own
mask would. Heavy imports sit in the functions: scanning this package loads nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelMissing
from core.language import tr
from core.vlms.base import Rendered, VlmSpec

if TYPE_CHECKING:
    from torch import Tensor

SEG_TEXT = "<SEG>"
FOUND_TEXT = "<FOUND>"
RESERVED = re.compile(r"<unused(\d+)>")
"""Reserved tokens: the first serves as the mask token where the tokenizer has no ``<SEG>``."""
ENDS = ("<turn|>", "<end_of_turn>")
"""What ends a turn: Gemma 4's, and that of all Gemmas before it."""
TEXT_LAYERS = r".*language_model\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"


class Gemma:
    """A loaded model. See `core.vlms.base.VisionLanguage` for the promises.

    A family gives ``photo_side`` and ``grid``, ``tower``, ``tokens`` and ``lora_targets``.
    """

    trained_whole: tuple[str, ...] = ("multi_modal_projector",)
    photo_side: int
    grid: tuple[int, int, int]

    def __init__(self, spec: VlmSpec, folder: Path, model: Any, processor: Any) -> None:
        self.spec, self.folder, self.model, self.processor = spec, folder, model, processor
        self._base = model
        tokenizer = processor.tokenizer
        self._seg_text = mask_token(tokenizer)
        self.seg = single_id(tokenizer, self._seg_text)
        self._end_text = next((e for e in ENDS if e in tokenizer.get_vocab()), ENDS[-1])
        self.end = single_id(tokenizer, self._end_text)
        self.pad = single_id(tokenizer, tokenizer.pad_token)
        self._image = int(model.config.image_token_id)
        text = model.config.get_text_config()
        self.hidden_size = int(text.hidden_size)
        # Gemma 1 has no window.
        self._window = int(getattr(text, "sliding_window", None) or text.max_position_embeddings)
        self._rendered: dict[tuple[str, str], Rendered] = {}

    def pixels(self, photos: list[NDArray[np.uint8]]) -> Tensor:
        out: Tensor = self.processor.image_processor(images=list(photos), return_tensors="pt")[
            "pixel_values"
        ]
        return out.to(self._base.device, self._base.dtype)

    def render(self, prompt: str, answer: str) -> Rendered:
        key = (prompt, answer)
        if key not in self._rendered:
            self._rendered[key] = self._render(prompt, answer)
        return self._rendered[key]

    def _render(self, prompt: str, answer: str) -> Rendered:
        question = [
            {
                "role": "user",
                "content": [{"type": "image"}, {"type": "text", "text": _plain(prompt)}],
            }
        ]
        # The same call renders both, so that the prompt's ids are a prefix of the whole's.
        text = self.processor.apply_chat_template(
            question, tokenize=False, add_generation_prompt=True
        )
        # Padding stands in for what is filled in: processors stretch an image token to a photo's.
        filler = self.processor.tokenizer.pad_token
        said = answer.replace(SEG_TEXT, self._seg_text).replace(FOUND_TEXT, filler)
        ids, full = self._encode(text), self._encode(f"{text}{said}{self._end_text}")
        if full[: len(ids)] != ids:
            raise ModelMissing(
                tr(
                    "The chat template in {folder} writes a question otherwise once it is "
                    "answered, so that no answer can be told from it; get the base model again, "
                    "with its own chat template.",
                    folder=self.folder.name,
                )
            )
        found = -1
        if FOUND_TEXT in answer:
            found = full.index(self.pad, len(ids))
            full[found] = self._image
        # What is filled in is read causally, like any word of the answer.
        types = tuple(int(t == self._image and i < len(ids)) for i, t in enumerate(full))
        self._check_photo(sum(types))
        return Rendered(tuple(full), types, len(ids), found)

    def _encode(self, text: str) -> list[int]:
        blank = np.zeros((self.photo_side, self.photo_side, 3), np.uint8)
        batch = self.processor(text=text, images=[[blank]], add_special_tokens=False)
        return [int(i) for i in np.asarray(batch["input_ids"]).reshape(-1)]

    def _check_photo(self, places: int) -> None:
        if places != self.photo_tokens:
            raise ModelMissing(
                tr(
                    "The processor in {folder} gives a photo {given} places in the text and the "
                    "model fills {wanted}; get the model again with its own processor.",
                    folder=self.folder.name,
                    given=places,
                    wanted=self.photo_tokens,
                )
            )

    @property
    def photo_tokens(self) -> int:
        """How many image tokens a photo becomes."""
        return self.grid[1] * self.grid[2]

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


def _plain(text: str) -> str:
    """User text with our control tokens taken out, so that a disease name cannot forge a turn."""
    return text.replace("<", "‹").replace(">", "›")


def mask_token(tokenizer: Any) -> str:
    """``<SEG>`` where the tokenizer has it, else its first reserved token. Raises ModelMissing."""
    vocabulary = tokenizer.get_vocab()
    if SEG_TEXT in vocabulary:
        return SEG_TEXT
    free = [(int(m[1]), m[0]) for m in map(RESERVED.fullmatch, vocabulary) if m]
    if not free:
        raise ModelMissing(
            tr(
                "This model's tokenizer has neither {token} nor a reserved token to serve as one; "
                "choose a Gemma folder with its original tokenizer.",
                token=SEG_TEXT,
            )
        )
    return min(free)[1]


def single_id(tokenizer: Any, text: str) -> int:
    """The one id that ``text`` is encoded as. Raises ModelMissing when it is not one."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise ModelMissing(
            tr(
                "This model's tokenizer has no single token {token}; choose a Gemma folder with "
                "its original tokenizer.",
                token=text,
            )
        )
    return int(ids[0])
