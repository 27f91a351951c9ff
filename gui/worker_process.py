"""Worker processes as the window sees them: events in, commands out, an outcome at the end.

The blocking twin for terminals is `core.workers.client`; both speak `core.workers.wire`. Knows
QProcess and lines; knows no event's meaning. Nothing here waits, except `Workers.close`.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from core.workers import launch, wire
from core.workers.log import WorkerLog
from core.workers.outcome import Outcome
from core.workers.wire import Garbage, Message

GRACE_MS = 10_000
"""Between asking a worker to stop and killing it."""


class WorkerProcess(QObject):
    """One worker. Started from the GUI thread: on Linux a worker ends with the thread behind it.

    ``received`` carries each event as a dict, ``logged`` each line of its standard error, and
    ``exited`` an `Outcome`, exactly once, also when the program could not be started at all.
    """

    received = Signal(object)
    logged = Signal(str)
    exited = Signal(object)

    def __init__(
        self, worker: str, *args: str, log: Path | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.worker = worker
        self.outcome: Outcome | None = None
        self._last: Message | None = None
        self._reader = wire.Reader()
        self._log_path = log
        self._log = WorkerLog(None)
        self._early: list[bytes] = []
        self._tail: collections.deque[str] = collections.deque(maxlen=40)
        self._rest = b""
        self._sending = False
        program, *rest = launch.command(worker, *args)
        self._process = QProcess(self)
        self._process.setProgram(program)
        self._process.setArguments(rest)
        environment = QProcessEnvironment()
        for name, value in launch.environment().items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.started.connect(self._send_early)
        self._process.readyReadStandardOutput.connect(self._read_events)
        self._process.readyReadStandardError.connect(self._read_log)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)

    @property
    def running(self) -> bool:
        return self.outcome is None and self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def log_tail(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self._tail)

    def start(self) -> None:
        self._log = WorkerLog(self._log_path)
        self._process.start()

    def send(self, do: str, **fields: object) -> None:
        """One command; kept until the worker has started, lost when it has gone."""
        line = wire.encode({"do": do, **fields})
        if self._process.state() == QProcess.ProcessState.Running:
            self._process.write(line)
            self._hand_over()
        elif self.outcome is None:
            self._early.append(line)

    def _hand_over(self) -> None:
        """Write what waits now: by itself Qt does so when the window has been painted, and somebody
        waits for the answer. What comes in meanwhile is read in its own turn.
        """
        self._sending = True
        self._process.waitForBytesWritten(0)
        self._sending = False

    def stop(self, *, grace_ms: int = GRACE_MS) -> None:
        """Ask it to end; kill it after ``grace_ms``."""
        self.send("stop")
        QTimer.singleShot(grace_ms, self, self.kill)

    def kill(self) -> None:
        if self.running:
            self._process.kill()

    def wait(self, milliseconds: int) -> bool:
        """Block until it has ended. Only for closing the program."""
        return not self.running or self._process.waitForFinished(milliseconds)

    def _send_early(self) -> None:
        for line in self._early:
            self._process.write(line)
        self._early.clear()

    def _read_events(self) -> None:
        if self._sending:
            QTimer.singleShot(0, self, self._read_events)
            return
        for found in self._reader.feed(bytes(self._process.readAllStandardOutput().data())):
            if isinstance(found, Garbage):
                self._note(f"unreadable line on the wire ({found.why}): {found.text}")
            elif isinstance(found.get("event"), str):
                self._last = found
                self.received.emit(found)

    def _read_log(self) -> None:
        if self._sending:
            QTimer.singleShot(0, self, self._read_log)
            return
        data = bytes(self._process.readAllStandardError().data())
        self._log.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-wire.MAX_LINE :]
        for line in lines:
            self._note(line.decode("utf-8", "replace").strip())

    def _note(self, line: str) -> None:
        if line:
            self._tail.append(line)
            self.logged.emit(line)

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._sending:
            QTimer.singleShot(0, self, lambda: self._on_finished(code, status))
            return
        self._read_log()
        self._note(self._rest.decode("utf-8", "replace").strip())
        self._read_events()
        crashed = status == QProcess.ExitStatus.CrashExit
        self._end(code, crashed=crashed, detail=self._tail[-1] if self._tail else "")

    def _on_error(self, error: QProcess.ProcessError) -> None:
        # Every other error is followed by ``finished``; this one is not.
        if error == QProcess.ProcessError.FailedToStart:
            self._end(None, crashed=False, detail=self._process.errorString())

    def _end(self, code: int | None, *, crashed: bool, detail: str) -> None:
        if self.outcome is not None:
            return
        self._log.close()
        self.outcome = Outcome(self.worker, code, crashed, self._last, detail)
        self.exited.emit(self.outcome)


class Workers(QObject):
    """Every worker the window has started. Residents (assistant, answers) can be told to go.

    ``changed`` fires when one starts or ends.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workers: list[tuple[WorkerProcess, bool]] = []

    def start(
        self, worker: str, *args: str, log: Path | None = None, resident: bool = False
    ) -> WorkerProcess:
        """Start a worker. Connect to its signals at once: nothing is delivered before the next turn
        of the event loop. ``resident`` ones are let go before a training run starts.
        """
        process = WorkerProcess(worker, *args, log=log, parent=self)
        self._workers.append((process, resident))
        # A bound method does not hold this object. A lambda would, and if it held it last, the end
        # of an ended process would be the end of this, its parent: Qt would delete it twice.
        process.exited.connect(self._forget_ended)
        QTimer.singleShot(0, process, process.start)
        self.changed.emit()
        return process

    def running(self, worker: str) -> list[WorkerProcess]:
        """Those called ``worker``, oldest first."""
        return [p for p, _ in self._workers if p.worker == worker]

    def release_residents(self, then: Callable[[], None]) -> None:
        """Give the residents' memory back, then call ``then``: only an ended process frees it."""
        residents = [p for p, resident in self._workers if resident]
        if not residents:
            then()
            return
        waiting = set(residents)

        def gone(process: WorkerProcess) -> None:
            waiting.discard(process)
            if not waiting:
                then()

        for process in residents:
            process.exited.connect(lambda _outcome, p=process: gone(p))
            process.stop(grace_ms=3000)

    def close(self, *, grace_ms: int = 5000) -> None:
        """Stop all and wait: the window is going. Training leaves its checkpoint first."""
        processes = [p for p, _ in self._workers]
        for process in processes:
            process.send("stop")
        for process in processes:
            if not process.wait(grace_ms):
                process.kill()
                process.wait(1000)

    def _forget_ended(self) -> None:
        ended = [p for p, _ in self._workers if p.outcome is not None]
        self._workers = [(p, r) for p, r in self._workers if p.outcome is None]
        for process in ended:
            process.deleteLater()
        self.changed.emit()
