"""A folder that cannot serve as a base model is refused in one sentence that says what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_sam import save_sam
from small_vlms import (
    OLD,
    chat,
    save_clip,
    save_gemma3,
    save_gemma4_12b,
    save_gemma4_31b,
    save_gemma4_e,
    save_gemma_clip,
    save_text,
    tokenizer,
)

from core.errors import CheckpointRefused, ExportRefused, ModelMissing
from core.services import bases
from core.training import learner as learners
from core.training.config import Method, TrainConfig
from core.vlms.assembling import assemble
from core.vlms.gemma4 import PER_LAYER
from core.vlms.placing import look_up_on_cpu, placed


def opened(family: str, folder: Path, **more: Any) -> learners.Learner:
    return learners.load(
        TrainConfig(base=family, base_path=str(folder), classes=("a", "b"), rank=2, **more)
    )


def edit(folder: Path, **values: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | values), "utf-8")


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", "utf-8")


def absurd_config(folder: Path) -> None:
    edit(folder, text_config={"hidden_size": "many"})


def pickles(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def missing_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    state = load_file(file)
    del state[next(name for name in state if "mlp.up_proj" in name)]
    save_file(state, file, metadata={"format": "pt"})


def other_shapes(folder: Path) -> None:
    file = folder / "model.safetensors"
    state = load_file(file)
    name = next(name for name in state if "mlp.up_proj" in name)
    state[name] = torch.zeros(3, 3)
    save_file(state, file, metadata={"format": "pt"})


def no_processor(folder: Path) -> None:
    for name in ("processor_config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)


def without_reserved_tokens(folder: Path) -> None:
    words = tokenizer(
        OLD,
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )
    words.chat_template = chat("<start_of_turn>", "<end_of_turn>", "<start_of_image>")
    words.save_pretrained(folder)


def another_family(folder: Path) -> None:
    edit(folder, model_type="gemma4")


def foreign(folder: Path) -> None:
    edit(folder, model_type="qwen3_vl")


def in_parts(folder: Path, *names: str) -> None:
    """Weights in several files, listed under ``names``."""
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    listed = {f"tensor.{n}": name for n, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))


def part_outside(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / "other.safetensors")
    in_parts(folder, "model-00001-of-00001.safetensors", "../other.safetensors")


def part_missing(folder: Path) -> None:
    in_parts(folder, "model-00001-of-00001.safetensors", "model-00002-of-00002.safetensors")


def parts_of_another_kind(folder: Path) -> None:
    in_parts(folder)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": [1]}}')


def lost_weights(folder: Path) -> None:
    """As a hub's cache is left by whoever tidied it up."""
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(folder.parent / "blobs" / "gone")


def pipe_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def endless_layers(folder: Path) -> None:
    text = json.loads((folder / "config.json").read_text("utf-8"))["text_config"]
    edit(folder, text_config=text | {"num_hidden_layers": 10**9})


def quantised(folder: Path) -> None:
    edit(folder, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})


def endless_width(folder: Path) -> None:
    edit(folder, deeply=[{"in": {"hidden_size": 10**30}}])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (no_config, "choose the folder with config.json"),
        (broken_config, "config.json .* damaged"),
        (absurd_config, "config.json .* damaged"),
        (pickles, "pickles alone, .* get the model as .safetensors"),
        (no_weights, "no .safetensors weights"),
        (cut_weights, "get the whole folder again"),
        (missing_weights, "get the whole folder again"),
        (other_shapes, "get the whole folder again"),
        (no_processor, "lacks its processor"),
        (without_reserved_tokens, "reserved token .* original tokenizer"),
        (another_family, "choose “Gemma 4"),
        (foreign, "qwen3_vl.* choose another folder"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_spoilt_folder_is_refused(
    spoil: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    folder = save_gemma3(tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelMissing, match=sentence):
        opened("gemma-3", folder)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights there")
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (part_outside, "names files that are not there"),
        (part_missing, "names files that are not there"),
        (parts_of_another_kind, "is damaged, or names files"),
        (lost_weights, "a link that leads nowhere"),
        (pipe_for_weights, "or no file"),
        (endless_layers, "absurd size .num_hidden_layers"),
        (endless_width, "absurd size .hidden_size"),
        (quantised, "quantised already; choose the plain model"),
    ],
)
def test_a_folder_that_would_hang_or_lead_elsewhere_is_refused_at_a_glance(
    spoil: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    folder = save_gemma3(tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelMissing, match=sentence):
        bases.choose(f"gemma-3={folder}")
    assert bases.fault("gemma-3", folder)


def test_weights_in_several_files_open(tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path / "model")
    names = load_file(folder / "model.safetensors").keys()
    part = "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(folder / part)
    listed = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, part)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(listed))
    assert opened("gemma-3", folder).vlm.hidden_size == 64


