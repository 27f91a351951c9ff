"""`leafspot train`, `score` and `hard`.

Knows how a run is told in a terminal; the services know how it is made.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from core.commands import run_options
from core.commands.base import Command, Console, Context, share, shown_path
from core.domain.run import RunState
from core.language import number_text, tr, trn
from core.ports import ProjectStore
from core.training.events import Evaluated, Notice, Phase, Step, TrainEvent
from core.training.run_folder import RunFolder
from core.training.summary import RunSummary
from core.wording import phase_text
from core.workers import launch

FIGURES = (("lesion_dice", tr("Dice")), ("accuracy", tr("accuracy")))


class Telling:
    """Says on the console what a run does."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase = ""

    def __call__(self, event: TrainEvent) -> None:
        match event:
            case Phase():
                self._tell_phase(event)
            case Step():
                self._console.live(
                    tr(
                        "step {step:,} of {of:,}, loss {loss:.3f}, {left} left",
                        step=event.step,
                        of=event.of,
                        loss=event.loss,
                        left=left(event.eta),
                    )
                )
            case Evaluated():
                self._console.note(evaluated(event))
            case Notice():
                self._console.note(event.text)
            case _:
                return

    def _tell_phase(self, event: Phase) -> None:
        name = phase_text(event.phase)
        if event.total:
            self._console.progress(name, event.done, event.total)
        elif event.phase != self._phase:
            self._console.note(f"{name}…")
        self._phase = event.phase


def left(seconds: float) -> str:
    """“12 min”, “40 s”."""
    return (
        tr("{seconds:.0f} min", seconds=seconds / 60)
        if seconds >= 90
        else f"{max(0.0, seconds):.0f} s"
    )


def evaluated(event: Evaluated) -> str:
    """A look at held-out leaves in one sentence."""
    dice = (
        tr("no masks to compare") if event.dice is None else tr("Dice {dice:.2f}", dice=event.dice)
    )
    named = (
        ""
        if event.accuracy is None
        else tr(", {accuracy:.0%} of diseases right", accuracy=event.accuracy)
    )
    leaves = trn("{n:,} held-out leaf", "{n:,} held-out leaves", event.leaves)
    return tr(
        "After step {step:,}, {leaves}: {dice}{named}.",
        step=event.step,
        leaves=leaves,
        dice=dice,
        named=named,
    )


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    run_options.add(parser)
    parser.add_argument(
        "--from",
        metavar="ADAPTER",
        dest="adapter",
        type=Path,
        help=tr("folder of an exported adapter to start from"),
    )
    parser.add_argument(
        "--prepare-only",
        action="store_true",
        help=tr("write the run's folder, say how it is trained by hand, and end"),
    )
    parser.add_argument("--resume", action="store_true", help=tr("go on with the last run"))


def _train(context: Context, args: argparse.Namespace) -> int:
    from core.services import bases, runs, training_session
    from core.services.train import recover

    base = bases.choose(args.base)
    with context.project(args.project, write=True) as store:
        recover(store)
        if args.resume:
            run = runs.resumable(store, base.spec.id)
            folder = runs.run_folder(store, run)
            context.console.note(tr("Going on with run {id}.", id=run.id))
        else:
            folder = _prepare(context, store, args)
        if args.prepare_only:
            _tell_prepared(context, folder, args.processes)
            return 0
        summary = training_session.train(
            store, folder, on_event=Telling(context.console), processes=args.processes
        )
        _tell_end(context, folder, summary)
    # A script must not take what was broken off for the run it asked for.
    return 0 if summary.state is RunState.FINISHED else 1


def _tell_prepared(context: Context, folder: RunFolder, processes: int) -> None:
    """The command that trains it; this project takes the result in when it is opened next."""
    command = shlex.join(launch.by_hand(processes, "train", str(folder.root)))
    context.console.result(tr("Run {id} is prepared; this trains it:", id=folder.id))
    context.console.result(command)
    document = {"run": folder.id, "folder": str(folder.root), "command": command}
    context.console.document(document)


