"""A short run of the bench of random edits: what is stored is what was drawn, bit for bit."""

from __future__ import annotations

import pytest

from tests.bench import fidelity
from tests.bench.fidelity import run


@pytest.mark.parametrize("seed", [1, 2])
def test_two_hundred_random_edits_with_undo_and_restarts_are_stored_bit_for_bit(
    tmp_path, seed: int
) -> None:
    work = run(tmp_path, edits=200, seed=seed, size=(700, 520))
    assert work.wrong == []
    assert work.counts["undo"] > 5
    assert work.counts["redo"] > 0


def test_what_was_done_to_many_and_merges_between_edits_are_taken_back_bit_for_bit(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {
        "SWITCH": 0.05, "MANY_ACTS": 0.12, "MERGE": 0.04, "MANY_BACK": 0.15, "MANY_AGAIN": 0.08,
    }  # fmt: skip
    for name, share in shares.items():
        monkeypatch.setattr(fidelity, name, share)
    work = fidelity.run(tmp_path, edits=300, seed=6, size=(300, 280))
    assert work.wrong == []
    for name in ("done to many", "merge of diseases", "undo of many", "undo of many, a merge"):
        assert work.counts[name] > 0, name
