"""Before a run: what is said, what can be chosen, and when the button waits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from core.domain.ids import DiseaseId, RunId
from core.domain.image import Split
from core.domain.run import Run, RunState, Score, Verdict
from core.ports import ImageQuery
from core.services import bases
from core.training.config import Method, Tower, TrainConfig
from core.training.snapshot import take_snapshot
from gui.controllers.train_survey import (
    BaseModel,
    ClassCount,
    HeadChoice,
    Survey,
    TrainingData,
    problems,
)
from gui.panels.train import TrainWorkspace
from gui.panels.train_setup import SetupView
from tests.doubles.workers import fake_words

STARTER = BaseModel("starter", "Starter (embedded)", "Small.", embedded=True)
LARGE = BaseModel("gemma-3", "Gemma 3 from a folder", "Wants a GPU.", embedded=False)
NEWER = BaseModel("gemma-4", "Gemma 4 from a folder", "Wants a GPU.", False, (70, 280, 1120))
HEADS = [
    HeadChoice("pixel", "Pixel", "112 × 112 cells."),
    HeadChoice("grid", "Grid", "No more than Dice 0.66."),
    HeadChoice("sam", "SAM", "256 × 256 cells.", "weights of a SAM"),
]


@pytest.fixture
def leaves(qapp, tmp_path, monkeypatch):
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=12) as found:
        yield found


@pytest.fixture
def setup(qtbot, leaves):
    view = SetupView(leaves.context, [STARTER, LARGE, NEWER], HEADS)
    qtbot.addWidget(view)
    return view


def test_a_preset_sets_everything_and_each_setting_can_still_be_changed(qtbot, setup) -> None:
    quick = setup.findChild(object, "train.preset.quick")
    qtbot.mouseClick(quick, Qt.MouseButton.LeftButton)
    assert setup.config.minutes == 5
    assert setup.config.evaluations == 4

    thorough = setup.findChild(object, "train.preset.thorough")
    qtbot.mouseClick(thorough, Qt.MouseButton.LeftButton)
    assert setup.config.tower is Tower.LORA
    assert not quick.isChecked()

    method = setup.advanced["method"]
    method.setCurrentIndex(method.findData("qlora-nf4"))
    assert setup.preset_note.text().startswith("An hour")
    setup.minutes.setValue(7)
    assert setup.preset_note.text() == "As “Thorough”, for as long as you say."
    assert setup.config.method is Method.QLORA_NF4
    assert setup.config.minutes == 7
    assert setup.config.head == "pixel"


def test_a_large_base_model_begins_with_settings_that_fit_a_card(setup) -> None:
    setup.minutes.setValue(33)
    setup.base.setCurrentIndex(setup.base.findData("gemma-3"))
    assert setup.config.method is Method.QLORA_NF4
    assert setup.config.recompute
    assert (setup.config.batch_size, setup.config.accumulation) == (1, 8)
    assert setup.config.minutes == 33
    setup.base.setCurrentIndex(setup.base.findData("starter"))
    assert setup.config == replace(TrainConfig(), minutes=33)


def test_photos_at_a_time_are_the_runs_to_find_until_somebody_says_a_number(setup) -> None:
    auto = setup.advanced["auto_batch_size"]
    assert not setup.config.auto_batch_size
    setup.base.setCurrentIndex(setup.base.findData("gemma-3"))
    assert setup.config.auto_batch_size
    setup.advanced["rank"].setValue(8)
    assert setup.config.auto_batch_size
    setup.advanced["accumulation"].setValue(4)
    assert not setup.config.auto_batch_size
    auto.setCurrentIndex(auto.findData("True"))
    assert (setup.config.auto_batch_size, setup.config.accumulation) == (True, 4)
    setup.recipes.setCurrentIndex(setup.recipes.findData("rank-64"))
    setup.recipes.activated.emit(setup.recipes.currentIndex())
    assert (setup.config.auto_batch_size, setup.config.batch_size) == (True, 2)


def test_small_learning_rates_survive_the_form(setup) -> None:
    assert setup.config.learning_rate == TrainConfig().learning_rate
    assert setup.config.head_learning_rate == TrainConfig().head_learning_rate


def model_folder(folder: Path, kind: str) -> Path:
    """As far as a glance tells."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind}), "utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    fake_words(folder)
    return folder


def test_a_folder_of_another_family_is_refused_when_it_is_chosen(setup, tmp_path: Path) -> None:
    setup.base.setCurrentIndex(setup.base.findData("gemma-3"))
    setup.choose_folder(model_folder(tmp_path / "new", "gemma4"))
    assert any("choose “Gemma 4" in text for text in setup.problems.texts)
    assert not setup.train.isEnabled()
    setup.choose_folder(model_folder(tmp_path / "old", "gemma3"))
    assert setup.problems.texts == []


def test_a_model_that_lies_in_a_folder_asks_for_it(setup, tmp_path: Path) -> None:
    setup.base.setCurrentIndex(setup.base.findData("gemma-3"))
    assert any("Choose the model's folder" in text for text in setup.problems.texts)
    assert not setup.choose.isHidden()
    folder = model_folder(tmp_path / "gemma", "gemma3")
    setup.choose_folder(folder)
    assert setup.problems.texts == []
    assert setup.config.base_path == str(tmp_path / "gemma")

    setup.base.setCurrentIndex(setup.base.findData("starter"))
    assert setup.config.base_path == ""
    assert setup.choose.isHidden()


