"""`leafspot runs`: the runs of a project, one of them in full, or several beside one another, each
figure with how sure it is.

Knows how they are told in a terminal; the services work them out.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from core.commands.base import Command, Console, Context
from core.commands.interval_words import ends, told
from core.language import number_text, tr, trn
from core.services import run_titles
from core.wording import STATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.run import Run
    from core.ports import ProjectStore
    from core.services.bootstrap import Interval
    from core.services.figures import Confusion, Figures


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--run",
        metavar="ID",
        help=tr("one of them in full: figures with their intervals, settings, data, versions"),
    )
    which.add_argument(
        "--compare",
        metavar="ID",
        nargs="+",
        help=tr("several on the leaves that all of them held out, held against the first"),
    )


def _runs(context: Context, args: argparse.Namespace) -> int:
    from core.services import runs
    from core.services.train import recover

    with context.project(args.project) as store:
        recover(store)
        if args.compare:
            from core.commands import runs_compared

            return runs_compared.tell(context.console, store, args.compare)
        if args.run:
            return _one(context.console, store, runs.find_run(store, args.run))
        return _all(context.console, store.runs())


def _all(console: Console, found: Sequence[Run]) -> int:
    for run in found:
        known = dict(run.summary)
        told = [f"{run.id}  {STATES[run.state]}  {run_titles.title(run)}"]
        told += [
            tr("{word} {value}", word=word, value=number_text(known[key], ".2f"))
            for key, word in (("lesion_dice", tr("Dice")), ("accuracy", tr("accuracy")))
            if key in known
        ]
        told += [tr("not to be taken away")] if not run.kept else []
        console.result(", ".join(told))
    if not found:
        console.result(tr("No run yet."))
    console.document({"runs": [_row(run) for run in found]})
    return 0


def _row(run: Run) -> dict[str, object]:
    told = {"title": run_titles.title(run), "summary": dict(run.summary), "kept": run.kept}
    return asdict(run) | told


def _one(console: Console, store: ProjectStore, run: Run) -> int:
    from core.services import figures, programme, run_facts, runs

    folder = runs.run_folder(store, run)
    facts = run_facts.text(run_facts.facts(folder, run))
    scores = store.scores(run.id)
    held = [s for s in scores if s.split == "val"]
    groups = programme.groups_of(store, scores)
    classes = runs.run_config(folder).classes
    found = figures.figures_of(held or scores, classes, groups)
    console.result(facts)
    if scores:
        console.result("")
        _tell(console, found, held_out=bool(held))
    judged = programme.acceptance(store, run)
    if judged is not None:
        console.result(judged.sentence)
    console.document(
        {
            "run": run.id,
            "facts": facts.splitlines(),
            "held_out": bool(held),
            "figures": _document(found) if scores else None,
            "stage": judged.sentence if judged is not None else None,
        }
    )
    return 0


def _tell(console: Console, found: Figures, *, held_out: bool) -> None:
    leaves = trn("{n:,} leaf", "{n:,} leaves", found.leaves)
    console.result(
        tr("On {leaves} that it did not learn from, with 95 % intervals:", leaves=leaves)
        if held_out
        else tr("On {leaves} that it learnt from, for none was held out:", leaves=leaves)
    )
    severity, sure = found.severity, found.calibration
    rows: list[tuple[str, Interval | None]] = [
        (tr("lesion Dice"), found.dice),
        (tr("diseases right"), found.accuracy),
        (tr("severity, Lin's CCC"), severity.ccc if severity else None),
        (tr("severity bias, % points"), severity.bias if severity else None),
        (tr("calibration error"), sure.error if sure else None),
        (tr("Brier score"), sure.brier if sure else None),
    ]
    for title, figure in rows:
        if figure is not None:
            console.result(f"  {title}: {told(figure)}")
    for one in found.classes:
        console.result(
            tr(
                "  {name} ({leaves}): Dice {dice}, recall {recall}, precision {precision}",
                name=one.name,
                leaves=trn("{n:,} leaf", "{n:,} leaves", one.leaves),
                dice=told(one.dice),
                recall=told(one.recall),
                precision=told(one.precision),
            )
        )
    for truth, called, leaves_ in _confused(found.confusion):
        console.result(
            trn(
                "  {truth} called {called}: {n:,} leaf",
                "  {truth} called {called}: {n:,} leaves",
                leaves_,
                truth=truth,
                called=called,
            )
        )


def _confused(found: Confusion) -> list[tuple[str, str, int]]:
    """What was called something else, the most frequent first."""
    pairs = [
        (truth, called, int(found.counts[i, j]))
        for i, truth in enumerate(found.classes)
        for j, called in enumerate(found.classes)
        if i != j and found.counts[i, j]
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def _document(found: Figures) -> dict[str, object]:
    """Intervals as [figure, low, high], ends null where there are too few leaves."""
    severity, sure = found.severity, found.calibration
    return {
        "leaves": found.leaves,
        "groups": found.groups,
        "dice": ends(found.dice),
        "accuracy": ends(found.accuracy),
        "severity_ccc": ends(severity.ccc) if severity else None,
        "severity_bias": ends(severity.bias) if severity else None,
        "calibration_error": ends(sure.error) if sure else None,
        "brier": ends(sure.brier) if sure else None,
        "calibration": [asdict(one) for one in sure.bins] if sure else [],
        "classes": {
            one.name: {
                "leaves": one.leaves,
                "dice": ends(one.dice),
                "recall": ends(one.recall),
                "precision": ends(one.precision),
            }
            for one in found.classes
        },
        "confusion": {
            "classes": list(found.confusion.classes),
            "counts": found.confusion.counts.tolist(),
        },
    }


COMMANDS = (
    Command("runs", tr("list the project's runs, or tell one with its figures"), _arguments, _runs),
)
