"""Names may look like HTML: wherever Qt would guess, it is told that words are words."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house_sources import calls, dotted, expect_none, modules, text, tree

GUI = modules("gui")
# Which argument is the tip.
TIPS = {"setToolTip": -1, "showText": 1}
# Labels with pictures, and with markup of the program's own words.
NO_NAMES = {"gui/panels/start.py", "gui/dialogs/about.py", "gui/canvas/compare.py"}


def _is_our_own(tip: ast.expr) -> bool:
    """A text of the program without anything put in, or what went through ``plain_tip``."""
    if isinstance(tip, ast.IfExp):
        return _is_our_own(tip.body) and _is_our_own(tip.orelse)
    if isinstance(tip, ast.Call):
        called = dotted(tip.func)
        return called == "plain_tip" or (called in {"tr", "trc"} and not tip.keywords)
    return isinstance(tip, ast.Constant)


def _guessed() -> Iterator[str]:
    for path in GUI:
        for called, call in calls(path):
            place = TIPS.get(called.rpartition(".")[2])
            if place is not None and not _is_our_own(call.args[place]):
                yield f"{path}:{call.lineno}"


def test_a_tool_tip_shows_what_is_written() -> None:
    expect_none(_guessed(), "give it through gui.plain.plain_tip")


def test_a_label_is_told_what_its_text_is() -> None:
    expect_none(
        path
        for path in GUI
        if path not in NO_NAMES
        and any(called == "QLabel" for called, _ in calls(path))
        and "setTextFormat(" not in text(path)
    )


def test_a_message_box_shows_what_is_written() -> None:
    expect_none(
        path
        for path in GUI
        if any(called == "QMessageBox" for called, _ in calls(path))
        and not any(called == "show_plainly" for called, _ in calls(path))
    )


def test_a_run_is_called_in_the_language_of_who_reads_it() -> None:
    """What is kept of a title is no sentence: `core.services.run_titles` makes one of it."""
    expect_none(
        f"{path}:{node.lineno}"
        for path in modules("gui", "core")
        if path != "core/services/run_titles.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and dotted(node) in {"run.title", "found.run.title"}
    )