def test_how_fine_a_mask_can_get_is_said_beside_the_choice_of_its_head(setup) -> None:
    head, note = setup.advanced["head"], setup.findChild(object, "train.head.note")
    assert note.text() == "112 × 112 cells."
    head.setCurrentIndex(head.findData("grid"))
    assert note.text() == "No more than Dice 0.66."
    assert setup.config.head == "grid"


def test_a_head_that_builds_on_another_model_asks_for_it(
    setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "_notes", lambda: tmp_path / "bases.json")
    head, choose = setup.advanced["head"], setup.findChild(object, "train.head.choose")
    assert choose.parentWidget().isHidden()
    head.setCurrentIndex(head.findData("sam"))
    assert not choose.parentWidget().isHidden()
    assert any("Choose the weights" in text for text in setup.problems.texts)
    setup.advanced.head.use(str(tmp_path / "sam.pth"))
    assert setup.problems.texts == []
    assert setup.config.head_path == str(tmp_path / "sam.pth")


def test_weights_that_a_head_was_trained_on_before_are_proposed_again(
    setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "_notes", lambda: tmp_path / "bases.json")
    bases.remember(bases.head_note("sam"), "/weights/sam.pth")
    head = setup.advanced["head"]
    head.setCurrentIndex(head.findData("sam"))
    assert setup.config.head_path == "/weights/sam.pth"
    assert setup.problems.texts == []


def test_tokens_a_photo_are_a_choice_where_the_model_has_one(setup, tmp_path: Path) -> None:
    tokens = setup.advanced["image_tokens"]
    assert tokens.isHidden()
    setup.base.setCurrentIndex(setup.base.findData("gemma-4"))
    assert not tokens.isHidden()
    assert setup.config.image_tokens == 0
    tokens.setCurrentIndex(tokens.findData(1120))
    setup.minutes.setValue(9)  # the choice outlives what else is chosen
    assert setup.config.image_tokens == 1120
    setup.base.setCurrentIndex(setup.base.findData("starter"))
    assert setup.config.image_tokens == 0


def test_the_count_leaves_out_what_the_run_will_leave_out(qtbot, leaves) -> None:
    counted: list[TrainingData] = []

    def judge(store) -> tuple[DiseaseId, list[str]]:
        store.put_run(Run(RunId("r"), "", "starter", RunState.FINISHED, "2026-01-01", "runs/r"))
        disease = store.image(store.image_ids(ImageQuery())[0]).disease
        for image in store.image_ids(ImageQuery(disease=disease, split=Split.TRAIN)):
            score = Score(RunId("r"), image, "train", 0.1, (), None, "", (), 0.0, None, "")
            store.put_scores([replace(score, verdict=Verdict.LABEL_WRONG)])
        return disease, [d.name for d in store.diseases() if d.id != disease]

    _, others = leaves.ask(qtbot, judge)
    Survey(leaves.context, counted.append).begin()
    qtbot.waitUntil(lambda: bool(counted), timeout=PATIENCE)
    assert {c.name for c in counted[0].classes} == set(others)
    taken = leaves.ask(qtbot, take_snapshot)
    assert set(taken.classes) == set(others)


def test_what_is_counted_is_what_will_be_learnt_from(qtbot, leaves) -> None:
    page = leaves.show(TrainWorkspace(leaves.context), "train")
    qtbot.waitUntil(page.setup.train.isEnabled, timeout=PATIENCE)
    setup = page.setup
    assert setup.photos.value.text() == "12"
    assert setup.outlined.value.text() == "12"
    assert setup.held_out.value.text() == "3"
    assert [bar.text for bar in setup.bars.bars] == ["4", "4", "4"]
    assert setup.problems.texts == []
    assert "15 minutes" in setup.promise.text()


def test_leaves_without_outlines_cannot_be_trained_on_and_it_says_what_to_do(
    qtbot, qapp, tmp_path, monkeypatch
) -> None:
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=6, lesions=False) as bare:
        page = bare.show(TrainWorkspace(bare.context), "train")
        qtbot.waitUntil(lambda: bool(page.setup.problems.texts), timeout=PATIENCE)
        assert not page.setup.train.isEnabled()
        assert any("outline the lesions" in text for text in page.setup.problems.texts)


def test_every_obstacle_is_named_with_what_to_press() -> None:
    assert "Import photos" in " ".join(problems(0, (), outlines=False))
    one = (ClassCount("rust", "#d55e00", 9),)
    said = list(problems(9, one, outlines=True))
    assert len(said) == 1
    assert "rust" in said[0]
    assert "Label workspace" in said[0]


def test_the_recipe_that_is_named_is_the_one_that_is_set(qtbot, setup) -> None:
    """A press on a chip takes the recipe's figures away, so its name goes as well."""
    index = setup.recipes.findData("rank-64")
    setup.recipes.setCurrentIndex(index)
    setup.recipes.activated.emit(index)
    assert setup.config.rank == 64
    assert setup.presets.checkedButton() is None
    chip = setup.findChild(QPushButton, "train.preset.quick")
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert setup.config.rank == 16
    assert setup.recipes.currentData() == "standard"
