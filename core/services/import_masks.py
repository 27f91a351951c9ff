"""What the values of an import's masks mean in the project at hand.

Knows the mask map and the project's diseases; opens no mask.
"""

from __future__ import annotations

from pathlib import Path

from core.domain.ids import DiseaseId
from core.domain.region import RegionKind
from core.errors import ImportRefused
from core.importers.mask_folder import (
    BACKGROUND,
    IS_DISEASE,
    LEAF,
    LESION,
    WORDS,
    MaskFolder,
    MaskMap,
    Meaning,
    load_mask_map,
)
from core.language import tr
from core.services.import_diseases import DiseaseBook, UnknownDisease

Meanings = dict[int, Meaning | None]
"""None stands for background."""


def mask_source(
    masks: Path | None, mask_map: Path | None, book: DiseaseBook
) -> tuple[MaskFolder | None, Meanings]:
    """The folder and what its values mean. Raises ImportRefused when either cannot be used."""
    if masks is None:
        return None, {}
    if mask_map is None:
        raise ImportRefused(
            masks,
            tr(
                "Masks need a map that says what their values mean: choose one "
                "(--mask-map map.json)."
            ),
        )
    names: MaskMap = load_mask_map(mask_map)
    meanings: Meanings = {}
    for value, name in names.items():
        try:
            meanings[value] = _meaning(name, book, mask_map.name)
        except UnknownDisease as error:
            raise ImportRefused(mask_map, str(error)) from error
    return MaskFolder.scan(masks), meanings


def _meaning(name: str, book: DiseaseBook, where: str) -> Meaning | None:
    if name == BACKGROUND:
        return None
    if name == LEAF:
        return Meaning(RegionKind.LEAF, None)
    if name == LESION:
        return Meaning(RegionKind.LESION, None)
    plain = name.removesuffix(IS_DISEASE)
    disease = book.need(plain if plain.casefold() in WORDS else name, where)
    if disease.healthy:
        raise UnknownDisease(
            tr(
                "“{name}” in {where} is what a leaf without lesions is called, and no lesion. Call "
                "healthy tissue “leaf” there and import again.",
                name=name,
                where=where,
            )
        )
    return Meaning(RegionKind.LESION, disease.id)


def filled(meanings: Meanings, unnamed: DiseaseId | None) -> dict[int, Meaning]:
    """Background out; lesions without a name take the photo's own disease."""
    return {
        value: Meaning(m.kind, unnamed) if m.kind == RegionKind.LESION and not m.disease else m
        for value, m in meanings.items()
        if m is not None
    }
