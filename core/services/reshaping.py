"""Actions on chosen regions, as edits of one step: fill, clean, grow, smooth, split, merge, clip.

What happens to the pixels is ``core.geometry.reshape``; here is what it means for regions. Nothing
changes before the session applies the edit. Knows sessions and masks; knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from core.domain.edits import Change, Edit, PixelsChanged, RegionAdded, RegionRemoved
from core.domain.ids import RegionId, new_id
from core.domain.mask import TileMask
from core.domain.region import Region, RegionKind
from core.errors import EditRefused
from core.geometry import reshape
from core.language import tr
from core.services.annotate import LabellingSession

MOST_PIECES = 500
Masks = dict[RegionId, TileMask]


def reshaped(
    session: LabellingSession,
    regions: Sequence[RegionId],
    title: str,
    change: Callable[[TileMask], TileMask],
) -> Edit | None:
    """``change`` of each of ``regions`` by itself; None when no pixel differs.

    Raises EditRefused when it would leave nothing of one.
    """
    after = {r.info.id: change(r.mask) for r in _found(session, regions)}
    if any(not mask.tiles for mask in after.values()):
        raise EditRefused(
            tr(
                "“{title}” would leave nothing of the region; use a smaller number, or delete it.",
                title=title,
            )
        )
    return _changed(session, title, after)


def split(session: LabellingSession, regions: Sequence[RegionId]) -> Edit | None:
    """Each connected piece becomes a region; the largest stays what it was.

    Of a leaf each leaf does: its specks, and what a lesion parts, are no leaves of their own.
    None when each is in one piece. Raises EditRefused for more than ``MOST_PIECES`` pieces.
    """
    parts: dict[RegionId, list[TileMask]] = {}
    lesions = [r.mask for r in session.regions if r.info.kind is RegionKind.LESION]
    for region in _found(session, regions):
        if region.info.kind is RegionKind.LEAF:
            parts[region.info.id] = reshape.leaves_of(region.mask, lesions)
            continue
        count = reshape.count_pieces(region.mask)
        if count > MOST_PIECES:
            raise EditRefused(
                tr(
                    "The region has {count} pieces, too many to be regions of their own; drop "
                    "its specks first.",
                    count=count,
                )
            )
        parts[region.info.id] = reshape.pieces(region.mask)
    return _parted(session, tr("Split region"), parts)


def cut(
    session: LabellingSession, regions: Sequence[RegionId], path: Sequence[tuple[float, float]]
) -> Edit | None:
    """What a line along ``path`` (photo points) cuts off becomes regions; None when it cuts nothing
    off."""
    parts = {r.info.id: reshape.cut(r.mask, path) for r in _found(session, regions)}
    return _parted(session, tr("Cut region"), parts)


def merge(session: LabellingSession, regions: Sequence[RegionId]) -> Edit:
    """All pixels go to the first of ``regions``, which keeps its name; the others are gone.

    Raises EditRefused for fewer than two, and for leaves and lesions together.
    """
    found = _found(session, regions)
    if len(found) < 2:
        raise EditRefused(
            tr("Choose two or more regions to merge: hold Ctrl and click them in the list.")
        )
    if len({r.info.kind for r in found}) > 1:
        raise EditRefused(tr("A leaf and a lesion cannot become one; choose regions of one kind."))
    kept, *others = found
    size = (session.image.width, session.image.height)
    delta = kept.mask.delta(reshape.union((r.mask for r in found), size))
    changes: list[Change] = [PixelsChanged(kept.info.id, delta)] if delta else []
    changes += [RegionRemoved(r.info, r.mask.packed()) for r in others]
    return session.edit(tr("Merge regions"), *changes)


def clip_to_leaf(
    session: LabellingSession, regions: Iterable[RegionId] | None = None
) -> Edit | None:
    """Lesions (all, or those of ``regions``) keep only what lies on a leaf; None when all does.

    A lesion that lies beside the leaf altogether is removed. Raises EditRefused without a leaf.
    """
    leaves = [r.mask for r in session.regions if r.info.kind is RegionKind.LEAF]
    if not leaves:
        raise EditRefused(tr("No leaf is outlined on this photo yet; outline it first (L)."))
    leaf = reshape.union(leaves, (session.image.width, session.image.height))
    wanted = None if regions is None else set(regions)
    after = {
        r.info.id: reshape.inside(r.mask, leaf)
        for r in session.regions
        if r.info.kind is RegionKind.LESION and (wanted is None or r.info.id in wanted)
    }
    return _changed(session, tr("Clip lesions to the leaf"), after)


def _found(session: LabellingSession, regions: Iterable[RegionId]) -> list[Region]:
    found = [session.region(region) for region in dict.fromkeys(regions)]
    return [region for region in found if region is not None]


def _changed(session: LabellingSession, title: str, after: Masks) -> Edit | None:
    changes: list[Change] = []
    for region in _found(session, after):
        mask = after[region.info.id]
        delta = region.mask.delta(mask)
        if not delta:
            continue
        if mask.tiles:
            changes.append(PixelsChanged(region.info.id, delta))
        else:
            changes.append(RegionRemoved(region.info, region.mask.packed()))
    return session.edit(title, *changes) if changes else None


def _parted(
    session: LabellingSession, title: str, parts: dict[RegionId, list[TileMask]]
) -> Edit | None:
    """The first part stays the region, the others become regions like it."""
    changes: list[Change] = []
    for region in _found(session, parts):
        # A region of which nothing is left, as older projects may have, has no part at all.
        kept, *others = parts[region.info.id] or [region.mask]
        if others:
            changes.append(PixelsChanged(region.info.id, region.mask.delta(kept)))
        changes += [
            RegionAdded(replace(region.info, id=RegionId(new_id())), part.packed())
            for part in others
        ]
    return session.edit(title, *changes) if changes else None
