"""Masks from a folder of palette or grey PNGs, and the JSON file that says what their values mean.

    {"0": "background", "1": "leaf", "2": "lesion", "3": "rust"}

A mask belongs to the photo with the same stem, or with all of its name (``IMG_1.jpg.png``). Where
several share it, to the one whose folders are the mask's as well (``masks/plot 3/IMG_1.png`` to
``…/plot 3/IMG_1.jpg``), else to none; so it is where the folders, too, are those of several. 0 is
background unless the map says otherwise; every other value that occurs must be named, so that no
class is lost in silence. The leaf regions, one for each leaf, hold exactly the pixels called
"leaf": lesions beside them belong to the leaf all the same.

Knows files, values and regions; knows no project.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.disease import is_shown
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.errors import ImportRefused
from core.files import sha256
from core.geometry import leaves
from core.imaging.decode import PhotoHeader, turned
from core.imaging.mask_files import ClassMask, Values
from core.importers.texts import file_text
from core.language import listed, tr

BACKGROUND, LEAF, LESION = "background", "leaf", "lesion"
WORDS = (BACKGROUND, LEAF, LESION)
IS_DISEASE = " (disease)"
"""Stands after one of ``WORDS`` where that is a disease's name."""
MAX_REGIONS = 500
"""Connected lesions become regions of their own up to this many per disease and photo; beyond it
they share one region, because nobody edits five hundred specks one by one."""

MAX_MAP_BYTES = 1_000_000

MaskMap = Mapping[int, str]


def load_mask_map(path: Path) -> dict[int, str]:
    """Pixel value to "background", "leaf", "lesion" or a disease's name. Raises ImportRefused."""
    try:
        found = json.loads(file_text(path, MAX_MAP_BYTES), object_pairs_hook=_once)
    except OSError as error:
        why = error.strerror or str(error)
        raise ImportRefused(path, tr("The mask map cannot be read ({why}).", why=why)) from error
    except (ValueError, RecursionError) as error:
        raise ImportRefused(
            path,
            tr(
                "The mask map is not JSON with one name for each value. {example}", example=_EXAMPLE
            ),
        ) from error
    if not isinstance(found, dict) or not found:
        raise ImportRefused(path, tr("The mask map names no values. {example}", example=_EXAMPLE))
    out: dict[int, str] = {}
    for key, name in found.items():
        plain = key.strip()
        if not (plain.isascii() and plain.isdigit() and int(plain[:6]) <= 65535):
            raise ImportRefused(
                path, tr("“{key}” is not a pixel value. {example}", key=key[:40], example=_EXAMPLE)
            )
        if not isinstance(name, str) or not name.strip():
            raise ImportRefused(
                path, tr("The value {plain} has no name. {example}", plain=plain, example=_EXAMPLE)
            )
        if not is_shown(name) or int(plain) in out:
            what = tr("two names") if int(plain) in out else tr("a name that no text can show")
            raise ImportRefused(
                path,
                tr(
                    "The value {plain} has {what}. {example}",
                    plain=plain,
                    what=what,
                    example=_EXAMPLE,
                ),
            )
        low = name.strip().casefold()
        out[int(plain)] = low if low in WORDS else name.strip()
    return out


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A value named twice would quietly be the later of the two. Raises ValueError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(tr("a key occurs twice"))
    return found


_EXAMPLE = tr(
    'Write it like {"1": "leaf", "2": "lesion"}, with a disease\'s name where it is known.'
)


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """The masks of a folder by stem. ``shared`` are the stems of several photos that differ,
    ``placed`` the masks of photos whose folders they have as well.
    """

    folder: Path
    by_stem: Mapping[str, tuple[Path, ...]]
    shared: frozenset[str] = frozenset()
    placed: Mapping[Path, Path] = field(default_factory=dict)

    @classmethod
    def scan(cls, folder: Path) -> MaskFolder:
        """Every PNG in ``folder`` and below. Raises ImportRefused when it is no folder."""
        if not folder.is_dir():
            raise ImportRefused(folder, tr("There is no such folder of masks. Check its name."))
        found: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            picture = path.suffix.lower() == ".png" and not path.name.startswith(".")
            if picture and os.path.isfile(path):  # noqa: PTH113 - does not raise
                found.setdefault(_stem(path), []).append(path)
        return cls(folder, {stem: tuple(paths) for stem, paths in found.items()})

    def among(self, photos: Iterable[Path]) -> MaskFolder:
        """For an import of ``photos``: cameras call many leaves alike, and one mask is of one."""
        alike: dict[str, list[Path]] = {}
        claims: dict[Path, list[Path]] = {}
        for photo in photos:
            if keys := self._keys(photo):
                mask = self._by_folders(photo, keys)
                alike.setdefault(keys[0] if mask is None else _stem(mask), []).append(photo)
                if mask is not None:
                    claims.setdefault(mask, []).append(photo)
        placed = {p: m for m, found in claims.items() for p in self._rightful(m, found)}
        shared = (key for key, found in alike.items() if not _same(found))
        taken = set(placed.values())
        left = {s: tuple(p for p in found if p not in taken) for s, found in self.by_stem.items()}
        return replace(self, by_stem=left, shared=frozenset(shared), placed=placed)

    def _keys(self, photo: Path) -> list[str]:
        """What masks of ``photo`` are called: first by all of its name, then without its ending."""
        name = unicodedata.normalize("NFC", photo.name)
        return [key for key in (name, _stem(photo)) if key in self.by_stem]

    def _rightful(self, mask: Path, photos: Sequence[Path]) -> Sequence[Path]:
        """Of ``photos`` that have the folders of ``mask``, those that it is of: all where they are
        copies of one, else the one that is called so to the letter."""
        if _same(photos):
            return photos
        place = f"/{mask.relative_to(self.folder).with_suffix('').as_posix()}"
        exact = [
            p for p in photos if str(p.with_suffix("")).endswith(place) or str(p).endswith(place)
        ]
        return exact if len(exact) == 1 else ()

    def _by_folders(self, photo: Path, keys: Sequence[str]) -> Path | None:
        """The mask below ``folder`` whose whole place is the end of the photo's, if one is."""
        above = _parts(photo.absolute().parent)
        fitting: dict[tuple[int, int], Path] = {}
        for rank, key in enumerate(keys):
            for mask in self.by_stem[key]:
                place = _parts(mask.relative_to(self.folder).parent)
                # At the top of a drive there is no folder to be told by.
                if (place and above[-len(place) :] == place) or (not place and len(above) == 1):
                    fitting[-rank, len(place)] = mask
        return fitting[max(fitting)] if fitting else None

    def find(self, photo: Path) -> Path | None:
        """The mask of ``photo``, or None.

        Raises ImportRefused when two could be meant, or two photos.
        """
        if photo in self.placed:
            return self.placed[photo]
        for key in self._keys(photo):
            if paths := self.by_stem[key]:
                return self._sole(photo, paths, shared=key in self.shared)
        return None

    def _sole(self, photo: Path, paths: Sequence[Path], *, shared: bool) -> Path:
        if shared:
            raise ImportRefused(
                photo,
                tr(
                    "Another photo has the same name, and the mask {name} could be of either. "
                    "Put each mask into a folder named as its photo's folder, give both names of "
                    "their own, or import them apart.",
                    name=paths[0].name,
                ),
            )
        if len(paths) > 1:
            names = listed([str(p.relative_to(self.folder)) for p in paths[:2]])
            raise ImportRefused(
                photo,
                tr(
                    "Two masks could belong to it: {names}. Keep one, or import them apart.",
                    names=names,
                ),
            )
        return paths[0]


