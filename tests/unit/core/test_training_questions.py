"""What a photo is asked never gives the answer away."""

from __future__ import annotations

import numpy as np
import pytest

from core.training import prompts
from core.training.questions import Known, ask, known_of

CLASSES = ("healthy", "rust", "blight", "scab")


def visits(known: Known, count: int = 400) -> list:
    rng = np.random.default_rng(0)
    return [q for _ in range(count) for q in ask(known, CLASSES, "healthy", rng)]


def test_present_and_absent_diseases_are_asked_for_equally_often() -> None:
    sick = Known("rust", True, True, True, ("rust",))
    named = [q for q in visits(sick) if q.prompt.startswith("Outline the lesions of")]
    there = sum(q.answer == prompts.SHOWN for q in named)
    assert there == len(named) - there > 0


def test_the_same_name_is_sometimes_there_and_sometimes_not() -> None:
    answers: dict[str, set[str]] = {}
    for disease in ("rust", "blight"):
        for q in visits(Known(disease, True, True, True, (disease,))):
            if q.prompt == prompts.named("rust"):
                answers.setdefault(disease, set()).add(q.answer)
    assert answers == {"rust": {prompts.SHOWN}, "blight": {prompts.ABSENT}}


def test_the_class_prompts_name_no_disease() -> None:
    for prompt in (prompts.DIAGNOSE, prompts.CLASSIFY, prompts.LESIONS, prompts.LEAF):
        assert not any(name in prompt for name in CLASSES)


def test_about_half_of_the_visits_ask_for_the_class_alone() -> None:
    found = visits(Known("rust", False, False, False))
    alone = sum(q.prompt == prompts.CLASSIFY for q in found)
    assert 150 < alone < 250


def test_unnamed_lesions_are_never_called_absent() -> None:
    mixed = Known(None, True, True, True, ())
    assert not any(q.answer == prompts.ABSENT for q in visits(mixed))
    assert any(q.target == "lesions" for q in visits(mixed))


def test_no_disease_is_called_absent_beside_a_lesion_that_may_be_of_it() -> None:
    full = np.full((4, 4), 255, np.uint8)
    outlined = {"lesions": full, "scab": full}
    # Of rust, with one lesion named scab and others not named: those are hardly anything but rust.
    found = visits(known_of("rust", outlined, ("", "scab")))
    assert {q.answer for q in found if "lesions of" in q.prompt} == {prompts.SHOWN}
    named = visits(known_of("rust", outlined, ("scab",)))
    assert any(q.answer == prompts.ABSENT for q in named)


def test_a_leaf_without_a_mask_teaches_no_mask() -> None:
    assert not any(q.target for q in visits(Known("rust", False, False, False)))


@pytest.mark.parametrize("disease", ["healthy", None])
def test_an_outlined_healthy_leaf_teaches_that_there_is_nothing(disease: str | None) -> None:
    found = visits(Known(disease, True, True, False))
    assert any(q.answer == prompts.NOTHING for q in found)
    assert not any(q.answer == prompts.SHOWN and q.target == "lesions" for q in found)


def test_what_is_known_is_read_off_the_masks() -> None:
    full, empty = np.full((4, 4), 255, np.uint8), np.zeros((4, 4), np.uint8)
    known = known_of("rust", {"leaf": full, "lesions": full, "rust": full, "scab": empty})
    assert known == Known("rust", True, True, True, ("rust",))
    assert not known_of("rust", {}).mask_known
