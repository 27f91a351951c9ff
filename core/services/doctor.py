"""`leafspot doctor`: what may be wrong with this computer or this installation, and the remedy.

Every check is a function that gives back `Check` lines; ``CHECKS`` is the order they are told in.
Knows how to look; changes nothing, loads no model, imports neither Qt nor torch.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata, util
from pathlib import Path, PurePosixPath

import platformdirs

from core import files, registry
from core.engines.base import EngineSpec
from core.errors import UserError
from core.exporters.base import ExporterSpec
from core.files import size_text
from core.language import tr, trc, trn
from core.services import bases, machine
from core.services.checks import Check, Level

FLOORS = {
    # Versions below have known holes or faults that would reach a user.
    "PySide6-Essentials": "6.11.3",
    "torch": "2.10",
    "transformers": "5.23",
    "peft": "0.20",
    "bitsandbytes": "0.50",
    "accelerate": "1.14",
    "safetensors": "0.8",
    "pillow": "12.3",
    "pillow-heif": "1.3",
    "opencv-python-headless": "4.12",
    "pycocotools": "2.0.11",
    "sqlalchemy": "2.1",
    "segment-anything": "1.0",
}
INSTALL = tr("Run “python3 installer/run.py demo”, which installs what is missing.")
SUMS = "SHA256SUMS"
"""Beside a shipped model: lines of "digest  name", as sha256sum writes them."""
Examination = Callable[[], Iterable[Check]]


def examine(on_check: Callable[[Check], None] | None = None) -> list[Check]:
    """Look at everything; ``on_check`` hears each line as it comes."""
    found: list[Check] = []
    for look in CHECKS:
        for check in look():
            found.append(check)
            if on_check:
                on_check(check)
    return found


def _python() -> Iterator[Check]:
    version = platform.python_version()
    fine = sys.version_info >= (3, 11)
    yield Check(
        "python",
        "Python",
        Level.OK if fine else Level.FAIL,
        tr(
            "{version} on {system} {machine}",
            version=version,
            system=platform.system(),
            machine=platform.machine(),
        ),
        "" if fine else tr("Install Python 3.11 or newer."),
    )
    yield Check("sqlite", "SQLite", Level.OK, sqlite3.sqlite_version)


def _packages() -> Iterator[Check]:
    for name, floor in FLOORS.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Check(f"package.{name}", name, Level.FAIL, tr("is not installed"), INSTALL)
            continue
        if _parts(version) < _parts(floor):
            text = tr("{version} is older than {floor}", version=version, floor=floor)
            yield Check(f"package.{name}", name, Level.FAIL, text, INSTALL)
        else:
            yield Check(f"package.{name}", name, Level.OK, version)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version.split("+")[0])[:3])


def qt_trap(pyside: str, python: tuple[int, int]) -> Check:
    """PySide6 6.12.0 and Python 3.11 do not live together."""
    if _parts(pyside) == (6, 12, 0) and python < (3, 12):
        return Check(
            "qt.python",
            tr("PySide6 and Python"),
            Level.FAIL,
            tr(
                "PySide6 {pyside} aborts on Python {python}.{python_2} after some hundred signals",
                pyside=pyside,
                python=python[0],
                python_2=python[1],
            ),
            tr("Install PySide6-Essentials 6.11.3, or use Python 3.12 or newer."),
        )
    return Check("qt.python", tr("PySide6 and Python"), Level.OK, tr("work together"))


def _qt() -> Iterator[Check]:
    try:
        yield qt_trap(metadata.version("PySide6-Essentials"), sys.version_info[:2])
    except metadata.PackageNotFoundError:
        return
    if not sys.platform.startswith("linux"):
        return
    yield _display()
    spec = util.find_spec("PySide6")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None:
        return
    needed = [
        ("qt.gui", tr("Qt's libraries"), next(folder.glob("QtGui*.so"), None), Level.FAIL),
        ("qt.xcb", tr("Qt's window"), folder / "Qt/plugins/platforms/libqxcb.so", Level.WARN),
    ]
    for name, title, library, level in needed:
        if library is not None and library.is_file():
            yield linked(name, title, missing_libraries(library), level)


def _display() -> Check:
    names = [k for k in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(k)]
    if names:
        text = f"{names[0]}={os.environ[names[0]]}"
        return Check("display", trc("a screen", "Display"), Level.OK, text)
    return Check(
        "display",
        trc("a screen", "Display"),
        Level.WARN,
        tr("there is none, so no window can be opened here"),
        tr("The commands work without one; “leafspot demo --headless” does the whole job."),
    )


def missing_libraries(library: Path) -> list[str] | None:
    """What ``ldd`` does not find for it; None where ldd cannot be asked."""
    try:
        done = subprocess.run(
            ["ldd", str(library)], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return re.findall(r"^\s*(\S+) => not found", done.stdout, re.MULTILINE)


def linked(name: str, title: str, missing: list[str] | None, level: Level) -> Check:
    """Qt's own message blames xcb-cursor whatever is missing; this names the library."""
    if missing is None:
        return Check(name, title, Level.UNKNOWN, tr("ldd is not there to ask"))
    if not missing:
        return Check(name, title, Level.OK, tr("all system libraries are there"))
    return Check(
        name,
        title,
        level,
        tr("missing: {list}", list=", ".join(missing)),
        tr(
            "Run “python3 installer/run.py demo”: it installs them, or prints the command "
            "that does."
        ),
    )


