"""From predictions to scores: masks on the photo's own pixels against the person's.

Knows predictions, truth and files of the run folder; knows no optimiser and no window.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import files
from core.domain.run import Score, TargetScore
from core.geometry.severity import concordance, mask_severity, overlap
from core.imaging.probability import to_mask, write_probability
from core.services.review import review
from core.training import prompts
from core.training.config import Answers, TrainConfig
from core.training.learner import Learner
from core.training.photos import target_masks
from core.training.predict import Prediction, predict
from core.training.run_folder import RunFolder, Sample, score_to_json

BATCH = 8
Photos = Callable[[int], NDArray[np.uint8]]


def predictions(
    learner: Learner,
    config: TrainConfig,
    samples: Sequence[Sample],
    photo: Photos,
) -> Iterator[Prediction]:
    """One prediction a sample, in order. ``photo(i)`` gives [h, w, 3] uint8."""
    # Where training had to take smaller bites, so has this.
    size = min(BATCH, config.batch_size)
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        yield from predict(
            learner,
            [photo(start + i) for i in range(len(part))],
            config.classes,
            config.healthy,
            named=[[n for n in s.lesions if n and n in config.classes] for s in part],
            class_only=config.answers is Answers.CLASS,
        )


def score(run: RunFolder, sample: Sample, said: Prediction, prediction: str = "") -> Score:
    """Every target's overlap at photo size, and both severities.

    Of a model that names the class alone there are neither masks nor a severity.
    """
    size = (sample.width, sample.height)
    masks = {name: to_mask(p, size) for name, p in said.targets.items()}
    truths = target_masks(sample)
    targets = []
    for name, mask in masks.items():
        truth = truths.get(name)
        if truth is None and name not in (prompts.LEAF_TARGET, prompts.LESION_TARGET):
            continue
        if truth is not None:
            o = overlap(truth, mask)
            targets.append(TargetScore(name, o.dice, o.iou, o.truth_empty, o.prediction_empty))
    lesions = next((t.dice for t in targets if t.target == prompts.LESION_TARGET), None)
    true_severity = predicted_severity = None
    if masks:
        if prompts.LESION_TARGET in truths:
            leaf = truths.get(prompts.LEAF_TARGET)
            true_severity = mask_severity(leaf, truths[prompts.LESION_TARGET])
        drawn = masks[prompts.LEAF_TARGET], masks[prompts.LESION_TARGET]
        predicted_severity = mask_severity(*drawn)
    return Score(
        run=run.id,
        image=sample.image,
        split=sample.split,
        dice=lesions,
        targets=tuple(targets),
        truth=sample.disease,
        predicted=said.predicted,
        probabilities=said.probabilities,
        severity=predicted_severity or 0.0,
        true_severity=true_severity,
        prediction=prediction,
    )


def score_run(
    run: RunFolder,
    learner: Learner,
    config: TrainConfig,
    samples: Sequence[Sample],
    photo: Photos,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Score]:
    """Scores every sample, writes its masks under ``predictions/``, then ``scores.jsonl``."""
    run.predictions.mkdir(parents=True, exist_ok=True)
    scores: list[Score] = []
    said = predictions(learner, config, samples, photo)
    for i, (sample, one) in enumerate(zip(samples, said, strict=True)):
        path = ""
        if one.targets:
            masks = write_masks(run.predictions, str(sample.image), one)
            path = masks.relative_to(run.root).as_posix()
        scores.append(score(run, sample, one, path))
        progress(i + 1, len(samples))
    write_scores(run.scores, scores)
    return scores


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """One photo a line, whole or not at all. Raises DiskFull, ExportRefused."""
    text = "".join(json.dumps(score_to_json(s), ensure_ascii=False) + "\n" for s in scores)
    with files.whole_file(path) as draft:
        draft.write_text(text, "utf-8")


def write_masks(folder: Path, stem: str, said: Prediction) -> Path:
    """``stem.lesions.png`` and ``stem.leaf.png``; gives back the former."""
    for target in (prompts.LEAF_TARGET, prompts.LESION_TARGET):
        write_probability(folder / f"{stem}.{target}.png", said.targets[target])
    return folder / f"{stem}.{prompts.LESION_TARGET}.png"


def summary(scores: Sequence[Score]) -> dict[str, float]:
    """Final figures of the held-out photos (of all where nothing was held out), by name.

    ``lesion_dice`` and ``lesion_iou`` are means over leaves that have lesions, ``leaf_dice`` over
    outlined leaves, ``severity_ccc`` Lin's coefficient of the severity in percent.
    """
    held_out = [s for s in scores if s.split == "val"] or list(scores)
    seen = review(held_out)
    out: dict[str, float] = {"photos": float(len(held_out))}
    if seen.dice is not None:
        out["lesion_dice"] = seen.dice
        out["lesion_iou"] = _mean_target(held_out, prompts.LESION_TARGET, "iou")
    if seen.accuracy is not None:
        out["accuracy"] = seen.accuracy
    leaf = _mean_target(held_out, prompts.LEAF_TARGET, "dice")
    if leaf >= 0:
        out["leaf_dice"] = leaf
    pairs = [(s.true_severity, s.severity) for s in held_out if s.true_severity is not None]
    if len(pairs) > 2:
        out["severity_ccc"] = concordance([a for a, _ in pairs], [b for _, b in pairs])
    out |= {
        "both_empty": float(seen.both_empty),
        "invented": float(seen.invented),
        "missed": float(seen.missed),
    }
    return out


def _mean_target(scores: Sequence[Score], target: str, figure: str) -> float:
    """Mean over photos where the target exists; -1 where there is none."""
    values = [
        getattr(t, figure)
        for s in scores
        for t in s.targets
        if t.target == target and not t.truth_empty
    ]
    return float(np.mean(values)) if values else -1.0
