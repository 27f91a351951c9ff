"""Questions woven into one row are answered as each would be in a row of its own."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from core import registry
from core.training import learner as learners
from core.training import prompts
from core.training.config import TrainConfig
from core.training.forward import converse
from core.training.learner import Learner
from core.training.predict import grid_of, head_input
from core.training.weave import Asked, weave
from core.vlms.base import Rendered, VlmSpec

QUESTIONS = [
    (0, prompts.DIAGNOSE, prompts.diagnosis("rust")),
    (0, prompts.DIAGNOSE, prompts.diagnosis("rusty leaf")),
    (1, prompts.DIAGNOSE, prompts.diagnosis("healthy")),
    (0, prompts.LEAF, prompts.SHOWN),
    (1, prompts.CLASSIFY, "leaf miner"),
    (0, prompts.named("rust"), prompts.ABSENT),
    (1, prompts.named("rust"), prompts.SHOWN),
]


@pytest.fixture(scope="module", params=[512, 40], ids=["wide window", "narrow window"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Learner:
    """The starter; with the narrow window an answer no longer sees all of the photo."""
    spec = registry.find("core.vlms", VlmSpec, "starter")
    folder = tmp_path_factory.mktemp("base") / "base"
    shutil.copytree(spec.path(), folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["text_config"]["sliding_window"] = request.param
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    settings = TrainConfig(base_path=str(folder), classes=("a", "b"))
    found = learners.load(settings)
    found.train(False)
    return found


def plain(
    model: Learner, tokens: torch.Tensor, rendered: Rendered, filled: torch.Tensor | None = None
) -> torch.Tensor:
    """[S, hidden] states of one question alone, with the masks that transformers makes."""
    count = len(rendered.ids) if filled is not None or rendered.found < 0 else rendered.found
    image = tokens if filled is None else torch.cat([tokens, filled])
    return model.vlm.model.model(
        input_ids=torch.tensor([rendered.ids[:count]]),
        token_type_ids=torch.tensor([rendered.types[:count]]),
        mm_encoder_outputs={"image": BaseModelOutputWithPooling(pooler_output=image[None])},
        use_cache=False,
    ).last_hidden_state[0]


@torch.inference_mode()
def test_a_woven_question_is_answered_as_alone(model: Learner) -> None:
    rng = np.random.default_rng(3)
    photos = [rng.integers(0, 255, (448, 448, 3), dtype=np.uint8) for _ in range(2)]
    features = model.vlm.tower(model.vlm.pixels(photos))
    maps = model.head.features(head_input(model, photos), grid_of(model, features))
    tokens = model.vlm.tokens(features)
    asked = [Asked(i, model.vlm.render(p, a)) for i, p, a in QUESTIONS]
    told = converse(model, tokens, maps, asked)
    scores = told.scores(len(asked))
    for k, (one, (_, _, answer)) in enumerate(zip(asked, QUESTIONS, strict=True)):
        said = one.rendered
        states = plain(model, tokens[one.photo], said)
        owner = torch.tensor([one.photo])
        if prompts.SEG in answer:
            seg = states[said.ids.index(model.vlm.seg)][None]
            place = told.mask_rows.index(k)
            torch.testing.assert_close(told.states[place], seg[0], atol=2e-4, rtol=1e-4)
            mask = model.head.masks(maps, seg, owner)
            torch.testing.assert_close(told.masks[place], mask[0], atol=2e-3, rtol=1e-4)
        if said.found >= 0:
            found = model.head.describe(maps, mask, owner)
            states = plain(model, tokens[one.photo], said, found)
        chances = model.vlm.logits(states[said.prompt - 1 : -1]).log_softmax(-1)
        counted = [
            chances[j - said.prompt, said.ids[j]]
            for j in range(said.prompt, len(said.ids))
            if j != said.found
        ]
        torch.testing.assert_close(scores[k], torch.stack(counted).sum(), atol=1e-3, rtol=1e-4)


@torch.inference_mode()
def test_answers_to_one_prompt_share_out_all_of_the_probability(model: Learner) -> None:
    photos = [np.full((448, 448, 3), shade, np.uint8) for shade in (60, 200)]
    features = model.vlm.tower(model.vlm.pixels(photos))
    maps = model.head.features(head_input(model, photos), grid_of(model, features))
    classes = ("rust", "rusty leaf", "leaf_miner", "healthy")
    asked = [
        Asked(i, model.vlm.render(prompts.DIAGNOSE, prompts.diagnosis(c)))
        for i in (0, 1)
        for c in classes
    ]
    asked += [Asked(0, model.vlm.render(prompts.named("rust"), a)) for a in prompts.NAMED_ANSWERS]
    told = converse(model, model.vlm.tokens(features), maps, asked)
    chances = told.choices(len(asked)).exp()
    for part in (chances[:4], chances[4:8], chances[8:]):
        assert float(part.sum()) == pytest.approx(1)
        assert float(part.min()) > 0
    assert bool((told.choices(len(asked)) >= told.scores(len(asked)) - 1e-6).all())


@torch.inference_mode()
def test_a_batch_without_any_mask_is_answered_too(model: Learner) -> None:
    photos = [np.full((448, 448, 3), 90, np.uint8)]
    features = model.vlm.tower(model.vlm.pixels(photos))
    maps = model.head.features(head_input(model, photos), grid_of(model, features))
    asked = [Asked(0, model.vlm.render(prompts.LESIONS, prompts.NOTHING))]
    told = converse(model, model.vlm.tokens(features), maps, asked)
    assert torch.isfinite(told.scores(1)).all()
    assert told.mask_rows == []
    assert len(told.masks) == 0


def rendered(*ids: int, prompt: int, found: int = -1) -> Rendered:
    return Rendered(ids, tuple(int(i == 1) for i in ids), prompt, found)


def test_what_questions_share_is_read_once() -> None:
    asked = [
        Asked(0, rendered(9, 1, 1, 5, 7, 3, prompt=4)),
        Asked(0, rendered(9, 1, 1, 5, 7, 4, prompt=4)),
        Asked(0, rendered(9, 1, 1, 6, 7, 3, prompt=4)),
    ]
    woven = weave(asked, seg=7, pad=0)
    assert woven.ids.tolist() == [[9, 1, 1, 5, 7, 3, 4, 6, 7, 3]]
    assert woven.places.tolist() == [[0, 1, 2, 3, 4, 5, 5, 3, 4, 5]]
    # The image sees itself whole, a branch sees nothing of another.
    assert woven.sees[0, 1].nonzero()[0].tolist() == [0, 1, 2]
    assert woven.sees[0, 9].nonzero()[0].tolist() == [0, 1, 2, 7, 8, 9]
    assert woven.masks.tolist() == [[0, 0, 4], [1, 0, 4], [2, 0, 8]]


def test_what_depends_on_a_mask_comes_after_everything_else() -> None:
    asked = [
        Asked(4, rendered(9, 1, 5, 7, 2, 3, prompt=3, found=4)),
        Asked(4, rendered(9, 1, 5, 7, 2, 8, prompt=3, found=4)),
        Asked(4, rendered(9, 1, 6, 7, prompt=3)),
    ]
    woven = weave(asked, seg=7, pad=0)
    assert woven.early == 6
    assert woven.ids.tolist() == [[9, 1, 5, 7, 6, 7, 2, 3, 8]]
    assert woven.found.tolist() == [[0, 3]]
    assert woven.photos.tolist() == [4]
    assert woven.answers.tolist() == [
        [0, 0, 2, 7], [0, 0, 6, 3], [1, 0, 2, 7], [1, 0, 6, 8], [2, 0, 4, 7]
    ]  # fmt: skip
