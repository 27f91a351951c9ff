"""Clicks and boxes for the SAM 2 design as the transformers library has it: SAM 2, EdgeTAM, SAM 3.

The photo is squeezed into a square without padding, looked at once, and kept at three scales: the
two fine ones draw the edges. Every answer is the library's; only enlarging it is done here, where
the mask is. Knows the library's calls; knows no file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engines.base import Candidate, Embedding, Prompt
from core.engines.candidates import cut_out
from core.engines.home import Home
from core.engines.prompts import check_prompt, is_ambiguous
from core.errors import PromptRefused
from core.language import tr

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What SAM 2 and EdgeTAM were trained with."""


class HubSegmenter:
    """One model, one photo at a time."""

    def __init__(
        self,
        home: Home,
        *,
        mean: tuple[float, float, float] = MEAN,
        std: tuple[float, float, float] = STD,
    ) -> None:
        """``home`` holds a Sam2Model or one that is called like it; ``mean`` and ``std`` are of
        channels in [0, 1]."""
        self._home = home
        self._mean, self._std = mean, std
        self._size: tuple[int, int] | None = None
        self._features: list[Any] = []

    # -- the photo

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        """Computes the photo's embedding: seconds on a CPU."""
        self.use(rgb, self.embed(rgb))

    def embed(self, rgb: NDArray[np.uint8]) -> Embedding:
        """{"image": [channels, grid, grid], "fine0", "fine1": four and two times the grid}, all
        float16."""
        import torch

        with torch.inference_mode():
            return self._home.run(
                lambda model, device: self._see(model, self._prepared(rgb, device))
            )

    def _see(self, model: Any, pixels: Any) -> dict[str, NDArray[np.float16]]:
        """What is kept of a photo that was made ready."""
        found = self._tracker(model).get_image_embeddings(pixels)
        kept = [level[0].half().cpu().numpy() for level in found]
        return dict(zip(self._levels(), kept, strict=True))

    def _tracker(self, model: Any) -> Any:
        """The part of what the home holds that answers clicks."""
        return model

    def use(self, rgb: NDArray[np.uint8], embedding: Embedding) -> None:
        """As ``Embedder.use``."""
        import torch

        wanted = self._levels()
        found = {name: value.shape for name, value in embedding.items() if name in wanted}
        if found != wanted:
            raise ValueError(f"an embedding of {wanted} was expected")
        self._features = [torch.from_numpy(embedding[name])[None].float() for name in wanted]
        self._size = (rgb.shape[0], rgb.shape[1])

    def take_notice(self) -> str:
        """As ``Noticing.take_notice``."""
        return self._home.take_notice()

    # -- the answer

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """Three readings of a single click, else one; best first."""
        if self._size is None:
            raise PromptRefused(tr("Open a photo first."))
        height, width = self._size
        prompt = check_prompt(prompt, width=width, height=height)
        logits, scores = self._home.run(lambda model, device: self._decode(model, device, prompt))
        return cut_out(logits, scores, used=logits.shape[1:], size=self._size)

    def _decode(
        self, model: Any, device: str, prompt: Prompt
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits [n, h, w] over the whole photo, guessed IoU [n])."""
        import torch

        with torch.inference_mode():
            found = self._tracker(model)(
                image_embeddings=[level.to(device) for level in self._features],
                multimask_output=is_ambiguous(prompt),
                **self._placed(prompt, device),
            )
            return found.pred_masks[0, 0].cpu().numpy(), found.iou_scores[0, 0].cpu().numpy()

    def _placed(self, prompt: Prompt, device: str) -> dict[str, Any]:
        """Prompts as tensors in the pixels of the square input."""
        import torch

        assert self._size
        height, width = self._size
        scale = self._side() / np.array([width, height], float)
        placed: dict[str, Any] = {}
        if prompt.points:
            at = np.array(prompt.points, float) * scale
            placed["input_points"] = torch.as_tensor(at, dtype=torch.float, device=device)[
                None, None
            ]
            labels = torch.as_tensor(prompt.positive, dtype=torch.int, device=device)
            placed["input_labels"] = labels[None, None]
        if prompt.box is not None:
            box = np.array(prompt.box, float) * np.tile(scale, 2)
            placed["input_boxes"] = torch.as_tensor(box, dtype=torch.float, device=device)[
                None, None
            ]
        return placed

    # -- sizes

    def _side(self) -> int:
        size = self._tracker(self._home.model).prompt_encoder.input_image_size
        return int(size[0] if isinstance(size, list | tuple) else size)

    def _levels(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every scale, fine to coarse."""
        model = self._tracker(self._home.model)
        fine0, fine1, coarse = model.backbone_feature_sizes[-3:]
        decoder = model.mask_decoder
        return {
            "fine0": (decoder.conv_s0.out_channels, *fine0),
            "fine1": (decoder.conv_s1.out_channels, *fine1),
            "image": (model.hidden_dim, *coarse),
        }

    def _prepared(self, rgb: NDArray[np.uint8], device: str) -> Any:
        """[1, 3, side, side], as the library's own processor makes it."""
        import torch
        from torchvision.transforms.v2 import functional

        # A copy: torch takes no view of a photo that may not be written to.
        picture = torch.tensor(rgb, device=device).permute(2, 0, 1)[None]
        small = functional.resize(picture, [self._side()] * 2, antialias=True).float() / 255
        mean, std = (torch.tensor(v, device=device)[:, None, None] for v in (self._mean, self._std))
        return (small - mean) / std
