"""What a project's runs came to can be read in a terminal, with how sure each figure is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import cli
from core.ports import ImageQuery, ProjectStore
from core.services.train import prepare_run
from core.services.training_session import train
from core.training.config import Stage, TrainConfig
from tests.doubles.projects import leaves, make_project
from tests.doubles.workers import fake_base, play, use_doubles


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectStore]:
    """48 leaves, 12 of them held out; training is played."""
    use_doubles(monkeypatch, "train")
    monkeypatch.setattr("core.vlms.base.MODELS", tmp_path / "models")
    fake_base(tmp_path / "models" / "starter")
    project = make_project(tmp_path, leaves(48))
    yield project
    project.close()


def trained(store: ProjectStore, **settings: Any) -> str:
    folder = prepare_run(store, TrainConfig(**settings))
    train(store, folder, on_event=lambda _event: None)
    return folder.id


def test_runs_are_listed_newest_first_with_what_they_reached(
    store: ProjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trained(store)
    aside = trained(store, control_of=first)
    folder = str(store.folder)
    store.close()
    assert cli.main(["runs", folder]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition("  ")[0] for line in said] == [aside, first]
    assert "Finished" in said[1]
    assert "Dice 0." in said[1]
    assert said[0].endswith("not to be taken away")
    assert cli.main(["runs", folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["runs"]
    assert [run["kept"] for run in told] == [False, True]
    assert "lesion_dice" in told[1]["summary"]


def test_one_run_is_told_with_intervals_settings_and_versions(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = [i for i in store.image_ids(ImageQuery()) if store.image(i).split == "val"]
    play(monkeypatch, dice={str(i): 0.6 + 0.02 * k for k, i in enumerate(held)})
    run = trained(store, seed=7)
    folder = str(store.folder)
    store.close()
    assert cli.main(["runs", folder, "--run", run]) == 0
    said = capsys.readouterr().out
    assert "On 12 leaves that it did not learn from, with 95 % intervals:" in said
    assert "seed: 7" in said
    assert " to " in next(line for line in said.splitlines() if line.startswith("  lesion Dice:"))
    assert cli.main(["runs", folder, "--run", run, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    value, low, high = figures["dice"]
    assert low < value < high
    assert figures["leaves"] == 12
    assert sum(map(sum, figures["confusion"]["counts"])) == 12
    assert set(figures["classes"]) == set(figures["confusion"]["classes"])


def test_runs_are_compared_on_the_same_leaves_and_one_is_named_to_take_away(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = [i for i in store.image_ids(ImageQuery()) if store.image(i).split == "val"]
    runs = []
    for gain in (0.0, 0.1):
        dice = {str(i): 0.6 + gain + 0.01 * (k % 5) for k, i in enumerate(held)}
        play(monkeypatch, dice=dice)
        runs.append(trained(store))
    folder = str(store.folder)
    store.close()
    assert cli.main(["runs", folder, "--compare", *runs]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].startswith(f"A  {runs[0]}")
    assert "On the 12 held-out leaves that all of them have scored." in said
    assert "B  lesion Dice +0.10 (+0.10 to +0.10)" in said
    assert "Take B away: its outlines are better than those of A" in said
    assert cli.main(["runs", folder, "--compare", *runs, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["runs"]
    assert first["less_the_first"] is None
    assert second["less_the_first"]["dice"][0] == pytest.approx(0.1)
    assert set(second["less_the_first"]["classes"]) == set(second["classes"])
    assert cli.main(["runs", folder, "--compare", runs[0]]) == 2
    assert "Name two to 26 runs" in capsys.readouterr().err


def test_a_stage_is_told_with_whether_it_was_kept(
    store: ProjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(store)
    later = prepare_run(store, TrainConfig(stage=Stage.PREFERENCE), parent=store.runs()[0])
    train(store, later, on_event=lambda _event: None)
    folder = str(store.folder)
    store.close()
    assert cli.main(["runs", folder, "--run", later.id]) == 0
    assert "ccepted" in capsys.readouterr().out.splitlines()[-1]


def test_a_project_without_runs_and_a_run_that_is_none_are_said(
    store: ProjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(store.folder)
    store.close()
    assert cli.main(["runs", folder]) == 0
    assert capsys.readouterr().out == "No run yet.\n"
    assert cli.main(["runs", folder, "--run", "none"]) == 2
    assert "There is no run “none”" in capsys.readouterr().err
