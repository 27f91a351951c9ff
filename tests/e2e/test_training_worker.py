"""A run does what it says: it learns, stops when asked, goes on exactly, and leaves an adapter."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.domain.run import Score
from core.errors import AdapterRefused, TrainingRefused, WorkerFailed
from core.heads.base import shrink
from core.imaging.decode import decode_rgb
from core.training import adapter, checkpoints, events, scoring
from core.training.config import Answers, Layers
from core.training.learner import load, spoken
from core.training.recipe import Recipe
from core.training.run_folder import RunFolder
from core.workers.client import WorkerClient
from tests.drawn_run import SETTINGS, drawn_run

pytestmark = pytest.mark.usefixtures("one_core")


def fit(run: RunFolder, *, stop_after: int | None = None) -> list[events.TrainEvent]:
    """Runs the recipe in this process; ``stop_after`` counts optimiser steps of this call."""
    told: list[events.TrainEvent] = []
    end: list[int] = []
    recipe = Recipe(run, told.append, lambda: bool(end) and recipe.progress.step >= end[0])
    recipe.setup()
    if stop_after is not None:
        end.append(recipe.progress.step + stop_after)
    recipe.finish(stopped=recipe.fit())
    return told


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = drawn_run(tmp_path_factory.mktemp("finished") / "run")
    torch.set_num_threads(1)
    fit(run)
    return run


def test_a_run_scores_every_photo_and_keeps_what_it_saw(finished: RunFolder) -> None:
    scores = list(finished.read_scores())
    assert [s.image for s in scores] == [s.image for s in finished.read_samples()]
    for score in scores:
        assert sum(p for _, p in score.probabilities) == pytest.approx(1)
        assert {n for n, _ in score.probabilities} == set(SETTINGS.classes)
        assert {"leaf", "lesions"} <= {t.target for t in score.targets}
        with Image.open(finished.root / score.prediction) as picture:
            assert picture.mode == "L"
            mask = np.asarray(picture)
        assert score.predicted != "healthy" or not mask.any()
    assert sorted(p.name for p in (finished.watch / "step-0000000").iterdir()) == [
        "1000.png",
        "1001.png",
        "scores.jsonl",
    ]


def test_training_stopped_half_way_goes_on_bit_for_bit(finished: RunFolder, tmp_path: Path) -> None:
    run = drawn_run(tmp_path / "run")
    fit(run, stop_after=2)
    told = fit(run)
    assert any(isinstance(e, events.Notice) and "step 2" in e.text for e in told)
    whole, parts = (checkpoints.latest(r.checkpoints) for r in (finished, run))
    assert whole is not None
    assert parts is not None
    assert whole.progress.step == parts.progress.step == 6
    assert all(torch.equal(t, parts.weights[n]) for n, t in whole.weights.items())


def scores_of(run: RunFolder) -> list[Score]:
    """What the run's adapter alone says of the run's photos."""
    learner, config = adapter.load_adapter(run.adapter)
    samples = run.read_samples()
    photos = [shrink(decode_rgb(Path(s.path)), 448) for s in samples]
    said = scoring.predictions(learner, config, samples, lambda i: photos[i])
    return [scoring.score(run, s, one) for s, one in zip(samples, said, strict=True)]


def test_the_adapter_alone_says_what_the_run_said(finished: RunFolder) -> None:
    for again, before in zip(scores_of(finished), finished.read_scores(), strict=True):
        assert again.predicted == before.predicted
        assert [t.dice for t in again.targets] == pytest.approx([t.dice for t in before.targets])


def test_a_second_round_starts_from_the_first_ones_adapter(
    finished: RunFolder, tmp_path: Path
) -> None:
    run = drawn_run(
        tmp_path / "run", settings=replace(SETTINGS, parent=str(finished.adapter), epochs=0.4)
    )
    first = next(e for e in fit(run) if isinstance(e, events.Evaluated))
    held_out = [s.dice for s in scores_of(finished) if s.split == "val"]
    sick = [d for d, s in zip(held_out, (0, 5, 10), strict=True) if s % 3]
    assert first.step == 0
    assert first.dice == pytest.approx(float(np.mean(sick)))


def test_a_persons_own_adapter_starts_a_run_with_other_classes(
    finished: RunFolder, tmp_path: Path
) -> None:
    """What it learnt of a disease that is still among the classes is there at the first step."""
    settings = replace(SETTINGS, classes=("healthy", "scorch", *SETTINGS.classes[1:]))
    run = drawn_run(tmp_path / "run", settings=replace(settings, parent=str(finished.adapter)))
    recipe = Recipe(run, lambda e: None, lambda: False)
    recipe.setup()
    before, _ = adapter.load_adapter(finished.adapter)
    old, new = (
        spoken(before.vlm, SETTINGS.classes),
        spoken(recipe.learner.vlm, settings.classes),
    )
    assert set(old) < set(new)
    (name,) = (n for n in before.adapter() if n.endswith(adapter.TOKENS))
    was, now = before.adapter()[name], recipe.learner.adapter()[name]
    for row, token in enumerate(old):
        assert torch.equal(was[row], now[new.index(token)])
    others = before.adapter().keys() - {name}
    assert all(torch.equal(before.adapter()[n], recipe.learner.adapter()[n]) for n in others)


def test_lora_on_the_attention_alone_leaves_the_other_layers_as_they_are(tmp_path: Path) -> None:
    learner = load(replace(SETTINGS, layers=Layers.ATTENTION))
    adapted = [n for n in learner.parameters() if "lora_A" in n]
    assert adapted
    assert all("self_attn" in n for n in adapted)


def test_the_control_learns_and_names_the_class_without_any_mask(tmp_path: Path) -> None:
    settings = replace(SETTINGS, answers=Answers.CLASS, epochs=0.7, watch=(1000,))
    run = drawn_run(tmp_path / "run", photos=10, settings=settings)
    told = fit(run)
    scores = list(run.read_scores())
    assert len(scores) == 10
    assert all(s.dice is None and s.targets == () and s.prediction == "" for s in scores)
    assert all(sum(p for _, p in s.probabilities) == pytest.approx(1) for s in scores)
    looks = [e for e in told if isinstance(e, events.Evaluated)]
    assert all(e.dice is None and e.accuracy is not None and e.watch == {} for e in looks)
    _, config = adapter.load_adapter(run.adapter)
    assert config.answers is Answers.CLASS


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: (f / "head.safetensors").write_bytes(b"x" * 10), "copy the whole folder"),
        (lambda f: (f / "evil.py").write_text("import os"), "evil.py"),
        (lambda f: (f / "adapter_model.safetensors").unlink(), "lacks"),
    ],
)
def test_a_changed_adapter_is_refused_by_name(
    finished: RunFolder, tmp_path: Path, damage: object, sentence: str
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(finished.adapter, folder)
    damage(folder)  # type: ignore[operator]
    with pytest.raises(AdapterRefused, match=sentence):
        adapter.load_adapter(folder)


def test_tensors_of_another_shape_or_not_finite_are_refused(finished: RunFolder) -> None:
    learner, _ = adapter.load_adapter(finished.adapter)
    good, head = learner.adapter(), dict(learner.head.module.state_dict())
    name = next(iter(good))
    for bad in (good[name][:1].clone(), torch.full_like(good[name], float("inf"))):
        with pytest.raises(AdapterRefused):
            learner.load_adapter(good | {name: bad}, head)


def test_one_class_is_refused_with_what_to_do(tmp_path: Path) -> None:
    run = drawn_run(tmp_path / "run", photos=4)
    run.config.write_text(replace(SETTINGS, classes=("rust",), healthy="").to_json())
    with pytest.raises(TrainingRefused, match="at least two classes"):
        Recipe(run, lambda e: None, lambda: False)


def test_a_photo_that_changed_since_the_snapshot_is_named(tmp_path: Path) -> None:
    run = drawn_run(tmp_path / "run", photos=6)
    Image.new("RGB", (160, 120)).save(run.root / "3.png")
    with pytest.raises(TrainingRefused, match=r"3\.png"):
        fit(run)


def test_a_loss_that_is_no_number_stops_before_it_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nan = torch.tensor(float("nan"), requires_grad=True)
    monkeypatch.setattr("core.training.objective.mask_loss", lambda *a, **k: nan)
    run = drawn_run(tmp_path / "run", photos=6)
    with pytest.raises(WorkerFailed, match="before anything was learnt") as told:
        fit(run)
    assert "choose another" in str(told.value)
    assert checkpoints.steps(run.checkpoints) == []


def test_the_worker_process_stops_on_a_word_and_survives_a_kill(tmp_path: Path) -> None:
    run = drawn_run(tmp_path / "run", settings=replace(SETTINGS, epochs=400.0))
    with WorkerClient("train", str(run.root), log=run.log) as worker:
        steps = 0
        for event in worker.events(timeout=120):
            steps += event["event"] == "step"
            if steps == 1:
                os.kill(worker.pid, signal.SIGKILL)
        assert steps
        assert worker.outcome().crashed
    last = {}
    with WorkerClient("train", str(run.root), log=run.log) as again:
        for event in again.events(timeout=120):
            last = event
            if event["event"] == "step":
                again.send("stop")
    assert last["event"] == "finished"
    assert last["stopped"] is True
    adapter.load_adapter(run.adapter)
    assert checkpoints.latest(run.checkpoints) is not None
    told = [json.loads(line)["event"] for line in run.events.read_text().splitlines()]
    assert told.count("hello") == 2
    assert told[-1] == "finished"
