"""The suite is strict: a stray warning, of Python or of Qt, fails the test that caused it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import warnings

def test_python_warning():
    warnings.warn("stray", DeprecationWarning, stacklevel=1)

def test_qt_warning():
    from PySide6.QtCore import qWarning
    qWarning(b"stray")

def test_clean():
    pass
"""


def test_a_warning_fails_its_test(repo: Path, tmp_path: Path) -> None:
    probe = tmp_path / "test_probe.py"
    probe.write_text(PROBE, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-c", str(repo / "pyproject.toml"), str(probe)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "FAILED" in done.stdout
    assert "2 failed, 1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("turn", [1, 2])
def test_settings_of_one_test_are_gone_in_the_next(qtbot: object, turn: int) -> None:
    from PySide6.QtCore import QSettings

    settings = QSettings("Leafspot", "Leafspot")
    assert settings.value("left behind") is None, turn
    settings.setValue("left behind", turn)
    settings.sync()
    assert settings.status() == QSettings.Status.NoError


def test_settings_lie_in_the_folder_of_the_test(qtbot: object, isolated_user: Path) -> None:
    from PySide6.QtCore import QSettings

    assert Path(QSettings("Leafspot", "Leafspot").fileName()).is_relative_to(isolated_user)
