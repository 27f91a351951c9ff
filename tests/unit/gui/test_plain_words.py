"""Names of diseases, photos and folders may look like HTML; the window shows them as written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QHelpEvent, Qt, QTextDocument
from PySide6.QtWidgets import QApplication, QToolTip
from whole_window import bare_project, label_page, window

from core.domain.disease import PALETTE, Disease
from core.domain.ids import DiseaseId, RunId, new_id
from core.domain.run import Run, RunState
from core.ports import ImageQuery
from gui.panels.pieces import Elided
from gui.panels.train_history import RunsModel
from gui.plain import plain_tip

NAME = "<b>rust</b> &lt;  2 "


def read(tip: str) -> str:
    """What a tool tip of ``tip`` shows."""
    if not Qt.mightBeRichText(tip):
        return tip
    document = QTextDocument()
    document.setHtml(tip)
    return document.toPlainText()


@pytest.mark.parametrize(
    "text", [NAME, "a & b\nc", "x < y", "<qt>", "&amp;", "two\n<i>lines</i>", ""]
)
def test_a_tool_tip_is_read_as_it_was_written(text: str) -> None:
    assert read(plain_tip(text)) == text


def test_a_tool_tip_without_signs_of_html_stays_a_text() -> None:
    assert plain_tip("leaf_3.jpg, 5 % & more") == "leaf_3.jpg, 5 % & more"


@pytest.fixture
def page(qtbot, tmp_path: Path):
    from storage.projects import open_project

    folder = bare_project(tmp_path)
    store = open_project(folder)
    store.put_disease(Disease(DiseaseId(new_id()), NAME, PALETTE[2], hotkey=7, synonyms=(NAME,)))
    (first,) = store.images(store.image_ids(ImageQuery())[:1])
    renamed = Path(first.path).with_name("<b>3 &lt;.png")
    Path(first.path).rename(renamed)
    store.update_images([replace(first, path=str(renamed))])
    store.close()
    with window(qtbot, folder) as program:
        yield label_page(qtbot, program)


def test_a_photo_keeps_its_name_in_the_gallery(qtbot, page, monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _place, text, _widget: told.append(text))
    view = page.gallery.view
    qtbot.waitUntil(lambda: page.gallery.index.card(0) is not None)
    spot = view.grid.cell_rect(0).center()
    event = QHelpEvent(QEvent.Type.ToolTip, spot, view.viewport().mapToGlobal(spot))
    QApplication.sendEvent(view.viewport(), event)
    assert read(told[0]).splitlines()[0] == "<b>3 &lt;.png"


def test_a_disease_keeps_its_name_in_the_lists_beside_the_photo(qtbot, page) -> None:
    disease = next(d for d in page.diseases.all if d.name == NAME)
    assert read(page.disease_panel.row(disease.id).toolTip()) == NAME
    assert page.file.textFormat() is Qt.TextFormat.PlainText


def test_a_run_keeps_its_name_in_the_history(qtbot) -> None:
    model = RunsModel()
    model.put(
        [Run(RunId("r1"), NAME, "gemma", RunState.FINISHED, "2026-11-21T14:05:00", "runs/r1")]
    )
    tip = model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert read(tip).splitlines()[0] == NAME


def test_what_is_cut_is_told_as_it_is(qtbot) -> None:
    line = Elided(NAME * 9)
    qtbot.addWidget(line)
    line.resize(40, 20)
    assert read(line.toolTip()) == NAME * 9
