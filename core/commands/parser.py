"""The reader of the command line: its help and its refusals in the language in use.

Knows what argparse says; knows no verb.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from core.errors import UsageError
from core.language import tr

HEADINGS = {"positional arguments": tr("positional arguments"), "options": tr("options")}
# What argparse says of a line, and the same as a text of ours. What a newer Python says in other
# words stays English.
REASONS = (
    (r"argument (?P<which>[^:]*): (?P<why>.*)", tr("argument {which}: {why}")),
    (
        r"the following arguments are required: (?P<which>.*)",
        tr("the following arguments are required: {which}"),
    ),
    (r"unrecognized arguments: (?P<which>.*)", tr("unrecognized arguments: {which}")),
    (
        r"invalid choice: (?P<word>.*) \(choose from (?P<which>.*)\)",
        tr("invalid choice: {word} (choose from {which})"),
    ),
    (r"invalid \S+ value: (?P<word>.*)", tr("{word} will not do here")),
    (r"expected one argument", tr("expected one argument")),
    (r"expected at least one argument", tr("expected at least one argument")),
)


def said(message: str) -> str:
    """A refusal of argparse's in the language in use."""
    for pattern, text in REASONS:
        if (found := re.fullmatch(pattern, message, re.DOTALL)) is not None:
            parts = found.groupdict()
            if "why" in parts:
                parts["why"] = said(parts["why"])
            return text.format(**parts)
    return message


class Help(argparse.HelpFormatter):
    """The pages of ``--help``."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        """As argparse's own, under our word for it."""
        super().add_usage(usage, actions, groups, tr("usage: ") if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        """As argparse's own, under our heading."""
        super().start_section(HEADINGS.get(heading or "", heading))


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing a page and leaving."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, add_help=False, formatter_class=Help)
        self.add_argument(
            "-h", "--help", action="help", default=argparse.SUPPRESS,
            help=tr("show this help and exit"),
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        message = re.sub(r"'([^']*)'", r"“\1”", said(message))
        raise UsageError(
            tr(
                "{upper}{message}. See “{prog} --help”.",
                upper=message[:1].upper(),
                message=message[1:],
                prog=self.prog,
            )
        )
