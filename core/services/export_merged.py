"""A run's model as one: base and adapter merged, reloaded from its own files and scored again.

Knows what is asked of the workers and what their figures have to be; opens no tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core import files
from core.language import tr
from core.services.answering import Answerer, CardFull, Verified
from core.services.bases import choose
from core.services.export import CARD, card_of, check_new_folder, judge, probes
from core.services.runs import run_config
from core.training.run_folder import RunFolder

Verify = Callable[[Path], Verified]
Merge = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class MergedExport:
    """A merged model in ``path``, and what it was worth when it was scored again."""

    path: Path
    verified: Verified


def export_merged(
    run: RunFolder,
    adapter: Path,
    out: Path,
    *,
    merge: Merge | None = None,
    verify: Verify | None = None,
) -> MergedExport:
    """Merge ``adapter``, an exported one of ``run``, into its base, in the new folder ``out``.

    The folder appears only when the merged model answers as the run did. Raises ExportRefused when
    it does not, DiskFull, AdapterRefused, WorkerFailed.
    """
    check_new_folder(out)
    config = run_config(run)
    base = config.base_path
    folder = choose(f"{config.base}={base}" if base else config.base).folder
    size = sum(p.stat().st_size for p in folder.rglob("*.safetensors"))
    files.need_space(out.absolute().parent, size, what=tr("The merged model"))
    with files.whole_folder(out) as draft:
        (merge or _with_worker(adapter, base))(draft)
        (draft / CARD).write_text(card_of(run, merged=True), "utf-8")
        verified = (verify or _reloaded(run))(draft)
        judge(verified)
    return MergedExport(out, verified)


def _with_worker(adapter: Path, base: str) -> Merge:
    def merge(draft: Path) -> None:
        with Answerer(adapter, base=base) as model:
            model.merge(draft)

    return merge


def _reloaded(run: RunFolder) -> Verify:
    """On the card, else in the computer's memory: at full width it is several times as large as the
    model that was trained."""

    def verify(draft: Path, *, off_card: bool = False) -> Verified:
        try:
            with Answerer(draft, merged=True, off_card=off_card) as model:
                return model.verify(run, probes(run))
        except CardFull:
            if off_card:
                raise
        return verify(draft, off_card=True)

    return verify
