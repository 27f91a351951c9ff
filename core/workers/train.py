"""`python -m core.workers.train RUN_DIR [--score-only | --trial]`: trains one run, or goes on with
it; scores it again; or rehearses it on four photos.

Started by the window, the command line, or by hand. Events go to ``events.jsonl`` in the run folder
and, the same lines, to whoever listens; ``{"do": "stop"}`` on standard input ends training with a
usable adapter. The exit status is 0 for a run that finished or was stopped, 1 otherwise. It leaves
the processor to whatever else the person does.

Under `accelerate launch` the same command runs in several processes (`core.training.together`). The
first is the one that is spoken of above; the others share the work of a step, and write nothing but
their log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from core import files
from core.errors import TrainingRefused, UserError
from core.language import tr, trn
from core.training import events, remedies, together
from core.training.run_folder import RunFolder
from core.training.together import Place
from core.workers import awake
from core.workers.channel import Channel, keep_apart, leave
from core.workers.priority import Promptly, give_way, stay_prompt
from core.workers.wire import PROTOCOL, Garbage

if TYPE_CHECKING:
    from core.training.looking import Report


class Reporter:
    """Every event to the run's ``events.jsonl`` first, then to the wire; from any thread.

    What a full disk refuses is kept and written with the next event: whoever listens hears it all
    the same, and training need not end for it.
    """

    def __init__(self, channel: Channel, file: BinaryIO, *, torn: bool = False) -> None:
        """``file`` is unbuffered and open for appending; ``torn`` where it ends within a line."""
        self._channel, self._file = channel, file
        self._waiting = b"\n" if torn else b""
        self._one_at_a_time = threading.RLock()

    def __call__(self, event: events.TrainEvent) -> None:
        fields = events.to_fields(event)
        with self._one_at_a_time:
            self._waiting += (json.dumps(fields, ensure_ascii=False) + "\n").encode()
            self._write()
            name = str(fields.pop("event"))
            self._channel.send(name, **fields)

    def leave(self, last: events.TrainEvent) -> NoReturn:
        """Ends the process with ``last`` as its last word, whatever its other threads are at."""
        with self._one_at_a_time:
            self(last)
            leave(0)

    def _write(self) -> None:
        try:
            while self._waiting:
                self._waiting = self._waiting[self._file.write(self._waiting) :]
        except OSError as error:
            if not files.is_full(error):
                raise


class Stop:
    """Whether somebody asked for the end: by a command, or by Ctrl-C of a launcher.

    Listens in a thread of its own: asking costs nothing.
    """

    def __init__(self, channel: Channel, place: Place) -> None:
        self._channel = channel
        self._said = threading.Event()
        self._unheard: Callable[[], None] | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="stop", daemon=True).start()
        if place.size > 1:
            signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        self._said.set()

    def __call__(self) -> bool:
        self._unheard = None
        return self._said.is_set()

    def while_unheard(self, leave: Callable[[], None]) -> None:
        """Calls ``leave``, from any thread, should the word come before it is first asked for.

        Libraries and a model take seconds to load, and nobody can ask within.
        """
        with self._lock:
            self._unheard = leave
            if self._said.is_set():
                leave()

    def _listen(self) -> None:
        while (command := self._channel.receive()) is not None:
            if isinstance(command, Garbage) or command.get("do") != "stop":
                continue
            with self._lock:
                self._said.set()
                if (leave := self._unheard) is not None:
                    leave()


def main(arguments: list[str]) -> int:
    """Runs the recipe; every end, good or bad, is an event."""
    place = together.place()
    if place.rank:
        return _beside(place, arguments)
    channel = Channel.claim("train")
    # Threads that are there already stay prompt: those of the commands, of the word to stop, and of
    # what is done after it.
    stop, promptly = Stop(channel, place), stay_prompt()
    _prepare()
    score_only, trial = "--score-only" in arguments, "--trial" in arguments
    run = _folder(arguments)
    with run.events.open("ab", buffering=0) as file, awake.held():
        report = Reporter(channel, file, torn=_torn(run.events))
        step = 0 if score_only else run.committed_step
        report(events.Hello(PROTOCOL, os.getpid(), "train", step))
        kept = run if not trial and not score_only else None
        if place.size == 1:  # the others of a group would take it for a failure
            stop.while_unheard(lambda: report.leave(_nothing_new(kept)))
        try:
            if place.size > 1:
                run.short_of_memory.unlink(missing_ok=True)
                signal.signal(signal.SIGTERM, _Ended(place))
            if trial:
                _rehearse(run, report, stop)
            elif score_only:
                _score(run, report, stop)
            else:
                _work(run, report, stop, promptly, place)
        except UserError as error:
            _deafen(place)
            report(_refusal(error, run))
        except Exception as error:  # noqa: BLE001 - the edge of the process: every end is an event
            _deafen(place)
            report(_failure(error))
        else:
            return 0
    return 1


def _prepare() -> None:
    give_way()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _folder(arguments: list[str]) -> RunFolder:
    return RunFolder(Path(next(a for a in arguments if not a.startswith("--"))).resolve())


def _torn(events: Path) -> bool:
    """Whether the last line was cut off, by a full disk or a loss of power: what is said next would
    be lost with it."""
    with events.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


class _Ended:
    """What a launcher does to the processes that are left when one has gone wrong."""

    def __init__(self, place: Place) -> None:
        self._size = place.size

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        raise together.Parted(self._size)


def _deafen(place: Place) -> None:
    """The end has come and is being told: the launcher, which wants it too, may not break in."""
    if place.size > 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _beside(place: Place, arguments: list[str]) -> int:
    """A process that trains with the first: its end is told in the log alone, but for memory that
    ran out, which the first one tells."""
    keep_apart()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears of it and tells
    _prepare()
    if "--score-only" in arguments or "--trial" in arguments:
        return 0
    run = _folder(arguments)
    try:
        _work(run, lambda _event: None, lambda: False, lambda work: work(), place)
    except together.Left:
        return 0
    except (RuntimeError, MemoryError) as error:
        if remedies.is_out_of_memory(error):
            run.short_of_memory.touch()  # before the connection breaks
        raise
    except UserError as error:
        sys.stderr.write(f"process {place.rank}: {error}\n")
        return 1
    return 0


OUT_OF_MEMORY = tr(
    "The computer ran out of memory; close other programs and press Resume. If that is not enough, "
    "start a run with QLoRA in 4 bits, a lower LoRA rank or a smaller base model."
)
"""Told when nothing is left that a run does about it by itself (`core.services.second_try`)."""


def _work(
    run: RunFolder, report: Report, stop: Callable[[], bool], promptly: Promptly, place: Place
) -> None:
    from core.training.provenance import provenance
    from core.training.recipe import Recipe
    from core.training.stopping import StopAsked

    group = together.join(place)
    recipe = Recipe(run, report, stop, promptly, group)
    report(provenance(run))
    if text := _togetherness(place):
        report(events.Notice(text))
    try:
        recipe.setup()
        stopped = recipe.fit()
        if group.first:
            recipe.finish(stopped=stopped)
    except StopAsked:
        report(_nothing_new(run))


def _togetherness(place: Place) -> str:
    """With how many others this process trains; "" alone, where that was meant."""
    if place.size > 1 and place.sharding:
        return trn(
            "{n} process shares the photos of every step; the base model is not shared out "
            "(FSDP), so it has to fit each graphics card.",
            "{n} processes share the photos of every step; the base model is not shared out "
            "(FSDP), so it has to fit each graphics card.",
            place.size,
        )
    if place.size > 1:
        return trn(
            "{n} process shares the photos of every step.",
            "{n} processes share the photos of every step.",
            place.size,
        )
    if together.started_alone():
        return tr(
            "The launcher started this process only, which trains alone; for several without "
            "graphics cards, give it --multi_gpu all the same."
        )
    return ""


def _nothing_new(run: RunFolder | None) -> events.TrainEvent:
    """The last word where nothing was learnt: a run that was gone on with has its adapter still."""
    if run is not None and run.adapter.is_dir():
        return events.Finished("adapter", stopped=True)
    return events.Stopped()


def _score(run: RunFolder, report: Reporter, stop: Stop) -> None:
    from core.training.provenance import provenance
    from core.training.recipe import Recipe
    from core.training.stopping import StopAsked

    recipe = Recipe(run, report, stop)
    report(provenance(run))
    try:
        recipe.score_only()
        report(events.Finished("adapter", stopped=False))
    except StopAsked:
        report(events.Stopped())


def _rehearse(run: RunFolder, report: Reporter, stop: Stop) -> None:
    from core.training.stopping import StopAsked
    from core.training.trial import Trial

    try:
        Trial(run, report, stop).examine()
        report(events.Finished("", stopped=False))
    except StopAsked:
        report(events.Stopped())


def _refusal(error: UserError, run: RunFolder) -> events.Failed:
    if isinstance(error, together.Parted):
        if run.short_of_memory.exists():
            return events.Failed(remedies.OUT_OF_MEMORY, OUT_OF_MEMORY)
        return events.Failed(remedies.PARTED, str(error))
    code = "refused" if isinstance(error, TrainingRefused) else type(error).__name__
    return events.Failed(code, str(error))


def _failure(error: Exception) -> events.Failed:
    trace = traceback.format_exc()
    if remedies.is_out_of_memory(error):
        return events.Failed(remedies.OUT_OF_MEMORY, OUT_OF_MEMORY, trace)
    if remedies.is_device_lost(error):
        text = tr("The graphics card was lost, as after a sleep; press Resume to go on.")
        return events.Failed(remedies.DEVICE_LOST, text, trace)
    text = tr(
        "Training broke off ({name}: {error}); the log has the details.",
        name=type(error).__name__,
        error=error,
    )
    return events.Failed("bug", text[:1000], trace)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
