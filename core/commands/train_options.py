"""What `leafspot train` can be told.

Knows words and numbers; knows no project and no run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core.commands.base import minutes, processes
from core.language import either, tr


def add(parser: argparse.ArgumentParser) -> None:
    """Puts the arguments of the command on ``parser``."""
    from core.services import bases
    from core.training.config import PRESETS, Method

    methods = [str(method) for method in Method]
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--base", metavar="ID", required=True, help=tr("base model, or ID=FOLDER"))
    parser.add_argument("--preset", metavar="P", help=", ".join(p.id for p in PRESETS))
    parser.add_argument("--method", metavar="M", choices=methods, help=either(methods))
    parser.add_argument(
        "--head",
        metavar="H",
        default="pixel",
        help=tr("mask head: {list}", list=", ".join(bases.heads())),
    )
    parser.add_argument(
        "--head-weights",
        metavar="FILE",
        default="",
        help=tr("of the SAM that the mask head “sam” builds on"),
    )
    parser.add_argument(
        "--image-tokens",
        metavar="N",
        type=int,
        default=0,
        help=tr("that a photo may take up, where the model has a choice"),
    )
    _add_course(parser)


def _add_course(parser: argparse.ArgumentParser) -> None:
    """How long, from where and by whom; the rest says what is trained."""
    parser.add_argument(
        "--minutes", metavar="M", type=minutes, help=tr("of training, without scoring")
    )
    parser.add_argument(
        "--from",
        metavar="ADAPTER",
        dest="adapter",
        type=Path,
        help=tr("folder of an exported adapter to start from"),
    )
    parser.add_argument(
        "--processes",
        metavar="N",
        type=processes,
        default=1,
        help=tr("that share the photos of every step, for one on each graphics card"),
    )
    parser.add_argument(
        "--prepare-only",
        action="store_true",
        help=tr("write the run's folder, say how it is trained by hand, and end"),
    )
    parser.add_argument("--resume", action="store_true", help=tr("go on with the last run"))
