"""A base model with LoRA and a mask head on it, ready to be trained or asked.

Knows how the parts are put together, which parameters are trained and by which names they are
saved. Knows no data, no loop and no project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from core import registry
from core.errors import AdapterRefused, ModelMissing
from core.heads.base import HeadSpec, MaskHead, Remembering
from core.language import tr
from core.training import prompts, recompute, rows, wide
from core.training.config import Layers, Method, Tower, TrainConfig
from core.vlms.base import VisionLanguage, VlmSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

ADAPTER_FILE = "adapter_model.safetensors"
HEAD_FILE = "head.safetensors"
LARGEST = 1e6
"""Of a weight's absolute value; those that are learnt stay far below, and what is computed with
larger ones is soon no number."""


@dataclass(slots=True)
class Learner:
    """``vlm.model`` is the bare base; ``peft`` the same model with LoRA in it."""

    vlm: VisionLanguage
    head: MaskHead
    peft: Any

    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything trained, by a stable name: ``lora.…`` and ``head.…``."""
        found = {f"lora.{n}": p for n, p in self.peft.named_parameters() if p.requires_grad}
        found |= {f"head.{n}": p for n, p in self.head.module.named_parameters() if p.requires_grad}
        return found

    def train(self, on: bool) -> None:
        """Switches dropout of the LoRA layers and the head."""
        self.peft.train(on)
        self.head.module.train(on)

    def state(self) -> dict[str, Tensor]:
        """A copy of everything trained, off the card: a full one has no room for another."""
        return {name: off_card(p) for name, p in self.parameters().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``state``; raises AdapterRefused when names or shapes differ."""
        mine = self.parameters()
        if mine.keys() != state.keys():
            wrong = sorted(mine.keys() ^ state.keys())[0]
            raise AdapterRefused(
                tr("The saved weights do not fit this base model ({wrong}).", wrong=wrong)
            )
        with torch.no_grad():
            for name, parameter in mine.items():
                if parameter.shape != state[name].shape:
                    raise AdapterRefused(
                        tr(
                            "The saved weights do not fit this base model ({name} has another "
                            "shape).",
                            name=name,
                        )
                    )
                parameter.copy_(state[name])

    def adapter(self) -> dict[str, Tensor]:
        """A copy of the adapter's tensors, off the card, under the names peft itself loads."""
        from peft import get_peft_model_state_dict

        found = get_peft_model_state_dict(self.peft, save_embedding_layers=False)
        return {name: off_card(tensor) for name, tensor in found.items()}

    def load_adapter(self, tensors: dict[str, Tensor], head: dict[str, Tensor]) -> None:
        """Adapter and head tensors of a verified folder; strict about names, shapes, values."""
        from peft import set_peft_model_state_dict

        check_like(tensors, self.adapter(), "adapter")
        check_like(head, self.head.module.state_dict(), tr("mask head"))
        set_peft_model_state_dict(self.peft, tensors)
        self.head.module.load_state_dict(head)


def off_card(tensor: Tensor) -> Tensor:
    """A copy in the computer's own memory, laid out in order."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def check_like(found: dict[str, Tensor], wanted: dict[str, Tensor], what: str) -> None:
    """Raises AdapterRefused unless names and shapes are exactly the wanted ones, and no number is
    larger than ``LARGEST``."""
    if found.keys() != wanted.keys():
        wrong = sorted(found.keys() ^ wanted.keys())[0]
        raise AdapterRefused(_misfit(what, wrong))
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape or not tensor.is_floating_point():
            raise AdapterRefused(_misfit(what, name))
        if not bool((tensor.float().abs() <= LARGEST).all()):  # nor is one that is none
            raise AdapterRefused(
                tr(
                    "The {what} holds numbers that no training leaves: {name}. Copy the whole "
                    "folder again, or train it anew.",
                    what=what,
                    name=name,
                )
            )


def _misfit(what: str, tensor: str) -> str:
    return tr(
        "The {what} does not fit this base model; export it again where it was "
        "trained. The first tensor that differs is {tensor}.",
        what=what,
        tensor=tensor,
    )


def base_folder(config: TrainConfig) -> Path:
    """Where the run's base model lies."""
    return registry.find("core.vlms", VlmSpec, config.base).path(config.base_path)


def load(config: TrainConfig) -> Learner:
    """Base, LoRA and head, fresh. Raises ModelMissing when the base is not there."""
    from peft import LoraConfig, get_peft_model

    spec = registry.find("core.vlms", VlmSpec, config.base)
    folder = spec.path(config.base_path)
    vlm: Any = open_base(spec, folder, config)
    torch.manual_seed(config.seed)
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets(vlm, config),
        modules_to_save=list(vlm.trained_whole),
        trainable_token_indices=spoken(vlm, config.classes),
    )
    peft = get_peft_model(vlm.model, lora)
    rows.install(peft)
    wide.install(peft)
    if config.recompute:
        recompute.install(vlm.model)
    head = build_head(config.head, vlm, folder, config.head_path)
    # Convolutions on a CPU are a fifth faster with the channels last.
    head.module.to(vlm.model.device)
    head.module.to(memory_format=torch.channels_last)
    if isinstance(head, Remembering):
        # Also where all was seen before and nothing is looked at any more: masks are drawn with it.
        head.sees_with.to(vlm.model.device)
    return Learner(vlm, head, peft)


