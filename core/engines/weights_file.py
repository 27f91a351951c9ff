"""Reads a weights file that came from anywhere, and tells whose it is.

The file is data, never a program: tensors only, no pickled code. Every name and shape is compared
with what a library would build before a single output is made. Knows files and tensors; knows no
model. Imports torch when it is called.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CheckpointRefused
from core.language import tr

MAX_TENSORS = 5000
MOST_TIMES = 8
"""How many times as large as its file a model may be in memory: torch packs nothing, but a tensor
may be there under several names."""
NAMED = 80
"""Characters of a tensor's name that are told: a stranger's may have thousands."""
COUNTERS = "num_batches_tracked"
"""The one kind of whole numbers among weights: how often a batch norm was trained."""
UNREADABLE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError,
    RuntimeError, TypeError, ValueError, struct.error, zipfile.BadZipFile,
)  # fmt: skip
"""What torch raises over bytes that happen to look like its own; no bug of the program is in it."""


@dataclass(frozen=True, slots=True)
class Family:
    """``mark`` is a piece of its tensors' names; ``engine`` the one that opens it, "" for none."""

    mark: str
    what: str
    engine: str = ""
    advice: str = ""


FAMILIES = (
    Family("mask_decoder.hf_", "HQ-SAM"),
    Family("mask_decoder.hq_", "HQ-SAM"),
    Family("image_encoder.trunk.body.", "EdgeTAM", "edgetam",
           tr("Choose the assistant “EdgeTAM”.")),
    Family("image_encoder.trunk.", "SAM 2", "sam2", tr("Choose the assistant “SAM 2.1”.")),
    Family("image_encoder.layers.", "MobileSAM", "mobile-sam",
           tr("Choose the assistant “MobileSAM”.")),
    Family("image_encoder.body.", "EdgeSAM"),
    Family("image_encoder.blocks.", "Segment Anything", "segment-anything",
           tr("Choose the assistant “Segment Anything”.")),
    Family("detector.backbone.", "SAM 3", "sam3", tr("Choose the assistant “SAM 3”.")),
    Family("detector_model.", "SAM 3", "sam3", tr("Choose the assistant “SAM 3”.")),
    Family("vision_encoder.backbone.layers.", "SAM 3", "sam3", tr("Choose the assistant “SAM 3”.")),
    Family("vision_encoder.backbone.timm_model.", "EdgeTAM", "edgetam",
           tr("Choose the assistant “EdgeTAM”.")),
    Family("vision_encoder.backbone.blocks.", "SAM 2", "sam2",
           tr("Choose the assistant “SAM 2.1”.")),
    Family("vision_encoder.layers.", tr("the transformers library's form of SAM"), "",
           tr("Choose the assistant “Segment Anything” and open its .pth file.")),
)  # fmt: skip
"""Relatives that people try, the more particular mark before the wider one."""


def refuse_strangers(path: Path, names: Iterable[str], *, engine: str, get_another: str) -> None:
    """Raises CheckpointRefused when the tensors' ``names`` are those of another engine's model."""
    names = list(names)
    for family in FAMILIES:
        if any(name.startswith(family.mark) for name in names):
            if family.engine != engine:
                raise CheckpointRefused(
                    tr(
                        "{name} is {what}, which is another model. {value} {which}",
                        name=path.name,
                        what=family.what,
                        value=family.advice or get_another,
                        which=get_another if family.advice else "",
                    ).strip()
                )
            return


