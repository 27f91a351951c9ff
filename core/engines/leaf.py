"""The embedded assistant that knows leaves: no download, a look in a moment, a click at once.

Looks at a photo once, at a side of ``SIDE`` pixels; each click then costs the decoder alone, and
its fine steps run only where the answer lies. An answer to several clicks is reached as a person
reaches it, one click after the other, each shown the answer before; the last conversation is kept,
so that one more click costs one step. The answer depends on photo and prompt alone. Two things can
be meant by a click: the lesion there and the leaf that carries it.

Trained by ``resources/make_leaf``. Knows the network and pixels; knows no widget. torch is imported
when the engine is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.domain.region import RegionKind
from core.engines.base import Candidate, Embedding, EngineSpec, Prompt, PromptKind
from core.engines.prompts import check_prompt
from core.errors import ModelMissing, PromptRefused

if TYPE_CHECKING:
    import torch

WEIGHTS = Path(__file__).resolve().parents[2] / "resources" / "models" / "leaf" / "leaf.safetensors"
SIDE = 1024
"""Longest side, in pixels, of what the network sees."""
LARGEST_ZOOM = 4.0
"""A smaller picture is enlarged at most so far."""
GRAIN = 32
"""The network's sides are multiples of this."""
FAINT = 0.2
"""Probability above which a place belongs to the window that the fine steps look at."""
FULL_DETAIL, HALF_DETAIL = 180_000, 500_000
"""Pixels of window up to which the finest and the half scale are drawn: larger things have smooth
edges at the photo's scale, and the person is waiting."""
SAME = 0.92
"""Candidates that overlap more than this are one."""

Place = tuple[float, float]
Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said up to one answer: clicks as (x, y, plus) in network pixels, and the box."""

    clicks: tuple[tuple[float, float, bool], ...]
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Logits [2, h, w] of (lesion, leaf) at ``stride`` pixels a cell, its window beginning at
    ``origin`` (x, y) network pixels; ``chance`` is the probability kept for the next turn."""

    turn: Turn
    logits: Plane
    stride: int
    origin: tuple[int, int]
    chance: Any


