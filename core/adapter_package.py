"""The adapter that leaves the machine: a folder whose manifest names every file and its sha256.

    NAME/
      manifest.json            this module's business
      adapter_model.safetensors, head.safetensors, adapter_config.json, tokenizer.json, …
      README.md                the card

A folder from somebody else is hostile until ``verify`` has passed: only plain files of a few kinds,
all named, none more, none changed, nothing that could run. Knows files and JSON; knows no model
library, and never opens a tensor.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from core import files
from core.domain.disease import is_shown
from core.errors import AdapterRefused
from core.language import tr

FORMAT = 1
MANIFEST = "manifest.json"
KINDS = frozenset({".safetensors", ".json", ".jinja", ".md", ".txt", ".model"})
"""Nothing that Python imports or unpickles. ``.model`` is SentencePiece's vocabulary."""
MAX_FILES = 200
MAX_CLASSES, MAX_NAME = 1000, 200
MAX_MANIFEST = 4 << 20
MAX_BYTES = 16 << 30
MAX_TEXT = 128 << 20
"""For every file that is not a tensor file; Gemma's tokenizer.json has 33 MB."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


@dataclass(frozen=True, slots=True)
class Base:
    """The model an adapter belongs to. ``sha256`` maps each of its weight files to its digest."""

    id: str
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the package."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``manifest.json`` holds. ``prompts`` maps a prompt's purpose to its wording."""

    leafspot: str
    created: str
    base: Base
    classes: tuple[str, ...]
    healthy: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    format: int = FORMAT


def write(
    folder: Path,
    *,
    leafspot: str,
    base: Base,
    classes: tuple[str, ...],
    healthy: str,
    prompts: Mapping[str, str],
) -> Manifest:
    """List every file of ``folder`` in a fresh ``manifest.json``. Call it last.

    Raises AdapterRefused when the folder holds something that no package may hold.
    """
    names = sorted(_plain_files(folder) - {MANIFEST})
    for name in names:
        _check_name(name)
    listed = {n: FileEntry(files.sha256(folder / n), (folder / n).stat().st_size) for n in names}
    manifest = Manifest(
        leafspot=leafspot,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base=base,
        classes=classes,
        healthy=healthy,
        prompts=dict(prompts),
        files=listed,
    )
    text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False)
    with files.whole_file(folder / MANIFEST) as draft:
        draft.write_text(text + "\n", "utf-8")
    return manifest


def verify(folder: Path) -> Manifest:
    """The manifest of a folder that is exactly what it says. Raises AdapterRefused otherwise.

    Cheap checks first: nothing is hashed before every name, kind and size is in order.
    """
    manifest = read_manifest(folder)
    present = _plain_files(folder) - {MANIFEST}
    for name in sorted(manifest.files):
        _check_name(name)
    if len({n.casefold() for n in manifest.files}) != len(manifest.files):
        raise AdapterRefused(tr("The adapter lists two files whose names differ only in case."))
    if missing := sorted(manifest.files.keys() - present):
        raise AdapterRefused(
            tr("The adapter lacks {missing}; copy the whole folder again.", missing=missing[0])
        )
    if extra := sorted(present - manifest.files.keys()):
        raise AdapterRefused(
            tr(
                "The adapter holds {extra}, which its manifest does not list; use the "
                "folder as it was exported.",
                extra=extra[0],
            )
        )
    for name, entry in manifest.files.items():
        _check_size(folder / name, name, entry)
    for name, entry in manifest.files.items():
        if _digest(folder, name) != entry.sha256:
            raise AdapterRefused(
                tr(
                    "{name} has changed since the adapter was exported; copy the whole folder "
                    "again.",
                    name=name,
                )
            )
    return manifest


def verify_base(manifest: Manifest, base_folder: Path) -> None:
    """Raises AdapterRefused unless ``base_folder`` holds the very weights of ``manifest.base``."""
    found = base_digests(base_folder)
    if dict(manifest.base.sha256) != found:
        raise AdapterRefused(
            tr(
                "The adapter was trained on another copy of “{id}” than the one on this "
                "computer; install the base model it names.",
                id=manifest.base.id,
            )
        )


def base_digests(base_folder: Path) -> dict[str, str]:
    """sha256 of each weight file of a base model's folder. Raises AdapterRefused for none."""
    try:
        weights = sorted(p for p in base_folder.glob("*.safetensors") if p.is_file())
        found = {p.name: files.sha256(p) for p in weights}
    except OSError as error:
        raise AdapterRefused(
            tr(
                "The base model in {name} cannot be read ({strerror}).",
                name=base_folder.name,
                strerror=error.strerror,
            )
        ) from error
    if not found:
        raise AdapterRefused(
            tr(
                "There is no base model in {name}; run “leafspot doctor” to see what is missing.",
                name=base_folder.name,
            )
        )
    return found


