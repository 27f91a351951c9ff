"""`python -m core.workers.train RUN_DIR [--score-only]`: trains one run, or goes on with it.

Started by the window, the command line, or by hand. Events go to ``events.jsonl`` in the run folder
and, the same lines, to whoever listens; ``{"do": "stop"}`` on standard input ends training with a
usable adapter. The exit status is 0 for a run that finished or was stopped, 1 otherwise. It leaves
the processor to whatever else the person does.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from pathlib import Path
from typing import IO

from core.errors import TrainingRefused, UserError
from core.language import tr
from core.training import events
from core.training.run_folder import RunFolder
from core.workers.channel import Channel
from core.workers.priority import give_way
from core.workers.wire import PROTOCOL, Garbage


class Reporter:
    """Every event to the run's ``events.jsonl`` first, then to the wire."""

    def __init__(self, channel: Channel, file: IO[str]) -> None:
        self._channel, self._file = channel, file

    def __call__(self, event: events.TrainEvent) -> None:
        fields = events.to_fields(event)
        self._file.write(json.dumps(fields, ensure_ascii=False) + "\n")
        self._file.flush()
        name = str(fields.pop("event"))
        self._channel.send(name, **fields)


class Stop:
    """Whether somebody asked for the end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asked = False

    def __call__(self) -> bool:
        while not self._asked and (command := self._channel.poll()) is not None:
            self._asked = not isinstance(command, Garbage) and command.get("do") == "stop"
        return self._asked


def main(arguments: list[str]) -> int:
    """Runs the recipe; every end, good or bad, is an event."""
    channel = Channel.claim("train")
    give_way()  # the commands' own thread is there already and stays prompt
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    score_only = "--score-only" in arguments
    run = RunFolder(Path(next(a for a in arguments if not a.startswith("--"))).resolve())
    with run.events.open("a", encoding="utf-8") as file:
        report = Reporter(channel, file)
        report(events.Hello(PROTOCOL, os.getpid(), "train", 0 if score_only else last_step(run)))
        try:
            _work(run, report, Stop(channel), score_only=score_only)
        except UserError as error:
            report(events.Failed(_code(error), str(error)))
        except MemoryError:
            report(events.Failed("out_of_memory", OUT_OF_MEMORY, traceback.format_exc()))
        except Exception as error:  # noqa: BLE001 - the edge of the process: every end is an event
            report(_failure(error))
        else:
            return 0
    return 1


_STEP = re.compile(r"step-(\d+)")
OUT_OF_MEMORY = tr(
    "The computer ran out of memory; close other programs, or choose a smaller batch size, and "
    "press Resume."
)


def _work(run: RunFolder, report: Reporter, stop: Stop, *, score_only: bool) -> None:
    from core.training.recipe import Recipe

    recipe = Recipe(run, report, stop)
    if score_only:
        recipe.score_only()
        report(events.Finished("adapter", stopped=False))
        return
    recipe.setup()
    stopped = recipe.fit()
    recipe.finish(stopped=stopped)


def last_step(run: RunFolder) -> int:
    """The step the run would go on from, 0 for a fresh one; read off the folder names."""
    found = (_STEP.fullmatch(p.name) for p in run.checkpoints.glob("step-*"))
    return max((int(m.group(1)) for m in found if m), default=0)


def _code(error: UserError) -> str:
    return "refused" if isinstance(error, TrainingRefused) else type(error).__name__


def _failure(error: Exception) -> events.Failed:
    trace = traceback.format_exc()
    if "out of memory" in str(error).lower():
        return events.Failed("out_of_memory", OUT_OF_MEMORY, trace)
    text = tr(
        "Training broke off ({name}: {error}); the log has the details.",
        name=type(error).__name__,
        error=error,
    )
    return events.Failed("bug", text[:1000], trace)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
