"""Base models of every family with some ten thousand random numbers each, built by the library from
configurations of the real architectures and saved as its own folders, tokenizer and all.

Knows the library; the families that open the folders know nothing of this.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any

WORDS = """
Outline the lesions, then name the disease. Name the disease. Outline the leaf. Outline the lesions.
user model leaf lesions lesion absent healthy none rust miner spot blight red yellow green and of
"""
OLD = [
    "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>",
    "<start_of_image>", "<end_of_image>", "<image_soft_token>",
]  # fmt: skip
NEW = [
    "<pad>", "<eos>", "<bos>", "<unk>", "<|turn>", "<turn|>", "<|image>", "<image|>", "<|image|>",
    "<|audio>", "<audio|>", "<|audio|>", "<|video|>",
]  # fmt: skip
UNUSED = [f"<unused{n}>" for n in range(4)]

_CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ 'OPEN' + message['role'] + '\n' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ 'IMAGE' }}{% else %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}{{ 'CLOSE\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'OPENmodel\n' }}{% endif %}"
)


_KEPT = tempfile.TemporaryDirectory(prefix="leafspot-models-")


def once(write: Callable[..., Path]) -> Callable[..., Path]:
    """``write`` makes its folder once a process; whoever asks gets a copy of it."""

    @cache
    def kept(*how: object) -> Path:
        return write(Path(tempfile.mkdtemp(dir=_KEPT.name)) / "model", *how)

    @wraps(write)
    def copied(folder: Path, *how: object) -> Path:
        shutil.copytree(kept(*how), folder, dirs_exist_ok=True)
        return folder

    return copied


def chat(opened: str, closed: str, image: str) -> str:
    """A chat template of these control tokens."""
    return _CHAT.replace("OPEN", opened).replace("CLOSE", closed).replace("IMAGE", image)


def tokenizer(special: Sequence[str], **named: str) -> Any:
    """A byte-fallback BPE over a few words, as the Gemmas' is."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    bpe = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=[*special, *bytes_],
        initial_alphabet=[chr(c) for c in range(33, 127)],
        show_progress=False,
    )
    bpe.train_from_iterator(WORDS.split("\n"), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens=named,
    )


def shake(model: Any) -> Any:
    """Numbers everywhere: what the library starts at zero or one would hide that it is used."""
    import torch

    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            wave = torch.randn(tensor.shape, generator=generator)
            if "norm" in name:
                tensor.add_(0.1 * wave)
            elif tensor.ndim > 1:
                tensor.copy_(wave * tensor.shape[-1] ** -0.5)
            else:
                tensor.copy_(0.1 * wave)
    return model.eval()


def _text(words: Any, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(words),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "sliding_window": 48,
        "pad_token_id": words.pad_token_id,
        "eos_token_id": words.eos_token_id,
        "bos_token_id": words.bos_token_id,
    } | more


VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 64,
    "patch_size": 8,
}


def _old_words() -> Any:
    return tokenizer(
        [*OLD, *UNUSED],
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )


@once
def save_gemma3(folder: Path) -> Path:
    """Gemma 3: a SigLIP tower, 8 × 8 patches pooled to 4 × 4 tokens."""
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
    )

    words = _old_words()
    config = Gemma3Config(
        text_config=_text(words, query_pre_attn_scalar=16),
        vision_config=VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        mm_tokens_per_image=16,
        image_token_index=words.convert_tokens_to_ids("<image_soft_token>"),
        boi_token_index=words.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=words.convert_tokens_to_ids("<end_of_image>"),
    )
    shake(Gemma3ForConditionalGeneration(config)).save_pretrained(folder)
    Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": 64, "width": 64}),
        tokenizer=words,
        chat_template=chat("<start_of_turn>", "<end_of_turn>", "<start_of_image>"),
        image_seq_length=16,
    ).save_pretrained(folder)
    return folder


def _new_words() -> Any:
    return tokenizer(
        [*NEW, *UNUSED],
        image_token="<|image|>",
        boi_token="<|image>",
        eoi_token="<image|>",
        audio_token="<|audio|>",
        boa_token="<|audio>",
        eoa_token="<audio|>",
    )


def _ids(words: Any) -> dict[str, int]:
    at = words.convert_tokens_to_ids
    return {
        "boi_token_id": at("<|image>"),
        "eoi_token_id": at("<image|>"),
        "image_token_id": at("<|image|>"),
        "video_token_id": at("<|video|>"),
        "boa_token_id": at("<|audio>"),
        "eoa_token_index": at("<audio|>"),
        "audio_token_id": at("<|audio|>"),
    }


def _save_gemma4(folder: Path, text: dict[str, Any], vision: dict[str, Any]) -> Path:
    from transformers import (
        Gemma4AudioFeatureExtractor,
        Gemma4Config,
        Gemma4ForConditionalGeneration,
        Gemma4ImageProcessorPil,
        Gemma4Processor,
        Gemma4VideoProcessor,
    )

    words = _new_words()
    config = Gemma4Config(
        text_config=_text(words, global_head_dim=32, final_logit_softcapping=30.0, **text),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "patch_size": 4,
            "pooling_kernel_size": 3,
            "position_embedding_size": 64,
        }
        | vision,
        audio_config=None,
        **_ids(words),
    )
    shake(Gemma4ForConditionalGeneration(config)).save_pretrained(folder)
    Gemma4Processor(
        feature_extractor=Gemma4AudioFeatureExtractor(),
        image_processor=Gemma4ImageProcessorPil(patch_size=4, max_soft_tokens=70),
        tokenizer=words,
        video_processor=Gemma4VideoProcessor(),
        chat_template=chat("<|turn>", "<turn|>", "<|image|>"),
        image_seq_length=70,
    ).save_pretrained(folder)
    return folder