def read_weights(path: Path, *, get_another: str) -> Any:
    """The file's contents, whatever they are; tensors on the CPU.

    Raises CheckpointRefused for what cannot be read, or holds more than numbers.
    """
    import torch

    # torch's own handle on the error: this program reads no pickles and has no use for the module.
    refusal: type[Exception] = torch.serialization.pickle.UnpicklingError  # type: ignore[attr-defined]
    broken = tr(
        "{name} cannot be read: it is damaged, cut short, or no weights file. {get_another}",
        name=path.name,
        get_another=get_another,
    )
    if path.is_dir():  # what another family is published as; its names will tell
        path = path / "model.safetensors"
    try:
        if path.suffix.lower() == ".safetensors":
            return _read_safetensors(path, broken)
        return _read_pickled(path, broken)
    except refusal as error:
        raise CheckpointRefused(
            tr(
                "{name} holds program code beside its numbers, so it is not opened. {get_another}",
                name=path.name,
                get_another=get_another,
            )
            if _is_pickle(path) or re.search(r"Unsupported (global|class)", str(error))
            else broken
        ) from error
    except UNREADABLE as error:
        raise CheckpointRefused(broken) from error


def _read_pickled(path: Path, broken: str) -> Any:
    import torch

    if _unpacked(path) > MOST_TIMES * path.stat().st_size:
        raise CheckpointRefused(broken)
    return torch.load(path, map_location="cpu", weights_only=True)


def _unpacked(path: Path) -> int:
    """Bytes that a zip says it becomes; 0 for what is none."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def _is_pickle(path: Path) -> bool:
    """Whether it begins as torch's files do; a photo that was opened by mistake holds no code."""
    with path.open("rb") as file:
        head = file.read(2)
    return zipfile.is_zipfile(path) or (head[:1] == b"\x80" and head[1:] <= b"\x05")


def _read_safetensors(path: Path, broken: str) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device="cpu")
    except SafetensorError as error:
        raise CheckpointRefused(broken) from error


def named_tensors(
    path: Path,
    found: Any,
    *,
    engine: str,
    what: str,
    get_another: str,
    leave: Callable[[str], bool] = lambda _name: False,
) -> Any:
    """{name: tensor}, float32, out of the wrapping that training scripts put around them.

    ``what`` names the model for the sentence; tensors whose names ``leave`` picks are not looked
    at. Raises CheckpointRefused for anything else, another
    engine's model among it.
    """
    import torch

    for key in ("model", "state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    no_model = CheckpointRefused(
        tr(
            "{name} is not a {what} model. {get_another}",
            name=path.name,
            what=what,
            get_another=get_another,
        )
    )
    if not isinstance(found, Mapping) or not 0 < len(found) <= MAX_TENSORS:
        raise no_model
    tensors = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise no_model
    refuse_strangers(path, tensors, engine=engine, get_another=get_another)
    tensors = {name: tensor for name, tensor in tensors.items() if not leave(name)}
    for name, tensor in tensors.items():
        number = tensor.is_floating_point() or name.endswith(COUNTERS)
        if not number or tensor.is_meta or tensor.layout != torch.strided:
            raise no_model
        if tensor.nbytes > tensor.untyped_storage().nbytes():
            # One number that says it is thousands of millions of them: copied, it would be.
            raise no_model
    held = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors.values()}
    if sum(tensor.nbytes for tensor in tensors.values()) > MOST_TIMES * sum(held.values()):
        raise no_model  # the same numbers under thousands of names
    return {
        name: value.float().contiguous() if value.is_floating_point() else value
        for name, value in tensors.items()
    }


def compare(path: Path, state: Any, model: Any, *, looks_like: str, get_another: str) -> None:
    """Raises CheckpointRefused unless every name and shape is the library's own and every number
    is one. ``model`` may be on the meta device."""
    import torch

    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    here = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(n for n in wanted.keys() | here.keys() if wanted.get(n) != here.get(n))
    if wrong:
        raise CheckpointRefused(
            tr(
                "{name} looks like a {looks_like}, but {count} of its tensors are missing "
                "or have another shape ({wrong}). {get_another}",
                name=path.name,
                looks_like=looks_like,
                count=len(wrong),
                wrong=wrong[0][:NAMED],
                get_another=get_another,
            )
        )
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointRefused(
                tr(
                    "{name} is damaged: {name_2} holds numbers that are none. {get_another}",
                    name=path.name,
                    name_2=name[:NAMED],
                    get_another=get_another,
                )
            )
