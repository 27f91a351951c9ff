"""The system libraries that Qt needs on Linux: which are missing, and how Debian installs them.

Asks ``ldd``, because Qt's own message blames xcb-cursor whatever is missing. Knows Debian's package
names (and so Ubuntu's and Mint's); elsewhere it can only name the libraries.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = {
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
_ALWAYS = ("libQt6Widgets.so.6", "libQt6Svg.so.6", "libQt6DBus.so.6")
_PLUGINS = {"offscreen": ("libqoffscreen.so",), "window": ("libqxcb.so",)}
_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")


@dataclass(frozen=True)
class Missing:
    """Sonames without a library, and the Debian packages that bring them."""

    libraries: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.libraries or self.packages)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Libraries for which no Debian package is known."""
        return tuple(name for name in self.libraries if name not in PACKAGES)


def not_found(ldd_output: str) -> tuple[str, ...]:
    """The sonames that ``ldd`` could not find, each once."""
    names = re.findall(r"^\s*(\S+) => not found", ldd_output, re.MULTILINE)
    return tuple(dict.fromkeys(names))


def packages_for(libraries: Iterable[str]) -> tuple[str, ...]:
    """Debian packages that bring these libraries, as far as they are known, sorted."""
    return tuple(sorted({PACKAGES[name] for name in libraries if name in PACKAGES}))


def missing(environment: Path, *, kind: str) -> Missing:
    """What Qt lacks for ``kind``: "offscreen" (tests, drawing to files) or "window" (X11)."""
    if not sys.platform.startswith("linux") or shutil.which("ldd") is None:
        return Missing()
    files = []
    for qt in environment.glob("lib/python3*/site-packages/PySide6/Qt"):
        files += [qt / "lib" / name for name in _ALWAYS]
        files += [qt / "plugins" / "platforms" / name for name in _PLUGINS[kind]]
    present = [str(file) for file in files if file.is_file()]
    if not present:
        return Missing()
    done = subprocess.run(["ldd", *present], capture_output=True, text=True, check=False)
    libraries = not_found(done.stdout)
    return Missing(libraries, packages_for(libraries))


def fonts_missing(folders: Sequence[str] = _FONT_FOLDERS) -> bool:
    """Whether there is no font at all, so that every letter would be an empty box."""
    if not sys.platform.startswith("linux"):
        return False
    return not any(
        next(Path(folder).rglob(pattern), None)
        for folder in folders
        for pattern in ("*.ttf", "*.otf", "*.ttc", "*.pfb")
    )


def is_debian(release: Path = Path("/etc/os-release")) -> bool:
    """Whether packages come by ``apt-get`` here."""
    try:
        text = release.read_text("utf-8")
    except OSError:
        return False
    words = " ".join(re.findall(r"^ID(?:_LIKE)?=(.*)$", text, re.MULTILINE)).replace('"', " ")
    return bool({"debian", "ubuntu"} & set(words.split())) and shutil.which("apt-get") is not None


def is_root() -> bool:
    """Whether this user may install system packages."""
    return sys.platform != "win32" and os.geteuid() == 0


def apt_command(packages: Sequence[str], *, sudo: bool = True) -> str:
    """What to type to install ``packages``."""
    rights = "sudo " if sudo else ""
    names = " ".join(packages)
    return f"{rights}apt-get update && {rights}apt-get install -y {names}"


def apt_install(packages: Sequence[str]) -> bool:
    """Installs ``packages`` as root; False when apt-get could not. The lists are renewed first."""
    variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    for command in (["apt-get", "update"], install):
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=variables, check=False
        )
    return done.returncode == 0


def has_program(name: str) -> bool:
    """Whether the command ``name`` is on the path."""
    return shutil.which(name) is not None
