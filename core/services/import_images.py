"""Takes photos into a project, with the masks and labels that came with them.

    report = run(store, plan([folder]), ImportOptions(labels=Path("labels.csv")))

Every file is first opened in a limited process. A photo is taken in whole, with its mask and its
label, or refused with a reason; accepted + refused + left = total. Photos are committed in
batches, so that whatever ends the program leaves only whole ones behind. Photos themselves are
never changed, moved or renamed: they stay where they are, or are copied in when asked for.

Knows the order of things; files, copies, tables, masks, diseases and the decoder have modules of
their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId, new_id
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import Region, RegionKind
from core.errors import ImageUnreadable, ImportRefused, ProjectError, ProjectReadOnly
from core.imaging.decode import Inspection
from core.imaging.mask_files import read_mask
from core.importers.labels_csv import LabelRow, read_labels
from core.importers.mask_folder import check_values, fitted, regions_of
from core.language import tr, trn
from core.ports import NewImage, ProjectStore
from core.services.import_copies import PhotoCopies
from core.services.import_decoder import LimitedDecoder, MaskSeen
from core.services.import_diseases import DiseaseBook, UnknownDisease
from core.services.import_files import Candidate, ImportPlan, plan, project_path, why_missing
from core.services.import_known import Arrival, Tally, complete, has_lost, move
from core.services.import_masks import filled, mask_source
from core.services.starter_list import sole_crop

__all__ = ["ImportOptions", "ImportReport", "plan", "run"]

BATCH = 32

Progress = Callable[[int, int, str], object]


class Decoder(Protocol):
    """What opens unknown files; `LimitedDecoder` in earnest."""

    def photo(self, path: Path) -> Inspection: ...
    def mask(self, path: Path) -> MaskSeen: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """``mask_map`` and ``labels`` are files; ``masks`` is a folder. ``create_diseases`` makes the
    diseases that table and map name; otherwise their photos are refused. ``copy`` puts a copy of
    each photo into the project and works with that. ``crop`` is that of the photos where the table
    names none; None stands for the project's, if it has one alone. ``on_known`` hears of photos of
    the project that table or masks have just completed."""

    masks: Path | None = None
    mask_map: Path | None = None
    labels: Path | None = None
    create_diseases: bool = False
    author: str = ""
    copy: bool = False
    crop: str | None = None
    on_known: Callable[[frozenset[ImageId]], object] | None = None


@dataclass(slots=True)
class ImportReport:
    """What became of every photo, by where it was found. Reasons and ``warnings`` are sentences.

    ``duplicates`` pairs each photo whose bytes are known already with where they are; such a
    photo is in ``refused`` as well, unless the table or a mask completed what is known of it, or
    the project had lost it and finds it here: then it is in ``completed`` alone, and ``known`` says
    what was added and what was left. ``left`` counts photos not looked at after a cancel.
    """

    total: int
    accepted: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    duplicates: list[tuple[Path, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    completed: list[Path] = field(default_factory=list)
    known: Tally = field(default_factory=Tally)
    cancelled: bool = False

    @property
    def left(self) -> int:
        return self.total - len(self.accepted) - len(self.refused) - len(self.completed)


def run(
    store: ProjectStore,
    work: ImportPlan,
    options: ImportOptions | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    decoder: Decoder | None = None,
) -> ImportReport:
    """Import everything in ``work``. Blocks; on any thread that lives as long as the import.

    ``progress`` is told (photos done, total, name of the next) before each; ``cancelled`` is
    asked between photos, and what is ready by then is kept. Raises ImportRefused when table, map
    or masks' folder cannot be used at all (nothing is imported then), ProjectError when the
    project cannot be written, WorkerFailed when photos cannot be opened on this machine. However
    it ends, no copy stays behind of a photo that was not taken in.
    """
    if store.read_only:
        raise ProjectReadOnly(
            tr(
                "This project is open to be read only, so nothing can be imported into it. "
                "Close the other window that has it open, or copy the project."
            )
        )
    job = _Job(store, work, options or ImportOptions(), decoder or LimitedDecoder())
    try:
        for done, candidate in enumerate(work.files):
            if cancelled and cancelled():
                job.report.cancelled = True
                break
            if progress:
                progress(done, work.total, candidate.path.name)
            job.take(candidate)
        job.commit()
    finally:
        job.close()
    if progress and not job.report.cancelled:
        progress(work.total, work.total, "")
    return job.finish()


class _Job:
    """One import while it runs."""

    def __init__(
        self, store: ProjectStore, work: ImportPlan, options: ImportOptions, decoder: Decoder
    ) -> None:
        self._decoder = decoder
        self.report = ImportReport(work.total)
        self._store = store
        self._options = options
        self._batch: list[tuple[Path, NewImage]] = []
        self._seen: dict[str, Path] = {}
        self._arrivals: dict[ImageId, tuple[Arrival, str]] = {}
        self._moved: set[Path] = set()
        self._copies = PhotoCopies(store.folder) if options.copy else None
        self._unmasked = 0
        self._crop = sole_crop(store.diseases()) if options.crop is None else options.crop
        self._book = DiseaseBook(store, create=options.create_diseases)
        masks, self._meanings = mask_source(options.masks, options.mask_map, self._book)
        self._masks = masks.among(c.path for c in work.files) if masks else None
        self._rows = self._read_table(work)
        for path in work.missing:
            self.report.refused.append((path, why_missing(path)))
        self.report.warnings += work.remarks()

    def _read_table(self, work: ImportPlan) -> dict[Path, LabelRow]:
        if self._options.labels is None:
            return {}
        table = read_labels(self._options.labels)
        matches = table.match([c.path for c in work.files])
        self.report.warnings += [*table.problems, *matches.problems]
        return matches.rows

    def take(self, candidate: Candidate) -> None:
        """Accept or refuse one photo; commits when a batch is full."""
        try:
            found = self._decoder.photo(candidate.path)
            self._find_again(candidate, found.sha256)
            if self._completes(candidate, found):
                return
            if candidate.path in self._moved:
                self.report.completed.append(candidate.path)
                return
            self._refuse_known(candidate.path, found.sha256)
            new = self._copied(candidate, self._build(candidate, found))
        except ImportRefused as refusal:
            self.report.refused.append((candidate.path, refusal.reason))
            return
        self._seen[found.sha256] = candidate.path
        self._batch.append((candidate.path, new))
        if len(self._batch) >= BATCH:
            self.commit()

    def commit(self) -> None:
        """Write what is ready, in one transaction per batch."""
        self._complete()
        if not self._batch:
            return
        used: set[DiseaseId | None] = {new.image.disease for _, new in self._batch}
        used |= {r.info.disease for _, new in self._batch for r in new.regions}
        self._book.write({d for d in used if d is not None})
        self._store.add_images([new for _, new in self._batch])
        if self._copies:
            self._copies.keep()
        self.report.accepted += [path for path, _ in self._batch]
        self._batch.clear()

    def _complete(self) -> None:
        """What came for photos that are known already, in a transaction of its own."""
        if not self._arrivals:
            return
        arrivals = [arrival for arrival, _ in self._arrivals.values()]
        used = {r.info.disease for a in arrivals for r in a.regions or ()}
        # A table's new disease comes with the first photo that is called so.
        used |= {a.disease.id for a in arrivals if a.disease and not self._labelled(a.image)}
        self._book.write({d for d in used if d is not None})
        outcomes = complete(self._store, arrivals, self._book.named)
        for (arrival, other), outcome in zip(self._arrivals.values(), outcomes, strict=True):
            self.report.known.count(arrival.path, outcome)
            self.report.warnings += [outcome.warning] if outcome.warning else []
            if outcome.something or arrival.path in self._moved:
                self.report.completed.append(arrival.path)
            else:
                self.report.duplicates.append((arrival.path, other))
                self.report.refused.append((arrival.path, _there_already(other)))
        self._arrivals.clear()
        changed = zip(arrivals, outcomes, strict=True)
        if self._options.on_known:
            self._options.on_known(frozenset(a.image for a, o in changed if o.something))

    def _labelled(self, image: ImageId) -> bool:
        return self._store.image(image).disease is not None

    def close(self) -> None:
        """Let go of the decoder, and of copies of photos that were not taken in after all."""
        self._decoder.close()
        if not self._copies:
            return
        waiting = self._copies.waiting
        try:
            known = self._store.known_sha256(waiting) if waiting else {}
        except ProjectError:  # Nobody can say what is in: a copy too many beats a photo lost.
            return
        self._copies.remove([digest for digest in waiting if digest not in known])

    def finish(self) -> ImportReport:
        if self._unmasked:
            self.report.warnings.append(
                trn(
                    "{n:,} photo has no mask in {masks}; its lesions are not outlined yet.",
                    "{n:,} photos have no mask in {masks}; their lesions are not outlined yet.",
                    self._unmasked,
                    masks=self._options.masks,
                )
            )
        return self.report

    def _find_again(self, candidate: Candidate, sha256: str) -> None:
        """Where the project has this photo but has lost its file, that is used from now on.

        A photo that was removed from the project is put back.
        """
        known = self._store.known_sha256([sha256]).get(sha256)
        if known is not None and known.removed:
            self._store.update_images([replace(known, removed=False)])
            self._moved.add(candidate.path)
            self.report.known.returned += 1
        if known is None or not has_lost(self._store, known, candidate.path):
            return
        path = self._copies.take(candidate, sha256) if self._copies else candidate.path
        move(self._store, known.id, project_path(path, self._store.folder))
        self._moved.add(candidate.path)
        self.report.known.moved += 1

    def _completes(self, candidate: Candidate, found: Inspection) -> bool:
        """Whether the photo is known and something came for it, which is then kept for a batch.

        Raises ImportRefused for a disease or a mask that would refuse a new photo as well.
        """
        path, row = candidate.path, self._rows.get(candidate.path)
        mask = self._masks.find(path) if self._masks else None
        if row is None and mask is None:
            return False
        if found.sha256 in self._seen:  # a second copy, and the first may still be in the batch
            self.commit()
        known = self._store.known_sha256([found.sha256]).get(found.sha256)
        if known is None:
            return False
        if known.id in self._arrivals or len(self._arrivals) >= BATCH:
            self._complete()
        disease = self._disease(path, row)
        regions: list[Region] | None = None
        if mask:  # one that is outlined already keeps its outlines, so this mask is not opened
            outlined = known.mask_known
            regions = [] if outlined else self._regions(path, mask, found, None, known.id)
        group = self._folder_group(candidate)
        arrival = Arrival(path, known.id, row, disease, regions, group)
        self._arrivals[known.id] = (arrival, known.path)
        return True

    def _refuse_known(self, path: Path, sha256: str) -> None:
        if sha256 in self._seen:
            other = str(self._seen[sha256])
            where = tr("The same photo as {other}, which this import took in already.", other=other)
        elif known := self._store.known_sha256([sha256]).get(sha256):
            other = known.path
            where = _there_already(other)
        else:
            return
        self.report.duplicates.append((path, other))
        raise ImportRefused(path, where)

    def _copied(self, candidate: Candidate, new: NewImage) -> NewImage:
        if not self._copies:
            return new
        copy = self._copies.take(candidate, new.image.sha256)
        return replace(new, image=replace(new.image, path=project_path(copy, self._store.folder)))

    def _build(self, candidate: Candidate, found: Inspection) -> NewImage:
        path, header = candidate.path, found.header
        row = self._rows.get(path)
        disease = self._disease(path, row)
        image = ImageId(new_id())
        mask = self._masks.find(path) if self._masks else None
        if self._masks and mask is None:
            self._unmasked += 1
        regions = self._regions(path, mask, found, disease, image) if mask else []
        if disease and disease.healthy and any(r.info.kind == RegionKind.LESION for r in regions):
            self.report.warnings.append(
                tr(
                    "{name} is called {name_2}, but its mask has lesions. Look at it.",
                    name=path.name,
                    name_2=disease.name,
                )
            )
        record = LeafImage(
            id=image,
            path=project_path(path, self._store.folder),
            sha256=found.sha256,
            size_bytes=found.size,
            width=header.width,
            height=header.height,
            orientation=header.orientation,
            captured_at=header.captured_at,
            gps=header.gps,
            crop=(row.crop if row else "") or self._crop,
            group=(row.group if row else "") or self._folder_group(candidate),
            # A label and an outline that came along are finished work of somebody.
            state=ImageState.DONE if mask and disease else ImageState.UNSEEN,
            split=row.split if row else Split.AUTO,
            disease=disease.id if disease else None,
            mask_known=mask is not None,
            extra=row.extra if row else (),
        )
        return NewImage(record, tuple(regions), found.thumbnail)

    def _disease(self, path: Path, row: LabelRow | None) -> Disease | None:
        if row is None or not row.disease or self._options.labels is None:
            return None
        try:
            return self._book.need(
                row.disease,
                tr("row {number} of {name}", number=row.number, name=self._options.labels.name),
            )
        except UnknownDisease as error:
            raise ImportRefused(path, str(error)) from error

    def _folder_group(self, candidate: Candidate) -> str:
        """A folder named like a disease says what the leaf has, not which plant it is from."""
        last = candidate.group.rpartition("/")[2]
        return "" if self._book.find(last) else candidate.group

    def _regions(
        self, path: Path, mask: Path, found: Inspection, disease: Disease | None, image: ImageId
    ) -> list[Region]:
        try:
            seen = self._decoder.mask(mask)
            values = read_mask(mask, expected_sha256=seen.sha256)
        except ImportRefused as refusal:
            raise ImportRefused(
                path, tr("Its mask {name}: {reason}", name=mask.name, reason=refusal.reason)
            ) from refusal
        except ImageUnreadable as error:
            raise ImportRefused(path, tr("Its mask {error}", error=error)) from error
        check_values(values, mask, {v: "" for v in self._meanings})
        unnamed = disease.id if disease and not disease.healthy else None
        return regions_of(
            fitted(values, path, found.header),
            {v: m for v, m in filled(self._meanings, unnamed).items() if v in values.present},
            image,
        )


def _there_already(other: str) -> str:
    return tr("The same photo as {other}, which is in the project already.", other=other)
