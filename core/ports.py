"""What core needs from a project on disk, without saying how it is kept.

`storage` implements these; tests run one contract suite over every implementation. All calls block
and may raise `core.errors.ProjectError`; the window makes them on its single store lane, never
on the GUI thread. Every mutating call is one transaction: when it returns, the change is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from core.changes import Changes
from core.domain.bulk import BulkEdit, ManyStep
from core.domain.calibration import Calibration
from core.domain.disease import Disease, DiseaseUse, Merged
from core.domain.edits import Edit
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import Region, RegionInfo, RegionKind
from core.domain.run import Run, RunState, Score, Verdict
from core.domain.scale import Scales


class ImageOrder(StrEnum):
    """Orders that have an index."""

    ADDED = "added"
    NAME = "name"
    DATE = "date"
    SEVERITY = "severity"
    WORST_DICE = "worst_dice"
    CHANGED = "changed"


Range = tuple[float, float]
"""From … to, both ends included."""


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which photos, in which order. Empty fields do not filter; all that are set must hold.

    ``text`` matches any part of the file name or the group, and diseases by name, synonym or code.
    ``run`` names the scores that ``WORST_DICE``, ``dice``, ``verdict`` and the Dice badge use.
    ``disease`` is the image-level class; ``unnamed`` asks for photos without one. ``severity`` is
    in percent.
    ``removed`` photos are listed alone; None lists them with the others.

    Each order has its natural direction (worst Dice, oldest date, lowest severity, newest change
    first), which ``reverse`` turns round. Photos that lack the figure come last in both.
    """

    states: frozenset[ImageState] = frozenset()
    disease: DiseaseId | None = None
    text: str = ""
    split: Split | None = None
    run: RunId | None = None
    order: ImageOrder = ImageOrder.ADDED
    reverse: bool = False
    unnamed: bool = False
    group: str = ""
    severity: Range | None = None
    dice: Range | None = None
    verdict: Verdict | None = None
    has_notes: bool | None = None
    outlined: bool | None = None
    removed: bool | None = False

    @property
    def filters(self) -> bool:
        """Whether it may leave photos out; an order and a run's badges leave out none."""
        return self != ImageQuery(run=self.run, order=self.order, reverse=self.reverse)


@dataclass(frozen=True, slots=True)
class ImageCard:
    """What the gallery draws of one photo. ``severity`` is in percent, None when not outlined.

    ``done_by`` and ``checked_by`` are names, "" where nobody is known.
    """

    id: ImageId
    name: str
    state: ImageState
    disease: DiseaseId | None
    regions: int
    severity: float | None
    dice: float | None
    has_notes: bool = False
    done_by: str = ""
    checked_by: str = ""


@dataclass(frozen=True, slots=True)
class NewImage:
    """A photo to add, with the masks and labels that came with it."""

    image: LeafImage
    regions: tuple[Region, ...] = ()
    thumbnail: bytes = b""


