"""Base models by name: what is here can be used, what is not is fetched when it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from leaf_project import PATIENCE, leaf_window
from PySide6.QtCore import Qt

from core.errors import DownloadFailed
from core.services import hub
from core.services.published import Published
from gui.dialogs.base_models import BaseModelsDialog


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "gemma4"}), "utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@pytest.fixture
def family() -> str:
    return "gemma-4"


@pytest.fixture
def dialog(qapp, qtbot, tmp_path, monkeypatch, family):
    home = tmp_path / "weights"
    monkeypatch.setattr(hub, "weights_home", lambda: home)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    model(home / "google--gemma-4-E4B-it")
    with leaf_window(qapp, tmp_path, monkeypatch, leaves=2) as leaves:
        made = BaseModelsDialog(leaves.context, family, leaves.window, home)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(made)
        made.show()
        yield made


def test_a_model_that_is_here_is_used_at_once(qtbot, dialog) -> None:
    assert dialog.repository == "google/gemma-4-E4B-it"
    assert dialog.download.isHidden()
    with qtbot.waitSignal(dialog.wanted) as used:
        qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    assert Path(used.args[0]).name == "google--gemma-4-E4B-it"


def test_a_model_that_is_not_here_is_fetched_on_a_click_and_then_used(
    qtbot, dialog, monkeypatch
) -> None:
    dialog.list.setCurrentRow(1)
    assert dialog.repository == "google/gemma-4-E2B-it"
    assert dialog.use.isHidden()

    def listing(offer) -> Published:
        model(dialog.fetching.home / offer.repository.replace("/", "--"))
        return Published(offer.repository.replace("/", "--"), "", offer.family, 1, ())

    monkeypatch.setattr(hub, "listing", listing)
    qtbot.mouseClick(dialog.download, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.use.isHidden(), timeout=PATIENCE)
    assert dialog.repository == "google/gemma-4-E2B-it"
    assert "whole" in dialog.status.text()


def test_what_the_makers_ask_for_is_said(qtbot, dialog, monkeypatch) -> None:
    dialog.list.setCurrentRow(1)

    def listing(_offer) -> Published:
        raise DownloadFailed("Agree to their terms first.")

    monkeypatch.setattr(hub, "listing", listing)
    qtbot.mouseClick(dialog.download, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "terms" in dialog.status.text(), timeout=PATIENCE)
    assert not dialog.download.isHidden()


@pytest.mark.parametrize("family", ["gemma-3"])
def test_a_gated_model_says_what_to_do_and_opens_its_page_on_a_click(
    qtbot, dialog, monkeypatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        "gui.dialogs.base_models.QDesktopServices.openUrl",
        lambda url: opened.append(url.toString()),
    )
    assert "agree to their terms" in dialog.facts.text()
    assert "hf auth login" in dialog.facts.text()
    assert opened == []
    qtbot.mouseClick(dialog.terms, Qt.MouseButton.LeftButton)
    (page,) = opened
    assert page.endswith("google/gemma-3-4b-it")


@pytest.mark.parametrize("family", ["gemma-clip"])
def test_a_family_without_published_models_says_how_one_is_made(dialog) -> None:
    assert dialog.list.count() == 0
    assert "leafspot assemble" in dialog.facts.text()
    assert dialog.download.isHidden()
    assert dialog.terms.isHidden()


def test_an_open_model_asks_for_no_terms(dialog) -> None:
    dialog.list.setCurrentRow(1)
    assert dialog.terms.isHidden()


def test_escape_stops_a_download_as_closing_does(qtbot, dialog, monkeypatch) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(dialog.fetching, "stop", lambda: stopped.append(True))
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert stopped
