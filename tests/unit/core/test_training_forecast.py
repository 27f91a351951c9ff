"""The memory of a step is foreseen by term, and what cannot fit is refused with the way out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_run import SETTINGS, drawn_run

from core.errors import ModelMissing, TrainingRefused
from core.files import size_text
from core.services import machine
from core.services.checks import Level
from core.services.memory_lines import Device, fits
from core.training import calibration, forecast, model_shape, room
from core.training.config import Answers, Method, Optimiser, Tower, TrainConfig
from core.training.forecast import Forecast, Term
from core.training.model_shape import Shape
from tests.doubles.workers import fake_base

GIB = 2**30
# Gemma 3 4B: 34 layers of 2560, SigLIP so400m at 896 pixels.
GEMMA_4B = Shape(
    linear=3_208_642_560,
    tables=671_252_480,
    rest=420_000_000,
    projector=2_952_192,
    lora_text=34 * (4 * 2560 + 2 * 2048 + 4 * 1024 // 2 + 3 * (2560 + 10_240)),
    lora_tower=27 * (8 * 1152 + 2 * (1152 + 4304)),
    hidden=2560,
    layers=34,
    inner=10_240,
    heads_width=2048,
    vocabulary=262_208,
    image_tokens=256,
    tower_hidden=1152,
    tower_layers=27,
    tower_inner=4304,
    patches=4096,
)
SMALLEST = TrainConfig(method=Method.QLORA_NF4, batch_size=1, recompute=True)


def total(config: TrainConfig, *, gpu: bool = True) -> float:
    return forecast.forecast(GEMMA_4B, config, gpu=gpu).total / GIB


def test_a_model_of_four_thousand_million_weights_fits_a_small_card_in_four_bits() -> None:
    assert 3.5 < total(SMALLEST) < 5.6
    assert total(replace(SMALLEST, method=Method.LORA_FP32)) > 9


@pytest.mark.parametrize(
    "dearer",
    [
        {"recompute": False},
        {"method": Method.LORA_FP32},
        {"batch_size": 2},
        {"tower": Tower.LORA},
        {"rank": 64},
    ],
    ids=str,
)
def test_what_costs_memory_is_seen_to_cost_it(dearer: dict[str, object]) -> None:
    assert total(replace(SMALLEST, **dearer)) > total(SMALLEST)  # type: ignore[arg-type]


def test_every_term_is_named_and_their_sum_is_the_whole() -> None:
    found = forecast.forecast(GEMMA_4B, SMALLEST, gpu=True)
    assert len({t.id for t in found.terms}) == len(found.terms) == 8
    assert all(t.title and t.bytes > 0 for t in found.terms)
    twice = forecast.forecast(GEMMA_4B, SMALLEST, gpu=True, factor=2.0)
    assert twice.total == pytest.approx(found.total + found.step)


def test_weights_are_counted_in_the_files_own_headers(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    folder = fake_base(tmp_path / "m")
    tower = "model.vision_tower.encoder.layers.0.self_attn.q_proj.weight"
    projector = "model.multi_modal_projector.mm_input_projection_weight"
    more = {tower: np.zeros((6, 4), np.float32), projector: np.zeros((6, 8), np.float32)}
    save_file(more, folder / "n.safetensors")
    found = model_shape.shape(folder)
    assert (found.linear, found.tables, found.rest) == (64, 128, 24 + 48)
    assert (found.lora_text, found.lora_tower, found.projector) == (16, 10, 48)
    assert (found.hidden, found.layers) == (8, 1)


GEMMA_E = replace(
    GEMMA_4B, image_tokens=256, patches=256 * 9, pooling=3, per_layer=2_818_572_288, layer_width=256
)
"""As Gemma 4 E4B is: a row for each layer, and a choice of how many tokens a photo takes up."""


def terms(model: Shape, config: TrainConfig, *, gpu: bool = False) -> dict[str, float]:
    return {t.id: t.bytes for t in forecast.forecast(model, config, gpu=gpu).terms}


def test_more_image_tokens_take_more_memory_where_they_are_a_choice() -> None:
    few, many = (replace(SMALLEST, image_tokens=n) for n in (70, 1120))
    assert terms(GEMMA_E, many)["layers"] > 3 * terms(GEMMA_E, few)["layers"]
    assert GEMMA_E.seen(1120) == (33 * 33, 9 * 33 * 33)
    assert terms(GEMMA_4B, many) == terms(GEMMA_4B, few)


def test_rows_for_each_layer_are_in_the_computers_memory_and_never_on_a_card() -> None:
    assert terms(GEMMA_E, SMALLEST)["per_layer"] == 4 * GEMMA_E.per_layer
    assert "per_layer" not in terms(GEMMA_E, SMALLEST, gpu=True)


def test_how_many_tokens_a_photo_takes_up_stands_with_the_processor(tmp_path: Path) -> None:
    folder = fake_base(tmp_path / "m")
    raw = json.loads((folder / "config.json").read_text())
    seen = {"hidden_size": 8, "num_hidden_layers": 1, "pooling_kernel_size": 3}
    (folder / "config.json").write_text(json.dumps(raw | {"vision_config": seen}))
    assert model_shape.shape(folder).seen(0) == (256, 256 * 9)
    told = {"image_processor": {"max_soft_tokens": 70}}
    (folder / "processor_config.json").write_text(json.dumps(told))
    assert model_shape.shape(folder).seen(0) == (64, 64 * 9)


def test_the_model_that_a_head_builds_on_is_held_beside_the_base(tmp_path: Path) -> None:
    sam = tmp_path / "sam.pth"
    sam.write_bytes(bytes(1000))
    config = replace(SMALLEST, head="sam", head_path=str(sam))
    assert terms(GEMMA_4B, config)["eye"] == 1000
    assert "eye" not in terms(GEMMA_4B, SMALLEST)
    assert terms(GEMMA_4B, config)["head"] > terms(GEMMA_4B, SMALLEST)["head"]
    # To look at a photo with it takes more than a step does, and happens at another time.
    looking, found = 3 * 12 * 4096**2 * 4, forecast.forecast(GEMMA_4B, config, gpu=True)
    assert found.moving == looking
    assert found.step < looking


def test_a_head_of_few_cells_takes_less_than_one_of_many() -> None:
    assert (
        terms(GEMMA_4B, replace(SMALLEST, head="grid"))["head"] < terms(GEMMA_4B, SMALLEST)["head"]
    )


def test_a_frozen_tower_looks_before_the_steps_and_not_beside_them() -> None:
    large = replace(GEMMA_4B, tower_hidden=100_000)
    found = forecast.forecast(large, SMALLEST, gpu=True)
    assert found.moving == 2 * 4096 * (12 * 100_000 + 4 * large.tower_inner) * 2
    assert "look" not in terms(replace(GEMMA_4B, tower_hidden=8, tower_inner=8), SMALLEST)


def test_what_steps_took_here_says_nothing_of_a_look_before_them() -> None:
    """Once measured twice as large, steps take twice as much, and the look what it took."""
    large = replace(GEMMA_4B, tower_hidden=100_000)
    found = forecast.forecast(large, SMALLEST, gpu=True)
    twice = forecast.forecast(large, SMALLEST, gpu=True, factor=2.0)
    assert twice.step == pytest.approx(2 * found.step)
    assert twice.moving == pytest.approx(found.moving)
    vast = forecast.forecast(large, SMALLEST, gpu=True, factor=1e4)
    assert vast.moving == pytest.approx(1e4 * found.step)


def test_a_trained_weights_moments_stay_between_steps_and_its_gradient_does_not() -> None:
    found = forecast.forecast(GEMMA_4B, SMALLEST, gpu=True)
    by_id, count = (
        {t.id: t.bytes for t in found.terms},
        forecast.trained_weights(GEMMA_4B, SMALLEST),
    )
    assert by_id["trained"] == 12 * count
    assert by_id["gradients"] == 4 * count
    step = sum(by_id.get(name, 0) for name in ("gradients", "layers", "logits", "head", "tower"))
    assert found.moving == pytest.approx(step)
    few = replace(SMALLEST, optimiser=Optimiser.ADAMW_8BIT)
    assert terms(GEMMA_4B, few)["trained"] == 6 * count


@pytest.mark.parametrize(
    "raw",
    [
        "{}",
        "[]",
        "nonsense",
        '{"num_attention_heads": "many"}',
        '{"num_attention_heads": 0, "hidden_size": 8}',
        '{"num_attention_heads": 1e999}',
        "[" * 200_000,
    ],
    ids=lambda raw: raw[:45],
)
def test_a_config_that_makes_no_sense_is_told(tmp_path: Path, raw: str) -> None:
    folder = fake_base(tmp_path / "m")
    (folder / "config.json").write_text(raw)
    with pytest.raises(ModelMissing, match="get the model again"):
        model_shape.shape(folder)


# -- ways out


def test_what_no_memory_here_can_hold_is_refused_with_the_three_cheapest_remedies() -> None:
    wasteful = TrainConfig(batch_size=8, rank=64, tower=Tower.LORA)
    said = room.problems(GEMMA_4B, wasteful, gpu=True, total=8 * GIB)
    assert "needs about" in said[0]
    assert "the graphics card has" in said[0]
    assert len(said) == 4
    assert "batch size to 1 and gradient accumulation to 8" in said[1]
    assert room.problems(GEMMA_4B, SMALLEST, gpu=True, total=8 * GIB) == []


def test_a_model_that_no_setting_makes_fit_says_so() -> None:
    said = room.problems(GEMMA_4B, TrainConfig(), gpu=True, total=2 * GIB)
    assert said[1:] == ["No setting makes it fit; choose a smaller base model."]


def by_formula(config: TrainConfig) -> float:
    return forecast.forecast(GEMMA_4B, config, gpu=True).total


def test_remedies_keep_the_photos_of_a_step_and_each_takes_less() -> None:
    wasteful = TrainConfig(batch_size=4, accumulation=2, rank=64, tower=Tower.LORA)
    needed = by_formula(wasteful)
    found = forecast.savings(wasteful, by_formula)
    assert len(found) >= 5
    for one in found:
        assert one.config.batch_size * one.config.accumulation == 8
        assert one.bytes < needed
    least = forecast.smallest(wasteful, by_formula)
    assert least.optimiser is Optimiser.ADAMW_8BIT
    assert forecast.savings(least, by_formula) == []


def test_what_is_enough_by_itself_is_told_before_what_is_cheaper_and_is_not() -> None:
    """Of three remedies two could save a fiftieth of what is missing."""
    config = TrainConfig(method=Method.LORA_FP32, batch_size=1, rank=64)
    told = room.problems(GEMMA_4B, config, gpu=True, total=11 * GIB)[1:]
    assert ["QLoRA" in one for one in told] == [True, False, False]
    # Where nothing is, the cheapest in time comes first.
    told = room.problems(GEMMA_4B, config, gpu=True, total=8 * GIB)[1:]
    assert "AdamW in 8 bits" in told[0]


def test_nothing_is_refused_where_nobody_says_how_much_there_is() -> None:
    assert room.problems(GEMMA_4B, TrainConfig(), gpu=False, total=0) == []


# -- several processes


def test_every_process_without_a_card_of_its_own_holds_the_model_in_the_same_memory() -> None:
    """Two that fit alone filled a laptop's memory together, and the system ended one of them."""
    config = replace(SMALLEST, batch_size=4)
    one = forecast.forecast(GEMMA_4B, config, gpu=False).total
    share = forecast.forecast(GEMMA_4B, replace(config, batch_size=1), gpu=False).total
    total = round(1.5 * one)
    assert room.problems(GEMMA_4B, config, gpu=False, total=total) == []
    said = room.problems(GEMMA_4B, config, gpu=False, total=total, processes=4)
    assert "each of 4 processes holds the model" in said[0]
    assert size_text(4 * share) in said[0]
    assert said[1].startswith("Start 1 process. That takes")
    assert len(said) <= 4
    assert room.problems(GEMMA_4B, config, gpu=True, total=total, processes=4) == []


