"""Whatever is drawn, undone, relabelled or deleted, the project holds exactly that."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from storage import create_project, open_project
from tests.faults.project_model import ProjectModel


@settings(derandomize=True, max_examples=10, deadline=None, database=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 10))
def test_random_work_is_kept_bit_for_bit_and_every_step_can_be_taken_back(
    seed: int, steps: int
) -> None:
    rng = Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = create_project(folder / "field")
        store.put_disease(Disease(DiseaseId(7), "rust", "#e69f00"))
        model = ProjectModel([d.id for d in store.diseases()])
        for _ in range(2):
            new = model.random_photo(rng, folder)
            store.add_images([new])
            model.add(new)
        states = [model.copy()]  # before each edit, and after the last
        for _ in range(steps):
            edit = model.random_edit(rng)
            store.commit(edit)
            model.apply(edit)
            states.append(model.copy())
            assert model.differences(store) == []
        store.close()
        store = open_project(folder / "field")
        assert model.differences(store) == [], "after opening again"
        assert store.check().problems == ()
        for edit in reversed(model.done):
            store.commit(edit.inverse())
            states.pop()
        assert states[-1].differences(store) == [], "after undoing everything"
        store.close()
