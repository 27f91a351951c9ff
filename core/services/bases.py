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
from core.adapter_package import Base, base_digests
from core.errors import AdapterRefused, ModelMissing, UsageError, UserError
from core.heads.base import HeadSpec, weights_file
from core.language import tr
from core.services import hub
from core.vlms.base import VlmSpec
from core.vlms.folders import check_kind
from core.vlms.words import check_words

PACKAGE = "core.vlms"
HEADS = "core.heads"
MOST_KNOWN = 8
"""Folders of one family that are remembered."""


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


def heads() -> dict[str, HeadSpec]:
    """Every mask head this Leafspot can train, by id."""
    return registry.discover(HEADS, HeadSpec)


def check_tokens(base: ChosenBase, number: int) -> None:
    """Raises UsageError for a number of image tokens that the base model has no choice of."""
    if number and number not in base.spec.image_tokens:
        few = ", ".join(str(n) for n in base.spec.image_tokens)
        raise UsageError(
            tr(
                "“{title}” takes photos in {few} tokens; choose one of these.",
                title=base.spec.title,
                few=few,
            )
            if few
            else tr(
                "How many tokens a photo takes up is fixed for “{title}”; leave the choice out.",
                title=base.spec.title,
            )
        )


def choose(text: str) -> ChosenBase:
    """``ID`` of an embedded model, or ``ID=FOLDER`` for one that lies in a folder.

    In the place of a folder may stand the name of a repository that the hub's cache holds.

    Raises ModelMissing when it is unknown, not on this computer, or without what it reads with;
    UsageError without its folder.
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
    base = ChosenBase(spec, str(_place(spec, folder)) if folder else "")
    check_folder(spec, base.folder)
    if base.path:
        remember(name, base.path)
    return base


def check_folder(spec: VlmSpec, folder: Path) -> None:
    """Raises ModelMissing where ``folder`` holds no model of the family, or not what it reads
    with."""
    check_kind(spec, folder)
    check_words(folder)


def fault(base: str, folder: Path) -> str:
    """Why ``folder`` cannot be used for the family ``base``, as far as can be told at a glance.

    `choose` looks into the tokenizer as well, which may be large.
    """
    try:
        check_kind(registry.find(PACKAGE, VlmSpec, base), folder)
    except ModelMissing as error:
        return str(error)
    return ""


def _place(spec: VlmSpec, folder: str) -> Path:
    """Raises ModelMissing for a repository's name that is not on this computer."""
    path = files.at_home(folder)
    if path.exists() or not hub.REPOSITORY.fullmatch(folder):
        return files.real(path)
    found = hub.find(spec, folder)
    if found is None:
        raise ModelMissing(
            tr(
                "There is neither a folder {folder} nor a model of that name in the hub's cache; "
                "fetch it in the Train workspace, or name its folder.",
                folder=folder,
            )
        )
    return found


def choose_head(name: str, path: str) -> str:
    """Where the model lies that the mask head ``name`` builds on, absolute; "" where it needs none.

    Raises ModelMissing when the head is unknown, or needs a model and it is not there.
    """
    spec = registry.find(HEADS, HeadSpec, name)
    if not spec.builds_on:
        return ""
    known = path or remembered(head_note(name))
    found = files.real(files.at_home(known))
    file = weights_file(str(found)) if known else None
    if file is None or not file.is_file():
        raise ModelMissing(
            tr(
                "The mask head “{title}” builds on another model; choose the {what}.",
                title=spec.title,
                what=spec.builds_on,
            )
        )
    remember(head_note(name), str(found))
    return str(found)


def head_note(head: str) -> str:
    """The name under which the place of a mask head's model is remembered."""
    return f"head {head}"


def remember(name: str, folder: str) -> None:
    """Note where a base model lies, so that its adapters find it again. Failing does no harm."""
    notes = _notes_kept()
    kept = [folder, *(each for each in notes.get(name, []) if each != folder)]
    known = notes | {name: kept[:MOST_KNOWN]}
    with contextlib.suppress(UserError), files.whole_file(_notes()) as draft:
        draft.write_text(json.dumps(known, indent=1), "utf-8")


def remembered(name: str) -> str:
    """The folder in which the base model ``name`` was last seen; "" when it is not known."""
    return next(iter(_notes_kept().get(name, [])), "")


def home_of(base: Base) -> str:
    """Where the very weights of ``base`` lie, of all the places that a model of its family was
    seen in: "" for an embedded one. Where none has them, the last of these places.

    A family has models of several sizes, and a merged model is of its base's family.
    """
    spec, places = specs().get(base.id), _notes_kept().get(base.id, [])
    if spec is not None and spec.folder:
        places = ["", *places]
    if spec is not None and len(places) > 1:
        for place in places:
            if _holds(spec.path(place), base):
                return place
    return next(iter(places), "")


def _holds(folder: Path, base: Base) -> bool:
    """Names first: digests of a large model take a while."""
    try:
        names = {path.name for path in folder.glob("*.safetensors")}
        return names == base.sha256.keys() and base_digests(folder) == dict(base.sha256)
    except (OSError, AdapterRefused):
        return False


def _notes_kept() -> dict[str, list[str]]:
    """The folders of each name, the newest first; an older version kept one, as a text."""
    try:
        raw = json.loads(_notes().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(raw, dict):
        return {}
    lists = {str(k): v if isinstance(v, list) else [v] for k, v in raw.items()}
    return {name: [str(folder) for folder in found] for name, found in lists.items()}


def _notes() -> Path:
    return Path(platformdirs.user_data_dir("leafspot", appauthor=False)) / "bases.json"
