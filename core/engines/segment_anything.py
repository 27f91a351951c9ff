"""Segment Anything (Kirillov et al. 2023) from a weights file that the person opens.

The library's SamPredictor looks at the photo and places the prompts; the masks are enlarged here,
and only where they are: three masks of a 24-megapixel photo at full size would be 300 MB for a
lesion of 200 pixels. Knows the library; knows no widget. torch is imported when a file is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engines.base import POINTING, Candidate, Embedding, EngineSpec, Prompt
from core.engines.prompts import check_prompt
from core.engines.sam_checkpoint import load_sam
from core.errors import ModelMissing, PromptRefused

BAND = 512
"""Rows enlarged at a time, so that a leaf on a large photo needs no gigabyte."""


class SegmentAnything:
    """One SAM, one photo at a time."""

    def __init__(self, model: Any) -> None:
        from segment_anything import SamPredictor

        self._predictor = SamPredictor(model)

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        """Computes the photo's embedding: seconds on a CPU."""
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb: NDArray[np.uint8]) -> Embedding:
        """{"image": [channels, grid, grid] float16}."""
        import torch

        model = self._predictor.model
        side = model.image_encoder.img_size
        with torch.inference_mode():
            small = self._predictor.transform.apply_image(rgb)
            picture = torch.as_tensor(small, device=self._predictor.device).permute(2, 0, 1)
            padded = model.preprocess(picture.contiguous()[None])
            assert padded.shape[-2:] == (side, side)
            return {"image": model.image_encoder(padded)[0].half().cpu().numpy()}

    def use(self, rgb: NDArray[np.uint8], embedding: Embedding) -> None:
        """As ``Embedder.use``."""
        import torch

        predictor = self._predictor
        model = predictor.model
        found = embedding.get("image")
        grid = model.prompt_encoder.image_embedding_size
        wanted = (model.prompt_encoder.embed_dim, *grid)
        if found is None or found.shape != wanted:
            raise ValueError(f"an embedding of {wanted} was expected")
        predictor.reset_image()
        predictor.original_size = rgb.shape[:2]
        predictor.input_size = predictor.transform.get_preprocess_shape(
            *rgb.shape[:2], predictor.transform.target_length
        )
        predictor.features = torch.from_numpy(found)[None].to(predictor.device, torch.float32)
        predictor.is_image_set = True

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """Three readings of a single click, else one; best first."""
        if not self._predictor.is_image_set:
            raise PromptRefused("Open a photo first.")
        height, width = self._predictor.original_size
        prompt = check_prompt(prompt, width=width, height=height)
        # One click may mean the spot, the lesion or the leaf; anything more says which.
        ambiguous = prompt.box is None and len(prompt.points) == 1
        logits, scores = self._decode(prompt, several=ambiguous)
        found = []
        for n in np.argsort(-scores, kind="stable"):
            pixels, origin = enlarge(logits[n], self._predictor.input_size, (height, width))
            if pixels.any():
                found.append(Candidate(pixels, origin, float(np.clip(scores[n], 0, 1))))
        if not found:
            raise PromptRefused("Nothing was found there; click elsewhere or drag a box.")
        return found

    def _decode(
        self, prompt: Prompt, *, several: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits [n, side, side] over the padded square input, guessed IoU [n])."""
        import torch
        from torch.nn import functional

        model, predictor = self._predictor.model, self._predictor
        with torch.inference_mode():
            sparse, dense = model.prompt_encoder(**self._placed(prompt), masks=None)
            small, scores = model.mask_decoder(
                image_embeddings=predictor.features,
                image_pe=model.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
            )
            side = model.image_encoder.img_size
            logits = functional.interpolate(small, (side, side), mode="bilinear")[0]
            return (logits - model.mask_threshold).cpu().numpy(), scores[0].cpu().numpy()

    def _placed(self, prompt: Prompt) -> dict[str, Any]:
        """Prompts as tensors in the model's own coordinates."""
        import torch

        predictor, size = self._predictor, self._predictor.original_size
        placed: dict[str, Any] = {"points": None, "boxes": None}
        if prompt.points:
            at = predictor.transform.apply_coords(np.array(prompt.points, float), size)
            placed["points"] = (
                torch.as_tensor(at, dtype=torch.float, device=predictor.device)[None],
                torch.as_tensor(prompt.positive, dtype=torch.int, device=predictor.device)[None],
            )
        if prompt.box is not None:
            box = predictor.transform.apply_boxes(np.array(prompt.box, float), size)
            placed["boxes"] = torch.as_tensor(box, dtype=torch.float, device=predictor.device)
        return placed


def enlarge(
    logits: NDArray[np.float32], used: tuple[int, int], size: tuple[int, int]
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Where ``logits`` is positive on a photo of ``size`` (h, w), cropped: (pixels, origin (x, y)).

    ``used`` (h, w) is the part of ``logits`` that the photo fills; the rest is padding. The same
    interpolation as enlarging all of it (bilinear, pixel centres), done where the mask is.
    """
    logits = logits[: used[0], : used[1]]
    rows, cols = (np.flatnonzero((logits > 0).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros((0, 0), bool), (0, 0)
    (y0, y1), (x0, x1) = (
        _reach(cells, n, full)
        for cells, n, full in ((rows, used[0], size[0]), (cols, used[1], size[1]))
    )
    left, right, across = _weights(np.arange(x0, x1), used[1], size[1])
    pixels = np.zeros((y1 - y0, x1 - x0), bool)
    for start in range(y0, y1, BAND):
        stop = min(y1, start + BAND)
        top, bottom, down = _weights(np.arange(start, stop), used[0], size[0])
        band = logits[top] * (1 - down)[:, None] + logits[bottom] * down[:, None]
        pixels[start - y0 : stop - y0] = band[:, left] * (1 - across) + band[:, right] * across > 0
    return pixels, (x0, y0)


def _reach(cells: NDArray[np.intp], used: int, full: int) -> tuple[int, int]:
    """First and end photo pixel that ``cells`` can influence."""
    scale = full / used
    return max(0, int((cells[0] - 1) * scale)), min(full, int((cells[-1] + 2) * scale) + 1)


def _weights(
    at: NDArray[np.intp], used: int, full: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """(lower cell, upper cell, share of the upper) for photo pixels ``at``."""
    place = np.maximum((at + 0.5) * (used / full) - 0.5, 0.0)
    lower = np.minimum(place.astype(np.intp), used - 1)
    return lower, np.minimum(lower + 1, used - 1), (place - lower).astype(np.float32)


def load(spec: EngineSpec, checkpoint: Path | None) -> SegmentAnything:
    """The factory. Raises CheckpointRefused for a file that is not a SAM."""
    if checkpoint is None:
        raise ModelMissing(f"{spec.title} needs a weights file: open one first.")
    import torch

    model, _ = load_sam(checkpoint)
    return SegmentAnything(model.to("cuda" if torch.cuda.is_available() else "cpu"))


SPECS = (
    EngineSpec(
        id="segment-anything",
        title="Segment Anything",
        prompts=POINTING,
        factory="core.engines.segment_anything:load",
        needs_checkpoint=True,
        note="Opens sam_vit_b, sam_vit_l or sam_vit_h weights; the file says which it is.",
        side=1024,
    ),
)
