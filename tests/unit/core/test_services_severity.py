"""Every lesion is counted once, on the leaf that holds most of it, and the figures add up."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.services.areas import AreaBook
from core.services.severity import Measurer, PhotoMeasures, frozen, sizes

SIZE = (600, 300)
RUST, BLIGHT = DiseaseId(1), DiseaseId(2)
Box = tuple[int, int, int, int]


def region(id_: int, *boxes: Box, disease: int | None = None, leaf: bool = False) -> Region:
    mask = TileMask(*SIZE)
    for x0, y0, x1, y1 in boxes:
        mask.write((x0, y0, x1, y1), np.ones((y1 - y0, x1 - x0), bool))
    kind = RegionKind.LEAF if leaf else RegionKind.LESION
    owner = None if disease is None else DiseaseId(disease)
    return Region(RegionInfo(RegionId(id_), ImageId(1), kind, owner), mask)


def measure(*regions: Region, **more: bool) -> PhotoMeasures:
    return Measurer().measure(regions, **more)


LEFT = region(1, (0, 0, 200, 200), leaf=True)
RIGHT = region(2, (300, 0, 500, 200), leaf=True)


def test_a_lesion_belongs_to_the_leaf_that_holds_most_of_it() -> None:
    touching = region(2, (200, 0, 400, 200), leaf=True)
    across = region(3, (190, 10, 230, 20), disease=1)  # a quarter on the left leaf
    found = measure(LEFT, touching, across)
    assert [len(leaf.lesions) for leaf in found.leaves] == [0, 1]
    assert found.leaves[0].areas.severity == 0
    # The part that lies on the other leaf is this leaf's lesion as well.
    assert found.leaves[1].areas.severity == pytest.approx(100 * 400 / (200 * 200 + 100))


def test_pieces_of_one_region_go_to_their_own_leaves() -> None:
    spots = region(3, (10, 10, 20, 20), (50, 50, 60, 60), (310, 10, 330, 30), disease=1)
    found = measure(LEFT, RIGHT, spots)
    assert [(leaf.number, len(leaf.lesions)) for leaf in found.leaves] == [(1, 2), (2, 1)]
    assert found.leaves[0].areas.severity == pytest.approx(100 * 200 / 40_000)
    assert found.leaves[1].areas.severity == pytest.approx(100 * 400 / 40_000)
    assert found.areas.severity == pytest.approx(100 * 600 / 80_000)
    assert len(found.of(RUST)) == 3


def test_leaves_outlined_around_their_lesions_hold_them_too() -> None:
    holed = region(1, (0, 0, 200, 90), (0, 110, 200, 200), (0, 90, 90, 110), (110, 90, 200, 110),
                   leaf=True)  # fmt: skip
    for spot, severity in (
        ((90, 90, 110, 110), 100 * 400 / 40_000),
        ((96, 96, 104, 104), 100 * 64 / (40_000 - 400 + 64)),  # touches no pixel of the leaf
    ):
        found = measure(holed, RIGHT, region(3, spot, disease=1))
        assert [len(leaf.lesions) for leaf in found.leaves] == [1, 0]
        assert found.leaves[0].areas.severity == pytest.approx(severity)


def test_a_lesion_at_the_edge_belongs_to_the_leaf_it_touches_and_a_far_one_to_none() -> None:
    edge, far = region(3, (200, 50, 210, 60), disease=1), region(4, (250, 250, 260, 260), disease=1)
    found = measure(LEFT, RIGHT, edge, far)
    assert [(leaf.number, len(leaf.lesions)) for leaf in found.leaves] == [
        (1, 1),
        (2, 0),
        (None, 1),
    ]
    assert found.leaves[-1].areas.severity is None


def test_the_only_leaf_has_every_lesion() -> None:
    found = measure(LEFT, region(3, (250, 250, 260, 260), disease=1))
    (leaf,) = found.leaves
    assert leaf.areas == found.areas
    assert len(leaf.lesions) == 1


def test_lesions_without_a_leaf_are_counted_but_have_no_severity() -> None:
    found = measure(region(3, (0, 0, 10, 10), disease=2))
    assert [(leaf.number, leaf.areas.severity) for leaf in found.leaves] == [(None, None)]
    assert [lesion.area for lesion in found.lesions] == [100]
    assert measure() == PhotoMeasures()


def test_outlines_that_touch_stay_two_lesions() -> None:
    found = measure(LEFT, region(3, (0, 0, 9, 9), disease=1), region(4, (9, 0, 18, 9), disease=1))
    assert len(found.of(RUST)) == 2


def test_each_disease_has_its_own_share_of_each_leaf() -> None:
    found = measure(LEFT, RIGHT, region(3, (0, 0, 20, 20), disease=1),
                    region(4, (10, 0, 30, 20), disease=2))  # fmt: skip
    first = found.leaves[0]
    assert first.diseases == [RUST, BLIGHT]
    assert first.areas.severity_of(RUST) == first.areas.severity_of(BLIGHT) == 1.0
    assert first.areas.severity == 1.5


def test_what_is_measured_twice_is_the_same_and_follows_changes() -> None:
    measurer = Measurer()
    spot = region(3, (10, 10, 20, 20), disease=1)
    regions = [LEFT, RIGHT, spot]
    before = measurer.measure(frozen(regions))
    assert measurer.measure(frozen(regions)) == before
    kept = frozen(regions)
    other = spot.mask.copy()
    other.write((40, 40, 45, 45), np.ones((5, 5), bool))
    spot.mask.apply_delta(spot.mask.delta(other))
    after = measurer.measure(frozen(regions))
    assert sorted(lesion.area for lesion in after.lesions) == [25, 100]
    assert after == Measurer().measure(regions)
    assert Measurer().measure(kept) == before, "an edit leaves what was frozen alone"
    spot.info = RegionInfo(spot.info.id, ImageId(1), RegionKind.LESION, BLIGHT)
    assert len(measurer.measure(frozen(regions)).of(BLIGHT)) == 2


def test_shapes_come_in_photo_coordinates() -> None:
    (lesion,) = measure(LEFT, region(3, (10, 20, 30, 30), disease=1), shapes=True).lesions
    assert lesion.shape is not None
    assert (lesion.shape.area, lesion.shape.centroid) == (200, (20.0, 25.0))


def test_sizes_are_those_of_r() -> None:
    # R: quantile(c(1, 2, 4, 8, 100)) is 1 2 4 8 100
    found = sizes([8, 1, 100, 2, 4])
    assert found is not None
    assert (found.count, found.smallest, found.lower, found.median, found.upper, found.largest) == (
        5, 1, 2, 4, 8, 100,
    )  # fmt: skip
    assert sum(found.counts) == 5
    assert len(found.edges) == len(found.counts) + 1 == 5
    # R: quantile(c(1, 2, 3, 10), .75) is 4.75
    assert sizes([1, 2, 3, 10]).upper == 4.75  # type: ignore[union-attr]


def test_sizes_of_one_size_and_of_none() -> None:
    assert sizes([]) is None
    one = sizes([7, 7, 7])
    assert one is not None
    assert (one.edges, one.counts) == ((7.0, 7.0), (3,))


def test_the_areas_of_leaves_add_up_to_the_photo_where_nothing_overlaps() -> None:
    rng = np.random.default_rng(3)
    places = zip(rng.integers(0, 12, 20) * 40, rng.integers(0, 9, 20) * 20, strict=True)
    spots = [
        region(3 + i, (x, y, x + 6, y + 5), disease=1 + i % 2) for i, (x, y) in enumerate(places)
    ]
    found = measure(LEFT, RIGHT, *spots)
    assert found.areas == AreaBook([LEFT, RIGHT, *spots]).figures()
    assert sum(leaf.areas.leaf for leaf in found.leaves) == found.areas.leaf
    assert len(found.lesions) == 20
