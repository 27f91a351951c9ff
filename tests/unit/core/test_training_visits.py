"""Which photos an epoch shows, and how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from core.domain.ids import ImageId
from core.training.config import Stage, TrainConfig
from core.training.noise import AS_IT_IS
from core.training.photos import PhotoCache
from core.training.run_folder import Sample
from core.training.visits import RAREST, Turn, Visits

DISEASES = ["rust"] * 64 + ["blight"] * 16 + ["scab"] * 1 + [None] * 3


def visits(diseases: list[str | None], hard: tuple[int, ...] = (), **settings: object) -> Visits:
    samples = [
        Sample(ImageId(i), f"{i}.jpg", "", 8, 8, "train", disease, False)
        for i, disease in enumerate(diseases)
    ]
    cache = PhotoCache(samples, np.zeros((len(samples), 8, 8, 3), np.uint8), [{}] * len(samples))
    config = TrainConfig(classes=("rust", "blight"), batch_size=4, hard=hard)
    config = replace(config, **settings)  # type: ignore[arg-type]
    return Visits(config, cache, range(len(samples)))


def seen(what: Visits, epochs: int) -> Counter[int]:
    steps = range(epochs * what.steps_per_epoch)
    return Counter(v.index for step in steps for part in what.step(step) for v in part)


def test_an_epoch_shows_every_photo_once_where_no_disease_is_rare() -> None:
    assert set(seen(visits(["rust", "blight"] * 20), 1).values()) == {1}
    assert len(seen(visits(["rust", "blight"] * 20), 1)) == 40


def test_diseases_are_shown_as_often_as_they_come() -> None:
    assert set(seen(visits(DISEASES), 1).values()) == {1}


def test_with_balance_a_rare_disease_is_shown_more_often_and_no_photo_is_left_out() -> None:
    found = seen(visits(DISEASES, balance=0.5), 40)
    by_disease: dict[str | None, list[int]] = {}
    for i, disease in enumerate(DISEASES):
        by_disease.setdefault(disease, []).append(found[i])
    rust, blight, scab = (float(np.mean(by_disease[d])) for d in ("rust", "blight", "scab"))
    assert blight / rust == pytest.approx(2, abs=0.15)  # the root of 64 / 16
    assert scab / rust == pytest.approx(RAREST / (84 / 4 / 64) ** 0.5, abs=0.5)
    assert min(found.values()) > 0
    assert len(found) == len(DISEASES)


def test_hard_photos_are_shown_three_times_as_often() -> None:
    found = seen(visits(["rust", "blight"] * 20, hard=(3, 4)), 40)
    others = float(np.mean([found[i] for i in range(40) if i not in (3, 4)]))
    assert found[3] / others == pytest.approx(3, abs=0.25)


def test_a_step_is_the_same_whenever_it_is_asked_for() -> None:
    assert visits(DISEASES).step(17) == visits(DISEASES).step(17)
    assert visits(DISEASES).step(17) != visits(DISEASES).step(18)


def test_a_leaf_is_shown_all_four_ways() -> None:
    shown = {v.turn for k in range(20) for v in visits(DISEASES).step(k)[0]}
    assert shown == {Turn(x, y) for x in (False, True) for y in (False, True)}
    picture = np.arange(24).reshape(3, 4, 2)
    for turn in shown:
        assert np.array_equal(turn.array(picture)[0, 0], picture[-turn.flip_y, -turn.flip_x])
        assert np.array_equal(turn.array(turn.array(picture)), picture)


def test_no_visit_shows_a_leaf_as_another_did_but_preferences_see_it_as_it_is() -> None:
    def noises(**settings: object) -> list[object]:
        what = visits(DISEASES, **settings)
        return [v.noise for k in range(20) for part in what.step(k) for v in part]

    assert len(set(noises())) == len(noises())
    assert set(noises(stage=Stage.PREFERENCE)) == {AS_IT_IS}


def test_cutting_a_step_into_parts_changes_nothing_of_what_is_shown() -> None:
    whole = visits(DISEASES).step(3)
    parts = visits(DISEASES, batch_size=2, accumulation=2).step(3)
    assert [v for part in parts for v in part] == [v for part in whole for v in part]
