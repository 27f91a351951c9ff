"""SAM 3 asked in words and by examples: what the library and its processor find, and no photo is
looked at twice for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.engines import sam3_search
from core.engines.base import Candidate, Embedder, EngineSpec, Prompt, PromptKind, Query, Searcher
from core.errors import CheckpointRefused, PromptRefused
from core.registry import discover
from core.services.segment import load_engine
from tests import small_hub_sam

SHAPE = (53, 131)
EXAMPLE = Candidate(np.ones((10, 12), bool), (60, 20), 1.0)
OTHER = Candidate(np.ones((8, 8), bool), (5, 5), 1.0)
QUERIES = {
    "words": Query("rust spot"),
    "one example": Query(examples=(EXAMPLE,)),
    "example and counter-example": Query(examples=(EXAMPLE,), against=(OTHER,)),
    "words and example": Query("rust", (EXAMPLE,)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_hub_sam.save_sam3(tmp_path_factory.mktemp("sam3") / "sam3-small")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)


@pytest.fixture
def engine(folder: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    """Sure of everything, and nothing is the same as another: random numbers are neither."""
    monkeypatch.setattr(sam3_search, "SURE", -1.0)
    monkeypatch.setattr(sam3_search, "TWICE", 1.0)
    engine = load_engine("sam3", folder)
    engine.set_image(photo)
    return engine


def _whole(candidate: Candidate) -> np.ndarray:
    out = np.zeros(SHAPE, bool)
    x, y = candidate.origin
    out[y : y + candidate.pixels.shape[0], x : x + candidate.pixels.shape[1]] = candidate.pixels
    return out


def _box(one: Candidate) -> list[float]:
    (x, y), (height, width) = one.origin, one.pixels.shape
    return [x, y, x + width, y + height]


def _library(query: Query, photo: np.ndarray) -> dict[str, np.ndarray]:
    """Scores and masks as the library's own users get them."""
    from transformers import Sam3ImageProcessor, Sam3Processor

    size = {"height": small_hub_sam.SIDE, "width": small_hub_sam.SIDE}
    processor = Sam3Processor(Sam3ImageProcessor(size=size), small_hub_sam.build_words())
    shown = (*query.examples, *query.against)
    signs = [1] * len(query.examples) + [0] * len(query.against)
    inputs = processor(
        images=photo,
        text=query.words or None,
        input_boxes=[[_box(one) for one in shown]] if shown else None,
        input_boxes_labels=[signs] if shown else None,
        return_tensors="pt",
    )
    model = small_hub_sam.build_sam3().detector_model
    with torch.inference_mode():
        said = model(**{k: v for k, v in inputs.items() if k != "original_sizes"})
    (found,) = processor.image_processor.post_process_instance_segmentation(
        said, threshold=-1.0, target_sizes=[SHAPE]
    )
    return {"scores": found["scores"].numpy(), "masks": found["masks"].bool().numpy()}


@pytest.mark.parametrize("asked", QUERIES)
def test_what_is_found_is_what_the_library_and_its_processor_find(asked, engine, photo):
    theirs = _library(QUERIES[asked], photo)
    order = [n for n in np.argsort(-theirs["scores"], kind="stable") if theirs["masks"][n].any()]
    ours = engine.search(QUERIES[asked])
    assert len(ours) == len(order) >= 2
    for one, n in zip(ours, order, strict=True):
        assert one.score == pytest.approx(float(theirs["scores"][n]), abs=2e-2)
        assert (_whole(one) != theirs["masks"][n]).mean() < 2e-2  # kept in half precision


def test_words_and_signs_matter(engine):
    """A word, another word, an example and its contrary: four different answers."""
    asked = [
        Query("rust"),
        Query("spot"),
        Query("rust", (EXAMPLE,)),
        Query("rust", (EXAMPLE,), (OTHER,)),
    ]
    scores = {tuple(one.score for one in engine.search(query)) for query in asked}
    assert len(scores) == len(asked)


def test_a_photo_is_looked_at_once_for_clicks_and_for_every_word(folder, photo, monkeypatch):
    engine = load_engine("sam3", folder)
    assert isinstance(engine, Embedder)
    seen = engine.embed(photo)
    used = load_engine("sam3", folder)

    def fails(*_args, **_more):
        raise AssertionError("the image encoder was asked again")

    monkeypatch.setattr(used._home.model.tracker.vision_encoder.backbone, "forward", fails)
    used.use(photo, seen)
    assert used.predict(Prompt(((60.0, 20.0),), (True,)))
    for word in ("rust", "spot"):
        used.search(Query(word))


