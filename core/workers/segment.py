"""The resident worker that outlines: ``python -m core.workers.segment``.

    {"do": "load", "engine": "colour", "checkpoint": null}   -> loaded {engine}
    {"do": "keep", "folder": "..." or null, "budget": 5000000}   -> kept
    {"do": "image", "path": "...", "sha256": "...", "token": 4}  -> ready {token, width, height}
    {"do": "predict", "request": 7, "points": [[x, y]], "positive": [true], "box": null,
     "view": [x0, y0, x1, y1], "early": true} -> masks {request, candidates: [mask + score], more}
    {"do": "find", "request": 8, "what": "everything", "examples": [mask], "view": [x0, y0, x1, y1]}
                                              -> found {request, candidates}; or whole_leaf, alike,
      text with "words": "rust pustule", exemplar with "examples" and "against": [mask]
    {"do": "view", "view": [x0, y0, x1, y1]}                     -> noted
    {"do": "rest", "at": [x, y], "view": [x0, y0, x1, y1]}       -> noted: the pointer rests there
    {"do": "ahead", "photos": [{"path": "...", "sha256": "..."}]}
                                       -> noted, then ahead {ready, of} whenever that changes
    {"do": "stop"}                                           -> stopped, and the process ends

Any of these events may carry a ``notice``, a sentence for the person: the graphics card gave up.
What cannot be done is answered with ``refused`` {do, request, token, text}, a sentence; the worker
stays. Of several commands of one kind that wait, only the newest is done, and no prompt for a photo
that is being replaced: the others are answered with ``skipped`` {do, request, token}, because the
person has moved on. A command that needs a look which a process beside is making waits for it, and
others are answered meanwhile. What a look at a part of the photo would show better is answered at
once where it may be ``early``, with ``more`` true, and again when that look is made, unless another
command has come; ``refused`` after that means that there is nothing better. Looks for answers that
were given, for the place where the pointer rests and for the view are made in short steps between
commands, so that none delays a click by more than one. The next photos are looked at while nothing
waits; after that, what stands out on this photo and on them is looked for beside.

Knows the wire; what outlining means is ``core.services.segment``.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from core.domain.mask import Box
from core.engines.base import Candidate, PromptKind, Query
from core.errors import PromptRefused, UserError
from core.language import tr
from core.services.finding import FOUND
from core.services.looks import StillLooking
from core.services.pictures import PhotoFile
from core.services.segment import Assistant, read_box, read_prompt
from core.workers.channel import Channel
from core.workers.encoder import Beside
from core.workers.mask_crop import decode_mask, encode_mask
from core.workers.wire import MAX_LINE, Garbage, Message

OUTDATED_BY = {
    "load": {"load"},
    "keep": {"keep"},
    "image": {"image"},
    "view": {"view", "predict", "image", "load"},
    "rest": {"rest", "predict", "find", "image", "load"},
    "ahead": {"ahead"},
    "predict": {"predict", "image", "load"},
    "find": {"find", "image", "load"},
}
ANEW = {"predict", "image", "load"}
"""After these nobody waits for a better answer to what was asked before."""
BITS_BUDGET = MAX_LINE - 4096
"""Characters of mask that fit one event beside its other fields."""
MAX_AHEAD = 16
MAX_EXAMPLES = 16
MAX_WORDS = 200
"""Characters."""
FINDS = {kind.value: kind for kind in FOUND}
"""What ``find`` can be asked for."""
QUIET = 0.3
"""Seconds without a command before the next photos are worked on."""
BEAT = 0.02
"""Seconds between two looks at what the process beside has done, while somebody waits for it."""
SLOW_BEAT = 0.2
"""The same while nobody does."""


def main() -> int:
    """Serve until told to stop or until the input ends."""
    beside = Beside()
    try:
        return Desk(Channel.claim("segment"), Assistant(beside), beside).serve()
    finally:
        beside.close()


class Desk:
    """What waits: ``waiting`` can be done now, ``parked`` needs what the process beside makes."""

    def __init__(self, channel: Channel, assistant: Assistant, beside: Beside) -> None:
        self._channel, self._assistant, self._beside = channel, assistant, beside
        self._waiting: list[Message] = []
        self._parked: list[Message] = []
        self._open: Message | None = None
        self._more_ahead = False
        self._told: dict[str, int] = {}

    def serve(self) -> int:
        """Until the end. Gives back the exit status."""
        while self._listen():
            if self._waiting:
                self._take(self._waiting.pop(0))
            elif self._works:
                self._work()
            elif self._more_ahead and not self._parked:
                self._more_ahead = self._assistant.work_ahead()
            if self._assistant.collect() or not self._beside.busy:
                self._waiting, self._parked = self._parked + self._waiting, []
            self._tell_ahead()
        self._channel.send("stopped")
        return 0

    @property
    def _works(self) -> bool:
        shown = self._assistant.shown
        return shown is not None and (self._open is not None or shown.busy)

    def _work(self) -> None:
        """A short step for the photo that is shown; what was answered early is answered again as
        soon as there is nothing to wait for."""
        shown = self._assistant.shown
        assert shown is not None
        if self._open is None or shown.lacking:
            try:
                shown.step()
            except Exception:  # noqa: BLE001 - the worker's edge: whoever waits for it is told
                traceback.print_exc()
                if self._open is not None:
                    self._take(self._open | {"early": False})
        if self._open is not None and not shown.lacking:
            self._take(self._open)

    def _listen(self) -> bool:
        """Take in every command that is here; wait for one when there is nothing else to do.
        False when this is the end."""
        if self._waiting or self._works:
            found = self._channel.poll()
        elif (pause := self._pause()) is None:
            found = self._channel.receive()
            if found is None:
                return False
        else:
            found = self._channel.receive(pause)
        while found is not None:
            if isinstance(found, Garbage):
                sys.stderr.write(f"ignored a command: {found.why}: {found.text}\n")
            else:
                self._waiting.append(found)
            found = self._channel.poll()
        return all(command.get("do") != "stop" for command in self._waiting)

    def _pause(self) -> float | None:
        """Seconds to wait for a command; None for as long as it takes."""
        if self._parked and self._beside.busy:
            return BEAT
        if self._more_ahead:
            return QUIET
        return SLOW_BEAT if self._beside.busy else None

    def _take(self, command: Message) -> None:
        """Do a command, skip it for a newer one that makes it pointless, or put it aside."""
        newer = {str(c.get("do")) for c in self._waiting}
        if OUTDATED_BY.get(str(command.get("do")), set()) & newer:
            self._channel.send("skipped", **_address(command))
            return
        for parked in list(self._parked):
            if str(command.get("do")) in OUTDATED_BY.get(str(parked.get("do")), set()):
                self._parked.remove(parked)
                self._channel.send("skipped", **_address(parked))
        if command.get("do") in ANEW:
            self._open = None
        try:
            answer(self._channel, self._assistant, command)
        except StillLooking:
            if not self._lacks(command):
                self._parked.append(command)
        if self._lacks(command):
            self._open = command
        self._more_ahead = True

    def _lacks(self, command: Message) -> bool:
        shown = self._assistant.shown
        return command.get("do") == "predict" and shown is not None and shown.lacking

    def _tell_ahead(self) -> None:
        told = {"ready": self._assistant.ready, "of": self._assistant.expected}
        if told != self._told and (told["of"] or self._told):
            self._told = told
            self._channel.send("ahead", **told)


def answer(channel: Channel, assistant: Assistant, command: Message) -> None:
    """One command, one event. Raises StillLooking when it has to wait."""
    try:
        event, fields = _do(assistant, command)
        if notice := assistant.take_notice():
            fields["notice"] = notice
        channel.send(event, **fields)
    except StillLooking:
        raise
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
            view = command.get("view")
            early = command.get("early") is True
            candidates = assistant.predict(
                read_prompt(command), None if view is None else _box(view), early=early
            )
            more = assistant.shown is not None and assistant.shown.lacking
            fields = {"request": command.get("request"), "candidates": _pack(candidates)}
            return "masks", {**fields, "more": more}
        case {"do": "find", "what": str(what)}:
            view = command.get("view")
            query = Query(
                str(command.get("words") or "")[:MAX_WORDS],
                _examples(command.get("examples")),
                _examples(command.get("against")),
            )
            found = assistant.find(_wanted(what), query, None if view is None else _box(view))
            shown = _pack(found) if found else []
            return "found", {"request": command.get("request"), "candidates": shown}
        case {"do": "view", "view": view}:
            assistant.look_at(_box(view))
            return "noted", {}
        case {"do": "rest", "at": [x, y], "view": view}:
            if assistant.shown is not None:
                box = None if view is None else _box(view)
                assistant.shown.rest_on((_number(x), _number(y)), box)
            return "noted", {}
        case {"do": "keep", "folder": str() | None as folder, "budget": int(budget)}:
            assistant.keep_in(Path(folder) if folder else None, budget)
            return "kept", {}
        case {"do": "ahead", "photos": list(photos)}:
            assistant.ahead([_photo(one) for one in photos[:MAX_AHEAD]])
            return "noted", {}
    raise UserError(tr("The assistant was asked for something it does not know; restart Leafspot."))


def _box(found: Any) -> Box:
    try:
        return read_box(found)
    except (TypeError, ValueError, OverflowError) as error:
        raise PromptRefused(tr("The view could not be read; move it and click again.")) from error


def _number(found: Any) -> float:
    try:
        return float(found)
    except (TypeError, ValueError, OverflowError) as error:
        raise PromptRefused(tr("The view could not be read; move it and click again.")) from error


def _wanted(what: str) -> PromptKind:
    if what in FINDS:
        return FINDS[what]
    raise UserError(tr("The assistant was asked for something it does not know; restart Leafspot."))


def _examples(masks: Any) -> tuple[Candidate, ...]:
    try:
        shown = (masks or [])[:MAX_EXAMPLES]
        return tuple(Candidate(*decode_mask(one), score=1.0) for one in shown)
    except (ValueError, KeyError, TypeError) as error:
        raise PromptRefused(
            tr("The example could not be read; select the lesion again.")
        ) from error


def _photo(fields: Any) -> PhotoFile:
    match fields:
        case {"path": str(path), "sha256": str(sha256)}:
            return PhotoFile(Path(path), sha256)
    raise UserError(tr("The assistant was told of a photo it cannot find; restart Leafspot."))


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
            tr(
                "The outline found there has too many tiny pieces to be of use; "
                "point at a smaller area or drag a box."
            )
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
        return tr(
            "There is not enough memory for this assistant and this photo. "
            "Close other programs, or choose the colour assistant."
        )
    return tr(
        "The assistant stumbled ({name}); nothing was changed. Click elsewhere or "
        "choose another assistant; the log has the details.",
        name=type(error).__name__,
    )


if __name__ == "__main__":
    sys.exit(main())
