"""How a step's photos are shared by processes, and what one that trains alone makes of it."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path

import pytest
import torch

from core.training import together
from core.training.together import Group, Place
from core.workers import launch, train

PARTS = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("size", [1, 2, 3, 16])
def test_every_photo_is_learnt_by_one_process_and_none_holds_more_at_a_time(size: int) -> None:
    shares = [Group(Place(rank, size)).share(PARTS) for rank in range(size)]
    photos = sorted(chain.from_iterable(chain.from_iterable(shares)))
    assert photos == list(range(10))
    assert all(len(part) <= 4 for share in shares for part in share)
    counts = [sum(map(len, share)) for share in shares]
    assert max(counts) - min(counts) <= 1
    assert all(len(share) == -(-count // 4) for share, count in zip(shares, counts, strict=True))


def test_a_process_alone_leaves_everything_as_it_is() -> None:
    group = Group()
    learnt, idle = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    learnt.grad = torch.tensor([1.0, 2.0])
    before = learnt.grad
    assert group.share(PARTS) == PARTS
    assert group.add([learnt, idle], [0.5, True]) == [0.5, True]
    assert learnt.grad is before
    assert idle.grad is None
    assert group.agree([3.0]) == [3.0]
    assert group.first_does(lambda: "done") == "done"
    assert group.telling(lambda: True)()


def test_a_launcher_says_who_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert together.place() == Place(0, 1, 0)
    assert not together.started_alone()
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert together.place() == Place(3, 4, 1)
    monkeypatch.setenv(together.FSDP, "true")
    assert together.place() == Place(3, 4, 1, sharding=True)
    assert Group(together.place()).here == 4
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert Group(together.place()).here == 2


def test_one_process_where_several_were_meant_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `accelerate launch --cpu --num_processes 2` does, without MPI."""
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("MASTER_PORT", "29500")
    assert "--multi_gpu" in train._togetherness(together.place())
    assert train._togetherness(Place(0, 2, 0)) == "2 processes share the photos of every step."
    assert "has to fit each" in train._togetherness(Place(0, 2, 0, sharding=True))


def test_more_processes_than_cards_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.errors import TrainingRefused

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(TrainingRefused, match="1 graphics card for 2 processes"):
        together.join(Place(1, 2, 1))


@pytest.mark.parametrize("name", ["two-processes.yaml", "fsdp.yaml"])
def test_the_settings_for_accelerate_are_read_by_its_own_class(name: str) -> None:
    from accelerate.commands.config.config_args import ClusterConfig

    found = ClusterConfig.from_yaml_file(yaml_file=str(launch.ACCELERATE / name))
    assert found.num_processes == 2
    assert str(found.mixed_precision) == "no"
    assert found.main_process_ip is None  # on this computer alone


def test_the_command_for_by_hand_is_the_one_that_leafspot_runs(tmp_path: Path) -> None:
    mine = launch.shared_command(3, "train", str(tmp_path))
    theirs = launch.by_hand(3, "train", str(tmp_path))
    assert [word for word in mine if word != "-P"] == theirs
    assert theirs[theirs.index("--num_processes") + 1] == "3"
    assert launch.by_hand(1, "train", "x") == [sys.executable, "-m", "core.workers.train", "x"]
