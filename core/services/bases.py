"""Which base models there are, and what a person means by one.

Knows the registry and folders; loads nothing.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core import files, registry
from core.errors import ModelMissing, UsageError, UserError
from core.language import tr
from core.vlms.base import VlmSpec

PACKAGE = "core.vlms"


@dataclass(frozen=True, slots=True)
class ChosenBase:
    """``path`` is "" for an embedded model, else the folder the person chose."""

    spec: VlmSpec
    path: str = ""

    @property
    def folder(self) -> Path:
        return self.spec.path(self.path)

    @property
    def bytes(self) -> int:
        """Size of the model's weights on disk; 0 when it is not there."""
        return sum(p.stat().st_size for p in self.folder.glob("*.safetensors"))


def specs() -> dict[str, VlmSpec]:
    """Every base model this Leafspot can train, by id."""
    return registry.discover(PACKAGE, VlmSpec)


def choose(text: str) -> ChosenBase:
    """``ID`` of an embedded model, or ``ID=FOLDER`` for one that lies in a folder.

    Raises ModelMissing when it is unknown or not on this computer, UsageError without its folder.
    """
    name, _, folder = text.partition("=")
    spec = registry.find(PACKAGE, VlmSpec, name)
    if not folder and not spec.folder:
        raise UsageError(
            tr(
                "“{title}” lies in a folder of yours; write --base {id}=FOLDER with the "
                "folder that holds its config.json.",
                title=spec.title,
                id=spec.id,
            )
        )
    base = ChosenBase(spec, str(Path(folder).expanduser().resolve()) if folder else "")
    if not (base.folder / "config.json").is_file() or not base.bytes:
        raise ModelMissing(
            tr(
                "The base model “{title}” is not in {folder}: that folder needs a "
                "config.json and .safetensors weights.",
                title=spec.title,
                folder=base.folder,
            )
        )
    if base.path:
        remember(name, base.path)
    return base


def remember(name: str, folder: str) -> None:
    """Note where a base model lies, so that its adapters find it again. Failing does no harm."""
    known = _remembered() | {name: folder}
    with contextlib.suppress(UserError), files.whole_file(_notes()) as draft:
        draft.write_text(json.dumps(known, indent=1), "utf-8")


def remembered(name: str) -> str:
    """The folder in which the base model ``name`` was last seen; "" when it is not known."""
    return _remembered().get(name, "")


def _remembered() -> dict[str, str]:
    try:
        raw = json.loads(_notes().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in raw.items()} if isinstance(raw, dict) else {}


def _notes() -> Path:
    return Path(platformdirs.user_data_dir("leafspot", appauthor=False)) / "bases.json"
