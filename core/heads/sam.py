"""The `<SEG>` state as the prompt of a SAM or SAM 2: its decoder is trained, its encoder is not.

The projected state takes the place of a click (as in LISA and Sa2VA). Looking at a photo costs far
more than all the rest and never changes, so what was seen is kept on disk by the photo's content.
A leaf has no right way up: of a photo's four flips always the same one is looked at and what was
seen is flipped back, so that flips in training cost nothing and the file stays one. Knows the two
libraries' decoders; knows no base model and no project.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from core import files
from core.errors import CheckpointRefused, DiskFull, ExportRefused, ModelMissing
from core.heads.base import HeadSpec, Maps
from core.heads.pooling import perceptron, sizes, under
from core.language import tr

if TYPE_CHECKING:
    from torch import Tensor, nn

SPECS = (
    HeadSpec(
        id="sam",
        title=tr("SAM or SAM 2 decoder"),
        factory="core.heads.sam:build",
        side=1024,
        cells=256,
        ceiling=tr(
            "256 × 256 cells over the photo; true masks pushed through it keep Dice 0.99. Looks at "
            "each photo with SAM's encoder once: seconds a photo without a GPU."
        ),
        builds_on=tr("weights of SAM 2.1, Segment Anything or MobileSAM"),
        weights=4_700_000,
        step_bytes=463 << 20,
    ),
)
TOWER = 96
"""Channels that the base model's tower is squeezed to."""
FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class Eye(Protocol):
    """A SAM of either library: looks once, then draws for prompts."""

    model: Any
    side: int
    shapes: tuple[tuple[int, ...], ...]
    """(channels, rows, columns) of what is seen: the embedding first, then finer scales."""
    decoder: nn.Module
    unused: tuple[str, ...]
    """Parts of the decoder that no mask here depends on, by the beginning of their names."""

    def look(self, photo: Tensor) -> Sequence[Tensor]:
        """[3, side, side] in [0, 1] to one [C, h, w] for each of ``shapes``."""
        ...

    def draw(self, seen: Sequence[Tensor], prompts: Tensor) -> Tensor:
        """Logits [n, cells, cells] for prompts [n, C] on one photo."""
        ...


class _Sam:
    """Of the ``segment_anything`` library."""

    unused = ("iou_prediction_head", *(f"output_hypernetworks_mlps.{n}." for n in (1, 2, 3)))

    def __init__(self, model: Any) -> None:
        self.model, self.decoder = model, model.mask_decoder
        self.side = int(model.image_encoder.img_size)
        prompts = model.prompt_encoder
        shape: tuple[int, ...] = (prompts.embed_dim, *prompts.image_embedding_size)
        self.shapes: tuple[tuple[int, ...], ...] = (shape,)

    def look(self, photo: Tensor) -> Sequence[Tensor]:
        return [self.model.image_encoder(self.model.preprocess(photo[None] * 255))[0]]

    def draw(self, seen: Sequence[Tensor], prompts: Tensor) -> Tensor:
        encoder = self.model.prompt_encoder
        nothing = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        masks, _ = self.decoder(
            image_embeddings=seen[0][None],
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=prompts[:, None],
            dense_prompt_embeddings=nothing.expand(len(prompts), -1, *self.shapes[0][1:]),
            multimask_output=False,
        )
        found: Tensor = masks[:, 0]
        return found


class _Sam2:
    """Of the transformers library."""

    # What the two convolutions see is kept on disk, so they stay as they are.
    unused = (*_Sam.unused, "pred_obj_score_head", "conv_s0", "conv_s1")

    def __init__(self, model: Any) -> None:
        self.model, self.decoder = model, model.mask_decoder
        # Otherwise it answers with another mask than it learns from as soon as it is asked.
        self.decoder.dynamic_multimask_via_stability = False
        size = model.prompt_encoder.input_image_size
        self.side = int(size[0] if isinstance(size, list | tuple) else size)
        fine0, fine1, coarse = model.backbone_feature_sizes[-3:]
        self.shapes: tuple[tuple[int, ...], ...] = (
            (model.hidden_dim, *coarse),
            (self.decoder.conv_s1.out_channels, *fine1),
            (self.decoder.conv_s0.out_channels, *fine0),
        )

    def look(self, photo: Tensor) -> Sequence[Tensor]:
        from core.engines.hub_segmenter import MEAN, STD

        mean, std = (photo.new_tensor(v)[:, None, None] for v in (MEAN, STD))
        levels = self.model.get_image_embeddings(((photo - mean) / std)[None])
        return [level[0] for level in reversed(levels)]

    def draw(self, seen: Sequence[Tensor], prompts: Tensor) -> Tensor:
        nothing = self.model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        masks, *_ = self.decoder(
            image_embeddings=seen[0][None],
            image_positional_embeddings=self.model.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=prompts[None, :, None],
            dense_prompt_embeddings=nothing.expand(1, -1, *self.shapes[0][1:]),
            multimask_output=False,
            high_resolution_features=[seen[2][None], seen[1][None]],
        )
        found: Tensor = masks[0, :, 0]
        return found


def open_eye(path: Path) -> Eye:
    """The SAM in a weights file or folder. Raises CheckpointRefused for anything else."""
    from core.engines.mobile_sam import load_mobile_sam
    from core.engines.sam2 import load_sam2
    from core.engines.sam_checkpoint import load_sam

    if path.is_dir() or path.with_name("config.json").is_file():
        return _Sam2(load_sam2(path))
    try:
        return _Sam(load_sam(path)[0])
    except CheckpointRefused:
        if path.suffix != ".pt":
            raise
        return _Sam(load_mobile_sam(path))


