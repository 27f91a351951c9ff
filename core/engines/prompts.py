"""What every engine asks of a prompt before it looks at a pixel.

Knows geometry and sentences; knows no engine.
"""

from __future__ import annotations

import math
from dataclasses import replace

from core.domain.mask import clip_box
from core.engines.base import Prompt
from core.errors import PromptRefused
from core.language import tr

CLICK_OFF_PHOTO = tr("The click lies off the photo; point at the leaf.")
BOX_EMPTY = tr("The box is empty; drag it around the lesion.")
BOX_OFF_PHOTO = tr("The box lies off the photo; point at the leaf.")


def check_prompt(prompt: Prompt, *, width: int, height: int, uses_before: bool = False) -> Prompt:
    """The prompt with its box cut to the photo of ``width`` × ``height``.

    ``uses_before``: the engine goes on from a mask, so that a minus point alone says enough.

    Raises PromptRefused when it is empty, contradicts itself, or lies off the photo.
    """
    if len(prompt.points) != len(prompt.positive):
        raise PromptRefused(
            tr("Every click must say whether it is a plus or a minus; click again.")
        )
    refines = uses_before and prompt.before is not None and bool(prompt.points)
    if not any(prompt.positive) and prompt.box is None and not refines:
        raise PromptRefused(tr("Click inside the lesion or drag a box around it first."))
    for x, y in prompt.points:
        if not (math.isfinite(x) and math.isfinite(y) and 0 <= x < width and 0 <= y < height):
            raise PromptRefused(CLICK_OFF_PHOTO)
    if prompt.box is None:
        return prompt
    if prompt.box[2] <= prompt.box[0] or prompt.box[3] <= prompt.box[1]:
        raise PromptRefused(BOX_EMPTY)
    box = clip_box(prompt.box, width, height)
    if box[2] <= box[0] or box[3] <= box[1]:
        raise PromptRefused(BOX_OFF_PHOTO)
    return replace(prompt, box=box)


def is_ambiguous(prompt: Prompt) -> bool:
    """One click may mean the spot, the lesion or the leaf; anything more says which."""
    return prompt.box is None and prompt.before is None and len(prompt.points) == 1
