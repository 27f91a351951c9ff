"""The options that say what a run is to be: of `leafspot train` and of `leafspot preflight`.

Knows their words; the settings they stand for are `core.training.config`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from core.commands import settings_option
from core.commands.base import minutes, processes
from core.language import either, tr

if TYPE_CHECKING:
    from core.services.bases import ChosenBase
    from core.training.config import TrainConfig


def add(parser: argparse.ArgumentParser) -> None:
    """A project and everything that `chosen` reads."""
    from core.services import bases
    from core.training.config import PRESETS, Method

    methods = [str(method) for method in Method]
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument(
        "--base",
        metavar="ID",
        required=True,
        help=tr("base model: {list}; all but starter as ID=FOLDER", list=", ".join(bases.specs())),
    )
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
    parser.add_argument(
        "--minutes", metavar="M", type=minutes, help=tr("of training, without scoring")
    )
    parser.add_argument(
        "--processes",
        metavar="N",
        type=processes,
        default=1,
        help=tr("that share the photos of every step, for one on each graphics card"),
    )
    settings_option.add(parser)


def chosen(args: argparse.Namespace) -> tuple[ChosenBase, TrainConfig]:
    """The base model and the settings, without what the project adds.

    Raises ModelMissing and UsageError for what is not on this computer or not to be had.
    """
    from core.services import bases
    from core.services.train import settings_of
    from core.training.config import Method

    base = bases.choose(args.base)
    bases.check_tokens(base, args.image_tokens)
    config = settings_of(
        args.preset or "standard", embedded=not base.path, minutes=args.minutes, head=args.head
    )
    given: dict[str, object] = dict(args.settings)
    if {"batch_size", "accumulation"} & given.keys():  # whoever says a number means it
        given = {"auto_batch_size": False} | given
    config = replace(config, **given)  # type: ignore[arg-type]
    return base, replace(
        config,
        base=base.spec.id,
        base_path=base.path,
        method=Method(args.method) if args.method else config.method,
        head_path=bases.choose_head(args.head, args.head_weights),
        image_tokens=args.image_tokens,
    )
