"""What the panels beside the photo say: nothing is cut, nothing is blank without a reason, and a
colour is the colour on the photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetrics, QIcon
from PySide6.QtTest import QTest
from whole_window import bare_project, drag, label_page, labelled_project, window

from core.domain.disease import PALETTE
from core.domain.ids import ImageId, new_id
from core.domain.image import LeafImage
from core.imaging.decode import inspect
from core.ports import NewImage
from gui.dialogs.diseases import DiseasesDialog
from gui.gallery.swatch import swatch
from gui.panels.label import LabelPage
from storage.projects import open_project

LONG = "2026-06-14_Fazenda_Santa_Luzia_talhao_07_planta_112_folha_03_face_adaxial_153012_HDR.png"


@pytest.fixture
def page(qtbot, tmp_path: Path):
    with window(qtbot, bare_project(tmp_path)) as program:
        yield label_page(qtbot, program)


def test_an_empty_list_of_regions_says_how_it_is_filled(qtbot, page: LabelPage) -> None:
    assert page.regions.view.empty == "Nothing is outlined yet: press A and click a lesion."
    assert page.regions.view.accessibleDescription() == page.regions.view.empty
    blank = page.regions.view.grab().toImage()
    page.regions.view.empty = ""
    assert page.regions.view.grab().toImage() != blank  # it stands there to be read
    QTest.keyClicks(page.canvas, "b")
    drag(page, (50, 40), (150, 40))
    assert page.regions.view.accessibleDescription() == ""


def test_nothing_asks_for_outlines_on_a_leaf_without_lesions(qtbot, page: LabelPage) -> None:
    QTest.keyClicks(page.canvas, "h")
    qtbot.waitUntil(lambda: page.regions.view.empty == "")


def test_a_project_without_diseases_says_where_they_are_added(qtbot, tmp_path: Path) -> None:
    project = bare_project(tmp_path)
    store = open_project(project)
    for disease in store.diseases():
        if not disease.healthy:
            store.remove_disease(disease.id)
    store.close()
    with window(qtbot, project) as program:
        panel = label_page(qtbot, program).disease_panel
        qtbot.waitUntil(lambda: panel.add.isVisible() and panel.add.isEnabled())
        qtbot.waitUntil(lambda: panel.add.visibleRegion().boundingRect() == panel.add.rect())
        panel.add.click()
        dialog = program.shell.findChild(DiseasesDialog)
        dialog.close()


def test_a_project_with_diseases_needs_no_word_about_them(page: LabelPage) -> None:
    assert not page.disease_panel.add.isVisible()


def test_a_lesion_without_a_disease_and_its_area_can_be_read(qtbot, page: LabelPage) -> None:
    QTest.keyClicks(page.canvas, "b")
    drag(page, (20, 40), (380, 40), (20, 90), (380, 90), (20, 140), (380, 140))
    index = page.regions.model.index(0)
    shown = page.regions.model.data(index)
    assert shown.startswith("not named ")
    assert shown.endswith(" px")
    view = page.regions.view
    font = page.regions.model.data(index, Qt.ItemDataRole.FontRole)
    font.setPointSizeF(view.font().pointSizeF())
    room = view.visualRect(index).width() - 12 - 16  # its square and the margins of a row
    assert QFontMetrics(font).horizontalAdvance(shown) <= room
    said = page.regions.model.data(index, Qt.ItemDataRole.ToolTipRole)
    assert said.startswith("Lesion, not named, ")
    assert said.endswith(", by hand")


@pytest.mark.parametrize("colour", PALETTE[:4])
def test_a_chosen_row_shows_the_colour_of_the_photo(qapp, colour: str) -> None:
    plain, chosen = (
        swatch(colour).pixmap(12, 12, mode).toImage()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected)
    )
    assert chosen == plain
    seen = {chosen.pixelColor(x, y).name() for x in range(12) for y in range(12)}
    assert QColor(colour).name() in seen


def test_a_long_name_leaves_no_stump_of_a_hint_and_no_room_behind(qtbot, tmp_path: Path) -> None:
    project = bare_project(tmp_path)
    long = tmp_path / LONG
    cv2.imwrite(str(long), np.full((300, 400, 3), 90, np.uint8))
    seen = inspect(long)
    image = LeafImage(ImageId(new_id()), str(long), seen.sha256, 400, 300)
    store = open_project(project)
    store.add_images([NewImage(image, (), seen.thumbnail)])
    store.close()
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        index = page.gallery.index
        width = page.file.width()
        page.controller.current.open(index.id(len(index) - 1))
        qtbot.waitUntil(lambda: LONG in page.file.text(), timeout=10_000)
        qtbot.waitUntil(lambda: page.file.width() > width)
        hint = page.hint
        fits = hint.fontMetrics().horizontalAdvance(hint.text()) <= hint.width()
        assert fits or hint.width() >= 90 or hint.grab().toImage() == _blank(hint)
        page.controller.current.open(index.id(0))
        qtbot.waitUntil(lambda: page.file.width() == width, timeout=10_000)


def _blank(label):
    text = label.text()
    label.setText("")
    image = label.grab().toImage()
    label.setText(text)
    return image


def test_read_only_is_no_green_dot_in_any_language(qtbot, tmp_path: Path, monkeypatch) -> None:
    folder = labelled_project(tmp_path)
    holder = open_project(folder)
    monkeypatch.setattr("gui.panels.label_bar.tr", lambda text, **_f: f"«{text}»")
    try:
        with window(qtbot, folder) as program:
            dot = label_page(qtbot, program).bar.dot
            assert dot.words == "«Read-only»"
            assert dot.grab().toImage().pixelColor(9, 12) == program.theme.colour("muted")
    finally:
        holder.close()
