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
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO

from core import files
from core.errors import TrainingRefused, UserError, WorkerFailed
from core.language import tr, trn
from core.training import events, remedies, together
from core.training.run_folder import RunFolder
from core.training.together import Place
from core.workers import awake
from core.workers.channel import Channel, keep_apart
from core.workers.priority import give_way
from core.workers.wire import PROTOCOL, Garbage

if TYPE_CHECKING:
    from core.training.looking import Report


class Reporter:
    """Every event to the run's ``events.jsonl`` first, then to the wire.

    What a full disk refuses is kept and written with the next event: whoever listens hears it all
    the same, and training need not end for it.
    """

    def __init__(self, channel: Channel, file: BinaryIO) -> None:
        """``file`` is unbuffered and open for appending."""
        self._channel, self._file = channel, file
        self._waiting = b""

    def __call__(self, event: events.TrainEvent) -> None:
        fields = events.to_fields(event)
        self._waiting += (json.dumps(fields, ensure_ascii=False) + "\n").encode()
        self._write()
        name = str(fields.pop("event"))
        self._channel.send(name, **fields)

    def _write(self) -> None:
        try:
            while self._waiting:
                self._waiting = self._waiting[self._file.write(self._waiting) :]
        except OSError as error:
            if not files.is_full(error):
                raise


class Stop:
    """Whether somebody asked for the end: by a command, or by Ctrl-C of a launcher."""

    def __init__(self, channel: Channel, place: Place) -> None:
        self._channel = channel
        self._asked = False
        if place.size > 1:
            signal.signal(signal.SIGINT, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True

    def __call__(self) -> bool:
        while not self._asked and (command := self._channel.poll()) is not None:
            self._asked = not isinstance(command, Garbage) and command.get("do") == "stop"
        return self._asked


def main(arguments: list[str]) -> int:
    """Runs the recipe; every end, good or bad, is an event."""
    place = together.place()
    if place.rank:
        return _beside(place, arguments)
    channel = Channel.claim("train")
    _prepare()
    score_only, trial = "--score-only" in arguments, "--trial" in arguments
    run, stop = _folder(arguments), Stop(channel, place)
    with run.events.open("ab", buffering=0) as file, awake.held():
        report = Reporter(channel, file)
        step = 0 if score_only else run.committed_step
        report(events.Hello(PROTOCOL, os.getpid(), "train", step))
        try:
            if place.size > 1:
                signal.signal(signal.SIGTERM, _Ended(place))
            if trial:
                _rehearse(run, report, stop)
            elif score_only:
                _score(run, report, stop)
            else:
                _work(run, report, stop, place)
        except UserError as error:
            _deafen(place)
            report(events.Failed(_code(error), str(error)))
        except Exception as error:  # noqa: BLE001 - the edge of the process: every end is an event
            _deafen(place)
            report(_failure(error))
        else:
            return 0
    return 1


def _prepare() -> None:
    give_way()  # the commands' own thread is there already and stays prompt
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _folder(arguments: list[str]) -> RunFolder:
    return RunFolder(Path(next(a for a in arguments if not a.startswith("--"))).resolve())


class _Ended:
    """What a launcher does to the processes that are left when one has gone wrong."""

    def __init__(self, place: Place) -> None:
        self._size = place.size

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        raise WorkerFailed(together.broken(self._size))


def _deafen(place: Place) -> None:
    """The end has come and is being told: the launcher, which wants it too, may not break in."""
    if place.size > 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _beside(place: Place, arguments: list[str]) -> int:
    """A process that trains with the first: its end is told in the log alone."""
    keep_apart()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears of it and tells
    _prepare()
    if "--score-only" in arguments or "--trial" in arguments:
        return 0
    try:
        _work(_folder(arguments), lambda _event: None, lambda: False, place)
    except together.Left:
        return 0
    except UserError as error:
        sys.stderr.write(f"process {place.rank}: {error}\n")
        return 1
    return 0


OUT_OF_MEMORY = tr(
    "The computer ran out of memory; close other programs, or choose a smaller batch size, and "
    "press Resume."
)


def _work(run: RunFolder, report: Report, stop: Callable[[], bool], place: Place) -> None:
    from core.training.looking import StopAsked
    from core.training.provenance import provenance
    from core.training.recipe import Recipe

    group = together.join(place)
    recipe = Recipe(run, report, stop, group)
    report(provenance(run))
    if text := _togetherness(place):
        report(events.Notice(text))
    try:
        recipe.setup()
        stopped = recipe.fit()
        if group.first:
            recipe.finish(stopped=stopped)
    except StopAsked:
        report(events.Stopped())


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


def _score(run: RunFolder, report: Reporter, stop: Stop) -> None:
    from core.training.provenance import provenance
    from core.training.recipe import Recipe

    recipe = Recipe(run, report, stop)
    report(provenance(run))
    recipe.score_only()
    report(events.Finished("adapter", stopped=False))


def _rehearse(run: RunFolder, report: Reporter, stop: Stop) -> None:
    from core.training.looking import StopAsked
    from core.training.trial import Trial

    try:
        Trial(run, report, stop).examine()
        report(events.Finished("", stopped=False))
    except StopAsked:
        report(events.Stopped())


def _code(error: UserError) -> str:
    return "refused" if isinstance(error, TrainingRefused) else type(error).__name__


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
    sys.exit(main(sys.argv[1:]))
