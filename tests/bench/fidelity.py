"""Random edits with every tool and action, undo, redo and restarts: is the store what was drawn?

    python tests/bench/fidelity.py [--edits 10000] [--seed 1] [--size 1600 1200] [--json FILE]

One photo, one store. Each edit goes the way of the window: the labelling session proposes it, the
history remembers it, the store commits it. Beside it a plain model keeps every region as one dense
array and applies the edit pixel by pixel, sharing no code with either. After every edit the session
is compared with the model where it changed, and an undo with what the photo was before the edit it
takes back; at every restart, and at the end, the store is compared with the model as a whole, bit
for bit. A restart closes the store, opens it again, and goes on with the steps that it kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.domain.edits import Edit
from core.domain.ids import ImageId, RegionId
from core.domain.image import ImageState, LeafImage
from core.domain.mask import TileMask
from core.domain.region import RegionKind
from core.engines.base import Candidate
from core.errors import EditRefused
from core.geometry import reshape
from core.geometry.outline import enclosed
from core.geometry.wand import Surroundings, Wand
from core.history import History
from core.ports import NewImage, ProjectStore
from core.services import reshaping
from core.services.annotate import Draft, LabellingSession
from core.services.rules import Overlap, Rules, obey
from gui.canvas.stroke import Stroke
from storage import create_project, open_project
from tests.faults.project_model import ProjectModel

RESTART = 0.01
MANY = 40
"""Regions from which on deleting and merging are likelier than drawing."""


class Work:
    """One photo under random work."""

    def __init__(self, folder: Path, seed: int, size: tuple[int, int]) -> None:
        self.rng, self.size = random.Random(seed), size
        self.store: ProjectStore = create_project(folder / "fidelity")
        image = LeafImage(ImageId(7), "../a.jpg", "0" * 64, *size)
        self.store.add_images([NewImage(image)])
        self.model = ProjectModel([d.id for d in self.store.diseases()])
        self.model.add(NewImage(image))
        self.session = LabellingSession(image, [])
        self.history = History()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.before: dict[int, bytes] = {}
        self.after: dict[int, bytes] = {}
        noise = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 4))
        self.picture = noise.astype(np.uint8).repeat(8, 0).repeat(8, 1)

    # -- one step

    def step(self) -> None:
        """An edit, an undo, a redo or a restart."""
        chance = self.rng.random()
        if chance < RESTART:
            self.restart()
        elif chance < 0.2:
            self.walk("undo", self.history.undo)
        elif chance < 0.3:
            self.walk("redo", self.history.redo)
        else:
            self.edit()

    def edit(self) -> None:
        name = self.rng.choice(sorted(ACTIONS if len(self.session.regions) < MANY else FEWER))
        try:
            edit = ACTIONS[name](self)
        except EditRefused:
            edit = None
        if self.rng.random() < 0.3:
            rules = Rules(self.rng.random() < 0.5, self.rng.choice(list(Overlap)))
            edit = obey(self.session, edit, rules) if name in DRAWING else edit
        if edit is None:
            self.counts[f"{name}: nothing to do"] += 1
            return
        self.counts[name] += 1
        self.before[edit.action] = self.digest()
        self.history.push(edit)
        self.carry_out(edit)
        self.after[edit.action] = self.digest()

    def walk(self, name: str, step: Callable[[ImageId], Edit | None]) -> None:
        edit = step(ImageId(7))
        if edit is None:
            self.counts[f"{name}: nothing to do"] += 1
            return
        self.counts[name] += 1
        self.carry_out(edit)
        wanted = (self.before if edit.undoes else self.after)[edit.action]
        if self.digest() != wanted:
            self.wrong.append(f"{name} of “{edit.title}” gives another photo")

    def carry_out(self, edit: Edit) -> None:
        self.session.apply(edit)
        self.store.commit(edit)
        self.model.apply(edit)
        self.model.done.clear()
        there = self.model.regions[ImageId(7)]
        for change in edit.changes:
            region = getattr(change, "region", None)
            which = getattr(region, "id", region)
            found = None if which is None else self.session.region(which)
            if (found is None) != (which not in there):
                self.wrong.append(f"“{edit.title}”: a region is missing or too many")
            elif found is not None and not np.array_equal(found.mask.to_array(), there[which][1]):
                self.wrong.append(f"“{edit.title}”: pixels of region {which}")

    def restart(self) -> None:
        self.counts["restart"] += 1
        self.compare()
        self.store.close()
        self.store = open_project(self.store.folder)
        self.compare()
        self.session = LabellingSession(
            self.store.image(ImageId(7)), self.store.regions(ImageId(7))
        )
        known, self.history = self.history, History()
        steps = self.store.steps(ImageId(7))
        if steps.dropped:
            self.wrong.append("the steps were dropped at a restart")
        self.history.recall(ImageId(7), steps.done, steps.undone)
        titles = (known.undo_title(ImageId(7)), known.redo_title(ImageId(7)))
        if titles != (self.history.undo_title(ImageId(7)), self.history.redo_title(ImageId(7))):
            self.wrong.append("the next undo or redo is another one after a restart")

    def compare(self) -> None:
        self.counts["compared as a whole"] += 1
        self.wrong += self.model.differences(self.store)

    def digest(self) -> bytes:
        """Of the session: every region, its labels and pixels, and the photo's label."""
        found = hashlib.sha256(repr(self.session.label).encode())
        for region in self.session.regions:
            found.update(repr(region.info).encode())
            for key, tile in sorted(region.mask.packed().items()):
                found.update(repr(key).encode() + tile.tobytes())
        return found.digest()

    # -- what edits are made of

    def place(self) -> tuple[float, float]:
        width, height = self.size
        return self.rng.uniform(-20, width + 20), self.rng.uniform(-20, height + 20)

    def near(self, at: tuple[float, float], reach: float) -> tuple[float, float]:
        return at[0] + self.rng.uniform(-reach, reach), at[1] + self.rng.uniform(-reach, reach)

    def some(self, most: int = 1) -> list[RegionId]:
        ids = [r.info.id for r in self.session.regions]
        return self.rng.sample(ids, min(len(ids), self.rng.randint(1, most)))

    def draft(self) -> Draft:
        kind = RegionKind.LEAF if self.rng.random() < 0.15 else RegionKind.LESION
        return Draft(kind, self.rng.choice([None, *self.model.diseases]))

    def draw(self, stroke: Stroke, title: str) -> Edit | None:
        region = None if stroke.region_id is None else self.session.region(stroke.region_id)
        delta = stroke.delta(None if region is None else region.mask)
        draft = self.draft()
        return self.session.stroke(delta, region=stroke.region_id, draft=draft, title=title)

    def shape(self, mask: TileMask, title: str) -> Edit | None:
        target = (self.some() or [None])[0] if self.rng.random() < 0.7 else None
        erase = target is not None and self.rng.random() < 0.3
        return self.draw(Stroke.filled(mask, target, erase=erase), title)


