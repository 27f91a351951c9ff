"""A short run of the bench of random edits: what is stored is what was drawn, bit for bit."""

from __future__ import annotations

import pytest

from tests.bench.fidelity import run


@pytest.mark.parametrize("seed", [1, 2])
def test_two_hundred_random_edits_with_undo_and_restarts_are_stored_bit_for_bit(
    tmp_path, seed: int
) -> None:
    work = run(tmp_path, edits=200, seed=seed, size=(700, 520))
    assert work.wrong == []
    assert work.counts["undo"] > 5
    assert work.counts["redo"] > 0
