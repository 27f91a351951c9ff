"""An adapter folder: written by a run, read by whoever predicts with it.

    adapter_model.safetensors  adapter_config.json   what peft itself loads
    head.safetensors                                 the mask head
    leafspot.json                                    what cannot be read off the tensors
    tokenizer.json, processor_config.json, …         the processor
    manifest.json                                    core.adapter_package

A foreign ``adapter_config.json`` is never handed to peft (it can name modules to import): the
LoRA is rebuilt from the few fields of ``leafspot.json``, each checked. Knows tensors and files.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from core import adapter_package
from core.files import replace_folder
from core.training import prompts
from core.training.adapter_headers import unreadable
from core.training.config import TrainConfig
from core.training.facts import FACTS, Facts, head_path_of, read_facts, verified
from core.training.learner import ADAPTER_FILE, HEAD_FILE, Learner, base_folder, load, spoken
from core.training.tensors import write_tensors

if TYPE_CHECKING:
    from torch import Tensor

TOKENS = ".trainable_tokens_delta"
"""Ends the name of the tensor that holds the rows of the tokens in answers."""


def app_version() -> str:
    """Leafspot's version, "0" when it runs from a bare folder."""
    try:
        return version("leafspot")
    except PackageNotFoundError:
        return "0"


@dataclass(frozen=True, slots=True)
class Unchanging:
    """What of an adapter does not change while it is trained. To hash a large base model and to
    write its tokenizer takes seconds, and whoever presses Stop is not to wait for them.

    ``processor`` is a folder with the processor's files.
    """

    base: adapter_package.Base
    facts: Facts
    processor: Path

    @classmethod
    def of(cls, learner: Learner, config: TrainConfig, folder: Path) -> Unchanging:
        """Writes the processor's files into ``folder``, which need not exist."""
        processor: Any = learner.vlm.processor
        processor.save_pretrained(folder)
        digests = adapter_package.base_digests(base_folder(config))
        return cls(adapter_package.Base(config.base, digests), Facts.of(config), folder)


def save_adapter(
    learner: Learner, config: TrainConfig, folder: Path, unchanging: Unchanging | None = None
) -> None:
    """Writes the whole folder, or nothing; an earlier one is replaced once the new one is whole.

    ``unchanging`` is what was made of ``learner`` and ``config`` before, where somebody has it.
    """
    with replace_folder(folder) as draft:
        known = unchanging or Unchanging.of(learner, config, draft)
        write_tensors(learner.adapter(), draft / ADAPTER_FILE)
        head = {n: t.detach().contiguous() for n, t in learner.head.module.state_dict().items()}
        write_tensors(head, draft / HEAD_FILE)
        (draft / "adapter_config.json").write_text(_peft_config(learner, config), "utf-8")
        (draft / FACTS).write_text(json.dumps(asdict(known.facts), indent=1), "utf-8")
        if known.processor != draft:
            shutil.copytree(known.processor, draft, dirs_exist_ok=True)
        adapter_package.write(
            draft,
            leafspot=app_version(),
            base=known.base,
            classes=config.classes,
            healthy=config.healthy,
            prompts={
                "diagnose": prompts.DIAGNOSE,
                "classify": prompts.CLASSIFY,
                "leaf": prompts.LEAF,
                "lesions": prompts.LESIONS,
                "named": prompts.named("{disease}"),
            },
        )


def _peft_config(learner: Learner, config: TrainConfig) -> str:
    """peft's own description, with the base named by its id: a path would name the user."""
    raw = learner.peft.peft_config["default"].to_dict()
    raw = {k: sorted(v) if isinstance(v, set) else v for k, v in raw.items()}
    raw["base_model_name_or_path"] = config.base
    return json.dumps(raw, indent=1, default=str)


def load_adapter(folder: Path, base_path: str = "") -> tuple[Learner, TrainConfig]:
    """A verified adapter on its base, ready to predict.

    Raises AdapterRefused when anything in the folder, or the base, is not what the manifest says;
    ModelMissing when the base is not on this computer.
    """
    manifest, facts = verified(folder)
    config = facts.config(base_path, head_path_of(facts))
    adapter_package.verify_base(manifest, base_folder(config))
    learner = load(config)
    fill(learner, folder)
    return learner, config


def fill(learner: Learner, folder: Path) -> None:
    """Puts the folder's tensors into a fresh learner."""
    learner.load_adapter(*_tensors(folder))
    learner.train(False)


def begin(learner: Learner, config: TrainConfig, folder: Path) -> None:
    """The adapter in ``folder`` as where a run starts from, also one that knew other classes.

    Tokens that its answers and the new ones have in common keep what they learnt; the others
    start as the base has them. Raises AdapterRefused.
    """
    tensors, head = _tensors(folder)
    old = spoken(learner.vlm, read_facts(folder).classes)
    new = spoken(learner.vlm, config.classes)
    if old != new:
        shared = [(old.index(token), k) for k, token in enumerate(new) if token in old]
        for name, fresh in learner.adapter().items():
            if name.endswith(TOKENS) and name in tensors and len(tensors[name]) == len(old):
                for before, now in shared:
                    fresh[now] = tensors[name][before]
                tensors[name] = fresh
    learner.load_adapter(tensors, head)
    learner.train(False)


def _tensors(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    try:
        return load_file(folder / ADAPTER_FILE), load_file(folder / HEAD_FILE)
    except (OSError, SafetensorError) as error:
        raise unreadable() from error