@dataclass(frozen=True, slots=True)
class Steps:
    """What can be undone on a photo, oldest first, and redone, the next one last.

    ``dropped``: there were steps, but they did not fit what the photo has become, or were damaged.
    """

    done: tuple[Edit, ...] = ()
    undone: tuple[Edit, ...] = ()
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Outcome of ``check``: ``problems`` are sentences, ``checked`` counts by kind of thing."""

    problems: tuple[str, ...]
    checked: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.problems


Decide = Callable[[LeafImage, Sequence[RegionInfo]], tuple[LeafImage, Edit] | None]
"""What a photo becomes, from what it is; None leaves it. Must do nothing else."""


class ProjectStore(Protocol):
    """One open project. Closed with ``close``; usable from any one thread at a time."""

    folder: Path
    name: str
    read_only: bool
    locked_by: str
    """Who holds the write lock when ``read_only``; "" otherwise."""

    # -- diseases
    def diseases(self) -> list[Disease]: ...
    def put_disease(self, disease: Disease) -> Changes: ...
    def disease_use(self, disease: DiseaseId) -> DiseaseUse:
        """How much would change with it."""
        ...

    def merge_diseases(self, gone: DiseaseId, into: DiseaseId) -> Merged:
        """Labels and regions of ``gone`` become ``into``, which is found by both names then.

        Raises ProjectError for the healthy class and for a disease merged into itself. What runs
        have learnt and scored keeps the names it was trained with. ``take_back`` with its action
        brings the disease back to what still carries the other one of those it had.
        """
        ...

    def remove_disease(self, disease: DiseaseId) -> Changes:
        """Raises ProjectError when a photo or region still carries it."""
        ...

    # -- photos
    def add_images(self, new: Sequence[NewImage]) -> Changes: ...
    def image(self, image: ImageId) -> LeafImage: ...
    def images(self, images: Sequence[ImageId]) -> list[LeafImage]:
        """In the order asked for; unknown ids are left out."""
        ...

    def known_sha256(self, digests: Sequence[str]) -> dict[str, LeafImage]:
        """Those of ``digests`` that are already in the project."""
        ...

    def update_images(self, images: Sequence[LeafImage]) -> Changes: ...
    def bulk(self, edit: BulkEdit) -> Changes:
        """One action on many photos in one transaction: all or none. Photos that have gone are
        left out. Raises as ``commit``."""
        ...

    def many_steps(self) -> list[ManyStep]:
        """Actions on many photos, merged diseases among them, that undo and redo still know
        across restarts: oldest first, the undone ones last. The oldest are forgotten when a
        budget is passed, the undone ones when something new is done."""
        ...

    def take_back(self, action: int) -> Changes:
        """Undo one of ``many_steps`` in one transaction.

        A photo on which somebody has said otherwise since keeps that. Raises ProjectError, and
        forgets the step, when it cannot be undone: its entry is damaged, or the name of a merged
        disease has been given away. Raises as ``commit`` otherwise.
        """
        ...

    def do_again(self, action: int) -> Changes:
        """Redo one that was undone; as ``take_back``."""
        ...

    def count(self, query: ImageQuery) -> int: ...
    def groups(self) -> list[str]:
        """Every group that a photo is in, by name as people count."""
        ...

    def image_ids(self, query: ImageQuery) -> list[ImageId]:
        """Every match, in order: the gallery's index (8 bytes a photo)."""
        ...

    def cards(self, images: Sequence[ImageId], run: RunId | None = None) -> list[ImageCard]:
        """In the order asked for; unknown ids are left out."""
        ...

    def thumbnails(self, images: Sequence[ImageId]) -> dict[ImageId, bytes]:
        """JPEG bytes, longest side 256 px."""
        ...

    def put_thumbnails(self, thumbnails: Mapping[ImageId, bytes]) -> None:
        """Keep small pictures that were lost and have been made again."""
        ...

    def resolve(self, image: LeafImage) -> Path:
        """The absolute path of a photo. Does not look whether it is there."""
        ...

    # -- measuring
    def scales(self) -> Scales:
        """The project's severity scales; the published ones until some are put."""
        ...

    def put_scales(self, scales: Scales) -> Changes:
        """Raises ProjectError with what is wrong with them."""
        ...

    def calibrations(self, images: Sequence[ImageId]) -> dict[ImageId, Calibration]:
        """Of those photos that have a scale card."""
        ...

    def put_calibrations(self, found: Mapping[ImageId, Calibration | None]) -> Changes:
        """Insert or replace by photo; None takes it away."""
        ...

    def later_in_group(self, image: ImageId) -> list[ImageId]:
        """Photos of the same group and size that were added after this one, in order.

        Without those that a scale card was measured on: theirs is the better one.
        """
        ...

    # -- regions
    def regions(self, image: ImageId) -> list[Region]:
        """Raises ProjectDamaged, naming image and region, when a tile fails its checksum."""
        ...

    def areas(self, image: ImageId) -> dict[tuple[RegionKind, DiseaseId | None], int]:
        """Union pixel counts per kind and disease, without decoding masks where they are cached."""
        ...

    def commit(self, edit: Edit) -> Changes:
        """Apply one edit in one transaction; durable when it returns.

        One that corrects the label takes back every "label wrong" that was said of the photo;
        its inverse brings back those, but where something else has been said since.
        """
        ...

    def steps(self, image: ImageId) -> Steps:
        """The committed edits of a photo that undo and redo still know, across restarts.

        Undoing them brings back every pixel and label. The oldest are forgotten when a budget is
        passed; all are when the photo was changed otherwise.
        """
        ...

    def amend(self, images: Sequence[ImageId], decide: Decide) -> Changes:
        """``decide`` for each photo inside one transaction, with the entry and regions it finds.

        All or none; its answer replaces what is known of the photo and applies the edit.
        """
        ...

    # -- runs
    def put_run(self, run: Run) -> Changes: ...
    def runs(self) -> list[Run]:
        """Newest first."""
        ...

    def set_run_state(
        self, run: RunId, state: RunState, summary: Mapping[str, float] | None = None
    ) -> Changes: ...
    def put_scores(self, scores: Sequence[Score]) -> Changes:
        """Insert or replace by (run, image); an earlier verdict is kept."""
        ...

    def scores(self, run: RunId, images: Sequence[ImageId] | None = None) -> list[Score]: ...
    def worst(
        self,
        run: RunId,
        *,
        below: float = 1.01,
        after: tuple[float, ImageId] | None = None,
        limit: int = 100,
    ) -> list[Score]:
        """Scores with a Dice under ``below``, worst first, keyset-paged by (dice, image)."""
        ...

    def set_verdict(self, run: RunId, image: ImageId, verdict: Verdict | None) -> Changes: ...
    def judged(self, verdict: Verdict) -> list[Score]:
        """By photo id: the scores of photos of which people said ``verdict`` last, that is in the
        newest run in which they said anything."""
        ...

    # -- the whole
    def check(self) -> CheckReport: ...
    def backup(self) -> Path | None:
        """A verified copy under ``backups/``; None when nothing changed since the last one."""
        ...

    def close(self) -> None: ...
