"""What the model is asked, and what it should answer.

A diagnosis is ``<SEG> <what the mask found> disease``: first the mask token, then one token that
describes what lies under that mask (`core.heads.base.MaskHead.describe`), then the class, so that
the class is read from where the model looked. A healthy leaf is answered that way too, and its mask
is then nothing: deciding "healthy" before looking was measured to be much the poorer choice (0.71
against 0.88 on 1,147 leaves). A class alone can be asked for with CLASSIFY, without any mask.

Accuracy is always measured with DIAGNOSE, which names no disease. Every class is scored by the
likelihood of its whole answer where nothing but the project's classes may be said: at every token
the choice is among those that go on with one of them, the end of the turn included. Tokens without
an alternative are certain, so neither the length of a name nor a rare syllable in it costs a class
anything, and the probabilities of the classes sum to 1 without further normalisation.

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
