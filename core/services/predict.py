"""Predictions for new photos, as mask pictures and one table.

    OUT/masks/<stem>.png    palette PNG in photo size: 0 background, 1 leaf, 2 lesion
    OUT/predictions.csv     image, disease, probability, severity_percent, p_<disease> …

Knows files and the answer worker; knows no torch. Photos are read, never written.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core import adapter_package, files, registry, spreadsheets
from core.domain.disease import LEAF_COLOUR, UNNAMED_LESION_COLOUR
from core.errors import (
    AdapterRefused,
    ExportInTheWay,
    ImageUnreadable,
    UsageError,
    WorkerFailed,
)
from core.exporters.base import unique_stems
from core.geometry.severity import mask_severity
from core.imaging.decode import read_header
from core.imaging.probability import to_mask
from core.language import tr
from core.services import bases
from core.services.answering import Answer, Answerer
from core.services.import_files import plan, why_missing
from core.training.facts import is_merged, read_facts
from core.vlms.base import VlmSpec

LEAF, LESION = 1, 2
_PALETTE = bytes.fromhex("000000" + LEAF_COLOUR[1:] + UNNAMED_LESION_COLOUR[1:])
TABLE = "predictions.csv"
MASKS = "masks"


@dataclass(frozen=True, slots=True)
class Predicted:
    """One photo's row. ``severity`` is lesion / (leaf + lesion) pixels of its mask in percent, None
    where the model found no leaf: then nobody knows the whole."""

    image: Path
    disease: str
    probability: float
    severity: float | None
    probabilities: tuple[tuple[str, float], ...]
    mask: Path


@dataclass(frozen=True, slots=True)
class PredictReport:
    """``refused`` pairs a photo with the sentence that says why it has no prediction."""

    table: Path
    predicted: tuple[Predicted, ...]
    refused: tuple[tuple[Path, str], ...]


def severity_words(found: Predicted) -> str:
    """As commands say it."""
    if found.severity is None:
        return tr("no leaf found")
    return tr("severity {severity:.1f} %", severity=found.severity)


OnPhoto = Callable[[Path, Predicted | str], None]
"""Called after each photo with its row, or the sentence that says why there is none."""


def photos_of(paths: Sequence[Path], out: Path) -> list[Path]:
    """``paths`` with every folder's photos in its place, those below it too; ``out`` is left out.

    What cannot be read in a folder, and a folder without any photo, stay: to be refused by name.
    """
    found: list[Path] = []
    for path in paths:
        inside: list[Path] = []
        # Path.is_dir() raises where a folder on the way may not be entered.
        if os.path.isdir(path):  # noqa: PTH112
            there = plan([path], leave_out=[out])
            inside = [*(photo.path for photo in there.files), *there.missing]
        start = os.path.abspath(path)  # noqa: PTH100 - as `plan` has it
        found += [path / photo.relative_to(start) for photo in inside] or [path]
    return found


def predict(
    adapter: Path,
    photos: Sequence[Path],
    out: Path,
    *,
    replace: bool = False,
    on_photo: OnPhoto | None = None,
) -> PredictReport:
    """Ask ``adapter``, or a merged model, about every photo; one that cannot be read does not stop
    the others.

    The table is written when all are done, or for those done when interrupted; it takes the place
    of an earlier one only with ``replace``. Raises AdapterRefused, ExportInTheWay, ExportRefused,
    DiskFull, UsageError, WorkerFailed.
    """
    classes, asker = _opened(adapter)
    targets = _targets(photos, out)
    if not replace and (out / TABLE).exists():
        raise ExportInTheWay(
            tr("“{name}” holds the {table} of an earlier prediction.", name=out.name, table=TABLE)
        )
    done: list[Predicted] = []
    refused: list[tuple[Path, str]] = []
    asker.load()
    try:
        with files.told(out):
            (out / MASKS).mkdir(parents=True, exist_ok=True)
        for photo, target in zip(photos, targets, strict=True):
            try:
                found = _one(asker, photo, target)
            except (ImageUnreadable, WorkerFailed) as error:
                refused.append((photo, str(error)))
                _tell(on_photo, photo, str(error))
            else:
                done.append(found)
                _tell(on_photo, photo, found)
    finally:
        asker.close()
        _write_table(out / TABLE, done, classes)
    return PredictReport(out / TABLE, tuple(done), tuple(refused))


def _tell(on_photo: OnPhoto | None, photo: Path, found: Predicted | str) -> None:
    if on_photo:
        on_photo(photo, found)


def _opened(folder: Path) -> tuple[tuple[str, ...], _Asker]:
    """The classes of an adapter or a merged model, and who asks it; nothing is loaded yet.

    Raises AdapterRefused and ModelMissing where it is neither.
    """
    if is_merged(folder):
        facts = read_facts(folder)
        bases.check_folder(registry.find(bases.PACKAGE, VlmSpec, facts.base), folder)
        return facts.classes, _Asker(folder, merged=True)
    manifest = adapter_package.verify(folder)
    return manifest.classes, _Asker(folder, base=bases.home_of(manifest.base))


class _Asker:
    """The model, loaded when first asked for, and again after a photo has killed it."""

    def __init__(self, folder: Path, *, base: str = "", merged: bool = False) -> None:
        self._folder, self._base, self._merged = folder, base, merged
        self._model: Answerer | None = None

    def load(self) -> Answerer:
        """Raises AdapterRefused: without a model there is no use in asking about other photos."""
        if self._model is None:
            model = Answerer(self._folder, base=self._base, merged=self._merged)
            try:
                model.__enter__()
            except WorkerFailed as error:
                raise AdapterRefused(str(error)) from error
            self._model = model
        return self._model

    def ask(self, photo: Path) -> Answer:
        """Raises ImageUnreadable, and WorkerFailed for a photo that took the worker along."""
        with tempfile.TemporaryDirectory(prefix="leafspot-") as folder:
            try:
                return self.load().predict(photo, Path(folder))
            except WorkerFailed:
                self.close()
                raise

    def close(self) -> None:
        if self._model is not None:
            model, self._model = self._model, None
            model.__exit__(None, None, None)


def _targets(photos: Sequence[Path], out: Path) -> list[Path]:
    """Where each photo's mask goes. Raises UsageError where that would be over a photo."""
    if not photos:
        raise UsageError(tr("Name at least one photo to predict."))
    targets = [out / MASKS / f"{stem}.png" for stem in unique_stems(p.name for p in photos)]
    taken = {files.real(p) for p in photos}
    for path in (*targets, out / TABLE):
        if files.real(path) in taken:
            raise UsageError(
                tr(
                    "{name} in “{name_2}” is one of the photos and would be overwritten; "
                    "choose another folder for --out.",
                    name=path.name,
                    name_2=out.name,
                )
            )
    return targets


