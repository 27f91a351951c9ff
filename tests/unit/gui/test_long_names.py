"""Long names give way, and never the figures or buttons beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QWidget
from whole_window import label_page, labelled_project, window

from core.domain.disease import Disease, DiseaseUse
from core.domain.ids import DiseaseId
from gui.dialogs.diseases import DiseasesDialog
from gui.dialogs.measures import MeasuresDialog
from gui.dialogs.merge import ask_to_merge
from storage.projects import open_project

LONG = "Brown eye spot with a yellow halo, of nurseries in the shade of the old trees, " * 2


@pytest.fixture
def program(qtbot, tmp_path: Path):
    folder = labelled_project(tmp_path)
    store = open_project(folder)
    for disease in store.diseases():
        if not disease.healthy:
            name = f"{LONG[:100]}{disease.hotkey}"
            store.put_disease(replace(disease, name=name, crop="coffee of the mountain " * 3))
    store.close()
    with window(qtbot, folder) as made:
        yield made


def test_the_figures_of_a_leaf_are_in_sight_beside_a_long_name(qtbot, program) -> None:
    page = label_page(qtbot, program)
    qtbot.waitUntil(lambda: page.measures.found is not None, timeout=10_000)
    page.severity.details_button.click()
    dialog = program.shell.findChild(MeasuresDialog)
    shown = [dialog.grid.itemAt(n).widget() for n in range(dialog.grid.count())]
    for widget in shown:
        qtbot.waitUntil(lambda w=widget: w.visibleRegion().boundingRect() == w.rect())
    dialog.close()


def test_a_long_crop_leaves_the_room_to_the_name(qtbot, program) -> None:
    page = label_page(qtbot, program)
    qtbot.waitUntil(lambda: len(page.diseases.all) == 3, timeout=10_000)
    program.context.actions["label.diseases"].trigger()
    dialog = program.shell.findChild(DiseasesDialog)
    name, crop = (dialog._grid.itemAtPosition(1, place).widget() for place in (1, 3))
    qtbot.waitUntil(lambda: name.width() > 1.5 * crop.width())
    dialog.close()


def test_what_finishes_a_photo_is_not_cut_where_it_is_said_in_more_words(
    qtbot, tmp_path: Path
) -> None:
    with window(qtbot) as program:
        program.context.actions["photo.done"].setText("Concluída, e agora a próxima das fotos")
        program.controller.open(labelled_project(tmp_path))
        qtbot.waitUntil(lambda: program.context.project.info is not None, timeout=10_000)
        page = label_page(qtbot, program)
        program.shell.resize(1000, 700)
        (button,) = (b for b in page.findChildren(QPushButton) if b.text().startswith("Concl"))
        qtbot.waitUntil(lambda: button.isVisible() and program.shell.width() < 1150)
        qtbot.wait(100)
        assert button.width() >= button.sizeHint().width()


def test_a_name_that_looks_like_html_is_asked_about_letter_by_letter(qtbot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    gone = Disease(DiseaseId(1), "<b>spot</b> & <img src='leaf.png'>", "#123456")
    into = Disease(DiseaseId(2), "rust", "#654321")
    ask_to_merge(parent, gone, into, DiseaseUse(1, 1, 1), lambda: None)
    box = parent.findChild(QMessageBox)
    shown = [text for text in box.findChildren(QLabel) if "spot" in text.text()]
    assert len(shown) == 2
    assert {text.textFormat() for text in shown} == {Qt.TextFormat.PlainText}
    box.reject()
