"""What the window has under Advanced, a terminal has as `--set`; remedies are told for both."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from core import cli
from core.commands import run_options, settings_option
from core.services.preflight import preflight
from core.training import forecast, trial_views
from core.training.config import Layers, Method, Optimiser, Tower, TrainConfig
from tests.doubles.projects import leaves, make_project
from tests.doubles.workers import fake_base, use_doubles

SET: dict[str, tuple[str, object]] = {
    "rank": ("8", 8), "alpha": ("24", 24), "dropout": ("0.1", 0.1),
    "layers": ("attention", Layers.ATTENTION), "tower": ("lora", Tower.LORA),
    "optimiser": ("adamw-8bit", Optimiser.ADAMW_8BIT), "recompute": ("yes", True),
    "learning_rate": ("1e-4", 1e-4), "head_learning_rate": ("2e-4", 2e-4),
    "batch_size": ("2", 2), "accumulation": ("4", 4), "epochs": ("2.5", 2.5),
    "evaluations": ("3", 3), "patience": ("2", 2), "balance": ("0.5", 0.5),
    "colour_jitter": ("0", 0.0), "feature_dropout": ("0", 0.0), "cache_gib": ("1", 1.0),
    "seed": ("7", 7), "threads": ("2", 2), "auto_batch_size": ("yes", True),
}  # fmt: skip
"""Of every setting what is written, and what is meant by it."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path, leaves()).close()
    return tmp_path / "coffee"


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    use_doubles(monkeypatch, "train")
    return f"gemma-3={fake_base(tmp_path / 'base')}"


def options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run_options.add(parser)
    return parser.parse_args(["project", "--base", "starter", *words])


def test_every_setting_of_the_window_can_be_set_in_a_terminal(
    project: Path, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for name, (text, _) in SET.items() for word in ("--set", f"{name}={text}")]
    line = ["train", str(project), "--base", base, "--prepare-only", "--json", *words]
    assert cli.main(line) == 0
    folder = Path(json.loads(capsys.readouterr().out)["folder"])
    config = TrainConfig.read(folder / "config.json")
    assert {name: getattr(config, name) for name in SET} == {n: v for n, (_, v) in SET.items()}
    assert set(SET) == set(settings_option.NAMES)


def test_a_terminal_has_what_the_window_has_under_advanced() -> None:
    from gui.panels import train_advanced

    numbers = {line.field for line in train_advanced.LINES}
    choices = {"layers", "tower", "optimiser", "recompute", "auto_batch_size"}
    assert numbers - {"hard_weight"} | choices == set(settings_option.NAMES), (
        "there are hard leaves in later stages alone"
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], True),
        (["rank=8"], True),
        (["batch_size=1"], False),
        (["accumulation=16"], False),
        (["accumulation=16", "auto_batch_size=true"], True),
        (["auto_batch_size=false"], False),
    ],
)
def test_a_number_of_photos_that_somebody_sets_is_kept(
    base: str, words: list[str], *, found: bool
) -> None:
    parser = argparse.ArgumentParser()
    run_options.add(parser)
    line = ["project", "--base", base, *(w for word in words for w in ("--set", word))]
    _, config = run_options.chosen(parser.parse_args(line))
    assert config.auto_batch_size is found


def test_what_is_set_lies_over_the_preset_and_is_what_preflight_looks_at(
    project: Path, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["preflight", str(project), "--base", base, "--quick", "--preset", "rank-64"]
    cli.main([*line, "--set", "rank=9"])
    assert "qlora-nf4, rank 9, head" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("written", "said"),
    [("rank", "sets nothing"), ("=3", "sets nothing"), ("minutes=5", "sets nothing"),
     ("base=x", "sets nothing"), ("rank=", "a whole number"), ("rank=two", "a whole number"),
     ("seed=1.5", "a whole number"), ("dropout=some", "a number with a decimal point"),
     ("dropout=0,1", "a number with a decimal point"), ("recompute=perhaps", "true or false"),
     ("tower=eiffel", "frozen or lora")],
)  # fmt: skip
def test_what_cannot_be_set_is_refused_in_one_sentence(
    written: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", "nowhere", "--base", "starter", "--set", written]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "nowhere" not in told, "before any work"
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    "written",
    [f"rank={'9' * 400}", "rank=0", "alpha=0", "dropout=nan", "seed=-1", "threads=-2",
     "cache_gib=inf", "learning_rate=1", "batch_size=0"],
)  # fmt: skip
def test_what_nobody_can_train_with_is_a_named_line_and_no_training(
    project: Path, base: str, written: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [str(project), "--base", base, "--set", written]
    assert cli.main(["preflight", *line, "--quick"]) == 1
    assert "FAIL  Settings: " in capsys.readouterr().out
    assert cli.main(["train", *line]) == 2


def test_a_remedy_for_memory_says_what_to_write_in_a_terminal() -> None:
    tight = TrainConfig(tower=Tower.LORA, rank=64)
    found = forecast.savings(tight, lambda config: 1.0 if config == tight else 0.5)
    assert len(found) == 6
    for saving in found:
        args = options(written(saving.text))
        told: dict[str, Any] = dict(args.settings)
        if args.method:
            told["method"] = Method(args.method)
        meant = {f.name: getattr(saving.config, f.name) for f in fields(TrainConfig)}
        assert told == {k: v for k, v in meant.items() if v != getattr(tight, k)}, saving.text


def test_a_part_that_does_not_learn_names_an_option_that_there_is() -> None:
    assert written(trial_views.way_out("tower")) == ["--set", "tower=frozen"]
    assert options(["--set", "tower=frozen"]).settings == [("tower", Tower.FROZEN)]
    assert written(trial_views.way_out("head")) == ["--head"]
    assert options(["--head", "grid"]).head == "grid"


def written(remedy: str) -> list[str]:
    """The words of a remedy that are for a terminal: those in its bracket."""
    found = re.search(r"\((--[^)]*)\)", remedy)
    assert found is not None, remedy
    return found.group(1).split()


def test_settings_that_cannot_be_have_no_size(project: Path, base: str) -> None:
    from core.services import bases
    from storage.projects import open_project

    store = open_project(project)
    config = TrainConfig(base="gemma-3", base_path=base.partition("=")[2], rank=10**400)
    found = preflight(store, bases.choose(base), config)
    store.close()
    assert not [c for c in found if c.id.startswith("memory")]
