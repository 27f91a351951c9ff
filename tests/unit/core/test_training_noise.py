"""Photos that differ from visit to visit: how far, and that it is the visit's alone."""

from __future__ import annotations

import numpy as np
import pytest

from core.training.noise import AS_IT_IS, Noise

PHOTO = np.random.default_rng(3).integers(0, 256, (6, 5, 3), np.uint8)


def drawn(seed: int, *, jitter: float = 1.0, unseen: float = 0.1) -> Noise:
    return Noise.drawn(np.random.default_rng(seed), jitter=jitter, unseen=unseen)


def test_no_two_visits_see_a_leaf_in_the_same_light() -> None:
    shown = {drawn(seed).light(PHOTO).tobytes() for seed in range(20)}
    assert len(shown) == 20
    assert np.array_equal(drawn(4).light(PHOTO), drawn(4).light(PHOTO))


def test_light_varies_as_a_cloudy_day_does_and_never_turns_a_leaf_into_another() -> None:
    grey = np.full((1, 1, 3), 128, np.uint8)
    values = np.stack([drawn(seed).light(grey)[0, 0] for seed in range(500)]).astype(int)
    assert values.mean() == pytest.approx(128, abs=4)
    assert 60 < values.min() < 110
    assert 146 < values.max() < 200
    assert np.abs(values[:, 0] - values[:, 1]).max() < 60
    ramp = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, 2)
    assert (np.diff(drawn(7).light(ramp)[:, 0].astype(int), axis=0) >= 0).all()


def test_without_jitter_and_dropout_a_photo_is_shown_as_it_is() -> None:
    for noise in (AS_IT_IS, drawn(1, jitter=0.0, unseen=0.0)):
        assert np.array_equal(noise.light(PHOTO), PHOTO)
        assert (noise.seen(64, 1) == 1).all()


def test_the_share_asked_for_is_hidden_and_the_rest_makes_up_for_it() -> None:
    factors = np.stack([drawn(seed, unseen=0.25).seen(400, 1) for seed in range(50)])
    assert (factors == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert factors.mean() == pytest.approx(1, abs=0.03)
    one = drawn(5, unseen=0.25)
    assert np.array_equal(one.seen(400, 1), one.seen(400, 1))
    assert not np.array_equal(one.seen(400, 1), one.seen(400, 2))
