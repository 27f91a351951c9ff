"""Writes safetensors so that a system that refuses is understood.

The library reports a full disk as an error of its own; here it is the system's error again, which
`core.files` turns into a sentence. Knows one file format.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import save_file

if TYPE_CHECKING:
    from torch import Tensor

_NUMBER = re.compile(r"os error (\d+)")


def write_tensors(
    tensors: Mapping[str, Tensor], path: Path, *, metadata: dict[str, str] | None = None
) -> None:
    """Writes ``path``. Raises OSError where the system refuses."""
    try:
        save_file(dict(tensors), path, metadata)
    except SafetensorError as error:
        found = _NUMBER.search(str(error))
        if found is None:
            raise
        raise _refusal(int(found.group(1)), path) from error


def _refusal(number: int, path: Path) -> OSError:
    if sys.platform == "win32":  # the system's own number; Python knows which errno that is
        return OSError(0, str(path), str(path), number)
    return OSError(number, os.strerror(number), str(path))
