"""`leafspot predict`, `export` and `export-adapter`.

Knows the words of the terminal; the services do the work.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core.commands.base import Command, Console, Context, shown_path
from core.errors import UsageError
from core.language import tr, trn
from core.services.answering import Verified
from core.services.predict import Predicted


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "adapter",
        metavar="ADAPTER",
        type=Path,
        help=tr("an exported adapter, or a merged model"),
    )
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        type=Path,
        help=tr("a photo, or a folder with photos in it or below"),
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help=tr("folder for the table and the mask pictures"),
    )
    parser.add_argument(
        "--replace", action="store_true", help=tr("write over the table of an earlier prediction")
    )


def _predict(context: Context, args: argparse.Namespace) -> int:
    from core.services.predict import photos_of, predict, severity_words

    console = context.console

    def tell(photo: Path, found: Predicted | str) -> None:
        if isinstance(found, str):
            console.note(found)
            return
        console.result(
            tr(
                "{name}: {disease} ({probability:.0%}), {severity}",
                name=photo.name,
                disease=found.disease,
                probability=found.probability,
                severity=severity_words(found),
            )
        )

    console.note(tr("Loading the model…"))
    photos = photos_of(args.images, args.out)
    report = predict(args.adapter, photos, args.out, replace=args.replace, on_photo=tell)
    console.result(
        trn(
            "{n:,} prediction in {shown_path}.",
            "{n:,} predictions in {shown_path}.",
            len(report.predicted),
            shown_path=shown_path(report.table),
        )
    )
    console.document(
        {
            "table": str(report.table),
            "predictions": [_row(found) for found in report.predicted],
            "refused": [{"image": str(p), "reason": why} for p, why in report.refused],
        }
    )
    if report.refused:
        console.note(
            trn(
                "{n:,} of {photos} has no prediction.",
                "{n:,} of {photos} have no prediction.",
                len(report.refused),
                photos=trn("{n:,} photo", "{n:,} photos", len(photos)),
            )
        )
    return 1 if report.refused else 0


def _row(found: Predicted) -> dict[str, object]:
    return {
        "image": str(found.image),
        "disease": found.disease,
        "probability": found.probability,
        "severity_percent": found.severity,
        "probabilities": dict(found.probabilities),
        "mask": str(found.mask),
    }


def _formats() -> list[str]:
    from core import registry
    from core.exporters.base import ExporterSpec

    return list(registry.discover("core.exporters", ExporterSpec))


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--format", metavar="F", required=True, help=", ".join(_formats()))
    parser.add_argument(
        "--replace", action="store_true", help=tr("write over a file of another project or program")
    )
    parser.add_argument(
        "--places", action="store_true", help=tr("tell where (GPS) and when photos were taken")
    )
    parser.add_argument(
        "out", metavar="OUT", type=Path, help=tr("with coco the file, else the folder that is made")
    )


def _export(context: Context, args: argparse.Namespace) -> int:
    from core.services.export import export_project

    console = context.console
    with context.project(args.project) as store:
        report = export_project(
            store,
            args.out,
            format_id=args.format,
            replace=args.replace,
            places=args.places,
            progress=lambda done, of: console.progress(tr("Exporting"), done, of),
        )
    for note in report.notes:
        console.note(note)
    console.result(
        tr(
            "{photos} with {outlines} in {shown_path}.",
            photos=trn("{n:,} photo", "{n:,} photos", report.images),
            outlines=trn("{n:,} outline", "{n:,} outlines", report.regions),
            shown_path=shown_path(report.path),
        )
    )
    console.document(
        {
            "path": str(report.path),
            "images": report.images,
            "regions": report.regions,
            "notes": list(report.notes),
        }
    )
    return 0


def _adapter_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--run", metavar="ID", help=tr("the last one where none is named"))
    parser.add_argument("out", metavar="OUT", type=Path, help=tr("the folder that is made"))
    parser.add_argument(
        "--merged", metavar="FOLDER", type=Path, help=tr("base and adapter in one model as well")
    )


def _export_adapter(context: Context, args: argparse.Namespace) -> int:
    from core.services import runs
    from core.services.export import export_adapter
    from core.services.export_merged import export_merged

    console = context.console
    _check_folders(args.out, args.merged)
    with context.project(args.project) as store:
        run = runs.chosen_run(store, args.run, scored=False)
        console.note(tr("Copying the adapter, then loading the copy to score it again…"))
        folder = runs.run_folder(store, run)
        done = export_adapter(folder, args.out)
    console.result(
        tr(
            "The adapter of run {id} is in {shown_path}.",
            id=run.id,
            shown_path=shown_path(done.path),
        )
    )
    _tell_verified(console, done.verified)
    document = {
        "run": run.id,
        "path": str(done.path),
        "files": sorted(done.manifest.files),
        "agreement": done.verified.agreement,
        "dice_change": done.verified.dice_change,
    }
    if args.merged:
        console.note(tr("Merging it into the base model, then loading that to score it again…"))
        merged = export_merged(folder, done.path, args.merged)
        console.result(tr("The merged model is in {place}.", place=shown_path(merged.path)))
        _tell_verified(console, merged.verified)
        document["merged"] = {
            "path": str(merged.path),
            "agreement": merged.verified.agreement,
            "dice_change": merged.verified.dice_change,
        }
    console.document(document)
    return 0


def _check_folders(out: Path, merged: Path | None) -> None:
    """Before a model is loaded for the one and the other cannot be written. Raises ExportRefused
    and UsageError."""
    from core.services.export import check_new_folder

    check_new_folder(out)
    if merged is None:
        return
    check_new_folder(merged)
    if merged.absolute() == out.absolute():
        raise UsageError(tr("The adapter and the merged model need a folder each; name another."))


def _tell_verified(console: Console, verified: Verified) -> None:
    console.result(
        tr(
            "Reloaded and scored again: {agreement:.0%} of the diseases agree, the "
            "largest change of a Dice is {dice_change:.4f}.",
            agreement=verified.agreement,
            dice_change=verified.dice_change,
        )
    )


COMMANDS = (
    Command("predict", tr("ask an adapter about new photos"), _predict_arguments, _predict),
    Command("export", tr("write the project in an open format"), _export_arguments, _export),
    Command("export-adapter", tr("take a run's adapter away"), _adapter_arguments, _export_adapter),
)
