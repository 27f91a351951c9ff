"""How many photos at a time a run takes: the most that memory has room for, and what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.services import memory_lines
from core.services.bases import ChosenBase, choose
from core.services.checks import Level
from core.services.memory_lines import Device
from core.training import batching, forecast
from core.training.batching import Taken
from core.training.config import LARGE, PRESETS, TrainConfig
from tests.doubles.workers import fake_base
from tests.unit.core.test_training_forecast import GEMMA_4B, GIB

BEGUN = replace(TrainConfig(), **LARGE)  # type: ignore[arg-type]
"""One photo at a time, eight a step, and more where there is room."""


def gib_each(at_once: int) -> float:
    return float(GIB * at_once)


def at_once(free: float, config: TrainConfig = BEGUN, processes: int = 1, *, gpu: bool) -> int:
    found = batching.find(config, gib_each, free, gpu=gpu, processes=processes)
    assert found.whole == config.batch_size * config.accumulation
    return found.at_once


def test_as_many_photos_at_a_time_as_there_is_room_for_and_never_more_than_a_step_has() -> None:
    assert at_once(80 * GIB, gpu=True) == 8
    assert at_once(5 * GIB, gpu=True) == 4
    assert at_once(1.5 * GIB, gpu=True) == 1
    assert at_once(0.5 * GIB, gpu=True) == 1, "whether one fits is asked elsewhere"


def test_of_a_card_a_tenth_is_left_alone_and_of_a_computers_memory_a_quarter() -> None:
    assert at_once(8.8 * GIB, gpu=True) == 4
    assert at_once(8.9 * GIB, gpu=True) == 8
    assert at_once(8.9 * GIB, gpu=False) == 4
    assert at_once(10.7 * GIB, gpu=False) == 8


def test_every_part_of_a_step_has_as_many_photos() -> None:
    twelve = replace(BEGUN, accumulation=12)
    assert [at_once(n * GIB, twelve, gpu=True) for n in (2.5, 5, 6, 9, 11, 14)] == [
        2, 4, 4, 6, 6, 12,
    ]  # fmt: skip
    assert at_once(80 * GIB, replace(BEGUN, batch_size=2, accumulation=3), gpu=True) == 6


def test_processes_look_at_their_share_and_without_cards_all_take_it_of_one_memory() -> None:
    assert at_once(80 * GIB, processes=2, gpu=True) == 4, "the other four are the other's"
    assert at_once(5 * GIB, processes=2, gpu=True) == 4
    assert at_once(5 * GIB, processes=2, gpu=False) == 1
    assert at_once(5.4 * GIB, processes=2, gpu=False) == 2


def test_what_parts_took_decides_and_not_what_formulae_say_they_take() -> None:
    def plain(n: int) -> float:
        return forecast.forecast(GEMMA_4B, replace(BEGUN, batch_size=n), gpu=True).step

    each = plain(2) - plain(1)
    for taken, more in (
        (Taken(3 * GIB, 3 * GIB + 2 * each), 2.0),
        (Taken(3 * GIB), 1.0),
        (Taken(3 * GIB, 3 * GIB), 1.0),  # too small a difference is no sign of photos without size
    ):
        needed = batching.part_bytes(GEMMA_4B, BEGUN, taken, gpu=True)
        assert needed(1) == 3 * GIB
        assert needed(8) == pytest.approx(3 * GIB + more * (plain(8) - plain(1)))


def test_a_run_says_how_many_and_why() -> None:
    most = batching.find(BEGUN, gib_each, 80 * GIB, gpu=True)
    assert most.sentence() == (
        "8 photos at a time, all of a step: about 8.6 GB of 86 GB free memory."
    )
    some = batching.find(BEGUN, gib_each, 3 * GIB, gpu=False)
    assert some.sentence() == (
        "2 photos at a time, 8 a step: 4 would take about 4.3 GB, and of 3.2 GB free memory 25 % "
        "is left alone."
    )


@pytest.fixture
def base(tmp_path: Path) -> ChosenBase:
    return choose(f"gemma-3={fake_base(tmp_path / 'base')}")


@pytest.mark.parametrize(("gib", "said"), [(80, "8 photos at a time"), (0, "cannot be measured")])
def test_preflight_foresees_it_where_nobody_chose_a_number(
    base: ChosenBase, gib: int, said: str
) -> None:
    card = Device("A card", 80 * GIB, gib * GIB)
    config = replace(BEGUN, base="gemma-3", base_path=base.path)
    found = {c.id: c for c in memory_lines.memory_lines(base, config, card)}
    assert said in found["memory.parts"].text
    assert found["memory.parts"].level is (Level.OK if gib else Level.UNKNOWN)
    chosen = replace(config, auto_batch_size=False)
    assert "memory.parts" not in {c.id for c in memory_lines.memory_lines(base, chosen, card)}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.id)
def test_only_a_base_model_from_a_folder_begins_with_as_many_as_there_is_room_for(preset) -> None:
    assert preset.settings(embedded=False).auto_batch_size
    assert not preset.settings(embedded=True).auto_batch_size
