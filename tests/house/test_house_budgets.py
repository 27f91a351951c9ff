"""Size is a smell: these ceilings are where the programs of this field began to die.

Whoever meets one moves the state, not the ceiling; an exception carries its reason here.
"""

from __future__ import annotations

from house_sources import (
    PACKAGES,
    classes,
    expect_none,
    functions,
    is_protocol,
    methods,
    modules,
    text,
)

MODULE = 400
TABLE = 500
WINDOW = 300
FUNCTION = 50
METHODS = 20

# Modules that are one table or registry, and nothing else.
TABLES = {
    "gui/actions.py",
    "storage/tables.py",
}
# More methods than a class should have, and why.
MANY_METHODS = {
    # Widgets that paint themselves answer for a dozen kinds of event.
    ("gui/canvas/viewport.py", "PhotoView"): 25,
    ("gui/gallery/view.py", "GalleryView"): 25,
}


def test_no_module_outgrows_its_readers() -> None:
    expect_none(
        f"{path}: {lines} lines"
        for path in modules(*PACKAGES, "installer")
        if (lines := text(path).count("\n")) > (TABLE if path in TABLES else MODULE)
    )


def test_the_main_window_only_arranges() -> None:
    assert text("gui/main_window.py").count("\n") <= WINDOW


def test_every_function_fits_on_a_screen() -> None:
    expect_none(
        f"{path}:{node.lineno} {node.name}: {lines} lines"
        for path in modules(*PACKAGES, "installer")
        for node in functions(path)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION
    )


def test_no_class_does_everything() -> None:
    """A port may name more: it is cut by who implements it, not by who calls it."""
    expect_none(
        f"{path}:{node.lineno} {node.name}: {count} methods"
        for path in modules(*PACKAGES, "installer")
        for node in classes(path)
        if not is_protocol(node)
        and (count := len(methods(node))) > MANY_METHODS.get((path, node.name), METHODS)
    )
