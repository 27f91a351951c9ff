"""Puts a `gemma-clip` together: a tower, a fresh projector, a language model, one processor.

Reads two folders of the transformers library and writes a third. Nothing is downloaded. Knows the
library; heavy imports sit in the functions: scanning this package loads nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from core.errors import ModelMissing
from core.files import must_be_free, whole_folder
from core.language import tr
from core.vlms.folders import check_folder, config_of
from core.vlms.gemma_clip import TEXTS, TOWERS
from core.vlms.opening import UNBUILDABLE, check_numbers, quiet
from core.vlms.words import ENDS, RESERVED, SEG_TEXT

LAYER = -2
"""Whose states are looked at: the last layer's but one, as LLaVA does."""

CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] | trim }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ 'IMAGE' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
"""Gemma's turns, for text models that come without a template; IMAGE is the image token."""


def assemble(tower: Path, text: Path, out: Path) -> None:
    """Writes a LLaVA folder ``out`` from the folders of a ``tower`` and of a ``text`` model.

    The projector starts from random numbers, in the size that the language model's own embeddings
    have: it has to be trained. Raises ModelMissing for parts that do not fit, ExportRefused for a
    folder that is in the way.
    """
    must_be_free(out)  # before anything large is read
    check_folder(tower)
    _check_text(text)
    with quiet():
        _write(tower, text, out)


def _write(tower: Path, text: Path, out: Path) -> None:
    vision, pictures = _open_tower(tower)
    language, words = _open_text(text)
    image = _image_token(words)
    model = _join(vision, language, words.convert_tokens_to_ids(image))
    others = TOWERS[vision.config.model_type]
    from transformers import LlavaProcessor

    processor = LlavaProcessor(
        image_processor=_square(pictures, vision.config.image_size),
        tokenizer=words,
        patch_size=vision.config.patch_size,
        vision_feature_select_strategy=model.config.vision_feature_select_strategy,
        num_additional_image_tokens=others,
        chat_template=CHAT.replace("IMAGE", image),
        image_token=image,
    )
    with whole_folder(out) as draft:
        model.save_pretrained(draft)
        processor.save_pretrained(draft)


def _join(vision: Any, language: Any, image: int) -> Any:
    """The whole model; ``image`` is the id of the image token."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    side = vision.config.image_size // vision.config.patch_size
    config = LlavaConfig(
        vision_config=vision.config,
        text_config=language.config,
        image_token_index=image,
        image_seq_length=side * side,
        vision_feature_layer=LAYER,
        vision_feature_select_strategy="default" if TOWERS[vision.config.model_type] else "full",
        tie_word_embeddings=language.config.tie_word_embeddings,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(vision.state_dict())
    model.model.language_model.load_state_dict(language.model.state_dict())
    model.lm_head.load_state_dict(language.lm_head.state_dict())
    model.tie_weights()
    _start(model)
    return model


def _check_text(folder: Path) -> None:
    """Raises ModelMissing unless config.json says that ``folder`` is a Gemma of text alone."""
    check_folder(folder)
    found = config_of(folder)
    kind = found.get("model_type") if isinstance(found, dict) else None
    if kind not in TEXTS:
        raise ModelMissing(
            tr(
                "{folder} is a model of the kind “{kind}”; choose the folder of a Gemma that reads "
                "text alone: Gemma 1 or 2, or Gemma 3 with 270M or 1B.",
                folder=folder.name,
                kind=str(kind)[:40],
            )
        )


def _open_text(folder: Path) -> tuple[Any, Any]:
    """The language model and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return _open(
        folder,
        AutoModelForCausalLM,
        AutoTokenizer,
        tr(
            "{folder} is not whole, or of a model that this program does not know; choose the "
            "folder of an instruction-tuned Gemma that reads text.",
            folder=folder.name,
        ),
    )


def _open(folder: Path, model: Any, processor: Any, otherwise: str) -> tuple[Any, Any]:
    """What two classes of the library make of ``folder``; ModelMissing says ``otherwise``."""
    import torch
    from huggingface_hub.errors import StrictDataclassError

    check_folder(folder)
    check_numbers(folder)
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        return (
            model.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **local),
            processor.from_pretrained(folder, **local),
        )
    except (SafetensorError, StrictDataclassError, *UNBUILDABLE) as error:
        raise ModelMissing(otherwise) from error


def _open_tower(folder: Path) -> tuple[Any, Any]:
    """The vision model, of a folder that holds it alone or with a text model, and its processor."""
    from transformers import AutoImageProcessor, AutoModel

    model, pictures = _open(
        folder,
        AutoModel,
        AutoImageProcessor,
        tr(
            "{folder} is not whole, or of a model that this program does not know; choose the "
            "folder of a CLIP, SigLIP or DINOv2 with its image processor.",
            folder=folder.name,
        ),
    )
    # CLIP and SigLIP are published with their text model beside.
    model = getattr(model, "vision_model", model)
    if model.config.model_type not in TOWERS:
        raise ModelMissing(
            tr(
                "{folder} is a {kind} model; choose the folder of a CLIP, SigLIP or DINOv2.",
                folder=folder.name,
                kind=model.config.model_type,
            )
        )
    return model, pictures


def _image_token(words: Any) -> str:
    """The tokenizer's own, else its last reserved one: the first ones may be taken as ``<SEG>``."""
    own = getattr(words, "image_token", None)
    free = sorted((int(m[1]), m[0]) for m in map(RESERVED.fullmatch, words.get_vocab()) if m)
    wanted = 1 if SEG_TEXT in words.get_vocab() else 2
    if own:
        return str(own)
    if len(free) < wanted or ENDS[-1] not in words.get_vocab():
        raise ModelMissing(
            tr(
                "The language model's tokenizer has no reserved tokens for photo and mask, or no "
                "{end}; choose an instruction-tuned Gemma with its original tokenizer.",
                end=ENDS[-1],
            )
        )
    return free[-1][1]


def _start(model: Any) -> None:
    """Sizes the projector so that image tokens come out as large as words do."""
    import torch

    embedding = model.get_input_embeddings()
    projector = model.model.multi_modal_projector
    with torch.no_grad():
        some = torch.arange(min(1000, embedding.num_embeddings))
        wanted = embedding(some).square().mean().sqrt()
        for part in (projector.linear_1, projector.linear_2):
            part.weight.normal_(std=part.in_features**-0.5)
            part.bias.zero_()
        given = torch.randn(64, projector.linear_1.in_features)
        projector.linear_2.weight.mul_(wanted / projector(given).square().mean().sqrt())


def _square(pictures: Any, side: int) -> Any:
    """The tower's image processor, for square photos of the side that the tower was made for."""
    pictures.size = {"height": side, "width": side}
    pictures.do_center_crop = False
    return pictures
