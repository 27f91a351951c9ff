"""`leafspot doctor` and `leafspot preflight`: lines of findings with remedies.

Knows how findings are shown; the services know how to look.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from core.commands.base import Command, Context
from core.language import tr
from core.services.checks import Check, Level, passed

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
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--base", metavar="ID", required=True, help=tr("base model, or ID=FOLDER"))


def _preflight(context: Context, args: argparse.Namespace) -> int:
    from core.services import bases, preflight
    from core.training.config import TrainConfig

    base = bases.choose(args.base)
    with context.project(args.project) as store:
        config = TrainConfig(base=base.spec.id, base_path=base.path)
        found = preflight.preflight(
            store,
            base,
            config,
            progress=lambda done, of: context.console.progress(tr("Looking at photos"), done, of),
        )
    for check in found:
        context.console.result(line(check))
    return _end(
        context, found, tr("This training can start."), tr("This training cannot start yet.")
    )


def _end(context: Context, found: Sequence[Check], good: str, bad: str) -> int:
    fine = passed(found)
    context.console.result(good if fine else bad)
    context.console.document({"ok": fine, "checks": [asdict(check) for check in found]})
    return 0 if fine else 1


COMMANDS = (
    Command("doctor", tr("look for what is missing on this computer"), _nothing, _doctor),
    Command("preflight", tr("say whether a training would fit"), _preflight_arguments, _preflight),
)
