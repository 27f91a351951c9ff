"""Segment Anything answers as its authors' own predictor does, and opens nothing but weights."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.engines.base import EngineSpec, Prompt
from core.engines.enlarge import enlarge
from core.engines.sam_checkpoint import Architecture, infer, load_sam
from core.engines.segment_anything import SPECS, load
from core.errors import CheckpointRefused, PromptRefused
from tests.small_sam import build_sam, save_sam

SPEC: EngineSpec = SPECS[0]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return save_sam(tmp_path_factory.mktemp("sam") / "small.pth")


def _whole(candidate, shape) -> np.ndarray:
    out = np.zeros(shape, bool)
    x, y = candidate.origin
    out[y : y + candidate.pixels.shape[0], x : x + candidate.pixels.shape[1]] = candidate.pixels
    return out


PROMPTS = {
    "one click": (Prompt(((60.0, 20.0),), (True,)), True),
    "plus and minus": (Prompt(((60.0, 20.0), (5.0, 50.0)), (True, False)), False),
    "box": (Prompt(box=(10, 5, 90, 40)), False),
    "box and click": (Prompt(((30.0, 30.0),), (True,), (10, 5, 90, 40)), False),
}


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("size", [(53, 131), (300, 217)], ids=["wide", "tall and large"])
def test_masks_are_those_of_the_authors_predictor(checkpoint, name, size):
    from segment_anything import SamPredictor

    photo = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    prompt, several = PROMPTS[name]
    engine = load(SPEC, checkpoint)
    engine.set_image(photo)
    found = engine.predict(prompt)

    theirs = SamPredictor(build_sam())
    theirs.set_image(photo)
    masks, scores, _ = theirs.predict(
        np.array(prompt.points) if prompt.points else None,
        np.array(prompt.positive, int) if prompt.points else None,
        np.array(prompt.box) if prompt.box else None,
        multimask_output=several,
    )
    order = [n for n in np.argsort(-scores, kind="stable") if masks[n].any()]
    assert len(found) == len(order) >= 1
    for ours, n in zip(found, order, strict=True):
        assert ours.score == pytest.approx(float(np.clip(scores[n], 0, 1)), abs=1e-4)
        wrong = (_whole(ours, photo.shape[:2]) != masks[n]).mean()
        assert wrong < 1e-3  # the last bit of a float decides a pixel here and there


def test_a_small_lesion_of_a_large_photo_comes_as_a_small_crop():
    logits = np.full((1024, 1024), -3, np.float32)
    logits[100:104, 200:206] = 3
    pixels, (x, y) = enlarge(logits, (683, 1024), (4000, 6000))
    assert pixels.shape[0] < 60
    assert pixels.shape[1] < 60
    assert pixels.any()
    assert abs(x + pixels.shape[1] / 2 - 203 * 6000 / 1024) < 6
    assert abs(y + pixels.shape[0] / 2 - 102 * 4000 / 683) < 6


@pytest.mark.parametrize(
    "size", [(900, 1400), (61, 95), (1, 7)], ids=["larger", "smaller", "a line"]
)
@pytest.mark.parametrize("part", ["everywhere", "a corner", "one cell"])
def test_a_mask_is_enlarged_as_the_framework_enlarges_all_of_it(size, part):
    used = (88, 128)
    logits = np.random.default_rng(5).normal(size=(128, 128)).astype(np.float32)
    if part != "everywhere":
        end = 30 if part == "a corner" else 1
        logits[end:] = logits[:, end:] = -1
        logits[0, 0] = 1
    whole = torch.nn.functional.interpolate(
        torch.from_numpy(logits[None, None, : used[0]]), size, mode="bilinear"
    )[0, 0].numpy()
    pixels, (x, y) = enlarge(logits, used, size)
    mine = np.zeros(size, bool)
    mine[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    assert not (mine != (whole > 0))[np.abs(whole) > 1e-4].any()


@pytest.mark.parametrize(
    ("sizes", "window", "blocks"),
    [
        ({}, 3, (1,)),
        ({"width": 48, "heads": 3, "depth": 4, "global_blocks": (1, 3)}, 3, (1, 3)),
        ({"window": 0, "global_blocks": ()}, 0, (0, 1, 2)),
    ],
)
def test_the_size_is_read_off_the_file(sizes, window, blocks):
    found = infer(build_sam(**sizes).state_dict())
    assert (found.window, found.global_blocks) == (window, blocks)
    assert found.heads == sizes.get("heads", 2)


def test_the_published_sizes_are_called_by_their_names():
    with torch.device("meta"):
        from segment_anything import sam_model_registry

        for key, name in (("vit_b", "ViT-B"), ("vit_l", "ViT-L"), ("vit_h", "ViT-H")):
            found: Architecture = infer(sam_model_registry[key]().state_dict())
            assert found.name == name
            assert (found.window, len(found.global_blocks)) == (14, 4)
            assert (found.grid, found.patch, found.channels) == (64, 16, 256)


def test_safetensors_and_wrapped_files_open_too(tmp_path):
    from safetensors.torch import save_file

    state = {k: v.contiguous() for k, v in build_sam().state_dict().items()}
    save_file(state, tmp_path / "a.safetensors")
    torch.save({"model": state, "epoch": 3}, tmp_path / "b.pth")
    torch.save({k: v.half() for k, v in state.items()}, tmp_path / "c.pth")
    for name in ("a.safetensors", "b.pth", "c.pth"):
        model, _ = load_sam(tmp_path / name)
        weight = model.mask_decoder.mask_tokens.weight
        assert torch.allclose(weight, state["mask_decoder.mask_tokens.weight"], atol=1e-3)


class _Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def _code_in_zip(path: Path, mark: Path) -> None:
    torch.save({"weight": torch.zeros(2), "extra": _Bomb(mark)}, path)


def _bare_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(_Bomb(mark), protocol=2))


@pytest.mark.parametrize("write", [_code_in_zip, _bare_pickle])
def test_a_file_with_code_is_refused_and_nothing_runs(write, tmp_path):
    mark = tmp_path / "ran"
    write(tmp_path / "evil.pth", mark)
    with pytest.raises(CheckpointRefused, match="program code"):
        load(SPEC, tmp_path / "evil.pth")
    assert not mark.exists()


def _truncated(path: Path) -> None:
    whole = save_sam(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _text(path: Path) -> None:
    path.write_text("hello")


def _word_like_a_pickle(path: Path) -> None:
    path.write_text("junk")


def _photo(path: Path) -> None:
    Image.new("RGB", (64, 48), (60, 140, 50)).save(path, "PNG")


def _no_tensors(path: Path) -> None:
    torch.save({"about": "a model"}, path)


def _one_number_for_all(path: Path) -> None:
    state = build_sam().state_dict()
    state["mask_decoder.mask_tokens.weight"] = torch.zeros(1).expand(1 << 20, 1 << 20)
    torch.save(state, path)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other_model(path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(3, 3)}, path)


def _a_list(path: Path) -> None:
    torch.save([torch.zeros(3)], path)


def _sam2(path: Path) -> None:
    torch.save({"model": {"image_encoder.trunk.blocks.0.weight": torch.zeros(3)}}, path)


def _one_missing(path: Path) -> None:
    state = build_sam().state_dict()
    del state["mask_decoder.iou_token.weight"]
    torch.save(state, path)


def _one_misshapen(path: Path) -> None:
    state = build_sam().state_dict()
    state["image_encoder.neck.2.weight"] = torch.zeros(32, 32, 5, 5)
    torch.save(state, path)


def _not_a_number(path: Path) -> None:
    state = build_sam().state_dict()
    state["mask_decoder.iou_token.weight"][0, 0] = float("nan")
    torch.save(state, path)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (_truncated, "cut short"),
        (_text, "no weights file"),
        (_empty, "no weights file"),
        (_photo, "no weights file"),
        (_word_like_a_pickle, "no weights file"),
        (_no_tensors, "not a Segment Anything model"),
        (_one_number_for_all, "not a Segment Anything model"),
        (_other_model, "not a Segment Anything model"),
        (_a_list, "not a Segment Anything model"),
        (_sam2, "SAM 2"),
        (_one_missing, "iou_token"),
        (_one_misshapen, r"neck\.2\.weight"),
        (_not_a_number, "damaged"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_is_no_model_of_this_kind_is_refused_with_a_sentence(write, says, suffix, tmp_path):
    path = tmp_path / f"file{suffix}"
    write(path)
    if suffix == ".safetensors":  # its name promises another format than it has
        says = "cannot be read"
    with pytest.raises(CheckpointRefused, match=says) as caught:
        load(SPEC, path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert "sam_vit_b" in sentence


def _no_storage(path: Path) -> None:
    state = build_sam().state_dict()
    torch.save(state | {"mask_decoder.iou_token.weight": torch.zeros(1, 32, device="meta")}, path)


def _a_number_in_a_name(path: Path) -> None:
    state = build_sam().state_dict()
    state["mask_decoder.iou_prediction_head.layers.999999999.weight"] = torch.zeros(1)
    torch.save(state, path)


def _a_number_in_another_name(path: Path) -> None:
    state = build_sam().state_dict()
    state["mask_decoder.transformer.layers.999999999.norm1.weight"] = torch.zeros(1)
    torch.save(state, path)


def _packed_bomb(path: Path) -> None:
    save_sam(path)
    with zipfile.ZipFile(path) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name, data in members.items():
            bomb.writestr(name, data + bytes(10_000_000) if name.endswith("data/0") else data)


def _one_tensor_under_many_names(path: Path) -> None:
    shared = torch.zeros(1000, dtype=torch.half)
    state = build_sam().state_dict()
    torch.save(state | {f"mask_decoder.more.{n}": shared for n in range(4000)}, path)


@pytest.mark.parametrize(
    "write",
    [
        _no_storage,
        _a_number_in_a_name,
        _a_number_in_another_name,
        _packed_bomb,
        _one_tensor_under_many_names,
    ],
)
def test_nothing_is_built_of_what_a_file_merely_says(write, tmp_path):
    """A thousand million layers, or gigabytes of zeros, out of a small file."""
    write(tmp_path / "evil.pth")
    with pytest.raises(CheckpointRefused, match=r"not a Segment Anything|cannot be read"):
        load(SPEC, tmp_path / "evil.pth")


def test_of_a_name_without_end_the_beginning_is_told(tmp_path):
    torch.save(build_sam().state_dict() | {"x" * 100_000: torch.zeros(1)}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointRefused, match="xxx") as refused:
        load(SPEC, tmp_path / "odd.pth")
    assert len(str(refused.value)) < 400


def test_a_model_of_absurd_size_is_refused_before_memory_is_taken(tmp_path):
    state = build_sam().state_dict()
    state["image_encoder.pos_embed"] = torch.zeros(1, 5_000, 1, 1)
    torch.save(state, tmp_path / "huge.pth")
    with pytest.raises(CheckpointRefused, match="Segment Anything"):
        load(SPEC, tmp_path / "huge.pth")


def test_a_click_before_a_photo_is_answered_with_a_sentence(checkpoint):
    with pytest.raises(PromptRefused, match="photo"):
        load(SPEC, checkpoint).predict(Prompt(((1.0, 1.0),), (True,)))
