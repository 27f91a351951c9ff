"""Opens a base model's folder: never from the network, never with code or pickles from it.

What is wrong with its files is said in one sentence. Knows the transformers library; knows no
family. Heavy imports sit in the functions.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelMissing
from core.language import tr
from core.training import finite, model_shape
from core.training.remedies import is_out_of_memory
from core.vlms.base import VlmSpec
from core.vlms.folders import check_kind, no_config
from core.vlms.placing import keep_on_cpu, placed
from core.vlms.words import no_processor

if TYPE_CHECKING:
    from collections.abc import Iterator

UNBUILDABLE = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What the library raises over files that make no model."""
NAMED = 80
"""Characters of a tensor's name that are told: a stranger's may have thousands."""
SPARE = 1.25
"""A model may have so many times the numbers that its files hold: what it does not need stored."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a family is opened.

    ``unquantised`` modules are kept out of 4 bits: what sees the lesions, and the output
    layer, which is tied to the embedding; names are matched from the start, so they begin with
    "model.". ``on_cpu`` are embeddings that are kept off the graphics card.
    """

    unquantised: tuple[str, ...]
    on_cpu: tuple[str, ...] = ()
    attention: str | Mapping[str, str] = "sdpa"


def read_config(spec: VlmSpec, folder: Path) -> Any:
    """The configuration. Raises ModelMissing when there is none, or it is another family's."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    check_kind(spec, folder)
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (StrictDataclassError, *UNBUILDABLE) as error:
        raise ModelMissing(no_config(spec, folder)) from error


def open_model(folder: Path, config: Any, opening: Opening, *, quantise: bool) -> Any:
    """The model, frozen and in eval mode.

    fp32 without a GPU, bf16 on one; ``quantise`` keeps the language model in NF4 with double
    quantisation. Raises ModelMissing when the weights are not whole, or not all of them numbers.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForMultimodalLM

    check_numbers(folder)
    gpu = torch.cuda.is_available()
    extra: dict[str, Any] = {"quantization_config": _four_bits(opening)} if quantise else {}
    try:
        empty = _empty(config)
        if sum(p.numel() for p in empty.parameters()) > SPARE * _cells(folder):
            raise ModelMissing(_broken(folder))  # before there is memory for all of it
        if gpu:
            card = torch.cuda.current_device()  # each of several processes has its own
            extra["device_map"] = _device_map(empty, opening, card)
        with quiet():
            model, told = AutoModelForMultimodalLM.from_pretrained(
                folder,
                config=config,
                dtype=torch.bfloat16 if gpu else torch.float32,
                attn_implementation=opening.attention,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                **extra,
            )
    except (SafetensorError, *UNBUILDABLE) as error:
        # Too little memory, or a card that does not work, is no fault of the folder's.
        if is_out_of_memory(error) or "cuda" in str(error).lower():
            raise
        raise ModelMissing(_broken(folder)) from error
    if told["missing_keys"] or told["mismatched_keys"]:
        raise ModelMissing(_broken(folder))
    if quantise:
        keep_differentiable(model)
    if gpu and opening.on_cpu:
        keep_on_cpu(model, opening.on_cpu)
    model.requires_grad_(False)
    return model.eval()


def check_numbers(folder: Path) -> None:
    """Raises ModelMissing where a weight in ``folder`` is NaN or infinite, by the tensor's name.

    Reads every file once, which then lies in the system's memory for whoever loads it.
    """
    if name := finite.first_in(sorted(folder.glob("*.safetensors"))):
        raise ModelMissing(
            tr(
                "The weights in {folder} hold values that are no numbers, the first in {name}; get "
                "the whole folder again.",
                folder=folder.name,
                name=name[:NAMED],
            )
        )


def open_processor(folder: Path) -> Any:
    """The processor. Raises ModelMissing when its files are not there or not whole."""
    from transformers import AutoProcessor

    try:
        found = AutoProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        # A tokenizer alone is what the library makes of a folder without a processor.
        whole = found.tokenizer and found.image_processor and found.chat_template
    except UNBUILDABLE as error:
        raise ModelMissing(no_processor(folder)) from error
    if not whole:
        raise ModelMissing(no_processor(folder))
    return found


def _empty(config: Any) -> Any:
    """The model that ``config`` describes, without a number in it."""
    import torch
    from transformers import AutoModelForMultimodalLM

    with torch.device("meta"):
        return AutoModelForMultimodalLM.from_config(deepcopy(config), trust_remote_code=False)


def _cells(folder: Path) -> int:
    """How many numbers the weights in ``folder`` are."""
    return sum(math.prod(sides) for _, sides in model_shape.weights(folder))


def _device_map(empty: Any, opening: Opening, card: int) -> dict[str, int | str]:
    """Where each part of the model goes, which is here without its numbers."""
    return placed(empty, card, opening.on_cpu) if opening.on_cpu else {"": card}


def _broken(folder: Path) -> str:
    return tr(
        "The weights in {folder} are damaged, cut short, or of another model than its config.json "
        "says; get the whole folder again.",
        folder=folder.name,
    )


def _four_bits(opening: Opening) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    gpu = torch.cuda.is_available()
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if gpu else torch.float32,
        llm_int8_skip_modules=list(opening.unquantised),
        # Only so that the library takes a device map with a CPU in it; nothing there is quantised.
        llm_int8_enable_fp32_cpu_offload=gpu and bool(opening.on_cpu),
    )


def keep_differentiable(model: Any) -> None:
    """Keeps bitsandbytes from repacking 4-bit weights when a model is first used in eval mode.

    On processors with AVX512-BF16 it does (0.50.2, ``Linear4bit.forward``), for a kernel that has
    no backward; it is not undone by ``train()``. A run that evaluates before its first step, as
    ours do, would then train with the gradient cut off at every 4-bit layer, without a word.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


@contextmanager
def quiet() -> Iterator[None]:
    """Without the library's table of unused weights, and its bar."""
    from transformers.utils import logging as library

    library.disable_progress_bar()
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
