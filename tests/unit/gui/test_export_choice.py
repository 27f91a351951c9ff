"""The labels of all photos are taken away, or of those that were chosen in the gallery."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from whole_window import label_page, labelled_project, window

from gui.controllers.photo_choice import Choice
from gui.panels.export import ExportWorkspace

PATIENCE = 60_000


@pytest.fixture
def program(qtbot, tmp_path: Path):
    with window(qtbot, labelled_project(tmp_path, leaves=5)) as made:
        page = label_page(qtbot, made)
        qtbot.waitUntil(lambda: len(page.gallery.index) == 5)
        yield made


def export_page(program) -> ExportWorkspace:
    program.window.show_workspace("export")
    page = program.window.page("export")
    assert isinstance(page, ExportWorkspace)
    return page


def offered(page: ExportWorkspace) -> list[str]:
    return [page.data.photos.itemText(n) for n in range(page.data.photos.count())]


def taken(qtbot, page: ExportWorkspace, out: Path) -> set[str]:
    """The photos of an export."""
    page.data.format.setCurrentIndex(page.data.format.findData("coco"))
    page.data.place.setText(str(out))
    page.data._forget()
    page.data.go.click()
    qtbot.waitUntil(lambda: page.data.made is not None, timeout=PATIENCE)
    return {Path(image["file_name"]).stem for image in json.loads(out.read_text())["images"]}


def test_what_the_gallery_lists_or_has_selected_can_be_taken_alone(
    qtbot, program, tmp_path
) -> None:
    gallery = label_page(qtbot, program).gallery
    page = export_page(program)
    assert offered(page) == ["All photos"]
    assert len(taken(qtbot, page, tmp_path / "all.json")) == 5
    gallery.text.setText("leaf_0")
    qtbot.waitUntil(lambda: gallery.is_filtered)
    gallery.view.selection.take([1, 3])
    program.window.show_workspace("label")
    page = export_page(program)
    assert offered(page) == [
        "All photos", "5 photos listed in the gallery", "2 photos selected in the gallery",
    ]  # fmt: skip
    page.data.photos.setCurrentIndex(2)
    assert taken(qtbot, page, tmp_path / "some.json") == {"leaf_01", "leaf_03"}
    assert "2 photos and" in page.data.outcome.text()
    gallery.text.setText("leaf_02")
    qtbot.waitUntil(lambda: len(gallery.index) == 1)
    program.window.show_workspace("label")
    page = export_page(program)
    assert offered(page) == ["All photos", "1 photo listed in the gallery"]
    assert page.data.choice is Choice.ALL, "the selection has gone"
    page.data.photos.setCurrentIndex(1)
    assert taken(qtbot, page, tmp_path / "one.json") == {"leaf_02"}
    program.window.show_workspace("label")
    assert export_page(program).data.choice is Choice.LISTED, "the choice stays where it can"


def test_area_diagrams_follow_the_choice_and_say_how_many_leaves_they_are_from(
    qtbot, program, tmp_path
) -> None:
    gallery = label_page(qtbot, program).gallery
    gallery.view.selection.take([0, 1])
    page = export_page(program)
    page.data.format.setCurrentIndex(page.data.format.findData("sad"))
    page.data.photos.setCurrentIndex(1)
    page.data.place.setText(str(tmp_path / "sad"))
    page.data._forget()
    page.data.go.click()
    qtbot.waitUntil(lambda: page.data.made is not None, timeout=PATIENCE)
    assert "Drawn from 2 diseased leaves on 2 photos." in page.data.outcome.text()
