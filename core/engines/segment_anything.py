"""Segment Anything (Kirillov et al. 2023) from a weights file that the person opens.

The library's modules look at the photo and answer the prompts; what its SamPredictor would do
around them is done here, so that only the part of a mask that is there is enlarged. Knows the
library; knows no widget. torch is imported when a file is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engines.base import POINTING, Candidate, Embedding, EngineSpec, Prompt, PromptKind
from core.engines.before_mask import placed
from core.engines.candidates import cut_out
from core.engines.home import Home
from core.engines.prompts import check_prompt, is_ambiguous
from core.engines.sam_checkpoint import load_sam
from core.errors import ModelMissing, PromptRefused
from core.language import tr

SURE = 10.0
"""Logit of a pixel that is in the mask before, as the model's own answers have them."""


class SegmentAnything:
    """One SAM, one photo at a time."""

    def __init__(self, home: Home) -> None:
        """``home`` holds a ``segment_anything`` Sam."""
        self._home = home
        self._size: tuple[int, int] | None = None
        self._features: Any = None
        self._places: Any = None

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        """Computes the photo's embedding: seconds on a CPU."""
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb: NDArray[np.uint8]) -> Embedding:
        """{"image": [channels, grid, grid] float16}."""
        import torch
        from segment_anything.utils.transforms import ResizeLongestSide

        def look(model: Any, device: str) -> NDArray[np.float16]:
            small = ResizeLongestSide(model.image_encoder.img_size).apply_image(rgb)
            picture = torch.as_tensor(small, device=device).permute(2, 0, 1)
            padded = model.preprocess(picture.contiguous()[None])
            found: NDArray[np.float16] = model.image_encoder(padded)[0].half().cpu().numpy()
            return found

        with torch.inference_mode():
            return {"image": self._home.run(look)}

    def use(self, rgb: NDArray[np.uint8], embedding: Embedding) -> None:
        """As ``Embedder.use``."""
        import torch

        encoder = self._home.model.prompt_encoder
        found = embedding.get("image")
        wanted = (encoder.embed_dim, *encoder.image_embedding_size)
        if found is None or found.shape != wanted:
            raise ValueError(f"an embedding of {wanted} was expected")
        self._size = rgb.shape[:2]
        self._features = torch.from_numpy(found)[None].float()
        if self._places is None:
            with torch.inference_mode():
                self._places = encoder.get_dense_pe()

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """Three readings of a single click, else one; best first."""
        if self._size is None:
            raise PromptRefused(tr("Open a photo first."))
        height, width = self._size
        prompt = check_prompt(prompt, width=width, height=height, uses_before=True)
        logits, scores = self._home.run(lambda model, device: self._decode(model, device, prompt))
        transform = self._transform()
        used = transform.get_preprocess_shape(height, width, transform.target_length)
        return cut_out(logits, scores, used=used, size=self._size)

    def take_notice(self) -> str:
        """As ``Noticing.take_notice``."""
        return self._home.take_notice()

    def _transform(self) -> Any:
        from segment_anything.utils.transforms import ResizeLongestSide

        return ResizeLongestSide(self._home.model.image_encoder.img_size)

    def _decode(
        self, model: Any, device: str, prompt: Prompt
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits [n, side, side] over the padded square input, guessed IoU [n])."""
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            sparse, dense = model.prompt_encoder(
                **self._placed(prompt, device), masks=self._mask(model, device, prompt)
            )
            small, scores = model.mask_decoder(
                image_embeddings=self._features.to(device),
                image_pe=self._places.to(device),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=is_ambiguous(prompt),
            )
            small = small - model.mask_threshold
            side = model.image_encoder.img_size
            logits = functional.interpolate(small, (side, side), mode="bilinear")[0]
            return logits.cpu().numpy(), scores[0].cpu().numpy()

    def _mask(self, model: Any, device: str, prompt: Prompt) -> Any:
        """The mask there was as the model's own coarse logits, [1, 1, side, side], or None."""
        import torch

        if prompt.before is None or self._size is None:
            return None
        side = model.prompt_encoder.mask_input_size
        logits = (2 * placed(prompt.before, side[0] / max(self._size), side) - 1) * SURE
        return torch.as_tensor(logits, device=device)[None, None]

    def _placed(self, prompt: Prompt, device: str) -> dict[str, Any]:
        """Prompts as tensors in the model's own coordinates."""
        import torch

        transform = self._transform()
        placed: dict[str, Any] = {"points": None, "boxes": None}
        if prompt.points:
            at = transform.apply_coords(np.array(prompt.points, float), self._size)
            placed["points"] = (
                torch.as_tensor(at, dtype=torch.float, device=device)[None],
                torch.as_tensor(prompt.positive, dtype=torch.int, device=device)[None],
            )
        if prompt.box is not None:
            box = transform.apply_boxes(np.array(prompt.box, float), self._size)
            placed["boxes"] = torch.as_tensor(box, dtype=torch.float, device=device)
        return placed


def load(spec: EngineSpec, checkpoint: Path | None) -> SegmentAnything:
    """The factory. Raises CheckpointRefused for a file that is not a SAM."""
    if checkpoint is None:
        raise ModelMissing(tr("{title} needs a weights file: open one first.", title=spec.title))
    return SegmentAnything(Home(lambda: load_sam(checkpoint)[0]))


SPECS = (
    EngineSpec(
        id="segment-anything",
        title="Segment Anything",
        prompts=POINTING | {PromptKind.BEFORE},
        factory="core.engines.segment_anything:load",
        needs_checkpoint=True,
        side=1024,
        note=tr("Opens sam_vit_b, sam_vit_l or sam_vit_h weights; the file says which it is."),
    ),
)
