"""Cells of a table as spreadsheet programs take them.

A cell that begins like a formula is one, wherever its text came from: a photo or a disease called
``=HYPERLINK(…)`` would act when the table is opened. Such cells are written with an apostrophe
before them, which spreadsheets take for “this is text”, and read back without it. Knows strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def written(cells: Iterable[str]) -> list[str]:
    """Texts as they may stand in a table. Not for numbers, which may begin with a minus."""
    return [f"'{cell}" if _FORMULA.match(cell) else cell for cell in cells]


def read(cell: str) -> str:
    """The text that ``written`` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
