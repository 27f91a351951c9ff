"""The second call is instant exactly when nothing has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer import stamp
from installer.report import Refusal

PROJECT = """
[project]
dependencies = ["numpy>=2"]
[project.optional-dependencies]
test = ["pytest>=9"]
[project.scripts]
leafspot = "gui.__main__:main"
[tool.ruff]
line-length = 100
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "installer").mkdir()
    (tmp_path / "installer" / "constraints.txt").write_text("numpy==2.4.6\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


def mark(root: Path, index: str | None = None) -> str:
    return stamp.fingerprint(root, stamp.read_wanted(root), torch_index=index)


def test_a_complete_environment_is_known_again(root: Path) -> None:
    stamp.write(root, mark=mark(root), python="3.11.7")
    assert stamp.python_of(root, mark=mark(root)) == "3.11.7"


def test_without_a_stamp_nothing_is_complete(root: Path) -> None:
    assert stamp.python_of(root, mark=mark(root)) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"fingerprint": 1}', "\x00"])
def test_a_damaged_stamp_counts_as_none(root: Path, content: str) -> None:
    (root / stamp.NAME).write_text(content)
    assert stamp.python_of(root, mark=mark(root)) is None


def test_new_requirements_and_new_pins_install_again(root: Path) -> None:
    before = mark(root)
    (root / "pyproject.toml").write_text(PROJECT.replace("numpy>=2", "numpy>=3"))
    after = mark(root)
    (root / "installer" / "constraints.txt").write_text("numpy==3.0.0\n")
    assert len({before, after, mark(root), mark(root, "https://mirror.example")}) == 4


def test_a_change_of_style_rules_installs_nothing(root: Path) -> None:
    before = mark(root)
    (root / "pyproject.toml").write_text(PROJECT.replace("100", "90"))
    assert mark(root) == before


def test_a_moved_folder_is_installed_again(root: Path, tmp_path: Path) -> None:
    """An environment holds the absolute path of its folder."""
    wanted = stamp.read_wanted(root)
    there = stamp.fingerprint(tmp_path / "there", wanted, torch_index=None)
    assert there != stamp.fingerprint(root, wanted, torch_index=None)


def test_the_tests_requirements_are_installed_too(root: Path) -> None:
    assert stamp.read_wanted(root).requirements == ("numpy>=2", "pytest>=9")


def test_a_damaged_checkout_is_named(root: Path) -> None:
    (root / "pyproject.toml").write_text("[project")
    with pytest.raises(Refusal, match="fetch Leafspot anew"):
        stamp.read_wanted(root)
