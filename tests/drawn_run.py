"""A small run folder on drawn leaves, for tests of the training worker.

Knows the drawing code and the run folder's contract.
"""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.domain.ids import ImageId
from core.domain.mask import TileMask
from core.geometry import rle
from core.imaging.decode import sha256_of
from core.imaging.drawn_leaves import DISEASES, draw_leaf
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder, Sample

NAMES = ("rust", "blight")
SETTINGS = TrainConfig(
    classes=("healthy", *NAMES),
    healthy="healthy",
    epochs=2.0,
    minutes=60.0,
    evaluations=1,
    batch_size=4,
    rank=4,
    watch=(1000, 1001),
)


def small(base: Path, settings: TrainConfig = SETTINGS) -> TrainConfig:
    """The same run on the Gemma 3 in ``base``, whose steps take a tenth of the starter's: for what
    befalls a run whatever it trains."""
    return replace(settings, base="gemma-3", base_path=str(base), head="grid")


@cache
def _drawn(number: int, disease: str) -> tuple[bytes, dict[str, Any]]:
    """The file of a drawn leaf, and what its sample knows of it: many tests want the same."""
    rng = np.random.default_rng(70 + number)
    styles = {disease: DISEASES[disease]} if disease in DISEASES else {}
    leaf = draw_leaf(rng, styles=styles, size=(160, 120))
    file = io.BytesIO()
    Image.fromarray(leaf.rgb).save(file, "png")
    return file.getvalue(), {
        "leaf": rle.encode(TileMask.from_array(leaf.leaf)),
        "lesions": {n: rle.encode(TileMask.from_array(m)) for n, m in leaf.lesions.items()},
    }


def drawn_run(folder: Path, *, photos: int = 15, settings: TrainConfig = SETTINGS) -> RunFolder:
    """``photos`` drawn leaves, every fifth held out, classes in turn."""
    folder.mkdir(parents=True)
    samples = []
    for i in range(photos):
        name = settings.classes[i % len(settings.classes)]
        photo, outlines = _drawn(i, name)
        path = folder / f"{i}.png"
        path.write_bytes(photo)
        samples.append(
            Sample(
                image=ImageId(1000 + i),
                path=str(path),
                sha256=sha256_of(path),
                width=160,
                height=120,
                split="val" if i % 5 == 0 else "train",
                disease=name,
                mask_known=True,
                **outlines,
            )
        )
    run = RunFolder(folder)
    run.write_samples(samples)
    run.config.write_text(replace(settings).to_json(), "utf-8")
    return run
