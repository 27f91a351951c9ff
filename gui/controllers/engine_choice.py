"""Which assistant outlines, and with which weights file; remembered from one start to the next.

Knows the engine registry and the preferences; loads no engine and knows no worker.
"""

from __future__ import annotations

from pathlib import Path

from core.engines.base import EngineSpec, PromptKind
from core.registry import discover
from gui.preferences import Preferences

FOLDERS_FILE = "model.safetensors"


def engines() -> dict[str, EngineSpec]:
    """Every engine of the registry, by id."""
    return discover("core.engines", EngineSpec)


def stand_in_for(what: PromptKind) -> EngineSpec | None:
    """Who finds that for whoever cannot: the first engine that does, with no weights to open."""
    able = (s for s in engines().values() if what in s.prompts and not s.needs_checkpoint)
    return next(able, None)


def weights_name(checkpoint: str) -> str:
    """What a weights file is called: those of a whole folder all have one name, so the folder's."""
    path = Path(checkpoint)
    return path.parent.name if path.name == FOLDERS_FILE else path.name


class EngineChoice:
    """``engine`` is an id of the registry; ``checkpoint`` a path, "" before one was opened.

    ``only`` is an engine that is taken whatever the person chose; it is not to be changed.
    """

    def __init__(self, preferences: Preferences, only: str = "") -> None:
        self._preferences = preferences
        self._earlier: tuple[str, str] | None = None
        self._refused = False
        self.engine = only or preferences.text("assistant.engine")
        if self.engine not in engines():  # one that this version no longer has
            self.engine = next(iter(engines()), "")
        self.checkpoint = "" if only else preferences.text("assistant.checkpoint")
        self._files: dict[str, str] = {}
        self._remember()

    @property
    def spec(self) -> EngineSpec | None:
        return engines().get(self.engine)

    @property
    def source(self) -> str:
        """What a region made from a proposal says it came from."""
        return f"engine:{self.engine}"

    @property
    def lacks_file(self) -> bool:
        return self.spec is not None and self.spec.needs_checkpoint and not self.checkpoint

    def file_of(self, engine: str) -> str:
        """The weights file last used with ``engine``; "" when it needs another one."""
        # Which engine the file of the last time belonged to is not written down.
        return self._files.get(engine, "" if self._files else self.checkpoint)

    def change(self, engine: str, checkpoint: str) -> None:
        """Another one. The one there was is remembered, unless it was of no use itself."""
        spec = self.spec
        there = spec is not None and (not spec.needs_checkpoint or Path(self.checkpoint).exists())
        if there and not self._refused:
            self._earlier = self.engine, self.checkpoint
        self._put(engine, checkpoint)

    def refuse(self) -> str:
        """It cannot be loaded. Gives the name of the one before, which is chosen again: its weights
        file's or its title; "" when there was none and nothing changes."""
        self._refused = True
        self._files.pop(self.engine, None)
        if self._earlier is None:
            return ""
        self._put(*self._earlier)
        spec = self.spec
        if spec is None:
            return ""
        return weights_name(self.checkpoint) if spec.needs_checkpoint else spec.title

    def _put(self, engine: str, checkpoint: str) -> None:
        self.engine, self.checkpoint, self._refused = engine, checkpoint, False
        self._remember()
        self._preferences.put("assistant.engine", engine)
        self._preferences.put("assistant.checkpoint", checkpoint)

    def _remember(self) -> None:
        if self.checkpoint and self.spec is not None and self.spec.needs_checkpoint:
            self._files[self.engine] = self.checkpoint