def brush(work: Work, *, erase: bool = False) -> Edit | None:
    target = (work.some() or [None])[0] if erase or work.rng.random() < 0.6 else None
    if erase and target is None:
        return None
    stroke = Stroke(work.size, target, erase=erase)
    at, radius = work.place(), work.rng.choice((0.5, 1, 3, 10, 40))
    region = None if target is None else work.session.region(target)
    box = None if region is None else region.mask.box()
    if erase and box is not None:
        at = work.near((box[0], box[1]), 10)
    for _ in range(work.rng.randint(1, 8)):
        to = work.near(at, 60)
        stroke.line(at, to, radius)
        at = to
    return work.draw(stroke, "Brush stroke")


def polygon(work: Work, *, corners: int = 9, reach: float = 150) -> Edit | None:
    middle = work.place()
    points = [work.near(middle, reach) for _ in range(work.rng.randint(0, corners))]
    return work.shape(enclosed(points, work.size), "Polygon")


def wand(work: Work) -> Edit | None:
    width, height = work.size
    x0, y0 = work.rng.randrange(width - 20), work.rng.randrange(height - 20)
    x1, y1 = min(width, x0 + 400), min(height, y0 + 300)
    scale = work.rng.choice((1, 2))
    part = np.ascontiguousarray(work.picture[y0 // scale * scale : y1 : scale, x0:x1:scale])
    around = Surroundings(
        part, (x0, y0, x1, y1), (1 / scale, 1 / scale), (x0 // scale, y0 // scale)
    )
    at = (work.rng.uniform(x0, x1 - 1), work.rng.uniform(y0, y1 - 1))
    pixels, corner = Wand(around, at).select(work.rng.randint(1, 100))
    return work.shape(TileMask.from_array(pixels, corner, work.size), "Magic wand")


def proposal(work: Work) -> Edit | None:
    x, y = (int(v) for v in work.place())
    seed = work.rng.getrandbits(32)
    pixels = np.random.default_rng(seed).random((work.rng.randint(1, 90),) * 2) < 0.7
    into = (work.some() or [None])[0] if work.rng.random() < 0.6 else None
    instead = work.rng.random() < 0.5
    candidate = Candidate(pixels, (x, y), 0.5)
    return work.session.accept(candidate, into=into, draft=work.draft(), instead=instead)


def reshaped(work: Work, title: str, change: Callable[[TileMask], TileMask]) -> Edit | None:
    return reshaping.reshaped(work.session, work.some(3), title, change)


def cut(work: Work) -> Edit | None:
    chosen = work.some()
    region = work.session.region(chosen[0]) if chosen else None
    box = None if region is None else region.mask.box()
    if box is None:
        return None
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    path = [work.near(middle, 1.5 * (box[2] - box[0] + box[3] - box[1])) for _ in range(2)]
    return reshaping.cut(work.session, chosen, path)


def delete(work: Work) -> Edit | None:
    return work.session.delete((work.some() or [RegionId(0)])[0])


def relabel(work: Work) -> Edit | None:
    draft = work.draft()
    region = (work.some() or [RegionId(0)])[0]
    return work.session.relabel(region, kind=draft.kind, disease=draft.disease)


ACTIONS: dict[str, Callable[[Work], Edit | None]] = {
    "brush": brush,
    "eraser": partial(brush, erase=True),
    "polygon": polygon,
    "lasso": partial(polygon, corners=60, reach=60),
    "wand": wand,
    "proposal": proposal,
    "fill holes": lambda w: reshaped(w, "Fill holes", reshape.fill_holes),
    "drop specks": lambda w: reshaped(
        w, "Drop specks", partial(reshape.drop_specks, smallest=w.rng.randint(2, 60))
    ),
    "grow": lambda w: reshaped(w, "Grow region", partial(reshape.grow, by=w.rng.randint(1, 6))),
    "shrink": lambda w: reshaped(
        w, "Shrink region", partial(reshape.shrink, by=w.rng.randint(1, 6))
    ),
    "smooth": lambda w: reshaped(
        w, "Smooth outline", partial(reshape.smooth, radius=w.rng.randint(1, 4))
    ),
    "split": lambda w: reshaping.split(w.session, w.some()),
    "cut": cut,
    "merge": lambda w: reshaping.merge(w.session, w.some(4)),
    "clip": lambda w: reshaping.clip_to_leaf(w.session),
    "delete": delete,
    "relabel": relabel,
    "state": lambda w: w.session.set_state(w.rng.choice(list(ImageState))),
}
FEWER = {"delete", "merge", "eraser", "shrink", "fill holes", "grow"}
DRAWING = {"brush", "polygon", "lasso", "wand", "proposal", "fill holes", "grow", "smooth"}


def run(folder: Path, *, edits: int, seed: int, size: tuple[int, int]) -> Work:
    """``edits`` random steps in a project in ``folder``; stops at the first difference."""
    work = Work(folder, seed, size)
    for _ in range(edits):
        work.step()
        if work.wrong:
            break
    work.restart()
    work.store.close()
    return work


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, nargs=2, default=(1600, 1200))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        size = (args.size[0], args.size[1])
        work = run(Path(folder), edits=args.edits, seed=args.seed, size=size)
        megabytes = (work.store.folder / "project.db").stat().st_size / 1e6
    seconds = time.perf_counter() - began
    for name, count in sorted(work.counts.items()):
        print(f"{name:28} {count:7}")
    print(f"{'seconds':28} {seconds:7.0f}\n{'project, MB':28} {megabytes:7.1f}")
    print("\n".join(work.wrong) or "The store is the model, bit for bit.")
    if args.json:
        found = {
            "edits": args.edits, "seed": args.seed, "size": list(size), "counts": work.counts,
            "seconds": seconds, "megabytes": megabytes, "wrong": work.wrong,
        }  # fmt: skip
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 1 if work.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
