"""What the engine ``leaf`` sees of one photo, and one turn of a conversation about it.

A conversation is a box or a first click and the clicks after it; each answer is shown to the next
turn. Only the coarse steps of the network see the whole photo, the fine ones where the answer lies.
Knows the network's own pixels; what an answer looks like on the photo is ``leaf_draw``'s to say.
torch is imported when something is looked at.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.region import RegionKind
from core.engines.base import Before, Embedding, Prompt
from core.engines.before_mask import holds, middles, placed
from core.engines.leaf_reach import Plane, Rect, at, reach

if TYPE_CHECKING:
    import torch

    from core.engines.nets.leaf_ready import Asked, Reading, Ready

SIDE = 1024
"""Longest side, in pixels, of what the network sees."""
SMALL = 512
"""A picture whose longest side is shorter is enlarged to this: a quarter of ``SIDE``'s work."""
LARGEST_ZOOM = 4.0
"""But at most so far."""
GRAIN = 32
"""The network's sides are multiples of this."""
FAINT = 0.2
"""Probability above which a place belongs to the window that the fine steps look at."""
FULL_DETAIL, HALF_DETAIL = 180_000, 500_000
"""Pixels of window up to which the finest and the half scale are drawn: larger things have smooth
edges at the photo's scale, and the person is waiting."""
EDGE, SLACK = 24, 1.0
"""The finest steps draw a lesion with so many pixels around, and so many logits fainter than its
widest reading: they may find a little more of it than the step before."""
MAYBE = -1.0
"""Lesion logit under a click above which the lesion is meant, and not the leaf."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said up to one answer: clicks as (x, y, plus) in network pixels, and the box."""

    clicks: tuple[tuple[float, float, bool], ...]
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Logits [2, h, w] of (lesion, leaf) at ``stride`` pixels a cell, its window beginning at
    ``origin`` (x, y) network pixels; ``chance`` [1, 1, h, w] is the probability kept for the next
    turn, of a window that begins at ``corner``; beside it there is none."""

    turn: Turn
    logits: Plane
    stride: int
    origin: tuple[int, int]
    chance: torch.Tensor
    corner: tuple[int, int] = (0, 0)

    def seen_from(self, x0: int, y0: int, x1: int, y1: int) -> Answer:
        """The same for a window in network pixels, ``chance`` as large as it."""
        import torch

        x, y = self.corner
        height, width = self.chance.shape[2:]
        if (x0, y0, x1, y1) == (x, y, x + width, y + height):
            return replace(self, corner=(0, 0))
        chance = torch.zeros(1, 1, y1 - y0, x1 - x0, device=self.chance.device)
        left, top = max(x0, x), max(y0, y)
        right, bottom = max(left, min(x1, x + width)), max(top, min(y1, y + height))
        part = self.chance[:, :, top - y : bottom - y, left - x : right - x]
        chance[:, :, top - y0 : bottom - y0, left - x0 : right - x0] = part
        return replace(self, chance=chance, corner=(0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """A coarse answer, of a whole look: ``logits`` [2, h / 8, w / 8]; ``asked`` and ``state`` are
    the decoder's, to go on with."""

    turn: Turn
    wanted: RegionKind | None
    logits: Plane
    asked: Asked
    state: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture as the network sees it. ``size`` (h, w) in photo pixels, ``scale`` network pixels
    per photo pixel; ``photo`` [1, 3, h, w] uint8 is the network's, ``reading`` what it makes of
    it."""

    decoder: Ready
    photo: torch.Tensor
    reading: Reading
    size: tuple[int, int]
    scale: float

    def part(self, x0: int, y0: int, x1: int, y1: int) -> Look:
        """The same, of a window in network pixels, multiples of ``GRAIN``. Its answers are in the
        window's own pixels."""
        reading = self.reading.part(x0, y0, x1, y1)
        return replace(self, photo=self.photo[:, :, y0:y1, x0:x1], reading=reading)

    def recalled(self, before: Before) -> Answer:
        """A mask as if it were the answer to what was said before this conversation."""
        import torch

        height, width = self.photo.shape[2:]
        chance = torch.from_numpy(placed(before, self.scale, (height, width)))[None, None]
        nothing = np.zeros((2, 0, 0), np.float32)
        return Answer(Turn((), None), nothing, 1, (0, 0), chance.to(self.photo.device))

    def step(self, turn: Turn, before: Answer | None, wanted: RegionKind | None) -> Answer:
        """One turn of the conversation, shown the answer before it where it goes on from one."""
        return self.refined(self.glance(turn, before, wanted))

    def glance(self, turn: Turn, before: Answer | None, wanted: RegionKind | None) -> Glance:
        """The coarse half of a step, which sees all of the look."""
        import torch

        from core.engines.nets.leaf_ready import Asked

        height, width = self.photo.shape[2:]
        with torch.inference_mode():
            said = None if before is None else before.seen_from(0, 0, width, height).chance[0, 0]
            asked = Asked(turn.clicks, turn.box, said)
            state, logits = self.decoder.coarse(self.reading, asked)
        return Glance(turn, wanted, plane_of(logits), asked, state)

    def refined(self, glance: Glance) -> Answer:
        """The other half: at finer scales in a window around what was found and pointed at."""
        import torch

        turn, asked = glance.turn, glance.asked
        height, width = self.photo.shape[2:]
        channel = meant(glance.logits, 8, (0, 0), turn, glance.wanted)
        coarse = 1 / (1 + np.exp(-glance.logits[channel]))
        x0, y0, x1, y1 = window = window_of(coarse, turn, width, height)
        area = (x1 - x0) * (y1 - y0)
        finest = 1 if area <= FULL_DETAIL else 2 if area <= HALF_DETAIL else 4
        with torch.inference_mode():
            state, found, near = self.decoder.middle(glance.state, self.reading, asked, window)
            chance = self._nothing()
            chance[:, :, y0:y1, x0:x1] = _chance(found, channel, 4)
            if finest < 4:
                inner = window
                if glance.wanted is RegionKind.LESION:
                    inner = _pointed_at(found[:, :, 0].cpu().numpy(), turn, inner)
                across, down = (
                    slice((inner[n] - start) // 4, (inner[n + 2] - start) // 4)
                    for n, start in enumerate((x0, y0))
                )
                x0, y0, x1, y1 = inner
                seen = seen_as(self.photo[:, :, y0:y1, x0:x1])
                found = self.decoder.fine(
                    state[down, across], seen, asked, near[down, across], (x0, y0), finest
                )
                chance[:, :, y0:y1, x0:x1] = _chance(found, channel, finest)
        return Answer(turn, plane_of(found), finest, (x0, y0), chance)

    def _nothing(self) -> torch.Tensor:
        """The probability [1, 1, h, w] of a mask with nothing in it."""
        import torch

        return torch.zeros(1, 1, *self.photo.shape[2:], device=self.photo.device)


def plane_of(logits: torch.Tensor) -> Plane:
    """[h, w, kinds] as [kinds, h, w]."""
    return np.ascontiguousarray(logits.cpu().numpy().transpose(2, 0, 1))


def _chance(found: torch.Tensor, channel: int, stride: int) -> torch.Tensor:
    """The probability [1, 1, h, w] that logits [h / stride, w / stride, 2] say."""
    import torch

    chance = found[None, None, :, :, channel].sigmoid()
    if stride == 1:
        return chance
    return torch.nn.functional.interpolate(
        chance, scale_factor=float(stride), mode="bilinear", align_corners=False
    )


def _pointed_at(plane: Plane, turn: Turn, window: Rect) -> Rect:
    """The part of ``window`` whose logits ``plane`` [h / 4, w / 4] are, in network pixels and
    multiples of 4, with the lesion that was clicked on: its neighbours are nobody's question."""
    x0, y0, x1, y1 = reach(plane, 4, window[:2], turn.clicks, slack=SLACK)
    return (
        max(window[0], x0 - EDGE),
        max(window[1], y0 - EDGE),
        min(window[2], x1 + EDGE),
        min(window[3], y1 + EDGE),
    )


def picture(rgb: NDArray[np.uint8], device: str) -> torch.Tensor:
    """The network's picture of the photo, [1, 3, h, w] uint8: reduced, sides filled up with the
    edge's colour."""
    import torch

    scale = scale_of(rgb.shape[0], rgb.shape[1])
    height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(rgb, (width, height), interpolation=how) if scale != 1 else rgb
    down, right = -height % GRAIN, -width % GRAIN
    small = cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_REPLICATE)
    return torch.from_numpy(small).to(device).permute(2, 0, 1)[None]