@once
def save_gemma4_e(folder: Path) -> Path:
    """As E2B and E4B: embeddings for each layer, shared keys, clipped linear layers, causal."""
    text = {
        "num_kv_shared_layers": 2,
        "hidden_size_per_layer_input": 8,
        "use_double_wide_mlp": True,
    }
    text["vocab_size_per_layer_input"] = len(_new_words())
    return _save_gemma4(folder, text, {"use_clipped_linears": True})


@once
def save_gemma4_31b(folder: Path) -> Path:
    """As 31B: keys are values in global layers, photos seen in both directions in the others."""
    text = {
        "hidden_size_per_layer_input": 0,
        "attention_k_eq_v": True,
        "num_global_key_value_heads": 1,
        "use_bidirectional_attention": "vision",
    }
    return _save_gemma4(folder, text, {"standardize": True})


@once
def save_gemma4_12b(folder: Path) -> Path:
    """As 12B: no vision tower."""
    from transformers import (
        Gemma4UnifiedAudioFeatureExtractor,
        Gemma4UnifiedConfig,
        Gemma4UnifiedForConditionalGeneration,
        Gemma4UnifiedImageProcessor,
        Gemma4UnifiedProcessor,
        Gemma4UnifiedVideoProcessor,
    )

    words = _new_words()
    config = Gemma4UnifiedConfig(
        text_config=_text(
            words,
            global_head_dim=32,
            final_logit_softcapping=30.0,
            attention_k_eq_v=True,
            num_global_key_value_heads=1,
        ),
        vision_config={
            "patch_size": 4,
            "pooling_kernel_size": 3,
            "mm_embed_dim": 64,
            "mm_posemb_size": 32,
            "output_proj_dims": 64,
        },
        audio_config=None,
        **_ids(words),
    )
    shake(Gemma4UnifiedForConditionalGeneration(config)).save_pretrained(folder)
    Gemma4UnifiedProcessor(
        feature_extractor=Gemma4UnifiedAudioFeatureExtractor(),
        image_processor=Gemma4UnifiedImageProcessor(patch_size=4, max_soft_tokens=70),
        tokenizer=words,
        video_processor=Gemma4UnifiedVideoProcessor(),
        chat_template=chat("<|turn>", "<turn|>", "<|image|>"),
        image_seq_length=70,
    ).save_pretrained(folder)
    return folder


# -- what a gemma-clip is put together from


@once
def save_clip(folder: Path) -> Path:
    """CLIP with its text model beside, as it is published."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    text = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 16,
    }
    config = CLIPConfig(text_config=text, vision_config=VISION | {"projection_dim": 16})
    shake(CLIPModel(config)).save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}
    ).save_pretrained(folder)
    return folder


@once
def save_siglip(folder: Path) -> Path:
    """A SigLIP vision model alone."""
    from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

    config = SiglipVisionConfig(**VISION, vision_use_head=False)
    shake(SiglipVisionModel(config)).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@once
def save_dinov2(folder: Path) -> Path:
    """A DINOv2, with the image processor that it is published with."""
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    config = Dinov2Config(**(VISION | {"mlp_ratio": 2}))
    shake(Dinov2Model(config)).save_pretrained(folder)
    BitImageProcessorPil(
        size={"shortest_edge": 72}, crop_size={"height": 64, "width": 64}
    ).save_pretrained(folder)
    return folder


@once
def save_text(folder: Path, kind: str = "Gemma3") -> Path:
    """A Gemma that reads text: ``kind`` is Gemma, Gemma2 or Gemma3."""
    import transformers

    words = tokenizer([*OLD[:6], *UNUSED])
    settings = _text(words, query_pre_attn_scalar=16)
    if kind == "Gemma":
        for name in ("layer_types", "sliding_window", "query_pre_attn_scalar"):
            del settings[name]
    config = getattr(transformers, f"{kind}TextConfig" if kind == "Gemma3" else f"{kind}Config")
    shake(getattr(transformers, f"{kind}ForCausalLM")(config(**settings))).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@once
def save_gemma_clip(
    folder: Path, tower: Callable[[Path], Path] = save_clip, text: str = "Gemma3"
) -> Path:
    """A LLaVA of these parts."""
    from core.vlms.assembling import assemble

    parts = folder.parent / f"{folder.name}-parts"
    assemble(tower(parts / "tower"), save_text(parts / "text", text), folder)
    return folder


BASES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "gemma-3": ("gemma-3", save_gemma3),
    "gemma-4-e": ("gemma-4", save_gemma4_e),
    "gemma-4-31b": ("gemma-4", save_gemma4_31b),
    "gemma-4-12b": ("gemma-4", save_gemma4_12b),
    "gemma-clip": ("gemma-clip", save_gemma_clip),
    "gemma-siglip": ("gemma-clip", lambda f: save_gemma_clip(f, save_siglip, "Gemma2")),
    "gemma-dinov2": ("gemma-clip", lambda f: save_gemma_clip(f, save_dinov2, "Gemma")),
}
"""Every kind of base model by a name of its own: the family's id, and what writes its folder."""


def generated_state(learner: Any, inputs: Any, **how: Any) -> Any:
    """[hidden] state of `<SEG>` by the library's own generation after ``inputs``."""
    seg = learner.vlm.seg
    made = learner.peft.generate(
        **inputs,
        **how,
        max_new_tokens=2,
        min_new_tokens=2,
        do_sample=False,
        prefix_allowed_tokens_fn=lambda _row, _ids: [seg],
        output_hidden_states=True,
        return_dict_in_generate=True,
    )
    assert made.sequences[0, -2] == seg
    # The state of what was said first comes up while the next is looked for.
    return made.hidden_states[1][-1][0, -1]
