"""Texts for people are handed to the catalogue as literals, and can be filled in any language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from house_sources import PACKAGES, calls, expect_none, modules

# Where a table's texts pass through: see the comment there.
PASSES_ON = {"gui/actions.py", "core/language.py"}
# A table of refusals, whose places are filled by what argparse said.
FILLED_LATER = {"core/commands/parser.py"}


def _texts(path: str) -> Iterator[tuple[ast.Call, list[ast.expr]]]:
    for name, call in calls(path):
        match name:
            case "tr":
                yield call, call.args[:1]
            case "trn" | "trc":
                yield call, call.args[:2]


def test_what_is_translated_is_a_literal() -> None:
    expect_none(
        f"{path}:{call.lineno}: {ast.unparse(text)}"
        for path in modules(*PACKAGES)
        if path not in PASSES_ON
        for call, texts in _texts(path)
        for text in texts
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str))
    )


def test_every_place_in_a_text_is_filled() -> None:
    expect_none(
        f"{path}:{call.lineno}: {sorted(lacking)}"
        for path in modules(*PACKAGES)
        if path not in FILLED_LATER
        for call, texts in _texts(path)
        if (lacking := _places(texts) - {k.arg for k in call.keywords} - {"n"})
    )


def _places(texts: list[ast.expr]) -> set[str | None]:
    found: set[str | None] = set()
    for text in texts:
        if isinstance(text, ast.Constant):
            found |= set(re.findall(r"(?<!\{)\{([a-z_]\w*)[^{}]*\}", str(text.value)))
    return found
