"""`--set NAME=VALUE`: what the window calls Advanced, for a terminal.

Knows the names of settings and how their values are written; what values are sensible, the settings
themselves say (`core.training.config`).
"""

from __future__ import annotations

import argparse
from enum import StrEnum

from core.language import either, tr

NAMES = (
    "rank",
    "alpha",
    "dropout",
    "layers",
    "tower",
    "optimiser",
    "recompute",
    "learning_rate",
    "head_learning_rate",
    "batch_size",
    "accumulation",
    "auto_batch_size",
    "epochs",
    "evaluations",
    "patience",
    "balance",
    "colour_jitter",
    "feature_dropout",
    "cache_gib",
    "seed",
    "threads",
)
"""What may be set. Method, head, tokens and minutes have options of their own."""
SWITCHES = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}


def add(parser: argparse.ArgumentParser) -> None:
    """The values come as ``settings``, pairs in the order in which they were written."""
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="NAME=VALUE",
        type=_pair,
        action="append",
        default=[],
        help=tr("as under Advanced in the window, one a time: {list}", list=", ".join(NAMES)),
    )


def _pair(text: str) -> tuple[str, object]:
    """For argparse: the name of a setting and its value."""
    from core.training.config import TrainConfig

    written, equals, value = text.partition("=")
    name = written.strip().replace("-", "_")
    if not equals or name not in NAMES:
        raise argparse.ArgumentTypeError(
            tr(
                "“{text}” sets nothing; write NAME=VALUE with one of {list}",
                text=text,
                list=", ".join(NAMES),
            )
        )
    try:
        return name, _value(value.strip(), type(getattr(TrainConfig(), name)))
    except (ValueError, KeyError) as error:
        what = _wanted(type(getattr(TrainConfig(), name)))
        raise argparse.ArgumentTypeError(
            tr("“{text}” is no value of {name}; write {what}", text=value, name=name, what=what)
        ) from error


def _value(text: str, kind: type) -> object:
    """Raises ValueError and KeyError."""
    return SWITCHES[text.lower()] if kind is bool else kind(text)


def _wanted(kind: type) -> str:
    if issubclass(kind, StrEnum):
        return either([str(one) for one in kind])
    if kind is bool:
        return either(["true", "false"])
    return tr("a whole number") if kind is int else tr("a number with a decimal point")
