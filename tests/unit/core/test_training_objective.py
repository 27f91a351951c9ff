"""What a visit's noise does to what the model sees, through the real model."""

from __future__ import annotations

import pytest
import torch

from core.heads.base import Remembering
from core.training import prompts
from core.training.forward import Told
from core.training.noise import AS_IT_IS, Noise
from core.training.questions import Question
from core.training.recipe import Recipe
from core.training.visits import Turn, Visit
from tests.drawn_run import drawn_run

DARK = Noise(gamma=1.3, gains=(0.7, 0.8, 0.9))
HIDDEN = Noise(unseen=0.5, seed=3)
LOOK = Question(prompts.DIAGNOSE, prompts.diagnosis("rust"), prompts.LESION_TARGET)
NAME = Question(prompts.CLASSIFY, "rust")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    made = Recipe(drawn_run(tmp_path_factory.mktemp("run") / "run"), lambda _e: None, lambda: False)
    made.setup()
    made.learner.train(False)
    return made


@torch.no_grad()
def told(recipe: Recipe, question: Question, noise: Noise) -> Told:
    return recipe.objective.converse([Visit(1, Turn(), (question,), noise)])[0]


def test_a_visit_shows_the_mask_head_its_own_light(recipe: Recipe) -> None:
    plain, dark = (told(recipe, LOOK, n).masks for n in (AS_IT_IS, DARK))
    assert not torch.allclose(plain, dark, atol=1e-3)


def test_what_a_visit_hides_is_missing_from_the_photo_and_from_what_a_mask_found(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    for question in (LOOK, NAME):
        plain, hidden = (told(recipe, question, n).answer for n in (AS_IT_IS, HIDDEN))
        assert not torch.allclose(plain, hidden, atol=1e-3)
    # With all of the tower seen, only what was found is left to miss anything.
    seen = recipe.objective._features_of
    monkeypatch.setattr(recipe.objective, "_seen", seen)
    assert torch.equal(told(recipe, NAME, AS_IT_IS).answer, told(recipe, NAME, HIDDEN).answer)
    plain, hidden = (told(recipe, LOOK, n) for n in (AS_IT_IS, HIDDEN))
    assert torch.equal(plain.masks, hidden.masks)
    assert not torch.allclose(plain.answer, hidden.answer, atol=1e-3)


def test_a_head_that_remembers_what_it_saw_is_shown_photos_as_they_are(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = recipe.learner.head
    monkeypatch.setattr(head, "keep_in", lambda _folder: None, raising=False)
    monkeypatch.setattr(head, "sees_with", None, raising=False)
    assert isinstance(head, Remembering)
    assert torch.equal(told(recipe, LOOK, AS_IT_IS).masks, told(recipe, LOOK, DARK).masks)