def test_the_scales_of_the_detector_are_worked_out_with_the_first_word_alone(engine, monkeypatch):
    neck = engine._home.model.detector.vision_encoder.neck
    asked = []
    real = neck.forward
    monkeypatch.setattr(neck, "forward", lambda seen: asked.append(1) or real(seen))
    for word in ("rust", "spot", "rust spot"):
        engine.search(Query(word))
    assert len(asked) == 1


def test_both_parts_have_one_image_encoder(engine):
    both = engine._home.model
    assert both.tracker.vision_encoder.backbone is both.detector.vision_encoder.backbone


def test_nothing_is_found_twice_nor_where_an_example_lies(folder, photo, monkeypatch):
    monkeypatch.setattr(sam3_search, "SURE", -1.0)
    engine = load_engine("sam3", folder)
    engine.set_image(photo)
    found = engine.search(Query("rust"))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for n, one in enumerate(found):
        for other in found[:n]:
            both = (_whole(one) & _whole(other)).sum()
            assert both <= 0.5 * (_whole(one) | _whole(other)).sum()
    monkeypatch.setattr(sam3_search, "_known", lambda one, others: True)
    assert engine.search(Query(examples=(EXAMPLE,))) == []


def test_unsure_findings_are_not_shown(folder, photo, monkeypatch):
    monkeypatch.setattr(sam3_search, "SURE", 1.0)
    engine = load_engine("sam3", folder)
    engine.set_image(photo)
    assert engine.search(Query("rust")) == []


def test_a_search_for_nothing_says_what_to_do(engine):
    with pytest.raises(PromptRefused, match="Name what to look for"):
        engine.search(Query("  ", against=(OTHER,)))


def test_too_many_words_are_refused_with_a_sentence(engine):
    with pytest.raises(PromptRefused, match="two or three"):
        engine.search(Query("rust " * 40))


def _hurt(folder: Path, tmp_path: Path, name: str, text: str | None) -> Path:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for one in ("tokenizer.json", "vocab.json", "merges.txt"):
        (copy / one).unlink(missing_ok=True)
    if text is not None:
        (copy / name).write_text(text, "utf-8")
    return copy


def _vocabulary(**more: int) -> str:
    pieces = {"<|startoftext|>": 0, "<|endoftext|>": 1} | more
    return json.dumps({"model": {"vocab": pieces, "merges": []}})


@pytest.mark.parametrize(
    "text",
    [
        None,
        "no json",
        "[1]",
        "[" * 100_000,
        json.dumps({"model": {"vocab": {"a": 1}, "merges": []}}),
        _vocabulary(a=64),
        _vocabulary(a=-1),
        json.dumps({"model": {"vocab": json.loads(_vocabulary())["model"]["vocab"],
                              "merges": [["x", "y"]]}}),
    ],
)  # fmt: skip
def test_without_a_vocabulary_clicks_go_on_and_words_are_refused(folder, photo, text, tmp_path):
    engine = load_engine("sam3", _hurt(folder, tmp_path, "tokenizer.json", text))
    engine.set_image(photo)
    assert engine.predict(Prompt(((60.0, 20.0),), (True,)))
    with pytest.raises(PromptRefused, match=r"put the tokenizer\.json of the same folder there"):
        engine.search(Query("rust"))


def test_the_older_pair_of_vocabulary_files_reads_the_same(folder, engine, photo, tmp_path):
    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    copy = _hurt(folder, tmp_path, "vocab.json", json.dumps(model["vocab"]))
    pairs = "\n".join(" ".join(pair) for pair in model["merges"])
    (copy / "merges.txt").write_text(f"#version: 0.2\n{pairs}\n", "utf-8")
    older = load_engine("sam3", copy)
    older.set_image(photo)
    assert [o.score for o in older.search(Query("rust"))] == [
        o.score for o in engine.search(Query("rust"))
    ]


@pytest.mark.parametrize("part", ["detector", "tracker"])
def test_a_folder_without_one_of_the_two_parts_is_refused(folder, part, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = json.loads((copy / "config.json").read_text("utf-8"))
    del config[f"{part}_config"]
    (copy / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(CheckpointRefused, match=f"no part for the {part}"):
        load_engine("sam3", copy)


def test_an_engine_that_is_asked_in_words_or_by_examples_says_so_and_can():
    asked = {PromptKind.TEXT, PromptKind.EXEMPLAR}
    able = [spec.id for spec in discover("core.engines", EngineSpec).values()
            if spec.prompts & asked]  # fmt: skip
    assert able == ["sam3"]
    assert isinstance(sam3_search.Sam3Segmenter.__new__(sam3_search.Sam3Segmenter), Searcher)