def _one(asker: _Asker, photo: Path, target: Path) -> Predicted:
    if not files.is_text(str(photo)):  # the table could not name it, and would name no other
        raise ImageUnreadable(
            tr("{name}: Its name holds bytes that are no text. Rename it.", name=photo.name)
        )
    if not os.path.exists(photo):  # noqa: PTH110 - Path.exists() may raise
        raise ImageUnreadable(f"{photo.name}: {why_missing(photo)}")
    header = read_header(photo)
    size = (header.width, header.height)
    answer = asker.ask(photo)
    leaf, lesions = to_mask(answer.leaf, size), to_mask(answer.lesions, size)
    with files.whole_file(target) as draft:
        picture = Image.fromarray(class_map(leaf, lesions)).convert("P")
        picture.putpalette(_PALETTE)
        picture.save(draft, "PNG")
    return Predicted(
        image=photo,
        disease=answer.predicted,
        probability=dict(answer.probabilities).get(answer.predicted, 0.0),
        severity=mask_severity(leaf, lesions),
        probabilities=answer.probabilities,
        mask=target,
    )


def class_map(leaf: NDArray[np.bool_], lesions: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """[h, w] uint8 of 0 background, 1 leaf, 2 lesion; a lesion lies over the leaf."""
    out = leaf.astype(np.uint8) * LEAF
    out[lesions] = LESION
    return out


def _write_table(path: Path, rows: Sequence[Predicted], classes: Sequence[str]) -> None:
    with (
        files.whole_file(path) as draft,
        draft.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        head = ["image", "disease", "probability", "severity_percent"]
        table.writerow([*head, *(f"p_{name}" for name in classes)])
        for row in rows:
            shares = dict(row.probabilities)
            each = [f"{shares.get(name, 0.0):.6f}" for name in classes]
            named = spreadsheets.written([str(row.image), row.disease])
            severity = "" if row.severity is None else f"{row.severity:.4f}"
            first = [*named, f"{row.probability:.6f}", severity]
            table.writerow([*first, *each])
