"""Which leaves are held out.

A photo's part is decided by the hash of its group (its plant, plot or session), so that photos of
one plant never stand on both sides, and adding photos later moves none that was already assigned.
Knows photos and labels; knows no file and no model.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.domain.ids import ImageId
from core.domain.image import LeafImage, Split

HELD_OUT = 0.2
TRAIN, VAL = "train", "val"
LESIONS = "\0lesions"
"""Stands beside the class names for "lesions are outlined here": both sides need some."""


@dataclass(slots=True)
class _Group:
    key: str
    split: str
    fixed: bool
    labels: Counter[str]
    images: list[ImageId]


def assign(
    images: Sequence[LeafImage], labels: Mapping[ImageId, Iterable[str]]
) -> dict[ImageId, str]:
    """ "train" or "val" for each photo; IGNORED ones are left out.

    ``labels`` are what a photo can teach: its class, and ``LESIONS``. A person's choice wins;
    photos of a group that has one follow it. Then, where chance left a label without a leaf to
    learn from, or without one to measure on, the group nearest to the border changes sides.
    """
    chosen = {i.id: str(i.split) for i in images if i.split in (Split.TRAIN, Split.VAL)}
    groups = _groups([i for i in images if i.split is Split.AUTO], images, chosen, labels)
    sides = {TRAIN: Counter[str](), VAL: Counter[str]()}
    for image, split in chosen.items():
        sides[split].update(labels.get(image, ()))
    for group in groups:
        sides[group.split].update(group.labels)
    names = sorted(sides[TRAIN].keys() | sides[VAL].keys())
    for wanted, other in ((TRAIN, VAL), (VAL, TRAIN)):
        for name in names:
            if not sides[wanted][name]:
                _move_one(groups, sides, name=name, source=other, target=wanted)
    return chosen | {image: group.split for group in groups for image in group.images}


def _groups(
    auto: Sequence[LeafImage],
    images: Sequence[LeafImage],
    chosen: Mapping[ImageId, str],
    labels: Mapping[ImageId, Iterable[str]],
) -> list[_Group]:
    """AUTO photos by group, ordered by hash."""
    votes: dict[str, set[str]] = defaultdict(set)
    for image in images:
        if image.group and image.id in chosen:
            votes[image.group].add(chosen[image.id])
    found: dict[str, _Group] = {}
    for image in auto:
        key = f"group:{image.group}" if image.group else f"photo:{image.sha256}"
        if key not in found:
            said = votes.get(image.group, set()) if image.group else set()
            side = said.copy().pop() if len(said) == 1 else _side(key)
            found[key] = _Group(key, side, bool(said), Counter(), [])
        found[key].labels.update(labels.get(image.id, ()))
        found[key].images.append(image.id)
    return sorted(found.values(), key=lambda g: _share(g.key))


def _share(key: str) -> float:
    """A number in [0, 1) that depends on nothing but ``key``."""
    digest = hashlib.sha256(f"leafspot split {key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _side(key: str) -> str:
    return VAL if _share(key) < HELD_OUT else TRAIN


def _move_one(
    groups: list[_Group],
    sides: Mapping[str, Counter[str]],
    *,
    name: str,
    source: str,
    target: str,
) -> None:
    """Move one group that carries ``name`` if ``source`` keeps every label it has."""
    # Ordered by hash: the first on the train side and the last on the held-out side lie
    # nearest to the border.
    for group in groups if source == TRAIN else reversed(groups):
        if group.split != source or group.fixed or not group.labels[name]:
            continue
        left = sides[source] - group.labels
        if target == VAL and any(not left[label] for label in group.labels):
            continue
        group.split = target
        sides[source].subtract(group.labels)
        sides[target].update(group.labels)
        return
