"""Curves and bars show the figures they were given, and stay cheap."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from core.training.events import Evaluated, Step
from gui.controllers.run_progress import RunProgress
from gui.panels.bars import Bar, Bars
from gui.panels.charts import MOST_POINTS, Chart, Curves, smoothed, thinned
from gui.theme import Theme


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


def long_run(steps: int) -> RunProgress:
    progress = RunProgress()
    for number in range(1, steps + 1):
        progress.take(Step(number, steps, 2.0 / number, 0.0, 0.0, 1e-3, 1.0, 0.1))
    for number, dice in ((0, None), (steps // 2, 0.5), (steps, 0.71)):
        progress.take(Evaluated(number, dice, None, 0.9, 8, {}, {}))
    return progress


def test_a_long_run_is_thinned_without_losing_its_mean() -> None:
    x = np.arange(12_345.0)
    y = np.sin(x)
    tx, ty = thinned(x, y)
    assert len(tx) == len(ty) == MOST_POINTS
    sizes = np.diff(
        np.append(np.linspace(0, len(x), MOST_POINTS, endpoint=False).astype(int), len(x))
    )
    assert (ty * sizes).sum() == pytest.approx(y.sum())
    assert list(thinned(x[:5], y[:5])[0]) == [0, 1, 2, 3, 4]


def test_smoothing_keeps_a_straight_line_straight() -> None:
    line = np.arange(20.0)
    assert smoothed(line, 5)[5:15] == pytest.approx(line[5:15])
    assert len(smoothed(line, 5)) == 20


def test_the_latest_figures_stand_beside_the_curves(qtbot, theme: Theme) -> None:
    curves = Curves(theme)
    qtbot.addWidget(curves)
    curves.show_progress(long_run(5000))
    curves.redraw()
    assert curves.dice_key.value.text() == "0.71"
    assert curves.accuracy_key.value.text() == "90 %"
    assert curves.loss_key.value.text() == "0.000"


def test_the_loss_beside_the_curve_is_where_the_curve_ends(qtbot, theme: Theme) -> None:
    """A mean over the whole of a short run stood there, above all that was drawn lately."""
    curves = Curves(theme)
    qtbot.addWidget(curves)
    progress = RunProgress()
    for number, loss in enumerate((16.0, 14.0, 12.0, 11.0), start=1):
        progress.take(Step(number, 4, loss, 0.0, 0.0, 1e-3, 1.0, 0.1))
    curves.show_progress(progress)
    curves.redraw()
    assert curves.loss_key.value.text() == "11.500"


@pytest.mark.parametrize(("steps", "finest"), [(1, 1), (4, 1), (5000, 100)])
def test_a_run_has_no_half_steps(qtbot, theme: Theme, steps: int, finest: int) -> None:
    axis = Chart(theme, "step", counts=True).getPlotItem().getAxis("bottom")
    spacings = [spacing for spacing, _ in axis.tickSpacing(0, steps, 400)]
    assert min(spacings) >= finest
    assert all(spacing == int(spacing) for spacing in spacings)


def test_a_run_that_holds_no_leaf_out_says_why_its_chart_is_empty(qtbot, theme: Theme) -> None:
    curves = Curves(theme)
    qtbot.addWidget(curves)
    progress = RunProgress()
    curves.show_progress(progress)
    curves.redraw()
    assert curves.unmeasured.isHidden(), "nothing has been looked at yet"
    progress.take(Evaluated(0, None, None, None, 0, {}, {}))
    curves.redraw()
    assert not curves.unmeasured.isHidden()
    curves.show_progress(long_run(10))
    curves.redraw()
    assert curves.unmeasured.isHidden()


def test_a_burst_of_events_is_drawn_once(qtbot, theme: Theme, monkeypatch) -> None:
    drawn: list[int] = []
    real = Curves.redraw
    monkeypatch.setattr(Curves, "redraw", lambda self: (drawn.append(1), real(self)))
    curves = Curves(theme)
    qtbot.addWidget(curves)
    progress = long_run(10)
    for _ in range(1000):
        curves.show_progress(progress)
    qtbot.waitUntil(lambda: bool(drawn))
    qtbot.wait(250)
    assert drawn == [1]


def test_bars_have_room_for_every_class_and_tell_long_names_in_full(qtbot, theme: Theme) -> None:
    bars = Bars(theme)
    qtbot.addWidget(bars)
    long = "Phytophthora infestans on the lower side of the oldest leaves " * 3
    bars.put([Bar(long, 0.7, "70 %", marked=True), Bar("rust", 0.3, "30 %", "#d55e00")])
    bars.resize(bars.sizeHint())
    assert bars.sizeHint().height() == 48
    assert f"{long} 70 % (true)" in bars.accessibleDescription()
    picture = bars.grab().toImage()
    lower = {picture.pixelColor(x, 36).name() for x in range(picture.width())}
    assert "#d55e00" in lower


def test_a_chart_without_curves_yet_has_the_ground_of_the_theme(qtbot, theme: Theme) -> None:
    """pyqtgraph's own is black: it flashed while a comparison was worked out."""
    chart = Chart(theme, "step")
    qtbot.addWidget(chart)
    assert chart.backgroundBrush().color() == theme.colour("panel")