def seen_as(picture: torch.Tensor) -> torch.Tensor:
    """A picture, or a part of one, as the network takes it: float in [0, 1]."""
    import torch

    return (picture.float() / 255).contiguous(memory_format=torch.channels_last)


def looked(
    decoder: Ready, photo: torch.Tensor, size: tuple[int, int], embedding: Embedding
) -> Generator[None, None, Look]:
    """What ``embedding`` says about a photo of ``size`` (h, w) whose ``picture`` is ``photo``; a
    few layers at a time for whoever has to listen meanwhile.

    Raises ValueError where it is of another shape.
    """
    import torch

    from core.engines.nets.leaf import LEVELS

    features = {}
    for stride, channels in LEVELS.items():
        found = embedding.get(f"stride{stride}")
        wanted = (channels, photo.shape[2] // stride, photo.shape[3] // stride)
        if found is None or found.shape != wanted:
            raise ValueError(f"an embedding of {wanted} was expected")
        level = torch.from_numpy(found)[None].to(photo.device, torch.float32)
        features[stride] = level.contiguous(memory_format=torch.channels_last)
    reading = yield from decoder.read(features)
    return Look(decoder, photo, reading, size, scale_of(*size))


def scale_of(height: int, width: int) -> float:
    """Network pixels per photo pixel."""
    longest = max(height, width)
    if longest > SIDE:
        return SIDE / longest
    return min(LARGEST_ZOOM, max(1.0, SMALL / longest))


def turns_of(prompt: Prompt, scale: float) -> Iterator[Turn]:
    """The conversation that leads to ``prompt``: a box or the first plus click, then the others.

    With a mask there was one before: it is as if the middles of its pieces had been clicked, and
    that of a box that holds none of them.
    """
    pairs = list(zip(prompt.points, prompt.positive, strict=True))
    clicks = [(x * scale, y * scale, plus) for (x, y), plus in pairs]
    first = 1
    box = None
    if prompt.before is not None:
        minus = [place for place, plus in pairs if not plus]
        already = middles(prompt.before, minus)
        if prompt.box is not None and not any(holds(prompt.box, place) for place in already):
            left, top, right, bottom = prompt.box
            already.append(((left + right) / 2, (top + bottom) / 2))
        there = [(x * scale, y * scale, True) for x, y in already]
        clicks, first = there + clicks, len(there) + 1
    if prompt.box is not None:
        x0, y0, x1, y1 = (side * scale for side in prompt.box)
        box = (x0, y0, x1, y1)
        yield Turn(tuple(clicks[: first - 1]), box)
    elif prompt.before is None:
        plus_one = next(n for n, (*_, plus) in enumerate(clicks) if plus)
        clicks.insert(0, clicks.pop(plus_one))
    for n in range(first, len(clicks) + 1):
        yield Turn(tuple(clicks[:n]), box)


def goes_on(said: Turn, turn: Turn) -> bool:
    """Whether ``turn`` says the same as ``said`` and no less."""
    return said.box == turn.box and said.clicks == turn.clicks[: len(said.clicks)]


def meant(
    logits: Plane,
    stride: int,
    origin: tuple[int, int],
    turn: Turn,
    wanted: RegionKind | None,
) -> int:
    """0 the lesion, 1 the leaf: as wanted, else the lesion where there is one."""
    if wanted is not None:
        return 1 if wanted is RegionKind.LEAF else 0
    plus = [(x, y) for x, y, positive in turn.clicks if positive]
    if plus:
        return 0 if max(at(logits[0], stride, origin, p) for p in plus) > MAYBE else 1
    return 0 if logits[0].max() > 0 else 1


def window_of(chance: Plane, turn: Turn, width: int, height: int) -> Rect:
    """(x0, y0, x1, y1) in network pixels, multiples of 8, around what the coarse answer and the
    person point at, with a margin."""
    xs, ys = [x for x, *_ in turn.clicks], [y for _, y, _ in turn.clicks]
    if turn.box:
        xs, ys = [*xs, turn.box[0], turn.box[2]], [*ys, turn.box[1], turn.box[3]]
    rows, cols = np.flatnonzero((chance > FAINT).any(1)), np.flatnonzero((chance > FAINT).any(0))
    if rows.size:
        xs, ys = [*xs, cols[0] * 8, cols[-1] * 8 + 8], [*ys, rows[0] * 8, rows[-1] * 8 + 8]
    margin = 24 + 0.1 * max(max(xs) - min(xs), max(ys) - min(ys))

    def ends(low: float, high: float, size: int) -> tuple[int, int]:
        first = max(0, int((low - margin) // 8) * 8)
        return min(first, size - 8), min(size, max(first + 8, -int(-(high + margin) // 8) * 8))

    (x0, x1), (y0, y1) = ends(min(xs), max(xs), width), ends(min(ys), max(ys), height)
    return x0, y0, x1, y1
