"""The watched leaves with what the model saw on each, evaluation by evaluation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt

from core.training.events import Evaluated
from gui.panels.train_filmstrip import CURVE, Filmstrip, inside, outlined


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=2) as found:
        yield found


def jpeg(width: int = 256, height: int = 192) -> bytes:
    ok, data = cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))
    assert ok
    return data.tobytes()


def probability(file: Path, *, spot: bool) -> Path:
    grid = np.zeros((64, 64), np.uint8)
    if spot:
        grid[16:48, 16:48] = 255
    file.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(".png", grid)
    assert ok
    file.write_bytes(data.tobytes())
    return file


def test_the_outline_lies_where_the_probability_is(tmp_path: Path) -> None:
    picture = outlined(jpeg(), probability(tmp_path / "p.png", spot=True))
    assert picture is not None
    edge, middle = picture.pixelColor(64, 96), picture.pixelColor(128, 96)
    assert edge.red() > 150
    assert abs(middle.red() - 90) < 8


def test_a_picture_that_is_missing_leaves_the_leaf_bare(tmp_path: Path) -> None:
    picture = outlined(jpeg(), tmp_path / "gone.png")
    assert picture is not None
    assert abs(picture.pixelColor(64, 96).red() - 90) < 8
    assert outlined(b"no jpeg", None) is None


def test_no_event_leads_out_of_the_runs_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    assert inside(run, "watch/1.png") == run / "watch" / "1.png"
    assert inside(run, "../secret.png") is None
    assert inside(run, "/etc/passwd") is None


def looks(run: Path, steps: list[int]) -> list[Evaluated]:
    made = []
    for step in steps:
        file = probability(run / "watch" / f"{step}" / "7.png", spot=step > 0)
        relative = file.relative_to(run).as_posix()
        made.append(Evaluated(step, 0.5, None, 0.5, 1, {"7": relative}, {"7": step / 10}))
    return made


def test_the_strip_stays_with_the_newest_until_the_person_goes_back(
    qtbot, leaves, tmp_path: Path
) -> None:
    film = Filmstrip(leaves.context)
    qtbot.addWidget(film)
    film.resize(900, 260)
    film.show()
    run = tmp_path / "run"
    film.show_run(run, {"7": jpeg()}, {"7": "leaf.jpg"})
    film.show_evaluations(looks(run, [0]))
    assert "before any training" in film.caption.text()

    film.show_evaluations(looks(run, [0, 5]))
    assert "after step 5" in film.caption.text()
    assert film.strip.frames[0].dice == 0.5
    qtbot.waitUntil(lambda: film.strip.frames[0].picture is not None, timeout=PATIENCE)

    film.slider.setFocus()
    qtbot.keyClick(film.slider, Qt.Key.Key_Left)
    film.show_evaluations(looks(run, [0, 5, 10]))
    assert "before any training" in film.caption.text()
    assert film.strip.frames[0].dice == 0.0


def test_under_a_leaf_stands_its_dice_at_every_evaluation_with_the_one_in_front_marked(
    qtbot, leaves, tmp_path: Path
) -> None:
    film = Filmstrip(leaves.context)
    qtbot.addWidget(film)
    film.resize(700, 320)
    film.show()
    film.show_run(tmp_path, {"7": jpeg()}, {"7": "leaf.jpg"})
    film.show_evaluations(looks(tmp_path, [0, 5, 10]))
    frame = film.strip.frames[0]
    assert frame.past == ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0))
    assert frame.at == 1.0
    film.slider.setValue(1)
    assert film.strip.frames[0].at == 0.5
    film.repaint()
    below = film.strip.grab().toImage().copy(0, film.strip.height() - CURVE, 256, CURVE)
    accent = leaves.context.theme.colour("accent").rgb()
    painted = {x for x in range(256) for y in range(CURVE) if below.pixel(x, y) == accent}
    assert len(painted) > 200  # from one end to the other


def test_the_strip_takes_no_more_height_than_its_pictures(qtbot, leaves, tmp_path: Path) -> None:
    film = Filmstrip(leaves.context)
    qtbot.addWidget(film)
    film.show_run(tmp_path, {str(n): jpeg() for n in range(8)}, {})
    film.resize(900, 600)
    film.show()
    qtbot.waitUntil(lambda: film.strip.maximumHeight() < 256, timeout=PATIENCE)
    qtbot.waitUntil(lambda: film.height() < 300, timeout=PATIENCE)
