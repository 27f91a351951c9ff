"""What labelling promises: exact edits, exact undo, honest areas, and labels that make sense."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.disease import Disease
from core.domain.edits import Edit
from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.image import ImageState, LeafImage
from core.domain.mask import TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.engines.base import Candidate
from core.errors import Bug
from core.services.annotate import Draft, LabellingSession
from core.services.areas import AreaBook

W, H = 600, 400
RUST = Disease(DiseaseId(1), "rust", "#aa0000")
MINER = Disease(DiseaseId(2), "miner", "#00aa00")
HEALTHY = Disease(DiseaseId(3), "healthy", "#009e73", healthy=True)
LEAF = Draft(kind=RegionKind.LEAF)


def photo(**more) -> LeafImage:
    return LeafImage(ImageId(7), "a.jpg", "0" * 64, W, H, **more)


def box_mask(x0: int, y0: int, x1: int, y1: int) -> TileMask:
    mask = TileMask(W, H)
    mask.write((x0, y0, x1, y1), np.ones((y1 - y0, x1 - x0), bool))
    return mask


def painted(*box: int):
    """The delta of a stroke that paints a box on nothing."""
    return TileMask(W, H).delta(box_mask(*box))


def draw(session: LabellingSession, box, draft: Draft, region: RegionId | None = None) -> RegionId:
    edit = session.stroke(painted(*box), region=region, draft=draft)
    assert edit is not None
    session.apply(edit)
    return session.regions[-1].info.id


def snapshot(session: LabellingSession):
    return (
        session.label,
        [(r.info, sorted((k, v.tobytes()) for k, v in r.mask.packed().items()))
         for r in session.regions],
        session.figures,
    )  # fmt: skip


def test_nothing_changes_before_an_edit_is_applied() -> None:
    session = LabellingSession(photo(), [])
    before = snapshot(session)
    assert session.stroke(painted(0, 0, 9, 9), region=None, draft=Draft()) is not None
    assert snapshot(session) == before


def test_a_stroke_without_an_active_region_makes_one() -> None:
    session = LabellingSession(photo(), [])
    region = draw(session, (10, 10, 30, 20), Draft(disease=RUST.id, author="Ada"))
    info = session.regions[0].info
    assert (info.kind, info.disease, info.source, info.author) == (
        RegionKind.LESION, RUST.id, "hand", "Ada",
    )  # fmt: skip
    assert session.area(region) == 200


def test_a_leaf_never_carries_a_disease() -> None:
    session = LabellingSession(photo(), [])
    draw(session, (0, 0, 5, 5), Draft(RegionKind.LEAF, RUST.id))
    assert session.regions[0].info.disease is None


def test_a_pixel_of_leaf_and_lesion_counts_as_lesion() -> None:
    session = LabellingSession(photo(), [])
    draw(session, (0, 0, 100, 10), LEAF)
    draw(session, (0, 0, 25, 10), Draft(disease=RUST.id))
    assert session.figures.severity == pytest.approx(25.0)


def test_lesions_beside_the_leaf_widen_what_they_are_a_share_of() -> None:
    session = LabellingSession(photo(), [])
    draw(session, (0, 0, 75, 10), LEAF)
    draw(session, (75, 0, 100, 10), Draft(disease=RUST.id))
    assert session.figures.severity == pytest.approx(25.0)


def test_overlapping_lesions_count_once_in_total_and_for_each_disease() -> None:
    session = LabellingSession(photo(), [])
    draw(session, (0, 0, 100, 10), LEAF)
    draw(session, (0, 0, 20, 10), Draft(disease=RUST.id))
    draw(session, (10, 0, 30, 10), Draft(disease=MINER.id))
    figures = session.figures
    assert figures.severity == pytest.approx(30.0)
    assert figures.severity_of(RUST.id) == pytest.approx(20.0)
    assert figures.severity_of(MINER.id) == pytest.approx(20.0)


def test_there_is_no_severity_without_a_leaf() -> None:
    session = LabellingSession(photo(), [])
    draw(session, (0, 0, 20, 10), Draft(disease=RUST.id))
    assert session.figures.severity is None


def test_erasing_all_of_a_region_removes_it_and_undo_brings_it_back() -> None:
    session = LabellingSession(photo(), [])
    region = draw(session, (10, 10, 30, 20), Draft(disease=RUST.id))
    before = snapshot(session)
    edit = session.stroke(painted(10, 10, 30, 20), region=region, draft=Draft())
    assert edit is not None
    session.apply(edit)
    assert session.regions == []
    session.apply(edit.inverse())
    assert snapshot(session) == before


def test_undoing_a_removal_puts_the_region_back_in_its_place() -> None:
    session = LabellingSession(photo(), [])
    ids = [draw(session, (n * 20, 0, n * 20 + 5, 5), Draft()) for n in range(3)]
    edit = session.delete(ids[0])
    assert edit is not None
    session.apply(edit)
    session.apply(edit.inverse())
    assert [r.info.id for r in session.regions] == sorted(ids)


def test_a_proposal_becomes_a_region_that_says_where_it_came_from() -> None:
    session = LabellingSession(photo(), [])
    proposal = Candidate(np.ones((4, 6), bool), (250, 100), 0.9)
    edit = session.accept(proposal, into=None, draft=Draft(disease=RUST.id, source="engine:colour"))
    assert edit is not None
    session.apply(edit)
    region = session.regions[0]
    assert region.info.source == "engine:colour"
    assert region.mask.box() == (250, 100, 256, 104)


def test_a_proposal_that_adds_nothing_to_a_region_is_no_action() -> None:
    session = LabellingSession(photo(), [])
    region = draw(session, (0, 0, 50, 50), Draft())
    proposal = Candidate(np.ones((4, 6), bool), (10, 10), 0.9)
    assert session.accept(proposal, into=region, draft=Draft()) is None


def test_a_proposal_outside_the_photo_is_no_action() -> None:
    session = LabellingSession(photo(), [])
    outside = Candidate(np.ones((4, 6), bool), (W + 5, 10), 0.9)
    assert session.accept(outside, into=None, draft=Draft()) is None


def test_the_first_lesion_says_that_lesions_are_known_and_the_last_takes_it_back() -> None:
    session = LabellingSession(photo(), [])
    draw(session, (0, 0, 90, 90), LEAF)
    assert not session.image.mask_known
    lesion = draw(session, (0, 0, 5, 5), Draft())
    assert session.image.mask_known
    edit = session.delete(lesion)
    assert edit is not None
    session.apply(edit)
    assert not session.image.mask_known


def test_touching_a_photo_puts_it_in_progress_and_undo_makes_it_unseen_again() -> None:
    session = LabellingSession(photo(), [])
    edit = session.stroke(painted(0, 0, 5, 5), region=None, draft=Draft())
    assert edit is not None
    session.apply(edit)
    assert session.image.state is ImageState.IN_PROGRESS
    session.apply(edit.inverse())
    assert session.image.state is ImageState.UNSEEN


def test_a_done_photo_stays_done_when_it_is_corrected() -> None:
    session = LabellingSession(photo(state=ImageState.DONE), [])
    draw(session, (0, 0, 5, 5), Draft())
    assert session.image.state is ImageState.DONE


def test_naming_the_leaf_names_the_lesions_that_follow_it_and_no_others() -> None:
    session = LabellingSession(photo(disease=MINER.id), [])
    follows = draw(session, (0, 0, 5, 5), Draft(disease=MINER.id))
    other = draw(session, (10, 0, 15, 5), Draft(disease=RUST.id))
    edit = session.name_disease(Disease(DiseaseId(4), "scald", "#0000aa"))
    assert edit is not None
    session.apply(edit)
    named = {r.info.id: r.info.disease for r in session.regions}
    assert named == {follows: DiseaseId(4), other: RUST.id}


def test_naming_a_lesion_names_a_leaf_that_has_no_name_yet() -> None:
    session = LabellingSession(photo(), [])
    lesion = draw(session, (0, 0, 5, 5), Draft())
    assert session.image.disease is None
    edit = session.relabel(lesion, kind=RegionKind.LESION, disease=RUST.id)
    assert edit is not None
    session.apply(edit)
    assert session.image.disease == RUST.id
    second = session.relabel(lesion, kind=RegionKind.LESION, disease=MINER.id)
    assert second is not None
    session.apply(second)
    assert session.image.disease == RUST.id


def test_no_lesions_takes_them_away_and_keeps_the_leaf() -> None:
    session = LabellingSession(photo(), [])
    draw(session, (0, 0, 90, 90), LEAF)
    draw(session, (0, 0, 5, 5), Draft(disease=RUST.id))
    before = snapshot(session)
    edit = session.no_lesions(HEALTHY)
    assert edit is not None
    session.apply(edit)
    assert [r.info.kind for r in session.regions] == [RegionKind.LEAF]
    assert session.image.disease == HEALTHY.id
    assert session.image.mask_known
    assert session.no_lesions(HEALTHY) is None
    session.apply(edit.inverse())
    assert snapshot(session) == before


def test_done_on_a_healthy_leaf_says_that_it_has_no_lesions() -> None:
    session = LabellingSession(photo(disease=HEALTHY.id), [])
    edit = session.set_state(ImageState.DONE, HEALTHY.id)
    assert edit is not None
    session.apply(edit)
    assert session.image.mask_known


def test_done_on_a_sick_leaf_without_outlines_says_nothing_about_its_lesions() -> None:
    session = LabellingSession(photo(disease=RUST.id), [])
    edit = session.set_state(ImageState.DONE, HEALTHY.id)
    assert edit is not None
    session.apply(edit)
    assert not session.image.mask_known


def test_saying_again_what_is_known_is_no_action() -> None:
    session = LabellingSession(photo(disease=RUST.id, state=ImageState.IN_PROGRESS), [])
    assert session.name_disease(RUST) is None
    assert session.set_state(ImageState.IN_PROGRESS) is None
    assert session.stroke({}, region=None, draft=Draft()) is None
    assert session.delete(RegionId(12345)) is None


def test_an_edit_of_another_photo_is_a_bug() -> None:
    session = LabellingSession(photo(), [])
    with pytest.raises(Bug):
        session.apply(Edit(ImageId(8), "x"))


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["stroke", "extend", "delete", "relabel", "name", "none"]),
        st.integers(0, W - 2),
        st.integers(0, H - 2),
        st.integers(1, 300),
        st.sampled_from([None, RUST.id, MINER.id]),
    ),
    max_size=12,
)


def step(session: LabellingSession, action: str, x: int, y: int, size: int, disease) -> Edit | None:
    regions = session.regions
    target = regions[size % len(regions)].info.id if regions else None
    delta = painted(x, y, min(W, x + size), min(H, y + size))
    kind = RegionKind.LEAF if size % 4 == 0 else RegionKind.LESION
    match action:
        case "stroke":
            return session.stroke(delta, region=None, draft=Draft(kind, disease))
        case "extend":
            return session.stroke(delta, region=target, draft=Draft(kind, disease))
        case "delete" if target is not None:
            return session.delete(target)
        case "relabel" if target is not None:
            return session.relabel(target, kind=kind, disease=disease)
        case "name":
            return session.name_disease(RUST if size % 2 else MINER)
        case "none":
            return session.no_lesions(HEALTHY)
    return None


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_undoing_everything_gives_back_the_beginning_and_redoing_the_end(actions) -> None:
    session = LabellingSession(photo(), [])
    states, done = [snapshot(session)], []
    for action in actions:
        edit = step(session, *action)
        if edit is not None:
            session.apply(edit)
            done.append(edit)
            states.append(snapshot(session))
    end = snapshot(session)
    for edit, state in zip(reversed(done), reversed(states[:-1]), strict=True):
        session.apply(edit.inverse())
        assert snapshot(session) == state
    for edit in done:
        session.apply(edit)
    assert snapshot(session) == end


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_areas_kept_while_editing_equal_areas_counted_afresh(actions) -> None:
    session = LabellingSession(photo(), [])
    for action in actions:
        edit = step(session, *action)
        if edit is not None:
            session.apply(edit)
    fresh = AreaBook(session.regions)
    assert session.figures == fresh.figures()
    union = np.zeros((H, W), bool)
    for region in session.regions:
        if region.info.kind is RegionKind.LESION:
            union |= region.mask.to_array()
        assert session.area(region.info.id) == region.mask.area()
    assert session.figures.lesion == np.count_nonzero(union)


def test_a_session_opens_with_the_areas_of_what_is_there() -> None:
    info = RegionInfo(RegionId(5), ImageId(7), RegionKind.LESION, RUST.id)
    session = LabellingSession(photo(), [Region(info, box_mask(250, 250, 270, 260))])
    assert session.figures.lesion == 200
