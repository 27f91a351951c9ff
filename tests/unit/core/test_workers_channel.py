"""A worker speaks on a clean wire and never outlives its window."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.workers import launch, wire
from core.workers.client import WorkerClient
from core.workers.outcome import ORPHANED

CLAIM = "from core.workers.channel import Channel\nchannel = Channel.claim('toy')\n"
SILENT = CLAIM + "import time\nwhile True: time.sleep(100)\n"


def _start(code: str, **kwargs) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=kwargs.pop("stdin", subprocess.PIPE),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=launch.environment(),
        **kwargs,
    )


def _events(data: bytes) -> list:
    return wire.Reader().feed(data)


def _finish(worker: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Output and log. The input stays open till the end: closing it would end the worker."""
    out, log = worker.stdout.read(), worker.stderr.read()
    worker.communicate(timeout=30)
    return out, log


def _alive(pid: int) -> bool:
    """A zombie is dead: nothing runs in it any more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def _wait_until_dead(pid: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _alive(pid)


def test_hello_comes_first_and_names_the_protocol():
    worker = _start(CLAIM + "channel.send('finished')")
    out, _ = _finish(worker)
    hello, last = _events(out)
    assert hello == {
        "event": "hello",
        "protocol": wire.PROTOCOL,
        "pid": worker.pid,
        "worker": "toy",
    }
    assert last == {"event": "finished"}


def test_prints_of_libraries_do_not_spoil_the_wire():
    worker = _start(
        CLAIM + "import os, sys\n"
        "print('python chatter')\n"
        "os.write(1, b'native chatter\\n')\n"
        "os.system('echo child chatter')\n"
        "sys.__stdout__.write('old handle\\n'); sys.__stdout__.flush()\n"
        "channel.send('finished')"
    )
    out, log = _finish(worker)
    assert [e["event"] for e in _events(out)] == ["hello", "finished"]
    for text in (b"python chatter", b"native chatter", b"child chatter", b"old handle"):
        assert text in log


def test_events_of_many_threads_stay_whole():
    worker = _start(
        CLAIM + "import threading\n"
        "def chat(n):\n"
        "    for k in range(50): channel.send('x', n=n, k=k, pad='p' * 9000)\n"
        "threads = [threading.Thread(target=chat, args=(n,)) for n in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]"
    )
    out, _ = _finish(worker)
    got = {(e["n"], e["k"]) for e in _events(out)[1:]}
    assert got == {(n, k) for n in range(4) for k in range(50)}


def test_garbage_on_the_input_is_survived():
    worker = _start(
        CLAIM + "from core.workers.wire import Garbage\n"
        "while True:\n"
        "    command = channel.receive()\n"
        "    if isinstance(command, Garbage): channel.send('garbage')\n"
        "    else: channel.send('got', do=command['do'])\n"
    )
    worker.stdin.write(b"nonsense\n\xff\xfe\n" + b"y" * 3_000_000 + b'\n{"do":"hop"}\n')
    worker.stdin.flush()
    got = []
    while "got" not in got:
        got += [e["event"] for e in _events(worker.stdout.readline())]
    assert got == ["hello", "garbage", "garbage", "garbage", "got"]
    worker.communicate(timeout=30)


def test_a_silent_worker_ends_when_its_input_ends_and_cleans_up(tmp_path):
    mark = tmp_path / "cleaned"
    worker = _start(
        CLAIM + f"import pathlib, time\nchannel.on_orphaned(lambda: 1 / 0)\n"
        f"channel.on_orphaned(pathlib.Path({str(mark)!r}).touch)\n"
        "channel.send('ready')\nwhile True: time.sleep(100)\n"
    )
    while b"ready" not in worker.stdout.readline():
        pass
    worker.stdin.close()
    assert worker.wait(timeout=10) == ORPHANED
    assert mark.exists()
    worker.stdout.close()
    worker.stderr.close()


def test_a_worker_started_by_hand_runs_on_without_a_pipe():
    worker = _start(
        CLAIM + "import time; time.sleep(0.3); channel.send('finished')", stdin=subprocess.DEVNULL
    )
    out, _ = _finish(worker)
    assert worker.returncode == 0
    assert _events(out)[-1] == {"event": "finished"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("held", [False, True], ids=["input ends", "input held open"])
def test_a_silent_worker_dies_with_a_killed_window(held, tmp_path):
    """With the input held open by somebody else only the kernel's signal is left."""
    script = tmp_path / "silent.py"
    script.write_text(SILENT)
    read_end, write_end = os.pipe()
    stdin = read_end if held else "subprocess.PIPE"
    window = _start(
        "import subprocess, sys, time\n"
        f"w = subprocess.Popen([sys.executable, {str(script)!r}], stdin={stdin},"
        " stdout=subprocess.PIPE)\n"
        "w.stdout.readline()\nprint(w.pid, flush=True)\ntime.sleep(100)\n",
        pass_fds=(read_end,),
    )
    worker = int(window.stdout.readline())
    os.close(read_end)
    assert _alive(worker)
    window.send_signal(signal.SIGKILL)
    window.communicate()
    assert _wait_until_dead(worker)
    os.close(write_end)


def test_a_missing_worker_has_a_sentence():
    client = WorkerClient("no_such_worker")
    client.start()
    assert list(client.events(timeout=30)) == []
    outcome = client.outcome()
    assert not outcome.ok
    assert "could not be started" in outcome.sentence()
    assert "no_such_worker" in outcome.sentence()
