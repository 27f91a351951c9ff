"""A map that says two things, or nothing that can be used, is refused whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import ImportRefused
from core.importers.mask_folder import load_mask_map


def _load(folder: Path, text: str) -> dict[int, str]:
    path = folder / "map.json"
    path.write_text(text, "utf-8")
    return load_mask_map(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"1": "leaf", "1": "lesion"}', "one name for each value"),
        ('{"1": "leaf", "01": "lesion"}', "has two names"),
        ('{"1": "ru\\u0000st"}', "no text can show"),
        ('{"1": "\\ud800"}', "no text can show"),
        ('{"1": 2}', "has no name"),
        ('{"-1": "leaf"}', "not a pixel value"),
        ('{"' + "9" * 5000 + '": "leaf"}', "not a pixel value"),
        ('{"1": ' + "9" * 5000 + "}", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "names no values"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ImportRefused, match=why) as refused:
        _load(tmp_path, text)
    assert 'like {"1": "leaf"' in str(refused.value)


def test_a_device_or_pipe_is_no_map(tmp_path: Path) -> None:
    """Reading one would never end."""
    with pytest.raises(ImportRefused, match="folder, pipe or device"):
        load_mask_map(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.json")
        with pytest.raises(ImportRefused, match="folder, pipe or device"):
            load_mask_map(tmp_path / "pipe.json")
