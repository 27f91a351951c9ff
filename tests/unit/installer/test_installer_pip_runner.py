"""pip's output becomes progress, and its failures one sentence that says what to do."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest

from installer.pip_runner import Listener, sentence_for
from installer.report import Progress

LOG = Path(".venv/leafspot-install.log")
UNREACHABLE = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'\n"
    "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)\n"
    "ERROR: No matching distribution found for torch"
)


def why(output: str, *, least_free: float = math.inf) -> str:
    return sentence_for(output, code=1, log=LOG, least_free=least_free)


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        (UNREACHABLE, "connect to the internet"),
        ("error: incomplete-download\nnot enough bytes were received", "connect to the internet"),
        ("OSError: [Errno 28] No space left on device", "make room"),
        ("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))", "global.cert"),
        ("ProxyError('Cannot connect to proxy.')", "check the proxy settings"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "run the command again"),
        (
            "ERROR: [WinError 5] Access is denied: torch.dll\nPermissionError",
            "close every Leafspot",
        ),
        (
            "ERROR: (from versions: none)\nERROR: No matching distribution found for x",
            "PIP_NO_INDEX",
        ),
        ("The user requested pip\n The user requested (constraint) pip==26.3", "pip==26.3"),
        (
            "(from versions: 1.0, 2.0)\nNo matching distribution found for torch==9",
            "no torch==9 for",
        ),
        ("something new", "leafspot-install.log"),
    ],
)
def test_a_failure_is_one_sentence_with_its_remedy(output: str, remedy: str) -> None:
    said = why(output)
    assert remedy in said
    assert "\n" not in said


def test_a_full_disk_is_not_taken_for_a_broken_connection() -> None:
    """Newer versions of pip say that the connection was interrupted."""
    assert "disk became full" in why("error: incomplete-download", least_free=1e6)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def heard(*lines: str) -> tuple[Listener, str]:
    screen = Terminal()
    listener = Listener(Progress(screen, steps=1, clock=lambda: 0.0))
    for line in lines:
        listener.hear(line)
    return listener, screen.getvalue()


def test_a_download_shows_its_name_size_and_percentage() -> None:
    _, shown = heard(
        "Downloading torch-2.15.0-cp311-x.whl (539.3 MB)", "Progress 269650000 of 539300000"
    )
    assert "torch, 539 MB" in shown
    assert "torch, 50 % of 539 MB" in shown


def test_what_was_fetched_before_adds_up() -> None:
    listener, shown = heard(
        "  Downloading https://mirror.example/a-1-py3-none-any.whl (600.0 MB)",
        "  Downloading b-1-py3-none-any.whl.metadata (9 kB)",
        "  Using cached b-1-py3-none-any.whl (900.0 MB)",
        "Installing collected packages: a, b",
    )
    assert "b, 900 MB; 600 MB fetched before" in shown
    assert listener.fetched == pytest.approx(1.5e9)
    assert "unpacking" in shown


@pytest.mark.parametrize("line", ["Progress", "Progress x of y", "Progress 1 of 0", "Progress 1 2"])
def test_odd_progress_is_survived(line: str) -> None:
    heard(line)
