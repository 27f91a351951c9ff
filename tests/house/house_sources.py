"""The product's sources as the house rules see them: files, syntax trees, functions, classes."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "storage", "gui")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules(*packages: str) -> tuple[str, ...]:
    """Paths from the root, with forward slashes, of every module in ``packages``."""
    found = (file for package in packages for file in (ROOT / package).rglob("*.py"))
    return tuple(sorted(file.relative_to(ROOT).as_posix() for file in found))


@cache
def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


@cache
def tree(path: str) -> ast.Module:
    return ast.parse(text(path), path)


def functions(path: str) -> Iterator[Function]:
    """Every function and method, nested ones as well."""
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def classes(path: str) -> Iterator[ast.ClassDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            yield node


def methods(node: ast.ClassDef) -> list[Function]:
    return [item for item in node.body if isinstance(item, Function)]


def is_protocol(node: ast.ClassDef) -> bool:
    return any(dotted(base).partition("[")[0].endswith("Protocol") for base in node.bases)


def decorators(node: Function) -> set[str]:
    return {dotted(item).partition("(")[0] for item in node.decorator_list}


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for what is called or named, as written."""
    return ast.unparse(node)


@cache
def calls(path: str) -> tuple[tuple[str, ast.Call], ...]:
    """Every call with the dotted name of what is called."""
    nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return tuple((dotted(node.func), node) for node in nodes)


@cache
def imported(path: str) -> frozenset[str]:
    """Top-level names of everything a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return frozenset(found)


def keyword(call: ast.Call, name: str) -> object:
    """The constant given for keyword ``name``; None when it is absent or not a constant."""
    for item in call.keywords:
        if item.arg == name and isinstance(item.value, ast.Constant):
            return item.value.value
    return None


def expect_none(found: Iterable[object], why: str = "") -> None:
    """Fails, naming every place, when there is one."""
    lines = [str(item) for item in found]
    if lines:
        pytest.fail("\n".join([why or "these break the rule:", *lines]), pytrace=False)


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the repository, tracked or about to be; empty where git is absent."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return ()
    done = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(sorted(name for name in done.stdout.split("\0") if (ROOT / name).is_file()))
