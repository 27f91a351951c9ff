"""What Review computes before it shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QScrollArea
from whole_window import window

from core.domain.ids import ImageId, RunId
from core.domain.run import Run, RunState, Score, TargetScore
from core.services.figures import Confusion, figures_of, gain
from core.services.review import dice
from core.training.config import TrainConfig
from gui.controllers import wording
from gui.controllers.review import BeforeAfter, compare, dice_curve
from gui.controllers.run_progress import RunProgress
from gui.controllers.run_report import RunReport
from gui.panels.review import compared_sentence
from gui.panels.review_figures import FiguresView
from gui.panels.review_list import class_line
from gui.panels.train_run import outcome_sentence


def score(image: int, value: float | None, *, truth: str | None = "rust") -> Score:
    return Score(
        RunId("r"), ImageId(image), "train", value, (), truth, "rust", (("rust", 1.0),),
        1.0, None, "",
    )  # fmt: skip


def test_the_dice_beside_the_slider_is_the_dice_of_that_cut() -> None:
    rng = np.random.default_rng(3)
    probability = rng.integers(0, 256, (40, 30), dtype=np.uint8)
    truth = probability > rng.integers(60, 200, (40, 30))
    curve = dice_curve(truth, probability)
    for threshold in (1, 77, 128, 255):
        assert curve[threshold] == pytest.approx(dice(truth, probability >= threshold))


def test_two_empty_masks_agree_at_every_cut() -> None:
    empty = np.zeros((5, 5), np.uint8)
    assert dice_curve(empty.astype(bool), empty)[128] == 1.0


def test_before_and_after_are_the_same_leaves() -> None:
    before = [score(1, 0.2), score(2, 0.8), score(3, None), score(4, 0.1)]
    after = [score(1, 0.6), score(2, 0.8), score(3, 0.9), score(9, 1.0)]
    found = compare(before, after, {1})
    assert found is not None
    overall, hard, count = found
    assert overall == pytest.approx((0.5, 0.7))
    assert hard == pytest.approx((0.2, 0.6))
    assert count == 1
    assert compare(before, [score(9, 1.0)], {1}) is None


def test_leaves_without_lesions_do_not_flatter_the_comparison() -> None:
    empty = TargetScore("lesions", 1.0, 1.0, truth_empty=True, prediction_empty=True)
    healthy = replace(score(2, 1.0), targets=(empty,))
    found = compare([score(1, 0.2), healthy], [score(1, 0.6), healthy], set())
    assert found is not None
    assert found[0] == pytest.approx((0.2, 0.6))


def test_both_dice_are_said_in_one_sentence() -> None:
    run = Run(RunId("a"), "", "starter", RunState.FINISHED, "", "")
    text = compared_sentence(BeforeAfter(run, (0.5, 0.7), (0.2, 0.6), 1))
    assert "0.50 → 0.70 overall" in text
    assert "0.20 → 0.60 on the 1 hard leaf" in text


def test_a_run_that_held_nothing_out_does_not_say_it_did() -> None:
    known = {"lesion_dice": 0.9, "held_out": 4.0}
    run = Run(RunId("a"), "", "starter", RunState.FINISHED, "", "", summary=tuple(known.items()))
    assert "held-out Dice 0.90" in wording.run_line(run)
    assert "On held-out leaves: Dice 0.90" in outcome_sentence(run, RunProgress())

    known["held_out"] = 0.0
    run = replace(run, summary=tuple(known.items()))
    assert "held-out" not in wording.run_line(run)
    assert "0.90" in wording.run_line(run)
    assert "On the leaves it learnt from: Dice 0.90" in outcome_sentence(run, RunProgress())


def test_the_line_says_what_the_model_took_it_for() -> None:
    assert class_line(score(1, 0.5, truth="blight")) == "blight → rust"
    assert class_line(score(1, 0.5)) == "rust"
    assert class_line(score(1, 0.5, truth=None)) == "? → rust"


def test_under_five_groups_no_interval_is_explained_that_is_not_there(qtbot) -> None:
    before, after = ([score(n, value) for n in range(8)] for value in (0.5, 0.9))
    run = Run(RunId("r"), "", "starter", RunState.FINISHED, "", "")

    def said(plots: int) -> tuple[str, str]:
        groups = {ImageId(n): f"plot {n % plots}" for n in range(8)}
        figures, tuned = figures_of(after, ("rust",), groups), gain(before, after, groups)
        report = RunReport(
            run, TrainConfig(base="starter"), True, figures, None, tuned, None, None, "", {}
        )
        view.put(report, may_train=False)
        return view.which.text(), view.worth.text()

    with window(qtbot) as program:
        view = FiguresView(program.context)
        qtbot.addWidget(view)
        assert said(2) == (
            "8 leaves of 2 groups: too few to say how sure a figure is.",
            "Too little was held out to say whether it is better than the untuned base.",
        )
        which, worth = said(6)
        assert "8 leaves of 6 groups. 95 %" in which
        assert "Dice +0.40" in worth


def test_the_figures_of_eight_diseases_fit_a_window_of_1280_pixels(qtbot) -> None:
    beside, scroll_bar = 371, 12
    with window(qtbot) as program:
        view = FiguresView(program.context)
        qtbot.addWidget(view)
        names = tuple(f"a disease with a long name, {n}" for n in range(8))
        view.confusion.put(Confusion(names, np.ones((8, 8), np.int64)))
        page = view.findChild(QScrollArea).widget()
        page.ensurePolished()
        page.layout().activate()
        assert page.minimumSizeHint().width() <= 1280 - beside - scroll_bar
