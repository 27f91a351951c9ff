"""One training step, ours and as a user of peft would write it, on the same model and photos.

Both train the same weights (LoRA on every linear layer of the language model, the same rows of the
vocabulary, the mask head), on the same photos, questions and masks, in NF4, with layers computed
again on the way back. The plain way: ``prepare_model_for_kbit_training``, one row a question with
its photo in it, ``labels`` and so logits over every token, ``output_hidden_states`` for the mask
token. The head runs once a photo in both. Knows tensors; measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.imaging.drawn_leaves import DISEASES, draw_leaf
from core.training import learner, prompts
from core.training.config import Method, TrainConfig
from core.training.forward import converse, mask_loss
from core.training.learner import Learner
from core.training.optimising import optimiser_of
from core.training.predict import grid_of, head_input
from core.training.weave import Asked

CLASSES = ("healthy", "rust", "blight")
VISIT = (
    (prompts.DIAGNOSE, prompts.diagnosis("rust")),
    (prompts.LEAF, prompts.SHOWN),
    (prompts.named("rust"), prompts.SHOWN),
    (prompts.named("blight"), prompts.ABSENT),
)
SETTINGS = {"a visit": (2, VISIT), "one question": (8, VISIT[:1])}
"""Photos, and what each is asked."""
IGNORED = -100
TYPES = {"gemma3": "token_type_ids", "gemma4": "mm_token_type_ids"}
"""What each kind of model calls the marks of a photo's tokens."""


@dataclass
class Batch:
    """Photos [h, w, 3], and (photo, prompt, answer) of every question."""

    photos: list[NDArray[np.uint8]]
    asked: list[tuple[int, str, str]]

    @classmethod
    def of(cls, setting: str) -> Batch:
        count, questions = SETTINGS[setting]
        rng = np.random.default_rng(7)
        leaves = [
            draw_leaf(rng, styles={"rust": DISEASES["rust"]}, size=(448, 448)) for _ in range(count)
        ]
        return cls([x.rgb for x in leaves], [(i, *q) for i in range(count) for q in questions])


def config_of(base: str, folder: Path) -> TrainConfig:
    """What both train with."""
    return TrainConfig(
        base=base, base_path=str(folder), classes=CLASSES, healthy="healthy",
        method=Method.QLORA_NF4, recompute=True, dropout=0.0,
    )  # fmt: skip


def ours(base: str, folder: Path, batch: Batch) -> Callable[[], float]:
    """Our step; the tower looks at each photo every time, as without its cache."""
    config = config_of(base, folder)
    model = learner.load(config)
    optimiser = _optimiser(model, config)

    def step() -> float:
        model.train(True)
        with torch.no_grad():
            features = model.vlm.tower(model.vlm.pixels(batch.photos))
        maps = model.head.features(head_input(model, batch.photos), grid_of(model, features))
        asked = [Asked(i, model.vlm.render(p, a)) for i, p, a in batch.asked]
        told = converse(model, model.vlm.tokens(features), maps, asked)
        loss = -told.scores(len(asked)).mean() + _mask_loss(told.masks)
        return _end(loss, optimiser, model)

    return step


def plain(base: str, folder: Path, batch: Batch) -> Callable[[], float]:
    """The loop of the recipes: everything through the model's own forward, with labels."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    config = replace(config_of(base, folder), recompute=False)
    found = learner.load(config)
    vlm: Any = found.vlm
    spoken = learner.spoken(vlm, CLASSES)
    bare = found.peft.unload()  # the quantised base, without our LoRA and our rows
    # What the recipes call; it also turns the recomputation of layers on.
    prepared = prepare_model_for_kbit_training(bare)
    model = get_peft_model(
        prepared,
        LoraConfig(
            r=config.rank, lora_alpha=config.alpha, target_modules=vlm.lora_targets(tower=False),
            trainable_token_indices=spoken, modules_to_save=list(vlm.trained_whole),
        ),
    )  # fmt: skip
    found.peft = model
    optimiser = _optimiser(found, config)
    rows = _rows(vlm, batch)
    photo_of = [i for i, _, _ in batch.asked]
    seen = {name: made[photo_of] for name, made in _seen(vlm, batch.photos).items()}

    def step() -> float:
        model.train()
        said = model(**rows, **seen, output_hidden_states=True, use_cache=False)
        with torch.no_grad():
            features = vlm.tower(vlm.pixels(batch.photos))
        maps = found.head.features(head_input(found, batch.photos), grid_of(found, features))
        row, column = (rows["input_ids"] == vlm.seg).nonzero().unbind(1)
        states = said.hidden_states[-1][row, column]
        owner = torch.tensor(photo_of)[row]
        masks = found.head.masks(maps, states.float(), owner)
        return _end(said.loss + _mask_loss(masks), optimiser, found)

    return step


def _rows(vlm: Any, batch: Batch) -> dict[str, torch.Tensor]:
    """Padded ids, types, attention and labels, one row a question."""
    found = [vlm.render(p, a.replace(prompts.FOUND, "")) for _, p, a in batch.asked]
    width = max(len(x.ids) for x in found)
    ids = torch.full((len(found), width), vlm.pad)
    types, seen = torch.zeros_like(ids), torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for k, one in enumerate(found):
        n = len(one.ids)
        ids[k, :n], types[k, :n], seen[k, :n] = torch.tensor(one.ids), torch.tensor(one.types), 1
        labels[k, one.prompt : n] = ids[k, one.prompt : n]
    made = {"input_ids": ids, "attention_mask": seen, "labels": labels}
    name = TYPES.get(vlm.model.config.model_type)
    return made | ({name: types} if name else {})


def _seen(vlm: Any, photos: list[NDArray[np.uint8]]) -> dict[str, torch.Tensor]:
    """What the model's own forward wants to know of the photos."""
    made = vlm.processor.image_processor(images=list(photos), return_tensors="pt")
    return {name: made[name] for name in ("pixel_values", "image_position_ids") if name in made}


def _optimiser(model: Learner, config: TrainConfig) -> torch.optim.Optimizer:
    optimiser = optimiser_of(model, config)
    for group in optimiser.param_groups:
        group["lr"] = 1e-5
    return optimiser


def _mask_loss(masks: torch.Tensor) -> torch.Tensor:
    truth = torch.zeros_like(masks)
    truth[:, 40:60, 40:60] = 1.0
    return mask_loss(masks, truth)


def _end(loss: torch.Tensor, optimiser: torch.optim.Optimizer, model: Learner) -> float:
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(list(model.parameters().values()), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


SIDES = {"ours": ours, "plain": plain}
