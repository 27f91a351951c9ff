"""Exports: the project in a format of the registry, and a run's adapter as a package.

Knows formats by their registry and the adapter by its manifest; opens no tensor. Everything is
written beside its place, looked at again, and renamed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

from core import adapter_package, files, registry
from core.adapter_package import Base, Manifest
from core.domain.ids import ImageId
from core.errors import AdapterRefused, ExportInTheWay, ExportRefused, UsageError
from core.exporters.base import (
    Exporter,
    ExporterSpec,
    ExportReport,
    Only,
    Progress,
    is_marked,
    mark,
)
from core.language import tr
from core.ports import ProjectStore
from core.services import adapter_card
from core.services.answering import Answerer, Verified
from core.services.bases import choose
from core.services.runs import run_config
from core.training import prompts
from core.training.config import TrainConfig
from core.training.events import replay
from core.training.run_folder import RunFolder
from core.training.summary import follow

FORMATS = "core.exporters"
CARD = "README.md"
CHECKED = 8
LEAST_AGREEMENT = 0.99
MOST_DICE_CHANGE = 0.01
"""Reloading may round; it may not change what a person would see."""
Verify = Callable[[Path], Verified]


class Told(TypedDict, total=False):
    """What a format is told: with ``places``, and ``only`` of some photos."""

    places: bool
    only: Only


@dataclass(frozen=True, slots=True)
class AdapterExport:
    """A package that was reloaded from its own files and scored again."""

    path: Path
    manifest: Manifest
    verified: Verified


def formats() -> dict[str, ExporterSpec]:
    """Every format a project can be exported in, by id."""
    return registry.discover(FORMATS, ExporterSpec)


def export_project(
    store: ProjectStore,
    out: Path,
    *,
    format_id: str,
    replace: bool = False,
    progress: Progress | None = None,
    **told: Unpack[Told],
) -> ExportReport:
    """A file gives way to a newer export of the same project; with ``replace`` alone to another, or
    to one of ``only`` some photos. A folder never does.

    With ``places`` the file tells where and when photos were taken, where its format can. Raises
    UsageError for an unknown format, ExportInTheWay, ExportRefused, DiskFull, ProjectDamaged.
    """
    only = told.get("only")
    known = formats()
    if format_id not in known:
        raise UsageError(
            tr(
                "There is no format “{format_id}”; choose {list}.",
                format_id=format_id,
                list=", ".join(sorted(known)),
            )
        )
    spec = known[format_id]
    if not out.name or out.name == "..":
        what = (
            tr("a file ending in {suffix}", suffix=spec.suffix)
            if spec.suffix
            else tr("a new folder")
        )
        raise ExportRefused(
            tr("“{out}” names no place of its own; name {what}.", out=out, what=what)
        )
    if spec.suffix and out.suffix.lower() != spec.suffix:
        out = out.with_name(out.name + spec.suffix)
    if spec.suffix and out.is_dir():
        raise ExportRefused(
            tr(
                "“{name}” is a folder; name a file ending in {suffix}.",
                name=out.name,
                suffix=spec.suffix,
            )
        )
    if spec.suffix and not replace:
        _refuse_to_overwrite(store, out, whole=only is None)
    write = cast(Exporter, registry.resolve(spec.factory))
    places = {"places": True} if told.get("places") and spec.places else {}
    return write(store, out, progress=progress, only=only, **places)


def _refuse_to_overwrite(store: ProjectStore, out: Path, *, whole: bool) -> None:
    with files.told(out):
        if not os.path.lexists(out):
            return
        mine = out.is_file() and is_marked(out, mark(store))
    if mine and whole:
        return
    if mine:
        raise ExportInTheWay(
            tr("“{name}” is there already and may hold more photos than these.", name=out.name)
        )
    raise ExportInTheWay(
        tr(
            "“{name}” is there already and is no earlier export of “{name_2}”.",
            name=out.name,
            name_2=store.name,
        )
    )


def export_adapter(folder: RunFolder, out: Path, *, verify: Verify | None = None) -> AdapterExport:
    """Copy the run's adapter to the new folder ``out``, with manifest and card.

    ``verify`` reloads the copy and scores it again; without one, the answer worker does. Raises
    ExportRefused when the copy does not do what the run's scores say, DiskFull, AdapterRefused.
    """
    check_new_folder(out)
    if not folder.adapter.is_dir():
        raise ExportRefused(
            tr(
                "Run {id} has no adapter yet; let it train at least to its first checkpoint.",
                id=folder.id,
            )
        )
    config = run_config(folder)
    size = sum(p.stat().st_size for p in folder.adapter.rglob("*") if p.is_file())
    files.need_space(out.absolute().parent, size, what=tr("The adapter"))
    with files.whole_folder(out) as draft:
        _copy(folder.adapter, draft)
        _clean(draft, config)
        (draft / CARD).write_text(card_of(folder), "utf-8")
        _refuse_names(draft, folder)
        base, wording = _origin(folder, config)
        adapter_package.write(
            draft,
            leafspot=metadata_version(),
            base=base,
            classes=config.classes,
            healthy=config.healthy,
            prompts=wording,
        )
        manifest = adapter_package.verify(draft)
        verified = (verify or _with_worker(folder, config.base_path))(draft)
        judge(verified)
    return AdapterExport(out, manifest, verified)


def card_of(run: RunFolder, *, merged: bool = False) -> str:
    """What is told beside the run's adapter, or beside the model that it was ``merged`` into.

    Raises TrainingRefused where the run's settings cannot be read.
    """
    figures = follow(replay(run.events)).figures
    return adapter_card.card(
        run_config(run), run.read_samples(), figures, version=metadata_version(), merged=merged
    )


def check_new_folder(out: Path) -> None:
    """Raises ExportRefused where ``out`` cannot be the name of a new folder, or is taken."""
    if not out.name or out.name == "..":
        raise ExportRefused(tr("“{out}” names no place of its own; name a new folder.", out=out))
    files.must_be_free(out)


def metadata_version() -> str:
    """Leafspot's version; that of the checkout when it is not installed."""
    try:
        return metadata.version("leafspot")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def _copy(source: Path, target: Path) -> None:
    """Plain files only; a link in a run's folder is not ours."""
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if path.is_symlink():
            raise ExportRefused(
                tr("The run's adapter holds a link, {relative}; train it again.", relative=relative)
            )
        if path.is_dir():
            (target / relative).mkdir()
        elif relative.as_posix() != adapter_package.MANIFEST:
            shutil.copyfile(path, target / relative)


