"""Severity, counts, scales and scale card in the Label workspace, as a person meets them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from whole_window import drag, label_page, labelled_project, on_disk, window

from core.domain.scale import BRACOL, HORSFALL_BARRATT, ONE_TO_NINE, PUBLISHED, Scales
from core.services.severity import sizes
from gui.app import Leafspot
from gui.dialogs.measures import Histogram, MeasuresDialog
from gui.dialogs.scale_card import ScaleCardDialog
from gui.dialogs.scales import ScalesDialog
from gui.panels.label import LabelPage


@pytest.fixture
def program(qtbot, tmp_path: Path) -> Iterator[Leafspot]:
    with window(qtbot, labelled_project(tmp_path)) as made:
        yield made


@pytest.fixture
def page(qtbot, program: Leafspot) -> LabelPage:
    found = label_page(qtbot, program)
    qtbot.waitUntil(lambda: found.measures.found is not None, timeout=10_000)
    return found


def test_counts_and_grade_follow_the_hand(qtbot, page: LabelPage) -> None:
    before = len(page.measures.found.lesions)
    assert before > 0
    session = page.controller.session
    assert page.severity.grade.text() == f"Grade {BRACOL.grade(session.figures.severity)}"
    page.canvas.set_tool("brush")
    page.controller.edits.set_active(None)
    page.canvas.brush_radius = 1.5
    drag(page, (3, 3), (5, 3))
    drawn = page.controller.session.figures.lesion
    qtbot.waitUntil(lambda: len(page.measures.found.lesions) == before + 1, timeout=10_000)
    assert page.measures.found.areas.lesion == drawn
    disease = page.controller.session.image.disease
    line = next(s for s in page.severity.chart._lines if s.count)
    assert line.count == len(page.measures.found.of(disease))
    assert line.text.startswith(f"{line.count} lesion")


def test_another_scale_grades_at_once_and_is_kept(qtbot, program, page: LabelPage) -> None:
    page.severity.grade.click()
    dialog = program.shell.findChild(ScalesDialog)
    dialog.choice.setCurrentIndex(dialog.choice.findText(HORSFALL_BARRATT.title))
    dialog.choice.activated.emit(dialog.choice.currentIndex())
    dialog.keep.click()
    wanted = f"Grade {HORSFALL_BARRATT.grade(page.controller.session.figures.severity)}"
    qtbot.waitUntil(lambda: page.severity.grade.text() == wanted, timeout=10_000)
    with on_disk(program.context.project.info.folder) as store:
        assert store.scales() == Scales(PUBLISHED, HORSFALL_BARRATT.title)


def test_a_scale_that_cannot_be_is_not_kept(qtbot) -> None:
    dialog = ScalesDialog(Scales(), None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    for text, says in (("7", "rise"), ("many", "no limit"), ("", "no limit"), ("101", "101")):
        dialog.table.item(1, 1).setText(text)
        dialog.table.item(2, 1).setText("6")
        assert says in dialog._problem.text()
        assert not dialog.keep.isEnabled()
    dialog.table.item(1, 1).setText("4,5 %")
    assert dialog._problem.text() == ""
    assert dialog.scales.chosen.grades[1].upto == 4.5
    assert dialog.restore.isVisibleTo(dialog)
    dialog.restore.click()
    assert dialog.scales == Scales()


def test_ones_own_scale_is_a_copy_that_can_be_changed(qtbot) -> None:
    dialog = ScalesDialog(Scales(PUBLISHED, ONE_TO_NINE.title), None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    kept: list[Scales] = []
    dialog.chosen.connect(kept.append)
    dialog.new.click()
    dialog.title.setText("Thesis")
    dialog.title.textEdited.emit("Thesis")
    dialog.add_grade()
    dialog.table.item(0, 0).setText("none")
    assert dialog._problem.text() == ""
    dialog.keep.click()
    (scales,) = kept
    assert scales.all[:3] == PUBLISHED
    assert (scales.title, len(scales.chosen.grades)) == ("Thesis", 10)
    assert scales.chosen.grade(0) == "none"


@pytest.mark.parametrize("scale", PUBLISHED, ids=lambda s: s.title)
def test_another_grade_fits_every_published_scale_at_once(qtbot, scale) -> None:
    dialog = ScalesDialog(Scales(PUBLISHED, scale.title), None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    for more in (1, 2, 3):
        dialog.add_grade()
        assert dialog._problem.text() == ""
        grades = dialog.scales.chosen.grades
        assert len(grades) == len(scale.grades) + more
        first = int(scale.grades[0].name)
        assert [g.name for g in grades] == [str(first + n) for n in range(len(grades))]


def test_the_leaf_that_is_diseased_all_over_keeps_a_grade_of_its_own(qtbot) -> None:
    dialog = ScalesDialog(Scales(PUBLISHED, HORSFALL_BARRATT.title), None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    dialog.add_grade()
    found = dialog.scales.chosen
    assert [found.grade(s) for s in (97, 98.5, 99.9, 100)] == ["10", "11", "12", "13"]


def test_a_grade_without_a_number_gets_a_name_nobody_has(qtbot) -> None:
    dialog = ScalesDialog(Scales(), None)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    dialog.table.item(4, 0).setText("high")
    dialog.table.item(3, 0).setText("high+")
    dialog.add_grade()
    assert dialog._problem.text() == ""
    assert [g.name for g in dialog.scales.chosen.grades][-2:] == ["high", "high++"]


def spot(dialog: ScaleCardDialog, x: float, y: float) -> QPoint:
    ratio = dialog.canvas.camera.ratio
    dx, dy = dialog.canvas.camera.transform.to_device(x, y)
    return QPointF(dx / ratio, dy / ratio).toPoint()


def test_two_clicks_and_millimetres_measure_the_photo(qtbot, program, page: LabelPage) -> None:
    program.context.actions["photo.scale_card"].trigger()
    qtbot.waitUntil(lambda: program.shell.findChild(ScaleCardDialog) is not None, timeout=10_000)
    dialog = program.shell.findChild(ScaleCardDialog)
    qtbot.waitUntil(lambda: dialog.canvas.width() > 300, timeout=10_000)
    assert not dialog.keep.isEnabled()
    for x in (20, 220):
        QTest.mouseClick(dialog.canvas, Qt.MouseButton.LeftButton, pos=spot(dialog, x, 90))
    assert len(dialog.ends) == 2
    assert not dialog.keep.isEnabled()
    dialog.length.setValue(50)
    assert dialog.keep.isEnabled()
    dialog.copy.setChecked(True)
    dialog.keep.click()
    qtbot.waitUntil(lambda: page.measures.card is not None, timeout=10_000)
    assert page.measures.card.mm_per_px == pytest.approx(0.25, rel=0.02)
    assert "mm²" in page.severity.note.text()
    with on_disk(program.context.project.info.folder) as store:
        from core.ports import ImageQuery

        cards = store.calibrations(store.image_ids(ImageQuery()))
    assert len(cards) == 4
    assert sum(card.line is not None for card in cards.values()) == 1


def test_the_figures_of_lesions_and_leaves_can_be_read(qtbot, program, page: LabelPage) -> None:
    page.severity.details_button.click()
    dialog = program.shell.findChild(MeasuresDialog)
    cells = [dialog.grid.itemAt(i).widget().text() for i in range(dialog.grid.count())]
    disease = page.diseases.get(page.controller.session.image.disease)
    assert disease.name in cells
    assert f"{len(page.measures.found.lesions)}" in cells
    dialog.close()


@pytest.mark.parametrize("width", [760, 300, 120])
def test_the_classes_of_sizes_tell_their_ends_as_far_as_there_is_room(
    qtbot, program, width: int
) -> None:
    spread = sizes([1.0, 1.0, 2.0, 8.0, 30.0, 150.0, 700.0, 9000.0])
    assert spread is not None
    chart = Histogram(program.theme, "rust", "#e69f00", spread, "px")
    qtbot.addWidget(chart)
    chart.resize(width, 128)
    metrics, wide = chart.fontMetrics(), width / len(spread.counts)
    said = chart._axis(metrics, wide)
    assert (said[0], said[-1][1]) == ((0.0, "1"), "9,000 px")
    ends = [(left, left + metrics.horizontalAdvance(text)) for left, text in said]
    assert all(before[1] < after[0] for before, after in pairwise(ends)), "nothing overlaps"
    assert ends[-1][1] <= width
    if width == 760:
        middles = [(left + right) / 2 for left, right in ends[1:-1]]
        assert middles == pytest.approx([n * wide for n in range(1, len(spread.counts))])
