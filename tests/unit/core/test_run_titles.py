"""A run's title is in the language of whoever reads it, whoever trained it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core import language
from core.domain.ids import RunId
from core.domain.run import Run, RunState
from core.services import run_titles
from core.training.config import Answers, Stage, TrainConfig

PLAIN = TrainConfig(base="gemma-3", minutes=30)


@pytest.fixture
def portuguese() -> Iterator[None]:
    yield
    language.use("en")


def run(title: str) -> Run:
    return Run(RunId("r1"), title, "gemma-3", RunState.FINISHED, "2026-11-21T12:00:00", "runs/r1")


@pytest.mark.parametrize(
    ("config", "continued", "english", "there"),
    [
        (PLAIN, False, "Gemma 3, 30 min, 1,200 leaves", "Gemma 3, 30 min, 1.200 folhas"),
        (PLAIN, True, "Gemma 3 continued, 30", "Gemma 3 continuado, 30"),
        (replace(PLAIN, answers=Answers.CLASS), True, "Gemma 3, class alone", "só a classe"),
        (replace(PLAIN, stage=Stage.PREFERENCE), True, "preference on masks", "preferência"),
        (replace(PLAIN, stage=Stage.HARD, below=0.4), True, "below 0.40, 30", "0,40, 30"),
    ],
)
@pytest.mark.usefixtures("portuguese")
def test_a_run_is_called_in_the_language_of_who_reads_it(
    config: TrainConfig, continued: bool, english: str, there: str
) -> None:
    kept = run(run_titles.kept(config, 1200, continued=continued))
    fold = run(run_titles.kept_fold(kept, 2, 5))
    assert english in run_titles.title(kept)
    assert english in run_titles.title(fold)
    assert run_titles.title(fold).startswith("Fold 2 of 5 · ")
    language.use("pt_BR")
    assert there in run_titles.title(kept)
    assert there in run_titles.title(fold)
    assert "Fold" not in run_titles.title(fold)


def test_a_title_of_an_earlier_leafspot_stays_as_it_was_written() -> None:
    old = run("Gemma 3 continuado, 30 min, 120 folhas")
    assert run_titles.title(old) == old.title
    assert run_titles.title(run(run_titles.kept_fold(old, 1, 3))) == f"Fold 1 of 3 · {old.title}"
    assert run_titles.title(run("")) == "r1"


@pytest.mark.parametrize(
    "odd",
    ["{", "{}", '{"fold": 3}', '{"base": 1}', '{"base":"x","way":"fresh","minutes":{},"leaves":2}',
     '{"base":"x","way":"fresh","minutes":1,"leaves":1e999}', '{"fold":[1],"run":""}'],
)  # fmt: skip
def test_a_title_from_elsewhere_is_shown_as_it_is(odd: str) -> None:
    assert run_titles.title(run(odd)) == odd


def test_a_base_model_that_is_not_known_here_is_called_by_its_id() -> None:
    kept = run(run_titles.kept(replace(PLAIN, base="later-model"), 1, continued=False))
    assert run_titles.title(kept) == "later-model, 30 min, 1 leaf"
