"""The window comes up without a model library, and no import complains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from house_sources import modules

MODEL_LIBRARIES = (
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "segment_anything",
    "accelerate",
)


def _run(code: str, repo: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=repo, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def _loaded(importing: str, repo: Path) -> list[str]:
    code = f"{importing}\nimport sys\nprint(*(n for n in {MODEL_LIBRARIES!r} if n in sys.modules))"
    done = _run(code, repo)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_window_starts_without_a_model_library(repo: Path) -> None:
    assert _loaded("import gui.app", repo) == []


def test_no_part_of_the_window_needs_a_model_library(repo: Path) -> None:
    names = [path.removesuffix(".py").replace("/", ".") for path in modules("gui", "storage")]
    lines = [f"import {name.removesuffix('.__init__')}" for name in names]
    assert _loaded("\n".join(lines), repo) == []


def test_the_command_line_explains_itself_without_a_model_library(repo: Path) -> None:
    assert _loaded("import core.cli", repo) == []


def test_the_libraries_of_the_window_import_without_a_warning(repo: Path) -> None:
    code = (
        "import PySide6.QtWidgets, PySide6.QtSvg, pyqtgraph, qtawesome, cv2, pillow_heif, tifffile,"
        "pycocotools.mask, zstandard, sqlalchemy.orm, platformdirs, safetensors"
    )
    done = _run(code, repo, "-W", "error")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_model_libraries_import_without_a_warning(repo: Path) -> None:
    code = "import " + ", ".join(MODEL_LIBRARIES)
    done = _run(code, repo, "-W", "error")
    assert done.returncode == 0, done.stderr
