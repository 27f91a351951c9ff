"""Starting a run from an adapter that the person brings along: an export of this program.

Nothing in the folder is believed before its manifest holds. Its tensors are read by the worker;
here they are only looked through: whether they are tensors, fit the base, and are numbers.
Knows files and settings; loads no model.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core import adapter_package
from core.errors import AdapterRefused, UsageError
from core.language import tr
from core.services import bases
from core.training import adapter_headers, finite
from core.training.config import TrainConfig
from core.training.facts import head_path_of, verified


def insist_on_base(folder: Path, base: str) -> None:
    """For whoever names both: raises UsageError where ``base`` is not the adapter's family,
    AdapterRefused where there is no adapter."""
    _, facts = verified(folder)
    if facts.base != base:
        raise UsageError(
            tr(
                "The adapter in “{name}” was trained on {base}; say --base {base}, or choose "
                "another adapter.",
                name=folder.name,
                base=facts.base,
            )
        )


def start_from(config: TrainConfig, folder: Path) -> TrainConfig:
    """``config`` on the base and in the shape that the adapter in ``folder`` was trained with.

    Raises AdapterRefused when the folder is none of ours or was changed, its tensors are none, do
    not fit or are no numbers, or its base is another; ModelMissing when that base is not on this
    computer.
    """
    manifest, facts = verified(folder)
    path = config.base_path if config.base == facts.base else ""
    path = path or bases.home_of(manifest.base)
    chosen = bases.choose(f"{facts.base}={path}" if path else facts.base)
    adapter_package.verify_base(manifest, chosen.folder)
    adapter_headers.refuse_misfits(folder, facts, chosen.folder)
    if name := finite.first_in(sorted(folder.glob("*.safetensors"))):
        raise AdapterRefused(
            tr(
                "The adapter in “{folder}” holds values that are no numbers, the first in {name}; "
                "copy the whole folder again, or train it anew.",
                folder=folder.name,
                name=name[:80],
            )
        )
    shaped = facts.config(chosen.path, head_path_of(facts))
    return replace(
        config,
        base=shaped.base,
        base_path=shaped.base_path,
        method=shaped.method,
        head=shaped.head,
        head_path=shaped.head_path,
        image_tokens=shaped.image_tokens,
        tower=shaped.tower,
        layers=shaped.layers,
        answers=shaped.answers,
        rank=shaped.rank,
        alpha=shaped.alpha,
    )