class LeafEngine:
    """One photo at a time. Deterministic on one machine."""

    def __init__(self, net: Any, device: str = "cpu") -> None:
        self._net, self._device = net, device
        self._features: dict[int, torch.Tensor] | None = None
        self._photo: Any = None
        self._size, self._scale = (0, 0), 1.0
        self._last: dict[RegionKind | None, Answer] = {}

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb: NDArray[np.uint8]) -> Embedding:
        """{"stride4": [channels, h, w] float16, … "stride32"}."""
        import torch

        with torch.inference_mode():
            features = self._net.encoder(self._input(rgb))
        return {
            f"stride{stride}": level[0].half().cpu().numpy() for stride, level in features.items()
        }

    def use(self, rgb: NDArray[np.uint8], embedding: Embedding) -> None:
        """As ``Embedder.use``."""
        import torch

        from core.engines.nets.leaf import LEVELS

        photo = self._input(rgb)
        features = {}
        for stride, channels in LEVELS.items():
            found = embedding.get(f"stride{stride}")
            wanted = (channels, photo.shape[2] // stride, photo.shape[3] // stride)
            if found is None or found.shape != wanted:
                raise ValueError(f"an embedding of {wanted} was expected")
            level = torch.from_numpy(found)[None].to(self._device, torch.float32)
            features[stride] = level.contiguous(memory_format=torch.channels_last)
        self._photo, self._features, self._last = photo, features, {}
        self._size, self._scale = rgb.shape[:2], scale_of(rgb.shape[0], rgb.shape[1])

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """As ``Segmenter.predict``: the likeliest reading first, then tighter, wider, the leaf."""
        if self._features is None:
            raise PromptRefused("Open a photo first.")
        prompt = check_prompt(prompt, width=self._size[1], height=self._size[0])
        answer = self._last.get(prompt.wanted)
        turns = list(_turns(prompt, self._scale))
        if answer is not None and not _goes_on(answer.turn, turns[-1]):
            answer = None
        said = -1 if answer is None else len(answer.turn.clicks)
        for turn in turns:
            if len(turn.clicks) > said:
                answer = self._step(turn, answer, prompt.wanted)
        assert answer is not None
        self._last = {prompt.wanted: answer}
        found = list(self._candidates(answer, prompt))
        if not found:
            raise PromptRefused("Nothing stands out there; drag a box around the lesion.")
        return found

    def _step(self, turn: Turn, before: Answer | None, wanted: RegionKind | None) -> Answer:
        """One turn of the conversation, shown the answer before it where it goes on from one."""
        import torch

        from core.engines.nets.leaf import Prompts

        decoder, features, photo = self._net.decoder, self._features, self._photo
        assert features is not None
        clicks = torch.tensor([[c[:2] for c in turn.clicks] or [(0.0, 0.0)]], device=self._device)
        sign = torch.tensor(
            [[1 if plus else -1 for *_, plus in turn.clicks] or [0]], device=self._device
        )
        box = torch.tensor([turn.box or (-1.0,) * 4], device=self._device)
        height, width = photo.shape[2:]
        with torch.inference_mode():
            chance = (
                before.chance
                if before is not None
                else torch.zeros(1, 1, height, width, device=self._device)
            )
            prompts = Prompts(clicks, sign, box, chance)
            alike = decoder.likeness(features, prompts)
            state, first = decoder.coarse(features, prompts, alike)
            channel = self._meant(first[0].cpu().numpy(), 8, (0, 0), turn, wanted)
            x0, y0, x1, y1 = _window(first[0, channel].sigmoid().cpu().numpy(), turn, width, height)
            area = (x1 - x0) * (y1 - y0)
            finest = 1 if area <= FULL_DETAIL else 2 if area <= HALF_DETAIL else 4
            origin = torch.tensor([[x0, y0]], device=self._device)
            near = alike[4][:, :, y0 // 4 : y1 // 4, x0 // 4 : x1 // 4]
            state, found = decoder.middle(
                state[:, :, y0 // 8 : y1 // 8, x0 // 8 : x1 // 8],
                features[4][:, :, y0 // 4 : y1 // 4, x0 // 4 : x1 // 4],
                prompts,
                near,
                origin,
            )
            if finest < 4:
                seen = photo[:, :, y0:y1, x0:x1]
                found = decoder.fine(state, seen, prompts, near, origin, finest)[finest]
            chance = torch.zeros(1, 1, height, width, device=self._device)
            drawn = found[:, channel : channel + 1].sigmoid()
            if finest > 1:
                drawn = torch.nn.functional.interpolate(
                    drawn, scale_factor=float(finest), mode="bilinear", align_corners=False
                )
            chance[:, :, y0:y1, x0:x1] = drawn
        return Answer(turn, found[0].cpu().numpy(), finest, (x0, y0), chance)

    def _meant(
        self,
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
            return 0 if max(_at(logits[0], stride, origin, p) for p in plus) > -1.0 else 1
        return 0 if logits[0].max() > 0 else 1

    def _candidates(self, answer: Answer, prompt: Prompt) -> Iterator[Candidate]:
        """Distinct readings, best first."""
        plus = [(x, y) for x, y, positive in answer.turn.clicks if positive]
        channel = self._meant(
            answer.logits, answer.stride, answer.origin, answer.turn, prompt.wanted
        )
        order = [(channel, 0.0), (0, 1.5), (0, -1.5), (1 - channel, 0.0)]
        kept: list[Candidate] = []
        for which, level in order:
            plane = answer.logits[which]
            if which == 0 and plus:
                # What was clicked on as a lesion is one, however faint it looks.
                level = min(
                    level, min(_at(plane, answer.stride, answer.origin, p) for p in plus) - 0.7
                )
                if level < -4:
                    continue
            one = self._on_photo(plane - level, answer, plus, prompt.box if which == 0 else None)
            if one.pixels.any() and not any(_overlap(one, other) > SAME for other in kept):
                # What the person more likely means comes first, so it counts as no worse.
                ceiling = kept[-1].score if kept else 1.0
                kept.append(replace(one, score=min(one.score, ceiling)))
        return iter(kept)

    def _on_photo(
        self, plane: Plane, answer: Answer, plus: list[Place], box: Box | None
    ) -> Candidate:
        """Where ``plane`` is positive, at the photo's scale; pieces nobody pointed at left out."""
        small = _pieces(plane > 0, answer, plus)
        if not small.any():
            return Candidate(np.zeros((0, 0), bool), (0, 0), 0.0)
        chance = 1 / (1 + np.exp(-plane))
        score = float(chance[small].sum() / np.maximum(chance, small).sum())
        kept = np.where(
            cv2.dilate(small.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, plane, -8
        )
        rows, cols = np.flatnonzero(small.any(1)), np.flatnonzero(small.any(0))
        unit, (ox, oy) = answer.stride / self._scale, answer.origin
        left, top = ox / self._scale, oy / self._scale
        x0, y0 = max(0, int(left + (cols[0] - 1) * unit)), max(0, int(top + (rows[0] - 1) * unit))
        x1 = min(self._size[1], int(left + (cols[-1] + 2) * unit) + 1)
        y1 = min(self._size[0], int(top + (rows[-1] + 2) * unit) + 1)
        levels = np.clip(kept * 16 + 128, 0, 255).astype(np.uint8)
        shift = np.array(
            [
                [1 / unit, 0, (x0 + 0.5 - left) / unit - 0.5],
                [0, 1 / unit, (y0 + 0.5 - top) / unit - 0.5],
            ]
        )
        drawn = cv2.warpAffine(
            levels,
            shift,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return Candidate(drawn > 128, (x0, y0), min(1.0, score))

    def _input(self, rgb: NDArray[np.uint8]) -> Any:
        """The network's picture of the photo: reduced, sides filled up with the edge's colour."""
        import torch

        scale = scale_of(rgb.shape[0], rgb.shape[1])
        height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(rgb, (width, height), interpolation=how) if scale != 1 else rgb
        down, right = -height % GRAIN, -width % GRAIN
        small = cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_REPLICATE)
        picture = torch.from_numpy(small).to(self._device).permute(2, 0, 1)[None]
        return (picture.float() / 255).contiguous(memory_format=torch.channels_last)


def scale_of(height: int, width: int) -> float:
    """Network pixels per photo pixel."""
    return min(LARGEST_ZOOM, SIDE / max(height, width))


def _turns(prompt: Prompt, scale: float) -> Iterator[Turn]:
    """The conversation that leads to ``prompt``: a box or the first plus click, then the others."""
    pairs = zip(prompt.points, prompt.positive, strict=True)
    clicks = [(x * scale, y * scale, plus) for (x, y), plus in pairs]
    box = None
    if prompt.box is not None:
        x0, y0, x1, y1 = (side * scale for side in prompt.box)
        box = (x0, y0, x1, y1)
        yield Turn((), box)
    else:
        first = next(n for n, (*_, plus) in enumerate(clicks) if plus)
        clicks.insert(0, clicks.pop(first))
    for n in range(1, len(clicks) + 1):
        yield Turn(tuple(clicks[:n]), box)


def _goes_on(said: Turn, turn: Turn) -> bool:
    """Whether ``turn`` says the same as ``said`` and no less."""
    return said.box == turn.box and said.clicks == turn.clicks[: len(said.clicks)]


def _window(chance: Plane, turn: Turn, width: int, height: int) -> tuple[int, int, int, int]:
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


def _at(plane: Plane, stride: int, origin: tuple[int, int], place: Place) -> float:
    """The value under ``place`` (x, y) in network pixels, the nearest one where it lies outside."""
    y = int(np.clip((place[1] - origin[1]) / stride, 0, plane.shape[0] - 1))
    x = int(np.clip((place[0] - origin[0]) / stride, 0, plane.shape[1] - 1))
    return float(plane[y, x])


def _pieces(found: NDArray[np.bool_], answer: Answer, plus: list[Place]) -> NDArray[np.bool_]:
    """The pieces with a plus click, or where there is none, the largest and all nearly as large."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        found.astype(np.uint8), connectivity=8
    )
    if count <= 2:
        return found
    named = {int(_at(labels, answer.stride, answer.origin, place)) for place in plus} - {0}
    if not named:
        sizes = stats[1:, cv2.CC_STAT_AREA]
        named = set((np.flatnonzero(sizes >= 0.3 * sizes.max()) + 1).tolist())
    return np.isin(labels, sorted(named))


def _overlap(a: Candidate, b: Candidate) -> float:
    """Their IoU."""
    (ax, ay), (bx, by) = a.origin, b.origin
    x0, y0 = max(ax, bx), max(ay, by)
    x1 = min(ax + a.pixels.shape[1], bx + b.pixels.shape[1])
    y1 = min(ay + a.pixels.shape[0], by + b.pixels.shape[0])
    if x1 <= x0 or y1 <= y0:
        return 0.0
    both = int(
        (
            a.pixels[y0 - ay : y1 - ay, x0 - ax : x1 - ax]
            & b.pixels[y0 - by : y1 - by, x0 - bx : x1 - bx]
        ).sum()
    )
    return both / max(1, int(a.pixels.sum()) + int(b.pixels.sum()) - both)


def load(spec: EngineSpec, checkpoint: Path | None) -> LeafEngine:
    """The factory. Raises ModelMissing when the program's own weights are not there."""
    if not WEIGHTS.is_file():
        raise ModelMissing(
            f"{spec.title} is missing its weights; get Leafspot's files again, "
            "they are in resources/models."
        )
    import torch
    from safetensors.torch import load_file

    from core.engines.nets.leaf import LeafNet, fold

    net = LeafNet()
    net.load_state_dict(load_file(WEIGHTS), strict=False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = fold(net.float().eval()).to(device)
    net = net.to(memory_format=torch.channels_last)
    return LeafEngine(net, device)


SPECS = (
    EngineSpec(
        id="leaf",
        title="Leaf",
        prompts=frozenset(PromptKind),
        factory="core.engines.leaf:load",
        note="Knows leaves and their lesions; needs no weights file.",
    ),
)
