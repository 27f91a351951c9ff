"""`leafspot new`, `import`, `check` and `restore`.

Knows the words of the terminal; the work is done by the services and the store.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.base import Command, Console, Context, shown_path
from core.errors import UsageError
from core.language import tr, trn
from core.ports import ImageQuery, ProjectStore

if TYPE_CHECKING:
    from core.services.import_images import ImportReport

SHOWN = 20
"""Refusals and duplicates told one by one, of each; the JSON document has them all."""


def _project(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT", help=tr("with or without .leafspot"))


def _new(context: Context, args: argparse.Namespace) -> int:
    if not Path(args.project).name:  # "" and "." have none; the folder would lie beside this one
        raise UsageError(tr("A project needs a name; write “leafspot new NAME”."))
    store = context.create(Path(args.project))
    folder = store.folder
    store.close()
    context.console.result(tr("Made {shown_path}.", shown_path=shown_path(folder)))
    context.console.document({"project": str(folder)})
    return 0


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    _project(parser)
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        type=Path,
        help=tr("photos or folders; without any, labels and masks are for the project's photos"),
    )
    parser.add_argument(
        "--masks", metavar="DIR", type=Path, help=tr("mask pictures that are named as their photos")
    )
    parser.add_argument(
        "--mask-map",
        metavar="F",
        type=Path,
        help=tr('JSON from pixel value to "leaf", "lesion" or a disease'),
    )
    parser.add_argument(
        "--labels", metavar="CSV", type=Path, help=tr("columns image, disease, group, split, …")
    )
    parser.add_argument(
        "--copy",
        action="store_true",
        help=tr("copy the photos into the project and use the copies"),
    )
    parser.add_argument(
        "--crop",
        metavar="NAME",
        help=tr("the plant on the photos; without it the project's, if it has one alone"),
    )


def _import(context: Context, args: argparse.Namespace) -> int:
    from core.services import import_images

    if bool(args.masks) != bool(args.mask_map):
        raise UsageError(tr("--masks and --mask-map belong together; give both or neither."))
    if not args.paths and not (args.labels or args.masks):
        raise UsageError(
            tr(
                "Name photos or folders, or --labels for those in the project. "
                "See “leafspot import --help”."
            )
        )
    console = context.console
    with context.project(args.project, write=True) as store:
        options = import_images.ImportOptions(
            masks=args.masks,
            mask_map=args.mask_map,
            labels=args.labels,
            create_diseases=_has_no_diseases(store),
            copy=args.copy,
            crop=args.crop,
        )
        leave_out = [args.masks] if args.masks else []
        work = import_images.plan(args.paths or _own_photos(store), leave_out=leave_out)
        report = import_images.run(
            store,
            work,
            options,
            progress=lambda done, total, _name: console.progress(tr("Importing"), done, total),
        )
    wrong = _tell_import(console, report, copied=args.copy)
    if not report.total:
        console.note(
            tr("There is no photo in what you named; name photos or a folder that has some.")
        )
        return 1
    return 1 if wrong else 0


def _own_photos(store: ProjectStore) -> list[Path]:
    photos = [store.resolve(store.image(i)) for i in store.image_ids(ImageQuery())]
    if not photos:
        raise UsageError(
            tr("“{name}” has no photos yet; name photos or folders to import.", name=store.name)
        )
    return photos


def _tell_import(console: Console, report: ImportReport, *, copied: bool) -> int:
    """Gives back how many photos were refused for a fault of theirs."""
    known = {path for path, _ in report.duplicates}
    there_before = len(known) + len(report.completed)
    wrong = [(path, why) for path, why in report.refused if path not in known]
    _tell_each(console, tr("Refused"), wrong)
    _tell_each(console, tr("Left out"), [(p, why) for p, why in report.refused if p in known])
    _tell_each(console, tr("Left as it was:"), report.known.differing)
    for warning in report.warnings:
        console.note(warning)
    there = (
        trn(", {n:,} was there already", ", {n:,} were there already", there_before)
        if there_before
        else ""
    )
    console.result(
        trn(
            "{count:,} of {n:,} photo copied into the project, {refused:,} refused{there}.",
            "{count:,} of {n:,} photos copied into the project, {refused:,} refused{there}.",
            report.total,
            count=len(report.accepted),
            refused=len(wrong),
            there=there,
        )
        if copied
        else trn(
            "{count:,} of {n:,} photo imported, {refused:,} refused{there}.",
            "{count:,} of {n:,} photos imported, {refused:,} refused{there}.",
            report.total,
            count=len(report.accepted),
            refused=len(wrong),
            there=there,
        )
    )
    for sentence in report.known.sentences():
        console.result(sentence)
    console.document(
        {
            "total": report.total,
            "accepted": [str(p) for p in report.accepted],
            "refused": [{"image": str(p), "reason": why} for p, why in report.refused],
            "duplicates": [{"image": str(p), "same_as": same} for p, same in report.duplicates],
            "completed": [str(p) for p in report.completed],
            "differing": [{"image": str(p), "reason": why} for p, why in report.known.differing],
            "warnings": report.warnings,
            "copied": copied,
        }
    )
    return len(wrong)


def _tell_each(console: Console, what: str, photos: list[tuple[Path, str]]) -> None:
    for path, why in photos[:SHOWN]:
        reason = why.replace("\n", "\N{REPLACEMENT CHARACTER}")  # it may name a file
        console.note(f"{what} {shown_path(path)}: {reason}")
    if len(photos) > SHOWN:
        console.note(tr("… and {count:,} more; --json names them all.", count=len(photos) - SHOWN))


def _has_no_diseases(store: ProjectStore) -> bool:
    """The first table fills an empty project; later ones may not bring new names unnoticed."""
    return all(disease.healthy for disease in store.diseases())


def _counted(kind: str, n: int) -> str:
    """``kind`` as `core.ports.CheckReport` calls it."""
    match kind:
        case "diseases":
            return trn("{n:,} disease", "{n:,} diseases", n)
        case "images":
            return trn("{n:,} image", "{n:,} images", n)
        case "photos":
            return trn("{n:,} photo", "{n:,} photos", n)
        case "regions":
            return trn("{n:,} region", "{n:,} regions", n)
        case "tiles":
            return trn("{n:,} tile", "{n:,} tiles", n)
        case "runs":
            return trn("{n:,} run", "{n:,} runs", n)
        case "scores":
            return trn("{n:,} score", "{n:,} scores", n)
    return f"{n:,} {kind}"


def _check(context: Context, args: argparse.Namespace) -> int:
    with context.project(args.project) as store:
        report = store.check()
    console = context.console
    for problem in report.problems:
        console.result(problem)
    counted = ", ".join(_counted(name, number) for name, number in report.checked.items())
    if report.ok:
        console.result(tr("Everything is in order ({counted}).", counted=counted))
    else:
        console.note(
            trn(
                "{n:,} problem found ({counted}).",
                "{n:,} problems found ({counted}).",
                len(report.problems),
                counted=counted,
            )
        )
    console.document(
        {"ok": report.ok, "problems": list(report.problems), "checked": dict(report.checked)}
    )
    return 0 if report.ok else 1


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _project(parser)
    parser.add_argument(
        "--backup",
        metavar="F",
        type=Path,
        help=tr("this one of its backups, not the newest good one"),
    )


def _restore(context: Context, args: argparse.Namespace) -> int:
    used = context.restore(Path(args.project), args.backup)
    context.console.result(
        tr(
            "The project is as it was in {name}; what was there is kept in its folder as "
            "project.db.before-restore-N, the highest N being the newest.",
            name=used.name,
        )
    )
    context.console.document({"backup": str(used)})
    return 0


COMMANDS = (
    Command("new", tr("make an empty project"), _project, _new),
    Command("import", tr("take photos in, with masks and labels"), _import_arguments, _import),
    Command("check", tr("verify every mask, photo and table of a project"), _project, _check),
    Command("restore", tr("go back to a backup of a project"), _restore_arguments, _restore),
)
