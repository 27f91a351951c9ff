"""Which Leafspot this is.

Knows the installed package's name; knows nothing else.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """The installed version; "development" when run from a folder that was not installed."""
    try:
        return version("leafspot")
    except PackageNotFoundError:
        return "development"
