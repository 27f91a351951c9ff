"""The dataset of one run: what the project says of each photo, frozen into ``Sample`` values.

Knows the project through its port, masks and photo files; knows no model. Nothing is written here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from core import files
from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import LeafImage, Split
from core.domain.mask import TileMask
from core.domain.region import Region, RegionKind
from core.domain.run import Verdict
from core.errors import TrainingRefused
from core.geometry import rle
from core.language import tr, trn
from core.ports import ImageQuery, ProjectStore
from core.training import splits
from core.training.run_folder import Sample

Progress = Callable[[int, int], None]
"""Called with (done, of) photos."""
NAMED = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``classes`` are those with a leaf to learn from, ``healthy`` the one without lesions or "".

    ``left_out`` counts photos with neither class nor mask, ``ignored`` those set aside by their
    split, ``judged_wrong`` those that would be learnt from if nobody had called their label wrong.
    ``notes`` are sentences worth showing although training may start.
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    healthy: str
    left_out: int
    ignored: int
    judged_wrong: int
    notes: tuple[str, ...]

    def count(self, split: str) -> int:
        return sum(s.split == split for s in self.samples)

    def outlined(self, split: str) -> int:
        """Photos of ``split`` with at least one lesion outlined."""
        return sum(s.split == split and bool(s.lesions) for s in self.samples)


def take_snapshot(
    store: ProjectStore,
    *,
    class_only: bool = False,
    check_photos: bool = True,
    progress: Progress | None = None,
) -> Snapshot:
    """Raises TrainingRefused with every reason at once.

    ``class_only`` accepts a project without outlined lesions, which teaches the class alone.
    ``check_photos`` reads every photo to see that its bytes are still those imported.
    """
    diseases = {d.id: d for d in store.diseases()}
    every = [store.image(i) for i in store.image_ids(ImageQuery())]
    images = [i for i in every if i.split is not Split.IGNORED]
    useful = [i for i in images if i.disease is not None or i.mask_known]
    moved: list[str] = []
    samples: list[Sample] = []
    for done, image in enumerate(useful, start=1):
        if check_photos and (wrong := _photo_problem(store, image)):
            moved.append(wrong)
        samples.append(_sample(store, image, diseases))
        if progress:
            progress(done, len(useful))
    samples = _split(samples, useful)
    judged = {s.image for s in store.judged(Verdict.LABEL_WRONG)}
    # After the split, so that leaving a leaf out moves no other to the other side.
    kept = [s for s in samples if s.split != splits.TRAIN or s.image not in judged]
    judged_wrong, samples = len(samples) - len(kept), kept
    classes = _classes(samples, diseases.values())
    problems = [*_moved(moved), *_problems(samples, classes, class_only=class_only)]
    said = [judged_wrong_sentence(judged_wrong)] if judged_wrong else []
    if problems:
        raise TrainingRefused([*problems, *said])
    notes = (*said, *_notes(samples, classes, left_out=len(images) - len(useful)))
    answerable = _answerable(samples, classes)
    healthy = next((d.name for d in diseases.values() if d.healthy and d.name in classes), "")
    return Snapshot(
        samples=answerable,
        classes=classes,
        healthy=healthy,
        left_out=len(images) - judged_wrong - len(answerable),
        ignored=len(every) - len(images),
        judged_wrong=judged_wrong,
        notes=notes,
    )


def judged_wrong_sentence(leaves: int) -> str:
    """What becomes of leaves that somebody called “label wrong” and nobody has corrected yet."""
    return trn(
        "{n:,} leaf judged “label wrong” is left out until its label is corrected.",
        "{n:,} leaves judged “label wrong” are left out until their label is corrected.",
        leaves,
    )


def union(regions: Iterable[Region], size: tuple[int, int]) -> TileMask:
    """All pixels of ``regions`` on a photo of ``size`` (width, height)."""
    whole = TileMask(*size)
    for region in regions:
        if (box := region.mask.box()) is not None:
            whole.add(box, region.mask.read(box))
    return whole


def _sample(store: ProjectStore, image: LeafImage, diseases: dict[DiseaseId, Disease]) -> Sample:
    pixels = image.width * image.height
    if not (image.width > 0 < image.height and pixels <= rle.MAX_PIXELS):  # a damaged project
        said = tr(
            "{name} claims {width} × {height} pixels, more than any photo has; run "
            "“leafspot check”.",
            name=PurePosixPath(image.path).name,
            width=image.width,
            height=image.height,
        )
        raise TrainingRefused([said])
    disease = diseases.get(image.disease) if image.disease is not None else None
    # A leaf that somebody called healthy has no lesions: that is what the word says.
    known = image.mask_known or (disease is not None and disease.healthy)
    regions = store.regions(image.id) if image.mask_known else []
    size = (image.width, image.height)
    by_name: dict[str, list[Region]] = {}
    for region in regions:
        if region.info.kind is RegionKind.LESION:
            owner = diseases.get(region.info.disease) if region.info.disease is not None else None
            by_name.setdefault(owner.name if owner else "", []).append(region)
    lesions = {name: union(found, size) for name, found in sorted(by_name.items())}
    has_leaf = any(r.info.kind is RegionKind.LEAF for r in regions)
    return Sample(
        image=image.id,
        path=str(store.resolve(image)),
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        split=splits.TRAIN,
        disease=disease.name if disease else None,
        mask_known=known,
        leaf=rle.encode(union(regions, size)) if has_leaf else None,
        lesions={name: rle.encode(mask) for name, mask in lesions.items() if mask.area()},
    )


def _split(samples: Sequence[Sample], images: Sequence[LeafImage]) -> list[Sample]:
    labels: dict[ImageId, list[str]] = {}
    for sample in samples:
        labels[sample.image] = [sample.disease] if sample.disease else []
        if sample.lesions:
            labels[sample.image].append(splits.LESIONS)
    side = splits.assign(images, labels)
    return [replace(s, split=side[s.image]) for s in samples]


def _classes(samples: Sequence[Sample], diseases: Iterable[Disease]) -> tuple[str, ...]:
    taught = {s.disease for s in samples if s.split == splits.TRAIN}
    return tuple(d.name for d in diseases if d.name in taught)


def _answerable(samples: Iterable[Sample], classes: tuple[str, ...]) -> tuple[Sample, ...]:
    """Without the classes that no leaf teaches: the answer cannot name them."""
    known = (replace(s, disease=s.disease if s.disease in classes else None) for s in samples)
    return tuple(s for s in known if s.disease is not None or s.mask_known)


def _photo_problem(store: ProjectStore, image: LeafImage) -> str:
    """The photo's name when it is gone or its bytes are others than those imported."""
    path = store.resolve(image)
    try:
        same = path.is_file() and files.sha256(path) == image.sha256
    except OSError:
        same = False
    return "" if same else path.name


