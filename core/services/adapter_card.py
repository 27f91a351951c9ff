"""The README.md of an exported adapter or merged model: what it is, learnt from and cannot do.

Says figures and class names; never a photo's name, a folder or a person. Knows a run's settings
and counts; opens no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from core.training.config import TrainConfig
from core.training.run_folder import Sample

FIGURES = (
    ("lesion_dice", "Dice of the lesions", 2),
    ("lesion_iou", "IoU of the lesions", 2),
    ("leaf_dice", "Dice of the leaf", 2),
    ("accuracy", "Share of leaves whose disease is named right", 2),
    ("severity_ccc", "Agreement of the severity in % (Lin's CCC)", 2),
)


_ASK = """\
ask = [{"type": "image", "image": Image.open(PHOTO)}, {"type": "text", "text": "Name the disease."}]
how = dict(tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt")
inputs = processor.apply_chat_template([{"role": "user", "content": ask}], **how)
said = model.generate(**inputs, max_new_tokens=16)[0, inputs["input_ids"].shape[1] :]
print(processor.decode(said, skip_special_tokens=True))
"""
PLAIN = f"""\
from peft import PeftModel
from PIL import Image
from transformers import AutoModelForMultimodalLM, AutoProcessor

BASE, ADAPTER, PHOTO = "base model folder", "adapter folder", "leaf.jpg"
processor = AutoProcessor.from_pretrained(ADAPTER)
model = PeftModel.from_pretrained(AutoModelForMultimodalLM.from_pretrained(BASE), ADAPTER).eval()
{_ASK}"""
"""The README shows the same lines; a test runs them."""
WHOLE = f"""\
from PIL import Image
from transformers import AutoModelForMultimodalLM, AutoProcessor

MODEL, PHOTO = "folder of this model", "leaf.jpg"
processor = AutoProcessor.from_pretrained(MODEL)
model = AutoModelForMultimodalLM.from_pretrained(MODEL).eval()
{_ASK}"""
"""The same for a merged model, on its own card."""


def card(
    config: TrainConfig,
    samples: Sequence[Sample],
    figures: Mapping[str, float],
    *,
    version: str,
    merged: bool = False,
) -> str:
    """Markdown. ``figures`` are the run's final ones by name; ``merged``: of the model that base
    and adapter became."""
    what = (
        f"It is the base model `{config.base}` with what was learnt added to its weights; nothing "
        "else is needed."
        if merged
        else f"It is an addition to the base model `{config.base}` and useless without it."
    )
    alone = "transformers" if merged else "transformers and peft"
    parts = [
        "# Leafspot merged model" if merged else "# Leafspot adapter",
        f"Names {_listed(config.classes)} on photos of single leaves and outlines leaf and "
        f"lesions. {what}",
        "    leafspot predict THIS_FOLDER photo.jpg --out results",
        f"With {alone} alone it names the disease; outlines need Leafspot's mask "
        f"head.\n\n```python\n{WHOLE if merged else PLAIN}```",
        f"## What it learnt from\n\n{_data(config, samples)}",
        f"## How good it was\n\n{_figures(figures, samples)}",
        f"## How it was trained\n\n{_method(config, version)} {_files(merged=merged)}",
        f"## Licence\n\n{_licence(config)}",
        f"## What it cannot do\n\n{_limits(config)}",
    ]
    return "\n\n".join(parts) + "\n"


def _files(*, merged: bool) -> str:
    if merged:
        return "The tensors are safetensors; the mask head is in `mask_head`."
    return (
        "The tensors are safetensors; `manifest.json` names every file with its sha256, and the "
        "base model's."
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _data(config: TrainConfig, samples: Sequence[Sample]) -> str:
    train = [s for s in samples if s.split == "train"]
    held = [s for s in samples if s.split != "train"]
    by_class = Counter(s.disease for s in train)
    held_by_class = Counter(s.disease for s in held)
    lines = [
        f"{_counted(len(train), 'leaf', 'leaves')}, {sum(bool(s.lesions) for s in train)} of them "
        "with outlined lesions; "
        f"{_counted(len(held), 'more was', 'more were')} held out to measure.",
        "",
        "| class | to learn from | held out |",
        "|---|---|---|",
    ]
    lines += [f"| {n} | {by_class[n]} | {held_by_class[n]} |" for n in config.classes]
    return "\n".join(lines)


def _figures(figures: Mapping[str, float], samples: Sequence[Sample]) -> str:
    known = [(title, figures[key], digits) for key, title, digits in FIGURES if key in figures]
    if not known:
        return "It has not been measured."
    held = sum(s.split != "train" for s in samples)
    where = f"On the {held} held-out leaves" if held else "On leaves it has learnt from"
    lines = [f"{where}, asked without naming a disease:", ""]
    return "\n".join(
        [*lines, *(f"- {title}: {value:.{digits}f}" for title, value, digits in known)]
    )


def _method(config: TrainConfig, version: str) -> str:
    kept = "in 4-bit NF4" if config.method == "qlora-nf4" else "in full precision"
    tower = "adapted as well" if config.tower == "lora" else "left as it was"
    return (
        f"LoRA of rank {config.rank} on the language model, the base kept {kept}, the vision "
        f"tower {tower}, and a `{config.head}` mask head, by Leafspot {version}."
    )


def _licence(config: TrainConfig) -> str:
    if not config.base_path:
        return (
            "The base model comes with Leafspot (Apache-2.0). The adapter belongs to whoever "
            "trained it; add your licence here before you pass it on."
        )
    return (
        "The licence of the base model holds for its adapters too; read it in the base model's "
        "folder. Add your own licence here before you pass the adapter on."
    )


def _limits(config: TrainConfig) -> str:
    return "\n".join(
        [
            "- It knows the classes above and nothing else: any leaf gets one of these names, also "
            "one with another disease or none.",
            "- It has seen the crops, cameras and light of its own photos; try it on some of yours "
            "before you trust it on others.",
            "- Its probabilities compare the classes with each other. They are not the chance of "
            "being right.",
            "- A model can remember pieces of what it learnt from. It is no substitute for a look "
            "at the plant, and no advice on treatment.",
        ]
    )
