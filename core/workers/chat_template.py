"""Writes a chat by a model's own template, in a process that may be lost.

    {"do": "write", "template": "{% for …", "messages": [{"role": …}], "given": {"bos_token": "…"}}
        {"event": "written", "text": …}
        {"event": "refused", "endless": whether it wants more than any chat does}

A template is a program in a small language: one can count to no end or double a text until memory
is gone, and nothing within Python stops that. Memory and processor time are capped where the system
can (not on Windows, where the caller's clock and the length that is read remain). Knows jinja and
limits; knows no model and no prompt. The names that a template may use are those that the
transformers library gives it.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from core.workers.channel import Channel
from core.workers.wire import Garbage, Message

MEMORY = 1 << 30
"""Address space in bytes, Python and its libraries included."""
SECONDS = 4
"""Processor time, starting included; a real template takes a hundredth."""
LONGEST = 64 << 10
"""Characters of one chat; a question has some 200."""


class Endless(Exception):
    """More was written than any chat is long."""


def main() -> int:
    """Serve until the input ends or "stop" comes; returns the exit status."""
    channel = Channel.claim("chat_template")
    _cap()
    channel.send("ready")
    while (command := channel.receive()) is not None:
        if isinstance(command, Garbage):
            continue
        if command.get("do") == "stop":
            channel.send("stopped")
            return 0
        _answer(channel, command)
    return 0


def _answer(channel: Channel, command: Message) -> None:
    try:
        text = write(str(command["template"]), command["messages"], command["given"])
    except (Endless, MemoryError, OverflowError, RecursionError):
        channel.send("refused", endless=True)
    except (TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        channel.send("refused", endless=False)
    else:
        channel.send("written", text=text)


def write(template: str, messages: list[Any], given: dict[str, Any]) -> str:
    """The chat of ``messages`` up to where the model begins to answer; ``given`` are the
    tokenizer's own tokens by name. Raises Endless, and whatever jinja makes of nonsense."""
    parts, length = [], 0
    made = _environment().from_string(template)
    asked = {"tools": None, "documents": None, "add_generation_prompt": True}
    for part in made.generate(messages=messages, **asked, **given):
        length += len(part)
        if length > LONGEST:
            raise Endless
        parts.append(part)
    return "".join(parts)


class _Answered(Extension):
    """``{% generation %}`` marks what the model said; here it is text like any other."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own way to declare it

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Names(Namespace):
    """Holds names, but none of Python's own."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__()
        for name, value in dict(*args, **named).items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(name)
        super().__setitem__(name, value)


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Answered, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = _json
    made.globals |= {
        "raise_exception": _refuse,
        "strftime_now": lambda form: datetime.now().astimezone().strftime(form),
        "namespace": _Names,
        "dict": lambda *args, **named: dict(*args, **named),
    }
    return made


def _json(value: Any, **how: Any) -> str:
    """As it is, without HTML's escapes."""
    return json.dumps(value, **({"ensure_ascii": False} | how))


def _refuse(message: object) -> None:
    raise TemplateError(str(message))


def _cap() -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