def test_as_many_processes_as_fit_are_told_first() -> None:
    one = forecast.forecast(GEMMA_4B, SMALLEST, gpu=False).total
    said = room.problems(GEMMA_4B, SMALLEST, gpu=False, total=round(3.1 * one), processes=8)
    assert said[1].startswith("Start 3 processes.")
    said = room.problems(GEMMA_4B, SMALLEST, gpu=False, total=GIB, processes=8)
    assert said[1:] == ["No setting makes it fit; choose a smaller base model."]


def test_a_run_asks_for_the_memory_of_all_its_processes_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import device, learner
    from core.training.recipe import Recipe
    from core.training.together import Group, Place

    run = drawn_run(tmp_path / "run")
    model = model_shape.shape(learner.base_folder(TrainConfig()))
    one = room.needed(model, TrainConfig.read(run.config), gpu=False)
    here = machine.Memory(round(1.5 * one), round(1.5 * one))
    monkeypatch.setattr(device.machine, "memory", lambda: here)
    monkeypatch.setattr(device.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(learner, "load", lambda *_: pytest.fail("a model was built"))
    two = Recipe(run, lambda _: None, lambda: False, group=Group(Place(0, 2)))
    with pytest.raises(TrainingRefused, match="each of 2 processes holds the model"):
        two.setup()
    apart = Recipe(run, lambda _: None, lambda: False, group=Group(Place(0, 2, here=1)))
    with pytest.raises(pytest.fail.Exception, match="built"):
        apart.setup()


def test_preflight_multiplies_too(tmp_path: Path) -> None:
    where = Device("", round(1.5 * GIB), GIB)
    sums = Forecast((Term("weights", "Weights", float(GIB)),))
    assert fits(sums, where, [], measured=False).level is Level.OK
    line = fits(sums, where, ["Start 1 process."], measured=False, processes=2)
    assert line.level is Level.FAIL
    assert "2 processes that each hold the model" in line.text
    card = fits(sums, replace(where, name="card"), [], measured=False, processes=2)
    assert card.level is Level.OK


# -- a model beyond any machine


def sparse_model(folder: Path, layers: int, width: int) -> Path:
    """A folder as of a model of so many layers, whose weights take nothing on the disk."""
    fake_base(folder)
    for file in folder.glob("*.safetensors"):
        file.unlink()
    text = {
        "hidden_size": width, "num_hidden_layers": layers, "intermediate_size": 4 * width,
        "num_attention_heads": width // 128, "head_dim": 128, "vocab_size": 262_208,
    }  # fmt: skip
    sides = {"q": (width, width), "k": (width, width), "v": (width, width), "o": (width, width)}
    header, end = {}, 0
    for layer in range(layers):
        for name, (rows, columns) in sides.items():
            size = 2 * rows * columns
            header[f"model.language_model.layers.{layer}.self_attn.{name}_proj.weight"] = {
                "dtype": "BF16", "shape": [rows, columns], "data_offsets": [end, end + size],
            }  # fmt: skip
            end += size
    raw = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
    config = {"model_type": "gemma3", "text_config": text, "vision_config": {}}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.mark.parametrize(("layers", "width"), [(900, 2560), (40, 65_536)])
def test_a_model_beyond_any_machine_is_refused_before_anything_is_built(
    layers: int, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import device, learner
    from core.training.recipe import Recipe

    base = sparse_model(tmp_path / "base", layers, width)
    dear = {"batch_size": 8, "rank": 64, "tower": Tower.LORA}
    config = replace(SETTINGS, base="gemma-3", base_path=str(base), **dear)  # type: ignore[arg-type]
    run = drawn_run(tmp_path / "run", settings=config)
    monkeypatch.setattr(learner, "load", lambda *_: pytest.fail("a model was built"))
    monkeypatch.setattr(device.torch.cuda, "is_available", lambda: False)

    def refused(total: float) -> list[str]:
        here = machine.Memory(round(total), round(total))
        monkeypatch.setattr(device.machine, "memory", lambda: here)
        with pytest.raises(TrainingRefused) as caught:
            Recipe(run, lambda _: None, lambda: False).setup()
        return caught.value.problems

    assert refused(16 * GIB)[1:] == ["No setting makes it fit; choose a smaller base model."]
    most = room.needed(model_shape.shape(base), TrainConfig.read(run.config), gpu=False)
    said = refused(0.9 * most)
    assert len(said) == 4, "with the three cheapest remedies where there are any"
    assert all(one.startswith("Under Advanced") for one in said[1:])


# -- calibration


def test_what_steps_took_here_corrects_the_next_forecast() -> None:
    plain = room.predicted(GEMMA_4B, SMALLEST, gpu=True)
    calibration.remember(SMALLEST, 1.5, gpu=True)
    assert room.predicted(GEMMA_4B, SMALLEST, gpu=True).total == pytest.approx(
        plain.total + 0.5 * plain.step
    )
    assert calibration.factor(SMALLEST, gpu=False) is None
    others: list[dict[str, object]] = [
        {"recompute": False}, {"tower": Tower.LORA}, {"answers": Answers.CLASS},
    ]  # fmt: skip
    for other in others:
        assert calibration.factor(replace(SMALLEST, **other), gpu=True) is None  # type: ignore[arg-type]


def test_ways_out_are_measured_as_the_training_is() -> None:
    """By the formulae there would be some, none of which is enough here."""
    tight = replace(SMALLEST, rank=64)
    total = round(0.95 * forecast.forecast(GEMMA_4B, tight, gpu=True).total)
    assert len(room.problems(GEMMA_4B, tight, gpu=True, total=total)) > 2
    calibration.remember(tight, 9.0, gpu=True)
    said = room.problems(GEMMA_4B, tight, gpu=True, total=total)
    assert said[1:] == ["No setting makes it fit; choose a smaller base model."]


@pytest.mark.parametrize("raw", ["", "[]", '{"x": "y"}'])
def test_a_damaged_note_of_factors_is_none(raw: str) -> None:
    calibration.remember(SMALLEST, 1.5, gpu=True)
    file = calibration._file()
    assert json.loads(file.read_text())
    file.write_text(raw)
    assert calibration.factor(SMALLEST, gpu=True) is None


def test_a_factor_beyond_belief_is_not_believed() -> None:
    calibration.remember(SMALLEST, 1000.0, gpu=True)
    assert calibration.factor(SMALLEST, gpu=True) is None


def test_scores_that_go_through_a_cap_take_twice_as_much() -> None:
    capped = terms(replace(GEMMA_4B, capped=True), SMALLEST)
    assert capped["logits"] == 2 * terms(GEMMA_4B, SMALLEST)["logits"]
