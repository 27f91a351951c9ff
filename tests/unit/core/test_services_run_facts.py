"""How a run was made can be handed on: it names no one and no place."""

from __future__ import annotations

from pathlib import Path

from core.domain.ids import RunId
from core.domain.run import Run, RunState
from core.services.run_facts import Facts, differences, text
from core.training.config import TrainConfig

RUN = Run(RunId("r"), "Starter", "starter", RunState.FINISHED, "2026-01-01T00:00:00", "runs/r")


def facts(home: Path, seed: int = 1) -> Facts:
    config = TrainConfig(
        base_path=str(home / "gemma"), head="sam", head_path=str(home / f"sam{seed}.pth"),
        parent=str(home / "adapter"), seed=seed,
    )  # fmt: skip
    return Facts(RUN, config, None)


def test_no_path_of_the_persons_is_told(tmp_path: Path) -> None:
    said = text(facts(tmp_path))
    assert "head: sam" in said
    assert str(tmp_path) not in said


def test_runs_do_not_differ_by_where_a_file_lay(tmp_path: Path) -> None:
    assert [name for name, _ in differences([facts(tmp_path, 1), facts(tmp_path, 2)])] == ["seed"]
