"""The demo plays the person only: its clicks hit lesions, corrections are the masks kept back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.domain.region import RegionKind
from core.imaging.mask_files import read_mask
from core.ports import ImageQuery, ProjectStore
from core.services import demo_outlines, review
from core.services.sample import sample_project
from storage.projects import create_project, open_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo")
    return sample_project(home, create_project, leaves=10, withheld=2)


@pytest.fixture
def store(project: Path) -> ProjectStore:
    opened = open_project(project)
    yield opened  # type: ignore[misc]
    opened.close()


def test_clicks_lie_inside_their_lesions_largest_first() -> None:
    mask = np.zeros((60, 80), bool)
    mask[5:25, 5:30] = True
    mask[40:48, 50:60] = True
    mask[10:20, 10:25] = False  # a ring: its middle is no lesion
    mask[55, 75] = True
    found = demo_outlines.centres(mask)
    assert len(found) == 2, "a single pixel is not worth a click"
    assert all(mask[y, x] for x, y in found)
    assert found[0][0] < 30
    assert 50 <= found[1][0] < 60


def test_kept_back_leaves_wait_to_be_outlined(store: ProjectStore) -> None:
    waiting = demo_outlines.withheld(store)
    assert len(waiting) == 2
    for image in waiting:
        photo = store.image(image)
        assert not photo.mask_known
        assert photo.disease is not None, "its disease is known"
        assert not store.regions(image)
    assert store.count(ImageQuery()) == 10


def test_a_correction_is_the_mask_that_was_kept_back(store: ProjectStore) -> None:
    image, mask = next(iter(demo_outlines.withheld(store).items()))
    assert demo_outlines.correct(store, image, mask) == 0, "nothing was outlined before"
    values = read_mask(mask).values
    truth = review.load_truth(store, store.image(image))
    assert np.array_equal(truth.lesions, values > 1)
    assert np.array_equal(truth.leaf, values > 0)
    assert store.image(image).mask_known
    assert demo_outlines.correct(store, image, mask) == 1, "the same again"
    kinds = [r.info.kind for r in store.regions(image)]
    assert sorted(kinds) == [RegionKind.LEAF, RegionKind.LESION]
