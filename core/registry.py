"""Finds what can be plugged in by scanning a package for modules that declare ``SPECS``.

A new engine, base model, mask head or format is one new file: menus, settings, the command line and
the contract tests all read the registry. Plug-in modules keep heavy imports inside their functions,
so that scanning them is cheap and never loads a model library.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Protocol, TypeVar

from core.errors import Bug, ModelMissing
from core.language import tr


class Spec(Protocol):
    """What every registered thing has: a stable ``id`` and a ``title`` that people read."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...


S = TypeVar("S", bound=Spec)


@cache
def _scan(package: str) -> tuple[Spec, ...]:
    found: dict[str, Spec] = {}
    root = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"{package}.{info.name}")
        for spec in getattr(module, "SPECS", ()):
            if spec.id in found:
                raise Bug(f"two plug-ins in {package} call themselves {spec.id!r}")
            found[spec.id] = spec
    return tuple(found.values())


def discover(package: str, kind: type[S]) -> dict[str, S]:
    """Every ``SPECS`` entry of ``kind`` in the modules of ``package``, by id."""
    return {s.id: s for s in _scan(package) if isinstance(s, kind)}


def find(package: str, kind: type[S], wanted: str) -> S:
    """The spec called ``wanted``; raises ModelMissing naming the ones there are."""
    specs = discover(package, kind)
    if wanted not in specs:
        names = ", ".join(sorted(specs)) or "none"
        raise ModelMissing(
            tr("There is no “{wanted}” here; choose one of: {names}.", wanted=wanted, names=names)
        )
    return specs[wanted]


def resolve(factory: str) -> Callable[..., object]:
    """``"package.module:name"`` to the callable; imported only now."""
    module, _, name = factory.partition(":")
    found = getattr(importlib.import_module(module), name)
    if not callable(found):
        raise Bug(f"{factory} is not callable")
    return found  # type: ignore[no-any-return]
