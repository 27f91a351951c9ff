"""Finds a project's disease by the name a table or map gives it, and makes new ones on request.

Knows the project's diseases; opens no file. New diseases are written only when the first photo
that carries them is, so that a table full of mistakes leaves nothing behind.
"""

from __future__ import annotations

from core.domain.disease import (
    HEALTHY_COLOUR,
    LONGEST_NAME,
    PALETTE,
    Disease,
    folded,
    is_shown,
)
from core.domain.ids import DiseaseId, new_id
from core.files import quoted
from core.language import tr
from core.ports import ProjectStore

HEALTHY = "healthy"


class UnknownDisease(LookupError):
    """A name that is no disease of the project; ``str`` is a sentence with the remedy."""


class DiseaseBook:
    """The diseases of one project during one import."""

    def __init__(self, store: ProjectStore, *, create: bool) -> None:
        self._store = store
        self._create = create
        self._all = list(store.diseases())
        self._unwritten: dict[DiseaseId, Disease] = {}

    def find(self, name: str) -> Disease | None:
        """The disease called ``name``, or None. "healthy" finds the healthy class.

        Case and spacing do not matter; names go before synonyms, which hold what a disease was
        called before it was renamed or merged.
        """
        wanted = folded(name)
        for disease in self._all:
            if folded(disease.name) == wanted:
                return disease
        for disease in self._all:
            if disease.is_called(name):
                return disease
        if wanted == HEALTHY:
            return next((d for d in self._all if d.healthy), None)
        return None

    def need(self, name: str, where: str) -> Disease:
        """The disease called ``name``, made if that is allowed. Raises UnknownDisease.

        ``where`` names the table or map for the sentence.
        """
        found = self.find(name)
        if found:
            return found
        name = " ".join(name.split())
        if not self._create:
            known = ", ".join(d.name for d in self._all) or tr("none yet")
            raise UnknownDisease(
                tr(
                    "“{strip}” in {where} is no disease of this project ({known}). Correct the "
                    "name there, or add the disease to the project, and import again.",
                    strip=name[:LONGEST_NAME],
                    where=where,
                    known=known,
                )
            )
        if len(name) > LONGEST_NAME:
            raise UnknownDisease(
                tr(
                    "“{begin}…” in {where} is longer than the {most} characters that the name of a "
                    "disease may have. Shorten it there and import again.",
                    begin=name[:40],
                    where=where,
                    most=LONGEST_NAME,
                )
            )
        if not is_shown(name):
            raise UnknownDisease(
                tr(
                    "{quoted} in {where} holds characters that cannot be shown. Write the name "
                    "anew there and import again.",
                    quoted=quoted(name),
                    where=where,
                )
            )
        return self._new(name)

    def named(self, disease: DiseaseId | None) -> Disease | None:
        """The disease of that id; None also for one that was made since the import began."""
        return next((d for d in self._all if d.id == disease), None)

    def write(self, wanted: set[DiseaseId]) -> None:
        """Put those of ``wanted`` that are new into the project."""
        for disease in [d for key, d in self._unwritten.items() if key in wanted]:
            self._store.put_disease(disease)
            del self._unwritten[disease.id]

    def _new(self, name: str) -> Disease:
        healthy = folded(name) == HEALTHY
        unused = [c for c in PALETTE if c not in {d.colour for d in self._all}]
        keys = {d.hotkey for d in self._all}
        disease = Disease(
            id=DiseaseId(new_id()),
            name=name,
            colour=HEALTHY_COLOUR
            if healthy
            else (unused[0] if unused else PALETTE[len(self._all) % len(PALETTE)]),
            hotkey=next((k for k in range(1, 10) if k not in keys), None),
            healthy=healthy,
        )
        self._all.append(disease)
        self._unwritten[disease.id] = disease
        return disease
