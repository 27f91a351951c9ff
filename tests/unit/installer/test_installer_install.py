"""The order of an installation: complete is instant, interrupted is once more."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from installer import install, stamp
from installer.report import Progress, Refusal


class Stage:
    """An installation whose pip and venv are played."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.pip: list[list[str]] = []
        self.fails_at = ""
        monkeypatch.setattr(install.environment, "prepare", self._prepare)
        monkeypatch.setattr(install.environment, "version_of", lambda _: "3.11.7")
        monkeypatch.setattr(install.preconditions, "check_room", lambda *_: 1e12)
        monkeypatch.setattr(install.preconditions, "venv_missing", lambda: False)
        monkeypatch.setattr(install.graphics, "torch_index", lambda: None)
        monkeypatch.setattr(install.pip_runner, "pip_version", lambda _: (26, 3))
        monkeypatch.setattr(install.pip_runner, "install", self._install)

    def _prepare(self, folder: Path) -> str:
        folder.mkdir(exist_ok=True)
        stamp.remove(folder)
        return "made"

    def _install(self, _: Path, arguments: list[str], **__: object) -> None:
        self.pip.append(arguments)
        if self.fails_at and self.fails_at in arguments:
            raise Refusal("The package server cannot be reached.")

    def ensure(self) -> str:
        screen = io.StringIO()
        install.ensure(self.root, progress=Progress(screen, steps=install.STEPS))
        return screen.getvalue()


@pytest.fixture
def stage(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    (tmp_path / "installer").mkdir()
    for name in ("pyproject.toml", "installer/constraints.txt"):
        (tmp_path / name).write_bytes((repo / name).read_bytes())
    return Stage(tmp_path, monkeypatch)


def test_the_second_call_does_nothing_and_says_nothing(stage: Stage) -> None:
    first = stage.ensure()
    assert [line[:5] for line in first.splitlines() if line.startswith("[")] == [
        "[1/4]", "[2/4]", "[3/4]", "[4/4]",
    ]  # fmt: skip
    calls = len(stage.pip)
    assert stage.ensure() == ""
    assert len(stage.pip) == calls


def test_a_failed_installation_is_not_taken_for_complete(stage: Stage) -> None:
    stage.fails_at = "--editable"
    with pytest.raises(Refusal):
        stage.ensure()
    stage.fails_at = ""
    assert "[4/4]" in stage.ensure()


def test_every_call_of_pip_is_held_to_the_pins(stage: Stage) -> None:
    stage.ensure()
    pins = str(stage.root / "installer" / "constraints.txt")
    assert all(call[:2] == ["--constraint", pins] for call in stage.pip)


def test_torch_and_torchvision_come_from_one_source_in_one_call(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install.graphics, "torch_index", lambda: "https://mirror.example")
    stage.ensure()
    assert stage.pip[0][2:] == ["--index-url", "https://mirror.example", "torch", "torchvision"]


def test_a_tight_disk_does_without_pips_cache(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install.preconditions, "check_room", lambda _, needed: needed + 1)
    stage.ensure()
    assert all("--no-cache-dir" in call for call in stage.pip)


HOLDER = """
import sys, subprocess
sys.path.insert(0, {repo!r})
from pathlib import Path
from installer import lock
with lock.held(Path({path!r}), waiting=lambda: None) as held:
    # Like pip: outlives its parent, and the lock with it.
    code = "import sys; sys.stdin.read()"
    subprocess.Popen([sys.executable, "-c", code], pass_fds=(held,))
    print("held", flush=True)
    sys.stdin.readline()
    import os; os._exit(9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are not inherited there")
def test_a_second_installation_waits_for_the_pip_of_a_killed_one(
    tmp_path: Path, repo: Path
) -> None:
    from installer import lock

    path = tmp_path / "lock"
    code = textwrap.dedent(HOLDER).format(repo=str(repo), path=str(path))
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    waited: list[bool] = []

    def waiting() -> None:
        waited.append(True)
        holder.stdin.close()  # only now does the grandchild end

    with lock.held(path, waiting=waiting):
        pass
    holder.stdout.close()
    assert waited == [True]