def _clean(draft: Path, config: TrainConfig) -> None:
    """peft writes the base model's folder into its settings; outside it is only a name."""
    for path in draft.rglob("*config*.json"):
        try:
            raw = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise ExportRefused(
                tr("The run's {name} cannot be read; train again.", name=path.name)
            ) from error
        cleaned = _without_paths(raw, config.base)
        if cleaned != raw:
            path.write_text(json.dumps(cleaned, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _without_paths(value: Any, base: str) -> Any:
    if isinstance(value, list):
        return [_without_paths(item, base) for item in value]
    if not isinstance(value, dict):
        return value
    names = ("base_model_name_or_path", "_name_or_path", "name_or_path")
    return {k: base if k in names else _without_paths(v, base) for k, v in value.items()}


def _refuse_names(draft: Path, folder: RunFolder) -> None:
    """No photo's name, no person's folder leaves with an adapter."""
    places = [folder.root.parent.parent, *(Path(s.path).parent for s in folder.read_samples())]
    # Shorter ones ("/", "C:\\data") would be found in texts that name nobody's folder.
    private = {str(p) for p in (*places, Path.home()) if len(p.parts) >= 3}
    for path in draft.rglob("*"):
        if path.suffix not in (".json", ".md", ".txt", ".jinja") or path.stat().st_size > 1 << 20:
            continue
        text = path.read_text("utf-8", errors="replace").replace("\\\\", "\\")
        if any(folder_name in text for folder_name in private):
            raise ExportRefused(
                tr(
                    "The adapter's {name} names a folder of this computer, and an adapter must "
                    "not; please report this.",
                    name=path.name,
                )
            )


def _origin(folder: RunFolder, config: TrainConfig) -> tuple[Base, dict[str, str]]:
    """The base's digests and the prompts' wording: as the run wrote them, else as they are now."""
    try:
        manifest = adapter_package.read_manifest(folder.adapter)
    except AdapterRefused:
        chosen = choose(f"{config.base}={config.base_path}" if config.base_path else config.base)
        base = Base(config.base, adapter_package.base_digests(chosen.folder))
        return base, {
            "diagnose": prompts.DIAGNOSE,
            "classify": prompts.CLASSIFY,
            "lesions": prompts.LESIONS,
            "leaf": prompts.LEAF,
        }
    return manifest.base, dict(manifest.prompts)


def _with_worker(folder: RunFolder, base: str) -> Verify:
    def verify(draft: Path) -> Verified:
        with Answerer(draft, base=base) as model:
            return model.verify(folder, probes(folder))

    return verify


def probes(folder: RunFolder) -> Sequence[ImageId]:
    """The photos to score again: held-out ones first, at most eight."""
    scores = sorted(folder.read_scores(), key=lambda s: (s.split == "train", s.image))
    if not scores:
        raise ExportRefused(
            tr(
                "Run {id} has not been scored, so nothing can be compared; run “leafspot "
                "score” first.",
                id=folder.id,
            )
        )
    return [s.image for s in scores[:CHECKED]]


def judge(verified: Verified) -> None:
    """Raises ExportRefused where the copy does not answer as the run did."""
    if verified.agreement < LEAST_AGREEMENT or not verified.dice_change <= MOST_DICE_CHANGE:
        raise ExportRefused(
            tr(
                "The copy of the adapter does not answer as the run did ({agreement:.0%} "
                "of the diseases agree, a Dice changes by {dice_change:.2f}); nothing was "
                "exported. Run “leafspot score” and export again.",
                agreement=verified.agreement,
                dice_change=verified.dice_change,
            )
        )
