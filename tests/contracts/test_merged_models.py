"""A merged model answers as the adapter on its base did, whatever the base was held in."""

from __future__ import annotations

import json
import re
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from small_vlms import BASES, save_gemma3, save_gemma_clip

from core.errors import AdapterRefused
from core.heads.base import shrink
from core.services import adapter_card
from core.training import learner as learners
from core.training import prompts, unfolding, wide
from core.training.adapter import load_adapter, save_adapter
from core.training.config import Method, Tower, TrainConfig
from core.training.forward import converse
from core.training.learner import Learner
from core.training.merging import load_merged, merge
from core.training.predict import grid_of, head_input, predict
from core.training.tensors import write_tensors
from core.training.weave import Asked
from core.vlms.base import VlmSpec

CLASSES = ("healthy", "rust", "q_us~")
SETTINGS = TrainConfig(classes=CLASSES, healthy="healthy", rank=4)
HELD = [
    (Method.LORA_FP32, Tower.FROZEN),
    (Method.LORA_FP32, Tower.LORA),
    (Method.QLORA_NF4, Tower.FROZEN),
]


@pytest.fixture(scope="module", params=HELD, ids=lambda held: "-".join(held))
def adapter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a model in which every trained weight has moved."""
    method, tower = request.param
    config = replace(SETTINGS, method=method, tower=tower)
    made = learners.load(config)
    move(made)
    folder = tmp_path_factory.mktemp("adapter") / "adapter"
    save_adapter(made, config, folder)
    return folder


def move(made: Learner) -> None:
    """Every trained weight but the mask head's, a little."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in made.parameters().items():
            if name.startswith("lora."):
                parameter.add_(torch.randn_like(parameter) * 0.02)


