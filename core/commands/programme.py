"""`leafspot stages`: the stages after the first, each held against the one before.

Knows how they are told in a terminal; `core.services.programme` knows what they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from core.commands.base import Command, Context, share
from core.commands.training import Telling, counted, review_document
from core.domain.run import Run, RunState
from core.errors import TrainingRefused, UsageError
from core.language import number_text, tr, trn
from core.ports import ProjectStore
from core.services import run_titles
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder


def _arguments(parser: argparse.ArgumentParser) -> None:
    from core.services.programme import TAUS

    every = ",".join(f"{t:.2f}" for t in TAUS)
    parser.add_argument("project", metavar="PROJECT")
    parser.add_argument("--run", metavar="ID", help=tr("the last scored one where none is named"))
    parser.add_argument("--stages", metavar="S", type=_stages, default=(), help="preference, hard")
    parser.add_argument(
        "--below",
        metavar="D",
        type=_shares,
        help=tr("Dice of hard leaves, 0.75; several are a sweep: {every}", every=every),
    )
    parser.add_argument(
        "--folds",
        metavar="N",
        type=_folds,
        default=0,
        help=tr("judge the leaves to learn from by N models that have not learnt them, first"),
    )
    parser.add_argument(
        "--control", action="store_true", help=tr("train without masks: did they help the naming?")
    )


def _stages(text: str) -> tuple[Any, ...]:
    from core.services.programme import LATER

    known = {stage.value: stage for stage in LATER}
    names = [name.strip() for name in text.split(",")]
    if wrong := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(
            tr("there is no stage “{name}”; choose {known}", name=wrong[0], known=", ".join(known))
        )
    return tuple(known[name] for name in names)


def _shares(text: str) -> tuple[float, ...]:
    return tuple(share(part) for part in text.split(","))


def _folds(text: str) -> int:
    if text.isdigit() and 2 <= int(text) <= 20:
        return int(text)
    raise argparse.ArgumentTypeError(tr("folds are a number from 2 to 20"))


class _Work:
    """One call: the project, the console and what came of each run."""

    def __init__(self, context: Context, store: ProjectStore) -> None:
        self._context, self._store = context, store
        self._tell = Telling(context.console)
        self.rows: list[dict[str, object]] = []
        self.folded: dict[str, object] = {}
        self.stopped = False

    def train(self, folder: RunFolder) -> Run | None:
        """None when somebody stopped it."""
        from core.services import runs, training_session

        run = runs.find_run(self._store, folder.id)
        self._context.console.note(run_titles.title(run))
        summary = training_session.train(self._store, folder, on_event=self._tell)
        self.stopped = summary.state is not RunState.FINISHED
        return None if self.stopped else runs.find_run(self._store, folder.id)

    def folds(self, run: Run, count: int) -> bool:
        """Whether all were trained. What they found is told."""
        from core.services import folds, review

        for number in range(count):
            if self.train(folds.prepare_fold(self._store, run, number, count)) is None:
                return False
        found = review.review(list(folds.out_of_fold(self._store, run).values()))
        self.folded = review_document(found)
        self._context.console.result(
            trn(
                "The {n:,} leaf to learn from, judged by models that had not learnt it: mean Dice "
                "{dice} ({counted}).",
                "The {n:,} leaves to learn from, judged by models that had not learnt them: mean "
                "Dice {dice} ({counted}).",
                found.scored,
                dice="–" if found.dice is None else number_text(found.dice, ".3f"),
                counted=counted(found),
            )
        )
        return True

    def control(self, run: Run) -> None:
        from core.services import programme, runs
        from core.services.figures import gain
        from core.services.train import prepare_run

        other = self.train(prepare_run(self._store, programme.control(self._store, run).config))
        if other is None:
            return
        held = [s for s in self._store.scores(run.id) if s.split == "val"]
        groups = programme.groups_of(self._store, held)
        found = gain(self._store.scores(other.id), held, groups)
        said = programme.mask_sentence(found)
        both = (runs.run_folder(self._store, each) for each in (run, other))
        if practice := programme.practice_sentence(*both):
            said = f"{said} {practice}"
        self._context.console.result(said)
        self.rows.append({"run": other.id, "control_of": run.id, "sentence": said})

    def stage(self, run: Run, stage: Any, thresholds: Sequence[float]) -> Run | None:
        """The best run after this stage, which may be the one before; None when stopped."""
        from core.services import programme
        from core.services.train import prepare_run

        if not programme.can_be_judged(self._store, run):
            self._context.console.note(
                tr(
                    "Too few leaves, or groups of them, are held out to judge a stage, so it will "
                    "not be kept. Hold out more of them first, in the gallery or with the "
                    "column “split” of a table of labels."
                )
            )
        best, most = run, 0.0
        for below in thresholds:
            try:
                request = programme.stage_after(self._store, run, stage, below=below)
            except TrainingRefused as error:
                # What was trained so far is told all the same, and what can be goes on.
                if not self.rows and below == thresholds[-1]:
                    raise
                self._context.console.note(" ".join(error.problems))
                continue
            if request.config.hard:
                self._tell_hard(request.config)
            made = self.train(prepare_run(self._store, request.config, parent=request.parent))
            if made is None:
                return None
            judged = programme.acceptance(self._store, made)
            self._report(made, judged)
            if judged is None or not judged.accepted or judged.gain.dice is None:
                continue
            if judged.gain.dice.value > most:
                best, most = made, judged.gain.dice.value
        return best

    def _tell_hard(self, config: TrainConfig) -> None:
        self._context.console.note(
            trn(
                "{n:,} leaf to learn from has a Dice below {below:.2f} and is drawn more often.",
                "{n:,} leaves to learn from have a Dice below {below:.2f} and are drawn more "
                "often.",
                len(config.hard),
                below=config.below,
            )
        )

    def _report(self, run: Run, judged: Any) -> None:
        console = self._context.console
        title = run_titles.title(run)
        row: dict[str, object] = {"run": run.id, "title": title, "accepted": False}
        if judged is None:
            console.result(tr("{title}: no held-out leaf to judge it by.", title=title))
            self.rows.append(row)
            return
        worse = judged.gain.worse(above=0.75)
        console.result(
            trn(
                "{title}: {sentence} {n} easy leaf became worse.",
                "{title}: {sentence} {n} easy leaves became worse.",
                len(worse),
                title=title,
                sentence=judged.sentence,
            )
        )
        row |= {
            "accepted": judged.accepted,
            "sentence": judged.sentence,
            "leaves": [[c.image, c.before, c.after] for c in judged.gain.changes],
            "easy_worse": [c.image for c in worse],
        }
        self.rows.append(row)


def _run(context: Context, args: argparse.Namespace) -> int:
    from core.services import runs
    from core.services.train import recover
    from core.training.config import Stage

    if not (args.stages or args.control or args.folds):
        raise UsageError(tr("Say what to do: --stages, --folds or --control."))
    if args.below and Stage.HARD not in args.stages:
        raise UsageError(tr("--below is of the stage “hard”: add it to --stages."))
    with context.project(args.project, write=True) as store:
        recover(store)
        run = runs.chosen_run(store, args.run, scored=True)
        work = _Work(context, store)
        best = _through(work, run, args)
    if best is not None and args.stages:
        context.console.result(tr("The run to take away is {id}.", id=best.id))
    context.console.document(
        {"best": best.id if best else None, "runs": work.rows, "out_of_fold": work.folded}
    )
    return 1 if work.stopped else 0


def _through(work: _Work, run: Run, args: argparse.Namespace) -> Run | None:
    from core.services.hard_samples import BELOW
    from core.training.config import Stage

    if args.folds and not work.folds(run, args.folds):
        return None
    if args.control:
        work.control(run)
    best: Run | None = run
    for stage in args.stages:
        if best is None or work.stopped:
            return None
        thresholds = args.below or (BELOW,)
        best = work.stage(best, stage, thresholds if stage is Stage.HARD else thresholds[:1])
    return best


COMMANDS = (
    Command("stages", tr("train further stages, each kept only if it is better"), _arguments, _run),
)
