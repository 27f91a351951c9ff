"""Several leaves on a photo are told apart: each has the number that it has in the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from whole_window import bare_project, label_page, window

from core.domain.mask import TileMask
from core.domain.region import RegionKind
from core.services.annotate import Draft


@pytest.fixture
def page(qtbot, tmp_path: Path):
    with window(qtbot, bare_project(tmp_path)) as program:
        yield label_page(qtbot, program)


def outline(page, x: int, side: int, kind: RegionKind) -> None:
    session = page.controller.session
    size = (session.image.width, session.image.height)
    mask = TileMask.from_array(np.ones((side, side), bool), (x, 20), size)
    page.controller.edits.do(session.stroke(mask.packed(), region=None, draft=Draft(kind)))


def names(page) -> list[str]:
    return [page.regions.model.name(info) for info in page.regions.model.infos]


def test_leaves_are_numbered_from_the_second_on_as_their_figures_are(qtbot, page) -> None:
    outline(page, 20, 100, RegionKind.LEAF)
    assert names(page) == ["Leaf"]
    outline(page, 30, 10, RegionKind.LESION)
    outline(page, 200, 100, RegionKind.LEAF)
    outline(page, 210, 20, RegionKind.LESION)
    assert names(page) == ["Leaf 1", "", "Leaf 2", ""]
    qtbot.waitUntil(
        lambda: (found := page.measures.found) is not None and len(found.leaves) == 2,
        timeout=10_000,
    )
    shown = {leaf.number: leaf.areas.severity for leaf in page.measures.found.leaves}
    assert shown == {1: 1.0, 2: 4.0}
    assert [leaf.leaf for leaf in page.measures.found.leaves] == [
        info.id for info in page.regions.model.infos if info.kind is RegionKind.LEAF
    ]
    first = page.regions.model.infos[0].id
    page.controller.edits.do(page.controller.session.delete(first))
    assert names(page) == ["", "Leaf", ""]
