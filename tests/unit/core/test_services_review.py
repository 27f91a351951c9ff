"""Review shows what was scored, as it was scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.domain.ids import ImageId, RunId
from core.domain.run import Run, RunState, Score, TargetScore
from core.errors import WorkerFailed
from core.imaging.probability import stretch
from core.ports import ImageQuery
from core.services import review
from core.training.run_folder import RunFolder
from tests.doubles.projects import Leaf, leaves, make_project

RUN = RunId("20261121-120000-aa")


def score(
    image: int,
    dice: float | None,
    *,
    truth_empty: bool = False,
    prediction_empty: bool = False,
    truth: str | None = "rust",
) -> Score:
    target = TargetScore("lesions", dice or 0.0, 0.0, truth_empty, prediction_empty)
    return Score(
        run=RUN,
        image=ImageId(image),
        split="val",
        dice=dice,
        targets=() if dice is None else (target,),
        truth=truth,
        predicted="rust",
        probabilities=(("rust", 1.0),),
        severity=1.0,
        true_severity=None,
        prediction=f"predictions/{image}.lesions.png",
    )


def test_leaves_without_lesions_are_counted_apart_from_the_mean() -> None:
    found = review.review(
        [
            score(1, 0.8),
            score(2, 0.4),
            score(3, 0.0, prediction_empty=True),
            score(4, 1.0, truth_empty=True, prediction_empty=True),
            score(5, 0.0, truth_empty=True),
            score(6, None, truth="scab"),
        ]
    )
    assert found.dice == pytest.approx(0.4)
    assert (found.scored, found.measured, found.with_lesions) == (6, 5, 3)
    assert (found.both_empty, found.invented, found.missed) == (1, 1, 1)
    assert found.accuracy == pytest.approx(5 / 6)


def test_buckets_hold_what_lies_below_their_threshold() -> None:
    scores = [score(i, dice) for i, dice in enumerate([0.0, 0.29, 0.30, 0.5, 0.64, 0.65, 0.75, 1])]
    found = {b.below: b.count for b in review.buckets(scores)}
    assert found == {0.30: 2, 0.50: 3, 0.65: 5, 0.75: 6}


def test_nothing_scored_gives_no_figures() -> None:
    found = review.review([])
    assert (found.dice, found.accuracy) == (None, None)


def test_every_hard_leaf_is_found_worst_first(tmp_path: Path) -> None:
    store = make_project(tmp_path, leaves())
    store.put_run(Run(RUN, "", "starter", RunState.FINISHED, "", f"runs/{RUN}"))
    images = store.image_ids(ImageQuery())
    values = [0.9, 0.2, 0.2, 0.7, None, 0.1, *[0.95] * 6]
    store.put_scores([replace(score(0, d), image=i) for i, d in zip(images, values, strict=True)])
    assert [s.dice for s in review.below(store, RUN, 0.75)] == [0.1, 0.2, 0.2, 0.7]
    store.close()


def test_a_prediction_is_stretched_over_its_photo(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.predictions.mkdir()
    grid = np.zeros((4, 4), np.uint8)
    grid[:, 2:] = 255
    Image.fromarray(grid).save(folder.predictions / "7.lesions.png")
    Image.fromarray(np.full((4, 4), 127, np.uint8)).save(folder.predictions / "7.leaf.png")
    found = review.load_prediction(folder, score(7, 0.5), (80, 40))
    assert found.stretched().shape == (40, 80)
    mask = found.lesion_mask()
    assert mask.shape == (40, 80)
    assert mask[:, 45:].all()
    assert not mask[:, :35].any()
    leaf = found.leaf_mask()
    assert leaf is not None
    assert not leaf.any(), "127 lies below the threshold"
    assert found.leaf_mask(100).all()  # type: ignore[union-attr]


def test_stretching_is_bilinear() -> None:
    ramp = stretch(np.array([[0, 200]], np.uint8), (8, 2))
    assert np.all(np.diff(ramp[0].astype(int)) >= 0)
    assert len(set(ramp[0])) > 2


@pytest.mark.parametrize("name", ["../7.lesions.png", "/etc/passwd", "", "predictions/7.gone.png"])
def test_predictions_outside_the_run_or_gone_are_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "7.lesions.png")
    with pytest.raises(WorkerFailed, match="score"):
        review.load_prediction(
            RunFolder(tmp_path / "run"), replace(score(7, 0.5), prediction=name), (8, 8)
        )


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 40], ids=["empty", "gif", "torn"]
)
def test_a_damaged_prediction_is_told(tmp_path: Path, data: bytes) -> None:
    folder = RunFolder(tmp_path)
    folder.predictions.mkdir()
    (folder.predictions / "7.lesions.png").write_bytes(data)
    with pytest.raises(WorkerFailed, match="score the run again"):
        review.load_prediction(folder, score(7, 0.5), (8, 8))


def test_the_truth_is_what_is_outlined_now(tmp_path: Path) -> None:
    mixed = Leaf("a.png", "rust", (("rust", (10, 10, 20, 18)), ("", (30, 30, 32, 32))))
    store = make_project(tmp_path, [mixed, Leaf("b.png", leaf=None)])
    first, second = store.image_ids(ImageQuery())
    truth = review.load_truth(store, store.image(first))
    assert truth.lesions.sum() == 84
    assert set(truth.by_disease) == {"rust", ""}
    assert truth.leaf is not None
    assert truth.leaf.sum() == 56 * 40
    assert review.load_truth(store, store.image(second)).leaf is None
    store.close()


def test_differences_and_dice() -> None:
    truth = np.array([[True, True, False, False]])
    said = np.array([[True, False, True, False]])
    assert review.difference(truth, said).tolist() == [[1, 2, 3, 0]]
    assert review.dice(truth, said) == 0.5
    nothing = np.zeros((1, 4), bool)
    assert review.dice(nothing, nothing) == 1
    assert review.dice(truth, nothing) == 0
