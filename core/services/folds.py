"""Which leaves are hard for a model that has not learnt them: mining out of fold.

A run's own training leaves look easy to it because it has learnt their outlines, wrong ones too. So
the leaves that a run learnt from are cut into folds, and each fold is scored by a run that learnt
from the others alone. The run's held-out leaves take no part. Knows runs and their snapshots;
starts nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from core.domain.ids import ImageId
from core.domain.run import Run, Score
from core.errors import TrainingRefused
from core.language import tr
from core.ports import ProjectStore
from core.services import bases
from core.services.run_entry import enter_run
from core.services.run_titles import kept_fold
from core.services.runs import afresh, run_config, run_folder
from core.training.config import Stage
from core.training.run_folder import RunFolder, Sample

FOLDS = 3


def prepare_fold(store: ProjectStore, run: Run, number: int, of: int = FOLDS) -> RunFolder:
    """Fold ``number`` (from 0) of ``of``: a run like ``run`` that learns from the other folds.

    Each has its share of the run's minutes, so that all of them take as long as the run did.
    Raises TrainingRefused when a fold would be empty or the run's folder has gone, ModelMissing.
    """
    folder = run_folder(store, run)
    config = afresh(store, run)  # a fold begins with the base model, whatever the run began with
    bases.choose(f"{config.base}={config.base_path}" if config.base_path else config.base)
    train = [s for s in folder.read_samples() if s.split == "train"]
    groups = {i.id: i.group for i in store.images([s.image for s in train])}
    samples = [
        replace(s, split="val" if _fold(s, groups, of) == number else "train") for s in train
    ]
    if len({s.split for s in samples}) < 2:
        raise TrainingRefused([tr("There are too few leaves, or groups, for {n} folds.", n=of)])
    own = replace(
        config,
        stage=Stage.LORA,
        parent="",
        hard=(),
        watch=(),
        fold_of=run.id,
        minutes=config.minutes / of,
        steps=-(-config.steps // of),
        epochs=config.epochs / of,
    )
    return enter_run(store, own, samples, title=kept_fold(run, number + 1, of))


def out_of_fold(store: ProjectStore, run: Run) -> dict[ImageId, Score]:
    """What models that had not learnt them said of the leaves ``run`` learnt from; newest first."""
    found: dict[ImageId, Score] = {}
    for other in store.runs():
        scores = store.scores(other.id)
        try:
            if not scores or run_config(run_folder(store, other)).fold_of != run.id:
                continue
        except TrainingRefused:  # its folder has gone
            continue
        found = {s.image: s for s in scores if s.split == "val"} | found
    return found


def _fold(sample: Sample, groups: Mapping[ImageId, str], of: int) -> int:
    """Photos of one group stand together, as they do when leaves are held out."""
    key = groups.get(sample.image) or sample.sha256
    digest = hashlib.sha256(f"leafspot fold {key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % of
