"""How long SAM's relatives take, in their published sizes with random numbers: encode and click.

    python tests/bench/families.py [--only sam2-tiny ...] [--threads N] [--json FILE]

Speed does not depend on what the numbers are; what the masks are worth does, so nothing is said of
that. The photo has 2 megapixels; random masks cover much of it and are enlarged, lesions are
smaller.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from core.engines.base import Prompt
from core.engines.home import Home
from core.engines.hub_segmenter import HubSegmenter
from core.engines.segment_anything import SegmentAnything
from core.errors import PromptRefused

SIZES: dict[str, dict[str, Any]] = {
    "sam2-tiny": {},
    "sam2-small": {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    "sam2-base+": {
        "hidden_size": 112,
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads": 2,
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "window_positional_embedding_background_size": [14, 14],
    },
    "sam2-large": {
        "hidden_size": 144,
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads": 2,
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "window_size_per_stage": [8, 4, 16, 8],
    },
}
CLICKS = 7


def _sam2(size: str) -> Any:
    from transformers import Sam2Config, Sam2Model

    backbone = {"model_type": "sam2_hiera_det_model"} | SIZES[size]
    widths = SIZES[size].get("embed_dim_per_stage", [96, 192, 384, 768])
    vision = {"backbone_config": backbone, "backbone_channel_list": widths[::-1]}
    vision["model_type"] = "sam2_vision_model"
    return Sam2Model(Sam2Config(vision_config=vision)).eval()


def _edgetam() -> Any:
    from transformers import EdgeTamConfig, EdgeTamModel

    from core.engines.nets.repvit_backbone import RepVitConfig, register

    register()
    repvit = RepVitConfig(widths=[48, 96, 192, 384], depths=[2, 2, 14, 2])
    return EdgeTamModel(EdgeTamConfig(vision_config={"backbone_config": repvit})).eval()


def _mobile_sam() -> Any:
    from core.engines.nets.tiny_vit import TinySizes, TinyViT
    from core.engines.sam_checkpoint import Decoder, assemble

    sizes = TinySizes((64, 128, 160, 320), (2, 2, 6, 2), (0, 4, 5, 10), (0, 7, 14, 7))
    decoder = Decoder(256, 16, 2, 2048, 3, 3, 256)
    return assemble(TinyViT(sizes, 1024), decoder, grid=64, side=1024).eval()


def _sam3() -> Any:
    from transformers import Sam3TrackerConfig, Sam3TrackerModel

    return Sam3TrackerModel(Sam3TrackerConfig()).eval()


ENGINES: dict[str, Callable[[], Any]] = {
    "mobile-sam": lambda: SegmentAnything(Home(_mobile_sam)),
    "edgetam": lambda: HubSegmenter(Home(_edgetam)),
    **{name: lambda name=name: HubSegmenter(Home(lambda: _sam2(name))) for name in SIZES},
    "sam3": lambda: HubSegmenter(Home(_sam3)),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    photo = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), dtype=np.uint8)
    rows = {}
    for name in args.only:
        engine = ENGINES[name]()
        started = time.perf_counter()
        engine.use(photo, engine.embed(photo))
        encode = time.perf_counter() - started
        clicks = []
        for n in range(CLICKS):
            started = time.perf_counter()
            with contextlib.suppress(PromptRefused):  # random numbers may outline nothing
                engine.predict(Prompt(((800.0 + 50 * n, 600.0),), (True,)))
            clicks.append(time.perf_counter() - started)
        rows[name] = {"encode_s": encode, "click_ms": 1000 * statistics.median(clicks)}
        said = f"{name:12s} encode {encode:6.1f} s   click {rows[name]['click_ms']:6.0f} ms"
        print(said, flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
