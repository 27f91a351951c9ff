"""Environments for the programs that the benches measure beside: one each, made when first asked.

Names and versions are pinned here; where pip finds its packages is pip's own business. A peer that
cannot be installed or does not start is reported with the reason and left out. Knows virtual
environments; knows nothing of what a peer does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Peer:
    """``wanted`` is what pip is given. ``bare`` is installed without what it asks for: torch above
    all, which its data layer does not load. ``proof`` is a statement that works when it is there.
    """

    name: str
    version: str
    wanted: tuple[str, ...]
    proof: str
    bare: tuple[str, ...] = ()


PEERS = {
    "labelme": Peer("labelme", "6.3.1", ("labelme==6.3.1",), "import labelme.app"),
    "isat-sam": Peer(
        "isat-sam",
        "1.5.2",
        ("numpy", "pillow", "pydicom", "imgviz", "scikit-image", "opencv-python-headless"),
        "import ISAT.annotation",
        bare=("isat-sam==1.5.2",),
    ),
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
    if (why := _run(python, "-c", peer.proof)) is None:
        return Ready(peer, python)
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    for options, packages in (((), peer.wanted), (("--no-deps",), peer.bare)):
        if packages and (why := _run(python, *pip, *options, *packages)) is not None:
            return Ready(peer, None, f"could not be installed: {why}")
    why = _run(python, "-c", peer.proof)
    return Ready(peer, python) if why is None else Ready(peer, None, f"does not start: {why}")


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
