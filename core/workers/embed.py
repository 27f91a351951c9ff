"""The worker that looks at photos ahead of the person: ``python -m core.workers.embed``.

    {"do": "load", "engine": "segment-anything", "checkpoint": "..."}   -> loaded {engine, keeps}
    {"do": "embed", "token": 3, "path": "...", "fields": {...}, "folder": "...", "budget": 5000000}
                                                  -> embedded {token, stored, seconds}
                                 with "what": "candidates" in the fields -> embedded {token, stored}
    {"do": "stop"}                                -> stopped, and the process ends

Runs beside the assistant's own process and gives way to every other program. ``keeps`` is whether
the engine keeps anything of a photo; what it makes lies in the folder afterwards; what cannot be
done is answered with ``refused`` {do, token, text}. A photo that is under way is finished: whoever
cannot wait for that ends the process.

Knows the wire; what an embedding is kept under is ``core.embeddings``.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from core.embeddings.found import keep, key_of
from core.embeddings.key import EmbeddingKey
from core.embeddings.store import EmbeddingStore
from core.engines.base import Embedder, Finder
from core.errors import ModelMissing, UserError
from core.language import tr
from core.services.embed import find_on, look
from core.services.segment import load_engine
from core.workers.channel import Channel
from core.workers.priority import give_way
from core.workers.wire import Garbage, Message


def main() -> int:
    """Serve until told to stop or until the input ends."""
    channel = Channel.claim("embed")
    give_way()
    desk = Desk()
    while (command := channel.receive()) is not None:
        if isinstance(command, Garbage):
            sys.stderr.write(f"ignored a command: {command.why}: {command.text}\n")
        elif command.get("do") == "stop":
            break
        else:
            _answer(channel, desk, command)
    channel.send("stopped")
    return 0


def _answer(channel: Channel, desk: Desk, command: Message) -> None:
    """One command, one event."""
    try:
        event, fields = desk.do(command)
        channel.send(event, **fields)
    except Exception as error:  # noqa: BLE001 - the worker's edge: one bad photo must not end it
        if not isinstance(error, UserError):
            traceback.print_exc()
        channel.send("refused", do=command.get("do"), token=command.get("token"), text=str(error))


class Desk:
    """The engine that is loaded and the folder that was used last."""

    def __init__(self) -> None:
        self._engine: Embedder | None = None
        self._store: EmbeddingStore | None = None

    def do(self, command: Message) -> tuple[str, dict[str, Any]]:
        """(event, fields). Raises UserError, or whatever a model stumbles over."""
        match command:
            case {"do": "load", "engine": str(engine)}:
                checkpoint = command.get("checkpoint")
                self._engine = None
                loaded = load_engine(engine, Path(checkpoint) if checkpoint else None)
                self._engine = loaded if isinstance(loaded, Embedder) else None
                return "loaded", {"engine": engine, "keeps": self._engine is not None}
            case {"do": "embed", "path": str(path), "folder": str(folder), "fields": dict(fields)}:
                key = EmbeddingKey.of_fields(fields)
                return "embedded", {
                    "token": command.get("token"),
                    **self._embed(key, Path(path), Path(folder), command.get("budget")),
                }
        raise UserError(tr("The process beside was asked for something it does not know."))

    def _embed(
        self, key: EmbeddingKey, path: Path, folder: Path, budget: int | None
    ) -> dict[str, Any]:
        if self._engine is None:
            raise ModelMissing(tr("No assistant is loaded; choose one."))
        if self._store is None or (self._store.folder, self._store.budget) != (folder, budget):
            self._store = EmbeddingStore(folder, budget)
        if key.what:
            return {"stored": _find(self._engine, self._store, key, path)}
        made, seconds = look(self._engine, path, key)
        return {"stored": self._store.put(key, made), "seconds": seconds}


def _find(engine: Embedder, store: EmbeddingStore, key: EmbeddingKey, path: Path) -> bool:
    """What ``engine`` finds on a photo by itself, from the look at it that is there."""
    finder: object = engine
    if not isinstance(finder, Finder) or key != key_of(key):
        return False
    whole = EmbeddingKey(key.photo, key.maker)
    seen = store.get(whole)
    if seen is None:
        seen, _ = look(engine, path, whole)
    return keep(store, key, find_on(finder, path, key, seen))


if __name__ == "__main__":
    sys.exit(main())
