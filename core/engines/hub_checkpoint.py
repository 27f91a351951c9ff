"""Reads a checkpoint in the transformers library's form: a folder with config.json and weights.

The person opens the folder, or the model.safetensors in it. Both files are data from anywhere: the
configuration is cut down to numbers and names of the one family that is expected, nothing in it can
name code, another model or a place on the network; every tensor is compared with what the library
builds from it before a single output is made. Knows folders and the library; knows no photo.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engines.weights_file import COUNTERS, NAMED, refuse_strangers
from core.errors import CheckpointRefused
from core.language import tr

WEIGHTS, CONFIG = "model.safetensors", "config.json"
MAX_CONFIG = 1_000_000
"""Bytes that are read; published ones have a hundredth."""
MAX_NUMBER, MAX_COUNT = 100_000, 256
"""The largest number, and the largest number of layers, that a configuration may ask for."""
COUNTS = re.compile(r"layers|blocks|depth|stages|levels|multimask")
NAMES_CODE = re.compile(r"^_|attn_implementation|auto_map|quantization|dtype|architectures")
"""Settings that are left out: they name code, or what is decided here."""
UNBUILDABLE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip
"""What the library raises while it builds a model from a configuration that makes none."""


@dataclass(frozen=True, slots=True)
class HubFamily:
    """What one engine opens.

    ``kinds`` are the values of ``model_type`` at the top of its config.json, ``parts`` how those
    further in begin. ``example`` is a folder's name for the sentence, ``file`` that of a file in
    its authors' form.
    """

    engine: str
    title: str
    kinds: tuple[str, ...]
    parts: tuple[str, ...]
    example: str
    file: str

    @property
    def get_another(self) -> str:
        return tr(
            "Open the {weights} of a folder of {title} such as “{example}”, with its "
            "{config} beside it, or its authors' file, such as “{file}”.",
            weights=WEIGHTS,
            title=self.title,
            example=self.example,
            config=CONFIG,
            file=self.file,
        )


def find_files(path: Path, family: HubFamily) -> tuple[Path, Path]:
    """(config.json, model.safetensors) for a folder or a file in it.

    Raises CheckpointRefused when there are no such files.
    """
    if path.is_dir():
        path = path / WEIGHTS
    if path.name == CONFIG:
        path = path.with_name(WEIGHTS)
    if not path.is_file():
        raise CheckpointRefused(
            tr(
                "There is no {weights} in “{name}”. {get_another}",
                weights=WEIGHTS,
                name=path.parent.name,
                get_another=family.get_another,
            )
        )
    return path.with_name(CONFIG), path


def read_config(path: Path, family: HubFamily) -> dict[str, Any]:
    """The settings, without what a configuration must not decide.

    Raises CheckpointRefused for anything that is no configuration of ``family``.
    """
    try:
        found = json.loads(path.read_bytes()[:MAX_CONFIG])
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointRefused(_no_config(family)) from error
    if not isinstance(found, dict):
        raise CheckpointRefused(_no_config(family))
    kind = found.get("model_type")
    if kind not in family.kinds:
        raise CheckpointRefused(
            tr(
                "The {config} beside the weights says “{kind}”, which is another model "
                "than {title}. {get_another}",
                config=CONFIG,
                kind=str(kind)[:40],
                title=family.title,
                get_another=family.get_another,
            )
        )
    try:
        cleaned: dict[str, Any] = _clean(found, family)
    except RecursionError as error:  # what the library just so reads may be too deep to go through
        raise CheckpointRefused(_no_config(family)) from error
    return cleaned


def _no_config(family: HubFamily) -> str:
    return tr(
        "The {config} beside the weights is missing or cannot be read. {get_another}",
        config=CONFIG,
        get_another=family.get_another,
    )


def _clean(value: Any, family: HubFamily, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            str(k): _clean(v, family, str(k))
            for k, v in value.items()
            if not NAMES_CODE.search(str(k))
        }
    if isinstance(value, list):
        return [_clean(item, family, key) for item in value]
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if number and not abs(value) <= (MAX_COUNT if COUNTS.search(key) else MAX_NUMBER):
        raise CheckpointRefused(
            tr(
                "The {config} beside the weights asks for a model of absurd size ({key}). "
                "{get_another}",
                config=CONFIG,
                key=key,
                get_another=family.get_another,
            )
        )
    if key == "model_type" and value and not str(value).startswith(family.parts):
        raise CheckpointRefused(
            tr(
                "The {config} beside the weights names a part of another model "
                "(“{value}”). {get_another}",
                config=CONFIG,
                value=str(value)[:40],
                get_another=family.get_another,
            )
        )
    return value


def read_tensors(
    path: Path, family: HubFamily, rename: Callable[[str], str | None]
) -> dict[str, Any]:
    """{name: tensor} in float32 for the tensors that ``rename`` has a name for.

    ``rename`` gives the name in the model that is built, None for what it has no use for. Raises
    CheckpointRefused for another family's file or a damaged one.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = list(file.keys())
            refuse_strangers(path, names, engine=family.engine, get_another=family.get_another)
            state = {new: file.get_tensor(old) for old in names if (new := rename(old)) is not None}
    except (SafetensorError, OSError) as error:
        raise CheckpointRefused(
            tr(
                "{name} cannot be read: it is damaged, cut short, or no weights file. "
                "{get_another}",
                name=path.name,
                get_another=family.get_another,
            )
        ) from error
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = tensor.float()
            if not torch.isfinite(state[name]).all():
                raise CheckpointRefused(
                    tr(
                        "{name} is damaged: {name_2} holds numbers that are none. {get_another}",
                        name=path.name,
                        name_2=name[:NAMED],
                        get_another=family.get_another,
                    )
                )
        elif not name.endswith(COUNTERS):
            raise CheckpointRefused(
                tr(
                    "{name} is not a {title} model. {get_another}",
                    name=path.name,
                    title=family.title,
                    get_another=family.get_another,
                )
            )
    return state


