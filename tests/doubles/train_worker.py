"""A training worker that keeps the contract and learns nothing: a real process, real files.

What it should do stands in RUN_DIR/play.json or in the environment's LEAFSPOT_PLAY:
{"dice": {image id: Dice}, "fail": sentence, "die": bool, "linger": bool, "garbage": bool}.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from core.domain.run import Score, TargetScore
from core.training import events
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder, score_to_json
from core.workers.channel import Channel
from core.workers.wire import PROTOCOL

GRID = 32


def main() -> int:
    channel = Channel.claim("train")
    run = RunFolder(Path(sys.argv[1]))
    again = "--score-only" in sys.argv
    play = json.loads(os.environ.get("LEAFSPOT_PLAY", "{}"))
    with run.events.open("a", encoding="utf-8") as file:
        tell = Telling(channel, file)
        tell(events.Hello(PROTOCOL, os.getpid(), "train"))
        if play.get("garbage"):
            print("a library prints", flush=True)
        if play.get("fail"):
            tell(events.Failed("refused", play["fail"]))
            return 1
        if "--trial" in sys.argv:
            tell(events.Phase("trying"))
            tell(events.Examined("seg", "The mask token", "ok", "is one token"))
            spans = [("<bos>say ", False), ("<SEG> rust", True)]
            tell(events.Examined("labels", "What is learnt", "ok", "<SEG> rust", "", spans))
            if wrong := play.get("wrong"):
                tell(events.Examined("by_heart", "By heart", "fail", wrong, "Press something."))
            tell(events.Finished("", stopped=False))
            return 0
        stopped = False if again else train(run, tell, channel, play)
        score(run, tell, play)
        tell(events.Finished("adapter", stopped=stopped))
    return 0


class Telling:
    """To the file first, then to the wire."""

    def __init__(self, channel: Channel, file: IO[str]) -> None:
        self._channel, self._file = channel, file

    def __call__(self, event: events.TrainEvent) -> None:
        fields = events.to_fields(event)
        self._file.write(json.dumps(fields) + "\n")
        self._file.flush()
        self._channel.send(str(fields.pop("event")), **fields)


def train(run: RunFolder, tell: Telling, channel: Channel, play: dict[str, object]) -> bool:
    """Whether it was stopped."""
    tell(events.Phase("training"))
    stopped = False
    for step in range(1, 4):
        tell(events.Step(step, 3, 1 / step, 0.1, 0.2, 1e-3, 1.0, step / 3))
        if play.get("die"):
            os._exit(9)
        if play.get("linger") and step == 2:
            command = channel.receive(timeout=60)
            stopped = isinstance(command, dict) and command.get("do") == "stop"
            break
    tell(events.Evaluated(3, 0.5, 0.9, 0.75, 2, {}, {}))
    run.adapter.mkdir(exist_ok=True)
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights" * 100)
    settings = {"r": 16, "base_model_name_or_path": str(Path.home() / "models/starter")}
    (run.adapter / "adapter_config.json").write_text(json.dumps(settings))
    tell(events.Checkpoint(3, "checkpoints/step-0000003", best=True))
    return stopped


def score(run: RunFolder, tell: Telling, play: dict[str, object]) -> None:
    wanted = play.get("dice", {})
    assert isinstance(wanted, dict)
    config = TrainConfig.read(run.config)
    run.predictions.mkdir(exist_ok=True)
    lines = []
    for sample in run.read_samples():
        grid = np.zeros((GRID, GRID), np.uint8)
        grid[8:16, 8:16] = 255
        name = f"predictions/{sample.image}.lesions.png"
        Image.fromarray(grid).save(run.root / name)
        Image.fromarray(np.full_like(grid, 200)).save(run.predictions / f"{sample.image}.leaf.png")
        dice = float(wanted.get(str(sample.image), 0.9)) if sample.mask_known else None
        empty = not sample.lesions
        targets = () if dice is None else (TargetScore("lesions", dice, dice / 2, empty, False),)
        share = 1 / len(config.classes)
        found = Score(
            run=run.id,
            image=sample.image,
            split=sample.split,
            dice=dice,
            targets=targets,
            truth=sample.disease,
            predicted=sample.disease or config.classes[0],
            probabilities=tuple((c, share) for c in config.classes),
            severity=6.25,
            true_severity=None,
            prediction=name,
        )
        lines.append(json.dumps(score_to_json(found)))
    run.scores.write_text("\n".join(lines) + "\n")
    tell(events.Scored(len(lines), {"lesion_dice": 0.5, "accuracy": 0.75}))


if __name__ == "__main__":
    sys.exit(main())