def open_base(spec: VlmSpec, folder: Path, config: TrainConfig) -> object:
    """The base model as the settings want it, without LoRA."""
    choices: dict[str, Any] = {"quantise": config.method is Method.QLORA_NF4}
    if spec.image_tokens:
        choices["image_tokens"] = config.image_tokens
    return registry.resolve(spec.factory)(spec, folder, **choices)


def targets(vlm: VisionLanguage, config: TrainConfig) -> str:
    """The regular expression of modules LoRA goes on, narrowed as the settings say."""
    every = vlm.lora_targets(tower=config.tower is Tower.LORA)
    # A look-ahead, so that each family's own expression keeps the last word.
    return rf"(?!.*\.mlp\.)(?:{every})" if config.layers is Layers.ATTENTION else every


def spoken(vlm: VisionLanguage, classes: Sequence[str]) -> list[int]:
    """The tokens that answers are made of, the mask token first: the rows trained with LoRA.

    A small base has never said most of its vocabulary, and a frozen row it never said can hardly
    be said: with `starter`, “rust” and “leaf_miner” stayed under a tenth of what they deserved.
    """
    fixed = [*prompts.LESION_ANSWERS, *prompts.NAMED_ANSWERS]
    answers = [*fixed, *(prompts.diagnosis(c) for c in classes), *classes]
    found: dict[int, None] = {vlm.seg: None}
    for answer in answers:
        said = vlm.render(prompts.DIAGNOSE, answer)
        own = [i for k, i in enumerate(said.ids) if k >= said.prompt and k != said.found]
        found |= dict.fromkeys(own)
    return list(found)


def build_head(name: str, vlm: VisionLanguage, folder: Path, path: str = "") -> MaskHead:
    """The mask head, started from the weights schooled with the base where they fit.

    Another base than the one they were schooled with takes what has the same shape: all of the
    photo's own branch; what meets the tower and the language model starts fresh. ``path`` is where
    the model lies that the head builds on, "" for none.
    """
    spec = registry.find("core.heads", HeadSpec, name)
    more = {"path": Path(path) if path else None} if spec.builds_on else {}
    head: Any = registry.resolve(spec.factory)(hidden=vlm.hidden_size, grid=vlm.grid, **more)
    schooled = folder / "mask_head" / f"{name}.safetensors"
    if not schooled.is_file():
        schooled = registry.find("core.vlms", VlmSpec, "starter").path() / "mask_head"
        schooled = schooled / f"{name}.safetensors"
    if schooled.is_file():
        own = head.module.state_dict()
        given = {n: t for n, t in _schooled(schooled).items() if n in own}
        own |= {n: t.to(own[n].dtype) for n, t in given.items() if own[n].shape == t.shape}
        head.module.load_state_dict(own)
    return head  # type: ignore[no-any-return]


def _schooled(file: Path) -> dict[str, Tensor]:
    """The weights of a mask head that came with a base model. Raises ModelMissing."""
    folder = file.parent.parent.name
    try:
        found: dict[str, Tensor] = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ModelMissing(
            tr(
                "The mask head in {folder} is damaged; get the whole folder of the base model "
                "again.",
                folder=folder,
            )
        ) from error
    for name, tensor in found.items():
        if not bool((tensor.float().abs() <= LARGEST).all()):
            raise ModelMissing(
                tr(
                    "The mask head in {folder} holds numbers that no training leaves: {name}. Get "
                    "the whole folder of the base model again.",
                    folder=folder,
                    name=name,
                )
            )
    return found