def build(
    model: type,
    config: Any,
    state: Mapping[str, Any],
    *,
    path: Path,
    family: HubFamily,
    authors: bool = False,
) -> Any:
    """``model``, a class of the library, with exactly the tensors of ``state``; on the CPU in eval
    mode. ``config`` makes the configuration. ``authors``: the file is in their form, without a
    configuration beside it, and may hold more than the model has a use for.

    Raises CheckpointRefused unless every name and shape is the library's own.
    """
    import torch
    from transformers.utils import logging

    wanted = _sizes(model, config, family)
    if authors:
        state = {name: tensor for name, tensor in state.items() if name in wanted}
    here = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(n for n in wanted.keys() | here.keys() if wanted.get(n) != here.get(n))
    if wrong:
        raise CheckpointRefused(_unfit(path, wrong, family, authors=authors))
    logging.disable_progress_bar()
    with _told(family):
        made = model.from_pretrained(  # type: ignore[attr-defined]
            None,
            config=config(),
            state_dict=dict(state),
            dtype=torch.float32,
            attn_implementation="sdpa",
            local_files_only=True,
            trust_remote_code=False,
        )
    return made.requires_grad_(False).eval()


def _sizes(model: type, config: Any, family: HubFamily) -> dict[str, tuple[int, ...]]:
    """Shape by name of all that ``model`` is made of."""
    import torch

    with _told(family):
        settings = config()
        with torch.device("meta"):  # sizes only: a wrong file must not cost gigabytes
            return {n: tuple(t.shape) for n, t in model(settings).state_dict().items()}


@contextmanager
def _told(family: HubFamily) -> Iterator[None]:
    """Turns what the library raises over settings that make no model into a sentence."""
    from huggingface_hub.errors import StrictDataclassError

    try:
        yield
    except (StrictDataclassError, *UNBUILDABLE) as error:
        said = tr("The {config} beside the weights describes no {title} model that can be built. "
                  "{more}", config=CONFIG, title=family.title, more=family.get_another)  # fmt: skip
        raise CheckpointRefused(said) from error


def _unfit(path: Path, wrong: list[str], family: HubFamily, *, authors: bool) -> str:
    if authors:
        return tr(
            "{name} looks like {title}, but {count} of its tensors are missing or have another "
            "shape ({wrong}). {get_another}",
            name=path.name,
            title=family.title,
            count=len(wrong),
            wrong=wrong[0][:NAMED],
            get_another=family.get_another,
        )
    return tr(
        "{name} does not fit the {config} beside it: {count} of its tensors are "
        "missing or have another shape ({wrong}). {get_another}",
        name=path.name,
        config=CONFIG,
        count=len(wrong),
        wrong=wrong[0][:NAMED],
        get_another=family.get_another,
    )
