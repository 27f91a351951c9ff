"""Files in their authors' form open as the same model that the library's folder opens as."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.engines import edgetam, sam2, sam3, sam3_search
from core.engines.authors_form import CLICKS, SAM2, clicks
from core.engines.authors_sam3 import both_parts
from core.engines.base import Candidate, Prompt, Query
from core.errors import CheckpointRefused
from core.services.segment import load_engine
from tests import small_authors, small_hub_sam
from tests.small_sam import save_sam

PROMPTS = (
    Prompt(((60.0, 20.0),), (True,)),
    Prompt(((60.0, 20.0), (5.0, 50.0)), (True, False)),
    Prompt(box=(10, 5, 90, 40)),
)
FILES = {"sam2": "sam2.1_hiera_tiny.pt", "edgetam": "edgetam.pt", "sam3": "sam3.pt"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("library")
    return {name: getattr(small_hub_sam, f"save_{name}")(root / name) for name in FILES}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("authors")
    states = {
        "sam2": small_authors.clicks(small_hub_sam.build_sam2().state_dict()),
        "edgetam": small_authors.clicks(small_hub_sam.build_edgetam().state_dict()),
        "sam3": small_authors.sam3(small_hub_sam.build_sam3().state_dict()),
    }
    found = {name: small_authors.save(state, root / FILES[name]) for name, state in states.items()}
    small_hub_sam.build_words().save_pretrained(root)
    return found


@pytest.fixture(autouse=True)
def small(folders, monkeypatch):
    """The sizes of the small models, where the published ones are."""

    def settings(name: str) -> dict:
        return json.loads((folders[name] / "config.json").read_text("utf-8"))

    parts = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    ours = {part: settings("sam2")[part] for part in parts}
    monkeypatch.setattr(sam2, "SIZES", {(16, 5): ours})
    monkeypatch.setattr(edgetam, "PUBLISHED", {part: settings("edgetam")[part] for part in parts})
    both = {part: settings("sam3")[f"{part}_config"] for part in ("tracker", "detector")}
    monkeypatch.setattr(sam3, "PUBLISHED", both)


@pytest.mark.parametrize("name", FILES)
def test_the_authors_file_answers_as_the_folder_does(name, folders, files):
    photo = np.random.default_rng(3).integers(0, 256, (53, 131, 3), dtype=np.uint8)
    ours, theirs = load_engine(name, folders[name]), load_engine(name, files[name])
    seen, again = ours.embed(photo), theirs.embed(photo)
    assert seen.keys() == again.keys()
    for level, made in seen.items():
        np.testing.assert_allclose(again[level], made, rtol=1e-2, atol=2e-3, err_msg=level)
    ours.use(photo, seen)
    theirs.use(photo, again)
    for prompt in PROMPTS:
        for one, other in zip(ours.predict(prompt), theirs.predict(prompt), strict=True):
            assert_alike(one, other)


def test_words_find_the_same_in_both_forms(folders, files, monkeypatch):
    monkeypatch.setattr(sam3_search, "SURE", -1.0)
    photo = np.random.default_rng(3).integers(0, 256, (53, 131, 3), dtype=np.uint8)
    answers = []
    for path in (folders["sam3"], files["sam3"]):
        engine = load_engine("sam3", path)
        engine.set_image(photo)
        answers.append(engine.search(Query("rust spot")))
    assert answers[0]
    for one, other in zip(*answers, strict=True):
        assert_alike(one, other)


def assert_alike(one: Candidate, other: Candidate) -> None:
    """The same but for the last digits: on some processors the sums of two copies of a model are
    added up in another order, by where in memory its weights happen to lie."""
    assert other.origin == one.origin
    assert other.pixels.shape == one.pixels.shape
    assert np.mean(one.pixels != other.pixels) < 1e-3
    assert other.score == pytest.approx(one.score, abs=1e-4)


def _hurt(path: Path, tmp_path: Path, change) -> Path:
    state = torch.load(path, weights_only=True)["model"]
    change(state)
    return small_authors.save(state, tmp_path / path.name)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("sam_mask_decoder.iou_token.weight"), "iou_token"),
        (lambda s: s.pop("sam_prompt_encoder.point_embeddings.2.weight"), "point_embed"),
        (lambda s: s.pop("image_encoder.trunk.blocks.4.attn.qkv.weight"), "published size|qkv"),
        (lambda s: s.update({"sam_mask_decoder.iou_token.weight": torch.zeros(1, 33)}), "iou_tok"),
        (lambda s: s["sam_mask_decoder.iou_token.weight"].fill_(float("inf")), "damaged"),
        (lambda s: s.pop("image_encoder.trunk.pos_embed"), "published size"),
        (lambda s: s.update({"sam_mask_decoder.iou_token.weight": torch.zeros(1, 32).int()}),
         "not a SAM 2.1"),
    ],
)  # fmt: skip
def test_a_file_that_lacks_something_is_refused_with_what_to_open(change, says, files, tmp_path):
    with pytest.raises(CheckpointRefused, match=says) as caught:
        load_engine("sam2", _hurt(files["sam2"], tmp_path, change))
    assert "such as “sam2.1_hiera_tiny.pt”" in str(caught.value)


@pytest.mark.parametrize("part", ["detector", "tracker"])
def test_a_sam3_file_without_one_of_its_parts_is_refused(part, files, tmp_path):
    def cut(state):
        for name in [n for n in state if n.startswith(f"{part}.")]:
            if "vision_backbone" not in name:
                del state[name]

    with pytest.raises(CheckpointRefused, match="looks like SAM 3"):
        load_engine("sam3", _hurt(files["sam3"], tmp_path, cut))


def test_a_size_that_was_never_published_is_named_so(files, monkeypatch):
    monkeypatch.setattr(sam2, "SIZES", {})
    with pytest.raises(CheckpointRefused, match=r"no SAM 2\.1 of a published size"):
        load_engine("sam2", files["sam2"])


@pytest.mark.parametrize("other", FILES)
@pytest.mark.parametrize("owner", FILES)
def test_anothers_file_is_refused_and_its_assistant_named(owner, other, files):
    if owner == other:
        return
    title = {"sam2": "SAM 2.1", "edgetam": "EdgeTAM", "sam3": "SAM 3"}[owner]
    with pytest.raises(CheckpointRefused, match=f"Choose the assistant “{title}”"):
        load_engine(other, files[owner])


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_code_in_it_is_not_run(name, tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "run",))

    torch.save({"model": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointRefused, match="program code"):
        load_engine(name, tmp_path / "evil.pt")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_kind_that_is_not_theirs_either_is_refused(name, tmp_path):
    with pytest.raises(CheckpointRefused, match="Choose the assistant “Segment Anything”"):
        load_engine(name, save_sam(tmp_path / "sam_vit_b.pth"))


# -- the published sizes, by name and shape alone


def _shapes(model, config) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return model(config).state_dict()


def test_every_published_size_of_sam2_is_told_by_its_tensors(monkeypatch):
    from transformers import Sam2Config, Sam2Model

    monkeypatch.undo()
    assert len(sam2.SIZES) == 4
    for (width, blocks), size in sam2.SIZES.items():
        ours = _shapes(Sam2Model, Sam2Config(**size))
        theirs = clicks(small_authors.clicks(ours), SAM2)
        assert ours.keys() <= theirs.keys()
        assert all(ours[name].shape == theirs[name].shape for name in ours)
        assert ours[sam2.PLACES].shape[1] == width
        assert sum(n.endswith(".attn.qkv.weight") for n in ours) == blocks


def test_every_name_of_the_published_sam3_has_its_place(monkeypatch):
    from transformers import Sam3VideoConfig, Sam3VideoModel

    ours = _shapes(Sam3VideoModel, Sam3VideoConfig())
    theirs = both_parts(small_authors.sam3(ours))
    for name, tensor in ours.items():
        new = sam3._renamed(name)
        if new is not None:
            assert theirs[new].shape == tensor.shape, name


def test_names_that_nobody_knows_stay_as_they_are():
    assert set(clicks({"something.else": torch.zeros(1)}, CLICKS)) == {"something.else"}
