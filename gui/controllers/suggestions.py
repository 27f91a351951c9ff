"""Things on the open photo that nobody pointed at: found by the assistant, or drawn by a model.

Asks for them, keeps those that are not outlined yet, and takes them into the photo one by one or
all at once. Knows the segment worker's and the answer worker's words; draws nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.domain.ids import ImageId
from core.domain.region import Region, RegionKind
from core.domain.run import Run
from core.engines.base import Candidate, PromptKind
from core.errors import UserError
from core.imaging.probability import read_probability
from core.ports import ProjectStore
from core.services.drafts import drafts
from core.services.review import Prediction, load_prediction
from core.services.suggest import Suggestion, accept_all, news
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder
from core.workers.mask_crop import decode_mask, encode_mask
from core.workers.outcome import Outcome
from gui.context import Context
from gui.controllers.engine_choice import engines
from gui.controllers.label import LabelController
from gui.controllers.segment import Assistant
from gui.worker_process import WorkerProcess

NOTHING = {
    PromptKind.WHOLE_LEAF: "No leaf was found that is not outlined yet.",
    PromptKind.EVERYTHING: "No lesion was found that is not outlined yet.",
    PromptKind.ALIKE: "Nothing more like this was found on the photo.",
}
NO_MODEL = "No run of this project has a model yet; train one first."
NO_DRAFT = "The model found nothing on this photo that is not outlined yet."


class Suggestions(QObject):
    """``changed`` fires when the list, the current one or ``busy`` ("" or a line) are others.

    ``assistant`` is the one that finds; its own proposals are not these.
    """

    changed = Signal()

    def __init__(
        self, context: Context, controller: LabelController, assistant: Assistant, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._controller, self.assistant = context, controller, assistant
        self._items: list[Suggestion] = []
        self._chosen = 0
        self._asked: tuple[PromptKind, list[Region]] | None = None
        self._request = 0
        self._waiting_for = PromptKind.EVERYTHING
        self.busy = ""
        self._model = _Model(context, self)
        assistant.awake.connect(lambda: QTimer.singleShot(0, self, self._send))
        assistant.heard.connect(self._heard)
        assistant.changed.connect(self._assistant_changed)
        controller.current.opened.connect(self.clear)

    # -- what is shown

    @property
    def current(self) -> Suggestion | None:
        return self._items[self._chosen] if self._items else None

    @property
    def others(self) -> list[Suggestion]:
        """All but the current one."""
        return [one for n, one in enumerate(self._items) if n != self._chosen]

    @property
    def status(self) -> str:
        """One line; "" when there is nothing to say."""
        if self.busy or not self._items:
            return self.busy
        one = self._items[self._chosen]
        number, count = self._chosen + 1, len(self._items)
        thing = "Leaf" if one.kind is RegionKind.LEAF else "Lesion"
        more = " Ctrl+Enter accepts all." if count > 1 else ""
        return f"{thing} {number} of {count}: Enter accepts, J rejects.{more}"

    # -- what the person does

    def find(self, what: PromptKind) -> None:
        """Leaves, every lesion, or lesions like the active one."""
        session, active = self._controller.session, self._controller.edits.active
        if session is None:
            return
        self.clear()
        spec = self.assistant.choice.spec
        if spec is not None and what not in spec.prompts:
            able = " or ".join(f"“{s.title}”" for s in engines().values() if what in s.prompts)
            text = f"The assistant “{spec.title}” finds nothing by itself; choose {able}."
            self._context.notices.info(text)
            return
        examples: list[Region] = []
        if what is PromptKind.ALIKE:
            region = session.region(active) if active is not None else None
            if region is None or region.info.kind is not RegionKind.LESION:
                self._context.notices.info("Select a lesion first; then others like it are found.")
                return
            examples = [region]
        self.assistant.clear(problem=True)
        self._asked = (what, examples)
        self._set_busy("Looking for what nobody pointed at…")
        self.assistant.wake()
        self._send()

    def from_model(self) -> None:
        """What the newest trained model draws on this photo."""
        session = self._controller.session
        if session is None:
            return
        self.clear()
        self.assistant.clear(problem=True)
        self._set_busy("Asking the trained model…")
        image, size = session.image.id, (session.image.width, session.image.height)

        def take(prediction: Prediction, run: Run) -> None:
            source = f"run:{run.id}"
            found = [Suggestion(one.candidate, one.kind, source) for one in drafts(prediction)]
            self._offer(found, NO_DRAFT)

        self._model.ask(image, size, lambda p, r: self._if_open(image, lambda: take(p, r)),
                        lambda text: self._if_open(image, lambda: self._fail(text)))  # fmt: skip

    def accept(self) -> None:
        """Take the current one; the next one follows."""
        one = self.current
        if one is not None:
            self._take([one])
            self._drop_current()

    def accept_all(self) -> None:
        """Take all that are left, as one step of undo."""
        self._take(self._items)
        self.clear()

    def reject(self) -> None:
        """Not this one."""
        if self._items:
            self._drop_current()

    def step(self, by: int) -> None:
        """Another one becomes the current one."""
        if self._items:
            self._chosen = (self._chosen + by) % len(self._items)
            self.changed.emit()

    def clear(self) -> None:
        """Forget them all, and what was asked."""
        self._request += 1
        self._items, self._chosen, self._asked, self.busy = [], 0, None, ""
        self.changed.emit()

    # -- inside

    def _take(self, wanted: list[Suggestion]) -> None:
        session = self._controller.session
        if session is not None:
            edit = accept_all(session, wanted, self._controller.lesion_draft())
            self._controller.edits.do(edit)

    def _drop_current(self) -> None:
        self._items.pop(self._chosen)
        self._chosen = min(self._chosen, max(0, len(self._items) - 1))
        self.changed.emit()

    def _send(self) -> None:
        if self._asked is None or not self.assistant.is_awake:
            return
        what, examples = self._asked
        self._asked = None
        shown = []
        for region in examples:
            box = region.mask.box()
            if box is not None:
                shown.append(encode_mask(region.mask.read(box).astype(bool), box[:2]))
        self._request += 1
        self._waiting_for = what
        view = self.assistant.view()
        self.assistant.tell(
            "find",
            request=f"find-{self._request}",
            what=what.value,
            examples=shown,
            view=list(view) if view else None,
        )

    def _heard(self, event: dict[str, Any]) -> None:
        if event.get("request") != f"find-{self._request}" or not self.busy:
            return
        if event.get("event") != "found":
            self._fail(str(event.get("text", "")) or "The assistant could not do that.")
            return
        source = self.assistant.source
        leaf = self._waiting_for is PromptKind.WHOLE_LEAF
        kind = RegionKind.LEAF if leaf else RegionKind.LESION
        try:
            found = [
                Suggestion(Candidate(*decode_mask(one), score=float(one["score"])), kind, source)
                for one in event.get("candidates", [])
            ]
        except (ValueError, KeyError, TypeError):
            self._fail("The assistant gave an answer that cannot be read; ask again.")
            return
        self._offer(found, NOTHING[self._waiting_for])

    def _offer(self, found: list[Suggestion], nothing: str) -> None:
        session = self._controller.session
        if session is None:
            return
        self._items = news(found, session.regions)
        self._chosen = 0
        self.busy = ""
        if not self._items:
            self._context.notices.info(nothing)
        self.changed.emit()

    def _assistant_changed(self) -> None:
        """A click begins something else; a worker that died answers no more."""
        if self.assistant.prompts and self._items:
            self.clear()
        elif self.busy and self.assistant.problem and not self._model.busy:
            self._fail(self.assistant.problem)

    def _if_open(self, image: ImageId, then: Callable[[], None]) -> None:
        session = self._controller.session
        if session is not None and session.image.id == image and self.busy:
            then()

    def _set_busy(self, text: str) -> None:
        self.busy = text
        self.changed.emit()

    def _fail(self, sentence: str) -> None:
        self.clear()
        if sentence:
            self._context.notices.info(sentence)


Done = Callable[[Prediction, Run], None]
Failed = Callable[[str], None]


class _Model(QObject):
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
            done(prediction, run)
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
        self._out = tempfile.TemporaryDirectory(prefix="leafspot-")
        more = ("--base", base) if base else ()
        worker = self._context.workers.start("answer", str(adapter), *more, resident=True)
        self._worker, self._adapter = worker, adapter
        worker.received.connect(lambda e: self._heard(e) if worker is self._worker else None)
        worker.exited.connect(lambda o: self._exited(o) if worker is self._worker else None)

    def _heard(self, event: dict[str, Any]) -> None:
        if self._waiting is None or event.get("token") != self._waiting[0]:
            return
        _, size, run, done, failed = self._waiting
        self._waiting = None
        if event.get("event") != "answer":
            failed(str(event.get("text", "")) or "The model could not answer.")
            return
        try:
            lesions, leaf = (Path(str(event[name])) for name in ("lesions", "leaf"))
            found = Prediction(
                read_probability(lesions), read_probability(leaf) if leaf.is_file() else None, size
            )
        except (UserError, KeyError) as error:
            failed(_sentence(error))
            return
        done(found, run)

    def _exited(self, outcome: Outcome) -> None:
        self._worker = self._adapter = None
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting[-1]("" if outcome.ok else outcome.sentence("ask again and it starts anew"))


def _of_image(
    store: ProjectStore, image: ImageId, size: tuple[int, int]
) -> tuple[Run, Prediction | None, Path, str, str, str]:
    """(run, what it drew when it was scored, its adapter, base folder, photo, digest)."""
    for run in store.runs():
        folder = RunFolder(store.folder / run.folder)
        if not folder.adapter.is_dir():
            continue
        prediction = None
        for score in store.scores(run.id, [image]):
            prediction = load_prediction(folder, score, size)
        photo = store.image(image)
        base = TrainConfig.read(folder.config).base_path
        return run, prediction, folder.adapter, base, str(store.resolve(photo)), photo.sha256
    raise UserError(NO_MODEL)


def _sentence(error: BaseException) -> str:
    return str(error) if isinstance(error, UserError) else "The model's answer cannot be read."
