"""What the Display menu promises: another look at the photo, and never another photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from whole_window import bare_project, label_page, labelled_project, window

from core.domain.region import RegionKind
from gui.canvas.hatching import pattern_of
from gui.canvas.look import CHANNELS, PLAIN, Channel, Lens, Look
from gui.canvas.mask_layer import MaskMode
from gui.canvas.pyramid import PhotoPyramid
from gui.gallery.swatch import PIECE

CONTROL = Qt.KeyboardModifier.ControlModifier


def packed(*colours: tuple[int, int, int]) -> NDArray[np.uint32]:
    return PhotoPyramid.from_rgb(np.array([colours], np.uint8)).levels[0]


def seen(look: Look, *colours: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """What those colours of a photo look like."""
    rgb = np.array([colours], np.uint8)
    lens = Lens()
    lens.look = look
    shown = lens.show(PhotoPyramid.from_rgb(rgb), packed(*colours))
    assert ((shown >> 24) == 255).all()
    return [(int(c >> 16 & 255), int(c >> 8 & 255), int(c & 255)) for c in shown[0]]


def test_the_plain_look_hands_the_pixels_through() -> None:
    pixels = packed((1, 2, 3), (200, 100, 50))
    assert Lens().show(PhotoPyramid.from_rgb(np.zeros((1, 2, 3), np.uint8)), pixels) is pixels


def test_brightness_contrast_and_shadows_do_what_their_names_say() -> None:
    (dark, light) = seen(Look(brightness=20), (60, 60, 60), (180, 180, 180))
    assert dark > (60, 60, 60)
    assert light > (180, 180, 180)
    (dark, light) = seen(Look(contrast=40), (60, 60, 60), (180, 180, 180))
    assert dark < (60, 60, 60)
    assert light > (180, 180, 180)
    (black, dark, white) = seen(Look(gamma=60), (0, 0, 0), (60, 60, 60), (255, 255, 255))
    assert (black, white) == ((0, 0, 0), (255, 255, 255))
    assert dark > (80, 80, 80)


def test_a_channel_alone_is_grey_and_has_its_values() -> None:
    for channel, value in ((Channel.RED, 10), (Channel.GREEN, 90), (Channel.BLUE, 200)):
        assert seen(Look(channel=channel), (10, 90, 200)) == [(value, value, value)]
    ((grey, _, _), (full, _, _)) = seen(Look(channel=Channel.SATURATION), (9, 9, 9), (0, 90, 0))
    assert (grey, full) == (0, 255)


def test_a_brown_lesion_stands_off_from_a_green_leaf_in_lab_a() -> None:
    ((leaf, _, _), (lesion, _, _)) = seen(Look(channel=Channel.LAB_A), (80, 110, 50), (120, 90, 55))
    assert lesion - leaf > 40


def test_hues_are_shown_in_their_own_colours_however_dark() -> None:
    (red, green) = seen(Look(channel=Channel.HUE), (60, 5, 5), (10, 40, 10))
    assert red[0] > 3 * red[1]
    assert green[1] > 2 * green[0]


def test_a_flat_photo_is_stretched_to_the_full_range() -> None:
    rgb = np.random.default_rng(1).integers(100, 140, (60, 80, 3), dtype=np.uint8)
    pyramid = PhotoPyramid.from_rgb(rgb)
    lens = Lens()
    lens.look = Look(channel=Channel.STRETCHED)
    green = lens.show(pyramid, pyramid.levels[0]) >> 8 & 255
    assert green.min() == 0
    assert green.max() == 255


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_strip_looks_as_it_does_in_the_whole_picture(channel: Channel) -> None:
    rgb = np.random.default_rng(2).integers(0, 255, (90, 130, 3), dtype=np.uint8)
    pyramid = PhotoPyramid.from_rgb(rgb)
    lens = Lens()
    lens.look = Look(brightness=10, contrast=-20, gamma=30, channel=channel)
    whole = lens.show(pyramid, pyramid.levels[0])
    strip = lens.show(pyramid, pyramid.levels[0][20:31, 7:90])
    assert np.array_equal(strip, whole[20:31, 7:90])
    assert np.array_equal(pyramid.levels[0], PhotoPyramid.from_rgb(rgb).levels[0])


def test_the_look_is_chosen_by_keys_stays_for_the_next_photo_and_goes_by_one_key(
    qtbot, tmp_path: Path
) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        photo = page.controller.current.photo
        before = photo.pyramid.levels[0].copy()
        QTest.keyClick(page.canvas, Qt.Key.Key_Up, CONTROL)
        QTest.keyClick(page.canvas, Qt.Key.Key_Left, CONTROL)
        QTest.keyClicks(page.canvas, "c")
        look = page.canvas.look
        assert look == Look(brightness=10, contrast=-10, channel=CHANNELS[1])
        assert np.array_equal(photo.pyramid.levels[0], before)
        first = page.controller.current.wanted
        QTest.keyClicks(page.canvas, "n")
        qtbot.waitUntil(lambda: page.controller.session.image.id != first)
        assert page.canvas.look == look
        QTest.keyClicks(page.canvas, "r")
        assert page.canvas.look == PLAIN


@pytest.mark.qt_log_ignore("plugin does not support", extend=True)
def test_the_panel_and_the_keys_show_the_same(qtbot, tmp_path: Path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        page.display.open()
        panel = page.display.panel
        panel.tones["contrast"].setValue(35)
        panel.channel.setCurrentIndex(CHANNELS.index(Channel.GREEN))
        panel.channel.activated.emit(panel.channel.currentIndex())
        assert page.canvas.look == Look(contrast=35, channel=Channel.GREEN)
        program.context.actions["look.reset"].trigger()
        assert panel.tones["contrast"].value() == 0
        assert panel.channel.currentText() == Channel.COLOUR
        panel.opacity.setValue(70)
        assert page.canvas.mask_opacity == pytest.approx(0.7)
        panel.hide()


def test_outlines_are_hidden_while_the_key_is_held_and_no_longer(qtbot, tmp_path: Path) -> None:
    with window(qtbot, labelled_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        page.canvas.setFocus()
        QTest.keyClicks(page.canvas, "o")
        assert page.canvas.mask_mode is MaskMode.OUTLINE
        QTest.keyPress(page.canvas, Qt.Key.Key_Q)
        assert page.canvas.mask_mode is MaskMode.HIDDEN
        QTest.keyRelease(page.canvas, Qt.Key.Key_Q)
        assert page.canvas.mask_mode is MaskMode.OUTLINE
        QTest.keyPress(page.canvas, Qt.Key.Key_Q)
        page.gallery.text.setFocus()  # the release will be heard by another
        assert page.canvas.mask_mode is MaskMode.OUTLINE


def test_with_outlines_only_the_list_of_diseases_explains_the_dashes(qtbot, tmp_path: Path) -> None:
    with window(qtbot, labelled_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        sick = next(d for d in page.diseases.all if not d.healthy)
        row = page.disease_panel.row(sick.id)

        def coloured() -> int:
            """Rows of pixels with the disease's colour at the swatch."""
            picture = row.grab().toImage()
            column = [picture.pixelColor(9, y).name() for y in range(picture.height())]
            return column.count(sick.colour)

        filled = coloured()
        QTest.keyClicks(page.canvas, "o")
        assert 0 < coloured() < filled, "a line instead of a square"
        QTest.keyClick(page.canvas, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
        assert coloured() == filled, "without patterns there are no dashes to explain"
        QTest.keyClick(page.canvas, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
        QTest.keyClicks(page.canvas, "o")
        assert coloured() == filled


def test_the_list_of_regions_shows_them_as_they_are_on_the_photo(qtbot, tmp_path: Path) -> None:
    with window(qtbot, labelled_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        model = page.regions.model
        qtbot.waitUntil(lambda: model.rowCount() > 1)
        kinds = [info.kind for info in model.infos]

        def inked(kind: RegionKind) -> tuple[int, int]:
            """Rows of the picture with any paint, and how many colours there are in it."""
            picture = model.index(kinds.index(kind)).data(Qt.ItemDataRole.DecorationRole)
            image = picture.pixmap(PIECE).toImage()
            across = [
                {image.pixelColor(x, y).name() for x in range(image.width())
                 if image.pixelColor(x, y).alpha()}
                for y in range(image.height())
            ]  # fmt: skip
            return sum(map(bool, across)), len(set.union(*across))

        assert [inked(k) for k in (RegionKind.LEAF, RegionKind.LESION)] == [(12, 1), (12, 1)]
        QTest.keyClicks(page.canvas, "o")
        assert inked(RegionKind.LEAF)[0] == inked(RegionKind.LESION)[0] == 6, "a piece of line"
        sick = next(d for d in page.diseases.all if pattern_of(d.colour) >= 0)
        page.controller.edits.set_active(model.infos[kinds.index(RegionKind.LESION)].id)
        page.controller.relabel_chosen(RegionKind.LESION, sick.id)
        assert inked(RegionKind.LESION)[1] == 3, "its dashes: colour, gap and edge"
        assert inked(RegionKind.LEAF)[1] == 2, "a leaf has none on the photo either"
        QTest.keyClick(page.canvas, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
        assert inked(RegionKind.LESION)[1] == 2, "nor has a lesion without patterns"
        QTest.keyClicks(page.canvas, "o")
        assert inked(RegionKind.LESION) == (12, 1)
        QTest.keyClick(page.canvas, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
        assert inked(RegionKind.LESION)[1] > 1


def test_opacity_and_pattern_are_kept_for_the_next_time(qtbot, tmp_path: Path) -> None:
    with window(qtbot, labelled_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        QTest.keyClicks(page.canvas, "..")
        QTest.keyClick(page.canvas, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
        assert program.preferences.number("appearance.mask_opacity") == 65
        assert program.preferences.get("appearance.hatching") is False
        assert not page.canvas.regions.hatched
