"""The embedded assistant that knows leaves: no download, a look in a moment, a click at once.

Looks at a photo once; each click then costs the decoder alone. An answer to several clicks is
reached as a person reaches it, one click after the other, each shown the answer before; the last
conversation is kept, so that one more click costs one step. To a mask that was there a plus click
adds; what no minus click or box is about stays of it, whatever the network says. The answer depends
on photo and prompt alone. Two things can be meant by a click: the lesion there and the leaf that
carries it.

Trained by ``resources/make_leaf``. Knows what is asked and in what order; knows no widget. torch is
imported when the engine is loaded.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.domain.region import RegionKind
from core.engines import leaf_find, leaf_near
from core.engines.base import Before, Candidate, Embedding, EngineSpec, Prompt, PromptKind
from core.engines.before_mask import same, unquestioned
from core.engines.leaf_draw import candidates
from core.engines.leaf_look import SIDE, Answer, Look, goes_on, looked, picture, seen_as, turns_of
from core.engines.prompts import check_prompt
from core.errors import ModelMissing, PromptRefused
from core.language import tr

if TYPE_CHECKING:
    from core.engines.nets.leaf import LeafNet

WEIGHTS = Path(__file__).resolve().parents[2] / "resources" / "models" / "leaf" / "leaf.safetensors"
KEPT = 16
"""Looks that stand ready, the latest first; 15 MB each at most."""
T = TypeVar("T")
NO_PHOTO = tr("Open a photo first.")


class LeafEngine:
    """One photo at a time. Deterministic on one machine."""

    def __init__(self, net: LeafNet, device: str = "cpu") -> None:
        from core.engines.nets.leaf_ready import Ready

        self._encoder, self._decoder, self._device = net.encoder, Ready(net), device
        self._rgb: NDArray[np.uint8] | None = None
        self._look: Look | None = None
        self._kept: list[tuple[Embedding, Look]] = []
        self._last: dict[RegionKind | None, Answer] = {}
        self._before: Before | None = None
        self._found: list[Candidate] | None = None

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb: NDArray[np.uint8]) -> Embedding:
        """{"stride4": [channels, h, w] float16, … "stride32"}."""
        return _at_once(self.embedding(rgb))

    def embedding(self, rgb: NDArray[np.uint8]) -> Generator[None, None, Embedding]:
        """As ``Gradual.embedding``."""
        import torch

        photo = picture(rgb, self._device)
        yield
        steps = self._encoder.in_steps(seen_as(photo))
        while True:
            try:
                with torch.inference_mode():  # never across a yield: it holds for the thread
                    next(steps)
            except StopIteration as end:
                features = end.value
                break
            yield
        made = {
            f"stride{stride}": level[0].half().cpu().numpy() for stride, level in features.items()
        }
        yield
        # Whoever asked for it will go on from it, and with a click that waits.
        self._keep(made, (yield from looked(self._decoder, photo, rgb.shape[:2], made)))
        return made

    def ready(self, embedding: Embedding) -> bool:
        """As ``Gradual.ready``."""
        return any(one is embedding for one, _ in self._kept)

    def readying(self, rgb: NDArray[np.uint8], embedding: Embedding) -> Generator[None, None, Look]:
        """As ``Gradual.readying``."""
        # A photo of 24 megapixels takes longer to reduce than a click to answer.
        photo = picture(rgb, self._device)
        yield
        look = yield from looked(self._decoder, photo, rgb.shape[:2], embedding)
        self._keep(embedding, look)
        return look

    def _keep(self, embedding: Embedding, look: Look) -> None:
        """Behind the one that is being used."""
        others = [one for one in self._kept if one[0] is not embedding]
        self._kept = [*others[:1], (embedding, look), *others[1:]][:KEPT]

    def use(self, rgb: NDArray[np.uint8], embedding: Embedding) -> None:
        """As ``Embedder.use``. Going back to one of the last embeddings costs nothing."""
        look = next((look for one, look in self._kept if one is embedding), None)
        if look is None or look.size != rgb.shape[:2]:
            look = _at_once(self.readying(rgb, embedding))
        others = [one for one in self._kept if one[0] is not embedding]
        self._kept = [(embedding, look), *others][:KEPT]
        self._look = look
        self._rgb, self._last, self._found = rgb, {}, None

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """As ``Segmenter.predict``: the likeliest reading first, then tighter, wider, the leaf."""
        look = self._look
        if look is None:
            raise PromptRefused(NO_PHOTO)
        height, width = look.size
        prompt = check_prompt(prompt, width=width, height=height, uses_before=True)
        answer = self._last.get(prompt.wanted)
        turns = list(turns_of(prompt, look.scale))
        kept = same(prompt.before, self._before)
        if answer is not None and not (kept and goes_on(answer.turn, turns[-1])):
            answer = None
        start = None if prompt.before is None else look.recalled(prompt.before)
        said = -1 if answer is None else len(answer.turn.clicks)
        for turn in turns:
            if len(turn.clicks) > said:
                said_before = start if answer is None else answer
                answer = leaf_near.step(look, turn, said_before, prompt.wanted)
        assert answer is not None
        self._last, self._before = {prompt.wanted: answer}, prompt.before
        # What lies outside a box was not asked for, until a click says otherwise.
        box = None if prompt.points else prompt.box
        stays = None
        if prompt.before is not None:
            minus = [
                at for at, plus in zip(prompt.points, prompt.positive, strict=True) if not plus
            ]
            stays = unquestioned(prompt.before, minus, box)
        found = list(candidates(look, answer, prompt.wanted, box, stays))
        if not found:
            raise PromptRefused(_nothing(prompt))
        return found

    def everything(self, most: int = 100) -> list[Candidate]:
        """As ``Finder.everything``."""
        if self._look is None:
            raise PromptRefused(NO_PHOTO)
        if self._found is None:
            self._found = leaf_find.everything(self._look)
        return self._found[:most]

    def leaves(self, most: int = 20) -> list[Candidate]:
        """As ``Finder.leaves``."""
        if self._look is None:
            raise PromptRefused(NO_PHOTO)
        return leaf_find.leaves(self._look)[:most]

    def alike(self, examples: Sequence[Candidate], most: int = 100) -> list[Candidate]:
        """As ``Finder.alike``."""
        found = self.everything(most=leaf_find.MOST)
        assert self._look is not None
        assert self._rgb is not None
        return leaf_find.alike(self._look, self._rgb, found, examples)[:most]


def _nothing(prompt: Prompt) -> str:
    """What to do where these prompts leave no pixel."""
    if prompt.before is not None and not any(prompt.positive):
        return tr("Nothing would be left of it; press Delete to take all of it away.")
    if prompt.box is not None:
        return tr("Nothing stands out there; drag a wider box.")
    return tr("Nothing stands out there; drag a box around the lesion.")


def _at_once(steps: Generator[None, None, T]) -> T:
    """What comes of work that is done in steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: T = end.value
            return made


def load(spec: EngineSpec, checkpoint: Path | None) -> LeafEngine:
    """The factory. Raises ModelMissing when the program's own weights are not there."""
    if not WEIGHTS.is_file():
        raise ModelMissing(
            tr(
                "{title} is missing its weights; get Leafspot's files again, they are in "
                "resources/models.",
                title=spec.title,
            )
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
        title=tr("Leaf"),
        prompts=frozenset(PromptKind) - {PromptKind.TEXT, PromptKind.EXEMPLAR},
        factory="core.engines.leaf:load",
        note=tr("Knows leaves and their lesions; needs no weights file."),
        side=SIDE,
        weights=WEIGHTS,
        revision=2,
    ),
)
