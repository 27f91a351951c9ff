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
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from core import adapter_package, files
from core.errors import AdapterRefused
from core.files import replace_folder
from core.heads.base import weights_file
from core.language import tr
from core.services import bases
from core.training import prompts
from core.training.config import Method, Tower, TrainConfig
from core.training.learner import ADAPTER_FILE, HEAD_FILE, Learner, base_folder, load
from core.training.tensors import write_tensors

FACTS = "leafspot.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """The allow-listed schema of ``leafspot.json``.

    ``head_sha256`` is of the weights of the model that the mask head builds on, "" for none.
    """

    base: str
    head: str
    method: str
    tower: str
    rank: int
    alpha: int
    classes: tuple[str, ...]
    healthy: str
    image_tokens: int = 0
    head_sha256: str = ""

    @classmethod
    def of(cls, config: TrainConfig) -> Facts:
        """What of a run's settings an adapter carries."""
        path = weights_file(config.head_path)
        return cls(
            base=config.base,
            head=config.head,
            method=config.method.value,
            tower=config.tower.value,
            rank=config.rank,
            alpha=config.alpha,
            classes=config.classes,
            healthy=config.healthy,
            image_tokens=config.image_tokens,
            head_sha256=files.sha256(path) if path else "",
        )

    def config(self, base_path: str, head_path: str = "") -> TrainConfig:
        """The settings an adapter was trained with, as far as loading it needs them."""
        return TrainConfig(
            base=self.base,
            base_path=base_path,
            head=self.head,
            head_path=head_path,
            method=Method(self.method),
            tower=Tower(self.tower),
            rank=self.rank,
            alpha=self.alpha,
            classes=self.classes,
            healthy=self.healthy,
            image_tokens=self.image_tokens,
        )


def app_version() -> str:
    """Leafspot's version, "0" when it runs from a bare folder."""
    try:
        return version("leafspot")
    except PackageNotFoundError:
        return "0"


def save_adapter(learner: Learner, config: TrainConfig, folder: Path) -> None:
    """Writes the whole folder, or nothing; an earlier one is replaced once the new one is whole."""
    with replace_folder(folder) as draft:
        write_tensors(learner.adapter(), draft / ADAPTER_FILE)
        head = {n: t.detach().contiguous() for n, t in learner.head.module.state_dict().items()}
        write_tensors(head, draft / HEAD_FILE)
        (draft / "adapter_config.json").write_text(_peft_config(learner, config), "utf-8")
        (draft / FACTS).write_text(json.dumps(asdict(Facts.of(config)), indent=1), "utf-8")
        processor: Any = learner.vlm.processor
        processor.save_pretrained(draft)
        adapter_package.write(
            draft,
            leafspot=app_version(),
            base=adapter_package.Base(
                config.base, adapter_package.base_digests(base_folder(config))
            ),
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


def read_facts(folder: Path) -> Facts:
    """The checked ``leafspot.json``. Raises AdapterRefused."""
    try:
        raw = json.loads((folder / FACTS).read_text("utf-8"))
        raw["classes"] = tuple(raw["classes"])
        facts = Facts(**raw)
        problems = facts.config("").problems()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise AdapterRefused(
            tr("The adapter's {facts} cannot be read; export the adapter again.", facts=FACTS)
        ) from error
    if problems:
        raise AdapterRefused(
            tr(
                "The adapter's {facts} makes no sense: {problems}",
                facts=FACTS,
                problems=problems[0],
            )
        )
    return facts


def load_adapter(
    folder: Path, base_path: str = "", *, dequantise: bool = False
) -> tuple[Learner, TrainConfig]:
    """A verified adapter on its base, ready to predict; ``dequantise`` as in ``learner.load``.

    Raises AdapterRefused when anything in the folder, or the base, is not what the manifest says;
    ModelMissing when the base is not on this computer.
    """
    manifest = adapter_package.verify(folder)
    facts = read_facts(folder)
    if facts.classes != manifest.classes or facts.base != manifest.base.id:
        raise AdapterRefused(
            tr("The adapter's manifest and its settings disagree; export it again.")
        )
    config = facts.config(base_path, head_path_of(facts))
    adapter_package.verify_base(manifest, base_folder(config))
    learner = load(config, dequantise=dequantise)
    fill(learner, folder)
    return learner, config


def head_path_of(facts: Facts) -> str:
    """Where the model lies that the mask head builds on. Raises AdapterRefused for another one."""
    if not facts.head_sha256:
        return ""
    path = bases.remembered(bases.head_note(facts.head))
    found = weights_file(path)
    if found is None or not found.is_file() or files.sha256(found) != facts.head_sha256:
        raise AdapterRefused(
            tr(
                "The adapter's mask head builds on weights that are not on this computer, or no "
                "longer where they were used last; choose the same ones for a training here, then "
                "open the adapter again."
            )
        )
    return path


def fill(learner: Learner, folder: Path) -> None:
    """Puts the folder's tensors into a fresh learner."""
    try:
        tensors, head = load_file(folder / ADAPTER_FILE), load_file(folder / HEAD_FILE)
    except (OSError, SafetensorError) as error:
        raise AdapterRefused(
            tr("The adapter's weights cannot be read; copy the whole folder again.")
        ) from error
    learner.load_adapter(tensors, head)
    learner.train(False)
