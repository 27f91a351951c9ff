"""The diseases of a project: the part of the store that keeps the list of classes."""

from __future__ import annotations

from sqlalchemy import exists, select, update

from core.changes import Changes
from core.domain.disease import Disease, clash, is_shown
from core.domain.ids import DiseaseId
from core.errors import ProjectError
from core.language import tr
from storage.mapping import disease_from, disease_values
from storage.rows import Rows
from storage.tables import DiseaseRow, ImageRow, RegionRow


class Diseases(Rows):
    """``diseases``, ``put_disease`` and ``remove_disease`` of the port."""

    def diseases(self) -> list[Disease]:
        """In the order they were made."""
        with self._db.read() as session:
            rows = session.scalars(select(DiseaseRow).order_by(DiseaseRow.id))
            return [disease_from(row) for row in rows]

    def put_disease(self, disease: Disease) -> Changes:
        """Insert or replace by id. A hotkey moves here from the disease that had it.

        Raises ProjectError for a name that is empty or cannot be shown, one or a synonym that is
        taken, and a second healthy class.
        """
        if not disease.name.strip():
            raise ProjectError(tr("A disease needs a name; type one."))
        if not all(is_shown(name) for name in disease.names):
            raise ProjectError(
                tr("A name of this disease holds characters that cannot be shown; type it anew.")
            )
        values = disease_values(disease)
        with self._db.write() as session:
            for other in session.scalars(select(DiseaseRow).where(DiseaseRow.id != disease.id)):
                if text := clash(disease, [disease_from(other)]):
                    raise ProjectError(text)
                if disease.healthy and other.healthy:
                    raise ProjectError(
                        tr(
                            "“{name}” already stands for healthy leaves; a project has one such "
                            "class.",
                            name=other.name,
                        )
                    )
            if disease.hotkey is not None:
                taken = DiseaseRow.hotkey == disease.hotkey
                session.execute(update(DiseaseRow).where(taken).values(hotkey=None))
            session.merge(DiseaseRow(**values))
        return Changes(diseases=True)

    def remove_disease(self, disease: DiseaseId) -> Changes:
        """Raises ProjectError when a photo or region still carries it, or when there is none."""
        with self._db.write() as session:
            row = session.get(DiseaseRow, disease)
            if row is None:
                raise ProjectError(tr("This disease is no longer in the project."))
            for used, column in (
                (
                    tr(
                        "“{name}” is still used by photos; give those another disease first.",
                        name=row.name,
                    ),
                    ImageRow.disease_id,
                ),
                (
                    tr(
                        "“{name}” is still used by regions; give those another disease first.",
                        name=row.name,
                    ),
                    RegionRow.disease_id,
                ),
            ):
                if session.scalar(select(exists().where(column == disease))):
                    raise ProjectError(used)
            session.delete(row)
        return Changes(diseases=True)