def _prepare(context: Context, store: ProjectStore, args: argparse.Namespace) -> RunFolder:
    from core.services.own_adapter import insist_on_base
    from core.services.train import prepare_run
    from core.training.snapshot import Snapshot

    def tell(taken: Snapshot) -> None:
        for note in taken.notes:
            context.console.note(note)
        context.console.note(
            trn(
                "Learning {list} from {n:,} leaf, {manys} held out.",
                "Learning {list} from {n:,} leaves, {manys} held out.",
                taken.count("train"),
                list=", ".join(taken.classes),
                manys=taken.count("val"),
            )
        )

    base, config = run_options.chosen(args)
    if args.adapter is not None:
        insist_on_base(args.adapter, base.spec.id)
    return prepare_run(
        store,
        config,
        adapter=args.adapter,
        progress=lambda done, of: context.console.progress(tr("Looking at photos"), done, of),
        on_snapshot=tell,
    )


def _tell_end(context: Context, folder: RunFolder, summary: RunSummary) -> None:
    figures = [
        f"{word} {number_text(summary.figures[k], '.2f')}"
        for k, word in FIGURES
        if k in summary.figures
    ]
    result = f": {', '.join(figures)}" if figures else ""
    ends = {
        RunState.STOPPED: tr("Run {id} stopped early{result}.", id=folder.id, result=result),
        RunState.INTERRUPTED: tr(
            "Run {id} was stopped before it had learnt anything.", id=folder.id
        ),
    }
    finished = tr("Run {id} finished{result}.", id=folder.id, result=result)
    context.console.result(ends.get(summary.state, finished))
    if folder.adapter.is_dir():
        context.console.result(
            tr("Its adapter is in {shown_path}.", shown_path=shown_path(folder.adapter))
        )
    if summary.state in ends:
        context.console.note(tr("To go on with it, train again with --resume."))
    context.console.document(
        {
            "run": folder.id,
            "state": summary.state.value,
            "steps": summary.steps,
            "summary": dict(summary.figures),
            "adapter": str(folder.adapter),
        }
    )


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--run", metavar="ID", help=tr("the last one where none is named"))


def _score(context: Context, args: argparse.Namespace) -> int:
    from core.services import review, runs, training_session
    from core.services.train import recover

    with context.project(args.project, write=True) as store:
        recover(store)
        run = runs.chosen_run(store, args.run, scored=False)
        folder = runs.run_folder(store, run)
        summary = training_session.score(store, folder, on_event=Telling(context.console))
        scores = store.scores(run.id)
        found = review.review(scores)
        held = review.review([s for s in scores if s.split == "val"])
    dice = "–" if found.dice is None else number_text(found.dice, ".3f")
    context.console.result(
        tr(
            "Run {id}: {leafs} scored; mean Dice {dice} over {leafs_2} with lesions ({counted}).",
            id=run.id,
            leafs=trn("{n:,} leaf", "{n:,} leaves", found.scored),
            dice=dice,
            leafs_2=trn("{n:,} leaf", "{n:,} leaves", found.with_lesions),
            counted=counted(found),
        )
    )
    context.console.result(
        trn(
            "Leaves without lesions: {both_empty:,} left empty, {invented:,} with "
            "invented lesions; {n:,} leaf whose lesions were all missed.",
            "Leaves without lesions: {both_empty:,} left empty, {invented:,} with "
            "invented lesions; {n:,} leaves whose lesions were all missed.",
            found.missed,
            both_empty=found.both_empty,
            invented=found.invented,
        )
    )
    context.console.result(_held_out(held))
    context.console.document(
        {
            "run": run.id,
            "summary": dict(summary.figures),
            **review_document(found),
            "held_out": review_document(held),
        }
    )
    return 0


