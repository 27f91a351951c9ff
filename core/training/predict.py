"""What a trained model says about photos: class probabilities and masks, by the generated path.

The answer is the most likely one of those the project's classes allow: an exact constrained
search, since every allowed answer is scored whole. A mask exists only where that answer holds a
`<SEG>` and does not say that the leaf is healthy. Knows tensors and prompts; knows no truth, no
files and no project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.heads.base import Maps, shrink
from core.training import prompts
from core.training.forward import converse
from core.training.learner import Learner
from core.training.weave import Asked
from core.vlms.base import Rendered


@dataclass(slots=True)
class Prediction:
    """One photo. Masks are [cells, cells] uint8 probability × 255, all 0 where the answer has none.

    ``probabilities`` are (class, probability), summing to 1, highest first; ``targets`` maps
    "lesions", "leaf" and each disease asked for by name to its mask. ``states`` keeps the `<SEG>`
    state of every target that was answered with one, for the check that states carry meaning.
    """

    predicted: str
    probabilities: tuple[tuple[str, float], ...]
    targets: dict[str, NDArray[np.uint8]]
    states: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    """One candidate answer of one photo. ``group`` are rows that compete with each other."""

    photo: int
    target: str
    answer: str
    rendered: Rendered


@torch.inference_mode()
def predict(
    learner: Learner,
    photos: Sequence[NDArray[np.uint8]],
    classes: Sequence[str],
    healthy: str,
    *,
    named: Sequence[Sequence[str]] = (),
    class_only: bool = False,
) -> list[Prediction]:
    """Predictions for a batch of photos [h, w, 3] uint8.

    ``named[i]`` are the diseases to outline by name on photo i. ``class_only`` asks for no mask.
    """
    features, maps = look(learner, photos)
    rows: list[_Row] = []
    for i in range(len(photos)):
        if class_only:
            rows += _classified(learner, i, classes)
        else:
            rows += _rows(learner, i, classes, named[i] if named else ())
    asked = [Asked(r.photo, r.rendered) for r in rows]
    told = converse(learner, learner.vlm.tokens(features), maps, asked)
    scores = told.choices(len(rows)).cpu().numpy()
    pictures = _pictures(told.masks)
    mask_of = {row: k for k, row in enumerate(told.mask_rows)}
    out = []
    for i in range(len(photos)):
        mine = [k for k, r in enumerate(rows) if r.photo == i]
        out.append(_choose(mine, rows, scores, classes))
        if class_only:
            continue
        for target, k in _chosen(mine, rows, scores).items():
            nothing = target == prompts.LESION_TARGET and out[i].predicted == healthy
            if k in mask_of and not nothing:
                out[i].targets[target] = pictures[mask_of[k]]
                out[i].states[target] = told.states[mask_of[k]]
            else:
                out[i].targets[target] = np.zeros_like(pictures[0])
    return out


def _choose(
    mine: Sequence[int], rows: Sequence[_Row], scores: NDArray[np.float64], classes: Sequence[str]
) -> Prediction:
    """The class probabilities of one photo; no masks yet."""
    diagnosis = [k for k in mine if rows[k].target == prompts.LESION_TARGET]
    probability = _softmax(scores[diagnosis])
    order = np.argsort(-probability, kind="stable")
    ranked = tuple((classes[int(k)], float(probability[int(k)])) for k in order)
    return Prediction(ranked[0][0], ranked, {})


def _chosen(
    mine: Sequence[int], rows: Sequence[_Row], scores: NDArray[np.float64]
) -> dict[str, int]:
    """The likeliest answer of every target."""
    best: dict[str, int] = {}
    for k in mine:
        other = best.setdefault(rows[k].target, k)
        if scores[k] > scores[other]:
            best[rows[k].target] = k
    return best


@torch.inference_mode()
def look(learner: Learner, photos: Sequence[NDArray[np.uint8]]) -> tuple[torch.Tensor, Maps]:
    """Tower features [B, cells, C] and the head's maps of a batch of photos."""
    vlm, head = learner.vlm, learner.head
    features = vlm.tower(vlm.pixels([np.ascontiguousarray(p) for p in photos]))
    return features, head.features(head_input(learner, photos), grid_of(learner, features))


@torch.inference_mode()
def draw(
    learner: Learner, maps: Maps, states: torch.Tensor, owner: Sequence[int]
) -> list[NDArray[np.uint8]]:
    """Masks of `<SEG>` states on the photos they are drawn on, as uint8 probability × 255."""
    places = torch.tensor(owner, device=states.device)
    return _pictures(learner.head.masks(maps, states.float(), places))


def _pictures(logits: torch.Tensor) -> list[NDArray[np.uint8]]:
    chance = logits.float().sigmoid()
    values: NDArray[np.uint8] = (chance * 255).round().to(torch.uint8).cpu().numpy()
    return list(values)


def head_input(learner: Learner, photos: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    """[B, 3, side, side] float in [0, 1] for the mask head."""
    side = learner.head.spec.side
    small = [p if p.shape[:2] == (side, side) else shrink(p, side) for p in photos]
    device: Any = learner.vlm.model.device
    stack = torch.from_numpy(np.stack(small)).to(device)
    return stack.permute(0, 3, 1, 2).float() / 255


def grid_of(learner: Learner, features: torch.Tensor) -> torch.Tensor:
    """Tower features [B, rows * columns, C] as a picture [B, C, rows, columns] in fp32."""
    _, rows, columns = learner.vlm.grid
    count, _, channels = features.shape
    return features.float().transpose(1, 2).reshape(count, channels, rows, columns)


def _rows(learner: Learner, photo: int, classes: Sequence[str], named: Sequence[str]) -> list[_Row]:
    asked = [
        (prompts.LESION_TARGET, prompts.DIAGNOSE, [prompts.diagnosis(c) for c in classes]),
        (prompts.LEAF_TARGET, prompts.LEAF, list(prompts.LEAF_ANSWERS)),
        *((name, prompts.named(name), list(prompts.NAMED_ANSWERS)) for name in named),
    ]
    return [
        _Row(photo, target, answer, learner.vlm.render(prompt, answer))
        for target, prompt, answers in asked
        for answer in answers
    ]


def _classified(learner: Learner, photo: int, classes: Sequence[str]) -> list[_Row]:
    asked = [(name, learner.vlm.render(prompts.CLASSIFY, name)) for name in classes]
    return [_Row(photo, prompts.LESION_TARGET, name, rendered) for name, rendered in asked]


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())
