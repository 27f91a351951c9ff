"""What saves memory changes nothing else: the same gradients, the same figures, the same photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.training import forward, learner, recompute
from core.training.config import Optimiser, TrainConfig
from core.training.features import Features
from core.training.forward import converse, mask_loss
from core.training.learner import Learner
from core.training.optimising import load_optimiser, optimiser_of, optimiser_state
from core.training.photos import PhotoCache
from core.training.predict import grid_of, head_input
from core.training.prompts import CLASSIFY, DIAGNOSE, LEAF, SHOWN, diagnosis
from core.training.run_folder import Sample
from core.training.weave import Asked

SETTINGS = TrainConfig(classes=("healthy", "rust", "miner"), healthy="healthy", rank=4, dropout=0.0)
QUESTIONS = [
    (0, DIAGNOSE, diagnosis("rust")),
    (0, LEAF, SHOWN),
    (1, DIAGNOSE, diagnosis("healthy")),
    (1, CLASSIFY, "healthy"),
]


def gradients(model: Learner, photos: list[np.ndarray]) -> dict[str, torch.Tensor]:
    """Of one loss over answers and masks."""
    model.train(True)
    with torch.no_grad():
        features = model.vlm.tower(model.vlm.pixels(photos))
    maps = model.head.features(head_input(model, photos), grid_of(model, features))
    asked = [Asked(i, model.vlm.render(p, a)) for i, p, a in QUESTIONS]
    told = converse(model, model.vlm.tokens(features), maps, asked)
    loss = -told.scores(len(asked)).mean() + mask_loss(told.masks, torch.ones_like(told.masks))
    torch.autograd.backward(loss)
    return {n: p.grad.clone() for n, p in model.parameters().items() if p.grad is not None}


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 255, (448, 448, 3), dtype=np.uint8) for _ in range(2)]


def randomised(config: TrainConfig) -> Learner:
    """With LoRA already away from its start, where half of its gradients are 0."""
    model = learner.load(config)
    torch.manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.parameters().items():
            if "lora_B" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.05)
    return model


def assert_same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, atol=2e-5, rtol=1e-3, msg=name)


@pytest.mark.parametrize("tower", ["frozen", "lora"])
def test_layers_computed_again_give_the_same_gradients(
    photos: list[np.ndarray], tower: str
) -> None:
    config = replace(SETTINGS, tower=type(SETTINGS.tower)(tower))
    wanted = gradients(randomised(config), photos)
    assert_same(gradients(randomised(replace(config, recompute=True)), photos), wanted)


def test_layers_keep_less_when_they_are_computed_again(photos: list[np.ndarray]) -> None:
    kept = {}
    for again in (False, True):
        held: set[int] = set()
        model = randomised(replace(SETTINGS, recompute=again))

        def pack(tensor: torch.Tensor, held: set[int] = held) -> torch.Tensor:
            held.add(tensor.untyped_storage().data_ptr())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            gradients(model, photos)
        kept[again] = len(held)
    assert kept[True] < kept[False]


def test_layers_that_share_keys_and_values_are_computed_again_rightly() -> None:
    """Gemma 4 E2B and E4B: reentrant checkpointing gets this wrong without a word."""
    from transformers import DynamicCache, Gemma4TextConfig
    from transformers.models.gemma4.modeling_gemma4 import Gemma4TextModel

    torch.manual_seed(0)
    config = Gemma4TextConfig(
        vocab_size=64,
        vocab_size_per_layer_input=64,
        hidden_size=32,
        hidden_size_per_layer_input=8,
        intermediate_size=64,
        num_hidden_layers=6,
        num_kv_shared_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        global_head_dim=8,
        sliding_window=16,
        layer_types=["sliding_attention", "full_attention"] * 3,
    )
    model = Gemma4TextModel(config)
    model.requires_grad_(True)

    def turn_by_turn() -> dict[str, torch.Tensor]:
        model.zero_grad()
        model.train()
        ids = torch.arange(20)[None] % 64
        cache = DynamicCache()
        early = model(input_ids=ids[:, :14], past_key_values=cache, use_cache=True)
        late = model(input_ids=ids[:, 14:], past_key_values=cache, use_cache=True)
        states = torch.cat([early.last_hidden_state, late.last_hidden_state], 1)
        torch.autograd.backward(states.square().sum() + states.sum())
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    wanted = turn_by_turn()
    assert recompute.install(model) == 6
    assert_same(turn_by_turn(), wanted)


def test_trained_rows_say_what_peft_itself_would_say(photos: list[np.ndarray]) -> None:
    ours = randomised(SETTINGS)
    layers = [m for m in ours.peft.modules() if type(m).__name__ == "TrainableTokensLayer"]
    assert len(layers) == 2
    with torch.no_grad():
        layers[0].trainable_tokens_delta["default"].add_(0.5)
    found = gradients(ours, photos)
    for parameter in ours.parameters().values():
        parameter.grad = None
    for layer in layers:
        del layer.forward_adapters  # peft's own, which copies the table
    assert_same(found, gradients(ours, photos))


def test_logits_in_parts_are_those_of_one_piece(
    photos: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = gradients(randomised(SETTINGS), photos)
    monkeypatch.setattr(forward, "ROWS_BYTES", 4 * 926 * 3)
    assert_same(gradients(randomised(SETTINGS), photos), wanted)


def test_an_optimiser_in_eight_bits_goes_on_where_it_was(tmp_path: Path) -> None:
    config = replace(SETTINGS, optimiser=Optimiser.ADAMW_8BIT)

    def step(model: Learner, optimiser: torch.optim.Optimizer, number: int) -> None:
        for group in optimiser.param_groups:
            group["lr"] = 1e-3
        for k, parameter in enumerate(model.parameters().values()):
            generator = torch.Generator().manual_seed(1000 * number + k)
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimiser.step()

    first = learner.load(config)
    optimiser = optimiser_of(first, config)
    step(first, optimiser, 1)
    weights, state = first.state(), optimiser_state(optimiser, first)
    assert any(value.dtype is torch.uint8 for value in state.values())
    step(first, optimiser, 2)

    again = learner.load(config)
    again.load(weights)
    other = optimiser_of(again, config)
    load_optimiser(other, again, state)
    # A card's kernels read moments in the order in which they lie, not in that of their sides.
    for one, same in zip(first.parameters().values(), again.parameters().values(), strict=True):
        assert optimiser.state[one]["state1"].stride() == other.state[same]["state1"].stride()
    step(again, other, 2)
    assert all(torch.equal(v, again.state()[n]) for n, v in first.state().items())


# -- what a frozen tower saw


def cache_of(photos: list[np.ndarray]) -> PhotoCache:
    samples = [
        Sample(k + 1, "", f"{k + 1:064x}", 448, 448, "train", None, False)  # type: ignore[arg-type]
        for k in range(len(photos))
    ]
    return PhotoCache(samples, np.stack(photos), [{} for _ in photos])


@pytest.fixture(scope="module")
def model() -> Learner:
    found = learner.load(SETTINGS)
    found.train(False)
    return found


def looked(model: Learner, photos: list[np.ndarray], folder: Path, **other: object) -> Features:
    settings = {"budget": 1 << 30, "digest": "a" * 64} | other
    found = Features(model.vlm, cache_of(photos), folder, **settings)  # type: ignore[arg-type]
    found.prepare(lambda done, of: None)
    return found


def test_a_second_run_looks_at_no_photo_again(
    model: Learner, photos: list[np.ndarray], tmp_path: Path
) -> None:
    first = looked(model, photos, tmp_path)
    again = looked(model, photos, tmp_path)
    assert (first.looked, again.looked) == (2, 0)
    assert all(map(np.array_equal, first.of([1, 0, 1]), again.of([1, 0, 1])))
    assert {p.suffix for p in tmp_path.iterdir()} == {".safetensors"}


def test_features_are_those_of_the_tower(
    model: Learner, photos: list[np.ndarray], tmp_path: Path
) -> None:
    kept = looked(model, photos, tmp_path).of([1])[0]
    with torch.inference_mode():
        seen = model.vlm.tower(model.vlm.pixels(photos[1:]))[0].numpy()
    np.testing.assert_allclose(kept.astype(np.float32), seen, atol=2e-2, rtol=2e-3)


def test_other_weights_or_a_damaged_file_are_looked_at_anew(
    model: Learner, photos: list[np.ndarray], tmp_path: Path
) -> None:
    looked(model, photos, tmp_path)
    assert looked(model, photos, tmp_path, digest="b" * 64).looked == 2
    for file in tmp_path.iterdir():
        data = bytearray(file.read_bytes())
        data[-7] ^= 1
        file.write_bytes(data)
    assert looked(model, photos, tmp_path).looked == 2


def test_the_budget_bounds_the_folder_and_every_photo_is_still_seen(
    model: Learner, photos: list[np.ndarray], tmp_path: Path
) -> None:
    channels, rows, columns = model.vlm.grid
    one = rows * columns * channels * 2 + 4096
    found = looked(model, photos, tmp_path, budget=one + one // 2)
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= one + one // 2
    assert (len(found.of([0, 1])), found.looked) == (2, 2)
