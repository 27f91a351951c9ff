"""What a base model's folder needs beside its weights: how it reads, looks at a photo, and chats.

Told from its small files by their names and their text, in milliseconds, before anything is loaded.
What is missing here is missing for certain; whether what is there serves, `core.vlms.chat` tries
with the library. Knows files and JSON; loads no library.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from core.errors import ModelMissing
from core.language import tr
from core.vlms.folders import MAX_CONFIG
from core.vlms.sizes import CONFIG, MAX_TOKENIZER, TOKENIZERS

SEG_TEXT = "<SEG>"
FOUND_TEXT = "<FOUND>"
RESERVED = re.compile(r"<unused(\d+)>")
"""Reserved tokens: the first serves as the mask token where the tokenizer has no ``<SEG>``."""
ENDS = ("<turn|>", "<end_of_turn>")
"""What ends a turn: Gemma 4's, and that of all Gemmas before it."""

TEMPLATES = ("chat_template.jinja", "chat_template.json", "chat_templates/default.jinja")
PROCESSOR, PICTURES = "processor_config.json", "preprocessor_config.json"
_SPARE = re.compile(rb'"(<SEG>|<unused\d+>)"')


def check_words(folder: Path) -> None:
    """Raises ModelMissing where ``folder``, which has a config and weights, lacks a tokenizer with
    a token for masks, one for photos or one that ends a turn, a chat template, or an image
    processor."""
    told = _settings(folder, PROCESSOR)
    there = (
        any((folder / name).is_file() for name in TOKENIZERS),
        any((folder / name).is_file() for name in TEMPLATES) or told.get("chat_template"),
        (folder / PICTURES).is_file() or told.get("image_processor"),
    )
    if not all(there):
        raise ModelMissing(no_processor(folder))
    # One in the older form is read by the library alone.
    if (folder / TOKENIZERS[0]).is_file():
        _check_tokens(folder)


def _check_tokens(folder: Path) -> None:
    try:
        with (folder / TOKENIZERS[0]).open("rb") as file:
            text = file.read(MAX_TOKENIZER)
    except OSError as error:
        raise ModelMissing(no_processor(folder)) from error
    if not _SPARE.search(text):
        raise ModelMissing(no_mask_token())
    if not any(f'"{end}"'.encode() in text for end in ENDS):
        raise ModelMissing(no_token(ENDS[-1]))
    config = _settings(folder, CONFIG)
    image = config.get("image_token_id", config.get("image_token_index"))
    if isinstance(image, int) and not re.search(rb"[:\s]%d\s*[,}]" % image, text):
        raise ModelMissing(no_photo_token(folder))


def _settings(folder: Path, name: str) -> dict[str, Any]:
    """Of a file with settings, nothing where there is none. Raises ModelMissing for nonsense."""
    if not (folder / name).is_file():
        return {}
    try:
        with (folder / name).open("rb") as file:
            found = json.loads(file.read(MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ModelMissing(no_processor(folder))
    return found


def no_processor(folder: Path) -> str:
    """The sentence for a processor of which a part is missing or damaged."""
    return tr(
        "{folder} lacks its processor (tokenizer, image processor, chat template), or it is "
        "damaged; get the whole folder of the instruction-tuned model again.",
        folder=folder.name,
    )


def no_mask_token() -> str:
    """The sentence for a tokenizer without a token that a mask could stand behind."""
    return tr(
        "This model's tokenizer has neither {token} nor a reserved token to serve as one; "
        "choose a Gemma folder with its original tokenizer.",
        token=SEG_TEXT,
    )


def no_token(text: str) -> str:
    """The sentence for a tokenizer that takes ``text`` for several tokens, or for none."""
    return tr(
        "This model's tokenizer has no single token {token}; choose a Gemma folder with "
        "its original tokenizer.",
        token=text,
    )


def no_photo_token(folder: Path) -> str:
    """The sentence for a tokenizer that does not know the token which stands for a photo."""
    return tr(
        "The tokenizer in {folder} does not have the token that stands for a photo in this model; "
        "get the whole folder of the model again.",
        folder=folder.name,
    )
