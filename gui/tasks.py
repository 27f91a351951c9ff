"""The one door for background work: two lanes, results back on the GUI thread.

``Lane.STORE`` is a single thread, so that everything that touches the project happens in the order
it was asked for. ``Lane.FREE`` is a small pool for decoding and the like. Knows threads and Qt's
event queue; knows no project and no widget.

``work`` runs off the GUI thread and must not touch a widget; ``on_done`` and ``on_error`` run on
the GUI thread. There is no nested event loop here and nothing waits for a lane but ``close``.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar, cast

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

T = TypeVar("T")
FREE_THREADS = 2
SWITCH_S = 0.0005
"""A busy thread hands the interpreter over to the window after so long, not after Python's 5 ms:
a frame makes many small calls, and each may have to wait its turn."""

FREE_S = 1.0
"""So long the window waits, when it closes, for what the free lane is in the middle of."""


class Lane(Enum):
    """Where work runs."""

    STORE = "store"
    FREE = "free"


class Gone(Exception):
    """What somebody asked about is there no longer: the program is closing, or the project was
    closed meanwhile. Nobody need be told."""


class Task:
    """One piece of work on its way. ``cancel`` drops its callbacks, and the work if not begun."""

    __slots__ = ("_lane", "_on_done", "_on_error", "_owner", "_work", "cancelled")

    def __init__(
        self,
        work: Callable[[], Any],
        on_done: Callable[[Any], None] | None,
        on_error: Callable[[BaseException], None],
        owner: QObject | None,
        lane: Lane,
    ) -> None:
        self._work, self._on_done, self._on_error = work, on_done, on_error
        self._owner, self._lane = owner, lane
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def _wanted(self) -> bool:
        return not self.cancelled and (self._owner is None or shiboken6.isValid(self._owner))

    def perform(self) -> Callable[[], None] | None:
        """Run off the GUI thread; gives back what is to be called there."""
        if self.cancelled:
            return None
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001 - process edge: every failure goes home
            failure = error.with_traceback(error.__traceback__)
            return lambda: self._on_error(failure) if self._wanted() else None
        done = self._on_done
        if done is None:
            return None
        return lambda: done(result) if self._wanted() else None


class _Thread(threading.Thread):
    """Takes tasks from a queue until it meets None."""

    def __init__(
        self, name: str, tasks: queue.SimpleQueue[Task | None], home: Callable[[object], None]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._tasks, self._home = tasks, home

    def run(self) -> None:
        while (task := self._tasks.get()) is not None:
            callback = task.perform()
            if callback is not None:
                self._home(callback)
            del task, callback  # not held until the next task: a result may be a whole photo


class Tasks(QObject):
    """The lanes. Made on the GUI thread; ``failed`` hears errors that nobody else handles."""

    _came_home = Signal(object)

    def __init__(
        self, failed: Callable[[BaseException], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        sys.setswitchinterval(SWITCH_S)
        self._failed = failed
        self._came_home.connect(self._call, Qt.ConnectionType.QueuedConnection)
        self._queues: dict[Lane, queue.SimpleQueue[Task | None]] = {
            lane: queue.SimpleQueue() for lane in Lane
        }
        self._threads: list[_Thread] = []
        self._closed = self._gone = False
        self._leaving = threading.Lock()

    def run(
        self,
        work: Callable[[], T],
        *,
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[BaseException], None] | None = None,
        lane: Lane = Lane.FREE,
        owner: QObject | None = None,
    ) -> Task:
        """Do ``work`` in ``lane``. Callbacks are dropped once ``owner`` is gone."""
        task = Task(work, cast("Any", on_done), on_error or self._failed, owner, lane)
        if not self._closed:
            self._ensure_threads()
            self._queues[lane].put(task)
        return task

    def call(self, work: Callable[[], T], lane: Lane) -> T:
        """From a thread of another lane: have ``work`` done in ``lane`` and wait for its result.

        Raises what it raises, and Gone when the lanes are closed.
        """
        done = threading.Event()
        results: list[T] = []
        errors: list[BaseException] = []

        def perform() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
                errors.append(error)
            done.set()

        if self._closed:
            raise Gone
        self._queues[lane].put(Task(perform, None, self._failed, None, lane))
        while not done.wait(0.2):
            if self._closed:
                raise Gone
        if errors:
            raise errors[0]
        return results[0]

    def post(self, callback: Callable[[], None], owner: QObject | None = None) -> None:
        """From any thread: call ``callback`` on the GUI thread soon (for progress).

        Dropped once ``owner`` is gone.
        """
        self._home(lambda: callback() if owner is None or shiboken6.isValid(owner) else None)

    def close(self, *, timeout_s: float = 30.0) -> bool:
        """Let the store lane finish what it was given, then stop. True when it did in time.

        Of the free lane, what has not begun never does; what has is waited for a moment.
        """
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._queues[Lane.FREE].get_nowait()
        for lane, tasks in self._queues.items():
            for _ in range(1 if lane is Lane.STORE else FREE_THREADS):
                tasks.put(None)
        store = [t for t in self._threads if t.name == Lane.STORE.value]
        for thread in store:
            thread.join(timeout_s)
        until = time.monotonic() + FREE_S
        for thread in self._threads:
            if thread not in store:
                thread.join(max(0.0, until - time.monotonic()))
        # What is still on its way in the free lane comes home to nobody.
        with self._leaving:
            self._gone = True
        return not any(t.is_alive() for t in store)

    def _ensure_threads(self) -> None:
        if self._threads:
            return
        for lane, tasks in self._queues.items():
            for _ in range(1 if lane is Lane.STORE else FREE_THREADS):
                thread = _Thread(lane.value, tasks, self._home)
                thread.start()
                self._threads.append(thread)

    def _home(self, callback: object) -> None:
        # Held until it is posted, or the window might close and be deleted under the signal.
        with self._leaving:
            if not self._gone and shiboken6.isValid(self):
                self._came_home.emit(callback)

    def _call(self, callback: Callable[[], None]) -> None:
        callback()


def still_working() -> bool:
    """Whether a lane is in the middle of something, although it was closed.

    A process must not end by way of the interpreter then: that stops threads by unwinding them,
    and one that is within a library of C++ takes the whole process down with an abort.
    """
    return any(isinstance(thread, _Thread) for thread in threading.enumerate())
