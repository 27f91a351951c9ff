"""The weights files that can be fetched on request: where they are, how large, and their digests.

A size or digest is given only where it has been published by several parties independently and they
agree; elsewhere it is None and the program shows the digest of what arrived. One table; fetches
nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """``size`` in bytes and ``sha256`` in hex, None where nobody can say with certainty.

    ``terms`` is the page where one has to agree to something first, "" where one has not.
    """

    url: str
    size: int | None = None
    sha256: str | None = None
    terms: str = ""

    @property
    def name(self) -> str:
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint for ``engine``: its files go to ``folder``; ``opened`` is the file that the
    assistant then opens. ``megabytes`` is about right, for the list."""

    id: str
    title: str
    engine: str
    megabytes: int
    files: tuple[PublishedFile, ...]
    licence: str = "Apache License 2.0"

    @property
    def opened(self) -> str:
        return self.files[0].name

    def folder(self, home: Path) -> Path:
        """Where the files go; ``home`` is the folder of all weights."""
        return home / self.id


def weights_home() -> Path:
    """The folder of fetched weights among the user's data; it need not exist."""
    return Path(platformdirs.user_data_dir("leafspot", appauthor=False)) / "weights"


def hub_home() -> Path:
    """Where the hub's own tools keep what is fetched, and who one is."""
    named = os.environ.get("HF_HOME")
    if named:
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "huggingface"


def hub_token() -> str:
    """What the person's own login to the hub left behind; "" when there was none."""
    named = os.environ.get("HF_TOKEN")
    if named:
        return named.strip()
    try:
        return (hub_home() / "token").read_text("utf-8")[:1000].strip()
    except (OSError, ValueError):
        return ""


_META = "https://dl.fbaipublicfiles.com/segment_anything/"
HUB = "https://huggingface.co"
_HUB = HUB + "/{}/resolve/main/{}"


def _sam(size: str, name: str, file: PublishedFile) -> Published:
    assert file.size
    return Published(f"sam-{size}", name, "segment-anything", file.size // 1_000_000, (file,))


def _folder(id_: str, title: str, engine: str, megabytes: int, repository: str) -> Published:
    """A folder of the transformers library; no digest of its files is known with certainty."""
    names = ("model.safetensors", "config.json")
    files = tuple(PublishedFile(_HUB.format(repository, name)) for name in names)
    return Published(id_, title, engine, megabytes, files)


PUBLISHED = (
    Published(
        "mobile-sam",
        "MobileSAM",
        "mobile-sam",
        41,
        (
            PublishedFile(
                "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/"
                "f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights/mobile_sam.pt",
                40_728_226,
                "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
            ),
        ),
    ),
    _folder("edgetam", "EdgeTAM", "edgetam", 56, "yonigozlan/EdgeTAM-hf"),
    _folder("sam2.1-tiny", "SAM 2.1 tiny", "sam2", 156, "facebook/sam2.1-hiera-tiny"),
    _folder("sam2.1-small", "SAM 2.1 small", "sam2", 184, "facebook/sam2.1-hiera-small"),
    _folder("sam2.1-base-plus", "SAM 2.1 base+", "sam2", 323, "facebook/sam2.1-hiera-base-plus"),
    _folder("sam2.1-large", "SAM 2.1 large", "sam2", 898, "facebook/sam2.1-hiera-large"),
    _sam(
        "vit-b",
        "Segment Anything ViT-B",
        PublishedFile(
            f"{_META}sam_vit_b_01ec64.pth",
            375_042_383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        ),
    ),
    _sam(
        "vit-l",
        "Segment Anything ViT-L",
        PublishedFile(
            f"{_META}sam_vit_l_0b3195.pth",
            1_249_524_607,
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        ),
    ),
    _sam(
        "vit-h",
        "Segment Anything ViT-H",
        PublishedFile(
            f"{_META}sam_vit_h_4b8939.pth",
            2_564_550_879,
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        ),
    ),
)
"""Small ones first. SAM 3 is not among them: its makers ask for a name before they hand it out."""
