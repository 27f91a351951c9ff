"""What is installed is what was tested: every requirement is pinned, and the pins hold here."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from installer import graphics, pin, stamp


@pytest.fixture
def pins(repo: Path) -> list[Requirement]:
    lines = (repo / "installer" / "constraints.txt").read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_requirement_is_pinned(repo: Path, pins: list[Requirement]) -> None:
    wanted = {
        canonicalize_name(Requirement(line).name) for line in stamp.read_wanted(repo).requirements
    }
    assert wanted <= {canonicalize_name(pin.name) for pin in pins}


def test_what_the_benches_alone_need_is_pinned(repo: Path, pins: list[Requirement]) -> None:
    assert pin.exact(repo).items() <= {
        (one.name, str(one.specifier).removeprefix("==")) for one in pins
    }


def test_a_pin_is_a_name_and_a_version(repo: Path) -> None:
    text = (repo / "installer" / "constraints.txt").read_text("utf-8")
    shape = re.compile(r"#.*|[a-z0-9-]+==[\w.]+( ; (sys_platform|python_version) [<>=]+ '[\w.]+')?")
    assert not [line for line in text.splitlines() if not shape.fullmatch(line)]


def test_pyside_that_aborts_is_never_chosen(pins: list[Requirement]) -> None:
    """6.12.0 loses references to True and None before Python 3.12."""
    chosen = {
        python: [
            str(pin.specifier)
            for pin in pins
            if pin.name == "pyside6-essentials"
            and pin.marker
            and pin.marker.evaluate({"python_version": python})
        ]
        for python in ("3.11", "3.12", "3.13")
    }
    assert chosen == {"3.11": ["==6.11.3"], "3.12": ["==6.12.0"], "3.13": ["==6.12.0"]}


def test_windows_gets_torch_for_the_cuda_that_was_tested() -> None:
    """torch's own metadata asks for one release of CUDA's libraries on Linux."""
    asked = [Requirement(line) for line in metadata.requires("torch") or []]
    releases = {str(one.specifier) for one in asked if one.name == "cuda-toolkit"}
    if not releases:
        pytest.skip("this torch is built without CUDA")
    assert {f"cu{''.join(release.strip('=').split('.')[:2])}" for release in releases} == {
        graphics.CUDA_INDEX.rpartition("/")[2]
    }