@pytest.mark.parametrize(
    ("damage", "said"), [("cut", "is damaged; get"), ("no numbers", r"leaves: \S+\. Get")]
)
def test_a_damaged_mask_head_beside_a_base_is_told(tmp_path: Path, damage: str, said: str) -> None:
    folder = save_gemma3(tmp_path / "model")
    own = dict(opened("gemma-3", folder).head.module.state_dict())
    (folder / "mask_head").mkdir()
    file = folder / "mask_head" / "pixel.safetensors"
    if damage == "cut":
        file.write_bytes(b"x" * 100)
    else:
        save_file({n: torch.full_like(t, float("nan")).contiguous() for n, t in own.items()}, file)
    with pytest.raises(ModelMissing, match=rf"mask head in model .*{said} the whole folder"):
        opened("gemma-3", folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("width", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", ["lora-fp32", "qlora-nf4"])
def test_weights_that_are_no_numbers_are_found_by_name_when_a_base_is_opened(
    tmp_path: Path,
    value: float,
    width: torch.dtype,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every loss was NaN then, after all photos had been looked at; in 4 bits not even that."""
    file = save_gemma3(tmp_path / "model") / "model.safetensors"
    state = {name: tensor.to(width) for name, tensor in load_file(file).items()}
    spoilt = next(name for name in state if "layers.2.mlp.up_proj" in name)
    state[spoilt][-1, -1] = value
    save_file(state, file, metadata={"format": "pt"})
    forbid_weights(monkeypatch)
    with pytest.raises(ModelMissing, match=rf"no numbers, the first in {re.escape(spoilt)}"):
        opened("gemma-3", tmp_path / "model", method=Method(method))


def test_so_are_those_of_a_tower_that_is_put_together_with_a_gemma(tmp_path: Path) -> None:
    tower, text = save_clip(tmp_path / "tower"), save_text(tmp_path / "text")
    state = load_file(tower / "model.safetensors")
    next(iter(state.values())).view(-1)[0] = float("nan")
    save_file(state, tower / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelMissing, match="in tower hold values that are no numbers"):
        assemble(tower, text, tmp_path / "out")


def test_a_mask_head_of_other_layers_beside_a_base_is_left_alone(tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path / "model")
    (folder / "mask_head").mkdir()
    save_file({"strange": torch.zeros(3)}, folder / "mask_head" / "pixel.safetensors")
    assert opened("gemma-3", folder).head.spec.id == "pixel"


@pytest.mark.parametrize(
    "said",
    [
        "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: not enough memory",
        "CUDA error: no kernel image is available for execution on the device",
    ],
)
def test_what_fails_of_the_computer_is_not_said_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(said)

    folder = save_gemma3(tmp_path / "model")
    monkeypatch.setattr("transformers.AutoModelForMultimodalLM.from_pretrained", fail)
    with pytest.raises(RuntimeError, match=r"memory|kernel"):
        opened("gemma-3", folder)


@pytest.mark.parametrize("spoil", [no_config, broken_config, pickles, another_family, foreign])
def test_what_shows_at_a_glance_is_refused_when_it_is_chosen(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = save_gemma3(tmp_path / "model")
    assert bases.fault("gemma-3", folder) == ""
    spoil(folder)
    with pytest.raises(ModelMissing):
        bases.choose(f"gemma-3={folder}")
    assert bases.fault("gemma-3", folder)


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def broken_template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for", "utf-8")


def photo_left_out(folder: Path) -> None:
    text = (folder / "chat_template.jinja").read_text("utf-8")
    bare = text.replace("<start_of_image>", "").replace("<|image|>", "")
    (folder / "chat_template.jinja").write_text(bare, "utf-8")


def other_photo_token(folder: Path) -> None:
    edit(folder, image_token_index=9999, image_token_id=9999)


def words_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    return found


def mask_token_in_pieces(folder: Path) -> None:
    """It is in the vocabulary, but nothing keeps it whole."""
    words = words_of(folder)
    kept = [t for t in words["added_tokens"] if not t["content"].startswith("<unused")]
    (folder / "tokenizer.json").write_text(json.dumps(words | {"added_tokens": kept}), "utf-8")


AT_A_GLANCE = [
    (no_processor, "lacks its processor"),
    (no_template, "lacks its processor"),
    (without_reserved_tokens, "reserved token .* original tokenizer"),
    (other_photo_token, "token that stands for a photo"),
]
WHEN_TRIED = [
    (broken_template, "cannot put a photo and a question into words"),
    (photo_left_out, "cannot put a photo and a question into words"),
    (mask_token_in_pieces, "no single token <unused0>"),
]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [*AT_A_GLANCE, *WHEN_TRIED],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_model_that_cannot_say_what_is_taught_is_refused_before_a_weight_is_loaded(
    spoil: Callable[[Path], None], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_gemma3(tmp_path / "model")
    spoil(folder)
    forbid_weights(monkeypatch)
    with pytest.raises(ModelMissing, match=sentence):
        opened("gemma-3", folder)


def forbid_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "transformers.AutoModelForMultimodalLM.from_pretrained",
        lambda *_, **__: pytest.fail("weights were loaded"),
    )


@pytest.mark.parametrize(
    ("family", "save"),
    [("gemma-4", save_gemma4_e), ("gemma-4", save_gemma4_12b), ("gemma-clip", save_gemma_clip)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_so_is_one_of_every_family(
    family: str, save: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tmp_path / "model")
    bases.choose(f"{family}={folder}")
    forbid_weights(monkeypatch)
    mask_token_in_pieces(folder)
    with pytest.raises(ModelMissing, match="no single token"):
        opened(family, folder)
    no_template(folder)
    with pytest.raises(ModelMissing, match="lacks its processor"):
        opened(family, folder)


@pytest.mark.parametrize(
    ("spoil", "sentence"), AT_A_GLANCE, ids=lambda value: getattr(value, "__name__", "")
)
def test_words_that_are_missing_are_told_when_a_folder_is_chosen(
    spoil: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    """Without a library: the window asks."""
    folder = save_gemma3(tmp_path / "model")
    bases.choose(f"gemma-3={folder}")
    spoil(folder)
    with pytest.raises(ModelMissing, match=sentence):
        bases.choose(f"gemma-3={folder}")


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_settings_of_a_processor_that_make_no_sense_are_told(text: str, tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path / "model")
    (folder / "processor_config.json").write_text(text, "utf-8")
    with pytest.raises(ModelMissing, match="lacks its processor"):
        bases.choose(f"gemma-3={folder}")


def test_the_embedded_models_have_what_they_read_with() -> None:
    for spec in bases.specs().values():
        if spec.folder:
            assert bases.choose(spec.id).folder == spec.path()


def test_code_in_a_folder_is_never_run(tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path / "model")
    (folder / "evil.py").write_text("raise SystemExit('it ran')", "utf-8")
    edit(folder, auto_map={"AutoModelForMultimodalLM": "evil.Model", "AutoConfig": "evil.Config"})
    assert opened("gemma-3", folder).vlm.hidden_size == 64


def test_the_mixture_of_experts_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder = save_gemma4_31b(tmp_path / "gemma-4-26B-A4B-it")
    text = json.loads((folder / "config.json").read_text("utf-8"))["text_config"]
    experts = {"enable_moe_block": True, "num_experts": 4, "top_k_experts": 2}
    edit(folder, text_config=text | experts | {"moe_intermediate_size": 32})
    refused = pytest.raises(ModelMissing, match=r"experts cannot be kept in 4 bits.*choose E2B")
    with refused:
        bases.choose(f"gemma-4={folder}")  # at a glance: its 52 GB are not read
    with refused:
        opened("gemma-4", folder)


def test_a_llava_of_another_language_model_is_refused_at_a_glance(tmp_path: Path) -> None:
    folder = save_gemma_clip(tmp_path / "model")
    edit(folder, text_config={"model_type": "llama"})
    with pytest.raises(ModelMissing, match=r"a part of kind llama.*leafspot assemble"):
        bases.choose(f"gemma-clip={folder}")


def test_a_head_without_its_sam_says_what_to_choose(tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path / "model")
    with pytest.raises(ModelMissing, match=r"choose the weights of SAM 2\.1"):
        opened("gemma-3", folder, head="sam")
    (tmp_path / "sam.pth").write_bytes(b"no weights")
    with pytest.raises(CheckpointRefused, match="cannot be read"):
        opened("gemma-3", folder, head="sam", head_path=str(tmp_path / "sam.pth"))
    with pytest.raises(ModelMissing, match="choose the weights"):
        bases.choose_head("sam", str(tmp_path / "gone.pth"))
    assert bases.choose_head("sam", str(save_sam(tmp_path / "own.pth"))).endswith("own.pth")
    assert bases.choose_head("pixel", "") == ""


def test_a_gemma_clip_is_put_together_of_parts_that_fit_and_of_no_others(tmp_path: Path) -> None:
    tower, text = save_clip(tmp_path / "tower"), save_text(tmp_path / "text")
    with pytest.raises(ModelMissing, match="choose the folder of a CLIP"):
        assemble(text, text, tmp_path / "out")
    with pytest.raises(ModelMissing, match=r"kind “clip”; choose .* a Gemma that reads text alone"):
        assemble(tower, tower, tmp_path / "out")
    with pytest.raises(ModelMissing, match=r"kind “gemma3”; choose .* with 270M or 1B"):
        assemble(tower, save_gemma3(tmp_path / "sees"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assemble(tower, text, tmp_path / "out")
    with pytest.raises(ExportRefused):
        assemble(tower, text, tmp_path / "out")


def test_the_projector_of_a_new_gemma_clip_gives_tokens_as_large_as_words(tmp_path: Path) -> None:
    tower, text = save_clip(tmp_path / "tower"), save_text(tmp_path / "text")
    assemble(tower, text, tmp_path / "out")
    vlm = opened("gemma-clip", tmp_path / "out").vlm
    with torch.no_grad():
        words = vlm.model.get_input_embeddings()(torch.arange(300)).square().mean().sqrt()
        tokens = vlm.tokens(torch.randn(2, 64, 32)).square().mean().sqrt()
    assert float(tokens / words) == pytest.approx(1, abs=0.3)


def test_rows_of_a_table_on_the_cpu_come_out_where_they_are_wanted() -> None:
    table = torch.nn.Embedding(5, 3)
    plain = table(torch.tensor([1, 4]))
    look_up_on_cpu(table, torch.device("cpu"))
    assert torch.equal(table(torch.tensor([1, 4])), plain)
    look_up_on_cpu(table, torch.device("meta"))
    assert table(torch.tensor([1, 4])).device.type == "meta"


def test_gemma_4s_embeddings_for_each_layer_are_never_placed_on_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for a moment: a place for the whole model would be one for them as well."""
    asked: dict[str, Any] = {}

    def answer(*_: object, **how: object) -> None:
        asked.update(how)
        raise RuntimeError("CUDA error: that will do")

    folder = save_gemma4_e(tmp_path / "e")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("transformers.AutoModelForMultimodalLM.from_pretrained", answer)
    with pytest.raises(RuntimeError, match="that will do"):
        opened("gemma-4", folder)
    places = asked["device_map"]
    assert places.pop(PER_LAYER) == "cpu"
    assert set(places.values()) == {0}
    assert [name for name in places if not name or PER_LAYER.startswith(f"{name}.")] == []
    assert "model.language_model.layers" in places


def test_what_has_a_place_in_the_computers_memory_is_left_there_by_the_library(
    tmp_path: Path,
) -> None:
    from accelerate import dispatch_model
    from transformers import AutoModelForMultimodalLM

    model = AutoModelForMultimodalLM.from_pretrained(save_gemma4_e(tmp_path / "e"))
    card = torch.device("meta")
    places = {name: card if at == 0 else at for name, at in placed(model, 0, [PER_LAYER]).items()}
    dispatch_model(model, places)
    assert model.lm_head.weight.device == card
    hook = model.get_submodule(PER_LAYER)._hf_hook
    assert hook.original_devices["weight"].type == "cpu", "where it lay until it was set aside"


@pytest.mark.gpu
def test_gemma_4s_embeddings_for_each_layer_stay_off_the_card(tmp_path: Path) -> None:
    learner = opened("gemma-4", save_gemma4_e(tmp_path / "e"), method=Method.QLORA_NF4)
    table = learner.vlm.model.model.language_model.embed_tokens_per_layer
    assert table.weight.device.type == "cpu"
    others = {p.device.type for n, p in learner.peft.named_parameters() if "per_layer.w" not in n}
    assert others == {"cuda"}


@pytest.mark.gpu
def test_copies_for_the_disk_take_no_room_on_the_card_and_a_sam_is_all_on_it(
    tmp_path: Path,
) -> None:
    sam = save_sam(tmp_path / "sam.pth")
    learner = opened("gemma-3", save_gemma3(tmp_path / "g"), head="sam", head_path=str(sam))
    copies = [*learner.state().values(), *learner.adapter().values()]
    assert {t.device.type for t in copies} == {"cpu"}
    assert {p.device.type for p in learner.head.sees_with.parameters()} == {"cuda"}
    assert {p.dtype for p in learner.parameters().values()} == {torch.float32}
