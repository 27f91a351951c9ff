"""What an import brings for photos that are in the project already.

A photo that is gone from its place is used from where it was found again. Whoever imports photos
first and gets the table later finds it applied where nothing was said yet: what a person or an
earlier table said stays, and where the new table says otherwise, that is told. Decided inside the
transaction that writes it, because people label while an import runs.

Knows what is filled in, and whether a file is still the photo; opens no picture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from core import files
from core.domain.disease import Disease
from core.domain.edits import (
    Change,
    Edit,
    ImageRelabelled,
    RegionAdded,
    RegionRelabelled,
)
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import Region, RegionInfo, RegionKind
from core.importers.labels_csv import LabelRow
from core.language import tr, trn
from core.ports import ProjectStore
from core.services.annotate import label_of


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came for the known photo ``image``, found again at ``path``.

    ``regions`` is None where no mask came, [] for an empty one. ``folder_group`` is the group that
    the folder suggests: where the project has that, nobody has said another.
    """

    path: Path
    image: ImageId
    row: LabelRow | None = None
    disease: Disease | None = None
    regions: Sequence[Region] | None = None
    folder_group: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of an arrival; ``differing`` are sentences about what was left as it is."""

    labelled: bool = False
    outlined: bool = False
    kept_outlines: bool = False
    differing: list[str] = field(default_factory=list)
    warning: str = ""

    @property
    def something(self) -> bool:
        """Whether anything was added to the photo."""
        return self.labelled or self.outlined


@dataclass(slots=True)
class Tally:
    """The outcomes of one import, by where each photo was found."""

    labelled: int = 0
    outlined: int = 0
    kept_outlines: int = 0
    moved: int = 0
    returned: int = 0
    differing: list[tuple[Path, str]] = field(default_factory=list)

    def count(self, path: Path, outcome: Outcome) -> None:
        self.labelled += outcome.labelled
        self.outlined += outcome.outlined
        self.kept_outlines += outcome.kept_outlines
        self.differing += [(path, sentence) for sentence in outcome.differing]

    def sentences(self) -> list[str]:
        """What a person is told of it; [] where nothing was meant for a known photo."""
        said = []
        if self.moved:
            said.append(
                trn(
                    "{n:,} known photo had moved and was found again.",
                    "{n:,} known photos had moved and were found again.",
                    self.moved,
                )
            )
        if self.returned:
            said.append(
                trn(
                    "{n:,} known photo had been removed and was put back.",
                    "{n:,} known photos had been removed and were put back.",
                    self.returned,
                )
            )
        said += self._of_labels()
        if self.outlined:
            said.append(
                trn(
                    "Masks of {n:,} known photo were added.",
                    "Masks of {n:,} known photos were added.",
                    self.outlined,
                )
            )
        if self.kept_outlines:
            said.append(
                trn(
                    "{n:,} known photo was outlined already; the masks were left out.",
                    "{n:,} known photos were outlined already; the masks were left out.",
                    self.kept_outlines,
                )
            )
        return said

    def _of_labels(self) -> list[str]:
        differ = len({path for path, _ in self.differing})
        left = trn(
            "{n:,} differs from what is there and was left",
            "{n:,} differ from what is there and were left",
            differ,
        )
        if self.labelled:
            added = trn(
                "Labels of {n:,} known photo were added",
                "Labels of {n:,} known photos were added",
                self.labelled,
            )
            return [f"{added}, {left}." if differ else f"{added}."]
        return [tr("Of the labels of known photos, {left}.", left=left)] if differ else []


Names = Callable[[DiseaseId | None], Disease | None]


def complete(store: ProjectStore, arrivals: Sequence[Arrival], names: Names) -> list[Outcome]:
    """Fill in what is missing, for all of ``arrivals`` in one transaction. Raises ProjectError."""
    wanted = {arrival.image: arrival for arrival in arrivals}
    outcomes: dict[ImageId, Outcome] = {}

    def decide(known: LeafImage, regions: Sequence[RegionInfo]) -> tuple[LeafImage, Edit] | None:
        work = _Completion(wanted[known.id], known, regions, names)
        outcomes[known.id] = work.outcome
        return work.result()

    store.amend(list(wanted), decide)
    return [outcomes[arrival.image] for arrival in arrivals]


def is_gone(store: ProjectStore, known: LeafImage) -> bool:
    """Whether no file is left, or none can be reached, where the project says the photo is."""
    # Path.is_file() raises where a folder on the way may not be entered.
    return not os.path.isfile(store.resolve(known))  # noqa: PTH113


def has_lost(store: ProjectStore, known: LeafImage, here: Path) -> bool:
    """Whether the photo, which is at ``here``, is no longer where the project says it is: the file
    there is gone or has become another."""
    there = store.resolve(known)
    if there == here:
        return False
    try:
        return is_gone(store, known) or files.sha256(there) != known.sha256
    except OSError:
        return True


def move(store: ProjectStore, image: ImageId, path: str) -> None:
    """Look for a photo at ``path`` from now on. Raises ProjectError."""

    def decide(known: LeafImage, _: Sequence[RegionInfo]) -> tuple[LeafImage, Edit]:
        return replace(known, path=path), Edit(known.id, tr("Find moved photo"))

    store.amend([image], decide)


class _Completion:
    """One photo: first the table's row, then the mask, then what both mean for it."""

    def __init__(
        self, arrival: Arrival, known: LeafImage, regions: Sequence[RegionInfo], names: Names
    ) -> None:
        self.outcome = Outcome()
        self._arrival, self._before, self._after = arrival, known, known
        self._regions, self._names = regions, names
        self._changes: list[Change] = []
        if arrival.row is not None:
            self._take_row(arrival.row)
        if arrival.regions is not None:
            self._take_mask(arrival.regions)

    def result(self) -> tuple[LeafImage, Edit] | None:
        """The photo and the edit that makes it so; None where nothing is missing."""
        if not self.outcome.something:
            return None
        after = self._after
        self._look_for_lesions(after)
        if after.state is ImageState.UNSEEN and after.disease and after.mask_known:
            # As for a new photo: a label and an outline are finished work of somebody.
            after = replace(after, state=ImageState.DONE)
        relabelled = ImageRelabelled(label_of(self._before), label_of(after))
        return after, Edit(after.id, tr("Import labels"), (*self._changes, relabelled))

    def _take_row(self, row: LabelRow) -> None:
        if self._arrival.disease is not None:
            self._take_disease(self._arrival.disease)
        known = self._after
        group = "" if known.group == self._arrival.folder_group else known.group
        self._fill("group", row.group, group)
        self._fill("crop", row.crop, known.crop)
        if row.split is not Split.AUTO:
            same = "" if known.split is Split.AUTO else known.split.value
            if self._differs("split", row.split.value, same):
                self._put(split=row.split)
        have = {name for name, _ in known.extra}
        if more := tuple(pair for pair in row.extra if pair[0] not in have):
            self._put(extra=(*known.extra, *more))

    def _take_disease(self, disease: Disease) -> None:
        known = self._before.disease
        if known == disease.id:
            return
        there = self._names(known)
        name = there.name if there else tr("another")
        if not self._differs("disease", disease.name, name if known else ""):
            return
        self._put(disease=disease.id)
        if disease.healthy:
            return
        # As labelling does: lesions without a name follow the leaf.
        self._changes += [
            RegionRelabelled(info, replace(info, disease=disease.id))
            for info in self._regions
            if info.kind is RegionKind.LESION and info.disease is None
        ]

    def _take_mask(self, regions: Sequence[Region]) -> None:
        if self._regions or self._before.mask_known:
            self.outcome.kept_outlines = True
            return
        self.outcome.outlined = True
        own = self._names(self._after.disease)
        unnamed = own.id if own and not own.healthy else None
        for region in regions:
            info = region.info
            if info.kind is RegionKind.LESION and info.disease is None:
                info = replace(info, disease=unnamed)
            self._changes.append(RegionAdded(info, region.mask.packed()))
        self._after = replace(self._after, mask_known=True)

    def _look_for_lesions(self, after: LeafImage) -> None:
        own = self._names(after.disease)
        added = [c.region for c in self._changes if isinstance(c, RegionAdded)]
        if (
            own
            and own.healthy
            and any(i.kind is RegionKind.LESION for i in [*self._regions, *added])
        ):
            name = PurePath(after.path).name
            self.outcome.warning = tr(
                "{name} is called {name_2}, but has lesions. Look at it.",
                name=name,
                name_2=own.name,
            )

    def _fill(self, column: str, said: str, known: str) -> None:
        if said and said != getattr(self._after, column) and self._differs(column, said, known):
            self._put(**{column: said})

    def _differs(self, column: str, said: str, known: str) -> bool:
        """Whether ``said`` is to be put in; what is there already and differs is told."""
        if known and known != said:
            name = PurePath(self._before.path).name
            self.outcome.differing.append(
                tr(
                    "{name} has the {column} “{known}” in the project and “{said}” in the table.",
                    name=name,
                    column=column,
                    known=known,
                    said=said,
                )
            )
        return not known

    def _put(self, **values: object) -> None:
        self.outcome.labelled = True
        self._after = replace(self._after, **values)  # type: ignore[arg-type]