def _torch() -> Iterator[Check]:
    yield from judge_torch(machine.probe_torch(), nvidia=shutil.which("nvidia-smi") is not None)


def judge_torch(found: dict[str, dict[str, object]], *, nvidia: bool) -> Iterator[Check]:
    """From what a process of its own saw. ``nvidia``: the card's driver is installed."""
    for name, title in (("torch", "PyTorch"), ("torchvision", "torchvision")):
        said = found.get(name, {"error": tr("did not answer")})
        if "error" in said:
            remedy = tr("Install torch and torchvision together, from the same source. ") + INSTALL
            yield Check(name, title, Level.FAIL, str(said["error"]), remedy)
        else:
            yield Check(name, title, Level.OK, str(said["version"]))
    four_bit = found.get("bitsandbytes", {"error": tr("did not answer")})
    if "error" in four_bit:
        remedy = tr("Training in 4-bit is not possible; “lora-fp32” is. ") + INSTALL
        yield Check("nf4", tr("4-bit NF4"), Level.WARN, str(four_bit["error"]), remedy)
    else:
        yield Check(
            "nf4",
            tr("4-bit NF4"),
            Level.OK,
            tr("bitsandbytes {four_bit}", four_bit=four_bit["version"]),
        )
    yield _gpu(found.get("gpu", {}), nvidia=nvidia)


def _gpu(said: dict[str, object], *, nvidia: bool) -> Check:
    if said.get("name"):
        total = size_text(float(str(said.get("total", 0))))
        free = size_text(float(str(said.get("free", 0))))
        return Check(
            "gpu",
            tr("Graphics card"),
            Level.OK,
            tr("{said}, {free} of {total} free", said=said["name"], free=free, total=total),
        )
    if nvidia:
        built = (
            tr("is built for CUDA {said}", said=said["built_for"])
            if said.get("built_for")
            else tr("has no CUDA")
        )
        return Check(
            "gpu",
            tr("Graphics card"),
            Level.WARN,
            tr(
                "an NVIDIA driver is there but PyTorch, which {built}, does not see the card",
                built=built,
            ),
            tr("Update the driver; on Windows take PyTorch from its CUDA index."),
        )
    return Check(
        "gpu", tr("Graphics card"), Level.OK, tr("none that PyTorch can use; the CPU will do")
    )


def _machine() -> Iterator[Check]:
    memory = machine.memory()
    if memory.total:
        level = Level.OK if memory.available >= 3e9 else Level.WARN
        text = tr(
            "{size_text} of {size_text_2} free",
            size_text=size_text(memory.available),
            size_text_2=size_text(memory.total),
        )
        remedy = tr("Close other programs before training.") if level is Level.WARN else ""
        yield Check("memory", tr("Memory"), level, text, remedy)
    else:
        yield Check("memory", tr("Memory"), Level.UNKNOWN, tr("the system does not say"))
    cores = machine.cores()
    yield Check(
        "cores",
        tr("Processor"),
        Level.OK,
        trn("{n} core", "{n} cores", cores),
    )
    free = shutil.disk_usage(_existing(_data_folder())).free
    level = Level.OK if free > 4e9 else Level.WARN if free > 5e8 else Level.FAIL
    remedy = "" if level is Level.OK else tr("Free some space before importing or training.")
    yield Check(
        "disk", tr("Disk"), level, tr("{size_text} free", size_text=size_text(free)), remedy
    )


