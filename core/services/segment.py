"""The assistant as a use-case: choose an engine, look at a photo, answer prompts.

Runs inside the segment worker, which gives it a wire, and in tests, which do not need one. Knows
the engine registry and the decoder; knows no process. Heavy libraries are imported by the engine
that needs them, when it is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from core.engines.base import Candidate, EngineSpec, Prompt, Segmenter
from core.errors import ModelMissing, PromptRefused
from core.registry import find, resolve

ENGINES = "core.engines"
MAX_POINTS = 1000


def load_engine(engine: str, checkpoint: Path | None = None) -> Segmenter:
    """The engine called ``engine``, ready for a photo.

    Raises ModelMissing for an unknown engine or a missing weights file, CheckpointRefused for one
    that does not fit.
    """
    spec = find(ENGINES, EngineSpec, engine)
    if spec.needs_checkpoint:
        if checkpoint is None:
            raise ModelMissing(f"{spec.title} needs a weights file: open one first.")
        if not checkpoint.is_file():
            raise ModelMissing(
                f"The weights file {checkpoint.name} is not there any more; open it again."
            )
    return cast(
        Segmenter, resolve(spec.factory)(spec, checkpoint if spec.needs_checkpoint else None)
    )


def prompt_fields(prompt: Prompt) -> dict[str, Any]:
    """The prompt as fields of a command: ``points``, ``positive``, ``box``."""
    return {
        "points": [list(point) for point in prompt.points],
        "positive": list(prompt.positive),
        "box": list(prompt.box) if prompt.box else None,
    }


def read_prompt(fields: Mapping[str, Any]) -> Prompt:
    """The inverse of ``prompt_fields``. Raises PromptRefused for anything else."""
    points, positive, box = (fields.get(name) for name in ("points", "positive", "box"))
    try:
        if len(points or ()) > MAX_POINTS:
            raise PromptRefused("That are too many clicks for one region; accept it and go on.")
        return Prompt(
            tuple((float(x), float(y)) for x, y in points or ()),
            tuple(bool(flag) for flag in positive or ()),
            None if box is None else _box(box),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise PromptRefused("The selection could not be read; click again.") from error


def _box(found: Any) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (int(value) for value in found)
    return x0, y0, x1, y1


class Assistant:
    """One engine and one photo at a time."""

    def __init__(self) -> None:
        self._engine: Segmenter | None = None
        self._photo: Path | None = None
        self._sha256: str | None = None
        self._shown = False
        self._size = (0, 0)

    def load(self, engine: str, checkpoint: Path | None = None) -> None:
        """Change the engine; the photo stays. Raises as ``load_engine``; the old engine is gone."""
        self._engine = None  # two large models at once may not fit
        self._shown = False
        self._engine = load_engine(engine, checkpoint)

    def show(self, photo: Path, sha256: str | None = None) -> tuple[int, int]:
        """(width, height) of the photo; (0, 0) while there is no engine to look at it.

        Raises ImageUnreadable when it is gone, damaged, or not the bytes of ``sha256``.
        """
        self._photo, self._sha256, self._shown = photo, sha256, False
        self._size = (0, 0)
        self._look()
        return self._size

    def predict(self, prompt: Prompt) -> list[Candidate]:
        """Candidates, best first. Raises PromptRefused, or ModelMissing when none is loaded."""
        if self._engine is None:
            raise ModelMissing("No assistant is loaded; choose one.")
        if self._photo is None:
            raise PromptRefused("Open a photo first.")
        self._look()
        return self._engine.predict(prompt)

    def _look(self) -> None:
        if self._shown or self._photo is None or self._engine is None:
            return
        from core.imaging.decode import decode_rgb

        rgb = decode_rgb(self._photo, expected_sha256=self._sha256)
        self._size = (rgb.shape[1], rgb.shape[0])
        self._engine.set_image(rgb)
        self._shown = True
