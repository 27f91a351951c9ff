"""`leafspot VERB …`: the terminal's way in, and the only place of core that meets storage.

Knows verbs, exit statuses and how an error is said: 0 done, 1 done in part or found wanting, 2 not
done (one sentence on standard error, the same in the JSON document), 130 interrupted. What a verb
does is in `core.commands`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from core.commands import (
    demo,
    embed,
    examine,
    models,
    programme,
    project,
    results,
    runs,
    training,
)
from core.commands.base import Command, Console, Context
from core.commands.parser import Parser
from core.errors import UsageError, UserError
from core.language import tr
from core.ports import ProjectStore
from core.version import program_version
from core.workers import launch

COMMANDS: tuple[Command, ...] = (
    *demo.COMMANDS,
    *project.COMMANDS,
    *embed.COMMANDS,
    *examine.COMMANDS,
    *models.COMMANDS,
    *training.COMMANDS,
    *programme.COMMANDS,
    *runs.COMMANDS,
    *results.COMMANDS,
)
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Gives back the exit status; never raises for what a person can act on."""
    words = list(sys.argv[1:] if argv is None else argv)
    out, as_json = sys.stdout, "--json" in words
    _speak_utf8(out, sys.stderr)
    console = Console(out, sys.stderr, as_json=as_json)
    # Whatever a library prints must not spoil the one document on standard output.
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        try:
            args = _parsed(words)
            context = Context(console, _open, _create, _restore, _open_window)
            status: int = args.command.run(context, args)
        except UserError as error:
            return _not_done(console, str(error))
        except KeyboardInterrupt:
            console.note(tr("Stopped. What was finished by then is kept."))
            console.document({"error": "interrupted"})
            return INTERRUPTED
        except BrokenPipeError:  # `leafspot hard … | head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            return 0
        except OSError as error:  # a name too long, a drive that went away
            name = f"“{error.filename}”" if error.filename else tr("A file")
            return _not_done(
                console,
                tr(
                    "{name} cannot be used ({value}); check its name and its place.",
                    name=name,
                    value=error.strerror or error,
                ),
            )
    return status


def _not_done(console: Console, sentence: str) -> int:
    console.note(sentence)
    console.document({"error": sentence})
    return 2


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """Raises UsageError. An empty word is a variable that was never set: “--run "$RUN"” does not
    mean the last run, nor an empty folder the current one."""
    for before, word in zip(("", *words), words, strict=False):
        if not word.strip():
            raise UsageError(
                tr("What follows {value} is empty; write a name there.", value=before or "leafspot")
            )
        if word.startswith("--") and word.endswith("="):
            raise UsageError(
                tr("What follows {word} is empty; write something there.", word=word[:-1])
            )
    return _parser().parse_args(words)


def _parser() -> Parser:
    parser = Parser(
        prog="leafspot",
        description=tr(
            "Outline lesions on leaf photos, train a model on them, take it away. Offline."
        ),
        epilog=tr("Without a verb, the window opens."),
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"leafspot {program_version()}",
        help=tr("show which version this is and exit"),
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    for command in COMMANDS:
        verb = verbs.add_parser(
            command.name, help=command.help, description=command.help, allow_abbrev=False
        )
        command.arguments(verb)
        verb.add_argument("--json", action="store_true", help=tr("print one JSON document"))
        verb.set_defaults(command=command)
    return parser


def _speak_utf8(*streams: TextIO) -> None:
    """A terminal with another code page shows a question mark rather than breaking off."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _open(folder: Path, *, read_only: bool = False) -> ProjectStore:
    from storage.projects import open_project

    return open_project(folder, read_only=read_only)


def _create(folder: Path) -> ProjectStore:
    from storage.projects import create_project

    return create_project(folder)


def _restore(folder: Path, chosen: Path | None = None) -> Path:
    from storage.projects import restore_backup

    return restore_backup(folder, chosen)


def _open_window(folder: Path) -> int:
    """The window is another program to us: core knows no Qt."""
    command = [sys.executable, "-P", "-m", "gui", str(folder)]
    return subprocess.run(command, env=launch.environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
