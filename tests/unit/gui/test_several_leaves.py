"""Several leaves on a photo are told apart: each has the number that it has in the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
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


def shares(page) -> list[str]:
    return [page.regions.model.share(info) for info in page.regions.model.infos]


def test_a_lesion_is_told_in_percent_of_its_own_leaf(qtbot, page) -> None:
    outline(page, 20, 100, RegionKind.LEAF)
    outline(page, 30, 20, RegionKind.LESION)
    assert shares(page)[1] == "4.0 %"
    outline(page, 200, 50, RegionKind.LEAF)
    outline(page, 210, 10, RegionKind.LESION)
    outline(page, 300, 30, RegionKind.LESION)
    wanted = ["10,000 px", "4.0 % of leaf 1", "2,500 px", "4.0 % of leaf 2", "900 px on no leaf"]
    qtbot.waitUntil(lambda: shares(page) == wanted, timeout=10_000)
    model = page.regions.model
    assert "4.0 % of leaf 2" in model.data(model.index(3))
    assert "4.0 % of leaf 2" in model.data(model.index(3), Qt.ItemDataRole.ToolTipRole)
    page.controller.edits.do(page.controller.session.delete(model.infos[0].id))
    assert "4.0 % of leaf 2" not in shares(page), "there is one leaf now"


def test_an_outline_over_two_leaves_has_a_share_of_each(qtbot, page) -> None:
    outline(page, 20, 100, RegionKind.LEAF)
    outline(page, 200, 50, RegionKind.LEAF)
    session = page.controller.session
    both = np.zeros((20, 200), bool)
    both[:, :20] = both[:10, 180:190] = True
    mask = TileMask.from_array(both, (30, 20), (session.image.width, session.image.height))
    draft = Draft(RegionKind.LESION)
    page.controller.edits.do(session.stroke(mask.packed(), region=None, draft=draft))
    wanted = "4.0 % of leaf 1, 4.0 % of leaf 2"
    qtbot.waitUntil(lambda: shares(page)[2] == wanted, timeout=10_000)
