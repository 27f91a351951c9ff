"""An interrupted installation is found out and mended; nobody's folder is deleted by mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from installer import environment
from installer.report import Refusal


def make_package(packages: Path, name: str, *, promised: int = 5, written: int = 5) -> Path:
    """A package ``name`` whose list promises a module of ``promised`` bytes."""
    info = packages / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (packages / f"{name}.py").write_text("x" * written)
    (packages / f"{name}.pyc").write_text("x")
    rows = [f"{name}.py,sha256=abc,{promised}", f"{name}.pyc,,999", f"{info.name}/RECORD,,"]
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    return info


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return tmp_path / "env" / "lib" / "python3.11" / "site-packages"


def test_a_whole_package_is_left_alone(packages: Path) -> None:
    info = make_package(packages, "whole")
    assert environment.mend(packages.parents[2]) == []
    assert info.is_dir()


def test_a_package_with_a_cut_file_is_forgotten(packages: Path) -> None:
    """pip would take it for installed."""
    info = make_package(packages, "cut", written=3)
    make_package(packages, "whole")
    assert environment.mend(packages.parents[2]) == ["cut"]
    assert not info.exists()


def test_a_package_without_its_list_is_forgotten(packages: Path) -> None:
    info = make_package(packages, "listless")
    (info / "RECORD").unlink()
    assert environment.mend(packages.parents[2]) == ["listless"]


def test_a_package_with_a_lost_file_is_forgotten(packages: Path) -> None:
    make_package(packages, "lost")
    (packages / "lost.py").unlink()
    assert environment.mend(packages.parents[2]) == ["lost"]


def test_what_pip_left_of_a_broken_update_is_swept_away(packages: Path) -> None:
    make_package(packages, "whole")
    (packages / "~orch").mkdir()
    environment.mend(packages.parents[2])
    assert not (packages / "~orch").exists()


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    theirs = tmp_path / ".venv"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(Refusal, match="was not made by Leafspot"):
        environment.prepare(theirs)
    assert (theirs / "thesis.txt").read_text() == "irreplaceable"


def test_a_link_is_not_followed_to_delete(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pyvenv.cfg").write_text("")
    (tmp_path / ".venv").symlink_to(elsewhere)
    with pytest.raises(Refusal):
        environment.prepare(tmp_path / ".venv")
    assert (elsewhere / "pyvenv.cfg").exists()


def test_an_environment_killed_in_the_making_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = tmp_path / ".venv"
    (half / "bin").mkdir(parents=True)
    (half / environment.OURS).write_text("")
    made: list[list[str]] = []

    def call(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        made.append(command)
        python = environment.python_in(half)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()
        return subprocess.CompletedProcess(command, 0, "3.12.1\n", "")

    monkeypatch.setattr(environment, "usable", lambda folder: bool(made) and folder == half)
    monkeypatch.setattr(environment.subprocess, "run", call)
    assert environment.prepare(half) == "made"
    assert made == [[sys.executable, "-m", "venv", str(half)]]
    assert (half / environment.OURS).is_file()


def test_a_python_that_is_gone_is_noticed(tmp_path: Path) -> None:
    """As after an upgrade of the operating system."""
    python = environment.python_in(tmp_path)
    python.parent.mkdir(parents=True)
    python.symlink_to(tmp_path / "gone")
    assert environment.version_of(tmp_path) is None
    assert not environment.usable(tmp_path)


def test_variables_that_lead_out_of_the_environment_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    variables = environment.clean_variables()
    assert "PYTHONPATH" not in variables
    assert "PIP_TARGET" not in variables
    assert variables["PIP_USER"] == "0"
    assert variables["PIP_INDEX_URL"] == "https://mirror.example/simple"


def test_commands_are_where_each_system_keeps_them(tmp_path: Path) -> None:
    assert environment.python_in(tmp_path, "linux") == tmp_path / "bin" / "python"
    windows = tmp_path / "Scripts" / "lint-imports.exe"
    assert environment.script_in(tmp_path, "lint-imports", "win32") == windows


def test_the_size_on_disk_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(1000))
    assert environment.bytes_in(tmp_path) == 1000
    assert environment.bytes_in(tmp_path / "absent") == 0
