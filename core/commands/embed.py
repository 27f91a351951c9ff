"""`leafspot embed`: have the assistant look at every photo ahead of time, here or elsewhere.

Knows the words of the terminal; the work is done by the services.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.base import Command, Context, shown_path
from core.errors import UsageError
from core.language import tr, trn

if TYPE_CHECKING:
    from core.embeddings.key import Maker
    from core.embeddings.packs import PackReport
    from core.ports import ProjectStore


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--engine", metavar="ID", help=tr("the assistant that looks, such as leaf"))
    parser.add_argument("--checkpoint", metavar="F", type=Path, help=tr("its weights file"))
    parser.add_argument(
        "--out", metavar="PACK", type=Path, help=tr("write a pack for other machines")
    )
    parser.add_argument(
        "--import", metavar="PACK", type=Path, dest="pack", help=tr("take in a pack made elsewhere")
    )
    parser.add_argument(
        "--candidates",
        action="store_true",
        help=tr("keep the lesions it finds by itself, too, about 100 a photo"),
    )
    parser.add_argument("--replace", action="store_true", help=tr("write over an earlier PACK"))


def _run(context: Context, args: argparse.Namespace) -> int:
    from core import registry
    from core.engines.base import EngineSpec

    if args.pack is not None:
        if args.out is not None:
            raise UsageError(tr("--import and --out are two ways; give one of them."))
        return _import(context, args)
    if args.engine is None:
        raise UsageError(tr("Name the assistant, such as --engine leaf, or a pack with --import."))
    spec = registry.find("core.engines", EngineSpec, args.engine)
    if spec.needs_checkpoint and args.checkpoint is None:
        raise UsageError(
            tr("{title} needs a weights file; name it with --checkpoint.", title=spec.title)
        )
    return _embed(context, args)


def _embed(context: Context, args: argparse.Namespace) -> int:
    from core.services.embed import embed_project, free_place

    console = context.console
    if args.out is not None:
        free_place(args.out, replace=args.replace)
    with context.project(args.project) as store:
        report = embed_project(
            store,
            args.engine,
            args.checkpoint,
            candidates=args.candidates,
            progress=lambda done, of: console.progress(tr("Looking at photos"), done, of),
        )
        for name, why in report.refused:
            console.note(why if why.startswith(name) else f"{name}: {why}")
        made, there = (
            trn("{n:,} photo", "{n:,} photos", report.made),
            trn("{n:,} photo", "{n:,} photos", report.there),
        )
        console.result(
            tr("Looked at {made}; {there} had been looked at before.", made=made, there=there)
        )
        if args.candidates:
            console.result(
                trn(
                    "Found what stands out on {n:,} photo; that of the others was known.",
                    "Found what stands out on {n:,} photos; that of the others was known.",
                    report.searched,
                )
            )
        packed = _pack(context, store, report.maker, args.out) if args.out is not None else None
    console.document(
        {
            "made": report.made,
            "there": report.there,
            "searched": report.searched,
            "packed": packed,
            "refused": [{"photo": name, "why": why} for name, why in report.refused],
        }
    )
    return 1 if report.refused else 0


def _pack(context: Context, store: ProjectStore, maker: Maker, path: Path) -> int:
    """How many photos the pack at ``path`` has; candidates go where their photo's look goes."""
    from core.embeddings.found import key_of
    from core.embeddings.key import EmbeddingKey
    from core.embeddings.packs import write_pack
    from core.embeddings.store import FOLDER, EmbeddingStore
    from core.services.embed import photos_of

    console = context.console
    looks = [EmbeddingKey(digest, maker) for digest in photos_of(store)]
    packed = write_pack(
        EmbeddingStore(store.folder / FOLDER),
        [key for look in looks for key in (look, key_of(look))],
        path,
        progress=lambda done, of: console.progress(tr("Packing"), done, of),
    )
    console.result(
        trn(
            "Wrote {shown_path} with {n:,} photo.",
            "Wrote {shown_path} with {n:,} photos.",
            packed,
            shown_path=shown_path(path),
        )
    )
    return packed


def _import(context: Context, args: argparse.Namespace) -> int:
    from core.services.embed import import_pack

    console = context.console
    with context.project(args.project) as store:
        report = import_pack(
            store,
            args.pack,
            engine=args.engine,
            checkpoint=args.checkpoint,
            progress=lambda done, of: console.progress(tr("Taking in"), done, of),
        )
    console.result(trn("Took in {n:,} photo.", "Took in {n:,} photos.", report.taken))
    _tell_rest(context, report)
    console.document(
        {
            "taken": report.taken,
            "there": report.there,
            "candidates": report.candidates,
            "other_photos": report.other_photos,
            "other_engines": report.other_makers,
            "damaged": report.damaged,
        }
    )
    useful = report.taken + report.there
    return 0 if useful and not report.damaged else 1


def _tell_rest(context: Context, report: PackReport) -> None:
    note = context.console.note
    if report.there:
        note(
            trn(
                "{n:,} photo had been looked at before.",
                "{n:,} photos had been looked at before.",
                report.there,
            )
        )
    if report.other_photos:
        note(
            trn(
                "Left out as not in this project: {n:,} photo. Import the photos first, or "
                "take the pack that was made of these.",
                "Left out as not in this project: {n:,} photos. Import the photos first, "
                "or take the pack that was made of these.",
                report.other_photos,
            )
        )
    if report.other_makers:
        note(
            trn(
                "Left out as looked at by another assistant or other weights: {n:,} photo. "
                "Make a pack with the one you use here.",
                "Left out as looked at by another assistant or other weights: {n:,} "
                "photos. Make a pack with the one you use here.",
                report.other_makers,
            )
        )
    if report.damaged:
        note(
            trn(
                "Left out as damaged: {n:,} photo. Copy the pack again.",
                "Left out as damaged: {n:,} photos. Copy the pack again.",
                len(report.damaged),
            )
        )
    if not report.total:
        note(tr("The pack is empty; make it again on the other machine."))


COMMANDS = (
    Command("embed", tr("have the assistant look at every photo ahead of time"), _arguments, _run),
)
