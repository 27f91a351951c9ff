"""SAM's relatives: each answers as its own library does, opens its own files, and says whose the
others are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.engines.base import EngineSpec, Prompt
from core.engines.home import Home
from core.errors import CheckpointRefused
from core.registry import find
from core.services.segment import load_engine
from tests import small_hub_sam
from tests.small_sam import save_sam

SAVERS = {
    "segment-anything": (save_sam, "small.pth", "Segment Anything"),
    "mobile-sam": (small_hub_sam.save_mobile_sam, "small.pt", "MobileSAM"),
    "sam2": (small_hub_sam.save_sam2, "sam2-small", "SAM 2.1"),
    "edgetam": (small_hub_sam.save_edgetam, "EdgeTAM-small", "EdgeTAM"),
    "sam3": (small_hub_sam.save_sam3, "sam3-small", "SAM 3"),
}
FOLDERS = ("sam2", "edgetam", "sam3")
PROMPTS = {
    "one click": (Prompt(((60.0, 20.0),), (True,)), True),
    "plus and minus": (Prompt(((60.0, 20.0), (5.0, 50.0)), (True, False)), False),
    "box": (Prompt(box=(10, 5, 90, 40)), False),
    "box and click": (Prompt(((30.0, 30.0),), (True,), (10, 5, 90, 40)), False),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("families")
    return {name: save(folder / file) for name, (save, file, _) in SAVERS.items()}


def _whole(candidate, shape) -> np.ndarray:
    out = np.zeros(shape, bool)
    x, y = candidate.origin
    out[y : y + candidate.pixels.shape[0], x : x + candidate.pixels.shape[1]] = candidate.pixels
    return out


def _library(name: str):
    """(model, processor) as the library's own users put them together."""
    from transformers import Sam2ImageProcessor, Sam2Processor

    size = {"height": small_hub_sam.SIDE, "width": small_hub_sam.SIDE}
    model = {"sam2": small_hub_sam.build_sam2, "edgetam": small_hub_sam.build_edgetam}[name]()
    return model, Sam2Processor(Sam2ImageProcessor(size=size))


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("name", ["sam2", "edgetam"])
def test_masks_are_those_of_the_library_and_its_processor(saved, name, prompt):
    photo = np.random.default_rng(3).integers(0, 256, (53, 131, 3), dtype=np.uint8)
    asked, several = PROMPTS[prompt]
    engine = load_engine(name, saved[name])
    engine.set_image(photo)
    found = engine.predict(asked)

    model, processor = _library(name)
    inputs = processor(
        images=photo,
        input_points=[[[list(p) for p in asked.points]]] if asked.points else None,
        input_labels=[[[int(p) for p in asked.positive]]] if asked.points else None,
        input_boxes=[[list(asked.box)]] if asked.box else None,
        return_tensors="pt",
    )
    with torch.inference_mode():
        said = model(
            **{k: v for k, v in inputs.items() if k != "original_sizes"}, multimask_output=several
        )
    masks = processor.post_process_masks(said.pred_masks, inputs["original_sizes"])[0][0].numpy()
    scores = said.iou_scores[0, 0].numpy()
    order = [n for n in np.argsort(-scores, kind="stable") if masks[n].any()]
    assert len(found) == len(order) >= 1
    for ours, n in zip(found, order, strict=True):
        assert ours.score == pytest.approx(float(np.clip(scores[n], 0, 1)), abs=5e-3)
        wrong = (_whole(ours, photo.shape[:2]) != masks[n]).mean()
        assert wrong < 1e-2  # the embedding is kept in half precision


@pytest.mark.parametrize("owner", SAVERS)
@pytest.mark.parametrize("other", SAVERS)
def test_a_file_of_another_family_is_refused_and_its_assistant_named(saved, owner, other):
    if owner == other:
        return
    with pytest.raises(CheckpointRefused) as caught:
        load_engine(other, saved[owner])
    sentence = str(caught.value)
    assert "another model" in sentence
    assert f"Choose the assistant “{SAVERS[owner][2]}”" in sentence


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_of_no_family_is_not_said_to_be_of_this_one(name, tmp_path):
    torch.save({"layer.weight": torch.zeros(3, 3)}, tmp_path / "net.pth")
    with pytest.raises(CheckpointRefused, match=f"net.pth is not {SAVERS[name][2]}"):
        load_engine(name, tmp_path / "net.pth")


@pytest.mark.parametrize("name", FOLDERS)
def test_the_folder_and_each_of_its_two_files_open_the_same_model(saved, name):
    for path in (saved[name], saved[name] / "model.safetensors", saved[name] / "config.json"):
        load_engine(name, path).embed(np.zeros((8, 8, 3), np.uint8))


def _truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _text(folder: Path) -> None:
    (folder / "model.safetensors").write_text("hello")


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _config(change):
    def write(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))

    return write


