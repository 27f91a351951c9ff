"""What would stand in the way of a run: looked at in the data at once, tried with the model on a
press.

The data and the forecast of memory are looked at in the background; whatever needs the model runs
in the training worker's process and says a line at a time. Knows the use-cases and a process; knows
no widget and no model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Signal

from core.errors import ModelMissing, TrainingRefused, UserError
from core.language import tr
from core.machine_lock import MachineLock
from core.services.checks import Check, Level, red
from core.training.config import TrainConfig
from core.training.events import Examined, Phase, from_fields
from core.training.run_folder import RunFolder
from gui.context import Context
from gui.controllers.shared import Shared

if TYPE_CHECKING:
    from core.services.memory_lines import Device
    from core.training.forecast import Term
    from core.workers.outcome import Outcome
    from gui.tasks import Task
    from gui.worker_process import WorkerProcess

    _Foreseen = tuple[Device | None, list[Check], tuple[Term, ...]]

T = TypeVar("T")
PHASES = {
    "loading": tr("Loading the base model…"),
    "reading photos": tr("Reading four photos…"),
    "trying": tr("Trying a few steps…"),
    "learning four leaves by heart": tr("Learning four leaves by heart…"),
}


class Rehearsal(Shared):
    """``data`` and ``memory`` are lines of what was looked at, ``tried`` of what the model did;
    ``terms`` are what the memory is for; ``spans`` are the words of an answer, each with whether it
    is learnt. ``changed`` after each.
    """

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.data: list[Check] = []
        self.memory: list[Check] = []
        self.tried: list[Check] = []
        self.spans: list[tuple[str, bool]] = []
        self.terms: tuple[Term, ...] = ()
        self.running, self.sentence = False, ""
        self._stopped = False
        self._config: TrainConfig | None = None
        self._tried_with: TrainConfig | None = None
        self._device: Device | None = None
        self._looking: dict[str, Task] = {}
        self._lock: MachineLock | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: WorkerProcess | None = None
        context.project.opened.connect(self._opened)

    @property
    def red(self) -> list[str]:
        """Why a run should not be started, and what to press."""
        return red([*self.data, *self.memory, *self.tried])

    # -- looking

    def look_at_data(self, cells: int) -> None:
        """Look at the project again; ``cells`` is the side of the mask head's grid."""
        from core.services.data_checks import data_checks

        store = self.context.project.from_afar()
        if store is None:
            return

        def done(lines: list[Check]) -> None:
            self.data = lines
            self.changed.emit()

        self._look("data", lambda: data_checks(store, cells=cells), done)

    def look_at_memory(self, config: TrainConfig) -> None:
        """Forecast what ``config`` would take. What was tried with other settings is forgotten."""
        if config == self._config:
            return
        self._config = config
        if self.tried and not self.running:
            self.tried, self.spans = [], []
        device = self._device

        def done(found: _Foreseen) -> None:
            self._device, self.memory, self.terms = found
            self.changed.emit()

        self._look("memory", lambda: _foreseen(config, device), done)

    def look_again(self) -> None:
        """Files may have changed: the next forecast is made anew, whatever the settings."""
        self._config = None

    def _look(self, what: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        if what in self._looking:
            self._looking[what].cancel()
        self._looking[what] = self.context.tasks.run(work, on_done=done, owner=self)

    # -- trying

    def begin(self, config: TrainConfig) -> None:
        """Load the model in a process of its own and try a few steps on four leaves."""
        store, info = self.context.project.from_afar(), self.context.project.info
        if self.running or store is None or info is None:
            return
        lock = MachineLock(tr("the project “{name}”", name=info.name))
        try:
            lock.acquire()
        except TrainingRefused as error:
            self.context.notices.show(error)
            return
        self._lock, self.running, self._stopped = lock, True, False
        self._tried_with = config
        self.tried, self.spans = [], []
        self._say(tr("Choosing four leaves…"))
        self._folder = folder = tempfile.TemporaryDirectory(
            prefix="leafspot-", ignore_cleanup_errors=True
        )

        def prepare() -> RunFolder:
            from core.services import rehearsal

            return rehearsal.prepare(store, config, Path(folder.name))

        def prepared(run: RunFolder) -> None:
            if self._stopped:
                self._end()
                return
            # The assistant and a model that answers hold memory that this measures.
            self.context.workers.release_residents(lambda: self._launch(run))

        self.context.tasks.run(prepare, on_done=prepared, on_error=self._failed, owner=self)

    def stop(self) -> None:
        """End it; the lines so far stay."""
        self._stopped = True
        if self._process is not None:
            self._process.stop()

    def _launch(self, run: RunFolder) -> None:
        if self._stopped:
            self._end()
            return
        self._process = process = self.context.workers.start("train", str(run.root), "--trial")
        process.received.connect(self._received)
        process.exited.connect(self._exited)

    def _received(self, fields: dict[str, object]) -> None:
        event = from_fields(fields)
        if isinstance(event, Phase):
            self._say(PHASES.get(event.phase, self.sentence))
        elif isinstance(event, Examined):
            self._take(event)

    def _take(self, event: Examined) -> None:
        from core.services.rehearsal import check_of

        self.tried.append(check_of(event))
        if event.spans:
            self.spans = [(str(text), bool(learnt)) for text, learnt in event.spans]
        self.changed.emit()

    def _exited(self, outcome: Outcome) -> None:
        if not outcome.ok:
            self._broken(outcome.sentence())
        self._end()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, UserError):
            self._broken(str(error))
        else:
            self.context.notices.show(error)
        self._end()

    def _broken(self, sentence: str) -> None:
        from core.services.rehearsal import broken

        self.tried.append(broken(sentence))

    def _end(self) -> None:
        self.running, self._process = False, None
        if self._tried_with != self._config:  # other settings were chosen meanwhile
            self.tried, self.spans = [], []
        if self._lock is not None:
            self._lock.release()
        if self._folder is not None:
            self._folder.cleanup()
        self._lock = self._folder = None
        self._say("")

    def _say(self, sentence: str) -> None:
        self.sentence = sentence
        self.changed.emit()

    def _opened(self) -> None:
        """Another project, or none: nothing that was said is of it."""
        self.stop()
        for task in self._looking.values():
            task.cancel()
        self.data, self.memory, self.tried, self.spans = [], [], [], []
        self._config = None
        self.changed.emit()


def _foreseen(config: TrainConfig, device: Device | None) -> _Foreseen:
    """The device, the sum against it, and its terms. Off the GUI thread."""
    from core.services import bases, memory_lines

    try:
        name = f"{config.base}={config.base_path}" if config.base_path else config.base
        base = bases.choose(name)
    except ModelMissing as error:
        # What shows at a glance of a folder the page says itself.
        if config.base_path and bases.fault(config.base, Path(config.base_path)):
            return device, [], ()
        return device, [Check("base", tr("Base model"), Level.FAIL, str(error))], ()
    except UserError:
        return device, [], ()
    device = device or memory_lines.device()
    lines = [*memory_lines.memory_lines(base, config, device)]
    terms = memory_lines.terms(base, config, device)
    return device, [line for line in lines if not line.id.startswith("memory.")], terms
