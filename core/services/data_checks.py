"""Is this a data set that a model can learn from? One line for each thing the field asks for.

Reads what the project says, outlines and small pictures; no photo file, no model. Each line says
what it looked at, and where something is wanting, what to press.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import RegionKind
from core.domain.run import Verdict
from core.language import tr, trn
from core.ports import ImageQuery, ProjectStore
from core.services.bootstrap import FEWEST
from core.services.checks import Check, Level
from core.training import splits

FEW, ENOUGH = 100, 500
"""Outlined leaves a class that papers on fine-tuning with masks recommend."""
NAMED = 5
SIDE = 32
"""Small pictures are compared at this size; the outline of a leaf and its largest spots remain."""
ALIKE = 0.985
"""Correlation from which two photos are taken for the same: other leaves on the same background
stay under 0.95, a second shot or a copy saved again lies above."""
TINY = 1.0
"""Cells of the mask head's grid that a lesion has to cover to be drawn."""
NEAR = 0.12
"""How far the held-out share may lie from ``splits.HELD_OUT``."""

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class _Leaf:
    """What the checks ask of one photo. ``tiny`` of ``lesions`` are smaller than a cell."""

    image: LeafImage
    lesions: int = 0
    tiny: int = 0
    drafted: bool = False


@dataclass(slots=True)
class Gathered:
    """Everything the checks judge; ``cells`` is the side of the mask head's grid."""

    diseases: list[Disease]
    cells: int
    leaves: list[_Leaf] = field(default_factory=list)
    small: dict[ImageId, NDArray[np.float32]] = field(default_factory=dict)
    sides: dict[ImageId, str] = field(default_factory=dict)


def data_checks(
    store: ProjectStore,
    *,
    cells: int,
    class_only: bool = False,
    progress: Progress | None = None,
) -> list[Check]:
    """``cells`` is the side of the mask head's grid. Nothing is asked of outlines that nobody
    learns, with ``class_only``. Raises ProjectDamaged."""
    found = gather(store, cells=cells, progress=progress)
    return [_held_out(found), _twins(found)] if class_only else list(judge(found))


def gather(store: ProjectStore, *, cells: int, progress: Progress | None = None) -> Gathered:
    """Looks at every photo that a run would learn from or be measured on."""
    found = Gathered(store.diseases(), cells)
    wrong = {s.image for s in store.judged(Verdict.LABEL_WRONG)}
    every = [store.image(i) for i in store.image_ids(ImageQuery())]
    useful = [
        i for i in every if i.split is not Split.IGNORED and (i.disease is not None or i.mask_known)
    ]
    for done, image in enumerate(useful, start=1):
        found.leaves.append(_leaf(store, image, cells))
        if progress:
            progress(done, len(useful))
    labels = {x.image.id: _labels(x, found.diseases) for x in found.leaves}
    sides = splits.assign([x.image for x in found.leaves], labels)
    found.sides = {i: s for i, s in sides.items() if s != splits.TRAIN or i not in wrong}
    thumbnails = store.thumbnails(list(found.sides))
    found.small = {
        i: small for i, data in thumbnails.items() if (small := _small(data)) is not None
    }
    return found


def judge(found: Gathered) -> Iterator[Check]:
    """The lines, in the order in which they matter."""
    yield from _masks_by_class(found)
    yield _held_out(found)
    yield _twins(found)
    yield _empty(found)
    yield _tiny(found)
    yield _drafts(found)


def _leaf(store: ProjectStore, image: LeafImage, cells: int) -> _Leaf:
    found = _Leaf(image)
    if not image.mask_known:
        return found
    cell = image.width * image.height / cells**2
    for region in store.regions(image.id):
        if region.info.kind is RegionKind.LESION and (area := region.mask.area()):
            found.lesions += 1
            found.tiny += area < TINY * cell
        found.drafted |= region.info.source.startswith(("engine:", "run:"))
    return found


def _labels(leaf: _Leaf, diseases: Sequence[Disease]) -> list[str]:
    names = {d.id: d.name for d in diseases}
    labels = [names[leaf.image.disease]] if leaf.image.disease in names else []
    return [*labels, splits.LESIONS] if leaf.lesions else labels


