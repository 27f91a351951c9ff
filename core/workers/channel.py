"""The worker's end of the wire.

    channel = Channel.claim("segment")      # first thing in main(), before any library is imported
    while (command := channel.receive()) is not None: ...
    channel.send("finished")

Events leave on what was standard output; from then on prints of any library, Python or native, go
to standard error, which is the human log. Commands come in on standard input. When the window goes
away the worker ends: by the end of its input everywhere, by a signal on Linux as well, because the
former needs a thread that gets its turn and the latter does not.

Knows processes and lines; knows nothing of what is said.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import stat
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from core.workers import wire
from core.workers.outcome import ORPHANED
from core.workers.wire import Garbage, Message

GRACE = 5.0
"""Seconds that clean-ups may take once the window has gone."""


class Channel:
    """Events out, commands in. Made by ``claim``, once in a process."""

    def __init__(self, worker: str, *, commands: int, events: int) -> None:
        """``commands`` and ``events`` are file descriptors that belong to the channel from now."""
        self.worker = worker
        self._in = commands
        self._out = events
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Message | Garbage | None] = queue.SimpleQueue()
        self._cleanups: list[Callable[[], object]] = []
        # Only a pipe's end means that somebody went away: a worker started by hand has a
        # terminal or /dev/null there and must run on.
        mode = os.fstat(commands).st_mode
        self._held = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    @classmethod
    def claim(cls, worker: str) -> Channel:
        """Take standard input and output over, tie this process to its parent, say hello."""
        commands, events = os.dup(0), os.dup(1)
        _close_standard()
        channel = cls(worker, commands=commands, events=events)
        if channel._held:
            _die_with_parent()
        channel.send("hello", protocol=wire.PROTOCOL, pid=os.getpid(), worker=worker)
        threading.Thread(target=channel._listen, name="commands", daemon=True).start()
        return channel

    def send(self, event: str, **fields: object) -> None:
        """One event, from any thread. Raises ValueError when it does not fit the wire.

        Does not return when nobody is there to read it.
        """
        data = memoryview(wire.encode({"event": event, **fields}))
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._out, data) :]
            except BrokenPipeError:
                self._end()

    def receive(self, timeout: float | None = None) -> Message | Garbage | None:
        """The next command; None when the input has ended, or after ``timeout`` seconds."""
        try:
            command = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        if command is None:
            self._queue.put(None)  # the input stays ended for whoever asks next
        return command

    def poll(self) -> Message | Garbage | None:
        """A command that is already here, or None."""
        return self.receive(timeout=0)

    def on_orphaned(self, cleanup: Callable[[], object]) -> None:
        """Call ``cleanup`` when the input ends, before the process does.

        Runs in another thread, within ``GRACE`` seconds all together, and not at all when the
        parent was killed: what must survive that has to be on disk already.
        """
        self._cleanups.append(cleanup)

    def _listen(self) -> None:
        reader = wire.Reader()
        while data := self._read():
            for message in reader.feed(data):
                self._queue.put(message)
        if self._held:
            self._end()
        self._queue.put(None)

    def _read(self) -> bytes:
        try:
            return os.read(self._in, 1 << 16)
        except OSError:  # a terminal that was hung up
            return b""

    def _end(self) -> NoReturn:
        """Leave at once: the main thread may be minutes deep in native code."""
        timer = threading.Timer(GRACE, os._exit, (ORPHANED,))
        timer.daemon = True
        timer.start()
        for cleanup in reversed(self._cleanups):
            with contextlib.suppress(Exception):
                cleanup()
        os._exit(ORPHANED)


def leave(status: int) -> NoReturn:
    """End this process now, with what was said flushed.

    Libraries tidy up on their way out, torch for a second or two, and somebody is waiting for the
    end of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def keep_apart() -> None:
    """For a process beside the one that has the channel: none of the lines are its own.

    It inherited the same two pipes. A command that it read would be lost, and so would an event
    that it wrote into the middle of another.
    """
    _close_standard()
    _die_with_parent()


def _close_standard() -> None:
    """Nothing to read any more, and whatever is printed goes to the log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr


def _die_with_parent() -> None:
    """Linux: have the kernel end us when the thread that started us ends."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died between the two lines: no signal will come
        os._exit(ORPHANED)
