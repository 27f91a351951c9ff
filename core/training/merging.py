"""A merged model: the base with the adapter's weights added to its own, and the mask head beside.

    config.json  model*.safetensors                  a model directory like the base's
    tokenizer.json, processor_config.json, …         its processor
    mask_head/HEAD.safetensors                       the mask head
    leafspot.json                                    classes and settings

Any program that opens the base opens this; Leafspot also trains on from it. An adapter learnt in
4 bits is merged onto the weights that those 4 bits stood for, not onto the published ones: it has
learnt to make up for the difference. All weights are of one width, the base's: what was trained
whole in fp32 on a base in bf16 is written as the base is held, which is how it is opened again and
scored. Weights are merged one by one (`core.training.unfolding`). Knows tensors and files; knows no
run and no project.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.errors import AdapterRefused
from core.language import tr
from core.training import unfolding
from core.training.config import Method, TrainConfig
from core.training.facts import FACTS, Facts, head_path_of, read_facts
from core.training.learner import Learner, check_like, load


def merge(learner: Learner, config: TrainConfig, out: Path) -> None:
    """Write a trained model, as ``load_adapter`` gives it, merged into the empty folder ``out``.

    Takes one file's worth of memory beside ``learner``, which stays as it is. Raises OSError where
    the system refuses.
    """
    unfolding.write(learner.peft, out)
    processor: Any = learner.vlm.processor
    processor.save_pretrained(out)
    head = {n: t.detach().contiguous() for n, t in learner.head.module.state_dict().items()}
    (out / "mask_head").mkdir()
    save_file(head, _head_file(out, config))
    whole = replace(config, method=Method.LORA_FP32)
    (out / FACTS).write_text(json.dumps(asdict(Facts.of(whole)), indent=1), "utf-8")


def load_merged(folder: Path) -> tuple[Learner, TrainConfig]:
    """A merged model, ready to predict. Raises AdapterRefused, ModelMissing."""
    facts = read_facts(folder)
    config = facts.config(str(folder), head_path_of(facts))
    learner = load(config)  # LoRA begins as nothing, so this is the model itself
    try:
        head = load_file(_head_file(folder, config))
    except (OSError, SafetensorError) as error:
        raise AdapterRefused(
            tr("The mask head of the merged model cannot be read; export it again.")
        ) from error
    check_like(head, learner.head.module.state_dict(), tr("mask head"))
    learner.head.module.load_state_dict(head)
    learner.train(False)
    return learner, config


def _head_file(folder: Path, config: TrainConfig) -> Path:
    return folder / "mask_head" / f"{config.head}.safetensors"
