"""Segment Anything (Kirillov et al. 2023) from a weights file that the person opens.

The library's SamPredictor looks at the photo and places the prompts; the masks are enlarged here,
and only where they are. Knows the library; knows no widget. torch is imported when a file is
opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engines.base import POINTING, Candidate, Embedding, EngineSpec, Prompt, PromptKind
from core.engines.before_mask import placed
from core.engines.enlarge import enlarge
from core.engines.prompts import check_prompt
from core.engines.sam_checkpoint import load_sam
from core.errors import ModelMissing, PromptRefused

SURE = 10.0
"""Logit of a pixel that is in the mask before, as the model's own answers have them."""


class SegmentAnything:
    """One SAM, one photo at a time."""

    def __init__(self, model: Any) -> None:
        import torch
        from segment_anything import SamPredictor

        # What the transformer hands on lies pixel by pixel: so nothing has to be put in order.
        model.mask_decoder.output_upscaling.to(memory_format=torch.channels_last)
        self._predictor = SamPredictor(model)
        with torch.inference_mode():
            self._places = model.prompt_encoder.get_dense_pe()

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
        prompt = check_prompt(prompt, width=width, height=height, uses_before=True)
        # One click may mean the spot, the lesion or the leaf; anything more says which.
        said = (prompt.box, prompt.before, len(prompt.points))
        ambiguous = said == (None, None, 1)
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
            sparse, dense = model.prompt_encoder(**self._placed(prompt), masks=self._mask(prompt))
            small, scores = model.mask_decoder(
                image_embeddings=predictor.features,
                image_pe=self._places,
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
            )
            side = model.image_encoder.img_size
            small = small - model.mask_threshold
            logits = functional.interpolate(small, (side, side), mode="bilinear")[0]
            return logits.cpu().numpy(), scores[0].cpu().numpy()

    def _mask(self, prompt: Prompt) -> Any:
        """The mask there was as the model's own coarse logits, [1, 1, side, side], or None."""
        import torch

        if prompt.before is None:
            return None
        side = self._predictor.model.prompt_encoder.mask_input_size
        scale = side[0] / max(self._predictor.original_size)
        logits = (2 * placed(prompt.before, scale, side) - 1) * SURE
        return torch.as_tensor(logits, device=self._predictor.device)[None, None]

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
        prompts=POINTING | {PromptKind.BEFORE},
        factory="core.engines.segment_anything:load",
        needs_checkpoint=True,
        note="Opens sam_vit_b, sam_vit_l or sam_vit_h weights; the file says which it is.",
        side=1024,
    ),
)
