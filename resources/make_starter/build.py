"""Writes an untrained `starter`: a small Gemma 3 checkpoint directory, tokenizer and processor.

    python resources/make_starter/build.py OUT

The directory is laid out like Google's own, so that `core.vlms.gemma3` loads both with the same
code. The tokenizer is a byte-fallback BPE over a short text about leaves that names no disease.
"""

from __future__ import annotations

import sys
from pathlib import Path

SPECIAL = [
    "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>",
    "<start_of_image>", "<end_of_image>", "<image_soft_token>",
    *[f"<unused{i}>" for i in range(8)],
]  # fmt: skip

CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] | trim }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<start_of_image>' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)

TEXT = (
    """
Outline the lesions, then name the disease. Name the disease. Outline the leaf. Outline the lesions.
Outline the spots of this disease. Which group does this leaf belong to? How much of the leaf
is sick?
user model leaf lesions lesion absent healthy none trace low high very high severe group
a leaf with round brown spots and a yellow halo around each of them
small orange pustules on the lower side of the leaf, scattered between the veins
large grey blotches with a dark margin that follow the veins and dry out in the middle
white powder over the upper side, thin at first, later like felt
winding pale tunnels under the skin, wider towards the end, with dark grains inside
black angular specks, sunken, often in lines; concentric rings like a target
burnt margins and tips, curled and dry; holes where the tissue fell out
yellow mosaic, pale veins, stunted growth, wilted shoots, rotten fruit, water soaked patches
the field, the plant, the plot, the row, the tree, the crop, the season, the rain, the sun
wheat maize rice barley bean soy pea potato tomato pepper cucumber grape apple pear banana cassava
coffee cocoa tea cotton citrus olive mango strawberry lettuce cabbage onion carrot beet sunflower
fungus bacterium virus insect mite worm nutrient nitrogen iron magnesium water frost salt herbicide
spot blight mildew scab canker wilt rot mosaic streak stripe smut mould burn scald scorch gall curl
northern southern early late leaf stem root bud flower seed white black brown red yellow green grey
one two three four five six seven eight nine ten first second third and or of the in on with without
"""
    * 8
)


def tokenizer(folder: Path):  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    bpe = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    alphabet = [chr(c) for c in range(33, 127)]
    bpe.train_from_iterator(
        TEXT.split("\n"),
        trainers.BpeTrainer(
            vocab_size=1024, special_tokens=SPECIAL + bytes_, initial_alphabet=alphabet
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save(str(folder / "tokenizer.json"))
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens={
            "image_token": "<image_soft_token>",
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
        },
    )


def build(folder: Path, seed: int = 0) -> None:
    """Writes config, random weights, tokenizer and processor into ``folder``."""
    import torch
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
    )

    words = tokenizer(folder)
    size = 288
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(
            size={"height": size, "width": size}, do_pan_and_scan=False
        ),
        tokenizer=words,
        chat_template=CHAT,
        image_seq_length=81,
    )
    config = Gemma3Config(
        text_config={
            "vocab_size": len(words),
            "hidden_size": 256,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 64,
            "query_pre_attn_scalar": 64,
            "max_position_embeddings": 1024,
            "sliding_window": 512,
            "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
            "pad_token_id": words.pad_token_id,
            "eos_token_id": words.eos_token_id,
            "bos_token_id": words.bos_token_id,
        },
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 256,
            "intermediate_size": 768,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "image_size": size,
            "patch_size": 16,
            "vision_use_head": False,
        },
        mm_tokens_per_image=81,
        image_token_index=words.convert_tokens_to_ids("<image_soft_token>"),
        boi_token_index=words.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=words.convert_tokens_to_ids("<end_of_image>"),
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    model = Gemma3ForConditionalGeneration(config)
    # Gemma 3's projector starts at zero because its weights always come from a checkpoint.
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=0.0625)
    # Plain generation ends where the model's turn does, as Gemma 3's own settings say.
    turn = words.convert_tokens_to_ids("<end_of_turn>")
    model.generation_config.eos_token_id = [words.eos_token_id, turn]
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    print(
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {len(words)} tokens"
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
