"""What the newest trained model draws on a photo, piece by piece.

What it said when it was scored, else what it says now, in a process that stays for the next photo.
Knows the answer worker's words and the run's files; knows no session and draws nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from core.domain.ids import ImageId
from core.domain.run import Run
from core.errors import UserError
from core.imaging.probability import read_probability
from core.language import tr
from core.ports import ProjectStore
from core.services.drafts import Drafted, drafts
from core.services.review import Prediction, load_prediction
from core.services.runs import kept_first, run_config
from core.training.run_folder import RunFolder
from core.workers.outcome import Outcome
from gui.context import Context
from gui.worker_process import WorkerProcess

NO_MODEL = tr("No run of this project has a model yet; train one first.")

Done = Callable[[list[Drafted], Run], None]
Failed = Callable[[str], None]


class TrainedModel(QObject):
    """The newest run's model: what it said when it was scored, else asked now, in a process that
    stays for the next photo."""

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._worker: WorkerProcess | None = None
        self._adapter: Path | None = None
        self._out: tempfile.TemporaryDirectory[str] | None = None
        self._waiting: tuple[int, tuple[int, int], Run, Done, Failed] | None = None
        self._token = 0

    @property
    def busy(self) -> bool:
        return self._waiting is not None

    def ask(self, image: ImageId, size: tuple[int, int], done: Done, failed: Failed) -> None:
        """``done`` is called with what the model draws, ``failed`` with a sentence."""
        self._context.project.ask(
            lambda store: _of_image(store, image, size),
            on_done=lambda answer: self._go_on(answer, size, done, failed),
            on_error=lambda error: failed(_sentence(error)),
            owner=self,
        )

    def _go_on(
        self,
        answer: tuple[Run, Prediction | None, Path, str, str, str],
        size: tuple[int, int],
        done: Done,
        failed: Failed,
    ) -> None:
        run, prediction, adapter, base, path, sha256 = answer
        if prediction is not None:
            self._cut_out(lambda: prediction, run, done, failed)
            return
        self._start(adapter, base)
        self._token += 1
        self._waiting = (self._token, size, run, done, failed)
        assert self._worker is not None
        assert self._out is not None
        self._worker.send(
            "predict", token=self._token, path=path, sha256=sha256, out=self._out.name
        )

    def _start(self, adapter: Path, base: str) -> None:
        if self._worker is not None and self._adapter == adapter:
            return
        if self._worker is not None:
            self._worker.stop()
        self._clear_away()
        self._out = tempfile.TemporaryDirectory(prefix="leafspot-")
        more = ("--base", base) if base else ()
        worker = self._context.workers.start("answer", str(adapter), *more, resident=True)
        self._worker, self._adapter = worker, adapter
        worker.received.connect(lambda e: self._heard(e) if worker is self._worker else None)
        worker.exited.connect(lambda o: self._exited(o) if worker is self._worker else None)

    def _clear_away(self) -> None:
        """What a process wrote is of no use to the next one."""
        if self._out is not None:
            self._out.cleanup()
            self._out = None

    def _heard(self, event: dict[str, Any]) -> None:
        if self._waiting is None or event.get("token") != self._waiting[0]:
            return
        _, size, run, done, failed = self._waiting
        self._waiting = None
        if event.get("event") != "answer":
            failed(str(event.get("text", "")) or tr("The model could not answer."))
            return
        self._cut_out(lambda: _read(event, size), run, done, failed)

    def _cut_out(
        self, prediction: Callable[[], Prediction], run: Run, done: Done, failed: Failed
    ) -> None:
        """Stretching a prediction over 24 megapixels is no work for the window's own thread."""
        self._context.tasks.run(
            lambda: drafts(prediction()),
            on_done=lambda found: done(found, run),
            on_error=lambda error: failed(_sentence(error)),
            owner=self,
        )

    def _exited(self, outcome: Outcome) -> None:
        self._worker = self._adapter = None
        self._clear_away()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting[-1]("" if outcome.ok else outcome.sentence(tr("ask again and it starts anew")))


def _of_image(
    store: ProjectStore, image: ImageId, size: tuple[int, int]
) -> tuple[Run, Prediction | None, Path, str, str, str]:
    """(run, what it drew when it was scored, its adapter, base folder, photo, digest)."""
    for run in kept_first(store.runs()):
        folder = RunFolder(store.folder / run.folder)
        if not folder.adapter.is_dir():
            continue
        prediction = None
        for score in store.scores(run.id, [image]):
            prediction = load_prediction(folder, score, size)
        photo = store.image(image)
        base = run_config(folder).base_path
        return run, prediction, folder.adapter, base, str(store.resolve(photo)), photo.sha256
    raise UserError(NO_MODEL)


def _read(event: dict[str, Any], size: tuple[int, int]) -> Prediction:
    """What the answer worker wrote. Raises WorkerFailed when it cannot be read."""
    lesions, leaf = (Path(str(event.get(name))) for name in ("lesions", "leaf"))
    shown = read_probability(leaf) if leaf.is_file() else None
    return Prediction(read_probability(lesions), shown, size)


def _sentence(error: BaseException) -> str:
    return str(error) if isinstance(error, UserError) else tr("The model's answer cannot be read.")
