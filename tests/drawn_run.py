"""A small run folder on drawn leaves, for tests of the training worker.

Knows the drawing code and the run folder's contract.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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


def drawn_run(folder: Path, *, photos: int = 15, settings: TrainConfig = SETTINGS) -> RunFolder:
    """``photos`` drawn leaves, every fifth held out, classes in turn."""
    folder.mkdir(parents=True)
    samples = []
    for i in range(photos):
        rng = np.random.default_rng(70 + i)
        name = settings.classes[i % len(settings.classes)]
        styles = {name: DISEASES[name]} if name in DISEASES else {}
        leaf = draw_leaf(rng, styles=styles, size=(160, 120))
        path = folder / f"{i}.png"
        Image.fromarray(leaf.rgb).save(path)
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
                leaf=rle.encode(TileMask.from_array(leaf.leaf)),
                lesions={n: rle.encode(TileMask.from_array(m)) for n, m in leaf.lesions.items()},
            )
        )
    run = RunFolder(folder)
    run.write_samples(samples)
    run.config.write_text(replace(settings).to_json(), "utf-8")
    return run
