"""What a rehearsal looks at (`core.training.trial`): leaves, words, states and what learns.

Knows tensors and tokens; takes no step and reports nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from core.language import tr, trn
from core.services.checks import Check, Level, Targets
from core.training import prompts
from core.training.forward import converse
from core.training.learner import Learner
from core.training.predict import look
from core.training.run_folder import Sample
from core.training.weave import Asked

PHOTOS = 4
"""Leaves that a rehearsal looks at."""


def parts() -> dict[str, str]:
    """What is trained, by id and in words."""
    return {
        "language": tr("LoRA in the language model"),
        "tower": tr("LoRA in the vision tower"),
        "projector": tr("Projector"),
        "rows": tr("Words of the answers"),
        "head": tr("Mask head"),
    }


def part_of(name: str) -> str:
    """Which of ``parts`` a trained parameter belongs to."""
    if name.startswith("head."):
        return "head"
    if "trainable_tokens" in name:
        return "rows"
    if "lora_" not in name:
        return "projector"
    return "tower" if "vision_tower" in name or "embed_vision" in name else "language"


def untouched(model: Learner) -> dict[str, int]:
    """How many linear layers of each part are not trained, by LoRA or in full."""
    base: Any = model.vlm.model
    found = dict.fromkeys(parts(), 0)
    for name, module in base.named_modules():
        linear = isinstance(module, torch.nn.Linear) and "lm_head" not in name
        # What peft trains in full stands there twice: the copy that is trained, and what it was.
        full = ".original_module" in name or ".modules_to_save" in name
        if linear and not full and not name.endswith("base_layer") and "lora_" not in name:
            tower = "vision_tower" in name or "embed_vision" in name
            part = "tower" if tower else "language" if "language_model" in name else "projector"
            found[part] += 1
    return found


def layer_of(name: str) -> str:
    """The layer that a trained parameter is of: LoRA has two tensors on each, others a bias."""
    layer, lora, _ = name.partition(".lora_")
    return layer if lora else name.rpartition(".")[0]


def matrix_line(part: str, title: str, found: Targets, *, wanted: bool) -> Check:
    """How many layers of a part are trained, whether each of them learns, and how many linear
    layers are left as they are. ``wanted``: the settings want it trained."""
    if not wanted and not found.matched:
        text = tr("left as it is, as chosen")
        if found.unmatched:
            text = trn(
                "left as it is, as chosen ({n:,} linear layer)",
                "left as it is, as chosen ({n:,} linear layers)",
                found.unmatched,
            )
        return Check(f"targets.{part}", title, Level.OK, text, targets=found)
    text = trn(
        "{n:,} layer, {dead:,} of them without a gradient",
        "{n:,} layers, {dead:,} of them without a gradient",
        found.matched,
        dead=found.no_gradient,
    )
    if part in ("language", "tower", "projector"):
        text += trn(
            "; {n:,} linear layer is left as it is",
            "; {n:,} linear layers are left as they are",
            found.unmatched,
        )
    if wanted and found.matched and not found.no_gradient:
        return Check(f"targets.{part}", title, Level.OK, text, targets=found)
    some = wanted and found.no_gradient < found.matched
    level = Level.WARN if some else Level.FAIL
    return Check(f"targets.{part}", title, level, text, way_out(part), found)


def way_out(part: str) -> str:
    """What to press where a part does not learn."""
    if part == "tower":
        return tr("Under Advanced (--set tower=frozen), leave the vision tower as it is.")
    if part == "head":
        return tr("Under Advanced (--head), choose another mask head.")
    return tr("Choose another base model.")


def chosen(samples: Sequence[Sample], *, masks: bool = True) -> list[Sample]:
    """Up to four leaves to learn from: outlined ones first, of different classes.

    Without ``masks`` only a leaf whose disease is known teaches anything.
    """
    taught = [s for s in samples if s.split == "train" and (masks or s.disease is not None)]
    taught.sort(key=lambda s: (not s.lesions, s.sha256))
    by_class: dict[str, list[Sample]] = {}
    for sample in taught:
        by_class.setdefault(sample.disease or "", []).append(sample)
    turns = [
        (turn, not s.lesions, name, s)
        for name, found in by_class.items()
        for turn, s in enumerate(found)
    ]
    return [s for *_, s in sorted(turns, key=lambda t: t[:3])[:PHOTOS]]


def supervised(model: Learner, said: Any) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is learnt; image tokens as one “[photo]”."""
    vlm: Any = model.vlm
    out: list[tuple[str, bool]] = []
    photo = False
    for k, token in enumerate(said.ids):
        if said.types[k]:
            if not photo:
                out.append(("[photo]", False))
            photo = True
            continue
        photo = False
        if k == said.found:
            out.append(("[what the mask found]", False))
            continue
        # A reserved token may serve as the mask token; people know it by its own name.
        text = prompts.SEG if token == vlm.seg else vlm.processor.tokenizer.decode([token])
        on = k >= said.prompt
        if out and out[-1][1] == on and out[-1][0] != "[photo]":
            out[-1] = (out[-1][0] + text, on)
        else:
            out.append((text, on))
    return out


def states_both_ways(model: Learner, photo: Any, classes: Sequence[str]) -> tuple[Any, Any]:
    """The `<SEG>` state [hidden] of the first diagnosis: woven with others, and token by token."""
    vlm = model.vlm
    features, maps = look(model, [photo])
    tokens = vlm.tokens(features)
    asked = [Asked(0, vlm.render(prompts.DIAGNOSE, prompts.diagnosis(c))) for c in classes]
    asked.append(Asked(0, vlm.render(prompts.LEAF, prompts.SHOWN)))
    told = converse(model, tokens, maps, asked)
    said = asked[0].rendered
    count = said.prompt + 1  # the mask token is the first of the answer
    ids = torch.tensor([said.ids[:count]], device=tokens.device)
    block = torch.tensor(said.types[:count], dtype=torch.bool, device=tokens.device)
    sees = torch.ones(count, count, dtype=torch.bool, device=tokens.device).tril()
    sees |= block[:, None] & block[None]
    places = torch.arange(count, device=tokens.device)[None]
    prompt = said.prompt
    _, past = vlm.states(
        ids[:, :prompt], places[:, :prompt], sees[None, :prompt, :prompt], tokens[0], None
    )
    last, _ = vlm.states(ids[:, prompt:], places, sees[None, prompt:], tokens[0][:0], past)
    return told.states[0].float(), last[0, 0].float()
