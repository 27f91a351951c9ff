"""SAM 3 (Carion et al. 2025) through the transformers library: clicks, boxes, words and examples.

The published folder holds a detector that is asked in words or by examples and a tracker that is
asked with clicks; they share one image encoder. Knows which tensors make them; the answers are
``sam3_search``'s. torch and transformers are imported when a checkpoint is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.engines.authors_form import is_authors_form, read_authors
from core.engines.authors_sam3 import both_parts, is_table
from core.engines.base import POINTING, EngineSpec, PromptKind
from core.engines.clip_words import Words
from core.engines.home import Home
from core.engines.hub_checkpoint import HubFamily, build, find_files, read_config, read_tensors
from core.engines.sam2 import without
from core.engines.sam3_search import Sam3Parts, Sam3Segmenter
from core.errors import CheckpointRefused, ModelMissing
from core.language import tr

FAMILY = HubFamily(
    engine="sam3",
    title="SAM 3",
    kinds=("sam3_video",),
    parts=("sam3", "clip_text_model"),
    example="sam3",
    file="sam3.pt",
)
PUBLISHED: dict[str, dict[str, Any]] = {"tracker": {}, "detector": {}}
"""Settings of the authors' file by part; it says nothing of itself: the library's own."""
BEGINNINGS = {
    "detector_model.": "detector.",
    "tracker_neck.": "tracker.vision_encoder.neck.",
    "tracker_model.": "tracker.",
}
"""How tensors begin in the published folder, and in the two models that are built."""
SHARED = "vision_encoder.backbone."
PARTS = {"tracker": "sam3_tracker", "detector": "sam3"}


def load_sam3(checkpoint: Path) -> Sam3Parts:
    """Both models on the CPU. Raises CheckpointRefused for anything that is not one."""
    if is_authors_form(checkpoint):
        own = both_parts(read_authors(checkpoint, FAMILY, leave=is_table))
        return put_together(PUBLISHED, own, path=checkpoint, authors=True)
    config, weights = find_files(checkpoint, FAMILY)
    state = read_tensors(weights, FAMILY, _renamed)
    settings = read_config(config, FAMILY)
    return put_together(
        {part: settings.get(f"{part}_config") for part in PARTS}, state, path=weights
    )


def put_together(
    settings: Mapping[str, Any], state: Mapping[str, Any], *, path: Path, authors: bool = False
) -> Sam3Parts:
    """The two models of ``settings`` by part, out of the tensors of ``state``, whose names begin
    with the part; the image encoder's are the detector's. ``authors`` as in ``build``.

    Raises CheckpointRefused.
    """
    from transformers import Sam3Config, Sam3Model, Sam3TrackerConfig, Sam3TrackerModel

    classes = {
        "tracker": (Sam3TrackerConfig, Sam3TrackerModel),
        "detector": (Sam3Config, Sam3Model),
    }
    shared = {n: t for n, t in state.items() if n.startswith(f"detector.{SHARED}")}
    built: dict[str, Any] = {}
    for part, (config, model) in classes.items():
        own = settings[part]
        if not isinstance(own, dict):
            raise CheckpointRefused(
                tr(
                    "The config.json beside the weights has no part for the {part}. {get_another}",
                    part=part,
                    get_another=FAMILY.get_another,
                )
            )
        wanted = own | {"model_type": PARTS[part]}
        tensors = {n.removeprefix(f"{part}."): t for n, t in state.items() if n.startswith(part)}
        tensors |= {n.removeprefix("detector."): t for n, t in shared.items()}
        built[part] = build(
            model,
            lambda config=config, wanted=wanted: config.from_dict(wanted),
            tensors,
            path=path,
            family=FAMILY,
            authors=authors,
        )
    return Sam3Parts(**built)


def _renamed(name: str) -> str | None:
    """Where a tensor of the folder belongs; None for those that are for films."""
    for beginning, part in BEGINNINGS.items():
        if name.startswith(beginning):
            return without_films(part + name.removeprefix(beginning))
    return None


def without_films(name: str) -> str | None:
    """``name``, unless it is of the tracker's memory."""
    from transformers import Sam3TrackerModel

    if not name.startswith("tracker."):
        return name
    films = [p for p in Sam3TrackerModel._keys_to_ignore_on_load_unexpected if "detector" not in p]
    own = without(films, name.removeprefix("tracker."))
    return None if own is None else name


def load(spec: EngineSpec, checkpoint: Path | None) -> Sam3Segmenter:
    """The factory. Raises CheckpointRefused for a file that is not a SAM 3."""
    if checkpoint is None:
        raise ModelMissing(tr("{title} needs a weights file: open one first.", title=spec.title))
    home = Home(lambda: load_sam3(checkpoint))
    text = home.model.detector.config.text_config
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    words = Words(folder, size=text.vocab_size, longest=text.max_position_embeddings)
    return Sam3Segmenter(home, words)


SPECS = (
    EngineSpec(
        id="sam3",
        title="SAM 3",
        prompts=POINTING | {PromptKind.TEXT, PromptKind.EXEMPLAR},
        factory="core.engines.sam3:load",
        needs_checkpoint=True,
        side=1008,
        revision=2,
        note=tr(
            "Opens the model.safetensors of the sam3 folder, its config.json beside it, or the "
            "authors' sam3.pt; it is large and slow without a graphics card."
        ),
    ),
)
