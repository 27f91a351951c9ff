"""Which questions a photo is asked in one visit of training.

Several targets a photo, so that `<SEG>` must carry meaning: all lesions, the leaf, each disease by
name where it is known, and absent ones as often as present ones (naming a disease in the prompt
must not give the answer away). Half of the diagnoses ask for the class alone, so that the mask can
be left out later. Knows words and names; knows no tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.training import prompts


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt, its answer, and which mask the answer's `<SEG>` stands for ("" = none)."""

    prompt: str
    answer: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one photo. ``present`` are the diseases outlined by name; ``unnamed``: some
    of its lesions are outlined without a name."""

    disease: str | None
    has_leaf: bool
    mask_known: bool
    has_lesions: bool
    present: tuple[str, ...] = ()
    unnamed: bool = False


def ask(
    known: Known, classes: Sequence[str], healthy: str, rng: np.random.Generator
) -> list[Question]:
    """The questions of one visit; at least one for a photo with a class or a mask."""
    out = _diagnosis(known, rng)
    if known.mask_known:
        out += _lesions(known)
        out += _by_name(known, classes, healthy, rng)
    if known.has_leaf:
        out.append(Question(prompts.LEAF, prompts.SHOWN, prompts.LEAF_TARGET))
    return out


def classify(known: Known) -> list[Question]:
    """What the control is asked: the class alone."""
    return [] if known.disease is None else [Question(prompts.CLASSIFY, known.disease)]


def _diagnosis(known: Known, rng: np.random.Generator) -> list[Question]:
    """Where it is and what it is; on every other visit also the class alone."""
    if known.disease is None:
        return []
    target = prompts.LESION_TARGET if known.mask_known else ""
    out = [Question(prompts.DIAGNOSE, prompts.diagnosis(known.disease), target)]
    if rng.random() < 0.5:
        out.append(Question(prompts.CLASSIFY, known.disease))
    return out


def _lesions(known: Known) -> list[Question]:
    if not known.has_lesions:
        return [Question(prompts.LESIONS, prompts.NOTHING)]
    # With a class, DIAGNOSE has asked for this mask already.
    if known.disease is not None:
        return []
    return [Question(prompts.LESIONS, prompts.SHOWN, prompts.LESION_TARGET)]


def _by_name(
    known: Known, classes: Sequence[str], healthy: str, rng: np.random.Generator
) -> list[Question]:
    absent = [c for c in classes if c not in known.present and c != healthy]
    out: list[Question] = []
    if known.present:
        name = str(rng.choice(known.present))
        out.append(Question(prompts.named(name), prompts.SHOWN, name))
    # Unnamed lesions may be of any disease: none of them can be called absent.
    if absent and not known.unnamed and (known.present or not known.has_lesions):
        name = str(rng.choice(absent))
        out.append(Question(prompts.named(name), prompts.ABSENT))
    return out


def known_of(
    disease: str | None, targets: Mapping[str, NDArray[np.uint8]], lesions_of: Iterable[str] = ()
) -> Known:
    """From the class and the outlined targets (name to coverage) of a photo.

    ``lesions_of`` are the names that its lesions carry, "" where some carry none.
    """
    lesions = targets.get(prompts.LESION_TARGET)
    reserved = (prompts.LEAF_TARGET, prompts.LESION_TARGET)
    return Known(
        disease=disease,
        has_leaf=prompts.LEAF_TARGET in targets,
        mask_known=lesions is not None,
        has_lesions=lesions is not None and bool(lesions.any()),
        present=tuple(n for n, cover in targets.items() if n not in reserved and cover.any()),
        unnamed="" in lesions_of,
    )
