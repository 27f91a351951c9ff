"""Ground rules for every test: no window on the desk, no network, nothing of the user's touched.

Knows the environment a test runs in; knows nothing of what is tested, and imports neither Qt nor
torch unasked. Set ``LEAFSPOT_REAL_WINDOW=1`` to see the windows that the GUI tests open.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_SESSION = Path(tempfile.mkdtemp(prefix="leafspot-tests-"))
_XDG = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
_WINDOWS = ("APPDATA", "LOCALAPPDATA")


def _prepare_environment() -> None:
    """Runs at import: before Qt makes its application and before any library looks around."""
    if not os.environ.get("LEAFSPOT_REAL_WINDOW"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    beside = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if beside > 1:
        # Each has its share of the cores: more threads than cores wait for each other.
        share = max(1, (os.cpu_count() or 1) // beside)
        os.environ.setdefault("OMP_NUM_THREADS", str(share))
    os.environ["LEAFSPOT_LANGUAGE"] = "en"  # the sentences that tests expect
    for name in (*_XDG, *_WINDOWS):
        folder = _SESSION / name.lower()
        folder.mkdir()
        os.environ[name] = str(folder)
    if not os.environ.get("LEAFSPOT_REAL_WINDOW"):  # a real Wayland window lives in the real one
        runtime = _SESSION / "runtime"
        runtime.mkdir(mode=0o700)  # Qt warns, and so fails a test, unless it is private
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)


_prepare_environment()


def pytest_sessionfinish() -> None:
    shutil.rmtree(_SESSION, ignore_errors=True)
    if "gui.tasks" in sys.modules:
        # A thread that is within a library of C++ when the interpreter ends aborts the process.
        until = time.monotonic() + 5
        for thread in threading.enumerate():
            if isinstance(thread, sys.modules["gui.tasks"]._Thread):
                thread.join(max(0.0, until - time.monotonic()))


@pytest.fixture(autouse=True)
def isolated_user(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Every test is a new user: own configuration, data and cache folders, empty settings.

    The folder that holds them lies beside ``tmp_path``, not in it, so that a test may list its own.
    """
    home = tmp_path.parent / f"{tmp_path.name}-user"
    for name in (*_XDG, *_WINDOWS):
        (home / name.lower()).mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(home / name.lower()))
    draws = bool({"qapp", "qtbot"} & set(request.fixturenames))
    if draws:
        from PySide6.QtCore import QSettings

        # The assistant loads torch; tests that want it wake it.
        monkeypatch.setattr("gui.controllers.ahead.WAKE_MS", 1 << 30)
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        for kind in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
            for scope in (QSettings.Scope.UserScope, QSettings.Scope.SystemScope):
                QSettings.setPath(kind, scope, str(home / f"settings-{scope.name}"))
    yield home
    if draws:
        _bury()
    shutil.rmtree(home, ignore_errors=True)


def _bury() -> None:
    """Delete now what waits for an event loop to delete it: a test's windows end with the test.

    Otherwise they would go in the next test that waits, and what breaks then would seem its fault.
    """
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The repository root."""
    return ROOT


@pytest.fixture(scope="session")
def bracol(repo: Path) -> Path:
    """The folder of the BRACOL leaves; the test is skipped where they are absent."""
    folder = repo.parent / "shared" / "data" / "bracol"
    if not folder.is_dir():
        pytest.skip("the BRACOL leaves are not beside the checkout")
    return folder


@pytest.fixture(scope="session")
def small_gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Gemma 3 of some ten thousand numbers; read it, change nothing in it."""
    from tests.small_vlms import save_gemma3

    return save_gemma3(tmp_path_factory.mktemp("small") / "gemma")


@pytest.fixture
def one_core() -> Iterator[None]:
    """For tests of torch: the same sums on every machine, and a core left to whoever works here."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
