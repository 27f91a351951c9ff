"""Weights that are no numbers are found in files of every width, wherever they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from core.training.finite import BYTES, first_in, not_finite

WIDTHS = [np.float64, np.float32, np.float16]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_among_many_is_found(tmp_path: Path, width: type, value: float) -> None:
    file = tmp_path / "m.safetensors"
    many = np.full(3 * BYTES // np.dtype(width).itemsize + 5, np.finfo(width).max, width)
    save_file({"a": -many, "b": np.zeros((2, 2), width), "n": np.arange(9)}, file)
    assert not_finite(file) == ""
    for place in (0, len(many) // 2, len(many) - 1):
        spoilt = many.copy()
        spoilt[place] = value
        save_file({"a": many, "b": spoilt}, file)
        assert not_finite(file) == "b"


def test_a_bound_may_be_infinite_and_is_never_nan(tmp_path: Path) -> None:
    """Gemma 4 clips between -inf and inf where it was not told otherwise."""
    file = tmp_path / "m.safetensors"
    save_file({"input_max": np.array(np.inf, np.float32), "w": np.ones(3)}, file)
    assert not_finite(file) == ""
    save_file({"input_max": np.array(np.nan, np.float32)}, file)
    assert not_finite(file) == "input_max"


@pytest.mark.parametrize("content", [b"", b"tensors", b"\xff" * 64, b"\2" + b"\0" * 7 + b"[]"])
def test_what_is_no_such_file_is_left_to_whoever_opens_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "m.safetensors"
    file.write_bytes(content)
    assert first_in([file, tmp_path / "gone"]) == ""
