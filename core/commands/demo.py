"""`leafspot demo`: the whole job on sample leaves, in the window or in the terminal.

Knows where the sample project goes and whether there is a display; the services do the job.
"""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import asdict
from pathlib import Path

import platformdirs

from core.commands.base import Command, Context, minutes, shown_path
from core.commands.training import Telling
from core.language import tr

WITHHELD = 4


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help=tr("do the job in the terminal"))
    parser.add_argument(
        "--minutes",
        metavar="M",
        type=minutes,
        help=tr("of the first training, in the terminal; 3 unless given"),
    )
    parser.add_argument("--folder", metavar="DIR", type=Path, help=tr("where the samples go"))


def _demo(context: Context, args: argparse.Namespace) -> int:
    from core.services import demo
    from core.services.sample import sample_project

    console = context.console
    home = args.folder or Path(platformdirs.user_data_dir("leafspot", appauthor=False)) / "demo"
    console.note(tr("The sample leaves are in {shown_path}.", shown_path=shown_path(home)))
    project = sample_project(
        home,
        context.create,
        withheld=WITHHELD,
        progress=lambda done, of, _name: console.progress(tr("Importing sample leaves"), done, of),
    )
    terminal = args.headless or args.minutes is not None or console.as_json
    if not terminal:
        if has_display() and context.open_window is not None:
            return context.open_window(project)
        console.note(tr("There is no display here, so the same job is done in the terminal."))
    with context.project(str(project), write=True) as store:
        story = demo.Story(say=console.result, on_event=Telling(console))
        wanted = demo.MINUTES if args.minutes is None else args.minutes
        result = demo.run_demo(store, minutes=wanted, story=story)
    console.document(asdict(result))
    return 0


def has_display() -> bool:
    """Whether a window can be seen here."""
    if platform.system() != "Linux":
        return True
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] in ("offscreen", "minimal"):
        return False
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


COMMANDS = (Command("demo", tr("the whole job on sample leaves"), _arguments, _demo),)
