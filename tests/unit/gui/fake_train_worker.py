"""Stands in for the training worker: the contract's events, files and pictures, no model.

    python fake_train_worker.py RUN_DIR

Its masks are the truth, eaten away less and less from one evaluation to the next. FAKE_STEPS and
FAKE_DELAY set how many steps it takes and how long each lasts; FAKE_FAIL makes it fail or die.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from core.domain.run import Score, TargetScore
from core.training import remedies
from core.training.config import TrainConfig
from core.training.events import (
    Checkpoint,
    Evaluated,
    Examined,
    Failed,
    Finished,
    Hello,
    Notice,
    Phase,
    Scored,
    Step,
    TrainEvent,
    to_fields,
)
from core.training.photos import target_masks
from core.training.run_folder import RunFolder, Sample, score_to_json

GRID = 64


class FakeRun:
    """One run. ``emit`` takes each JSON line."""

    def __init__(self, root: Path, emit=lambda line: None, *, steps: int = 40, delay: float = 0.0):
        self.folder = RunFolder(root)
        self.config = remedies.applied(TrainConfig.read(self.folder.config), self.folder)
        self.samples = {s.image: s for s in self.folder.read_samples()}
        self.emit, self.steps, self.delay = emit, steps, delay
        self.stop = threading.Event()

    def say(self, event: TrainEvent) -> None:
        line = json.dumps(to_fields(event))
        with self.folder.events.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self.emit(line)

    def train(self) -> None:
        start = self._resumed_from()
        self.say(Hello(1, os.getpid(), "train", start))
        self.say(Phase("loading"))
        self.say(Phase("encoding photos", len(self.samples), len(self.samples)))
        self.say(Notice("The processor has no bf16; training in fp32."))
        if start == 0:
            self.evaluate(0, 0.0)
        every = max(1, self.steps // self.config.evaluations)
        self.say(Phase("training"))
        done = start
        for step in range(start + 1, self.steps + 1):
            loss = 0.3 + 1.5 * np.exp(-4 * step / self.steps) + 0.1 * np.sin(step)
            left = (self.steps - step) * self.delay
            self.say(Step(step, self.steps, float(loss), loss / 2, loss / 2, 2e-3, left, step / 10))
            done = step
            time.sleep(self.delay)
            if step % every == 0 or step == self.steps:
                self.evaluate(step, step / self.steps)
                self.checkpoint(step)
            if self.stop.is_set():
                break
        self.checkpoint(done)
        self.score(done / self.steps)
        (self.folder.adapter).mkdir(exist_ok=True)
        self.say(Finished("adapter", stopped=self.stop.is_set()))

    def rehearse(self, *, red: bool) -> None:
        """The lines of a rehearsal; one of them wrong when ``red``."""
        self.say(Hello(1, os.getpid(), "train", 0))
        self.say(Phase("trying"))
        self.say(Examined("seg", "The mask token", "ok", "is one token, <SEG>, number 4"))
        spans = [("[photo]", False), ("Name the disease.\nmodel\n", False), ("<SEG> rust", True)]
        self.say(Examined("labels", "What is learnt", "ok", "<SEG> rust", "", spans))
        counts = {"matched": 28, "unmatched": 3, "no_gradient": 0}
        self.say(Examined("targets.language", "LoRA", "ok", "28 layers", targets=counts))
        if red:
            text = "the loss went from 2.00 to 2.40 in 40 steps"
            self.say(Examined("by_heart", "By heart", "fail", text, "Halve the learning rate."))
        self.stop.wait(float(os.environ.get("FAKE_DELAY", "0")))
        self.say(Finished("", stopped=False))

    def _resumed_from(self) -> int:
        steps = [int(p.name[5:]) for p in self.folder.checkpoints.glob("step-*")]
        return max(steps, default=0)

    def checkpoint(self, step: int) -> None:
        name = f"step-{step:07d}"
        (self.folder.checkpoints / name).mkdir(parents=True, exist_ok=True)
        self.say(Checkpoint(step, f"checkpoints/{name}", True))

    def evaluate(self, step: int, skill: float) -> None:
        watch, dices = {}, {}
        for image in self.config.watch:
            file = self.folder.watch / f"step-{step:07d}" / f"{image}.png"
            self.write(file, self.predicted(self.samples[image], "lesions", skill))
            watch[str(image)] = file.relative_to(self.folder.root).as_posix()
            dices[str(image)] = 0.2 + 0.6 * skill
        self.say(Evaluated(step, 0.2 + 0.62 * skill, 0.9, 0.4 + 0.5 * skill, 3, watch, dices))

    def predicted(self, sample: Sample, target: str, skill: float) -> np.ndarray:
        truth = target_masks(sample).get(target)
        if truth is None:
            return np.zeros((GRID, GRID), np.uint8)
        away = round((1 - skill) * 3) + 1
        eaten = cv2.erode(truth.astype(np.uint8) * 255, np.ones((away, away), np.uint8))
        small = cv2.resize(eaten, (GRID, GRID), interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(small, (3, 3), 0)

    def write(self, file: Path, grid: np.ndarray) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        ok, png = cv2.imencode(".png", grid)
        assert ok
        file.write_bytes(png.tobytes())

    def score(self, skill: float) -> None:
        self.say(Phase("scoring", 0, len(self.samples)))
        lines = [json.dumps(score_to_json(self._score(s, skill))) for s in self.samples.values()]
        self.folder.scores.write_text("".join(line + "\n" for line in lines), "utf-8")
        summary = {"lesion_dice": 0.2 + 0.62 * skill, "accuracy": 0.4 + 0.5 * skill}
        self.say(Scored(len(lines), summary))

    def _score(self, sample: Sample, skill: float) -> Score:
        index = list(self.samples).index(sample.image)
        dice = min(1.0, 0.1 + 0.9 * skill * ((index * 7) % 11) / 10)
        file = self.folder.predictions / f"{sample.image}.lesions.png"
        for target in ("lesions", "leaf"):
            at = self.folder.predictions / f"{sample.image}.{target}.png"
            self.write(at, self.predicted(sample, target, dice))
        names = list(self.config.classes)
        right = names.index(sample.disease) if sample.disease in names else 0
        best = right if index % 5 else (right + 1) % len(names)
        shares = np.exp(-np.abs(np.arange(len(names)) - best) * 1.4)
        shares /= shares.sum()
        ranked = sorted(zip(names, shares, strict=True), key=lambda pair: -pair[1])
        return Score(
            run=self.folder.id,
            image=sample.image,
            split=sample.split,
            dice=dice,
            targets=(
                TargetScore("leaf", 0.95, 0.9),
                TargetScore("lesions", dice, dice / (2 - dice)),
            ),
            truth=sample.disease,
            predicted=names[best],
            probabilities=tuple((n, float(p)) for n, p in ranked),
            severity=4.0 + index,
            true_severity=5.0 + index,
            prediction=file.relative_to(self.folder.root).as_posix(),
        )


def main() -> int:
    def emit(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    steps = int(os.environ.get("FAKE_STEPS", "40"))
    delay = float(os.environ.get("FAKE_DELAY", "0.0"))
    run = FakeRun(Path(sys.argv[1]), emit, steps=steps, delay=delay)

    def listen() -> None:
        for line in sys.stdin:
            if json.loads(line).get("do") == "stop":
                run.stop.set()
        run.stop.set()

    threading.Thread(target=listen, daemon=True).start()
    if "--trial" in sys.argv:
        run.rehearse(red=os.environ.get("FAKE_FAIL") == "red")
        return 0
    match os.environ.get("FAKE_FAIL"):
        case "failed":
            run.say(Hello(1, os.getpid(), "train"))
            run.say(Failed("out_of_memory", "Memory ran out; choose a smaller batch size."))
            return 1
        case "memory" if run.config.batch_size > 2:
            run.say(Hello(1, os.getpid(), "train"))
            run.say(Failed("out_of_memory", "Memory ran out; choose a smaller batch size."))
            return 1
        case "die":
            run.say(Hello(1, os.getpid(), "train"))
            run.checkpoint(5)
            os.kill(os.getpid(), 9)
    run.train()
    return 0


if __name__ == "__main__":
    sys.exit(main())
