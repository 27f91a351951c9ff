"""A blocking conversation with a worker, for the command line and for tests.

    with WorkerClient("segment") as worker:
        worker.send("load", engine="colour")
        event = worker.wait_for("loaded", timeout=30)

Knows subprocess; knows no Qt (the window's twin is ``gui/worker_process.py``) and no event's
meaning. Start it from the main thread: on Linux a worker ends with the *thread* that started it.
"""

from __future__ import annotations

import collections
import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from core.errors import WorkerFailed
from core.workers import launch, wire
from core.workers.log import WorkerLog
from core.workers.outcome import Outcome
from core.workers.wire import Garbage, Message

STOP_GRACE = 10.0
"""Seconds between asking a worker to stop and killing it."""
LOOK = 2.0
"""Seconds of silence after which we look whether the worker is still there. A process that it
started may hold its end of the pipes for as long as it likes, so their end says nothing."""


class WorkerClient:
    """One worker process. ``log`` receives its standard error; without it the end is remembered."""

    def __init__(
        self, worker: str, *args: str, log: Path | None = None, processes: int = 1
    ) -> None:
        """``processes`` above 1 share the work; the one spoken with is their launcher."""
        self.worker, self._processes = worker, processes
        self.garbage: list[Garbage] = []
        self._args = args
        self._log = log
        self._tail: collections.deque[str] = collections.deque(maxlen=40)
        self._events: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self._last: Message | None = None
        self._refusal = ""

    @contextlib.contextmanager
    def started(self) -> Iterator[None]:
        """Start it; whatever goes wrong in the block, Ctrl-C too, ends it at once and goes on."""
        self.start()
        try:
            yield
        except BaseException:
            self.stop(0.0)
            raise

    def start(self) -> None:
        """Raises WorkerFailed when the program itself cannot be run."""
        command = launch.command(self.worker, *self._args)
        if self._processes > 1:
            command = launch.shared_command(self._processes, self.worker, *self._args)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=launch.environment(),
                # A group of its own: Ctrl-C in the terminal reaches the command alone, which then
                # stops the worker in good order.
                process_group=None if sys.platform == "win32" else 0,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            self._refusal = error.strerror or str(error)
            raise WorkerFailed(self.outcome().sentence()) from error
        assert self._process.stdout
        assert self._process.stderr
        self._spawn(self._read_events, self._process.stdout)
        self._spawn(self._read_log, self._process.stderr)

    @property
    def pid(self) -> int:
        return self._running().pid

    def send(self, do: str, **fields: object) -> None:
        """One command. Silently lost when the worker is already gone: ``outcome`` says so."""
        pipe = self._running().stdin
        assert pipe
        try:
            pipe.write(wire.encode({"do": do, **fields}))
            pipe.flush()
        except (BrokenPipeError, ValueError) as error:
            if isinstance(error, ValueError) and not pipe.closed:
                raise

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are, for tests of what a worker survives."""
        pipe = self._running().stdin
        assert pipe
        pipe.write(data)
        pipe.flush()

    def events(self, timeout: float | None = None) -> Iterator[Message]:
        """Events until the worker ends. Raises TimeoutError after ``timeout`` s of silence."""
        while (event := self._next(timeout)) is not None:
            yield event
        self._events.put(None)  # so that a second reader sees the end as well

    def _next(self, timeout: float | None) -> Message | None:
        """The next event, None when the worker has ended."""
        left = timeout
        while True:
            gone = self._process is not None and self._process.poll() is not None
            wait = LOOK if left is None else min(LOOK, left)
            try:
                return self._events.get(timeout=wait)
            except queue.Empty:
                if gone:  # and what it had written has been read in the meantime
                    return None
            left = None if left is None else left - wait
            if left is not None and left <= 0:
                raise TimeoutError(f"nothing from {self.worker} for {timeout} s")

    def wait_for(
        self, *names: str, timeout: float = 60.0, seen: Callable[[Message], object] | None = None
    ) -> Message:
        """The next event called one of ``names``; others go to ``seen``.

        Raises WorkerFailed with the worker's own sentence when it ends first, TimeoutError after
        ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        for event in self.events(timeout):
            if event.get("event") in names:
                return event
            if seen:
                seen(event)
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {' or '.join(names)} from {self.worker} in {timeout} s")
        raise WorkerFailed(self.outcome().sentence())

    def stop(self, grace: float = STOP_GRACE) -> Outcome:
        """Ask, wait ``grace`` seconds, then kill."""
        if self._process and self._process.poll() is None:
            self.send("stop")
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self.outcome()

    def outcome(self) -> Outcome:
        """Waits for the end of the process."""
        if self._process is None:
            return Outcome(self.worker, None, detail=self._refusal)
        code = self._process.wait()
        for thread in self._threads:
            thread.join(timeout=LOOK)
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # an unflushed command; it has gone
                self._process.stdin.close()
        return Outcome.of_returncode(
            self.worker, code, last=self._last, detail=self._tail[-1] if self._tail else ""
        )

    def __enter__(self) -> WorkerClient:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop(STOP_GRACE if kind is None else 0.0)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise WorkerFailed(f"The background process “{self.worker}” has not been started.")
        return self._process

    def _spawn(self, target: Callable[[IO[bytes]], None], pipe: IO[bytes]) -> None:
        """``target`` reads ``pipe`` to its end. Its thread closes it, too: for anybody else that
        would be waiting for the read under way, which a process of the worker's may hold up."""

        def read() -> None:
            with pipe:
                target(pipe)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _read_events(self, pipe: IO[bytes]) -> None:
        reader = wire.Reader()
        while data := pipe.read1(1 << 16):  # type: ignore[attr-defined]
            for found in reader.feed(data):
                if isinstance(found, Garbage):
                    self.garbage.append(found)
                elif isinstance(found.get("event"), str):
                    self._last = found
                    self._events.put(found)
        self._events.put(None)

    def _read_log(self, pipe: IO[bytes]) -> None:
        """Always drained: a full pipe would stop the worker."""
        sink = WorkerLog(self._log)
        for line in iter(lambda: pipe.readline(1 << 16), b""):
            sink.write(line)
            if text := line.decode("utf-8", "replace").strip():
                self._tail.append(text)
        sink.close()
