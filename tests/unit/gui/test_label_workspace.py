"""What labelling in the window promises: what is drawn is on disk, and can be taken back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from whole_window import (
    bare_project,
    click,
    drag,
    label_page,
    labelled_project,
    on_disk,
    saved,
    window,
)

from core.domain.disease import PALETTE, Disease
from core.domain.ids import DiseaseId, new_id
from core.domain.image import ImageState
from core.domain.region import RegionKind
from core.errors import DiskFull
from core.ports import ImageQuery
from gui.controllers.open_photo import OpenPhoto
from gui.controllers.saver import SaveState
from gui.tasks import Lane
from storage.projects import open_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return bare_project(tmp_path)


@pytest.fixture
def page(qtbot, project: Path):
    with window(qtbot, project) as program:
        yield label_page(qtbot, program)


def keys(page, text: str) -> None:
    QTest.keyClicks(page.canvas, text)


def stored(folder: Path, row: int = 0):
    with on_disk(folder) as store:
        image = store.image_ids(ImageQuery())[row]
        return store.image(image), store.regions(image)


def test_the_gallery_begins_with_two_photos_in_a_row(page) -> None:
    assert page.window().width() == 1280
    assert page.gallery.view.grid.columns == 2


def test_while_the_first_photo_comes_it_says_so(qtbot, project, monkeypatch) -> None:
    monkeypatch.setattr(OpenPhoto, "_load", lambda *_args: None)
    with window(qtbot, project) as program:
        page = program.window.page("label")
        qtbot.waitUntil(lambda: page.controller.current.wanted is not None, timeout=10_000)
        assert page.notice.text.text() == "Opening the photo…"


def test_a_brush_stroke_is_on_disk_when_the_dot_is_green(qtbot, page, project) -> None:
    keys(page, "b")
    drag(page, (100, 100), (180, 120))
    session = page.controller.session
    assert [r.info.kind for r in session.regions] == [RegionKind.LESION]
    saved(qtbot, page)
    image, regions = stored(project)
    assert [r.mask for r in regions] == [r.mask for r in session.regions]
    assert image.state is ImageState.IN_PROGRESS
    assert image.mask_known


def test_a_second_stroke_extends_the_active_region_and_esc_begins_a_new_one(qtbot, page) -> None:
    keys(page, "b")
    drag(page, (50, 50), (90, 50))
    drag(page, (90, 50), (90, 90))
    assert len(page.controller.session.regions) == 1
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    drag(page, (250, 200), (290, 200))
    assert len(page.controller.session.regions) == 2


def test_undo_and_redo_reach_the_disk_as_well(qtbot, page, project) -> None:
    keys(page, "b")
    drag(page, (100, 100), (180, 120))
    drawn = page.controller.session.regions[0].mask.copy()
    QTest.keyClick(page.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    saved(qtbot, page)
    image, regions = stored(project)
    assert regions == []
    assert image.state is ImageState.UNSEEN
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(page.canvas, Qt.Key.Key_Z, both)
    saved(qtbot, page)
    assert [r.mask for r in stored(project)[1]] == [drawn]


def test_the_eraser_takes_away_from_the_active_region(qtbot, page) -> None:
    keys(page, "b")
    drag(page, (100, 100), (200, 100))
    before = page.controller.session.figures.lesion
    keys(page, "e")
    drag(page, (150, 60), (150, 140))
    assert 0 < page.controller.session.figures.lesion < before


def test_the_eraser_takes_away_from_the_lesion_it_is_set_down_on(qtbot, page) -> None:
    keys(page, "b")
    drag(page, (100, 100), (200, 100))
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    drag(page, (100, 200), (200, 200))
    first, second = (r.mask.area() for r in page.controller.session.regions)
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    keys(page, "e")
    drag(page, (150, 200), (150, 260))
    now = [r.mask.area() for r in page.controller.session.regions]
    assert now[0] == first
    assert 0 < now[1] < second
    assert page.controller.edits.undo_title == "Eraser"


def test_the_eraser_never_begins_on_a_leaf_that_nobody_chose(qtbot, page) -> None:
    keys(page, "l")
    keys(page, "b")
    drag(page, (100, 100), (200, 100))
    leaf = page.controller.session.figures.leaf
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    keys(page, "e")
    drag(page, (150, 100), (160, 100))
    assert page.controller.session.figures.leaf == leaf


def test_severity_is_live(qtbot, page) -> None:
    assert page.severity.figure.text() == "–"
    keys(page, "l")
    page.canvas.brush_radius = 60
    keys(page, "b")
    drag(page, (150, 150), (250, 150))
    keys(page, "l")
    page.canvas.brush_radius = 10
    assert page.severity.figure.text() == "0.0 %"
    drag(page, (200, 150), (201, 150))
    shown = float(page.severity.figure.text().split()[0])
    figures = page.controller.session.figures
    assert shown == pytest.approx(figures.severity, abs=0.06)
    assert shown > 0


def test_number_keys_name_the_leaf_and_then_the_active_lesion(qtbot, page, project) -> None:
    names = {d.name: d.id for d in page.diseases.all}
    keys(page, "1")
    assert page.controller.session.image.disease == names["rust"]
    keys(page, "b")
    drag(page, (100, 100), (150, 100))
    assert page.controller.session.regions[0].info.disease == names["rust"]
    keys(page, "2")
    assert page.controller.session.regions[0].info.disease == names["leaf miner"]
    assert page.controller.session.image.disease == names["rust"]
    saved(qtbot, page)
    image, regions = stored(project)
    assert (image.disease, regions[0].info.disease) == (names["rust"], names["leaf miner"])


def test_the_row_of_the_leafs_disease_is_marked_and_a_click_takes_it_back(qtbot, page) -> None:
    rust = page.diseases.with_hotkey(1)
    row = page.disease_panel.row(rust.id)
    QTest.mouseClick(row, Qt.MouseButton.LeftButton)
    assert page.controller.session.image.disease == rust.id
    assert row.isChecked()
    QTest.mouseClick(row, Qt.MouseButton.LeftButton)
    assert page.controller.session.image.disease is None
    assert not row.isChecked()


def test_among_many_diseases_one_is_found_by_its_synonym_and_named_with_enter(
    qtbot, tmp_path
) -> None:
    folder = bare_project(tmp_path)
    store = open_project(folder)
    for number in range(12):
        store.put_disease(Disease(DiseaseId(new_id()), f"leaf spot {number}", PALETTE[0]))
    store.put_disease(
        Disease(DiseaseId(new_id()), "brown eye", PALETTE[1], synonyms=("Cercospora coffeicola",))
    )
    store.close()
    with window(qtbot, folder) as program:
        page = label_page(qtbot, program)
        qtbot.waitUntil(lambda: len(page.diseases.all) == 16, timeout=10_000)
        panel = page.disease_panel
        QTest.keyClick(page.canvas, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
        assert panel.search.hasFocus()
        QTest.keyClicks(panel.search, "cercosp")
        rows = [d.name for d in page.diseases.all if not panel.row(d.id).isHidden()]
        assert rows == ["brown eye"]
        assert panel._none.isHidden()
        found = panel.row(next(d.id for d in page.diseases.all if d.name == "brown eye"))
        qtbot.waitUntil(lambda: found.y() == 0)
        QTest.keyClick(panel.search, Qt.Key.Key_Return)
        assert page.canvas.hasFocus(), "the next key is for the photo"
        named = page.diseases.get(page.controller.session.image.disease)
        assert named is not None
        assert named.name == "brown eye"
        assert panel.search.text() == ""
        QTest.keyClicks(panel.search, "no such disease")
        assert panel._none.isVisible()
        QTest.keyClick(panel.search, Qt.Key.Key_Return)
        assert page.controller.session.image.disease == named.id


def test_with_nine_diseases_no_search_is_in_the_way(page) -> None:
    assert page.disease_panel.search.isHidden()


def test_with_forty_diseases_severity_and_regions_stay_in_sight(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path)
    store = open_project(folder)
    for number in range(40):
        store.put_disease(Disease(DiseaseId(new_id()), f"leaf spot {number}", PALETTE[0]))
    store.close()
    with window(qtbot, folder) as program:
        page = label_page(qtbot, program)
        program.shell.resize(1280, 800)
        qtbot.waitUntil(lambda: len(page.diseases.all) == 43, timeout=10_000)
        chosen = page.disease_panel.row(page.diseases.all[-1].id)
        page.controller.name(page.diseases.all[-1])

        def in_sight(widget: QWidget) -> bool:
            return widget.visibleRegion().boundingRect() == widget.rect()

        qtbot.waitUntil(lambda: in_sight(chosen), timeout=10_000)
        for part in (page.severity, page.regions, page.assistant_panel):
            assert in_sight(part)
        area = page.disease_panel.area
        assert area.height() >= 5 * chosen.height()
        area.verticalScrollBar().setValue(0)
        assert not in_sight(chosen)


def test_no_lesions_makes_the_leaf_healthy_with_a_known_empty_mask(qtbot, page, project) -> None:
    keys(page, "h")
    saved(qtbot, page)
    image, regions = stored(project)
    assert regions == []
    assert image.mask_known
    assert image.disease == page.diseases.healthy.id


def test_done_marks_the_photo_and_goes_to_the_next(qtbot, page, project) -> None:
    first = page.controller.session.image.id
    keys(page, "d")
    qtbot.waitUntil(lambda: page.controller.session.image.id != first, timeout=10_000)
    saved(qtbot, page)
    assert stored(project, 0)[0].state is ImageState.DONE
    assert page.gallery.view.current == page.controller.session.image.id


def test_n_and_p_walk_through_the_gallery_and_stop_at_its_ends(qtbot, page) -> None:
    ids = [page.gallery.index.id(row) for row in range(3)]
    for key, row in (("n", 1), ("n", 2), ("n", 2), ("p", 1), ("p", 0), ("p", 0)):
        keys(page, key)
        qtbot.waitUntil(lambda r=row: page.controller.session.image.id == ids[r], timeout=10_000)


def test_a_stroke_under_way_belongs_to_the_photo_it_was_begun_on(qtbot, page, project) -> None:
    first = page.controller.session.image.id
    second = page.gallery.index.id(1)
    keys(page, "b")
    spot = page.canvas.rect().center()
    QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=spot)
    page.open_image(second)
    qtbot.waitUntil(lambda: page.controller.session.image.id == second, timeout=10_000)
    QTest.mouseRelease(page.canvas, Qt.MouseButton.LeftButton, pos=spot)
    saved(qtbot, page)
    assert page.controller.session.regions == []
    assert len(stored(project, 0)[1]) == 1
    assert first != second


def test_delete_removes_the_region_chosen_by_a_click_on_it(qtbot, page) -> None:
    keys(page, "b")
    drag(page, (100, 100), (180, 100))
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    assert page.controller.edits.active is None
    keys(page, "v")
    click(page, 140, 100)
    assert page.controller.edits.active == page.controller.session.regions[0].info.id
    QTest.keyClick(page.canvas, Qt.Key.Key_Delete)
    assert page.controller.session.regions == []


def test_a_region_can_be_chosen_and_relabelled_in_the_list(qtbot, page) -> None:
    keys(page, "b")
    drag(page, (100, 100), (180, 100))
    QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    index = page.regions.model.index(0)
    page.regions.view.clicked.emit(index)
    assert page.controller.edits.active == page.controller.session.regions[0].info.id
    page.regions._menu.aboutToShow.emit()
    texts = [a.text() for a in page.regions._menu.actions()]
    assert "healthy" not in texts
    next(a for a in page.regions._menu.actions() if a.text() == "leaf miner").trigger()
    assert "leaf miner" in page.regions.model.data(index)


def test_number_keys_and_delete_are_for_all_regions_that_are_chosen(qtbot, page) -> None:
    keys(page, "b")
    for y in (60, 120, 180):
        drag(page, (100, y), (180, y))
        QTest.keyClick(page.canvas, Qt.Key.Key_Escape)
    regions = [region.info.id for region in page.controller.session.regions]
    page.controller.edits.set_active(regions[0], regions[1:2])
    keys(page, "2")
    miner = next(d.id for d in page.diseases.all if d.name == "leaf miner")
    named = [region.info.disease == miner for region in page.controller.session.regions]
    assert named == [True, True, False]
    page._context.actions["edit.undo"].trigger()
    assert not any(region.info.disease == miner for region in page.controller.session.regions)
    QTest.keyClick(page.canvas, Qt.Key.Key_Delete)
    assert [region.info.id for region in page.controller.session.regions] == regions[2:]
    page._context.actions["edit.undo"].trigger()
    assert len(page.controller.session.regions) == 3


def test_typing_in_the_filter_labels_nothing(qtbot, page) -> None:
    page.gallery.text.setFocus()
    QTest.keyClicks(page.gallery.text, "h1db")
    assert page.controller.session.image.disease is None
    assert page.controller.session.image.state is ImageState.UNSEEN
    assert page.canvas.tool_id == "hand"


def test_a_failed_save_keeps_the_work_says_so_and_tries_again(qtbot, page, project, monkeypatch):
    store = page._context.project.store
    real, full = type(store).commit, [True]

    def commit(self, edit):
        if full[0]:
            raise DiskFull("The disk is full; free some space.")
        return real(self, edit)

    monkeypatch.setattr(type(store), "commit", commit)
    keys(page, "b")
    drag(page, (100, 100), (180, 100))
    qtbot.waitUntil(lambda: page.controller.edits.saver.state is SaveState.FAILED, timeout=10_000)
    drag(page, (180, 100), (180, 180))
    assert page.bar.dot.words == "Not saved"
    assert any("free some space" in n.text for n in page._context.notices.recent)
    assert any("not saved" in guard() for guard in page._context.guards)
    ids = [page.gallery.index.id(row) for row in range(2)]
    page.open_image(ids[1])
    qtbot.waitUntil(lambda: page.controller.session.image.id == ids[1], timeout=10_000)
    page.open_image(ids[0])
    qtbot.waitUntil(lambda: page.controller.session.image.id == ids[0], timeout=10_000)
    drawn = page.controller.session.regions[0].mask
    assert drawn.area() > 0
    full[0] = False
    page.controller.edits.saver.retry_now()
    saved(qtbot, page)
    assert [r.mask for r in stored(project)[1]] == [drawn]


def test_the_keys_go_on_from_a_photo_that_cannot_be_shown(qtbot, tmp_path: Path) -> None:
    project = bare_project(tmp_path)
    (tmp_path / "photo_0.png").write_bytes(b"no photo")
    with window(qtbot, project) as program:
        page = program.window.page("label")
        qtbot.waitUntil(lambda: page.notice.text.text().startswith("photo_0.png"), timeout=10_000)
        page.window().activateWindow()
        qtbot.waitUntil(program.context.actions["photo.next"].isEnabled, timeout=10_000)
        program.context.actions["photo.next"].trigger()
        assert "photo_1" in label_page(qtbot, program).controller.session.image.path


def test_a_photo_that_moved_away_is_named_and_can_be_located(qtbot, tmp_path: Path) -> None:
    folder = bare_project(tmp_path)
    elsewhere = tmp_path / "moved"
    elsewhere.mkdir()
    for photo in sorted(tmp_path.glob("*.png")):
        photo.rename(elsewhere / f"new {photo.name}")
    with window(qtbot, folder) as program:
        page = program.window.page("label")
        qtbot.waitUntil(lambda: page.notice.locate.isVisible(), timeout=10_000)
        text = page.notice.text
        assert "photo_0.png" in text.text()
        assert text.height() >= text.heightForWidth(text.width()), "all of its lines are shown"
        assert page.notice.locate.isEnabled()
        assert page.hint.text() == ""  # there is nothing to use a tool on
        program.importer().locate(elsewhere)
        qtbot.waitUntil(lambda: page.controller.session is not None, timeout=20_000)
        assert not page.notice.isVisible()
    assert sorted(p.name for p in elsewhere.iterdir())[0] == "new photo_0.png"


def test_a_photo_that_was_changed_is_not_shown_under_old_outlines(qtbot, tmp_path: Path) -> None:
    folder = bare_project(tmp_path)
    (tmp_path / "photo_0.png").write_bytes((tmp_path / "photo_1.png").read_bytes())
    with window(qtbot, folder) as program:
        page = program.window.page("label")
        qtbot.waitUntil(lambda: "changed" in page.notice.text.text(), timeout=10_000)
        assert page.controller.session is None


def test_a_read_only_project_can_be_looked_at_and_says_who_holds_it(qtbot, tmp_path: Path) -> None:
    folder = labelled_project(tmp_path)
    from storage.projects import open_project

    holder = open_project(folder)
    try:
        with window(qtbot, folder) as program:
            page = label_page(qtbot, program)
            banner = program.window._banner
            assert banner.isVisible()
            assert program.context.project.info.locked_by in banner.text.text()
            assert page.bar.dot.words == "Read-only"
            before = len(page.controller.session.regions)
            keys(page, "b")
            drag(page, (20, 20), (60, 60))
            keys(page, "h")
            assert len(page.controller.session.regions) == before
    finally:
        holder.close()


def test_an_empty_project_asks_for_photos(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path, photos=0)) as program:
        page = program.window.page("label")
        qtbot.waitUntil(lambda: page.notice.import_.isVisible(), timeout=10_000)
        assert "no photos yet" in page.notice.text.text()


def test_the_window_may_close_in_the_middle_of_a_stroke_and_keeps_it(qtbot, tmp_path) -> None:
    folder = bare_project(tmp_path)
    with window(qtbot, folder) as program:
        page = label_page(qtbot, program)
        keys(page, "b")
        spot = page.canvas.rect().center()
        QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=spot)
    assert len(stored(folder)[1]) == 1


@pytest.mark.parametrize("goes", ["window", "project"])
def test_what_waits_to_be_saved_is_saved_when_the_project_is_closed(
    qtbot, project, goes: str
) -> None:
    with window(qtbot, project) as program:
        page = label_page(qtbot, program)
        index = page.gallery.index
        qtbot.waitUntil(lambda: len(index) == 3, timeout=10_000)
        keys(page, "b")
        busy = threading.Event()
        program.context.tasks.run(lambda: busy.wait(30), lane=Lane.STORE)  # an import, say
        for y in (40, 80, 120):
            drag(page, (50, y), (150, y))
        page.controller.bulk.mark([index.id(1), index.id(2)], ImageState.DONE)
        QTest.mousePress(page.canvas, Qt.MouseButton.LeftButton, pos=page.canvas.rect().center())
        if goes == "project":
            program.context.actions["project.close"].trigger()
            assert program.context.project.info is None
        busy.set()
    _, (region,) = stored(project)
    assert all(region.mask.contains(100, y) for y in (40, 80, 120))
    assert region.mask.contains(200, 150), "the stroke that was under way"
    assert [stored(project, row)[0].state for row in (1, 2)] == [ImageState.DONE] * 2
