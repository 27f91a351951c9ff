"""Actions on chosen regions: one step each, nothing lost that was not meant, rules obeyed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.edits import RegionRemoved
from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.image import LeafImage
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.engines.base import Candidate
from core.errors import EditRefused
from core.geometry import reshape
from core.services import reshaping
from core.services.annotate import Draft, LabellingSession
from core.services.rules import Overlap, Rules, obey

W, H = 600, 400
LEAF, LESION = RegionKind.LEAF, RegionKind.LESION
Box = tuple[int, int, int, int]


def boxes(*wanted: Box) -> TileMask:
    mask = TileMask(W, H)
    for x0, y0, x1, y1 in wanted:
        mask.add((x0, y0, x1, y1), np.ones((y1 - y0, x1 - x0), bool))
    return mask


def session(*regions: tuple[RegionKind, TileMask]) -> LabellingSession:
    """Regions 1, 2, … in the order given, of the disease with their number."""
    image = LeafImage(ImageId(7), "a.jpg", "0" * 64, W, H)
    made = [
        Region(
            RegionInfo(
                RegionId(n), ImageId(7), kind, DiseaseId(n) if kind is LESION else None
            ),
            mask.copy(),
        )
        for n, (kind, mask) in enumerate(regions, 1)
    ]  # fmt: skip
    return LabellingSession(image, made)


def masks(of: LabellingSession) -> dict[int, TileMask]:
    return {int(r.info.id): r.mask for r in of.regions}


SPOTS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 9), st.integers(1, 9)),
    min_size=1,
    max_size=12,
).map(lambda found: boxes(*((x + 230, y + 230, x + w + 230, y + h + 230) for x, y, w, h in found)))


@given(SPOTS)
@settings(max_examples=40, deadline=None)
def test_splitting_and_merging_again_is_as_if_nothing_had_been_done(mask: TileMask) -> None:
    work = session((LESION, mask))
    before = masks(work)[1].copy()
    edit = reshaping.split(work, [RegionId(1)])
    if edit is None:
        assert reshape.count_pieces(mask) == 1
        return
    work.apply(edit)
    assert len(work.regions) == reshape.count_pieces(mask)
    assert {r.info.disease for r in work.regions} == {DiseaseId(1)}
    work.apply(reshaping.merge(work, [r.info.id for r in work.regions]))
    assert masks(work) == {1: before}


def test_a_merged_region_keeps_the_name_of_the_first_one_chosen() -> None:
    work = session((LESION, boxes((0, 0, 9, 9))), (LESION, boxes((5, 5, 20, 20))))
    work.apply(reshaping.merge(work, [RegionId(2), RegionId(1)]))
    (region,) = work.regions
    assert (region.info.id, region.info.disease) == (2, 2)
    assert region.mask == boxes((0, 0, 9, 9), (5, 5, 20, 20))


@pytest.mark.parametrize("chosen", [[1], [1, 3], []])
def test_one_region_or_a_leaf_and_a_lesion_cannot_be_merged(chosen: list[int]) -> None:
    work = session(
        (LESION, boxes((0, 0, 9, 9))),
        (LESION, boxes((5, 5, 20, 20))),
        (LEAF, boxes((0, 0, 99, 99))),
    )
    with pytest.raises(EditRefused, match="hoose"):
        reshaping.merge(work, [RegionId(n) for n in chosen])


def test_an_action_that_would_leave_nothing_is_refused_and_says_so() -> None:
    work = session((LESION, boxes((0, 0, 3, 3), (10, 10, 11, 11))))
    for change in (partial(reshape.drop_specks, smallest=50), partial(reshape.shrink, by=9)):
        with pytest.raises(EditRefused, match="leave nothing"):
            reshaping.reshaped(work, [RegionId(1)], "Shrink region", change)


def test_an_action_that_changes_no_pixel_is_no_step() -> None:
    work = session((LESION, boxes((0, 0, 9, 9))))
    assert reshaping.reshaped(work, [RegionId(1)], "Fill holes", reshape.fill_holes) is None
    assert reshaping.split(work, [RegionId(1)]) is None
    assert reshaping.cut(work, [RegionId(1)], [(50, 50), (60, 60)]) is None


def test_many_regions_are_reshaped_in_one_step_that_one_undo_takes_back() -> None:
    work = session((LESION, boxes((0, 0, 9, 9))), (LESION, boxes((50, 50, 60, 60))))
    before = {k: m.copy() for k, m in masks(work).items()}
    grow = partial(reshape.grow, by=2)
    edit = reshaping.reshaped(work, [RegionId(1), RegionId(2)], "Grow region", grow)
    assert edit is not None
    work.apply(edit)
    assert all(m == reshape.grow(before[k], 2) for k, m in masks(work).items())
    work.apply(edit.inverse())
    assert masks(work) == before


def test_clipping_keeps_what_lies_on_any_leaf_and_removes_lesions_beside_them() -> None:
    work = session(
        (LEAF, boxes((0, 0, 100, 100))),
        (LEAF, boxes((200, 0, 300, 100))),
        (LESION, boxes((90, 90, 210, 95))),
        (LESION, boxes((400, 300, 410, 310))),
    )
    work.apply(reshaping.clip_to_leaf(work) or pytest.fail("nothing to clip"))
    assert masks(work)[3] == boxes((90, 90, 100, 95), (200, 90, 210, 95))
    assert 4 not in masks(work)
    assert reshaping.clip_to_leaf(work) is None


def test_clipping_without_a_leaf_says_what_to_do() -> None:
    with pytest.raises(EditRefused, match="outline it first"):
        reshaping.clip_to_leaf(session((LESION, boxes((0, 0, 9, 9)))))


# -- rules


def drawn(work: LabellingSession, box: Box, rules: Rules, region: int | None = None) -> bool:
    """Draw a box by the rules; whether anything came of it."""
    there = TileMask(W, H) if region is None else masks(work)[region]
    after = there.copy()
    after.add(box, np.ones((box[3] - box[1], box[2] - box[0]), bool))
    which = None if region is None else RegionId(region)
    edit = obey(work, work.stroke(there.delta(after), region=which, draft=Draft()), rules)
    if edit is not None:
        work.apply(edit)
    return edit is not None


def test_without_a_rule_a_pixel_may_belong_to_several_lesions() -> None:
    work = session((LESION, boxes((0, 0, 20, 20))))
    assert drawn(work, (10, 0, 30, 20), Rules())
    assert [m.area() for m in masks(work).values()] == [400, 400]


def test_a_new_lesion_on_top_takes_the_pixels_in_the_same_step() -> None:
    work = session((LESION, boxes((0, 0, 20, 20))), (LESION, boxes((25, 0, 30, 5))))
    before = {k: m.copy() for k, m in masks(work).items()}
    there = boxes((10, 0, 40, 20))
    stroke = work.stroke(TileMask(W, H).delta(there), region=None, draft=Draft())
    edit = obey(work, stroke, Rules(overlap=Overlap.TAKE))
    assert edit is not None
    work.apply(edit)
    assert masks(work)[1] == boxes((0, 0, 10, 20))
    assert 2 not in masks(work), "of the second nothing is left"
    assert work.regions[-1].mask == there
    work.apply(edit.inverse())
    assert masks(work) == before


def test_a_new_lesion_that_keeps_out_goes_round_the_others() -> None:
    work = session((LESION, boxes((0, 0, 20, 20))))
    assert drawn(work, (10, 0, 30, 20), Rules(overlap=Overlap.KEEP_OUT))
    assert work.regions[-1].mask == boxes((20, 0, 30, 20))
    assert not drawn(work, (5, 5, 9, 9), Rules(overlap=Overlap.KEEP_OUT))


def test_lesions_kept_inside_the_leaf_lose_what_is_new_beside_it_and_nothing_old() -> None:
    work = session((LEAF, boxes((0, 0, 100, 100))), (LESION, boxes((90, 0, 120, 10))))
    assert drawn(work, (80, 0, 150, 20), Rules(inside_leaf=True), region=2)
    assert masks(work)[2] == boxes((90, 0, 120, 10), (80, 0, 100, 20))


def test_leaves_and_photos_without_one_know_no_rules() -> None:
    work = session((LESION, boxes((90, 0, 120, 10))))
    assert drawn(work, (0, 0, 20, 20), Rules(inside_leaf=True))
    strict = Rules(inside_leaf=True, overlap=Overlap.TAKE)
    stroke = work.stroke(
        TileMask(W, H).delta(boxes((0, 0, 200, 200))), region=None, draft=Draft(LEAF)
    )
    assert stroke is not None
    work.apply(obey(work, stroke, strict) or stroke)
    assert masks(work)[1] == boxes((90, 0, 120, 10))
    assert work.regions[-1].mask == boxes((0, 0, 200, 200))


def test_another_outline_none_of_which_may_be_there_leaves_the_region_as_it_is() -> None:
    work = session((LESION, boxes((0, 0, 20, 20))), (LESION, boxes((50, 0, 90, 40))))
    proposal = Candidate(np.ones((20, 20), bool), (60, 10), 0.9)
    for overlap, expected in ((Overlap.KEEP_OUT, False), (Overlap.TAKE, True)):
        edit = work.accept(proposal, into=RegionId(1), draft=Draft(), instead=True)
        assert (obey(work, edit, Rules(overlap=overlap)) is not None) is expected


def test_a_region_of_which_nothing_is_left_splits_into_nothing() -> None:
    work = session((LESION, TileMask(W, H)))
    assert reshaping.split(work, [RegionId(1)]) is None


def test_a_leaf_splits_into_leaves_and_no_speck_becomes_one() -> None:
    leaf = boxes((0, 0, 100, 80), (120, 0, 200, 80), (300, 0, 380, 80), (395, 40, 397, 42))
    work = session((LEAF, leaf), (LESION, boxes((100, 0, 120, 80))))
    edit = reshaping.split(work, [RegionId(1)])
    assert edit is not None
    work.apply(edit)
    found = [r.mask.area() for r in work.regions if r.info.kind is LEAF]
    assert found == [100 * 80 + 80 * 80, 80 * 80 + 4]
    assert reshaping.split(work, [r.info.id for r in work.regions]) is None


def test_erasing_obeys_no_rule() -> None:
    work = session((LESION, boxes((0, 0, 20, 20))), (LESION, boxes((0, 0, 20, 20))))
    erase = work.stroke(boxes((0, 0, 5, 20)).packed(), region=RegionId(1), draft=Draft())
    edit = obey(work, erase, Rules(overlap=Overlap.TAKE))
    assert edit is not None
    work.apply(edit)
    assert [m.area() for m in masks(work).values()] == [300, 400]


@given(SPOTS, SPOTS, SPOTS)
@settings(max_examples=30, deadline=None)
def test_where_new_ones_take_or_keep_out_no_lesion_ever_overlaps_another(a, b, c) -> None:
    for overlap in (Overlap.TAKE, Overlap.KEEP_OUT):
        work = session()
        for mask in (a, b, c):
            stroke = work.stroke(mask.packed(), region=None, draft=Draft())
            edit = obey(work, stroke, Rules(overlap=overlap))
            if edit is not None:
                assert not any(isinstance(x, RegionRemoved) and not x.tiles for x in edit.changes)
                work.apply(edit)
        everything = reshape.union((r.mask for r in work.regions), (W, H))
        assert sum(r.mask.area() for r in work.regions) == everything.area()
        assert everything == reshape.union((a, b, c), (W, H)), "nothing drawn is nobody's"
