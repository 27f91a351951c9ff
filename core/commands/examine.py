"""`leafspot doctor` and `leafspot preflight`: lines of findings with remedies.

Knows how findings are shown; the services know how to look.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace

from core.commands import run_options
from core.commands.base import Command, Console, Context
from core.errors import TrainingRefused
from core.language import tr
from core.services.checks import Check, Level, passed
from core.training.events import Examined, Phase, TrainEvent
from core.wording import phase_text

MARKS = {Level.OK: "ok  ", Level.WARN: "warn", Level.FAIL: "FAIL", Level.UNKNOWN: "?   "}


def _nothing(_parser: argparse.ArgumentParser) -> None:
    """No options beside those of every command."""


def line(check: Check) -> str:
    """“warn  Memory: 1.2 GB of 8 GB free. Close other programs before training.”"""
    remedy = f" {check.remedy}" if check.remedy else ""
    end = "." if remedy and not check.text.endswith(".") else ""
    return f"{MARKS[check.level]}  {check.title}: {check.text}{end}{remedy}"


def _doctor(context: Context, _args: argparse.Namespace) -> int:
    from core.services import doctor

    context.console.note(tr("Looking at this computer; PyTorch takes a few seconds to answer…"))
    found = doctor.examine(lambda check: context.console.result(line(check)))
    return _end(
        context, found, tr("Leafspot can work here."), tr("Leafspot cannot work here as it is.")
    )


def _preflight_arguments(parser: argparse.ArgumentParser) -> None:
    run_options.add(parser)
    parser.add_argument(
        "--control",
        action="store_true",
        help=tr("of the run without masks that “leafspot stages --control” trains"),
    )
    parser.add_argument(
        "--quick", action="store_true", help=tr("look at data and sizes alone; load no model")
    )


def _preflight(context: Context, args: argparse.Namespace) -> int:
    from core.services import preflight, rehearsal
    from core.training.config import Answers

    base, config = run_options.chosen(args)
    if args.control:
        config = replace(config, answers=Answers.CLASS)
    with context.project(args.project) as store:
        found = preflight.preflight(
            store,
            base,
            config,
            progress=lambda done, of: context.console.progress(tr("Looking at photos"), done, of),
            processes=args.processes,
        )
        for check in found:
            context.console.result(line(check))
        if args.quick or not passed(found):
            more = [*preflight.unchecked()]
        else:
            context.console.note(tr("Loading the model and trying a few steps…"))
            tell = _Rehearsing(context.console)
            try:
                more = rehearsal.rehearse(store, config, on_event=tell)
            except TrainingRefused as error:  # somebody trains: what was found so far is true
                more = [rehearsal.broken(str(error))]
            found += more[: tell.told]
            more = [*more[tell.told :], preflight.labels_unchecked()]
        for check in more:
            context.console.result(line(check))
        found += more
    return _end(
        context, found, tr("This training can start."), tr("This training cannot start yet.")
    )


class _Rehearsing:
    """Says the lines of a rehearsal as they come; ``told`` counts them."""

    def __init__(self, console: Console) -> None:
        self._console, self.told = console, 0

    def __call__(self, event: TrainEvent) -> None:
        if isinstance(event, Phase) and event.total:
            self._console.progress(phase_text(event.phase), event.done, event.total)
        if isinstance(event, Examined):
            from core.services.rehearsal import check_of

            self.told += 1
            self._console.result(line(check_of(event)))
            if event.spans:
                self._console.result("      " + marked(event.spans))


def marked(spans: Sequence[Sequence[object]]) -> str:
    """The words of an answer in one line, what is learnt of them between ⟦ and ⟧."""
    shown = [f"⟦{text}⟧" if learnt else str(text) for text, learnt in spans]
    return "".join(shown).replace("\n", "↵")


def _end(context: Context, found: Sequence[Check], good: str, bad: str) -> int:
    fine = passed(found)
    context.console.result(good if fine else bad)
    context.console.document({"ok": fine, "checks": [asdict(check) for check in found]})
    return 0 if fine else 1


COMMANDS = (
    Command("doctor", tr("look for what is missing on this computer"), _nothing, _doctor),
    Command("preflight", tr("say whether a training would fit"), _preflight_arguments, _preflight),
)
