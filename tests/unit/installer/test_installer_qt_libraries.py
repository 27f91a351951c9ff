"""What Qt lacks on a bare Linux is found by looking, and the command that brings it is exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer import qt_libraries
from installer.qt_libraries import Missing

LDD = """\
/x/libqxcb.so:
\tlibxcb-cursor.so.0 => not found
\tlibxcb-icccm.so.4 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
/x/libQt6Widgets.so.6:
\tlibGL.so.1 => not found
\tlibxcb-icccm.so.4 => not found
"""


def test_ldd_tells_what_is_missing_once_each() -> None:
    found = qt_libraries.not_found(LDD)
    assert found == ("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libGL.so.1")
    assert qt_libraries.packages_for(found) == ("libgl1", "libxcb-cursor0", "libxcb-icccm4")


def test_two_libraries_of_one_package_install_it_once() -> None:
    both = ("libglib-2.0.so.0", "libgthread-2.0.so.0")
    assert qt_libraries.packages_for(both) == ("libglib2.0-0",)


def test_a_library_without_a_known_package_is_named() -> None:
    assert Missing(("libGL.so.1", "libnew.so.9"), ("libgl1",)).unknown == ("libnew.so.9",)


def test_nothing_missing_is_false() -> None:
    assert not Missing()
    assert Missing(("libnew.so.9",), ())


def test_the_command_can_be_pasted() -> None:
    command = qt_libraries.apt_command(["libgl1", "libegl1"])
    assert command == "sudo apt-get update && sudo apt-get install -y libgl1 libegl1"
    assert "sudo" not in qt_libraries.apt_command(["libgl1"], sudo=False)


@pytest.mark.parametrize(
    ("release", "debian"),
    [
        ("ID=debian\n", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('ID=fedora\nVERSION_ID="43"\n', False),
        ("PRETTY_NAME=debian-like\nID=arch\n", False),
    ],
)
def test_debian_and_its_children_are_known(
    release: str, debian: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qt_libraries.shutil, "which", lambda _: "/usr/bin/apt-get")
    (tmp_path / "os-release").write_text(release)
    assert qt_libraries.is_debian(tmp_path / "os-release") is debian
    assert not qt_libraries.is_debian(tmp_path / "absent")


def test_a_machine_without_any_font_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qt_libraries.sys, "platform", "linux")
    assert qt_libraries.fonts_missing([str(tmp_path)])
    (tmp_path / "truetype").mkdir()
    (tmp_path / "truetype" / "leaf.ttf").touch()
    assert not qt_libraries.fonts_missing([str(tmp_path)])


def test_qt_of_this_environment_lacks_nothing_to_draw() -> None:
    """These tests draw, so it must be so; the check really looks."""
    import sys

    assert not qt_libraries.missing(Path(sys.prefix), kind="offscreen")
