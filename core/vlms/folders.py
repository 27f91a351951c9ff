"""What can be told of a base model's folder at a glance: whether it is one, and of which family.

Said in one sentence with what to do, before anything large is read. Knows files and JSON; loads no
library.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from core import registry
from core.errors import ModelMissing
from core.language import tr
from core.vlms.base import VlmSpec
from core.vlms.sizes import CONFIG, check_sizes

MAX_CONFIG = 1_000_000
"""Bytes that are read; published ones have a hundredth."""
INDEX, WHOLE = "model.safetensors.index.json", "model.safetensors"
MAX_INDEX = 64 << 20
MAX_NUMBER, MAX_COUNT = 1 << 40, 1000
"""The largest number, and the largest number of layers, that a configuration may ask for."""
COUNTS = re.compile(r"layers|blocks|depth|stages|experts")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def check_folder(folder: Path) -> None:
    """Raises ModelMissing unless ``folder`` has weights that are whole, plain and cannot run code,
    and a config.json that asks for nothing absurd."""
    if not (folder / CONFIG).is_file():
        raise ModelMissing(
            tr(
                "There is no model in {folder}; choose the folder with config.json.",
                folder=folder,
            )
        )
    weights = list(folder.glob("*.safetensors"))
    if lost := next((p for p in weights if not p.is_file()), None):
        raise ModelMissing(
            tr(
                "{name} in {folder} is a link that leads nowhere, or no file; get the model again.",
                name=lost.name,
                folder=folder.name,
            )
        )
    if weights:
        config = config_of(folder)
        _check_index(folder)
        _check_numbers(folder, config)
        _check_plain(folder, config)
        check_sizes(folder, config)
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
    found = config_of(folder)
    if not isinstance(found, dict):
        raise ModelMissing(no_config(spec, folder))
    kind = found.get("model_type")
    if kind in spec.kinds:
        if spec.glance:
            registry.resolve(spec.glance)(folder, found)
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


def config_of(folder: Path) -> object:
    """What stands in config.json; None where it cannot be read."""
    try:
        with (folder / CONFIG).open("rb") as file:
            found: object = json.loads(file.read(MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        return None
    return found


def _check_index(folder: Path) -> None:
    """Weights in several files are those that their list names, and these lie beside it."""
    index = folder / INDEX
    if (folder / WHOLE).is_file() or not index.is_file():
        return
    try:
        with index.open("rb") as file:
            names = set(json.loads(file.read(MAX_INDEX))["weight_map"].values())
        fine = all(Path(n).name == n and (folder / n).is_file() for n in names)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        fine = False
    if not fine:
        raise ModelMissing(
            tr(
                "{index} in {folder} is damaged, or names files that are not there; get the whole "
                "folder again.",
                index=INDEX,
                folder=folder.name,
            )
        )


def _check_numbers(folder: Path, config: object) -> None:
    """What is built in these sizes is built before the weights tell that it is not theirs."""
    waiting: list[tuple[str, object]] = [("", config)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(name), each) for name, each in value.items()]
        elif isinstance(value, list):
            waiting += [(key, each) for each in value]
        elif _absurd(key, value):
            raise ModelMissing(
                tr(
                    "The config.json in {folder} asks for a model of absurd size ({key}); get the "
                    "whole folder again.",
                    folder=folder.name,
                    key=key[:40],
                )
            )


def _check_plain(folder: Path, config: object) -> None:
    """An adapter is merged onto weights that nobody has rounded before."""
    if isinstance(config, dict) and config.get("quantization_config"):
        raise ModelMissing(
            tr(
                "{folder} is quantised already; choose the plain model, which is quantised here "
                "when it is opened.",
                folder=folder.name,
            )
        )


def _absurd(key: str, value: object) -> bool:
    counts = COUNTS.search(key) is not None
    if isinstance(value, float):  # other ones are no sizes
        return counts and not abs(value) <= MAX_COUNT
    return isinstance(value, int) and abs(value) > (MAX_COUNT if counts else MAX_NUMBER)


def no_config(spec: VlmSpec, folder: Path) -> str:
    """The sentence for a configuration that cannot be read."""
    return tr(
        "The config.json in {folder} is damaged; get the whole folder of the {title} again.",
        folder=folder.name,
        title=spec.title.partition(" (")[0],
    )