def _moved(names: list[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return [
        trn(
            "{n:,} photo has moved or changed since import ({shown}); put the file back where it "
            "was, import it from its new place, or set its part of training to “Left out”.",
            "{n:,} photos have moved or changed since import ({shown}); put the files back "
            "where they were, import moved ones from their new place, or set their "
            "part of training to “Left out”.",
            len(names),
            shown=shown,
        )
    ]


def _problems(
    samples: Sequence[Sample], classes: tuple[str, ...], *, class_only: bool
) -> Iterable[str]:
    train = [s for s in samples if s.split == splits.TRAIN]
    if not train:
        yield (
            tr(
                "There is no leaf to learn from; name the disease of at least two leaves of each "
                "kind and outline their lesions."
            )
        )
        return
    if len(classes) < 2:
        known = tr("only “{classes}”", classes=classes[0]) if classes else tr("none")
        yield (
            tr(
                "Training needs leaves of at least two classes and the project has "
                "{known}; name the disease of other leaves, or mark some leaves healthy.",
                known=known,
            )
        )
    if not class_only and not any(s.lesions for s in train):
        yield (
            tr(
                "No lesion is outlined on any leaf to learn from, so training could teach the "
                "disease alone and no outlines; outline the lesions of a few leaves first."
            )
        )


def _notes(samples: Sequence[Sample], classes: tuple[str, ...], *, left_out: int) -> Iterable[str]:
    if left_out:
        yield trn(
            "{n:,} photo has neither a disease nor an outline and cannot teach anything yet.",
            "{n:,} photos have neither a disease nor an outline and cannot teach anything yet.",
            left_out,
        )
    held = [s for s in samples if s.split == splits.VAL]
    if not held:
        yield tr("No leaf is held out, so the figures will be those of leaves it has learnt from.")
        return
    seen = Counter(s.disease for s in held)
    if missing := [name for name in classes if not seen[name]]:
        yield tr(
            "No leaf is held out for {list}: its accuracy will not be measured.",
            list=", ".join(missing),
        )
    if unknown := sorted({s.disease for s in held if s.disease} - set(classes)):
        yield tr(
            "{list} has held-out leaves only, so it cannot be learnt.", list=", ".join(unknown)
        )
