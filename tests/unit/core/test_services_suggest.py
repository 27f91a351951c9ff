"""Suggestions say something new or nothing, and are taken in one step."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.ids import DiseaseId, ImageId
from core.domain.image import LeafImage
from core.domain.region import RegionKind
from core.engines.base import Candidate
from core.services.annotate import Draft, LabellingSession
from core.services.rules import Overlap, Rules, obey
from core.services.suggest import Suggestion, accept_all, news, twin, without


def _one(x: int, y: int, side: int = 20, kind: RegionKind = RegionKind.LESION) -> Suggestion:
    return Suggestion(Candidate(np.ones((side, side), bool), (x, y), 0.5), kind, "engine:x")


def _session() -> LabellingSession:
    return LabellingSession(LeafImage(ImageId(1), "a.jpg", "0" * 64, 300, 200), [])


def test_all_are_taken_in_one_edit_that_can_be_taken_back() -> None:
    session = _session()
    wanted = [_one(10, 10, 100, RegionKind.LEAF), _one(20, 20), _one(60, 60)]
    edit = accept_all(session, wanted, Draft(disease=DiseaseId(7)))
    assert edit is not None
    session.apply(edit)
    kinds = [r.info.kind for r in session.regions]
    assert sorted(kinds) == [RegionKind.LEAF, RegionKind.LESION, RegionKind.LESION]
    assert {r.info.disease for r in session.regions if r.info.kind is RegionKind.LESION} == {7}
    assert session.image.mask_known
    session.apply(edit.inverse())
    assert session.regions == []
    assert not session.image.mask_known


def test_nothing_makes_no_edit() -> None:
    assert accept_all(_session(), [], Draft()) is None


def test_what_lies_on_a_region_of_its_kind_is_no_news() -> None:
    session = _session()
    edit = accept_all(session, [_one(20, 20)], Draft())
    assert edit is not None
    session.apply(edit)
    again, beside = _one(22, 22), _one(100, 100)
    leaf = _one(20, 20, 25, RegionKind.LEAF)
    assert news([again, beside, leaf], session.regions) == [beside, leaf]


def test_another_outline_of_the_same_thing_is_known_as_one() -> None:
    session = _session()
    edit = accept_all(session, [_one(20, 20), _one(100, 100)], Draft())
    assert edit is not None
    session.apply(edit)
    first, second = (region.info.id for region in session.regions)
    square = _one(101, 100).candidate
    assert twin(square, RegionKind.LESION, session.regions) == second
    assert twin(square, RegionKind.LEAF, session.regions) is None
    assert twin(_one(21, 21, 18).candidate, RegionKind.LESION, session.regions) == first
    for other in (_one(20, 20, 40), _one(20, 20, 8), _one(32, 20), _one(60, 60)):
        # Wider by far, a spot in it, the neighbour: these are not the same lesion.
        assert twin(other.candidate, RegionKind.LESION, session.regions) is None


def _taken(session: LabellingSession, wanted: list[Suggestion], rules: Rules) -> None:
    edit = obey(session, accept_all(session, wanted, Draft()), rules)
    assert edit is not None
    session.apply(edit)


@pytest.mark.parametrize("overlap", [Overlap.TAKE, Overlap.KEEP_OUT])
def test_what_is_taken_in_one_step_overlaps_as_little_as_what_is_drawn(overlap) -> None:
    session = _session()
    _taken(session, [_one(20, 20), _one(30, 20), _one(200, 20)], Rules(overlap=overlap))
    assert [r.mask.area() for r in session.regions] == [400, 200, 400], "the surer one has it"


def test_a_leaf_that_is_taken_in_the_same_step_holds_the_lesions_in() -> None:
    session = _session()
    leaf = _one(10, 10, 100, RegionKind.LEAF)
    _taken(session, [leaf, _one(100, 20), _one(200, 20)], Rules(inside_leaf=True))
    assert [r.mask.area() for r in session.regions] == [10_000, 200]


def test_what_was_rejected_is_known_again_by_its_outline() -> None:
    rejected = [_one(20, 20).candidate]
    again, beside, wider = _one(21, 21, 19), _one(32, 20), _one(10, 10, 60)
    assert without([again, beside, wider], rejected) == [beside, wider]
