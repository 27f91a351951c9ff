"""The resident worker that outlines: ``python -m core.workers.segment``.

    {"do": "load", "engine": "colour", "checkpoint": null}   -> loaded {engine}
    {"do": "image", "path": "...", "sha256": "...", "token": 4}  -> ready {token, width, height}
    {"do": "predict", "request": 7, "points": [[x, y]], "positive": [true], "box": null}
                                              -> masks {request, candidates: [mask + score]}
    {"do": "stop"}                                           -> stopped, and the process ends

What cannot be done is answered with ``refused`` {do, request, token, text}, a sentence; the worker
stays. Of several commands of one kind that wait, only the newest is done, and no prompt for a photo
that is being replaced: the others are answered with ``skipped`` {do, request, token}, because the
person has moved on.

Knows the wire; what outlining means is ``core.services.segment``.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.services.segment import Assistant, read_prompt
from core.workers.channel import Channel
from core.workers.mask_crop import encode_mask
from core.workers.wire import MAX_LINE, Garbage, Message

OUTDATED_BY = {"load": {"load"}, "image": {"image"}, "predict": {"predict", "image", "load"}}
BITS_BUDGET = MAX_LINE - 4096
"""Characters of mask that fit one event beside its other fields."""


def main() -> int:
    """Serve until told to stop or until the input ends."""
    channel = Channel.claim("segment")
    assistant = Assistant()
    waiting: list[Message] = []
    while True:
        while (found := channel.poll() if waiting else channel.receive()) is not None:
            if isinstance(found, Garbage):
                sys.stderr.write(f"ignored a command: {found.why}: {found.text}\n")
            else:
                waiting.append(found)
        if not waiting or any(command.get("do") == "stop" for command in waiting):
            channel.send("stopped")
            return 0
        _take(channel, assistant, waiting)


def _take(channel: Channel, assistant: Assistant, waiting: list[Message]) -> None:
    """Do the first waiting command, or skip it for a newer one that makes it pointless."""
    command = waiting.pop(0)
    if OUTDATED_BY.get(str(command.get("do")), set()) & {str(c.get("do")) for c in waiting}:
        channel.send("skipped", **_address(command))
    else:
        answer(channel, assistant, command)


def answer(channel: Channel, assistant: Assistant, command: Message) -> None:
    """One command, one event."""
    try:
        event, fields = _do(assistant, command)
        channel.send(event, **fields)
    except UserError as error:
        channel.send("refused", **_address(command), text=str(error))
    except Exception as error:  # noqa: BLE001 - the worker's edge: a model's bug must not end it
        traceback.print_exc()
        channel.send("refused", **_address(command), text=_mishap(error))


def _do(assistant: Assistant, command: Message) -> tuple[str, dict[str, Any]]:
    match command:
        case {"do": "load", "engine": str(engine)}:
            checkpoint = command.get("checkpoint")
            assistant.load(engine, Path(checkpoint) if checkpoint else None)
            return "loaded", {"engine": engine}
        case {"do": "image", "path": str(path)}:
            width, height = assistant.show(Path(path), command.get("sha256") or None)
            return "ready", {"token": command.get("token"), "width": width, "height": height}
        case {"do": "predict"}:
            candidates = assistant.predict(read_prompt(command))
            return "masks", {"request": command.get("request"), "candidates": _pack(candidates)}
    raise UserError("The assistant was asked for something it does not know; restart Leafspot.")


def _pack(candidates: list[Any]) -> list[dict[str, Any]]:
    """As many candidates as fit one line, best first, at least one."""
    packed: list[dict[str, Any]] = []
    room = BITS_BUDGET
    for candidate in candidates:
        one = encode_mask(candidate.pixels, candidate.origin) | {
            "score": round(float(candidate.score), 6)
        }
        room -= len(one["bits"]) + 200
        if room < 0:
            break
        packed.append(one)
    if not packed:
        raise UserError(
            "The outline found there has too many tiny pieces to be of use; "
            "point at a smaller area or drag a box."
        )
    return packed


def _address(command: Message) -> dict[str, Any]:
    """What a refusal says about the command it answers."""
    return {
        "do": str(command.get("do"))[:40],
        "request": command.get("request"),
        "token": command.get("token"),
    }


def _mishap(error: Exception) -> str:
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return (
            "There is not enough memory for this assistant and this photo. "
            "Close other programs, or choose the colour assistant."
        )
    return (
        f"The assistant stumbled ({type(error).__name__}); nothing was changed. "
        "Click elsewhere or choose another assistant; the log has the details."
    )


if __name__ == "__main__":
    sys.exit(main())