def build(*, hidden: int, grid: tuple[int, int, int], path: Path | None) -> SamHead:
    """A head on the SAM at ``path``, for ``hidden`` wide states and a ``grid`` (C, rows, cols).

    Raises ModelMissing when there is no such file, CheckpointRefused when it is no SAM.
    """
    from torch import nn

    if path is None or not path.exists():
        raise ModelMissing(
            tr(
                "The mask head “{title}” builds on another model, which is not at “{path}”; choose "
                "the {what}.",
                title=SPECS[0].title,
                path="" if path is None else path,
                what=SPECS[0].builds_on,
            )
        )
    eye = open_eye(path)
    channels = eye.shapes[0][0]
    eye.decoder.requires_grad_(True)
    for name, parameter in eye.decoder.named_parameters():
        if name.startswith(eye.unused):
            parameter.requires_grad_(False)
    module = nn.ModuleDict(
        {
            "query": perceptron(hidden, channels),
            "decoder": eye.decoder,
            "tower": nn.Sequential(
                nn.GroupNorm(1, grid[0]), nn.Conv2d(grid[0], TOWER, 1), nn.GELU()
            ),
            "words": perceptron(3 * channels + 2 * TOWER + 2, hidden),
        }
    )
    cells = 4 * eye.shapes[0][1]
    return SamHead(replace(SPECS[0], side=eye.side, cells=cells), module, eye)


class SamHead:
    """See `core.heads.base.MaskHead`."""

    def __init__(self, spec: HeadSpec, module: nn.ModuleDict, eye: Eye) -> None:
        self.spec = spec
        self.module = module
        self._eye = eye
        self._folder: Path | None = None

    @property
    def sees_with(self) -> nn.Module:
        found: nn.Module = self._eye.model
        return found

    def keep_in(self, folder: Path) -> None:
        """As `core.heads.base.Remembering.keep_in`: one file a photo, 2 to 9 MB."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def features(self, photos: Tensor, grid: Tensor) -> Maps:
        """What SAM's encoder saw, and the tower's features squeezed."""
        import torch

        seen = [self._seen(photo) for photo in photos]
        image, *finer = (torch.stack(level) for level in zip(*seen, strict=True))
        return Maps(image, self.module["tower"](grid), tuple(finer))

    def masks(self, maps: Maps, states: Tensor, owner: Tensor) -> Tensor:
        """The decoder's single mask for each state."""
        prompts = self.module["query"](states.to(maps.fine.dtype))
        out: Tensor = prompts.new_zeros(len(prompts), self.spec.cells, self.spec.cells)
        for photo in sorted(set(owner.tolist())):
            mine = (owner == photo).nonzero()[:, 0]
            seen = [maps.fine[photo], *(level[photo] for level in maps.finer)]
            out = out.index_copy(0, mine, self._eye.draw(seen, prompts[mine]))
        return out

    def describe(self, maps: Maps, logits: Tensor, owner: Tensor) -> Tensor:
        """Weighted mean and spread of both kinds of features under the mask, and its size."""
        import torch
        from torch.nn import functional

        chance = logits.detach().float().sigmoid()[:, None]
        parts: list[Any] = []
        for features in (maps.fine, maps.coarse):
            small = functional.interpolate(chance, size=features.shape[-2:], mode="area")
            parts += under(features, small, owner)
        parts += [maps.fine.mean((2, 3))[owner], sizes(chance)]
        found: Tensor = self.module["words"](torch.cat(parts, 1))
        return found

    # -- looking once

    def _seen(self, photo: Tensor) -> list[Tensor]:
        """One photo [3, side, side], through memory, disk or the encoder; always half precision."""
        import torch

        values = (photo * 255).round().to(torch.uint8)
        flips = [(flip, values.flip(flip).cpu().numpy().tobytes()) for flip in FLIPS]
        flip, content = min(flips, key=lambda one: one[1])
        file = None
        if self._folder is not None:
            file = self._folder / f"{hashlib.sha256(content).hexdigest()}.npy"
        flat = self._read(file) if file is not None and file.is_file() else None
        if flat is None:
            flat = self._look(values.flip(flip).float() / 255)
            if file is not None:
                # Where it cannot be kept it is looked at again: slower, and nothing else.
                with (
                    contextlib.suppress(DiskFull, ExportRefused),
                    files.whole_file(file) as draft,
                    draft.open("wb") as out,
                ):
                    np.save(out, flat)
        whole = torch.from_numpy(flat).to(photo.device, torch.float32)
        parts = torch.split(whole, self._lengths())
        shaped = zip(parts, self._eye.shapes, strict=True)
        return [part.reshape(shape).flip(flip) for part, shape in shaped]

    def _look(self, photo: Tensor) -> np.ndarray[Any, np.dtype[np.float16]]:
        import torch

        with torch.no_grad():
            self._eye.model.to(photo.device)
            levels = self._eye.look(photo)
            return torch.cat([level.reshape(-1) for level in levels]).half().cpu().numpy()

    def _read(self, file: Path) -> np.ndarray[Any, np.dtype[np.float16]] | None:
        """None where the file is not whole: it is looked at again then."""
        try:
            found = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        fits = found.shape == (sum(self._lengths()),) and found.dtype == np.float16
        return found if fits else None

    def _lengths(self) -> list[int]:
        return [prod(shape) for shape in self._eye.shapes]