def _same(photos: Sequence[Path]) -> bool:
    """Whether all are copies of one."""
    if len(photos) == 1:
        return True
    try:
        return len({sha256(photo) for photo in photos}) == 1
    except OSError:
        return False


def _parts(folder: Path) -> tuple[str, ...]:
    """For comparing: one Unicode form, no case."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in folder.parts)


def _stem(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem)


def fitted(mask: ClassMask, path: Path, header: PhotoHeader) -> Values:
    """The mask's values [h, w] in the photo's displayed orientation.

    A mask in displayed size is taken as it is; one in the stored size of a photo that is shown on
    its side is turned with it. Raises ImportRefused for any other size.
    """
    height, width = mask.values.shape
    if (width, height) == (header.width, header.height):
        return mask.values
    if header.orientation >= 5 and (height, width) == (header.width, header.height):
        return turned(mask.values, header.orientation)
    raise ImportRefused(
        path,
        tr(
            "Its mask is {width} × {height} pixels, the photo {width_2} × {height_2}. "
            "Save the mask in the photo's size and import again.",
            width=width,
            height=height,
            width_2=header.width,
            height_2=header.height,
        ),
    )


def check_values(mask: ClassMask, path: Path, names: MaskMap) -> None:
    """Raises ImportRefused when the mask holds a value that ``names`` does not explain."""
    strange = [v for v in mask.present if v not in names and v != 0]
    if strange:
        listed = ", ".join(str(v) for v in strange[:6])
        raise ImportRefused(
            path,
            tr(
                "Its mask {name} holds the value {listed}, which the mask map does not "
                "name. Add it to the map; “background” for what does not count.",
                name=path.name,
                listed=listed,
            ),
        )


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one pixel value stands for."""

    kind: RegionKind
    disease: DiseaseId | None


def regions_of(
    values: Values,
    meanings: Mapping[int, Meaning],
    image: ImageId,
) -> list[Region]:
    """The regions of one mask [h, w]: one for each leaf, then the lesions by disease."""
    merged: dict[Meaning, list[int]] = {}
    for value, meaning in meanings.items():
        merged.setdefault(meaning, []).append(value)
    out: list[Region] = []
    for meaning in sorted(merged, key=lambda m: (m.kind != RegionKind.LEAF, m.disease or 0)):
        pixels = np.isin(values, merged[meaning])
        if meaning.kind == RegionKind.LEAF:
            spots = np.isin(values, list(meanings)) & ~pixels
            parts = iter([((0, 0), leaf) for leaf in leaves.apart(pixels, spots)])
        else:
            parts = _components(pixels)
        for origin, part in parts:
            if part.any():
                out.append(_region(meaning, part, origin, values.shape, image))
    return out


def _components(pixels: NDArray[np.bool_]) -> Iterator[tuple[tuple[int, int], NDArray[np.bool_]]]:
    """((x, y), [h, w] bool) of each 8-connected part; one of all when there are too many."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        pixels.astype(np.uint8), connectivity=8
    )
    if count - 1 > MAX_REGIONS:
        yield (0, 0), pixels
        return
    for n in range(1, count):
        x, y, w, h = (int(v) for v in stats[n, :4])
        yield (x, y), np.asarray(labels[y : y + h, x : x + w] == n)


def _region(
    meaning: Meaning,
    pixels: NDArray[np.bool_],
    origin: tuple[int, int],
    shape: tuple[int, ...],
    image: ImageId,
) -> Region:
    info = RegionInfo(
        id=RegionId(new_id()),
        image_id=image,
        kind=meaning.kind,
        disease=meaning.disease,
        source="import",
    )
    return Region(info, TileMask.from_array(pixels, origin, (shape[1], shape[0])))
