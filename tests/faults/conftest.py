"""What the tests of faults have in common: a project to harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import create_project
from storage.project_store import SqlProjectStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlProjectStore]:
    """An empty project, open to be written."""
    project = create_project(tmp_path / "p.leafspot")
    yield project
    project.close()
