"""Every engine of the registry keeps the same promises, whatever is inside it.

An engine that needs a weights file gets one from ``CHECKPOINTS``; a new engine without an entry
there fails here, so that none goes untested.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.engines.base import (
    POINTING,
    Before,
    Embedder,
    EngineSpec,
    Finder,
    Prompt,
    PromptKind,
    Searcher,
    Segmenter,
)
from core.errors import ModelMissing, PromptRefused
from core.registry import discover
from core.services.segment import load_engine
from tests import small_hub_sam
from tests.small_sam import save_sam

SPECS = discover("core.engines", EngineSpec)
CHECKPOINTS: dict[str, Callable[[Path], Path]] = {
    "segment-anything": save_sam,
    "mobile-sam": small_hub_sam.save_mobile_sam,
    "sam2": small_hub_sam.save_sam2,
    "edgetam": small_hub_sam.save_edgetam,
    "sam3": small_hub_sam.save_sam3,
}
LEAF, SPOT = (70, 130, 50), (150, 80, 30)


@pytest.fixture(scope="module", params=sorted(SPECS))
def engine(request, tmp_path_factory) -> Segmenter:
    spec = SPECS[request.param]
    file = None
    if spec.needs_checkpoint:
        file = CHECKPOINTS[spec.id](tmp_path_factory.mktemp("weights") / "small.pth")
    return load_engine(spec.id, file)


def _leaf(width: int, height: int, *, spot: tuple[int, int, int]) -> np.ndarray:
    """A green field with noise and one brown spot (x, y, radius)."""
    rng = np.random.default_rng(5)
    rgb = np.full((height, width, 3), LEAF, np.uint8)
    cv2.circle(rgb, spot[:2], spot[2], SPOT, -1)
    return np.clip(rgb + rng.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)


def _inside(candidates, width: int, height: int) -> None:
    assert 1 <= len(candidates) <= 4
    scores = [c.score for c in candidates]
    assert scores == sorted(scores, reverse=True)
    for c in candidates:
        assert c.pixels.dtype == bool
        assert c.pixels.any()
        assert c.pixels.ndim == 2
        x, y = c.origin
        assert x >= 0
        assert y >= 0
        assert x + c.pixels.shape[1] <= width
        assert y + c.pixels.shape[0] <= height
        assert 0 <= c.score <= 1


def _answered_or_refused(engine: Segmenter, prompt: Prompt, width: int, height: int) -> None:
    try:
        found = engine.predict(prompt)
    except PromptRefused:
        return
    _inside(found, width, height)


def test_scanning_the_engines_loads_no_model_library():
    import subprocess
    import sys

    from core.workers import launch

    code = (
        "import sys; from core.registry import discover; from core.engines.base import EngineSpec\n"
        "assert discover('core.engines', EngineSpec)\n"
        "assert not {'torch', 'segment_anything', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=launch.environment(), check=True)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_an_engine_says_what_it_needs_in_plain_words(name):
    spec = SPECS[name]
    assert spec.title
    assert spec.note.endswith(".")
    if spec.needs_checkpoint:
        with pytest.raises(ModelMissing, match="weights file"):
            load_engine(name)
        with pytest.raises(ModelMissing, match="open it again"):
            load_engine(name, Path("gone.pth"))


def test_what_was_seen_of_a_photo_can_be_kept_and_used_again(engine):
    if not isinstance(engine, Embedder):
        pytest.skip("keeps nothing that is worth keeping")
    rgb = _leaf(200, 120, spot=(80, 60, 20))
    prompt = Prompt(((80.0, 60.0),), (True,))
    engine.set_image(rgb)
    seen = engine.embed(rgb)
    first = engine.predict(prompt)
    engine.set_image(_leaf(90, 90, spot=(20, 20, 9)))
    engine.use(rgb, seen)
    again = engine.predict(prompt)
    assert [c.origin for c in again] == [c.origin for c in first]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
    with pytest.raises(ValueError, match="expected"):
        engine.use(rgb, {name: value[:1] for name, value in seen.items()})


def test_what_nobody_pointed_at_lies_on_the_photo_and_apart(engine):
    if not isinstance(engine, Finder):
        pytest.skip("finds nothing by itself")
    rgb = _leaf(321, 241, spot=(90, 70, 25))
    cv2.circle(rgb, (230, 160), 18, SPOT, -1)
    engine.set_image(rgb)
    found = engine.everything(most=5)
    assert len(found) <= 5
    covered = np.zeros((241, 321), int)
    for one in found:
        x, y = one.origin
        height, width = one.pixels.shape
        assert x >= 0
        assert y >= 0
        assert one.pixels.any()
        covered[y : y + height, x : x + width] += one.pixels
    assert covered.shape == (241, 321)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    example = engine.predict(Prompt(((90.0, 70.0),), (True,)))[0]
    alike = engine.alike([example], most=5)
    assert all(0 <= one.score <= 1 for one in alike)
    for one in alike:
        x, y = one.origin
        shown = np.zeros((241, 321), bool)
        shown[y : y + one.pixels.shape[0], x : x + one.pixels.shape[1]] = one.pixels
        left, top = example.origin
        part = shown[top : top + example.pixels.shape[0], left : left + example.pixels.shape[1]]
        assert (part & example.pixels).sum() <= example.pixels.sum() / 2
    for one in engine.leaves():
        assert one.pixels.any()
        assert one.origin[0] + one.pixels.shape[1] <= 321
    with pytest.raises(PromptRefused, match="Select a lesion"):
        engine.alike([])


@pytest.mark.parametrize("size", [(97, 61), (1, 1), (3, 200), (641, 479), (256, 256)])
def test_photos_of_any_size_are_answered_within_the_photo(engine, size):
    width, height = size
    engine.set_image(_leaf(width, height, spot=(width // 2, height // 2, max(1, height // 6))))
    centre = (width / 2, height / 2)
    for prompt in (Prompt((centre,), (True,)), Prompt(box=(0, 0, width, height))):
        if min(size) < 4:  # there may be nothing to see
            _answered_or_refused(engine, prompt, width, height)
        else:
            _inside(engine.predict(prompt), width, height)


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(((0.0, 0.0),), (True,)),
        Prompt(((160.999, 120.999),), (True,)),
        Prompt(box=(-50, -50, 40, 40)),
        Prompt(box=(120, 90, 900, 900)),
        Prompt(((80.0, 60.0), (0.0, 120.0)), (True, False)),
        Prompt(((80.0, 60.0), (2.0, 2.0)), (False, False), (50, 30, 110, 90)),
    ],
)
def test_prompts_at_the_border_are_answered_within_the_photo(engine, prompt):
    engine.set_image(_leaf(161, 121, spot=(80, 60, 20)))
    _inside(engine.predict(prompt), 161, 121)


def test_a_box_of_one_pixel_does_no_harm(engine):
    engine.set_image(_leaf(161, 121, spot=(80, 60, 20)))
    _answered_or_refused(engine, Prompt(box=(80, 60, 81, 61)), 161, 121)


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(),
        Prompt(((5.0, 5.0),), (False,)),
        Prompt(((5.0, 5.0),), ()),
        Prompt(((-1.0, 5.0),), (True,)),
        Prompt(((5.0, 121.0),), (True,)),
        Prompt(((float("nan"), 5.0),), (True,)),
        Prompt(((float("inf"), 5.0),), (True,)),
        Prompt(box=(200, 200, 300, 300)),
        Prompt(box=(40, 40, 40, 60)),
        Prompt(box=(60, 60, 40, 40)),
    ],
)
def test_a_prompt_without_sense_is_refused_with_a_sentence(engine, prompt):
    engine.set_image(_leaf(161, 121, spot=(80, 60, 20)))
    with pytest.raises(PromptRefused) as caught:
        engine.predict(prompt)
    assert str(caught.value).endswith(".")


def test_the_same_prompt_gives_the_same_answer(engine):
    photo = _leaf(161, 121, spot=(80, 60, 20))
    prompts = [
        Prompt(((80.0, 60.0),), (True,)),
        Prompt(box=(55, 35, 105, 85)),
        Prompt(((80.0, 60.0), (100.0, 60.0)), (True, False)),
    ]
    answers = []
    for _ in range(2):
        engine.set_image(photo)
        answers.append([engine.predict(prompt) for prompt in prompts])
        engine.set_image(photo[::-1].copy())  # another photo in between leaves no trace
        engine.predict(prompts[0])
    for first, second in zip(*answers, strict=True):
        assert [c.origin for c in first] == [c.origin for c in second]
        assert [c.score for c in first] == [c.score for c in second]
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))


def test_the_photo_is_not_changed(engine):
    photo = _leaf(161, 121, spot=(80, 60, 20))
    before = photo.copy()
    photo.setflags(write=False)
    engine.set_image(photo)
    engine.predict(Prompt(box=(55, 35, 105, 85)))
    assert np.array_equal(photo, before)


def test_every_engine_takes_what_it_says_it_takes():
    for spec in SPECS.values():
        assert spec.prompts >= POINTING, "the tools for clicks and boxes are there with every one"


def test_an_engine_can_be_asked_for_exactly_what_it_declares(engine, request):
    prompts = SPECS[request.node.callspec.params["engine"]].prompts
    by_itself = {PromptKind.WHOLE_LEAF, PromptKind.EVERYTHING, PromptKind.ALIKE}
    assert prompts & by_itself == (by_itself if isinstance(engine, Finder) else set())
    told = prompts & {PromptKind.TEXT, PromptKind.EXEMPLAR}
    assert bool(told) == isinstance(engine, Searcher)
    engine.set_image(_leaf(161, 121, spot=(80, 60, 20)))
    before = Before(np.ones((40, 40), bool), (60, 40))
    less = Prompt(((70.0, 50.0),), (False,), before=before)
    if PromptKind.BEFORE in prompts:
        _answered_or_refused(engine, less, 161, 121)
    else:
        with pytest.raises(PromptRefused):
            engine.predict(less)