def _tensors(change):
    def write(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors")

    return write


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x80\x04K\x01.")


HURTS = {
    "cut short": (_truncated, "cut short"),
    "text": (_text, "no weights file"),
    "pickle": (_pickle, "no weights file"),
    "no weights": (_no_weights, "There is no model.safetensors"),
    "no config": (_no_config, "config.json"),
    "config is no object": (lambda f: (f / "config.json").write_text("[1]"), "config.json"),
    "config nested too deep": (
        lambda f: (f / "config.json").write_text("[" * 200_000), "config.json",
    ),
    "another kind": (_config(lambda c: c.update(model_type="bert")), "bert"),
    "a part of another kind": (
        _config(lambda c: c["vision_config"].update(model_type="bert")), "bert",
    ),
    "absurd size": (
        _config(lambda c: c["mask_decoder_config"].update(mlp_dim=10**9)), "absurd size",
    ),
    "absurd count": (
        _config(lambda c: c["mask_decoder_config"].update(num_hidden_layers=10_000)), "absurd size",
    ),
    "nonsense": (
        _config(lambda c: c["mask_decoder_config"].update(hidden_size="much")), "can be built",
    ),
    "other numbers": (
        _config(lambda c: c["mask_decoder_config"].update(mlp_dim=33)), "mlp",
    ),
    "one missing": (_tensors(lambda s: s.pop("mask_decoder.iou_token.weight")), "iou_token"),
    "one too many": (
        _tensors(lambda s: s.update({"mask_decoder.extra": torch.zeros(2)})), "extra",
    ),
    "no number": (
        _tensors(lambda s: s["mask_decoder.iou_token.weight"].fill_(float("nan"))), "damaged",
    ),
    "config nested too deep to go through": (
        _config(lambda c: c.update(x=json.loads("[" * 700 + "]" * 700))), "config.json",
    ),
    "eight bits": (
        _tensors(lambda s: s.update({"mask_decoder.iou_token.weight":
                                     torch.full((1, 32), float("nan")).to(torch.float8_e5m2)})),
        "damaged",
    ),
    "whole numbers": (
        _tensors(lambda s: s.update({"mask_decoder.iou_token.weight": torch.zeros(1, 32).int()})),
        "not a SAM 2.1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("hurt", HURTS)
def test_a_damaged_folder_is_refused_with_a_sentence(saved, hurt, tmp_path):
    folder = Path(shutil.copytree(saved["sam2"], tmp_path / "copy"))
    write, says = HURTS[hurt]
    write(folder)
    with pytest.raises(CheckpointRefused, match=says) as caught:
        load_engine("sam2", folder)
    assert "sam2.1-hiera-tiny" in str(caught.value)


def test_a_configuration_cannot_name_code_or_another_place(saved, tmp_path):
    """An attention from the network, a class of its own, a number format: none is looked at."""
    folder = Path(shutil.copytree(saved["sam2"], tmp_path / "copy"))
    evil = {"auto_map": {"AutoModel": "evil.Evil"}, "_attn_implementation": "somebody/kernel"}
    _config(lambda c: (c.update(evil, dtype="float16"), c["vision_config"].update(evil)))(folder)
    engine = load_engine("sam2", folder)
    assert next(engine._home.model.parameters()).dtype == torch.float32
    assert engine._home.model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("name", ["sam2", "edgetam"])
def test_tensors_for_films_are_left_out(saved, name, tmp_path):
    folder = Path(shutil.copytree(saved[name], tmp_path / "copy"))
    _tensors(lambda s: s.update({"memory_encoder.feature.weight": torch.zeros(2)}))(folder)
    load_engine(name, folder).embed(np.zeros((8, 8, 3), np.uint8))


class _Card:
    """Stands for a model on a graphics card that gives up at the first question."""

    def __init__(self) -> None:
        self.device = "cpu"

    def to(self, device: str) -> _Card:
        self.device = device
        return self

    def ask(self) -> str:
        if self.device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.device


def test_a_graphics_card_that_gives_up_costs_an_answer_some_time_and_is_told_once():
    home = Home(_Card, device="cuda")
    assert home.run(lambda model, device: (model.ask(), device)) == ("cpu", "cpu")
    assert "too little free memory" in home.take_notice()
    assert home.take_notice() == ""


def test_a_mistake_on_the_processor_is_not_taken_for_a_card_s():
    def fails(_model, _device):
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        Home(_Card, device="cpu").run(fails)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sam2", "edgetam"])
def test_the_published_sizes_load_look_and_answer(name, tmp_path):
    """Random numbers in the published sizes: SAM 2.1 tiny, EdgeTAM."""
    from transformers import EdgeTamConfig, EdgeTamModel, Sam2Config, Sam2Model

    from core.engines.nets.repvit_backbone import RepVitConfig, register

    register()
    if name == "sam2":
        model = Sam2Model(Sam2Config())
    else:
        repvit = RepVitConfig(widths=[48, 96, 192, 384], depths=[2, 2, 14, 2])
        model = EdgeTamModel(EdgeTamConfig(vision_config={"backbone_config": repvit}))
    model.save_pretrained(tmp_path / name)
    if name == "edgetam":
        small_hub_sam.say_timm(tmp_path / name)
    engine = load_engine(find("core.engines", EngineSpec, name).id, tmp_path / name)
    photo = np.random.default_rng(0).integers(0, 256, (4000, 6000, 3), dtype=np.uint8)
    seen = engine.embed(photo)
    assert seen["image"].shape == (256, 64, 64)
    assert sum(value.nbytes for value in seen.values()) < 10e6
    engine.use(photo, seen)
    assert engine.predict(Prompt(((3000.0, 2000.0),), (True,)))
