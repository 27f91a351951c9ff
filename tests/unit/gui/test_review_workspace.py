"""Reviewing a scored run by mouse and keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_train_worker import FakeRun
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt

from core.domain.edits import Edit, ImageLabel, ImageRelabelled
from core.domain.image import ImageState
from core.domain.run import RunState, Score, Verdict
from core.services.train import ingest, prepare_run
from core.training.config import TrainConfig
from gui.panels import review_list
from gui.panels.review import ReviewWorkspace


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=12) as found:
        yield found


def scored(leaves, qtbot, **config):
    """A finished run in the project; gives back its folder."""

    def train(store):
        folder = prepare_run(store, TrainConfig(**config))
        FakeRun(folder.root, steps=8).train()
        ingest(store, folder)
        return folder

    return leaves.ask(qtbot, train)


@pytest.fixture
def page(qtbot, leaves) -> ReviewWorkspace:
    leaves.run = scored(leaves, qtbot)
    shown = leaves.show(ReviewWorkspace(leaves.context), "review")
    ready(qtbot, shown)
    return shown


def ready(qtbot, page: ReviewWorkspace) -> None:
    def there() -> bool:
        leaf = page.detail.leaf
        return page.line is not None and leaf is not None and leaf.image.id == page.line.score.image

    qtbot.waitUntil(there, timeout=PATIENCE)


def dices(page: ReviewWorkspace) -> list[float]:
    return [h.score.dice for h in page.list.hard.lines]


def stored(leaves, qtbot, image) -> Score:
    return leaves.ask(qtbot, lambda s: s.scores(leaves.run.id, [image]))[0]


def test_without_a_run_it_says_where_to_go(qtbot, leaves) -> None:
    page = leaves.show(ReviewWorkspace(leaves.context), "review")
    assert page.empty.title.text() == "No run yet"
    qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    assert leaves.went == [("train", None)]


def test_masks_on_their_way_are_not_called_missing(page: ReviewWorkspace) -> None:
    page.detail.show_score(page.line, writable=True)
    assert not any("·" in note.text() for note in page.detail.compare._notes.values())


def test_the_worst_leaf_comes_first_with_its_masks(page: ReviewWorkspace) -> None:
    assert dices(page) == sorted(dices(page))
    assert len(dices(page)) == 12
    held = sum(h.score.split == "val" for h in page.list.hard.lines)
    assert page.summary.text().startswith(f"{held} leaves held out for testing: mean Dice ")
    assert page.every.text().startswith("All 12 leaves, with those it learnt from: mean Dice ")
    assert "held-out Dice" in page.runs.currentText()
    leaf = page.detail.leaf
    assert leaf is not None
    assert leaf.problem == ""
    assert leaf.overlays["lesions"].truth.shape == (180, 240)
    assert leaf.overlays["lesions"].probability.shape == (180, 240)
    assert [row[0] for row in page.detail.targets.rows] == ["leaf", "lesions"]
    assert sum(bar.marked for bar in page.detail.bars.bars) == 1


def test_chips_and_spin_list_the_leaves_below_a_dice(qtbot, page: ReviewWorkspace) -> None:
    every = dices(page)
    below = sum(d < 0.5 for d in every)
    chip = page.filter.chips[0.50]
    assert chip.text() == f"Below 0.50 · {below}"
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(dices(page)) == below, timeout=PATIENCE)
    assert max(dices(page)) < 0.5
    assert chip.isChecked()

    page.filter.spin.setValue(0.62)
    wanted = sum(d < 0.62 for d in every)
    qtbot.waitUntil(lambda: len(dices(page)) == wanted, timeout=PATIENCE)
    assert not chip.isChecked()
    page.filter.spin.setValue(0.01)
    assert dices(page) == []
    assert not page.nothing.isHidden()


def test_a_long_list_comes_a_page_at_a_time(qtbot, leaves, page, monkeypatch) -> None:
    monkeypatch.setattr("gui.controllers.review.PAGE", 5)
    monkeypatch.setattr(review_list, "PAGE", 5)
    page.filter.put(0.999)
    wanted = page.figures.below(0.999)
    model = page.list.hard

    def at_the_end() -> bool:
        page.list.scrollToBottom()
        return model.rowCount() >= wanted and not model.waiting

    qtbot.waitUntil(lambda: model.rowCount() > 0, timeout=PATIENCE)
    qtbot.waitUntil(at_the_end, timeout=PATIENCE)
    images = [h.score.image for h in model.lines]
    assert len(images) == len(set(images)) == wanted


def test_arrows_go_through_the_leaves_and_enter_opens_one(qtbot, leaves, page) -> None:
    first = page.line
    qtbot.keyClick(page.list, Qt.Key.Key_Down)
    qtbot.keyClick(page.list, Qt.Key.Key_Right)
    assert page.line is page.list.hard.lines[2]
    qtbot.keyClick(page.list, Qt.Key.Key_Left)
    qtbot.keyClick(page, Qt.Key.Key_Up)
    assert page.line is first
    qtbot.keyClick(page.list, Qt.Key.Key_Return)
    assert leaves.went == [("label", first.score.image)]
    assert first.score.image > 2**32


def test_one_key_a_verdict_and_the_same_key_takes_it_back(qtbot, leaves, page) -> None:
    image = page.line.score.image
    for key, verdict in (("1", "label_wrong"), ("3", "unsure"), ("2", "model_wrong")):
        qtbot.keyClicks(page.list, key)
        qtbot.waitUntil(lambda v=verdict: page.line.score.verdict == v, timeout=PATIENCE)
        assert stored(leaves, qtbot, image).verdict == verdict
        assert page.detail.verdicts[Verdict(verdict)].isChecked()
    qtbot.keyClicks(page.list, "2")
    qtbot.waitUntil(lambda: page.line.score.verdict is None, timeout=PATIENCE)
    assert stored(leaves, qtbot, image).verdict is None
    qtbot.mouseClick(page.detail.verdicts[Verdict.UNSURE], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.line.score.verdict is Verdict.UNSURE, timeout=PATIENCE)


def test_a_wrong_label_counts_as_corrected_once_it_is_changed(qtbot, leaves, page) -> None:
    line = page.line
    qtbot.keyClicks(page.list, "1")
    qtbot.waitUntil(lambda: page.line.score.verdict is Verdict.LABEL_WRONG, timeout=PATIENCE)
    image = leaves.ask(qtbot, lambda s: s.image(line.score.image))
    before = ImageLabel(image.disease, image.state, image.mask_known)
    checked = replace(before, state=ImageState.CHECKED)
    change = ImageRelabelled(before, checked)
    leaves.context.project.change(lambda s: s.commit(Edit(image.id, "Checked", (change,))))
    assert stored(leaves, qtbot, image.id).verdict is Verdict.LABEL_WRONG, "only looked at again"
    other = leaves.ask(qtbot, lambda s: [d.id for d in s.diseases() if d.id != image.disease])[0]
    change = ImageRelabelled(checked, replace(checked, disease=other))
    edit = Edit(image.id, "Rename", (change,))
    leaves.context.project.change(lambda s: s.commit(edit))
    qtbot.waitUntil(lambda: page.line.score.verdict is None, timeout=PATIENCE)
    assert stored(leaves, qtbot, image.id).verdict is None
    leaves.context.project.change(lambda s: s.commit(edit.inverse()))  # undone
    qtbot.waitUntil(lambda: page.line.score.verdict is Verdict.LABEL_WRONG, timeout=PATIENCE)


def test_a_leaf_that_the_list_does_not_show_comes_back_in_as_well(qtbot, leaves, page) -> None:
    """Corrected in Label while Review lists other leaves, or another run."""
    image = leaves.ask(qtbot, lambda s: s.image(page.list.hard.lines[-1].score.image))
    page.judge(None)
    leaves.context.project.change(
        lambda s: s.set_verdict(leaves.run.id, image.id, Verdict.LABEL_WRONG)
    )
    page.filter.put(0.30)
    qtbot.waitUntil(lambda: page.list.hard.row_of(image.id) < 0, timeout=PATIENCE)
    before = ImageLabel(image.disease, image.state, image.mask_known)
    change = ImageRelabelled(before, replace(before, disease=None))
    leaves.context.project.change(lambda s: s.commit(Edit(image.id, "Rename", (change,))))
    assert stored(leaves, qtbot, image.id).verdict is None


def test_long_counts_are_read_whole_on_their_chips(qtbot, page) -> None:
    page.filter.count_with(lambda _threshold: 12_345_678)
    page._list_again()
    chips = page.filter.chips.values()
    qtbot.waitUntil(lambda: all(c.width() >= c.sizeHint().width() for c in chips))


def test_a_disease_in_another_colour_is_so_here_at_once(qtbot, leaves, page) -> None:
    name = page.line.score.truth

    def shown() -> str:
        return next(bar.colour for bar in page.detail.bars.bars if bar.name == name)

    disease = leaves.ask(qtbot, lambda s: next(d for d in s.diseases() if d.name == name))
    assert shown() == disease.colour
    qtbot.mouseClick(page.views.button(1), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.whole.report is not None, timeout=PATIENCE)
    leaves.context.project.change(lambda s: s.put_disease(replace(disease, colour="#e60000")))
    qtbot.waitUntil(lambda: shown() == "#e60000", timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.whole.report.colours[name] == "#e60000", timeout=PATIENCE)


def test_the_threshold_moves_the_prediction_and_says_the_dice(qtbot, page) -> None:
    curve = page.detail.leaf.overlays["lesions"].curve
    page.detail.threshold.setFocus()
    page.detail.threshold.setValue(200)
    assert f"Dice {curve[200]:.2f}" in page.detail.cut.text()
    assert page.detail.cut.text().startswith("78 %")


def test_a_prediction_that_is_gone_is_said_and_the_rest_still_shows(qtbot, leaves, page) -> None:
    following = page.list.hard.lines[1].score
    (leaves.run.root / following.prediction).unlink()
    page.list.step(1)
    ready(qtbot, page)
    assert "score the run again" in page.detail.cut.text()
    assert page.detail.leaf.overlays["lesions"].truth is not None


def test_training_on_the_hard_ones_says_what_it_does_and_then_does_it(qtbot, leaves, page) -> None:
    (training_leaf,) = [h for h in page.list.hard.lines if h.score.split == "train"][:1]
    page.list.setCurrentIndex(page.list.hard.index(page.list.hard.row_of(
        training_leaf.score.image), 0))  # fmt: skip
    qtbot.keyClicks(page.list, "1")
    qtbot.waitUntil(lambda: page.line.score.verdict is Verdict.LABEL_WRONG, timeout=PATIENCE)
    page.filter.put(0.30)
    qtbot.waitUntil(lambda: page.list.hard.rowCount() > 0, timeout=PATIENCE)
    qtbot.mouseClick(page.hard, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.hard_runs.dialog is not None, timeout=PATIENCE)
    dialog = page.hard_runs.dialog
    said = " ".join(dialog.sentences)
    assert "Dice below 0.30" in said
    assert "1 leaf judged “label wrong” is left out until its label is corrected." in said
    assert dialog.go_on.isChecked()

    dialog.minutes.setValue(1)
    qtbot.mouseClick(dialog.train, Qt.MouseButton.LeftButton)
    assert leaves.went == [("train", None)]
    qtbot.waitUntil(lambda: page.training.live is not None, timeout=PATIENCE)
    config = TrainConfig.read(page.training.live.folder.config)
    assert config.parent == str(leaves.run.adapter)
    assert config.minutes == 1
    assert training_leaf.score.image not in config.hard
    assert config.hard
    learnt = {s.image for s in page.training.live.folder.read_samples()}
    assert training_leaf.score.image not in learnt

    qtbot.waitUntil(
        lambda: page.figures is not None and page.figures.compared is not None, timeout=PATIENCE
    )
    assert "→" in page.compared.text()
    assert page.figures.compared.hard_leaves == len(config.hard)


def test_starting_afresh_is_the_persons_choice(qtbot, leaves, page) -> None:
    page.filter.put(0.30)
    qtbot.mouseClick(page.hard, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.hard_runs.dialog is not None, timeout=PATIENCE)
    requests = []
    page.hard_runs.dialog.accepted_request.disconnect()
    page.hard_runs.dialog.accepted_request.connect(lambda wanted, _then: requests.append(wanted))
    page.hard_runs.dialog.afresh.setChecked(True)
    qtbot.mouseClick(page.hard_runs.dialog.train, Qt.MouseButton.LeftButton)
    assert requests[0].parent is None
    assert requests[0].config.learning_rate == TrainConfig().learning_rate
    assert requests[0].config.hard


def test_a_run_that_was_stopped_before_it_scored_says_how_to_go_on(qtbot, leaves) -> None:
    def stop(store):
        folder = prepare_run(store, TrainConfig())
        return store.set_run_state(folder.id, RunState.STOPPED, {"lesion_dice": 0.3})

    leaves.ask(qtbot, stop)
    page = leaves.show(ReviewWorkspace(leaves.context), "review")
    qtbot.waitUntil(lambda: page.figures is not None, timeout=PATIENCE)
    assert "resume it in Train" in page.nothing.text()
    assert not page.nothing.isHidden()
