"""What Leafspot never does, whoever writes it: swallow errors, freeze the window, trust a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from house_sources import (
    PACKAGES,
    calls,
    dotted,
    expect_none,
    imported,
    keyword,
    modules,
    text,
    tree,
)

# Where a process begins or a thread ends: whatever happens there must be reported, not lost.
EDGES = {
    "gui/crash.py",
    "gui/tasks.py",
    "core/workers/channel.py",
    "core/workers/segment.py",
    "core/workers/train.py",
    "core/workers/answer.py",
    "core/workers/embed.py",
}
# Where a question may interrupt the person; everything else goes through notices.
MAY_ASK = re.compile(r"gui/(notices|crash)\.py|gui/dialogs/.*")

PRODUCT = modules(*PACKAGES)


def _broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in {"Exception", "BaseException"} for kind in kinds)


def _goes_on_up(handler: ast.ExceptHandler) -> bool:
    """Tidies up and raises the same error again: nothing is lost."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _broad_handlers(path: str) -> Iterator[int]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler) and _broad(node) and not _goes_on_up(node):
            yield node.lineno


def test_errors_are_caught_by_name_except_at_the_edges_of_a_process() -> None:
    expect_none(
        f"{path}:{line}" for path in PRODUCT if path not in EDGES for line in _broad_handlers(path)
    )


def test_an_edge_has_two_nets_at_most() -> None:
    """One for coming up, one for each request."""
    expect_none(path for path in EDGES & {*PRODUCT} if len([*_broad_handlers(path)]) > 2)


def test_a_broad_except_at_an_edge_carries_its_reason() -> None:
    reasoned = re.compile(r"# noqa: BLE001\s*(--|-|—|:|\()\s*\S+")
    expect_none(
        f"{path}:{line}"
        for path in EDGES & {*PRODUCT}
        for line in _broad_handlers(path)
        if not reasoned.search(text(path).splitlines()[line - 1])
    )


def test_message_boxes_come_from_one_place() -> None:
    expect_none(p for p in PRODUCT if "QMessageBox" in text(p) and not MAY_ASK.fullmatch(p))


def test_no_error_is_silently_passed_over() -> None:
    expect_none(
        f"{path}:{node.lineno}"
        for path in PRODUCT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and _broad(node) and _does_nothing(node)
    )


def _does_nothing(handler: ast.ExceptHandler) -> bool:
    return all(isinstance(item, ast.Pass | ast.Continue) for item in handler.body)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("processEvents", "it re-enters the window in the middle of its own work"),
        ("extractall", "a member may lead out of the folder; copy members one by one"),
        ("cv2.imread", "it knows neither EXIF nor every path; core.imaging decodes"),
        ("cv2.imwrite", "it answers False instead of raising"),
        ("os.system", "file names would be read by a shell"),
        ("yaml.load", "it can build any object"),
    ],
)
def test_never_called(name: str, why: str) -> None:
    tail = name if "." in name else f".{name}"
    places = (
        f"{path}:{call.lineno}"
        for path in PRODUCT
        for called, call in calls(path)
        if called == name or called.endswith(tail)
    )
    expect_none(places, f"{name}: {why}")


def test_files_are_asked_for_by_a_dialog_that_goes() -> None:
    places = (
        f"{path}:{call.lineno}"
        for path in PRODUCT
        if path != "gui/file_dialog.py"
        for called, call in calls(path)
        if called == "QFileDialog" or called.startswith("QFileDialog.get")
    )
    expect_none(places, "gui.file_dialog's is gone when it is closed, others stay hidden")


@pytest.mark.parametrize("name", ["eval", "exec", "__import__"])
def test_no_text_becomes_code(name: str) -> None:
    expect_none(f"{p}:{c.lineno}" for p in PRODUCT for called, c in calls(p) if called == name)


@pytest.mark.parametrize(
    ("name", "value"), [("shell", True), ("trust_remote_code", True), ("allow_pickle", True)]
)
def test_no_door_is_opened(name: str, value: object) -> None:
    expect_none(
        f"{p}:{c.lineno}" for p in PRODUCT for _, c in calls(p) if keyword(c, name) is value
    )


def test_weights_are_loaded_as_weights_only() -> None:
    expect_none(
        f"{path}:{call.lineno}"
        for path in PRODUCT
        for called, call in calls(path)
        if called == "torch.load" and keyword(call, "weights_only") is not True
    )


@pytest.mark.parametrize("module", ["pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"])
def test_no_format_that_runs_code_is_read(module: str) -> None:
    expect_none(path for path in PRODUCT if module in imported(path))


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    everything = modules(*PACKAGES, "installer", "resources")
    expect_none(path for path in everything if later.search(text(path)))
