"""One photo before an engine whose looks can be kept: which look answers which click.

Zoomed in, a window of the photo is looked at in its own scale; prompts and proposals are moved
there and back, so that engines need not know. All clicks of one region stay with one window, until
one of them leaves it. Knows rectangles and prompts; knows no process and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box, clip_box
from core.domain.region import RegionKind
from core.embeddings import windows
from core.embeddings.found import key_of, once
from core.embeddings.key import EmbeddingKey
from core.engines.base import Before, Candidate, Prompt, Query
from core.engines.before_mask import same
from core.engines.prompts import check_prompt
from core.errors import PromptRefused
from core.services.looks import Looks, StillLooking
from core.services.unhurried import Wish

Search = Callable[[Query], list[Candidate]]
"""Finds lesions or leaves on what the engine has before it."""
WELL = 10
"""Pixels of the engine's own across which a thing is seen well enough to be outlined."""
NEAR = 512
"""Pixels of the photo: a look at more would cost more time and show no more of a small thing."""
SPECK = 8
"""Pixels of the photo that what cannot be seen at all is taken to be across."""
CLEARLY = 0.5
"""A window is worth another look when its side is at most this part of the one before."""
WIDEN = 2.0
"""A thing that a window cut off is looked at again in one of so many times what was seen of it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The last prompt and the window it was answered in, None for the whole photo."""

    prompt: Prompt
    window: Box | None
    last: bool = True
    """False where a look that was not there would have shown more."""


