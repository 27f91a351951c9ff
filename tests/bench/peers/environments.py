"""Environments for the programs that the benches measure beside: one each, made when first asked.

Names and versions are pinned here; where pip finds its packages is pip's own business. A peer that
cannot be installed or does not start is reported with the reason and left out. Knows virtual
environments; knows nothing of what a peer does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Peer:
    """``wanted`` is what pip is given, by name and version. ``proof`` is a statement that works
    when it is there. ``shared`` lets it find after its own packages those of this environment, so
    that torch is not had twice. ``display`` says that its window draws with OpenGL.
    """

    name: str
    version: str
    proof: str
    extra: str = ""
    shared: bool = True
    display: bool = False

    @property
    def wanted(self) -> str:
        return f"{self.name}{self.extra}=={self.version}"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("labelme", "6.3.1", "import labelme.app", shared=False),
        Peer("isat-sam", "1.5.2", "import ISAT.widgets.mainwindow"),
        Peer("x-anylabeling-cvhub", "4.2.1", "import anylabeling.views.mainwindow", "[cpu]"),
        Peer("digitalsreeni-image-annotator", "0.9.1", "import digitalsreeni_image_annotator"),
        Peer("micro-sam", "1.8.14", "import napari", display=True),
        Peer("trl", "1.16.0", "from trl import SFTConfig, SFTTrainer"),
    )
}


@dataclass(frozen=True)
class Ready:
    """``python`` runs the peer's code; None, with ``why``, when it cannot be had."""

    peer: Peer
    python: Path | None
    why: str = ""


def environment(name: str, folder: Path) -> Ready:
    """The peer's environment in ``folder``, made when it is not there. Blocks for minutes then."""
    peer = PEERS[name]
    home = folder / name
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(home, with_pip=True)
    if peer.shared:
        _share(python)
    if (why := _run(python, "-c", peer.proof)) is None:
        return Ready(peer, python)
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if (why := _run(python, *pip, peer.wanted)) is not None:
        return Ready(peer, None, f"could not be installed: {why}")
    why = _run(python, "-c", peer.proof)
    return Ready(peer, python) if why is None else Ready(peer, None, f"does not start: {why}")


def command(ready: Ready, script: str, *args: str) -> list[str]:
    """What runs a file of this folder in the peer's environment, under Xvfb where it needs it.

    Raises OSError when it needs a display and there is no Xvfb.
    """
    run = [str(ready.python), str(HERE / script), *args]
    if not ready.peer.display:
        return run
    server = shutil.which("xvfb-run")
    if server is None:
        raise OSError("draws with OpenGL and there is no Xvfb")
    return [server, "-a", "-s", "-screen 0 1600x1000x24", *run]


def surroundings(home: Path, *, display: bool = False) -> dict[str, str]:
    """The variables of a new user whose home is ``home`` and whom no network answers."""
    nobody = "http://127.0.0.1:9"
    return os.environ | {
        "QT_QPA_PLATFORM": "xcb" if display else "offscreen",
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "PYTHONPATH": "",
        "HTTP_PROXY": nobody,
        "HTTPS_PROXY": nobody,
    }


def _share(python: Path) -> None:
    """A line in its site-packages that names ours: what it has itself goes first."""
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    said = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True)
    ours = sysconfig.get_path("purelib")
    (Path(said.stdout.strip()) / "shared.pth").write_text(ours + "\n", encoding="utf-8")


def _run(python: Path, *args: str) -> str | None:
    """None when it went well, else the last line of what it said."""
    done = subprocess.run(
        [str(python), *args],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1][:300]
