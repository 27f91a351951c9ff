"""What is published names no package host and no folder of anybody's machine."""

from __future__ import annotations

import re

import pytest
from house_sources import ROOT, expect_none, modules, tracked

# One letter in brackets, so that this file does not find itself.
PACKAGE_HOSTS = re.compile(
    r"py[p]i\.org|pythonhoste[d]\.org|conda\.anacond[a]\.org|npmj[s]\.(org|com)|"
    r"download\.pytorc[h]\.org|pypi\.nvidi[a]\.com"
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(wor[k]|roo[t]|op[t]/(wheels|pypi))/|/hom[e]/\w+/|/User[s]/\w+/|[A-Z]:\\User[s]\\"
)
# The one place that may name a host: PyTorch's site says to install from there on Windows.
NAMES_A_HOST = {"installer/graphics.py"}


def _lines(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked() or modules("core", "storage", "gui", "installer", "tests"):
        try:
            text = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path}:{number}")
    return found


def test_packages_come_from_wherever_pip_is_told() -> None:
    expect_none(p for p in _lines(PACKAGE_HOSTS) if p.split(":")[0] not in NAMES_A_HOST)


def test_no_folder_of_a_machine_is_named() -> None:
    expect_none(_lines(MACHINE_PATHS))


@pytest.mark.parametrize(
    "line", ["/wor" + "k/main/x.py", "see /roo" + "t/.cache", "C:\\User" + "s\\ana\\leaf.jpg"]
)
def test_the_rule_sees_what_it_is_for(line: str) -> None:
    assert MACHINE_PATHS.search(line)


def test_nothing_large_slips_into_the_repository() -> None:
    """40 MB is the ceiling of the embedded model; everything else is small."""
    expect_none(name for name in tracked() if (ROOT / name).stat().st_size > 40e6)