@pytest.fixture
def whole(adapter: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "whole"
    folder.mkdir()
    merge(*load_adapter(adapter), folder)
    return folder


def said(model: Learner, classes: tuple[str, ...] = CLASSES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    photos = [rng.integers(0, 255, (448, 448, 3), dtype=np.uint8) for _ in range(2)]
    found = predict(model, photos, classes, "healthy")
    shares = [[dict(f.probabilities)[name] for name in classes] for f in found]
    return np.array(shares), np.stack([f.targets["lesions"] for f in found]).astype(int)


def test_it_answers_as_the_adapter_does(adapter: Path, whole: Path) -> None:
    before, _ = load_adapter(adapter)
    after, config = load_merged(whole)
    assert config.classes == CLASSES
    shares, masks = said(before)
    shares_after, masks_after = said(after)
    np.testing.assert_allclose(shares_after, shares, atol=1e-4)
    assert np.abs(masks_after - masks).max() <= 1


def test_it_opens_without_anything_of_ours(whole: Path) -> None:
    from transformers import AutoModelForMultimodalLM, AutoProcessor

    model = AutoModelForMultimodalLM.from_pretrained(whole, local_files_only=True)
    assert not any("lora" in name for name, _ in model.named_parameters())
    assert not hasattr(model.config, "quantization_config")
    assert AutoProcessor.from_pretrained(whole, local_files_only=True)


def test_a_run_can_start_from_it(whole: Path) -> None:
    """Its folder is a base model's: the mask head comes along."""
    merged, config = load_merged(whole)
    fresh = learners.load(replace(SETTINGS, base=config.base, base_path=str(whole)))
    fresh.train(False)
    np.testing.assert_allclose(said(fresh)[0], said(merged)[0], atol=1e-5)


def test_a_head_of_another_shape_is_refused(whole: Path) -> None:
    file = whole / "mask_head" / "pixel.safetensors"
    tensors = load_file(file)
    name = next(iter(tensors))
    save_file({**tensors, name: torch.zeros(3)}, file)
    with pytest.raises(AdapterRefused, match="mask head"):
        load_merged(whole)


def test_the_readme_s_lines_name_the_disease_with_plain_transformers_and_peft(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert adapter_card.PLAIN in (repo / "README.md").read_text("utf-8")
    config = replace(SETTINGS, classes=("healthy", "leaf_miner"))
    made = learners.load(config)
    photo = np.full((64, 64, 3), (60, 140, 50), np.uint8)
    _teach(made, photo, "leaf_miner")
    save_adapter(made, config, tmp_path / "adapter")
    Image.fromarray(photo).save(tmp_path / "leaf.png")
    places = (learners.base_folder(config), tmp_path / "adapter", tmp_path / "leaf.png")
    code = adapter_card.PLAIN.replace(
        '"base model folder", "adapter folder", "leaf.jpg"',
        ", ".join(f'"{place.as_posix()}"' for place in places),
    )
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip() == "leaf_miner"


def _teach(made: Learner, photo: np.ndarray, name: str) -> None:
    """Until the model says ``name`` of ``photo`` and nothing else: some ten steps."""
    made.train(True)
    optimiser = torch.optim.AdamW(made.parameters().values(), lr=3e-3)
    squeezed = shrink(photo, max(made.head.spec.side, made.vlm.photo_side))
    with torch.no_grad():  # the tower is frozen, and the mask head is asked for nothing
        features = made.vlm.tower(made.vlm.pixels([squeezed]))
        maps = made.head.features(head_input(made, [squeezed]), grid_of(made, features))
        tokens = made.vlm.tokens(features)
    asked = [Asked(0, made.vlm.render(prompts.CLASSIFY, name))]
    for _ in range(40):
        loss = -converse(made, tokens, maps, asked).answer.mean()
        if float(loss.detach()) < 0.02:
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    raise AssertionError("it did not learn to say it")


# -- weight by weight

REAL = learners.open_base


AS_PUBLISHED = "gemma-3 under its published names"


def save_as_published(folder: Path) -> Path:
    """Weights named as they were when Gemma 3 came out, which the library still opens."""
    file = save_gemma3(folder) / "model.safetensors"
    state = {}
    for name, tensor in load_file(file).items():
        old = re.sub(r"^model\.language_model\.", "language_model.model.", name)
        state[re.sub(r"^model\.(vision_tower|multi_modal_projector)\.", r"\1.", old)] = tensor
    assert not any(name.startswith("model.") for name in state)
    save_file(state, file, metadata={"format": "pt"})
    return folder


def dequantised(spec: VlmSpec, folder: Path, config: TrainConfig) -> Any:
    """At full width in memory, as what the 4 bits stand for."""
    vlm: Any = REAL(spec, folder, config)
    if config.method is Method.QLORA_NF4:
        vlm.model = vlm.model.dequantize(dtype=vlm.model.dtype)
    return vlm


class Watching:
    """Writes a file of tensors, once those of the file before are gone."""

    def __init__(self) -> None:
        self._before: list[weakref.ref[torch.Tensor]] = []

    def __call__(self, tensors: dict[str, torch.Tensor], path: Path, **how: Any) -> None:
        assert not [ref for ref in self._before if ref() is not None]
        self._before = [weakref.ref(tensor) for tensor in tensors.values()]
        write_tensors(tensors, path, **how)


@pytest.mark.parametrize("base", [*BASES, AS_PUBLISHED])
@pytest.mark.parametrize("method", list(Method))
def test_weights_that_are_merged_one_by_one_are_those_that_peft_merges_at_once(
    base: str, method: Method, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit, under the library's own names, and with no more than a file's worth beside."""
    family, save = BASES.get(base, ("gemma-3", save_as_published))
    config = replace(SETTINGS, base=family, base_path=str(save(tmp_path / "base")), method=method)
    config = replace(config, classes=("healthy", "rust"), tower=Tower.LORA)
    made = learners.load(config)
    move(made)
    (tmp_path / "parts").mkdir()
    monkeypatch.setattr(unfolding, "write_tensors", Watching())
    unfolding.write(made.peft, tmp_path / "parts", shard=30_000)
    files = [*(tmp_path / "parts").glob("*.safetensors")]
    assert len(files) > 3
    found: dict[str, torch.Tensor] = {}
    for file in files:
        part = load_file(file)
        assert len(part) == 1 or sum(t.nbytes for t in part.values()) <= 30_000
        found |= part

    monkeypatch.setattr(learners, "open_base", dequantised)
    again = learners.load(config)
    move(again)
    whole = again.peft.merge_and_unload()
    wide.narrow(whole)
    whole.save_pretrained(tmp_path / "whole")
    wanted = load_file(tmp_path / "whole" / "model.safetensors")
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name
    config_of = [json.loads((tmp_path / n / "config.json").read_text()) for n in ("parts", "whole")]
    assert config_of[0] == config_of[1]


# -- on a base that is held in bf16, as on a graphics card


@pytest.fixture
def held_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForMultimodalLM

    real = AutoModelForMultimodalLM.from_pretrained

    def half(*given: Any, **how: Any) -> Any:
        return real(*given, **how | {"dtype": torch.bfloat16})

    monkeypatch.setattr(AutoModelForMultimodalLM, "from_pretrained", half)


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.usefixtures("held_in_bf16")
def test_on_a_base_in_half_precision_all_weights_have_its_width(
    method: Method, tmp_path: Path
) -> None:
    """Its projector was left in fp32, in which it had been trained."""
    from transformers import AutoModelForMultimodalLM

    base = save_gemma_clip(tmp_path / "base")
    config = replace(SETTINGS, base="gemma-clip", base_path=str(base), method=method)
    config = replace(config, classes=("healthy", "rust"))
    made = learners.load(config)
    move(made)
    assert {p.dtype for p in made.parameters().values()} == {torch.float32}
    save_adapter(made, config, tmp_path / "adapter")
    (tmp_path / "whole").mkdir()
    merge(*load_adapter(tmp_path / "adapter", str(base)), tmp_path / "whole")

    tensors = load_file(tmp_path / "whole" / "model.safetensors")
    assert {t.dtype for t in tensors.values()} == {torch.bfloat16}
    plain, told = AutoModelForMultimodalLM.from_pretrained(
        tmp_path / "whole", local_files_only=True, output_loading_info=True
    )
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    ask = prompts.DIAGNOSE
    with torch.no_grad():
        assert bool(plain(**inputs_of(made, ask)).logits.isfinite().all())

    before, _ = load_adapter(tmp_path / "adapter", str(base))
    after, _ = load_merged(tmp_path / "whole")
    shares, masks = said(before, config.classes)
    shares_after, masks_after = said(after, config.classes)
    np.testing.assert_allclose(shares_after, shares, atol=0.05)
    assert np.abs(masks_after - masks).mean() <= 2


def inputs_of(made: Learner, question: str) -> dict[str, Any]:
    """What the processor makes of a photo and ``question``, for a model in half precision."""
    processor: Any = made.vlm.processor
    content = [{"type": "image"}, {"type": "text", "text": question}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    photo = np.full((64, 64, 3), 90, np.uint8)
    found = processor(text=text, images=[photo], return_tensors="pt", add_special_tokens=False)
    return dict(found) | {"pixel_values": found["pixel_values"].to(torch.bfloat16)}
