"""What is wrong with a prompt is said as it is."""

from __future__ import annotations

import pytest

from core.domain.mask import Box
from core.engines.base import Prompt
from core.engines.prompts import check_prompt
from core.errors import PromptRefused


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ((40, 40, 40, 60), "The box is empty; drag it around the lesion."),
        ((60, 60, 40, 40), "The box is empty; drag it around the lesion."),
        ((200, 200, 300, 300), "The box lies off the photo; point at the leaf."),
        ((-30, -30, 0, 0), "The box lies off the photo; point at the leaf."),
    ],
)
def test_an_empty_box_and_one_off_the_photo_are_told_apart(box: Box, sentence: str) -> None:
    with pytest.raises(PromptRefused) as refused:
        check_prompt(Prompt(box=box), width=160, height=120)
    assert str(refused.value) == sentence


def test_a_box_is_cut_to_the_photo() -> None:
    assert check_prompt(Prompt(box=(-50, 20, 40, 900)), width=160, height=120).box == (
        0,
        20,
        40,
        120,
    )
