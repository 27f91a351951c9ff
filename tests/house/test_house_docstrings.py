"""A newcomer can ask any module what it knows, and any public name of core what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house_sources import (
    PACKAGES,
    Function,
    classes,
    decorators,
    expect_none,
    is_protocol,
    methods,
    modules,
    text,
    tree,
)

_SAID_ELSEWHERE = {"overload", "override", "typing.override"}


def _described_in_a_port() -> set[str]:
    """Method names that a Protocol of core declares: implementations need not repeat it."""
    return {
        method.name
        for path in modules("core")
        for node in classes(path)
        if is_protocol(node)
        for method in methods(node)
    }


def _plain(node: Function) -> bool:
    """A property that only returns something: its name and type say what."""
    return bool({"property", "cached_property"} & decorators(node)) and len(node.body) == 1


def _public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def _undocumented(path: str, known: set[str]) -> Iterator[str]:
    for node in _public(tree(path).body):
        if not ast.get_docstring(node):
            yield f"{path}:{node.lineno} {node.name}"
        if isinstance(node, ast.ClassDef) and not is_protocol(node):
            for method in _public(node.body):
                exempt = isinstance(method, Function) and (
                    method.name in known
                    or _plain(method)
                    or bool(_SAID_ELSEWHERE & decorators(method))
                )
                if not exempt and not ast.get_docstring(method):
                    yield f"{path}:{method.lineno} {node.name}.{method.name}"


def test_every_module_says_what_it_is() -> None:
    expect_none(
        path
        for path in modules(*PACKAGES, "installer", "resources")
        if text(path).strip() and not ast.get_docstring(tree(path))
    )


def test_every_public_name_of_core_and_storage_is_described() -> None:
    known = _described_in_a_port()
    expect_none(name for path in modules("core", "storage") for name in _undocumented(path, known))


def test_every_class_of_the_window_is_described() -> None:
    expect_none(
        f"{path}:{node.lineno} {node.name}"
        for path in modules("gui")
        for node in _public(tree(path).body)
        if isinstance(node, ast.ClassDef) and not ast.get_docstring(node)
    )
