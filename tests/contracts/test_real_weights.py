"""What holds for small models of random numbers holds for the real weights of Gemma 3 270M."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.training import learner as learners
from core.training import prompts
from core.training.config import Method, TrainConfig
from core.training.forward import Told, converse, mask_loss
from core.training.learner import Learner
from core.training.predict import grid_of, head_input
from core.training.weave import Asked
from tests.bench import gemma270
from tests.small_vlms import generated_state

pytestmark = [pytest.mark.slow, pytest.mark.gemma270]

CLASSES = ("healthy", "rust")
PHOTO = np.random.default_rng(3).integers(0, 255, (96, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    """In 4 bits behind a small CLIP, as ``leafspot assemble`` puts it together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("XDG_CACHE_HOME", raising=False)  # it is read from where the user keeps it
        if not gemma270.is_kept():
            pytest.skip("not converted yet: python tests/bench/gemma270.py")
        torch.manual_seed(0)  # the projector begins with random numbers
        folder = gemma270.clip(tmp_path_factory.mktemp("real") / "gemma-clip")
    config = TrainConfig(
        base="gemma-clip",
        base_path=str(folder),
        method=Method.QLORA_NF4,
        classes=CLASSES,
        healthy="healthy",
    )
    return learners.load(config)


def told(learner: Learner) -> Told:
    features = learner.vlm.tower(learner.vlm.pixels([PHOTO]))
    maps = learner.head.features(head_input(learner, [PHOTO]), grid_of(learner, features))
    questions = [
        (prompts.DIAGNOSE, prompts.diagnosis("rust")),
        (prompts.named("rust"), prompts.SHOWN),
    ]
    asked = [Asked(0, learner.vlm.render(prompt, answer)) for prompt, answer in questions]
    return converse(learner, learner.vlm.tokens(features), maps, asked)


def loss(found: Told) -> torch.Tensor:
    return mask_loss(found.masks, torch.ones_like(found.masks)) - found.answer.mean()


def test_a_step_teaches_what_is_trained_and_nothing_else(learner: Learner) -> None:
    # The rate that a base from a folder begins with: at five times that one step may overshoot.
    optimiser = torch.optim.AdamW(learner.parameters().values(), lr=2e-4)
    learner.train(False)
    with torch.no_grad():
        before = loss(told(learner))
    learner.train(True)
    torch.autograd.backward(loss(told(learner)))
    silent = [
        name
        for name, p in learner.parameters().items()
        # LoRA's A has no gradient while its B is still zero.
        if (p.grad is None or not bool(p.grad.abs().sum())) and "lora_A" not in name
    ]
    assert silent == []
    assert [n for n, p in learner.peft.named_parameters() if p.grad is not None] == [
        n for n, p in learner.peft.named_parameters() if p.requires_grad
    ]
    optimiser.step()
    optimiser.zero_grad()
    learner.train(False)
    with torch.no_grad():
        assert loss(told(learner)) < before


def test_generating_comes_by_the_same_state_as_training(learner: Learner) -> None:
    processor = learner.vlm.processor
    learner.train(False)
    with torch.no_grad():
        ours = told(learner)
    content = [{"type": "image"}, {"type": "text", "text": prompts.DIAGNOSE}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    inputs = processor(text=text, images=[PHOTO], return_tensors="pt", add_special_tokens=False)
    theirs = generated_state(learner, inputs)
    torch.testing.assert_close(theirs, ours.states[0], atol=2e-3, rtol=1e-3)
