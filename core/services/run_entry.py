"""A new run: its folder on disk and its row in the project.

Knows the project's port and the run folder's layout; decides nothing about what is trained.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from core import files
from core.domain.run import Run, RunState
from core.ports import ProjectStore
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder, Sample

RUNS = "runs"


def enter_run(
    store: ProjectStore,
    config: TrainConfig,
    samples: Sequence[Sample],
    *,
    title: str,
    parent: Run | None = None,
    adapter: Path | None = None,
) -> RunFolder:
    """Write a run's folder and enter it as PREPARED. Raises DiskFull."""
    folder = _write(store.folder / RUNS, config, samples, adapter)
    store.put_run(
        Run(
            id=folder.id,
            title=title,
            base=config.base,
            state=RunState.PREPARED,
            created_at=datetime.now().astimezone().isoformat(timespec="seconds"),
            folder=f"{RUNS}/{folder.id}",
            parent=parent.id if parent else None,
        )
    )
    return folder


def _write(
    runs: Path, config: TrainConfig, samples: Sequence[Sample], adapter: Path | None
) -> RunFolder:
    """The run's folder with its files in it, under a name that nobody has.

    The person's own adapter is copied: the run must not change with what becomes of it.
    """
    while True:
        name = f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(1)}"
        if not (runs / name).exists():
            break
    if adapter is not None:
        config = replace(config, parent=str(RunFolder(runs / name).start))
    with files.whole_folder(runs / name) as draft:
        if adapter is not None:
            shutil.copytree(adapter, RunFolder(draft).start)
        RunFolder(draft).config.write_text(config.to_json() + "\n", "utf-8")
        lines = (json.dumps(asdict(s), ensure_ascii=False) + "\n" for s in samples)
        with RunFolder(draft).samples.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    return RunFolder(runs / name)