def _held_out(found: Any) -> str:
    """What tells how good a run is; the figures of all leaves are mostly of those it learnt."""
    if not found.scored:
        return tr("No leaf was held out, so all of these are leaves that the run learnt from.")
    dice = "–" if found.dice is None else number_text(found.dice, ".3f")
    right = (
        ""
        if found.accuracy is None
        else tr(", {accuracy:.0%} of diseases right", accuracy=found.accuracy)
    )
    return trn(
        "On the {n:,} leaf that it did not learn from: mean Dice {dice}{right}.",
        "On the {n:,} leaves that it did not learn from: mean Dice {dice}{right}.",
        found.scored,
        dice=dice,
        right=right,
    )


def counted(found: Any) -> str:
    """How many leaves of a `core.services.review.Review` lie below each threshold."""
    return ", ".join(
        tr("{count:,} below {below:.2f}", count=b.count, below=b.below) for b in found.buckets
    )


def review_document(found: Any) -> dict[str, object]:
    """A `core.services.review.Review` for scripts."""
    return {
        "scored": found.scored,
        "with_lesions": found.with_lesions,
        "dice": found.dice,
        "accuracy": found.accuracy,
        "both_empty": found.both_empty,
        "invented": found.invented,
        "missed": found.missed,
        "below": {f"{b.below:.2f}": b.count for b in found.buckets},
    }


def _hard_arguments(parser: argparse.ArgumentParser) -> None:
    _run_arguments(parser)
    parser.add_argument(
        "--below",
        metavar="D",
        type=share,
        default=0.75,
        help=tr("Dice under which a leaf is listed; 0.75 unless given"),
    )


def _hard(context: Context, args: argparse.Namespace) -> int:
    from core.services import hard_samples, review, runs
    from core.services.train import recover
    from core.training.snapshot import judged_wrong_sentence

    with context.project(args.project) as store:
        recover(store)
        run = runs.chosen_run(store, args.run, scored=True)
        found = review.below(store, run.id, args.below)
        rows = [_hard_row(store, score) for score in found]
        left_out = len(hard_samples.set_aside(store))
        scored = len(store.scores(run.id))
    for row in rows:
        context.console.result(f"{number_text(row['dice'], '.3f')}  {row['image']}  {_said(row)}")
    context.console.result(
        trn(
            "{n:,} of {leaves} of run {id} has a Dice below {below:g}.",
            "{n:,} of {leaves} of run {id} have a Dice below {below:g}.",
            len(rows),
            leaves=trn("{n:,} leaf", "{n:,} leaves", scored),
            id=run.id,
            below=args.below,
        )
    )
    if left_out:
        context.console.result(judged_wrong_sentence(left_out))
    context.console.document({"run": run.id, "samples": rows, "left_out": left_out})
    return 0


def _hard_row(store: ProjectStore, score: Any) -> dict[str, Any]:
    path = store.resolve(store.image(score.image))
    target = next((t for t in score.targets if t.target == "lesions"), None)
    return {
        "image": path.name,
        "dice": score.dice,
        "path": str(path),
        "id": score.image,
        "split": score.split,
        "disease": score.truth,
        "predicted": score.predicted,
        "severity": score.severity,
        "true_severity": score.true_severity,
        "truth_empty": bool(target and target.truth_empty),
        "prediction_empty": bool(target and target.prediction_empty),
        "verdict": score.verdict.value if score.verdict else None,
    }


def _said(row: dict[str, Any]) -> str:
    judged = tr(", judged “label wrong”") if row["verdict"] == "label_wrong" else ""
    return _mistake(row) + judged


def _mistake(row: dict[str, Any]) -> str:
    if row["truth_empty"]:
        return tr("lesions invented on a leaf without any")
    if row["prediction_empty"]:
        return tr("all lesions missed")
    truth, said = row["disease"], row["predicted"]
    return (
        tr("{truth} taken for {said}", truth=truth, said=said)
        if truth and truth != said
        else str(said)
    )


COMMANDS = (
    Command("train", tr("fine-tune a base model on the project"), _train_arguments, _train),
    Command("score", tr("score every photo with a run's adapter again"), _run_arguments, _score),
    Command("hard", tr("list the leaves a run gets wrong, worst first"), _hard_arguments, _hard),
)
