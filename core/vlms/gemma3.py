"""Gemma 3, from the embedded `starter` to 27B: one way of loading, one forward.

Knows transformers' Gemma3ForConditionalGeneration and its processor. Left to itself the model
attends bidirectionally within an image only where ``token_type_ids`` say so; `states` says what
sees what in full instead, as the model's own mask would. Heavy imports sit in the functions:
scanning this file loads nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Bug, ModelMissing
from core.language import tr
from core.vlms.base import Rendered, VlmSpec

if TYPE_CHECKING:
    from torch import Tensor

SPECS = (
    VlmSpec(
        id="starter",
        title=tr("Starter (embedded)"),
        factory="core.vlms.gemma3:load",
        folder="starter",
        note=tr("Small, made for laptops without a GPU; knows leaves, learns your diseases."),
        min_memory_gib=2.0,
    ),
    VlmSpec(
        id="gemma-3",
        title=tr("Gemma 3 (4B, 12B, 27B) from a folder"),
        factory="core.vlms.gemma3:load",
        note=tr("Open the folder of a downloaded Gemma 3 model. Wants a GPU."),
        min_memory_gib=5.0,
    ),
)

SEG_TEXT = "<SEG>"
FOUND_TEXT = "<FOUND>"
RESERVED = "<unused0>"
"""The reserved token that serves as the mask token where the tokenizer has no ``<SEG>``."""

# Kept out of 4-bit: the tower and projector see the lesions, the head is tied to the embedding.
# Names are matched as prefixes, hence the leading "model.".
UNQUANTISED = ["model.vision_tower", "model.multi_modal_projector", "lm_head"]


class Gemma3:
    """A loaded Gemma 3. See `core.vlms.base.VisionLanguage` for the promises."""

    def __init__(self, spec: VlmSpec, folder: Path, model: Any, processor: Any) -> None:
        self.spec, self.folder, self.model, self.processor = spec, folder, model, processor
        self._base = model
        tokenizer = processor.tokenizer
        self._seg_text = SEG_TEXT if SEG_TEXT in tokenizer.get_vocab() else RESERVED
        self.seg = _single_id(tokenizer, self._seg_text)
        self.end = _single_id(tokenizer, "<end_of_turn>")
        self.pad = int(tokenizer.pad_token_id)
        # LoRA cannot wrap Gemma 3's projector, a bare parameter; it is small and trained whole.
        self.trained_whole = ("multi_modal_projector",)
        self.photo_side = int(model.config.vision_config.image_size)
        self._rendered: dict[tuple[str, str], Rendered] = {}
        side = model.config.vision_config.image_size // model.config.vision_config.patch_size
        self.grid = (int(model.config.vision_config.hidden_size), side, side)
        self.hidden_size = int(model.config.get_text_config().hidden_size)
        self._window = int(model.config.get_text_config().sliding_window)

    def pixels(self, photos: list[NDArray[np.uint8]]) -> Tensor:
        out: Tensor = self.processor.image_processor(images=list(photos), return_tensors="pt")[
            "pixel_values"
        ]
        return out.to(self._base.device, self._base.dtype)

    def tower(self, pixels: Tensor) -> Tensor:
        found: Tensor = self._base.model.vision_tower(pixel_values=pixels).last_hidden_state
        return found

    def tokens(self, features: Tensor) -> Tensor:
        found: Tensor = self._base.model.multi_modal_projector(features)
        return found

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
        image = self.processor.tokenizer.image_token
        said = answer.replace(SEG_TEXT, self._seg_text).replace(FOUND_TEXT, image)
        ids, _ = self._encode(text)
        full, types = self._encode(f"{text}{said}<end_of_turn>")
        if full[: len(ids)] != ids:
            raise Bug(f"the prompt's tokens are not a prefix of prompt + {answer!r}")
        filler = self.processor.tokenizer.image_token_id
        found = full.index(filler, len(ids)) if FOUND_TEXT in answer else -1
        # What is filled in is read causally, like any word of the answer.
        types = [t if i < len(ids) else 0 for i, t in enumerate(types)]
        return Rendered(tuple(full), tuple(types), len(ids), found)

    def _encode(self, text: str) -> tuple[list[int], list[int]]:
        blank = np.zeros((32, 32, 3), np.uint8)
        batch = self.processor(
            text=text, images=[[blank]], add_special_tokens=False, return_mm_token_type_ids=True
        )
        types = batch.get("token_type_ids", batch.get("mm_token_type_ids"))
        if types is None:
            raise Bug("the processor gave no token types; image attention would be causal")
        return list(batch["input_ids"][0]), list(types[0])

    def states(
        self, ids: Tensor, places: Tensor, sees: Tensor, filled: Tensor, past: Any = None
    ) -> tuple[Tensor, Any]:
        from transformers import DynamicCache
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        inner = self._base.model
        own = places[:, -ids.shape[1] :]
        near = own[:, :, None] - places[:, None, :] < self._window
        # Made without the config: a cache with one would drop what lies outside the window.
        cache = DynamicCache() if past is None else past
        found: Tensor = inner(
            input_ids=ids,
            position_ids=own,
            attention_mask={
                "full_attention": sees[:, None],
                "sliding_attention": (sees & near)[:, None],
            },
            mm_encoder_outputs={"image": BaseModelOutputWithPooling(pooler_output=filled[None])},
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return found, cache

    def logits(self, states: Tensor) -> Tensor:
        found: Tensor = self._base.lm_head(states).float()
        return found

    def lora_targets(self, *, tower: bool) -> str:
        text = r".*language_model\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"
        vision = r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
        return f"({text})|({vision})" if tower else text


def _plain(text: str) -> str:
    """User text with our control tokens taken out, so that a disease name cannot forge a turn."""
    return text.replace("<", "‹").replace(">", "›")


def _single_id(tokenizer: Any, text: str) -> int:
    ids = tokenizer.encode(text, add_special_tokens=False)
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise ModelMissing(
            tr(
                "This model's tokenizer has no single token {what}; choose a Gemma 3 "
                "folder with its original tokenizer.",
                what=text,
            )
        )
    return int(ids[0])


def _keep_differentiable(model: Any) -> None:
    """Keeps bitsandbytes from repacking 4-bit weights when a model is first used in eval mode.

    On processors with AVX512-BF16 it does (0.50.2, ``Linear4bit.forward``), for a kernel that has
    no backward; it is not undone by ``train()``. A run that evaluates before its first step, as
    ours do, would then train with the gradient cut off at every 4-bit layer, without a word.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def load(spec: VlmSpec, folder: Path, *, quantise: bool = False) -> Gemma3:
    """Loads a Gemma 3 directory; never from the network, never with code from the directory.

    fp32 without a GPU, bf16 on one; ``quantise`` keeps the language model in NF4 with double
    quantisation. Raises ModelMissing when the directory is absent or not a Gemma 3.
    """
    import torch
    from transformers import AutoConfig, AutoModelForMultimodalLM, AutoProcessor

    if not (folder / "config.json").is_file():
        raise ModelMissing(
            tr("There is no model in {folder}; choose the folder with config.json.", folder=folder)
        )
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if config.model_type != "gemma3":
        kind = config.model_type
        raise ModelMissing(
            tr("{name} is a {kind} model, not a Gemma 3.", name=folder.name, kind=kind)
        )
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu else torch.float32
    extra: dict[str, Any] = {"device_map": {"": 0}} if gpu else {}
    if quantise:
        from transformers import BitsAndBytesConfig

        extra["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=UNQUANTISED,
        )
    model = AutoModelForMultimodalLM.from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation="sdpa",
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        **extra,
    )
    if quantise:
        _keep_differentiable(model)
    processor = AutoProcessor.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    model.requires_grad_(False)
    return Gemma3(spec, folder, model.eval(), processor)
