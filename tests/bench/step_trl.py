"""TRL's SFTTrainer as a user would set it up, for `step.py`; runs in an environment of its own.

The same quantised model, photos, questions and answers; LoRA on the same layers. It knows neither
the mask head nor rows of the vocabulary, so it does less than the other two.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import step_sides
import torch
from PIL import Image


def measure(
    setting: str, folder: Path, memory: Callable[[Callable[[], float]], dict[str, float]]
) -> dict[str, object]:
    """Median seconds of three steps, and memory as ``memory`` tells it."""
    step = trainer_step(folder, step_sides.Batch.of(setting))
    step()
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(seconds), "mib": memory(step)}


def trainer_step(folder: Path, batch: step_sides.Batch) -> Callable[[], float]:
    """One optimiser step of SFTTrainer on the whole batch."""
    import trl
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForMultimodalLM, AutoProcessor, BitsAndBytesConfig

    from core.training import prompts
    from core.vlms.gemma3 import UNQUANTISED

    model = AutoModelForMultimodalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="sdpa",
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32, llm_int8_skip_modules=UNQUANTISED,
        ),
    )  # fmt: skip
    rows = [
        {
            "images": [Image.fromarray(batch.photos[i])],
            "prompt": [{"role": "user", "content": prompt}],
            "completion": [{"role": "assistant", "content": answer.replace(prompts.FOUND, "")}],
        }
        for i, prompt, answer in batch.asked
    ]
    text = r".*language_model\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"
    trainer: Any = trl.SFTTrainer(
        model=model,
        args=trl.SFTConfig(
            output_dir=tempfile.mkdtemp(), per_device_train_batch_size=len(rows), max_length=None,
            use_cpu=True, bf16=False, report_to=[], gradient_checkpointing=True,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoProcessor.from_pretrained(folder),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules=text),
    )  # fmt: skip
    made = trainer.data_collator([trainer.train_dataset[k] for k in range(len(rows))])
    trained = [p for p in trainer.model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-5)

    def step() -> float:
        trainer.model.train()
        loss = trainer.compute_loss(trainer.model, dict(made))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step
