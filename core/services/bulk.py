"""What one action on many photos means: the same as on each of them, as one step.

Naming begins the work on photos that nobody has looked at, as naming one does; "done" on healthy
leaves says that they have no lesions. Knows the store's port; knows no widget.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.domain.bulk import Assignment, BulkEdit, Field, Values
from core.domain.disease import Disease
from core.domain.ids import ImageId
from core.domain.image import ImageState, Split
from core.domain.region import RegionKind
from core.language import tr
from core.ports import ImageQuery, ProjectStore
from core.wording import marked


def name(store: ProjectStore, images: Sequence[ImageId], disease: Disease | None) -> BulkEdit:
    """The disease of the leaves; None takes it away."""
    values: Values = {Field.DISEASE: disease.id if disease else None}
    unseen = ImageQuery(states=frozenset((ImageState.UNSEEN,)), removed=None)
    begun: Values = {**values, Field.STATE: ImageState.IN_PROGRESS}
    return BulkEdit(tr("Name the disease"), tuple(_parted(store, images, unseen, begun, values)))


def mark(
    store: ProjectStore,
    images: Sequence[ImageId],
    state: ImageState,
    *,
    healthy: Disease | None,
    by: str,
) -> BulkEdit:
    """How far ``by`` got. Checking leaves who finished a photo as it is."""
    values: dict[Field, object] = {Field.STATE: state}
    if state is not ImageState.CHECKED:
        values[Field.DONE_BY] = by if state is ImageState.DONE else ""
    values[Field.CHECKED_BY] = by if state is ImageState.CHECKED else ""
    title = marked(state)
    if healthy is None or state not in (ImageState.DONE, ImageState.CHECKED):
        return BulkEdit(title, (Assignment(values, tuple(images)),))
    of_healthy = ImageQuery(disease=healthy.id, removed=None)
    known: Values = {**values, Field.MASK_KNOWN: True}
    return BulkEdit(title, tuple(_parted(store, images, of_healthy, known, values)))


def no_lesions(images: Sequence[ImageId], healthy: Disease | None) -> BulkEdit:
    """These leaves have none: healthy, their empty outlines known. For photos ``with_lesions`` does
    not give; how far a photo is stays as it is, save that one nobody has looked at is begun.
    """
    values: dict[Field, object] = {Field.MASK_KNOWN: True}
    if healthy is not None:
        values[Field.DISEASE] = healthy.id
    begun = Assignment(
        {Field.STATE: ImageState.IN_PROGRESS}, tuple(images), where={Field.STATE: ImageState.UNSEEN}
    )
    return BulkEdit(tr("No lesions"), (begun, *_all(images, values)) if images else ())


def with_lesions(store: ProjectStore, images: Sequence[ImageId]) -> tuple[ImageId, ...]:
    """Those of the photos on which a lesion is outlined."""
    drawn = [card.id for card in store.cards(images) if card.regions]
    return tuple(i for i in drawn if any(kind is RegionKind.LESION for kind, _ in store.areas(i)))


def put_in_split(images: Sequence[ImageId], split: Split) -> BulkEdit:
    """Which part of training they belong to."""
    return BulkEdit(tr("Choose the part of training"), _all(images, {Field.SPLIT: split}))


def put_in_group(images: Sequence[ImageId], group: str) -> BulkEdit:
    """Plant, plot or session; "" for none."""
    return BulkEdit(tr("Set the group"), _all(images, {Field.GROUP: group.strip()}))


def set_crop(images: Sequence[ImageId], crop: str) -> BulkEdit:
    """What is grown there; "" for not known."""
    return BulkEdit(tr("Set the crop"), _all(images, {Field.CROP: " ".join(crop.split())}))


def remove(images: Sequence[ImageId], *, back: bool = False) -> BulkEdit:
    """Out of the project, with all that is known of them, or ``back`` into it."""
    title = tr("Put photos back") if back else tr("Remove photos")
    return BulkEdit(title, _all(images, {Field.REMOVED: not back}))


def own_checks(store: ProjectStore, images: Sequence[ImageId], by: str) -> int:
    """How many of the photos ``by`` finished, and so cannot be the second person for."""
    return sum(card.done_by == by for card in store.cards(images)) if by else 0


def _all(images: Sequence[ImageId], values: Values) -> tuple[Assignment, ...]:
    return (Assignment(values, tuple(images)),)


def _parted(
    store: ProjectStore, images: Sequence[ImageId], of: ImageQuery, those: Values, others: Values
) -> Iterator[Assignment]:
    """``those`` for the photos that match ``of``, ``others`` for the rest."""
    matching = set(store.image_ids(of))
    first = tuple(i for i in images if i in matching)
    rest = tuple(i for i in images if i not in matching)
    for values, part in ((those, first), (others, rest)):
        if part:
            yield Assignment(values, part)
