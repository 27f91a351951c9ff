"""A merged model answers as the adapter on its base did, whatever the base was held in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from core.errors import AdapterRefused
from core.heads.base import shrink
from core.services import adapter_card
from core.training import learner as learners
from core.training import prompts
from core.training.adapter import load_adapter, save_adapter
from core.training.config import Method, Tower, TrainConfig
from core.training.forward import converse
from core.training.learner import Learner
from core.training.merging import load_merged, merge
from core.training.predict import grid_of, head_input, predict
from core.training.weave import Asked

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
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in made.parameters().items():
            if name.startswith("lora."):
                parameter.add_(torch.randn_like(parameter) * 0.02)
    folder = tmp_path_factory.mktemp("adapter") / "adapter"
    save_adapter(made, config, folder)
    return folder


@pytest.fixture
def whole(adapter: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "whole"
    folder.mkdir()
    merge(adapter, "", folder)
    return folder


def said(model: Learner) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    photos = [rng.integers(0, 255, (448, 448, 3), dtype=np.uint8) for _ in range(2)]
    found = predict(model, photos, CLASSES, "healthy")
    shares = [[dict(f.probabilities)[name] for name in CLASSES] for f in found]
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
