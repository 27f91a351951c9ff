"""Base models of the Hugging Face hub: those this computer has, and those that can be fetched.

Looks into the hub's own cache and the program's folder of fetched weights. The network is asked by
`listing` alone, when a person has asked for it; what it answers is data from anywhere: plain names
of harmless kinds, sizes and digests, of one revision. Knows folders and one address; loads no
model.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DownloadFailed, ModelMissing
from core.language import tr
from core.services.downloads import STALL, check_address, opener
from core.services.published import HUB, Published, PublishedFile, hub_home, weights_home
from core.vlms.base import VlmSpec
from core.vlms.folders import check_kind

KINDS = frozenset({".safetensors", ".json", ".jinja", ".model", ".txt"})
"""What is fetched of a repository: nothing that Python imports or unpickles."""
MAX_LISTING = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,120}")
REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,90}/[A-Za-z0-9_][A-Za-z0-9_.\-]{0,90}")
_SHA1, _SHA256 = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Offer:
    """A repository that is known to fit ``family``, the id of a `VlmSpec`.

    ``gigabytes`` is about right. ``gated``: its makers ask for consent to their terms first.
    """

    repository: str
    family: str
    gigabytes: float
    gated: bool = False

    @property
    def page(self) -> str:
        """Where a person reads the terms."""
        return f"{HUB}/{self.repository}"


OFFERS = (
    Offer("google/gemma-3-4b-it", "gemma-3", 8.6, gated=True),
    Offer("google/gemma-3-12b-it", "gemma-3", 24.4, gated=True),
    Offer("google/gemma-3-27b-it", "gemma-3", 54.9, gated=True),
    Offer("google/gemma-4-E2B-it", "gemma-4", 10.3),
    Offer("google/gemma-4-E4B-it", "gemma-4", 16.0),
    Offer("google/gemma-4-12B-it", "gemma-4", 24.0),
    Offer("google/gemma-4-31B-it", "gemma-4", 62.6),
)


@dataclass(frozen=True, slots=True)
class Here:
    """A base model on this computer, by its repository's name."""

    repository: str
    folder: Path


def here(spec: VlmSpec) -> list[Here]:
    """The base models of this family that the hub's cache or the program's own folder holds."""
    return sorted(
        (one for one in _everything() if _fits(spec, one.folder)), key=lambda one: one.repository
    )


def find(spec: VlmSpec, repository: str) -> Path | None:
    """The folder of ``repository`` on this computer; None where it has none of this family."""
    return next((one.folder for one in here(spec) if one.repository == repository), None)


def _everything() -> Iterator[Here]:
    for folder in _folders(weights_home()):
        if "--" in folder.name:
            yield Here(folder.name.replace("--", "/", 1), folder)
    named = os.environ.get("HF_HUB_CACHE")
    for folder in _folders(Path(named) if named else hub_home() / "hub"):
        kind, _, name = folder.name.partition("--")
        snapshot = _snapshot(folder)
        if kind == "models" and snapshot is not None:
            yield Here(name.replace("--", "/", 1), snapshot)


def _folders(parent: Path) -> list[Path]:
    try:
        return [p for p in parent.iterdir() if p.is_dir()]
    except OSError:
        return []


def _snapshot(folder: Path) -> Path | None:
    """The revision that was fetched last under its usual name."""
    try:
        revision = (folder / "refs" / "main").read_text("utf-8")[:64].strip()
    except (OSError, ValueError):
        return None
    found = folder / "snapshots" / revision
    return found if _SHA1.fullmatch(revision) and found.is_dir() else None


def _fits(spec: VlmSpec, folder: Path) -> bool:
    try:
        check_kind(spec, folder)
    except ModelMissing:
        return False
    return True


# -- what there is to fetch


def listing(offer: Offer) -> Published:
    """The files of the repository as it is now. Asks the network; raises DownloadFailed."""
    address = f"{HUB}/api/models/{offer.repository}?blobs=true"
    try:
        raw = json.loads(_ask(address))
        return Published(
            offer.repository.replace("/", "--"),
            offer.repository,
            offer.family,
            round(offer.gigabytes * 1000),
            tuple(_files(offer, raw)),
            licence=_licence(raw),
        )
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise DownloadFailed(
            tr(
                "The list of the files of {repository} was not to be had; look at the connection "
                "and try again.",
                repository=offer.repository,
            )
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DownloadFailed(
            tr(
                "What the hub says of {repository} is not understood here; fetch the model with "
                "the hub's own tool, then choose its folder.",
                repository=offer.repository,
            )
        ) from error


def _ask(address: str) -> str:
    check_address(address)
    request = urllib.request.Request(address, headers={"User-Agent": "Leafspot"})
    with opener(address).open(request, timeout=STALL) as answer:
        return str(answer.read(MAX_LISTING).decode("utf-8"))


def _files(offer: Offer, raw: Mapping[str, Any]) -> list[PublishedFile]:
    """config.json first. Raises ValueError, KeyError or TypeError for another answer than usual."""
    revision = str(raw["sha"])
    if not _SHA1.fullmatch(revision):
        raise ValueError("no revision")
    found = []
    for entry in raw["siblings"]:
        name, size = str(entry["rfilename"]), entry.get("size")
        if not _NAME.fullmatch(name) or Path(name).suffix not in KINDS:
            continue
        digest = str((entry.get("lfs") or {}).get("sha256", ""))
        found.append(
            PublishedFile(
                f"{HUB}/{offer.repository}/resolve/{revision}/{name}",
                size if isinstance(size, int) and 0 < size < 1 << 40 else None,
                digest if _SHA256.fullmatch(digest) else None,
                terms=offer.page if offer.gated else "",
            )
        )
    names = {file.name for file in found}
    if "config.json" not in names or not any(n.endswith(".safetensors") for n in names):
        raise ValueError("no model")
    return sorted(found, key=lambda file: (file.name != "config.json", file.name))


def _licence(raw: Mapping[str, Any]) -> str:
    tags = [t for t in raw.get("tags", []) if isinstance(t, str) and t.startswith("license:")]
    return tags[0].partition(":")[2][:60] if tags else tr("see its page")
