"""An old Python gets one sentence, not a stack of syntax errors."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installer import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("python3.9", "python3.11", "python3.12"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="names of Pythons on the path are for Unix")
def test_a_newer_python_nearby_is_named(folder: Path) -> None:
    pythons = run.newer_pythons([str(folder)])
    assert pythons == ["python3.12", "python3.11"]
    assert "run it as  python3.12 installer/run.py test -k leaf" in run.refusal(
        (3, 8, 18), pythons, ["test", "-k", "leaf"]
    )


def test_without_one_it_asks_for_one() -> None:
    text = run.refusal((2, 7, 18), [], ["demo"])
    assert text.startswith("Leafspot needs Python 3.11 or newer, and this is Python 2.7: install")


def test_the_first_file_can_be_read_by_any_python(repo: Path) -> None:
    source = (repo / "installer" / "run.py").read_text("ascii")
    tree = ast.parse(source)
    modern = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, modern)]
    assert not [
        a for node in ast.walk(tree) if isinstance(node, ast.arg) and (a := node.annotation)
    ]
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {name.name for node in top for name in node.names} == {"os", "sys"}


def _old_pythons() -> list[str]:
    folders = [*os.environ.get("PATH", "").split(os.pathsep)]
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    folders += [str(version / "bin") for version in kept.glob("*") if kept.is_dir()]
    names = ("python2.7", "python3.6", "python3.8", "python3.10")
    found = (shutil.which(name, path=os.pathsep.join(reversed(folders))) for name in names)
    return [python for python in found if python]


def test_real_old_pythons_refuse_politely(repo: Path) -> None:
    tried = 0
    for python in _old_pythons():
        done = subprocess.run(
            [python, str(repo / "installer" / "run.py"), "test"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "version is not installed" in done.stderr or "command not found" in done.stderr:
            continue  # a manager's stand-in for a Python that is not there
        assert done.returncode == 2
        assert done.stderr.startswith("Leafspot needs Python 3.11 or newer")
        assert done.stderr.count("\n") == 1
        tried += 1
    if not tried:
        pytest.skip("no old Python on this machine")
