"""SAM 3 asked in words and by examples, beside the clicks that ``hub_segmenter`` answers.

A photo is looked at once for both: the image encoder's last layer is kept next to what the clicks
need, and the detector goes on from there, so that another word costs the text encoder and the
detector alone. Knows the library's calls; knows no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain.mask import Box
from core.engines.base import Candidate, Embedding, Query
from core.engines.clip_words import Words
from core.engines.enlarge import enlarge
from core.engines.home import Home
from core.engines.hub_segmenter import HubSegmenter
from core.engines.leaf_draw import overlap
from core.errors import PromptRefused
from core.language import tr

HALF = (0.5, 0.5, 0.5)
"""Mean and standard deviation of the channels it was trained with."""
SURE = 0.3
"""Score from which a finding is shown; the library's own choice."""
TWICE = 0.5
"""Two findings whose IoU is more than this are one."""
UNNAMED = "visual"
"""What it was trained to be told where examples alone say what is meant."""
SEEN = "seen"


class Sam3Parts:
    """Tracker (clicks) and detector (words, examples) around one image encoder."""

    def __init__(self, tracker: Any, detector: Any) -> None:
        self.tracker, self.detector = tracker, detector
        detector.vision_encoder.backbone = tracker.vision_encoder.backbone

    def to(self, device: str) -> Sam3Parts:
        """Both, moved."""
        self.tracker, self.detector = self.tracker.to(device), self.detector.to(device)
        return self


class Sam3Segmenter(HubSegmenter):
    """One model, one photo at a time: a ``Segmenter`` and a ``Searcher``."""

    def __init__(self, home: Home, words: Words) -> None:
        """``home`` holds a ``Sam3Parts``."""
        super().__init__(home, mean=HALF, std=HALF)
        self._words = words
        self._seen: NDArray[Any] | None = None
        self._fine: tuple[str, Any] | None = None

    def use(self, rgb: NDArray[np.uint8], embedding: Embedding) -> None:
        """As ``Embedder.use``; besides the three scales, "seen": [channels, grid, grid]."""
        wanted = self._seen_shape()
        if SEEN not in embedding or embedding[SEEN].shape != wanted:
            raise ValueError(f"an embedding with {SEEN} of {wanted} was expected")
        super().use(rgb, embedding)
        self._seen, self._fine = embedding[SEEN], None

    def search(self, query: Query, most: int = 100) -> list[Candidate]:
        """As ``Searcher.search``; ``score`` is how sure it is that there is one and this is it."""
        size = self._size
        if size is None:
            raise PromptRefused(tr("Open a photo first."))
        if not query.words.strip() and not query.examples:
            raise PromptRefused(
                tr("Name what to look for, or select a lesion that shows it, first.")
            )
        pieces, counted = self._words.numbers(query.words.strip() or UNNAMED)
        shown = [one for one in (*query.examples, *query.against) if one.pixels.any()]
        signs = [1] * len(query.examples) + [0] * len(query.against)
        boxes = [_placed(_box_of(one), size) for one in (*query.examples, *query.against)]
        asked = {"input_ids": [pieces], "attention_mask": [counted]}
        cells, scores = self._home.run(
            lambda model, device: self._detect(model, device, asked, boxes, signs)
        )
        found: list[Candidate] = []
        for n in np.argsort(-scores, kind="stable"):
            if scores[n] <= SURE or len(found) == most:
                break
            pixels, origin = enlarge(cells[n], cells.shape[1:], size)
            one = Candidate(pixels, origin, float(scores[n]))
            if pixels.any() and not _known(one, (*found, *shown)):
                found.append(one)
        return found

    def _tracker(self, model: Any) -> Any:
        return model.tracker

    def _see(self, model: Any, pixels: Any) -> dict[str, NDArray[np.float16]]:
        seen: list[Any] = []
        encoder = model.tracker.vision_encoder.backbone
        watch = encoder.register_forward_hook(
            lambda _module, _inputs, output: seen.append(output.last_hidden_state)
        )
        try:
            kept = super()._see(model, pixels)
        finally:
            watch.remove()
        channels, rows, columns = self._seen_shape()
        tokens = seen[0][0].T.reshape(channels, rows, columns)
        return kept | {SEEN: tokens.half().cpu().numpy()}

    def _seen_shape(self) -> tuple[int, int, int]:
        settings = self._home.model.tracker.vision_encoder.backbone.config
        side, patch = (
            size[0] if isinstance(size, list | tuple) else size
            for size in (settings.image_size, settings.patch_size)
        )
        return settings.hidden_size, side // patch, side // patch

    def _detect(
        self,
        model: Any,
        device: str,
        asked: dict[str, list[list[int]]],
        boxes: list[list[float]],
        signs: list[int],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(how much each cell is it [n, h, w], from −0.5 to 0.5, over the whole photo; score [n] in
        [0, 1])."""
        import torch

        with torch.inference_mode():
            told = {name: torch.tensor(value, device=device) for name, value in asked.items()}
            if boxes:
                told["input_boxes"] = torch.tensor([boxes], dtype=torch.float, device=device)
                told["input_boxes_labels"] = torch.tensor([signs], device=device)
            found = model.detector(vision_embeds=self._enlarged(model, device), **told)
            scores = found.pred_logits[0].sigmoid() * found.presence_logits[0].sigmoid()
            # Chances, not their logarithms, are what the library enlarges here.
            cells = found.pred_masks[0].float().sigmoid() - 0.5
            return cells.cpu().numpy(), scores.float().cpu().numpy()

    def _enlarged(self, model: Any, device: str) -> Any:
        """The detector's own scales of the photo, worked out with the first word."""
        import torch
        from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

        if self._fine is None or self._fine[0] != device:
            assert self._seen is not None
            seen = torch.from_numpy(self._seen)[None].float().to(device)
            levels, places = model.detector.vision_encoder.neck(seen)
            self._fine = (
                device,
                Sam3VisionEncoderOutput(fpn_hidden_states=levels, fpn_position_encoding=places),
            )
        return self._fine[1]


def _placed(box: Box, size: tuple[int, int]) -> list[float]:
    """Middle and sides as shares of a photo of ``size`` (height, width)."""
    height, width = size
    x0, y0, x1, y1 = box
    return [
        (x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height
    ]  # fmt: skip


def _box_of(one: Candidate) -> Box:
    (x, y), (height, width) = one.origin, one.pixels.shape
    return x, y, x + width, y + height


def _known(one: Candidate, others: Iterable[Candidate]) -> bool:
    return any(overlap(one, other) > TWICE for other in others)
