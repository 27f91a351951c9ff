"""What the model is asked, and what it should answer.

The answer begins with the mask token, so that the class is read from a state that had to localise:
``<SEG> disease``; a healthy leaf is answered by its class alone. Knows words; knows no tensors.

Accuracy is always measured with DIAGNOSE, which names no disease. Every class is scored by the
likelihood of its whole answer: the sum of the log-probabilities of all its tokens, the end of the
turn included, softmaxed over the project's classes. That sum *is* the probability of saying
exactly this answer, and the end of the turn makes answers of different length comparable, so no
length normalisation is applied.
"""

from __future__ import annotations

from collections.abc import Sequence

SEG = "<SEG>"
DIAGNOSE = "Outline the lesions, then name the disease."
CLASSIFY = "Name the disease."
LESIONS = "Outline the lesions."
LEAF = "Outline the leaf."
NOTHING = "none"
ABSENT = "absent"

LEAF_TARGET = "leaf"
LESION_TARGET = "lesions"


def named(disease: str) -> str:
    """The prompt for the lesions of one disease."""
    return f"Outline the lesions of {disease}."


def diagnosis(disease: str, healthy: str) -> str:
    """The answer to DIAGNOSE for a leaf of this class."""
    return disease if disease == healthy else f"{SEG} {disease}"


def diagnoses(classes: Sequence[str], healthy: str) -> list[str]:
    """Every answer DIAGNOSE allows, in the order of ``classes``."""
    return [diagnosis(name, healthy) for name in classes]


LESION_ANSWERS = (f"{SEG} lesions", NOTHING)
LEAF_ANSWERS = (f"{SEG} leaf",)


def named_answers(disease: str) -> tuple[str, str]:
    """The answers to ``named``: there, or not."""
    return f"{SEG} {disease}", ABSENT
