"""Severity scales and scale cards: the part of the store that measuring needs.

Knows rows of settings, scale cards and photos; measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select

from core.changes import Changes
from core.domain.calibration import Calibration
from core.domain.ids import ImageId
from core.domain.scale import Scales, scales_problem
from core.errors import ProjectError
from core.language import tr
from storage.mapping import (
    calibration_from,
    calibration_values,
    scales_from,
    scales_json,
)
from storage.rows import Rows, chunks
from storage.tables import CalibrationRow, ImageRow, SettingRow

SCALES = "severity_scales"
NO_LINE = "[]"
"""What a card copied from another photo has in its place."""


class Measures(Rows):
    """The measuring part of the port."""

    def scales(self) -> Scales:
        """Raises ProjectDamaged when what is stored makes no scale."""
        with self._db.read() as session:
            row = session.get(SettingRow, SCALES)
            return Scales() if row is None else scales_from(row)

    def put_scales(self, scales: Scales) -> Changes:
        """Raises ProjectError with what is wrong with them."""
        if text := scales_problem(scales):
            raise ProjectError(text)
        with self._db.write() as session:
            session.merge(SettingRow(name=SCALES, value=scales_json(scales)))
        return Changes(measures=True)

    def calibrations(self, images: Sequence[ImageId]) -> dict[ImageId, Calibration]:
        """Of those photos that have a scale card."""
        found: dict[ImageId, Calibration] = {}
        with self._db.read() as session:
            for part in chunks(images):
                rows = session.scalars(
                    select(CalibrationRow).where(CalibrationRow.image_id.in_(part))
                )
                found |= {ImageId(row.image_id): calibration_from(row) for row in rows}
        return found

    def put_calibrations(self, found: Mapping[ImageId, Calibration | None]) -> Changes:
        """Raises ProjectError when a photo is not in the project."""
        with self._db.write() as session:
            for part in chunks(list(found)):
                known = set(session.scalars(select(ImageRow.id).where(ImageRow.id.in_(part))))
                if len(known) < len(part):
                    raise ProjectError(tr("A photo for this scale card is not in the project."))
                session.execute(delete(CalibrationRow).where(CalibrationRow.image_id.in_(part)))
                for image in part:
                    if (one := found[image]) is not None:
                        session.add(CalibrationRow(**calibration_values(image, one)))
        return Changes(images=frozenset(found), measures=True)

    def later_in_group(self, image: ImageId) -> list[ImageId]:
        """In the order they were added, without those that a scale card was measured on.

        Raises ProjectError when there is no such photo.
        """
        with self._db.read() as session:
            row = session.get(ImageRow, image)
            if row is None:
                raise ProjectError(tr("This photo is not in the project."))
            own = select(CalibrationRow.image_id).where(CalibrationRow.line != NO_LINE)
            query = select(ImageRow.id).where(
                ImageRow.id.not_in(own),
                ImageRow.added > row.added,
                ImageRow.group_name == row.group_name,
                ImageRow.width == row.width,
                ImageRow.height == row.height,
            )
            return [ImageId(i) for i in session.scalars(query.order_by(ImageRow.added))]
