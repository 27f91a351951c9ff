"""Every text in the window can be said in another language, and is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from core import language as words
from gui import language
from gui.places import kept_settings

HERE = Path(__file__).resolve().parent


def test_no_text_of_the_window_escapes_the_catalogue(tmp_path: Path) -> None:
    """A process that speaks the pseudo-language names every text without a changed letter."""
    paths = [str(HERE.parents[2]), str(HERE), str(HERE.parents[1])]
    done = subprocess.run(
        [sys.executable, str(HERE / "pseudo_window.py"), str(tmp_path)],
        env=os.environ | {words.VARIABLE: words.PSEUDO, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.fixture
def settings(qapp, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(words.VARIABLE)
    yield kept_settings()
    words.use("en")


def test_the_person_chooses_the_language(settings: QSettings) -> None:
    settings.setValue(f"settings/{language.KEY}", "en")
    words.use("pseudo")
    language.begin(settings)
    assert words.current() == "en"


def test_a_variable_goes_before_the_choice(
    settings: QSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.setValue(f"settings/{language.KEY}", "en")
    monkeypatch.setenv(words.VARIABLE, "pseudo")
    language.begin(settings)
    assert words.current() == "pseudo"


@pytest.mark.parametrize("kept", ["xx", "", "../x", b"\xff"])
def test_a_choice_that_is_no_language_is_english(settings: QSettings, kept: object) -> None:
    settings.setValue(f"settings/{language.KEY}", kept)
    language.begin(settings)
    assert words.current() in words.languages()