def read_manifest(folder: Path) -> Manifest:
    """What the manifest says, its own shape checked, its files not. Raises AdapterRefused."""
    path = folder / MANIFEST
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_MANIFEST:
            raise AdapterRefused(
                tr("The adapter's {manifest} is not a file that Leafspot wrote.", manifest=MANIFEST)
            )
        raw = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise AdapterRefused(
            tr(
                "“{name}” is no adapter: it has no {manifest}. Choose the folder that Export made.",
                name=folder.name,
                manifest=MANIFEST,
            )
        ) from error
    except (ValueError, RecursionError) as error:
        raise AdapterRefused(
            tr("The adapter's {manifest} cannot be read; copy it again.", manifest=MANIFEST)
        ) from error
    return _manifest(raw)


def _manifest(raw: Any) -> Manifest:
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int):
        raise AdapterRefused(
            tr("The adapter's {manifest} does not say which format it has.", manifest=MANIFEST)
        )
    if raw["format"] != FORMAT:
        raise AdapterRefused(
            tr(
                "The adapter has format {raw} and this Leafspot reads format {format}; "
                "install the Leafspot that made it or a newer one.",
                raw=raw["format"],
                format=FORMAT,
            )
        )
    try:
        if not isinstance(raw["classes"], list) or len(raw["classes"]) > MAX_CLASSES:
            raise TypeError(tr("a list of classes was expected"))  # noqa: TRY301 - one net for all
        return Manifest(
            leafspot=_text(raw["leafspot"]),
            created=_text(raw["created"]),
            base=Base(_name(raw["base"]["id"]), _texts(raw["base"]["sha256"])),
            classes=tuple(_name(name) for name in raw["classes"]),
            healthy=_name(raw["healthy"]),
            prompts=_texts(raw["prompts"]),
            files={name: _entry(entry) for name, entry in raw["files"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AdapterRefused(
            tr(
                "The adapter's {manifest} is not as Leafspot writes it ({error}); copy it again.",
                manifest=MANIFEST,
                error=error,
            )
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 4000:
        raise ValueError(tr("a text was expected"))
    return value


def _name(value: object) -> str:
    """Of a class or a model: it is told in sentences, tables and pictures."""
    name = _text(value)
    if len(name) > MAX_NAME or not is_shown(name):
        raise ValueError(tr("a name was expected"))
    return name


def _texts(value: Mapping[str, object]) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in value.items()}


def _entry(raw: Mapping[str, object]) -> FileEntry:
    size, digest = raw["bytes"], _text(raw["sha256"])
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(tr("a file's size was expected"))
    if not _SHA256.fullmatch(digest):
        raise ValueError(tr("a sha256 was expected"))
    return FileEntry(digest, size)


def _check_name(name: str) -> None:
    """Relative, inside the folder, the same on every system, and of a kind that cannot run."""
    plain = _NAME.fullmatch(name) and str(PurePosixPath(name)) == name and len(name) <= 200
    if not plain or any(_RESERVED.match(part) or part.endswith(".") for part in name.split("/")):
        raise AdapterRefused(
            tr(
                "The adapter lists {quoted}, which is no name of a file inside it; do not use it.",
                quoted=files.quoted(name[:80]),
            )
        )
    if PurePosixPath(name).suffix.lower() not in KINDS:
        raise AdapterRefused(
            tr(
                "The adapter holds {name}: files of that kind can run code, and Leafspot "
                "opens none.",
                name=name,
            )
        )


def _check_size(path: Path, name: str, entry: FileEntry) -> None:
    most = MAX_BYTES if name.endswith(".safetensors") else MAX_TEXT
    size = path.lstat().st_size
    if max(size, entry.bytes) > most:
        raise AdapterRefused(
            tr("The adapter's {name} is larger than any that Leafspot writes.", name=name)
        )
    if size != entry.bytes:
        raise AdapterRefused(
            tr(
                "{name} has {size:,} bytes and not the {bytes:,} it was exported with; "
                "copy the whole folder again.",
                name=name,
                size=size,
                bytes=entry.bytes,
            )
        )


def _digest(folder: Path, name: str) -> str:
    try:
        return files.sha256(folder / name)
    except OSError as error:
        raise AdapterRefused(
            tr(
                "{name} cannot be read ({strerror}); copy it again.",
                name=name,
                strerror=error.strerror,
            )
        ) from error


def _plain_files(folder: Path) -> set[str]:
    """POSIX names of all files under ``folder``. Links and devices are refused, not followed."""
    found: set[str] = set()
    if not folder.is_dir():
        raise AdapterRefused(
            tr("“{name}” is no adapter: choose the folder that Export made.", name=folder.name)
        )
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(root, name)
            relative = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                found.add(relative)
            elif not stat.S_ISDIR(mode):
                raise AdapterRefused(
                    tr(
                        "The adapter's {quoted} is a link or device and not a file; use the folder "
                        "as it was exported.",
                        quoted=files.quoted(relative[:80]),
                    )
                )
        if len(found) > MAX_FILES:
            raise AdapterRefused(
                tr(
                    "The adapter holds more than {max_files} files; do not use it.",
                    max_files=MAX_FILES,
                )
            )
    return found
