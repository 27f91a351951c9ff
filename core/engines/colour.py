"""Outlines by colour alone: no weights file, no model library, and an answer at once.

Keeps the photo and the last answer, so that one more click costs one correction and not a new
search. The answer depends on photo and prompt alone. Knows prompts and pixels; the finding is in
``colour_find``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.engines.base import POINTING, Candidate, EngineSpec, Prompt
from core.engines.colour_find import Click, Tuning, correct, from_box, from_click
from core.engines.colour_region import Region, distinct
from core.engines.colour_view import Photo
from core.engines.prompts import check_prompt
from core.errors import PromptRefused
from core.language import tr


@dataclass(frozen=True, slots=True)
class Answer:
    """The regions after some clicks, best first, each with the clicks that shaped it."""

    box: Box | None
    clicks: tuple[Click, ...]
    found: tuple[tuple[Region, tuple[Click, ...]], ...]


class ColourEngine:
    """One photo at a time. Deterministic."""

    def __init__(self, tuning: Tuning | None = None) -> None:
        self._tuning = tuning or Tuning()
        self._photo: Photo | None = None
        self._last: Answer | None = None

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        self._photo, self._last = Photo(rgb), None

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """As ``Segmenter.predict``: one to three candidates."""
        if self._photo is None:
            raise PromptRefused(tr("Open a photo first."))
        prompt = check_prompt(prompt, width=self._photo.width, height=self._photo.height)
        answer = self._answer(self._photo, prompt.box, _in_order(prompt))
        self._last = answer
        regions = distinct([region for region, _ in answer.found], most=3)
        # What lies outside a box was not asked for, until a click says otherwise.
        limit = None if prompt.points else prompt.box
        found = [_candidate(region, limit) for region in regions]
        found = [one for one in found if one.pixels.any()]
        if not found:
            better = (
                tr("drag a box around the lesion") if prompt.box is None else tr("drag a wider box")
            )
            raise PromptRefused(tr("Nothing stands out there; {better}.", better=better))
        return found

    def _answer(self, photo: Photo, box: Box | None, clicks: tuple[Click, ...]) -> Answer:
        """The answer to a box or a first plus click, corrected by one click after the other."""
        last = self._last
        if last and last.box == box and last.clicks == clicks[: len(last.clicks)]:
            answer = last
        elif box is not None:
            answer = Answer(box, (), tuple((r, ()) for r in from_box(photo, box, self._tuning)))
        else:
            regions = from_click(photo, clicks[0].x, clicks[0].y, self._tuning)
            answer = Answer(None, clicks[:1], tuple((r, (_sized(clicks[0], r),)) for r in regions))
        for n in range(len(answer.clicks), len(clicks)):
            corrected = []
            for region, before in answer.found:
                after, click = correct(photo, region, before, clicks[n], self._tuning)
                corrected.append((after, (*before, click)))
            answer = Answer(box, clicks[: n + 1], tuple(corrected))
        return answer


def _in_order(prompt: Prompt) -> tuple[Click, ...]:
    """The clicks as given, but without a box the first plus click begins."""
    pairs = zip(prompt.points, prompt.positive, strict=True)
    clicks = [Click(float(x), float(y), bool(plus)) for (x, y), plus in pairs]
    if prompt.box is None:
        first = next(n for n, click in enumerate(clicks) if click.plus)
        clicks.insert(0, clicks.pop(first))
    return tuple(clicks)


def _sized(click: Click, region: Region) -> Click:
    """The first click speaks for the middle of what it found."""
    radius = (float((region.odds > 0).sum()) / np.pi) ** 0.5 * region.window.unit
    return Click(click.x, click.y, plus=True, radius=0.2 * radius)


def _candidate(region: Region, box: Box | None) -> Candidate:
    pixels, (x, y) = region.pixels
    if box is not None:
        left, top = max(0, box[0] - x), max(0, box[1] - y)
        pixels = pixels[top : max(top, box[3] - y), left : max(left, box[2] - x)]
        x, y = x + left, y + top
    return Candidate(np.ascontiguousarray(pixels), (x, y), min(1.0, max(0.0, region.score)))


def load(spec: EngineSpec, checkpoint: Path | None) -> ColourEngine:
    """The factory: there is nothing to load."""
    return ColourEngine()


SPECS = (
    EngineSpec(
        id="colour",
        title=tr("Colour"),
        prompts=POINTING,
        factory="core.engines.colour:load",
        note=tr(
            "Works at once, without a weights file; best where the lesion's colour stands out."
        ),
    ),
)