class Sight:
    """``asked`` are the looks that are to be made beside, in order; ``lacks`` is the window without
    which the last answer given ``at_once`` was given."""

    def __init__(self, looks: Looks, rgb: NDArray[np.uint8], sha256: str) -> None:
        """``rgb`` [height, width, 3] uint8 in displayed orientation, whose file has ``sha256``."""
        self._looks, self._rgb, self._sha256 = looks, rgb, sha256
        self.size = (rgb.shape[1], rgb.shape[0])
        self.asked: list[EmbeddingKey] = []
        self.lacks: Box | None = None
        self._hasty = False
        self._answers: dict[Box | None, list[Candidate]] = {}
        self._asked_for: Prompt | None = None
        self._used: EmbeddingKey | None = None
        self._windows: list[Box] = []
        self._last: Answered | None = None

    def prepare(self) -> None:
        """Look at the whole photo, at first. Raises StillLooking when that is done beside."""
        if self._used is None:
            self._use(None)

    def for_view(self, view: Box) -> Box | None:
        """The window that clicks on what is on the screen will need, where it is not there yet or
        not ready for them."""
        target = windows.wanted(view, self.size, self._looks.side)
        seen = clip_box(view, *self.size)
        if target is None:
            return None
        # Clicks go to the smallest that suits, and the middle is as good a guess as any.
        middle = ((seen[0] + seen[2]) // 2, (seen[1] + seen[3]) // 2)
        spot = (*middle, middle[0] + 1, middle[1] + 1)
        side, known = self._looks.side or 0, self._known()
        used = windows.smallest(known, spot, seen, self.size, side)
        if used is not None and not self._looks.ready(self._key(used)):
            return used
        if any(
            windows.contains(w, seen) and windows.span(w) <= 2 * windows.span(target) for w in known
        ):
            return None
        if self._looks.quick and not self._looks.there(self._key(target)):
            return target
        if self._can(target):
            self.keep(target)
        return None

    def for_pointer(self, place: tuple[float, float], view: Box | None) -> Box | None:
        """The window that a click on a lesion there would need, where it is not there yet. Changes
        nothing that has been said about a region."""
        if not self._looks.quick:
            return None
        prompt = Prompt((place,), (True,), wanted=RegionKind.LESION)
        last, lacks = self._last, self.lacks
        try:
            self.at_once(prompt, view)
        except (PromptRefused, StillLooking):
            pass
        finally:
            wanted, self.lacks, self._last = self.lacks, lacks, last
        return wanted

    def at_once(self, prompt: Prompt, view: Box | None = None) -> list[Candidate]:
        """As ``predict``, from the looks that are there; ``lacks`` says which one would have shown
        more. Raises StillLooking where they show nothing."""
        self._hasty = True
        try:
            return self.predict(prompt, view)
        except PromptRefused:
            if self.lacks is None:
                raise
            raise StillLooking from None
        finally:
            self._hasty = False

    def wish(self, window: Box) -> Wish:
        """How to make the look at ``window``."""
        return Wish(self._key(window), lambda: self._part(window))

    def predict(self, prompt: Prompt, view: Box | None = None) -> list[Candidate]:
        """Candidates, best first, in the photo's pixels. ``view`` is the part that is on the
        screen. Raises PromptRefused, or StillLooking when not even the whole photo is ready."""
        # Where the pointer rested, the click that follows has been answered already.
        if self._asked_for is None or not _same_prompt(self._asked_for, prompt):
            self._answers = {}
        self._asked_for = prompt
        self.lacks = None
        width, height = self.size
        # Whether a mask to go on from says enough is for the engine to say.
        prompt = check_prompt(prompt, width=width, height=height, uses_before=True)
        window = self._window(prompt, view)
        window, found = self._seen(prompt, window)
        if window is not None and windows.cuts(window, _box_of(found[0]), self.size):
            window, found = self._wider(prompt, window, found)
        self._last = Answered(prompt, window, self.lacks is None)
        return _whole(found, window, self.size)

    def _seen(self, prompt: Prompt, window: Box | None) -> tuple[Box | None, list[Candidate]]:
        """The answer in ``window``, and where it was found: nearer, where a quick engine cannot
        see what was clicked on, or sees no more than a few of its own pixels of it."""
        try:
            found = self._answer(prompt, window)
        except PromptRefused:
            nearer = self._nearer(prompt, window, _spot(prompt))
            if nearer is None:
                raise
            return nearer, self._answer(prompt, nearer)
        nearer = self._nearer(prompt, window, _box_of(found[0]))
        if nearer is None:
            return window, found
        try:
            again = self._answer(prompt, nearer)
        except PromptRefused:
            return window, found
        if windows.cuts(nearer, _box_of(again[0]), self.size):
            return window, found
        return nearer, again

    def _nearer(self, prompt: Prompt, window: Box | None, found: Box) -> Box | None:
        """A window in which ``found`` is large enough to be seen well; None where it is already,
        and for a prompt that goes on from an answer."""
        side, last = self._looks.side, self._last
        new = last is None or not (last.last and _same_region(last.prompt, prompt))
        if side is None or not new or not self._looks.quick:
            return None
        if prompt.wanted is RegionKind.LEAF or prompt.before is not None:
            return None
        shown = windows.span(window) if window is not None else max(self.size)
        if windows.span(found) * side / shown >= WELL:
            return None
        part = windows.around(found, _spot(prompt))
        thing = max(SPECK, windows.span(part))
        for known in self._known():
            fits = thing * side / windows.span(known) >= WELL
            if fits and windows.has_room(known, part, self.size):
                return known
        # As large as shows it well, so that its neighbours are seen in the same window.
        half = int(min(thing * side / (1.5 * WELL), NEAR) / windows.MARGIN / 2)
        x, y = (part[0] + part[2]) // 2, (part[1] + part[3]) // 2
        target = windows.wanted((x - half, y - half, x + half, y + half), self.size, side)
        if target is None or windows.span(target) > CLEARLY * shown or not self._can(target):
            return None
        return target

    def find(
        self, search: Search, query: Query, view: Box | None = None, *, keep: bool = False
    ) -> list[Candidate]:
        """What ``search`` finds in the window for ``view``, at its own scale, else on the whole
        photo; in the photo's pixels. ``search`` is handed the query as the engine sees it.

        A window that does not hold every example is of no use; counter-examples outside are left
        out, and so is what its edge cuts off. ``keep``: the findings depend on photo and engine
        alone; those of the whole photo are kept, and not looked for again.

        Raises PromptRefused, StillLooking.
        """
        window = windows.wanted(view, self.size, self._looks.side)
        if window is not None and not (
            all(windows.contains(window, _box_of(one)) for one in query.examples)
            and self._can(window)
        ):
            window = None
        if window is None:

            def whole() -> list[Candidate]:
                self._use(None)
                return search(query)

            key = key_of(self._key(None))
            return once(self._looks.store, key, whole) if keep else whole()
        self._use(window)
        x, y = window[:2]
        against = [one for one in query.against if windows.contains(window, _box_of(one))]
        moved = replace(
            query,
            examples=_shifted(query.examples, -x, -y),
            against=_shifted(against, -x, -y),
        )
        found = _shifted(search(moved), x, y)
        return [one for one in found if not windows.cuts(window, _box_of(one), self.size)]

    def _window(self, prompt: Prompt, view: Box | None) -> Box | None:
        """Where to look for an answer; None for the whole photo."""
        if prompt.wanted is RegionKind.LEAF:
            return None
        spot, last = _spot(prompt), self._last
        if last is not None and last.last and _same_region(last.prompt, prompt):
            if last.window is None or windows.contains(last.window, spot):
                return last.window
            view = windows.around(view or spot, last.window)
        if view is None:
            return None
        seen = windows.around(clip_box(view, *self.size), spot)
        side = self._looks.side
        near = windows.smallest(self._known(), spot, seen, self.size, side) if side else None
        target = near or windows.wanted(seen, self.size, side)
        return target if target is not None and self._can(target) else None

    def _wider(
        self, prompt: Prompt, window: Box, found: list[Candidate]
    ) -> tuple[Box | None, list[Candidate]]:
        """What was meant is larger than the window: a larger one, or the whole photo."""
        x0, y0, x1, y1 = _box_of(found[0])
        more = round((WIDEN - 1) / 2 * windows.span((x0, y0, x1, y1)))
        part = windows.around(window, (x0 - more, y0 - more, x1 + more, y1 + more))
        larger = windows.wanted(part, self.size, self._looks.side)
        if larger is not None and larger != window and self._can(larger):
            again = self._answer(prompt, larger)
            if not windows.cuts(larger, _box_of(again[0]), self.size):
                return larger, again
        try:
            return None, self._answer(prompt, None)
        except StillLooking:
            return window, found

    def _can(self, window: Box) -> bool:
        """Whether it can be used now; a slow engine is asked to look at it for later."""
        key = self._key(window)
        if self._looks.there(key):
            return True
        if self._looks.quick:
            if self._hasty:
                self.lacks = self.lacks or window
            return not self._hasty
        if self._looks.beside(key) and key not in self.asked:
            self.asked.append(key)
        return False

    def _answer(self, prompt: Prompt, window: Box | None) -> list[Candidate]:
        """In the photo's pixels. Raises PromptRefused, StillLooking."""
        if window in self._answers:
            return self._answers[window]
        self._use(window)
        if window is None:
            found = self._looks.engine.predict(prompt)
        else:
            found = self._moved(prompt, window)
        self._answers[window] = found
        return found

    def _moved(self, prompt: Prompt, window: Box) -> list[Candidate]:
        """The engine's answer in ``window``, there and back."""
        x, y = window[:2]
        box = prompt.box and (
            prompt.box[0] - x, prompt.box[1] - y, prompt.box[2] - x, prompt.box[3] - y
        )  # fmt: skip
        points = tuple((px - x, py - y) for px, py in prompt.points)
        before = prompt.before and Before(
            prompt.before.pixels, (prompt.before.origin[0] - x, prompt.before.origin[1] - y)
        )
        moved = replace(prompt, points=points, box=box, before=before)
        found = self._looks.engine.predict(moved)
        return list(_shifted(found, x, y))

    def _use(self, window: Box | None) -> None:
        """Have the engine go on from this look. Raises StillLooking."""
        key = self._key(window)
        if key == self._used:
            return
        looks, rgb = self._looks, self._part(window)
        embedding = looks.get(key)
        if embedding is None:
            if looks.beside(key):
                if key not in self.asked:
                    self.asked.insert(0, key)
                raise StillLooking
            embedding = looks.make(key, rgb)
        self._used = None
        try:
            looks.engine.use(rgb, embedding)
        except ValueError:  # whole, of this photo and engine, and yet of other shapes
            looks.drop(key)
            looks.engine.use(rgb, looks.make(key, rgb))
        self._used = key
        if window is not None:
            self.keep(window)

    def keep(self, window: Box) -> None:
        """A look at ``window`` has been made."""
        if window not in self._windows:
            self._windows.append(window)

    def _known(self) -> list[Box]:
        """Windows of this photo that are there."""
        return [w for w in self._windows if self._looks.there(self._key(w))]

    def _key(self, window: Box | None) -> EmbeddingKey:
        return self._looks.key(self._sha256, window)

    def _part(self, window: Box | None) -> NDArray[np.uint8]:
        """The photo's own pixels: a copy of a window is several megabytes, and most looks that
        are used again need none of it."""
        if window is None:
            return self._rgb
        x0, y0, x1, y1 = window
        return self._rgb[y0:y1, x0:x1]


def _spot(prompt: Prompt) -> Box:
    """The pixels that the prompt points at, and all of the mask that it is to better."""
    parts = [(int(x), int(y), int(x) + 1, int(y) + 1) for x, y in prompt.points]
    if prompt.before is not None:
        (x, y), (height, width) = prompt.before.origin, prompt.before.pixels.shape
        parts.append((x, y, x + width, y + height))
    return windows.around(*parts, *([prompt.box] if prompt.box else []))


def _same_prompt(before: Prompt, now: Prompt) -> bool:
    """Whether both ask the same."""
    return same(before.before, now.before) and (
        (before.points, before.positive, before.box, before.wanted)
        == (now.points, now.positive, now.box, now.wanted)
    )


def _same_region(before: Prompt, now: Prompt) -> bool:
    """Whether one is the other and more: clicks were added, or taken back."""
    shared = min(len(before.points), len(now.points))
    return (
        (before.box, before.wanted) == (now.box, now.wanted)
        and same(before.before, now.before)
        and before.points[:shared] == now.points[:shared]
        and (shared > 0 or now.box is not None)
    )


def _box_of(candidate: Candidate) -> Box:
    (x, y), (height, width) = candidate.origin, candidate.pixels.shape
    return x, y, x + width, y + height


def _shifted(found: Iterable[Candidate], x: int, y: int) -> tuple[Candidate, ...]:
    return tuple(replace(one, origin=(one.origin[0] + x, one.origin[1] + y)) for one in found)


def _whole(found: list[Candidate], window: Box | None, size: tuple[int, int]) -> list[Candidate]:
    """The best, and what else is not cut off at the window's edge."""
    if window is None:
        return found
    rest = [one for one in found[1:] if not windows.cuts(window, _box_of(one), size)]
    return [found[0], *rest]
