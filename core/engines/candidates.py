"""From what a SAM says of a photo to the candidates that a person sees.

Knows arrays and candidates; knows no model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.engines.base import Candidate
from core.engines.enlarge import enlarge
from core.errors import PromptRefused
from core.language import tr


def cut_out(
    logits: NDArray[np.float32],
    scores: NDArray[np.float32],
    *,
    used: tuple[int, int],
    size: tuple[int, int],
) -> list[Candidate]:
    """One candidate for each of ``logits`` [n, h, w] that is positive somewhere, best first.

    ``scores`` [n] are guesses of the IoU; ``used`` and ``size`` as in ``enlarge``. Raises
    PromptRefused when nothing is left.
    """
    found = []
    for n in np.argsort(-scores, kind="stable"):
        pixels, origin = enlarge(logits[n], used, size)
        if pixels.any():
            found.append(Candidate(pixels, origin, float(np.clip(scores[n], 0, 1))))
    if not found:
        raise PromptRefused(tr("Nothing was found there; click elsewhere or drag a box."))
    return found
