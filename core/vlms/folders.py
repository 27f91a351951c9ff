"""What can be told of a base model's folder at a glance: whether it is one, and of which family.

Said in one sentence with what to do, before anything large is read. Knows files and JSON; loads no
library.
"""

from __future__ import annotations

import json
from pathlib import Path

from core import registry
from core.errors import ModelMissing
from core.language import tr
from core.vlms.base import VlmSpec

CONFIG = "config.json"
MAX_CONFIG = 1_000_000
"""Bytes that are read; published ones have a hundredth."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def check_folder(folder: Path) -> None:
    """Raises ModelMissing unless ``folder`` has a config.json and weights that cannot run code."""
    if not (folder / CONFIG).is_file():
        raise ModelMissing(
            tr(
                "There is no model in {folder}; choose the folder with config.json.",
                folder=folder,
            )
        )
    if any(folder.glob("*.safetensors")):
        return
    if any(p for kind in PICKLES for p in folder.glob(kind)):
        raise ModelMissing(
            tr(
                "{folder} holds its weights as pickles alone, and those can run code; get the "
                "model as .safetensors.",
                folder=folder.name,
            )
        )
    raise ModelMissing(
        tr("There are no .safetensors weights in {folder}; get the model again.", folder=folder)
    )


def check_kind(spec: VlmSpec, folder: Path) -> None:
    """Raises ModelMissing unless ``folder`` holds a model of this family, as far as it says."""
    check_folder(folder)
    try:
        with (folder / CONFIG).open("rb") as file:
            found = json.loads(file.read(MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ModelMissing(no_config(spec, folder))
    kind = found.get("model_type")
    if kind in spec.kinds:
        return
    others = registry.discover("core.vlms", VlmSpec).values()
    right = next((s.title for s in others if kind in s.kinds and not s.folder), None)
    if right:
        raise ModelMissing(
            tr(
                "{folder} belongs to another family; choose “{right}” for it.",
                folder=folder.name,
                right=right,
            )
        )
    raise ModelMissing(
        tr(
            "{folder} is a model of the kind “{kind}”, which is no {title}; choose another folder.",
            folder=folder.name,
            kind=str(kind)[:40],
            title=spec.title.partition(" (")[0],
        )
    )


def no_config(spec: VlmSpec, folder: Path) -> str:
    """The sentence for a configuration that cannot be read."""
    return tr(
        "The config.json in {folder} is damaged; get the whole folder of the {title} again.",
        folder=folder.name,
        title=spec.title.partition(" (")[0],
    )
