"""What the small files of a base model's folder may ask for, against what models are and what its
weights hold.

A photo is made as large as these files say, cut into as many patches and written as as many tokens,
and the model is built with as many layers: all of that takes memory before a weight tells that it
was never so. Knows JSON and the headers of weights; loads no library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import ModelMissing
from core.language import tr
from core.training import model_shape

MAX_SIDE, MAX_PATCHES, MAX_TOKENS = 4096, 1 << 16, 8192
"""Pixels along a photo's edge, patches and tokens of one photo. Published models have 896, 10,080
and 1,369 at most."""
MAX_TEMPLATE = 128 << 10
"""Bytes of a chat template; Gemma 4's, tools and all, has 17 thousand."""
MAX_SETTINGS = 16 << 20
"""Bytes of every other small file that is read."""
MAX_PROCESSOR = 1_000_000
"""Bytes that are read of an image processor's settings; published ones have a thousandth."""
MAX_TOKENIZER = 200 << 20
"""Bytes of a tokenizer; Gemma's has 33 million."""
CONFIG = "config.json"
PROCESSORS = ("processor_config.json", "preprocessor_config.json")
TEMPLATES = ("*.jinja", "chat_template.json", "*_templates/*.jinja")
TOKENIZERS = ("tokenizer.json", "tokenizer.model")
SETTINGS = ("*_config.json", "added_tokens.json", "special_tokens_map.json")
LARGEST: dict[str, int] = {
    **dict.fromkeys(
        ("image_size", "height", "width", "shortest_edge", "longest_edge", "patch_size"), MAX_SIDE
    ),
    **dict.fromkeys(
        (
            "image_seq_length", "max_soft_tokens", "mm_tokens_per_image",
            "vision_soft_tokens_per_image",
        ),
        MAX_TOKENS,
    ),
    "pooling_kernel_size": 64,
    "position_embedding_size": MAX_PATCHES,
    "mm_posemb_size": MAX_PATCHES,
}  # fmt: skip
"""Of what sees a photo, by the name it has in the files."""
_LAYER = re.compile(r"\blayers\.(\d+)\.")


def check_sizes(folder: Path, config: object) -> None:
    """Raises ModelMissing for a folder whose small files ask for what no model is. ``config`` is
    what stands in its config.json."""
    check_files(folder)
    check_sight(folder, CONFIG, config)
    for name in PROCESSORS:
        check_sight(folder, name, _read(folder / name))
    check_layers(folder, config)


def check_files(folder: Path) -> None:
    """Raises ModelMissing where a file that is read as a whole is larger than any of its kind."""
    limits = (TEMPLATES, MAX_TEMPLATE), (SETTINGS, MAX_SETTINGS), (TOKENIZERS, MAX_TOKENIZER)
    for kinds, most in limits:
        for path in (p for kind in kinds for p in folder.glob(kind)):
            if path.is_file() and path.stat().st_size > most:
                raise ModelMissing(too_long(folder, path.relative_to(folder).as_posix()))


def check_sight(folder: Path, name: str, settings: object) -> None:
    """Raises ModelMissing where ``settings``, out of the file ``name``, make a photo larger than
    any model sees, or cut it into patches of no size."""
    for key, value in _numbers(settings):
        if key in LARGEST and not 0 < value <= LARGEST[key]:
            raise ModelMissing(_absurd(folder, name, key))
    for part in _tables(settings):
        side, patch = part.get("image_size"), part.get("patch_size")
        if isinstance(side, list):  # of several sides, and photos are square here
            raise ModelMissing(_absurd(folder, name, "image_size"))
        if isinstance(side, int) and isinstance(patch, int) and (side // patch) ** 2 > MAX_PATCHES:
            raise ModelMissing(_absurd(folder, name, "patch_size"))


def check_layers(folder: Path, config: object) -> None:
    """Raises ModelMissing where config.json names more layers than the weights have, or wider
    words. Files that cannot be read are left to whoever opens them."""
    if not isinstance(config, dict):
        return
    text = config.get("text_config", config)
    asked = text if isinstance(text, dict) else {}
    layers, width = 0, 0
    try:
        for name, sides in model_shape.weights(folder):
            if any(word in name for word in model_shape.SEES):
                continue
            if found := _LAYER.search(name):
                layers = max(layers, int(found[1]) + 1)
            if name.endswith("embed_tokens.weight") and len(sides) == 2:
                width = sides[1]
    except ModelMissing:
        return
    for key, there in (("num_hidden_layers", layers), ("hidden_size", width)):
        wanted = asked.get(key)
        if there and isinstance(wanted, int) and wanted > there:
            raise ModelMissing(
                tr(
                    "The config.json in {folder} asks for {key} {wanted:,} and the weights beside "
                    "it have {there:,}; get the whole folder again.",
                    folder=folder.name,
                    key=key,
                    wanted=wanted,
                    there=there,
                )
            )


def too_long(folder: Path, name: str) -> str:
    """The sentence for a file that is larger than any of its kind."""
    return tr(
        "The file {name} in {folder} is larger than any model's; get the whole folder again.",
        name=name,
        folder=folder.name,
    )


def _read(path: Path) -> object:
    """What stands in an image processor's settings; None where there is none, or nothing that can
    be read: `core.vlms.words` says so."""
    try:
        with path.open("rb") as file:
            found: object = json.loads(file.read(MAX_PROCESSOR))
    except (OSError, ValueError, RecursionError):
        return None
    return found


def _absurd(folder: Path, name: str, key: str) -> str:
    return tr(
        "The {name} in {folder} asks for photos of a size that no model sees ({key}); get the "
        "whole folder again.",
        name=name,
        folder=folder.name,
        key=key,
    )


def _numbers(settings: object) -> Iterator[tuple[str, float]]:
    """Every number with the name it has, also within lists."""
    for part in _tables(settings):
        for key, value in part.items():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, int | float) and not isinstance(each, bool):
                    yield str(key), each


def _tables(settings: object) -> Iterator[dict[str, Any]]:
    waiting = [settings]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
