"""Where everything of one run lies, and what its files hold.

    runs/features/      what frozen vision towers saw of each photo (core.training.features)
    runs/<id>/
      config.json       TrainConfig; written before the worker starts, never changed
      remedies.json     what was done about memory that ran out (core.training.remedies)
      short-of-memory   left by a process beside the first one whose memory ran out
      start/            a copy of the person's own adapter, where the run starts from one
      samples.jsonl     the dataset snapshot, one photo a line (``Sample``)
      events.jsonl      what the worker said (core.training.events); the truth about the run
      worker.log        what it wrote to stderr
      checkpoints/      step-0000120/ …, each committed with a manifest (core.training.checkpoints)
      watch/            step-0000120/<image>.png, lesion probability of the watched leaves, and
                        scores.jsonl of the held-out leaves that were looked at
      adapter/          the best checkpoint in the shape that Export copies
      scores.jsonl      one photo a line (``score_to_json``), after "scored"
      predictions/      <image>.lesions.png and <image>.leaf.png: uint8 probability × 255 on the
                        head's grid; stretched over the photo it gives the mask at >= 128

Knows paths and JSON; knows no torch, no SQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.domain.ids import ImageId, RunId
from core.domain.run import Score, TargetScore, Verdict

_STEP = re.compile(r"step-(\d+)")
Rle = dict[str, object]
"""COCO run-length encoding: {"size": [height, width], "counts": compressed ASCII string}."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo of the snapshot, in displayed orientation.

    ``path`` is absolute; ``split`` is "train" or "val"; ``disease`` the image-level class or None.
    ``mask_known``: the lesions are outlined, or known to be none; ``leaf`` is the RLE of
    leaf ∪ lesions or None where no leaf is outlined; ``lesions`` maps a disease name ("" where the
    lesion is unnamed) to the RLE of the union of its regions.
    """

    image: ImageId
    path: str
    sha256: str
    width: int
    height: int
    split: str
    disease: str | None
    mask_known: bool
    leaf: Rle | None = None
    lesions: Mapping[str, Rle] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run. ``root`` is the folder named after the run's id."""

    root: Path

    @property
    def id(self) -> RunId:
        return RunId(self.root.name)

    @property
    def config(self) -> Path:
        return self.root / "config.json"

    @property
    def samples(self) -> Path:
        return self.root / "samples.jsonl"

    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.root / "worker.log"

    @property
    def remedies(self) -> Path:
        return self.root / "remedies.json"

    @property
    def short_of_memory(self) -> Path:
        return self.root / "short-of-memory"

    @property
    def start(self) -> Path:
        return self.root / "start"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def committed_step(self) -> int:
        """The step the run would go on from, 0 for a fresh one; read off the folder names."""
        found = (_STEP.fullmatch(p.name) for p in self.checkpoints.glob("step-*"))
        return max((int(m.group(1)) for m in found if m), default=0)

    @property
    def watch(self) -> Path:
        return self.root / "watch"

    @property
    def adapter(self) -> Path:
        return self.root / "adapter"

    @property
    def features(self) -> Path:
        """What frozen towers saw of the photos; all runs beside this one use it."""
        return self.root.parent / "features"

    @property
    def scores(self) -> Path:
        return self.root / "scores.jsonl"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions"

    def read_samples(self) -> list[Sample]:
        """The snapshot, in the order it was written."""
        return [_sample(json.loads(line)) for line in _lines(self.samples)]

    def write_samples(self, samples: Iterable[Sample]) -> None:
        """Replaces the snapshot."""
        text = "".join(json.dumps(asdict(s), ensure_ascii=False) + "\n" for s in samples)
        self.samples.write_text(text, "utf-8")

    def read_scores(self) -> Iterator[Score]:
        """What the worker scored; empty when it has not got that far."""
        for line in _lines(self.scores):
            yield score_from_json(self.id, json.loads(line))

    def look_scores(self, step: int) -> Path:
        """Scores of the held-out leaves that were looked at after ``step``; 0 is the base."""
        return self.watch / f"step-{step:07d}" / "scores.jsonl"

    def read_look(self, step: int) -> list[Score]:
        """Empty where no look was taken, or what it found cannot be read."""
        try:
            lines = _lines(self.look_scores(step))
            return [score_from_json(self.id, json.loads(line)) for line in lines]
        except (OSError, ValueError, TypeError, KeyError):
            return []


def _lines(file: Path) -> list[str]:
    return [s for s in file.read_text("utf-8").split("\n") if s] if file.exists() else []


def _sample(raw: dict[str, object]) -> Sample:
    return Sample(**raw)  # type: ignore[arg-type]


def score_to_json(score: Score) -> dict[str, object]:
    """A line of ``scores.jsonl``; the run is the folder it lies in."""
    fields = asdict(score)
    del fields["run"], fields["verdict"]
    return fields


def score_from_json(run: RunId, raw: dict[str, object]) -> Score:
    """The inverse of ``score_to_json``."""
    values = dict(raw)
    targets = tuple(TargetScore(**t) for t in values.pop("targets"))  # type: ignore[attr-defined]
    probabilities = tuple((str(n), float(p)) for n, p in values.pop("probabilities"))  # type: ignore[attr-defined]
    verdict: Verdict | None = None
    return Score(run=run, targets=targets, probabilities=probabilities, verdict=verdict, **values)  # type: ignore[arg-type]
