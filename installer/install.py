"""Installs Leafspot into ``.venv``, once: the second call sees the stamp and returns at once.

The order of events lives here; how each is done, in the modules it names. Everything may be killed
at any moment: until the stamp is written, the next call looks over what is there and goes on.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from installer import environment, graphics, lock, pip_runner, preconditions, qt_libraries, stamp
from installer.report import Progress, Refusal, duration, size

LOCK = ".venv.lock"
STEPS = 4


@dataclass(frozen=True)
class Job:
    """One installation: what, whence, where to, and who watches."""

    root: Path
    folder: Path
    wanted: stamp.Wanted
    torch_index: str | None
    progress: Progress
    lock: int
    keep_downloads: bool = True

    def pip(self, *arguments: str) -> None:
        """``pip install`` under the job's lock and constraints."""
        pinned = ["--constraint", str(self.wanted.constraints)]
        if not self.keep_downloads:
            pinned.append("--no-cache-dir")
        pip_runner.install(
            self.folder, [*pinned, *arguments], progress=self.progress, lock=self.lock
        )


def ensure(root: Path, *, progress: Progress) -> Path:
    """The complete environment of the checkout ``root``; raises Refusal when it cannot be had."""
    folder = root / environment.NAME
    wanted = stamp.read_wanted(root)
    index = graphics.torch_index()
    mark = stamp.fingerprint(root, wanted, torch_index=index)
    if _complete(folder, mark):
        return folder
    preconditions.check_word_size()
    preconditions.check_writable(root)

    def waiting() -> None:
        progress.say("Another installation is at work in this folder; waiting for it to end.")

    with lock.held(root / LOCK, waiting=waiting) as held:
        if not _complete(folder, mark):  # whoever we waited for may have done it
            _install(Job(root, folder, wanted, index, progress, held))
            _finish(folder, mark=mark)
            progress.say(f"Leafspot is installed ({duration(progress.elapsed)}).")
    return folder


def _complete(folder: Path, mark: str) -> bool:
    python = stamp.python_of(folder, mark=mark)
    return python is not None and environment.version_of(folder) == python


def _finish(folder: Path, *, mark: str) -> None:
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    python = environment.version_of(folder)
    if python is None:
        raise Refusal(f"The Python in {folder} does not start any more: run the command again.")
    stamp.write(folder, mark=mark, python=python)


def _install(job: Job) -> None:
    job.progress.step("Looking at this computer")
    shutil.rmtree(job.folder / "tmp", ignore_errors=True)
    present = environment.bytes_in(job.folder)
    cuda = job.torch_index is not None
    fetch = preconditions.download_size(cuda_on_windows=cuda)
    needed = preconditions.room_needed(cuda_on_windows=cuda, present=present)
    free = preconditions.check_room(job.root, needed)
    # pip's cache would take the size of the downloads once more.
    job = replace(job, keep_downloads=free > needed + fetch)
    if preconditions.venv_missing():
        _bring_venv()
    job.progress.step(f"Making a private Python environment in {job.folder}")
    job.progress.say(f"      {environment.prepare(job.folder)}")
    about = "" if present > 1e9 else f", about {size(fetch)} to download the first time"
    job.progress.step(f"Installing the libraries{about}")
    if pip_runner.pip_version(job.folder) < pip_runner.RAW_PROGRESS:
        job.pip("--upgrade", "pip")
    if job.torch_index:
        # From the same source in the same call: torchvision must match its torch.
        job.pip("--index-url", job.torch_index, "torch", "torchvision")
    job.pip(*job.wanted.requirements)
    job.progress.step("Putting the command leafspot in place")
    job.pip("--no-build-isolation", "--no-deps", "--editable", str(job.root))


def _bring_venv() -> None:
    """Debian packs the venv module apart from Python; root can fetch it."""
    package = preconditions.venv_package()
    if qt_libraries.is_debian():
        if qt_libraries.is_root() and qt_libraries.apt_install([package]):
            return
        command = qt_libraries.apt_command([package], sudo=not qt_libraries.is_root())
        raise Refusal(f"Python's venv module is missing: run  {command}  and then this again.")
    raise Refusal("Python's venv module is missing: install it, or a complete Python, first.")
