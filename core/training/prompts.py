"""What the model is asked, and what it should answer.

A diagnosis is ``<SEG> <what the mask found> disease``: first the mask token, then one token that
describes what lies under that mask (`core.heads.base.MaskHead.describe`), then the class, so that
the class is read from where the model looked. A healthy leaf is answered that way too, and its mask
is then nothing: deciding "healthy" before looking was measured to be much the poorer choice (0.71
against 0.88 on 1,147 leaves). A class alone can be asked for with CLASSIFY, without any mask.

Accuracy is always measured with DIAGNOSE, which names no disease. Every class is scored by the
likelihood of its whole answer: the sum of the log-probabilities of all its tokens, the end of the
turn included, softmaxed over the project's classes. That sum *is* the probability of saying
exactly this answer, and the end of the turn makes answers of different length comparable, so no
length normalisation is applied.

Knows words; knows no tensors.
"""

from __future__ import annotations

SEG = "<SEG>"
FOUND = "<FOUND>"
"""Stands for the description of what lies under the mask; never said, always filled in."""
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


SHOWN = SEG
"""The answer that outlines and says no more; also how every diagnosis begins."""


def diagnosis(disease: str) -> str:
    """The answer to DIAGNOSE for a leaf of this class."""
    return f"{SEG}{FOUND} {disease}"


LESION_ANSWERS = (SHOWN, NOTHING)
LEAF_ANSWERS = (SHOWN,)
NAMED_ANSWERS = (SHOWN, ABSENT)
"""Of `named`: there, or not."""