def _data_folder() -> Path:
    return Path(platformdirs.user_data_dir("leafspot", appauthor=False))


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _folders() -> Iterator[Check]:
    named = {
        "data": (tr("Data folder"), _data_folder()),
        "config": (
            tr("Settings folder"),
            Path(platformdirs.user_config_dir("leafspot", appauthor=False)),
        ),
        "temporary": (tr("Temporary folder"), Path(tempfile.gettempdir())),
    }
    for name, (title, folder) in named.items():
        yield writable(f"folder.{name}", title, folder)


def writable(name: str, title: str, folder: Path) -> Check:
    """Tries it: permissions alone do not tell of full or read-only drives."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)) as file:
            file.write(b"leafspot")
    except OSError as error:
        why = error.strerror or str(error)
        remedy = tr("Allow yourself to write there, or free some space.")
        return Check(
            name,
            title,
            Level.FAIL,
            tr("{folder} may not be written ({why})", folder=folder, why=why),
            remedy,
        )
    return Check(name, title, Level.OK, str(folder))


def _models() -> Iterator[Check]:
    for spec in bases.specs().values():
        if not spec.folder:
            text = tr("none comes with Leafspot; a training is given the folder of one")
            yield Check(f"model.{spec.id}", spec.title, Level.UNKNOWN, text)
        else:
            yield shipped_model(spec.id, spec.title, spec.path())
    for engine in registry.discover("core.engines", EngineSpec).values():
        if engine.weights is not None:
            yield shipped_model(engine.id, engine.title, engine.weights.parent, ())


def shipped_model(
    name: str, title: str, folder: Path, needs: tuple[str, ...] = ("config.json",)
) -> Check:
    """A model that comes with Leafspot: there, and the bytes that were shipped."""
    weights = sorted(folder.glob("*.safetensors"))
    again = tr("Get Leafspot's files again; the model is in resources/models.")
    if not weights or not all((folder / file).is_file() for file in needs):
        return Check(
            f"model.{name}", title, Level.FAIL, tr("is not in {folder}", folder=folder), again
        )
    listed = _sums(folder / SUMS)
    if listed is None:
        text = tr(
            "is here; whether it came undamaged is not known: its checksums did not come along"
        )
        return Check(f"model.{name}", title, Level.OK, text)
    for file in [*listed, *(p.name for p in weights if p.name not in listed)]:
        path = folder / file
        if not path.is_file():
            return Check(f"model.{name}", title, Level.FAIL, tr("lacks {file}", file=file), again)
        if files.sha256(path) != listed.get(file):
            damaged = tr("{file} is not as it was shipped", file=file)
            return Check(f"model.{name}", title, Level.FAIL, damaged, again)
    return Check(f"model.{name}", title, Level.OK, tr("is here, every file as it was shipped"))


def _sums(path: Path) -> dict[str, str] | None:
    """Digest by path below the list's folder, as sha256sum writes them; None without a list."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    parts = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {_below(p[-1]): p[0].casefold() for p in parts}


def _below(written: str) -> str:
    """“*./mask_head/pixel.safetensors” is in “mask_head”; a path that would leave is cut short."""
    path = PurePosixPath(written.strip().removeprefix("*"))
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _plugins() -> Iterator[Check]:
    kinds: list[tuple[str, str, type[EngineSpec] | type[ExporterSpec]]] = [
        ("core.engines", tr("Outlining engines"), EngineSpec),
        ("core.exporters", tr("Export formats"), ExporterSpec),
    ]
    for package, title, kind in kinds:
        try:
            ids = sorted(registry.discover(package, kind))
        except (ImportError, UserError) as error:
            yield Check(package, title, Level.FAIL, str(error), INSTALL)
            continue
        level = Level.OK if ids else Level.WARN
        yield Check(package, title, level, ", ".join(ids) or "none")


CHECKS: tuple[Examination, ...] = (
    _python,
    _packages,
    _qt,
    _torch,
    _machine,
    _folders,
    _models,
    _plugins,
)
