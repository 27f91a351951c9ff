"""`python -m core.workers.answer ADAPTER [--base FOLDER | --merged] [--off-card]`: a trained model,
kept ready.

Commands: ``predict`` (one photo: class, probabilities, two probability pictures),
``verify`` (photos of a run again, against what the run scored) and ``merge`` (adapter and base as
one model). With ``--merged`` the folder is such a model; with ``--off-card`` it is held in the
computer's memory, where there is a graphics card as well. ``failed`` and ``refused`` say with
``card_full`` that a card had too little memory. Knows models and the wire; knows no project.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import AdapterRefused, UserError
from core.language import tr
from core.training.config import Answers
from core.training.remedies import is_out_of_memory
from core.workers.channel import Channel
from core.workers.wire import Garbage, Message

if TYPE_CHECKING:
    from core.training.config import TrainConfig
    from core.training.learner import Learner


CARDS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
"""The variables by which PyTorch is told of graphics cards."""


class Answerer:
    """A loaded adapter on its base, or a merged model."""

    def __init__(self, folder: Path, base: str, *, merged: bool = False) -> None:
        from core.training.adapter import load_adapter
        from core.training.merging import load_merged

        self.learner: Learner
        self.config: TrainConfig
        self.learner, self.config = load_merged(folder) if merged else load_adapter(folder, base)
        if self.config.answers is Answers.CLASS:
            raise AdapterRefused(
                tr("This adapter names the class alone, as a control; choose a run with masks.")
            )
        self.side = max(self.learner.head.spec.side, self.learner.vlm.photo_side)

    def predict(self, path: Path, sha256: str | None, out: Path) -> dict[str, object]:
        """One photo; pictures go to ``out`` under the photo's stem and a number."""
        from core.heads.base import shrink
        from core.imaging.decode import decode_rgb
        from core.training.predict import predict
        from core.training.scoring import write_masks

        rgb = decode_rgb(path, expected_sha256=sha256)
        said = predict(
            self.learner, [shrink(rgb, self.side)], self.config.classes, self.config.healthy
        )[0]
        stem = f"{len(list(out.glob('*.lesions.png'))):06d}"
        picture = write_masks(out, stem, said)
        return {
            "predicted": said.predicted,
            "probabilities": [list(pair) for pair in said.probabilities],
            "lesions": str(picture),
            "leaf": str(out / f"{stem}.leaf.png"),
        }

    def verify(self, run_folder: Path, images: set[int]) -> dict[str, object]:
        """Photos of a run again: share of equal classes, largest change of any target's Dice."""
        from core.heads.base import shrink
        from core.imaging.decode import decode_rgb
        from core.training.run_folder import RunFolder
        from core.training.scoring import predictions, score

        run = RunFolder(run_folder)
        samples = [s for s in run.read_samples() if s.image in images]
        before = {s.image: s for s in run.read_scores()}

        def photo(index: int) -> NDArray[np.uint8]:
            sample = samples[index]
            rgb = decode_rgb(Path(sample.path), expected_sha256=sample.sha256 or None)
            return shrink(rgb, self.side)

        change, same = 0.0, 0
        said = predictions(self.learner, self.config, samples, photo)
        for sample, one in zip(samples, said, strict=True):
            now, then = score(run, sample, one), before[sample.image]
            same += now.predicted == then.predicted
            earlier = {t.target: t.dice for t in then.targets}
            for target in now.targets:
                change = max(change, abs(target.dice - earlier.get(target.target, 0.0)))
        return {"agreement": same / max(1, len(samples)), "dice_change": change}

    def merge(self, out: Path) -> None:
        """Adapter and base as one model in the empty folder ``out``."""
        from core.training.merging import merge

        merge(self.learner, self.config, out)


def main(arguments: list[str]) -> int:
    """Loads, says ready, answers until told to stop or until the input ends."""
    channel = Channel.claim("answer")
    parser = argparse.ArgumentParser(prog="core.workers.answer")
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--base", default="")
    parser.add_argument("--merged", action="store_true")
    parser.add_argument("--off-card", action="store_true")
    options = parser.parse_args(arguments)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if options.off_card:
        _hide_cards()
    try:
        answerer = Answerer(options.adapter, options.base, merged=options.merged)
    except UserError as error:
        channel.send("failed", text=str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the edge of the process: every end is an event
        traceback.print_exc()
        text = tr("The adapter could not be loaded ({error}).", error=error)
        if is_out_of_memory(error):
            text = _too_large(merged=options.merged)
        channel.send("failed", text=text, card_full=_card_is_full(error))
        return 1
    channel.send("ready", classes=list(answerer.config.classes))
    while (command := channel.receive()) is not None:
        if isinstance(command, Garbage):
            continue
        if command.get("do") == "stop":
            break
        _answer(channel, answerer, command)
    return 0


def _answer(channel: Channel, answerer: Answerer, command: Message) -> None:
    token = command.get("token")
    try:
        if command.get("do") == "predict":
            found = answerer.predict(
                Path(str(command["path"])),
                str(command["sha256"]) if command.get("sha256") else None,
                Path(str(command["out"])),
            )
            channel.send("answer", token=token, **found)
        elif command.get("do") == "verify":
            wanted = command["images"]
            images = {int(i) for i in wanted} if isinstance(wanted, list) else set()
            channel.send("verified", **answerer.verify(Path(str(command["run"])), images))
        elif command.get("do") == "merge":
            answerer.merge(Path(str(command["out"])))
            channel.send("merged", token=token)
    except UserError as error:
        channel.send("refused", token=token, text=str(error))
    except Exception as error:  # noqa: BLE001 - one bad photo must not end the worker
        traceback.print_exc()
        merging = command.get("do") == "merge"
        if is_out_of_memory(error):
            text = _too_large(merged=merging)
        elif merging:
            text = tr("Adapter and base could not be merged ({error}).", error=error)
        else:
            text = tr("This photo could not be answered ({error}).", error=error)
        channel.send("refused", token=token, text=text, card_full=_card_is_full(error))


def _card_is_full(error: Exception) -> bool:
    """Whether it was a graphics card's memory, and not the computer's, that ran out."""
    if not is_out_of_memory(error):
        return False
    import torch

    return torch.cuda.is_available()


def _hide_cards() -> None:
    """Before any library looks for one."""
    os.environ |= dict.fromkeys(CARDS, "")


def _too_large(*, merged: bool) -> str:
    if merged:
        return tr(
            "The merged model, whose weights are held at full width, does not fit the memory here. "
            "Close other programs, or merge on a computer with more; the adapter alone can be "
            "exported here."
        )
    return tr("The model does not fit the memory now; close other programs and try again.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
