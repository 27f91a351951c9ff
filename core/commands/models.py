"""`leafspot models` and `assemble`: which base models there are, and how to make one.

Knows the words of the terminal; the work is done by the services and `core.vlms.assembling`.
"""

from __future__ import annotations

import argparse

from core.commands.base import Command, Context, shown_path
from core.files import at_home
from core.language import tr


def _nothing(_parser: argparse.ArgumentParser) -> None:
    """No options beside those of every command."""


def _models(context: Context, _args: argparse.Namespace) -> int:
    from core.services import bases, hub

    document = []
    for spec in bases.specs().values():
        context.console.result(f"{spec.id}  {spec.title}")
        found = [] if spec.folder else hub.here(spec)
        for one in found:
            context.console.result(f"    --base {spec.id}={one.repository}")
        document.append(
            {
                "id": spec.id,
                "title": spec.title,
                "here": {one.repository: str(one.folder) for one in found},
            }
        )
    context.console.document({"models": document})
    return 0


def _assemble_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT", help=tr("the folder that is made"))
    parser.add_argument(
        "--tower", metavar="FOLDER", required=True, help=tr("of a CLIP, SigLIP or DINOv2")
    )
    parser.add_argument(
        "--text", metavar="FOLDER", required=True, help=tr("of a Gemma that reads text")
    )


def _assemble(context: Context, args: argparse.Namespace) -> int:
    from core import registry

    out = at_home(args.out)
    context.console.note(tr("Reading both models; large ones take minutes…"))
    assemble = registry.resolve("core.vlms.assembling:assemble")  # loads torch, as no window may
    assemble(at_home(args.tower), at_home(args.text), out)
    context.console.result(
        tr(
            "The model is in {folder}. Its projector knows nothing yet: train it with "
            "--base gemma-clip={folder}.",
            folder=shown_path(out),
        )
    )
    context.console.document({"folder": str(out)})
    return 0


COMMANDS = (
    Command("models", tr("list base models, and those on this computer"), _nothing, _models),
    Command(
        "assemble",
        tr("make a base model of a vision tower and a Gemma"),
        _assemble_arguments,
        _assemble,
    ),
)