def _small(data: bytes) -> NDArray[np.float32] | None:
    """A thumbnail as a vector of length 1 around its mean, None where it cannot be read."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if picture is None:
        return None
    grey = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    flat = grey.ravel() - grey.mean()
    length = float(np.linalg.norm(flat))
    return flat / length if length > 1.0 else None


def _masks_by_class(found: Gathered) -> Iterator[Check]:
    outlined: Counter[DiseaseId | None] = Counter(
        x.image.disease
        for x in found.leaves
        if x.lesions and found.sides.get(x.image.id) == "train"
    )
    named = {x.image.disease for x in found.leaves}
    for disease in found.diseases:
        if disease.healthy or disease.id not in named:
            continue
        leaves = outlined[disease.id]
        text = trn(
            "{n:,} outlined leaf to learn from; {few} to {enough} are recommended",
            "{n:,} outlined leaves to learn from; {few} to {enough} are recommended",
            leaves,
            few=FEW,
            enough=ENOUGH,
        )
        remedy = tr("Outline the lesions of more of its leaves.") if leaves < FEW else ""
        level = Level.WARN if leaves < FEW else Level.OK
        title = tr("Masks of “{name}”", name=disease.name)
        yield Check(f"data.masks.{disease.name}", title, level, text, remedy)


def _held_out(found: Gathered) -> Check:
    held = sum(side == splits.VAL for side in found.sides.values())
    share = held / max(1, len(found.sides))
    groups = len({x.image.group for x in found.leaves if x.image.group})
    if not groups:
        text = tr("{share:.0%} of the leaves, each for itself: no photo has a group", share=share)
        remedy = tr(
            "In the gallery, select the photos of one plant or plot, right-click and press "
            "“Group…”, or import a table with a column “group”; else leaves of one plant stand on "
            "both sides and the figures flatter."
        )
        return _held_out_check(Level.WARN, text, remedy)
    sides = _sides_by_group(found)
    if parted := sorted(str(g) for g, has in sides.items() if len(has) > 1):
        text = trn(
            "{share:.0%} of the leaves, but {n:,} group stands on both sides ({names})",
            "{share:.0%} of the leaves, but {n:,} groups stand on both sides ({names})",
            len(parted),
            share=share,
            names=_few(parted),
        )
        remedy = tr(
            "In the gallery, right-click the photos of such a group and set Part of training to "
            "the same for all of them, or to “Chosen by the program”."
        )
        return _held_out_check(Level.WARN, text, remedy)
    text = trn(
        "{share:.0%} of the leaves, whole groups together ({n:,} group)",
        "{share:.0%} of the leaves, whole groups together ({n:,} groups)",
        groups,
        share=share,
    )
    apart = sum(splits.VAL in has for has in sides.values())
    if abs(share - splits.HELD_OUT) > NEAR:
        remedy = tr(
            "In the gallery, right-click photos and set Part of training to “Held out” or “Learn "
            "from it” until about 20 % are held out."
        )
        return _held_out_check(Level.WARN, text, remedy)
    if apart < FEWEST:
        text = trn(
            "{how}, {n:,} of them held out", "{how}, {n:,} of them held out", apart, how=text
        )
        remedy = tr(
            "Hold out more of them: with fewer than {fewest} nobody can say how sure a figure is, "
            "and no later stage is kept.",
            fewest=FEWEST,
        )
        return _held_out_check(Level.WARN, text, remedy)
    return _held_out_check(Level.OK, text)


def _held_out_check(level: Level, text: str, remedy: str = "") -> Check:
    return Check("data.held_out", tr("Held out"), level, text, remedy)


def _sides_by_group(found: Gathered) -> dict[str | ImageId, set[str]]:
    """On which sides each group has leaves; a leaf without a group is one of its own."""
    sides: dict[str | ImageId, set[str]] = {}
    for leaf in found.leaves:
        if side := found.sides.get(leaf.image.id):
            sides.setdefault(leaf.image.group or leaf.image.id, set()).add(side)
    return sides


def _twins(found: Gathered) -> Check:
    title = tr("The same photo on both sides")
    held = [i for i, s in found.sides.items() if s == splits.VAL and i in found.small]
    learnt = [i for i, s in found.sides.items() if s == splits.TRAIN and i in found.small]
    pairs: list[tuple[ImageId, ImageId]] = []
    if held and learnt:
        known = np.stack([found.small[i] for i in learnt])
        for image in held:
            alike = known @ found.small[image]
            best = int(alike.argmax())
            if alike[best] >= ALIKE:
                pairs.append((image, learnt[best]))
    if not pairs:
        text = tr("no held-out photo looks like one that is learnt from")
        return Check("data.twins", title, Level.OK, text)
    names = {x.image.id: _name(x.image) for x in found.leaves}
    shown = "; ".join(f"{names[a]} – {names[b]}" for a, b in pairs[:NAMED])
    text = trn(
        "{n:,} held-out photo looks like one that is learnt from ({shown})",
        "{n:,} held-out photos look like ones that are learnt from ({shown})",
        len(pairs),
        shown=shown,
    )
    remedy = tr(
        "In the gallery, right-click such photos and give them the same “Group…”, or remove one of "
        "each pair."
    )
    return Check("data.twins", title, Level.WARN, text, remedy)


def _empty(found: Gathered) -> Check:
    title = tr("Outlines and names agree")
    healthy = {d.id for d in found.diseases if d.healthy}
    bare = [
        x
        for x in found.leaves
        if x.image.mask_known and not x.lesions and x.image.disease not in {None, *healthy}
    ]
    spotted = [x for x in found.leaves if x.lesions and x.image.disease in healthy]
    if not bare and not spotted:
        text = tr("no diseased leaf without lesions, no healthy one with them")
        return Check("data.empty", title, Level.OK, text)
    said = []
    if bare:
        said.append(
            trn(
                "{n:,} diseased leaf outlined without any lesion ({names})",
                "{n:,} diseased leaves outlined without any lesion ({names})",
                len(bare),
                names=_names(bare),
            )
        )
    if spotted:
        said.append(
            trn(
                "{n:,} healthy leaf with lesions ({names})",
                "{n:,} healthy leaves with lesions ({names})",
                len(spotted),
                names=_names(spotted),
            )
        )
    remedy = tr("Open them in the Label workspace and correct the outline or the name.")
    return Check("data.empty", title, Level.WARN, "; ".join(said), remedy)


def _tiny(found: Gathered) -> Check:
    title = tr("Lesions the mask head can draw")
    lesions = sum(x.lesions for x in found.leaves)
    tiny = sum(x.tiny for x in found.leaves)
    share = tiny / max(1, lesions)
    text = tr(
        "{tiny:,} of {lesions:,} lesions are smaller than one of {cells} × {cells} cells",
        tiny=tiny,
        lesions=lesions,
        cells=found.cells,
    )
    if share <= 0.1:
        return Check("data.tiny", title, Level.OK, text)
    remedy = tr(
        "Choose a mask head with more cells where there is one, photograph leaves closer or import "
        "them cropped; such spots blur into one."
    )
    return Check("data.tiny", title, Level.WARN, text, remedy)


def _drafts(found: Gathered) -> Check:
    title = tr("Drafts that nobody looked at")
    seen = (ImageState.DONE, ImageState.CHECKED)
    open_ = [x for x in found.leaves if x.drafted and x.image.state not in seen]
    if not open_:
        text = tr("every leaf that an assistant outlined is marked as done")
        return Check("data.drafts", title, Level.OK, text)
    text = trn(
        "{n:,} leaf was outlined by an assistant and never marked as done ({names})",
        "{n:,} leaves were outlined by an assistant and never marked as done ({names})",
        len(open_),
        names=_names(open_),
    )
    remedy = tr("Look at them in the Label workspace and mark them as done.")
    return Check("data.drafts", title, Level.WARN, text, remedy)


def _name(image: LeafImage) -> str:
    return PurePosixPath(image.path).name


def _names(leaves: Sequence[_Leaf]) -> str:
    return _few([_name(x.image) for x in leaves])


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return f"{shown}, …" if len(names) > NAMED else shown
