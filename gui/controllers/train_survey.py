"""What a run would learn from, counted without decoding a mask, and what it could be made with.

The count goes through the store lane in small helpings, so that an autosave never waits behind it.
Knows the project's port and the split rule; the run itself takes its own, full snapshot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import LeafImage, Split
from core.domain.region import RegionKind
from core.domain.run import Verdict
from core.language import tr
from core.ports import ImageQuery
from core.registry import discover
from core.training import splits
from gui.context import Context
from gui.tasks import Task

if TYPE_CHECKING:
    from core.ports import ProjectStore

HELPING = 200


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model as the person chooses it. ``embedded`` ones need no folder.

    ``image_tokens`` are the numbers of tokens that a photo may take up, none where that is fixed.
    """

    id: str
    title: str
    note: str
    embedded: bool
    image_tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadChoice:
    """A mask head as the person chooses it, and how fine its masks can get.

    ``builds_on`` names the model that it needs besides, "" for none.
    """

    id: str
    title: str
    ceiling: str = ""
    builds_on: str = ""


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many leaves carry one disease; ``colour`` is #rrggbb."""

    name: str
    colour: str
    leaves: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """``photos`` in the project, ``outlined`` with known lesions, ``held_out`` of those that teach.

    ``classes`` are those with a leaf to learn from. ``problems`` are sentences; none: go ahead.
    """

    photos: int
    outlined: int
    held_out: int
    classes: tuple[ClassCount, ...]
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Counting:
    diseases: list[Disease]
    left: list[ImageId]
    photos: int
    useful: list[LeafImage] = field(default_factory=list)
    lesions: set[ImageId] = field(default_factory=set)
    healthy: frozenset[DiseaseId] = frozenset()
    wrong: frozenset[ImageId] = frozenset()
    """Leaves whose label was judged wrong: nothing is learnt from them, as in the snapshot."""

    def take(self, store: ProjectStore) -> None:
        """The next helping."""
        helping, self.left = self.left[:HELPING], self.left[HELPING:]
        for image_id in helping:
            image = store.image(image_id)
            if image.split is Split.IGNORED or not (image.mask_known or image.disease is not None):
                continue
            self.useful.append(image)
            if image.mask_known and any(
                kind is RegionKind.LESION and area
                for (kind, _), area in store.areas(image_id).items()
            ):
                self.lesions.add(image_id)

    def result(self) -> TrainingData:
        names = {d.id: d.name for d in self.diseases}
        labels: dict[ImageId, list[str]] = {}
        for image in self.useful:
            labels[image.id] = [names[image.disease]] if image.disease in names else []
            if image.id in self.lesions:
                labels[image.id].append(splits.LESIONS)
        sides = {
            image: side
            for image, side in splits.assign(self.useful, labels).items()
            if side != splits.TRAIN or image not in self.wrong
        }
        taught = Counter(
            i.disease for i in self.useful if i.disease and sides.get(i.id) == splits.TRAIN
        )
        every = Counter(i.disease for i in self.useful if i.id in sides)
        classes = tuple(
            ClassCount(d.name, d.colour, every[d.id]) for d in self.diseases if taught[d.id]
        )
        outlined = sum(i.mask_known or i.disease in self.healthy for i in self.useful)
        held_out = sum(side == splits.VAL for side in sides.values())
        teaching = any(sides.get(i) == splits.TRAIN for i in self.lesions)
        found = tuple(problems(self.photos, classes, outlines=teaching))
        return TrainingData(self.photos, outlined, held_out, classes, found)


def problems(photos: int, classes: tuple[ClassCount, ...], *, outlines: bool) -> Iterable[str]:
    """What stands in the way of training, and what to press."""
    if not photos:
        yield tr("There are no photos yet. Press File → Import photos… to bring some in.")
        return
    if len(classes) < 2:
        known = (
            tr("only “{name}” has leaves", name=classes[0].name)
            if classes
            else tr("no leaf has one yet")
        )
        yield (
            tr(
                "Training tells at least two diseases apart, and {known}. In the Label "
                "workspace, name the disease of more leaves; healthy leaves count as a "
                "class as well.",
                known=known,
            )
        )
    if not outlines:
        yield (
            tr(
                "No lesion is outlined yet. In the Label workspace, outline the lesions of a few "
                "leaves with the brush or the assistant."
            )
        )


class Survey:
    """Counts in helpings; a new ``begin`` drops the count that is going on."""

    def __init__(self, context: Context, done: Callable[[TrainingData], None]) -> None:
        self._context, self._done = context, done
        self._task: Task | None = None

    def begin(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = self._context.project.ask(_first, on_done=self._next)

    def _next(self, counting: _Counting) -> None:
        if not counting.left:
            self._task = self._context.tasks.run(counting.result, on_done=self._done)
            return

        def take(store: ProjectStore) -> _Counting:
            counting.take(store)
            return counting

        self._task = self._context.project.ask(take, on_done=self._next)


def _first(store: ProjectStore) -> _Counting:
    diseases, ids = store.diseases(), store.image_ids(ImageQuery())
    healthy = frozenset(d.id for d in diseases if d.healthy)
    wrong = frozenset(s.image for s in store.judged(Verdict.LABEL_WRONG))
    return _Counting(diseases, ids, len(ids), healthy=healthy, wrong=wrong)


def base_models() -> list[BaseModel]:
    """Every registered base model, the embedded ones first."""
    from core.vlms.base import VlmSpec

    found = [
        BaseModel(s.id, s.title, s.note, bool(s.folder), s.image_tokens)
        for s in discover("core.vlms", VlmSpec).values()
    ]
    return sorted(found, key=lambda m: not m.embedded)


def mask_heads() -> list[HeadChoice]:
    """Every registered mask head, the default first."""
    from core.heads.base import HeadSpec

    found = [
        HeadChoice(s.id, s.title, s.ceiling, s.builds_on)
        for s in discover("core.heads", HeadSpec).values()
    ]
    return sorted(found, key=lambda head: head.id != "pixel")


def mask_cells(head: str) -> int:
    """The side of a mask head's grid; the default head's where there is no such head."""
    from core.heads.base import HeadSpec

    found = discover("core.heads", HeadSpec)
    return (found.get(head) or found["pixel"]).cells
