"""Between table rows and domain objects.

Knows both; knows no query. Rows may come from a damaged or foreign file: whatever does not make
sense is raised as ProjectDamaged that names the row, never as a stray ValueError.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import PurePosixPath
from typing import Any, TypeVar

from sqlalchemy import Row as SqlRow

from core.domain.calibration import Calibration
from core.domain.disease import Disease
from core.domain.edits import ImageLabel
from core.domain.ids import DiseaseId, ImageId, RegionId, RunId
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import RegionInfo, RegionKind
from core.domain.run import Run, RunState, Score, TargetScore, Verdict
from core.domain.scale import Grade, Scale, Scales, scales_problem
from core.errors import ProjectDamaged
from core.geometry.areas import Areas
from core.language import tr
from core.natural import natural
from storage import sane
from storage.tables import (
    CalibrationRow,
    DiseaseRow,
    ImageRow,
    RegionRow,
    RunRow,
    ScoreRow,
    SettingRow,
)

Values = dict[str, Any]
_NONSENSE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
Row = TypeVar("Row")
Out = TypeVar("Out")


def _guarded(read: Callable[[Row], Out]) -> Callable[[Row], Out]:
    @wraps(read)
    def guarded(row: Row) -> Out:
        try:
            return read(row)
        except _NONSENSE as error:
            # Columns alone, without their row object, are those of a score.
            what = type(row).__name__.removesuffix("Row").lower() or "score, photo"
            names = ("name", "id", "image_id")
            which = next((v for n in names if (v := getattr(row, n, None))), "?")
            raise ProjectDamaged(
                tr(
                    "The entry of {what} {which} is damaged ({error}); go back to the newest "
                    "file in the project's backups folder.",
                    what=what,
                    which=which,
                    error=error,
                )
            ) from error

    return guarded


def fold(text: str) -> str:
    """For comparing and finding text whatever its case or Unicode form."""
    return unicodedata.normalize("NFC", text).casefold()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _pairs(text: str) -> Iterable[tuple[Any, ...]]:
    return (tuple(item) for item in json.loads(text))


def _disease_id(value: int | None) -> DiseaseId | None:
    return None if value is None else DiseaseId(int(value))


def disease_values(disease: Disease) -> Values:
    """Every column of a disease."""
    return {
        "id": disease.id,
        "name": disease.name,
        "name_folded": fold(disease.name),
        "colour": disease.colour,
        "hotkey": disease.hotkey,
        "eppo": disease.eppo,
        "healthy": disease.healthy,
        "crop": disease.crop,
        "synonyms": _json(disease.synonyms),
    }


@_guarded
def disease_from(row: DiseaseRow) -> Disease:
    """Raises ProjectDamaged, as all of these do."""
    return Disease(
        id=DiseaseId(int(row.id)),
        name=row.name,
        colour=sane.colour(row.colour),
        hotkey=sane.hotkey(row.hotkey),
        eppo=row.eppo,
        healthy=bool(row.healthy),
        crop=row.crop,
        synonyms=tuple(str(name) for name in json.loads(row.synonyms)),
    )


def image_values(image: LeafImage) -> Values:
    """Everything but ``added``, ``changed`` and the cached areas."""
    name = PurePosixPath(image.path).name
    return {
        "id": image.id,
        "state": image.state.value,
        "split": image.split.value,
        "disease_id": image.disease,
        "mask_known": image.mask_known,
        "name": name,
        "name_folded": fold(name),
        "path": image.path,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "orientation": image.orientation,
        "captured_at": image.captured_at,
        "latitude": image.gps[0] if image.gps else None,
        "longitude": image.gps[1] if image.gps else None,
        "crop": image.crop,
        "group_name": image.group,
        "extra": _json(image.extra),
        "group_folded": fold(image.group),
        "notes": image.notes,
        "noted": bool(image.notes),
        "done_by": image.done_by,
        "checked_by": image.checked_by,
        "removed": image.removed,
        "size_bytes": image.size_bytes,
        "name_natural": natural(name),
    }


@_guarded
def image_from(row: ImageRow) -> LeafImage:
    """The photo without its cached figures. Raises ProjectDamaged."""
    located = row.latitude is not None and row.longitude is not None
    return LeafImage(
        id=ImageId(int(row.id)),
        path=row.path,
        sha256=row.sha256,
        width=int(row.width),
        height=int(row.height),
        orientation=int(row.orientation),
        captured_at=row.captured_at,
        gps=(float(row.latitude or 0), float(row.longitude or 0)) if located else None,
        crop=row.crop,
        group=row.group_name,
        state=ImageState(row.state),
        split=Split(row.split),
        disease=_disease_id(row.disease_id),
        mask_known=bool(row.mask_known),
        extra=tuple((str(key), str(value)) for key, value in _pairs(row.extra)),
        notes=row.notes,
        done_by=row.done_by,
        checked_by=row.checked_by,
        removed=bool(row.removed),
        size_bytes=int(row.size_bytes),
    )


@_guarded
def label_from(row: ImageRow) -> ImageLabel:
    """What labelling changes of the photo. Raises ProjectDamaged."""
    return ImageLabel(
        _disease_id(row.disease_id),
        ImageState(row.state),
        bool(row.mask_known),
        row.done_by,
        row.checked_by,
    )


def areas_values(areas: Areas, regions: int) -> Values:
    """The cached columns of a photo."""
    groups = sorted(
        (k.value, d, pixels) for (k, d), pixels in areas.groups.items() if d is not None
    )
    unnamed = sorted(
        (k.value, None, pixels) for (k, d), pixels in areas.groups.items() if d is None
    )
    return {
        "regions": regions,
        "leaf": areas.leaf,
        "lesion": areas.lesion,
        "cover": areas.cover,
        "areas": _json([*unnamed, *groups]),
        "severity": areas.severity,
    }


@_guarded
def areas_from(row: ImageRow) -> Areas:
    """The cached figures of a photo. Raises ProjectDamaged."""
    groups = {
        (RegionKind(kind), _disease_id(disease)): int(pixels)
        for kind, disease, pixels in _pairs(row.areas)
    }
    return Areas(groups, int(row.leaf), int(row.lesion), int(row.cover))


def region_values(info: RegionInfo) -> Values:
    """Everything but the digest of the mask."""
    return {
        "id": info.id,
        "image_id": info.image_id,
        "kind": info.kind.value,
        "disease_id": info.disease,
        "source": info.source,
        "author": info.author,
    }


@_guarded
def region_from(row: RegionRow) -> RegionInfo:
    """The region without its pixels. Raises ProjectDamaged."""
    return RegionInfo(
        id=RegionId(int(row.id)),
        image_id=ImageId(int(row.image_id)),
        kind=RegionKind(row.kind),
        disease=_disease_id(row.disease_id),
        source=row.source,
        author=row.author,
    )


def calibration_values(image: ImageId, found: Calibration) -> Values:
    """Every column of a scale card."""
    return {
        "image_id": image,
        "length_mm": found.length_mm,
        "length_px": found.length_px,
        "line": _json(found.line or ()),
    }


@_guarded
def calibration_from(row: CalibrationRow) -> Calibration:
    """Raises ProjectDamaged, also for lengths that no line has."""
    ends = [float(end) for end in json.loads(row.line)]
    if len(ends) not in (0, 4) or not (0 < row.length_mm < math.inf and row.length_px > 0):
        raise ValueError(tr("no such line"))
    line = (ends[0], ends[1], ends[2], ends[3]) if ends else None
    return Calibration(float(row.length_mm), float(row.length_px), line)


def scales_json(scales: Scales) -> str:
    """The severity scales of a project as text."""
    listed = [
        {
            "title": scale.title,
            "source": scale.source,
            "grades": [(g.name, g.upto, g.under) for g in scale.grades],
        }
        for scale in scales.all
    ]
    return _json({"chosen": scales.title, "scales": listed})


@_guarded
def scales_from(row: SettingRow) -> Scales:
    """Raises ProjectDamaged, also for scales that do not rise to 100 %."""
    found = json.loads(row.value)
    listed = tuple(
        Scale(
            str(each["title"]),
            tuple(Grade(str(n), float(upto), bool(under)) for n, upto, under in each["grades"]),
            str(each["source"]),
        )
        for each in found["scales"]
    )
    scales = Scales(listed, str(found["chosen"]))
    if text := scales_problem(scales):
        raise ValueError(text)
    return scales


def run_values(run: Run) -> Values:
    """Everything but ``added``."""
    return {
        "id": run.id,
        "title": run.title,
        "base": run.base,
        "state": run.state.value,
        "created_at": run.created_at,
        "folder": run.folder,
        "parent": run.parent,
        "summary": summary_json(dict(run.summary)),
    }


def summary_json(summary: Mapping[str, float]) -> str:
    """Final figures as text; those of a diverged run that are not finite are left out."""
    return _json([(name, value) for name, value in summary.items() if math.isfinite(value)])


@_guarded
def run_from(row: RunRow) -> Run:
    """Raises ProjectDamaged."""
    return Run(
        id=RunId(row.id),
        title=row.title,
        base=row.base,
        state=RunState(row.state),
        created_at=row.created_at,
        folder=sane.inside(row.folder),
        parent=None if row.parent is None else RunId(row.parent),
        summary=tuple((str(name), float(value)) for name, value in _pairs(row.summary)),
    )


def score_values(score: Score) -> Values:
    """Every column of a score."""
    targets = [(t.target, t.dice, t.iou, t.truth_empty, t.prediction_empty) for t in score.targets]
    return {
        "run_id": score.run,
        "image_id": score.image,
        "split": score.split,
        "dice": score.dice,
        "targets": _json(targets),
        "truth": score.truth,
        "predicted": score.predicted,
        "probabilities": _json(score.probabilities),
        "severity": score.severity,
        "true_severity": score.true_severity,
        "prediction": score.prediction,
        "verdict": None if score.verdict is None else score.verdict.value,
    }


_score = ScoreRow.__table__.c
SCORE_COLUMNS = (
    _score.run_id, _score.image_id, _score.split, _score.dice, _score.targets, _score.truth,
    _score.predicted, _score.probabilities, _score.severity, _score.true_severity,
    _score.prediction, _score.verdict,
)  # fmt: skip
"""What ``score_from`` reads, in its order: by place, because looking columns up by their names
costs a third of a page."""


@_guarded
def score_from(row: SqlRow[*tuple[Any, ...]]) -> Score:
    """From ``SCORE_COLUMNS``. Raises ProjectDamaged."""
    (
        run, image, split, dice, targets_text, truth,
        predicted, probabilities_text, severity, true_severity,
        prediction, verdict,
    ) = row  # fmt: skip
    targets, probabilities = json.loads(f"[{targets_text},{probabilities_text}]")
    # Tuples of lists, not of generators: those start too slowly for a hundred photos.
    return Score(
        run=RunId(run),
        image=ImageId(int(image)),
        split=split,
        dice=None if dice is None else float(dice),
        targets=tuple(
            [
                TargetScore(str(name), float(dice), float(iou), bool(empty), bool(nothing))
                for name, dice, iou, empty, nothing in targets
            ]
        ),
        truth=truth,
        predicted=predicted,
        probabilities=tuple([(str(name), float(p)) for name, p in probabilities]),
        severity=float(severity),
        true_severity=None if true_severity is None else float(true_severity),
        prediction=prediction,
        verdict=None if verdict is None else Verdict(verdict),
    )
