"""The decoder of ``leaf`` as it answers a person: one question at a time, about a look that was
read beforehand.

Much of what ``Decoder`` reckons does not depend on the question: what each step's first convolution
makes of the photo's features, and how a place has to look to resemble another. Here that is done
once for a look (``read``), and a click costs the rest. The answers are ``Decoder``'s to rounding,
but for a few cells at the edges of a part or window: there this one has seen what lies behind.
Everything lies in memory as the convolutions want it, [h, w, channels]. Knows torch and arrays;
knows no training, no file, no threshold.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from core.engines.nets.leaf import LEVELS, MAPS, MIN_RADIUS, NEAR, WIDE, LeafNet

LIKE = {4: 0, 8: 1, 16: 2}
"""Which of the decoder's contrasts is whose."""
DRAWN = MAPS - 3
"""Prompt maps that the question alone says: spots and box."""
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a look says whatever is asked: [h / stride, w / stride, channels] float16 each, since
    it is kept for many looks.

    ``kinds`` are the logits of any lesion and any leaf at stride 4, ``seen`` features of length 1
    whose products say what looks alike, ``first`` what the first convolution of a step makes of
    the features.
    """

    kinds: Tensor
    seen: dict[int, Tensor]
    first: dict[int, Tensor]

    def part(self, x0: int, y0: int, x1: int, y1: int) -> Reading:
        """The same of a window in pixels, multiples of 32."""

        def cut(level: Tensor, stride: int) -> Tensor:
            return level[y0 // stride : y1 // stride, x0 // stride : x1 // stride]

        return Reading(
            cut(self.kinds, 4),
            {stride: cut(level, stride) for stride, level in self.seen.items()},
            {stride: cut(level, stride) for stride, level in self.first.items()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """``clicks`` (x, y, plus) and ``box`` (x0, y0, x1, y1) in pixels of what was read; ``before``
    the previous answer as a probability [h, w] of all of it, or None."""

    clicks: Sequence[tuple[float, float, bool]]
    box: tuple[float, float, float, float] | None
    before: Tensor | None


class Ready:
    """``net`` is in eval mode and folded (``fold``)."""

    def __init__(self, net: LeafNet) -> None:
        decoder = net.decoder
        self._kinds = net.encoder.kinds
        self._alike, self._contrast = decoder.alike, decoder.contrast.tolist()
        self._look, self._heads = decoder.look, decoder.heads
        self._of_look: dict[int, tuple[Tensor, Tensor]] = {}
        self._of_question: dict[int, tuple[Tensor, Tensor | None]] = {}
        self._then: dict[int, nn.Module] = {}
        for stride in (32, 16, 8, 4, 2, 1):
            first, then = cast(nn.Sequential, decoder.steps[str(stride)])
            conv = cast(nn.Conv2d, cast(nn.Sequential, first)[0])
            kernel, bias = conv.weight, conv.bias
            side = LEVELS.get(stride, 0)
            if side:
                assert bias is not None
                self._of_look[stride] = (_laid(kernel[:, :side]), bias)
            self._of_question[stride] = (_laid(kernel[:, side:]), None if side else bias)
            self._then[stride] = then

    def read(self, features: dict[int, Tensor]) -> Generator[None, None, Reading]:
        """Of features [1, channels, h, w] by stride, a few layers at a time for whoever has to
        listen meanwhile."""
        seen: dict[int, Tensor] = {}
        first: dict[int, Tensor] = {}
        for stride, (kernel, bias) in self._of_look.items():
            with torch.inference_mode():  # never across a yield: it holds for the thread
                made = functional.conv2d(features[stride], kernel, bias, padding=1)
                first[stride] = _last(made).half()
            yield
        for stride in LIKE:
            with torch.inference_mode():
                found = functional.normalize(self._alike[str(stride)](features[stride]), dim=1)
                seen[stride] = _last(found).half()
            yield
        with torch.inference_mode():
            return Reading(_last(self._kinds(features[4])).half(), seen, first)

    def coarse(self, reading: Reading, asked: Asked) -> tuple[Tensor, Tensor]:
        """(what the finer steps go on from, logits [h / 8, w / 8, 2]), over all that was read."""
        state: Tensor | None = None
        alike = {s: self._likeness(s, asked, reading.seen[s].float()) for s in (8, 16)}
        alike[32] = _reduced(alike[16], 2)
        for stride in (32, 16, 8):
            first = reading.first[stride]
            question = _question(asked, stride, (0, 0), alike[stride], state)
            state = self._step(stride, question, first)
        assert state is not None
        return state, self._head(8, state)

    def middle(
        self, state: Tensor, reading: Reading, asked: Asked, window: tuple[int, int, int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(what the finer steps go on from, logits [h / 4, w / 4, 2], likeness of that size) over
        ``window`` (x0, y0, x1, y1) in pixels, multiples of 8. ``state`` is what ``coarse`` gave."""
        x0, y0, x1, y1 = window
        there = slice(y0 // 4, y1 // 4), slice(x0 // 4, x1 // 4)
        alike = self._likeness(4, asked, reading.seen[4].float(), there)
        above = state[y0 // 8 : y1 // 8, x0 // 8 : x1 // 8]
        question = _question(asked, 4, (x0, y0), alike, above)
        state = self._step(4, question, reading.first[4][there])
        return state, self._head(4, state), alike

    def fine(
        self,
        state: Tensor,
        photo: Tensor,
        asked: Asked,
        alike: Tensor,
        origin: tuple[int, int],
        finest: int,
    ) -> Tensor:
        """Logits [h / finest, w / finest, 2] over a window that begins at ``origin`` (x, y):
        ``finest`` is 1 or 2, ``photo`` [1, 3, h, w] the photo there, ``state`` and ``alike`` are
        the window's of what ``middle`` gave."""
        for stride in (2, 1):
            if stride < finest:
                break
            alike = _doubled(alike)
            side = _last(self._look(photo - 0.5)) if stride == 2 else _last(photo - 0.5)
            question = _question(asked, stride, origin, alike, state, side)
            state = self._step(stride, question, None)
        return self._head(finest, state)

    def _step(self, stride: int, question: Tensor, first: Tensor | None) -> Tensor:
        kernel, bias = self._of_question[stride]
        state = functional.conv2d(_planes(question), kernel, bias, padding=1)
        if first is not None:
            state += _planes(first.float())
        return _last(self._then[stride](state.relu_()))

    def _head(self, stride: int, state: Tensor) -> Tensor:
        head = cast(nn.Conv2d, self._heads[str(stride)])
        return functional.linear(state, head.weight[:, :, 0, 0], head.bias)

    def _likeness(
        self, stride: int, asked: Asked, seen: Tensor, part: tuple[slice, slice] | None = None
    ) -> Tensor:
        """How much each place of a ``part`` of what was seen at this stride [h, w, c] looks like
        the plus and the minus clicks [h, w, 2]. The middle of a box stands in for a plus click
        where there is none."""
        there = seen if part is None else seen[part]
        places = list(asked.clicks)
        if asked.box is not None and not any(plus for *_, plus in places):
            x0, y0, x1, y1 = asked.box
            places.append(((x0 + x1) / 2, (y0 + y1) / 2, True))
        if not places:
            return there.new_zeros(*there.shape[:2], 2)
        size = np.array([seen.shape[1], seen.shape[0]]) * stride
        grid = np.array([place[:2] for place in places]) / size * 2 - 1
        plus = np.array([place[2] for place in places])
        shares = np.stack([plus, ~plus], 1) / np.maximum(1, [plus.sum(), (~plus).sum()])
        found = functional.grid_sample(
            _planes(seen),
            torch.from_numpy(grid.astype(np.float32)).to(seen.device)[None, :, None],
            align_corners=False,
            padding_mode="border",
        )[0, :, :, 0]
        weights = torch.from_numpy((shares * self._contrast[LIKE[stride]]).astype(np.float32))
        return there @ (found @ weights.to(seen.device))


def _question(
    asked: Asked,
    stride: int,
    origin: tuple[int, int],
    alike: Tensor,
    above: Tensor | None,
    side: Tensor | None = None,
) -> Tensor:
    """What a step's first convolution is asked [h, w, channels], in the order of the weights: of
    ``side``, the prompt maps, and the state of the step ``above`` at half the size."""
    height, width = alike.shape[:2]
    at = 0 if side is None else side.shape[2]
    wide = at + MAPS + (0 if above is None else above.shape[2])
    question = alike.new_empty(height, width, wide)
    if side is not None:
        question[:, :, :at] = side
    drawn = torch.from_numpy(drawn_maps(asked, stride, origin, (height, width)))
    question[:, :, at : at + DRAWN] = drawn.to(alike.device)
    question[:, :, at + DRAWN] = (
        0.0 if asked.before is None else _before(asked.before, stride, origin, (height, width))
    )
    question[:, :, at + DRAWN + 1 : at + MAPS] = alike
    if above is not None:
        question[:, :, at + MAPS :] = _doubled(above)
    return question


def drawn_maps(
    asked: Asked, stride: int, origin: tuple[int, int], size: Size
) -> NDArray[np.float32]:
    """Spots at the clicks and the box [h, w, DRAWN], over ``size`` (h, w) cells at ``origin``."""
    maps = np.zeros((*size, DRAWN), np.float32)
    x, y = (
        (np.arange(cells, dtype=np.float32) + 0.5) * stride + start
        for cells, start in zip(size[::-1], origin, strict=True)
    )
    for sign in (True, False):
        places = [(cx, cy) for cx, cy, plus in asked.clicks if plus == sign]
        if not places:
            continue
        cx, cy = np.array(places, np.float32).T
        far_x, far_y = (x - cx[:, None]) ** 2, (y - cy[:, None]) ** 2
        for n, radius in enumerate((NEAR, WIDE)):
            reach = np.float32(-2 * max(radius * stride, MIN_RADIUS) ** 2)
            spots = np.exp(far_y / reach).T @ np.exp(far_x / reach)
            maps[:, :, 2 * n + (not sign)] = np.minimum(spots, 1)
    if asked.box is not None:
        x0, y0, x1, y1 = asked.box
        maps[:, :, DRAWN - 1] = np.outer(_covered(y, stride, y0, y1), _covered(x, stride, x0, x1))
    return maps


def _covered(
    middle: NDArray[np.float32], width: int, low: float, high: float
) -> NDArray[np.float32]:
    """The share of cells of ``width`` around ``middle`` between two ends."""
    if high <= low:
        return np.zeros_like(middle)
    ends = np.minimum(middle + width / 2, high) - np.maximum(middle - width / 2, low)
    share: NDArray[np.float32] = np.clip(ends / width, 0, 1)
    return share


def _before(before: Tensor, stride: int, origin: tuple[int, int], size: Size) -> Tensor:
    (x, y), (height, width) = origin, size
    part = before[y : y + height * stride, x : x + width * stride]
    return part if stride == 1 else functional.avg_pool2d(part[None], stride)[0]


def _reduced(maps: Tensor, by: int) -> Tensor:
    return _last(functional.avg_pool2d(_planes(maps), by))


def _doubled(maps: Tensor) -> Tensor:
    larger = functional.interpolate(
        _planes(maps), scale_factor=2.0, mode="bilinear", align_corners=False
    )
    return _last(larger)


def _laid(kernel: Tensor) -> Tensor:
    return kernel.detach().clone(memory_format=torch.channels_last)


def _planes(maps: Tensor) -> Tensor:
    """[h, w, c] as [1, c, h, w], the same memory."""
    return maps.permute(2, 0, 1)[None]


def _last(planes: Tensor) -> Tensor:
    """[1, c, h, w] as [h, w, c]."""
    return planes[0].permute(1, 2, 0)
