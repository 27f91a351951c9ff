"""What is missing is said in one sentence before anything is downloaded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from installer import preconditions
from installer.report import Refusal


def test_a_small_disk_is_refused_with_both_figures(tmp_path: Path) -> None:
    needed = preconditions.room_needed("linux")
    with pytest.raises(Refusal, match=r"needs about 9\.8 GB .* only 3\.0 GB are free"):
        preconditions.check_room(tmp_path, needed, free=lambda _: 3e9)


def test_a_large_disk_is_enough(tmp_path: Path) -> None:
    needed = preconditions.room_needed("linux")
    assert preconditions.check_room(tmp_path, needed, free=lambda _: 20e9) == 20e9


def test_what_is_there_already_needs_no_room_again() -> None:
    whole = preconditions.room_needed("linux")
    half = preconditions.room_needed("linux", present=3.45e9)
    assert half == pytest.approx(whole / 2)
    assert preconditions.room_needed("linux", present=6.9e9) < 1e9
    assert preconditions.room_needed("linux", present=60e9) < 1e9


def test_a_graphics_card_on_windows_takes_more() -> None:
    plain = preconditions.room_needed("win32")
    assert preconditions.room_needed("win32", cuda_on_windows=True) > plain + 2e9
    assert preconditions.download_size("win32", cuda_on_windows=True) > 1e9


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Refusal, match="copy the folder to a place of your own"):
        preconditions.check_writable(tmp_path)


def test_a_32_bit_python_is_refused() -> None:
    with pytest.raises(Refusal, match="64-bit Python"):
        preconditions.check_word_size(2**31 - 1)
    preconditions.check_word_size(2**63 - 1)


@pytest.mark.parametrize("gone", ["venv", "ensurepip"])
def test_debians_python_without_its_venv_package_is_noticed(gone: str) -> None:
    assert preconditions.venv_missing(lambda name: None if name == gone else object())
    assert not preconditions.venv_missing(lambda _: object())
    assert preconditions.venv_package((3, 12)) == "python3.12-venv"
