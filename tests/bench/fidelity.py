"""Random edits with every tool and action, undo, redo and restarts: is the store what was drawn?

    python tests/bench/fidelity.py [--edits 10000] [--seed 1] [--size 1600 1200] [--json FILE]

Three photos, one store, one photo open at a time. Each edit goes the way of the window: the
labelling session proposes it, the history remembers it, the store commits it. Now and then
something is done to many photos at once, or one disease is merged into another, and that is taken
back and done again, between edits and after restarts. Beside it a plain model keeps every region as
one dense array and applies the edit pixel by pixel, sharing no code with either. After every edit
the session is compared with the model where it changed, an undo with what the photo was before the
edit it takes back, and after every action on many all photos with what the model says of them; at
every restart, and at the end, the store is compared with the model as a whole, bit for bit. A
restart closes the store, opens it again, and goes on with the steps that it kept.
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

from core.changes import Changes
from core.domain.disease import PALETTE, Disease
from core.domain.edits import Edit
from core.domain.ids import DiseaseId, ImageId, RegionId, new_id
from core.domain.image import ImageState, LeafImage, Split
from core.domain.mask import TileMask
from core.domain.region import RegionKind
from core.engines.base import Candidate
from core.errors import EditRefused
from core.geometry import reshape
from core.geometry.outline import enclosed
from core.geometry.wand import Surroundings, Wand
from core.history import History
from core.ports import NewImage, ProjectStore
from core.services import bulk, reshaping
from core.services.annotate import Draft, LabellingSession
from core.services.rules import Overlap, Rules, obey
from gui.canvas.stroke import Stroke
from storage import create_project, open_project
from tests.faults.many_model import ManyModel
from tests.faults.project_model import ProjectModel

RESTART, SWITCH, MANY_ACTS, MERGE, MANY_BACK, MANY_AGAIN = 0.01, 0.01, 0.02, 0.004, 0.015, 0.01
PHOTOS = (ImageId(7), ImageId(8), ImageId(9))
MANY = 40
"""Regions from which on deleting and merging are likelier than drawing."""


class Work:
    """Three photos under random work."""

    def __init__(self, folder: Path, seed: int, size: tuple[int, int]) -> None:
        self.rng, self.size = random.Random(seed), size
        self.store: ProjectStore = create_project(folder / "fidelity")
        for number in range(4):
            disease = Disease(DiseaseId(new_id()), f"disease {number}", PALETTE[number])
            self.store.put_disease(disease)
        self.model = ProjectModel([d.id for d in self.store.diseases()])
        self.many = ManyModel(self.model)
        for photo in PHOTOS:
            new = NewImage(LeafImage(photo, f"../{photo}.jpg", f"{photo:064x}", *size))
            self.store.add_images([new])
            self.model.add(new)
        self.open = PHOTOS[0]
        self.session = LabellingSession(self.store.image(self.open), [])
        # What was done to many since an edit may have changed what its undo leaves.
        self.since: Counter[ImageId] = Counter()
        self.history = History()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.before: dict[int, tuple[int, bytes]] = {}
        self.after: dict[int, tuple[int, bytes]] = {}
        noise = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 4))
        self.picture = noise.astype(np.uint8).repeat(8, 0).repeat(8, 1)

    # -- one step

    def step(self) -> None:
        """An edit, an undo, a redo, a restart, another photo, or something done to many."""
        chance = self.rng.random()
        for share, act in (
            (RESTART, self.restart), (SWITCH, self.switch), (MANY_ACTS, self.act_on_many),
            (MERGE, self.merge), (MANY_BACK, partial(self.turn_many, back=True)),
            (MANY_AGAIN, partial(self.turn_many, back=False)),
        ):  # fmt: skip
            if chance < share:
                act()
                return
            chance -= share
        if chance < 0.18:
            self.walk("undo", self.history.undo)
        elif chance < 0.28:
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
        self.before[edit.action] = (self.since[self.open], self.digest())
        self.history.push(edit)
        self.carry_out(edit)
        self.after[edit.action] = (self.since[self.open], self.digest())

    def walk(self, name: str, step: Callable[[ImageId], Edit | None]) -> None:
        edit = step(self.open)
        if edit is None:
            self.counts[f"{name}: nothing to do"] += 1
            return
        self.counts[name] += 1
        self.carry_out(edit)
        since, wanted = (self.before if edit.undoes else self.after)[edit.action]
        if since == self.since[self.open] and self.digest() != wanted:
            self.wrong.append(f"{name} of “{edit.title}” gives another photo")

    def carry_out(self, edit: Edit) -> None:
        self.session.apply(edit)
        self.store.commit(edit)
        self.model.apply(edit)
        self.model.done.clear()
        there = self.model.regions[self.open]
        for change in edit.changes:
            region = getattr(change, "region", None)
            which = getattr(region, "id", region)
            found = None if which is None else self.session.region(which)
            if (found is None) != (which not in there):
                self.wrong.append(f"“{edit.title}”: a region is missing or too many")
            elif found is not None and not found.mask.tiles:
                self.wrong.append(f"“{edit.title}”: nothing is left of region {which}")
            elif found is not None and not np.array_equal(found.mask.to_array(), there[which][1]):
                self.wrong.append(f"“{edit.title}”: pixels of region {which}")

    def restart(self) -> None:
        self.counts["restart"] += 1
        self.compare()
        self.store.close()
        self.store = open_project(self.store.folder)
        self.compare()
        known, self.history = self.history, History()
        titles = (known.undo_title(self.open), known.redo_title(self.open))
        self.show(self.open)
        if titles != (self.history.undo_title(self.open), self.history.redo_title(self.open)):
            self.wrong.append("the next undo or redo is another one after a restart")

    def switch(self) -> None:
        """Another photo is open."""
        self.counts["another photo"] += 1
        self.show(self.rng.choice([photo for photo in PHOTOS if photo != self.open]))

    def show(self, image: ImageId) -> None:
        """As the window opens a photo: from the store, with the steps that are kept."""
        self.open = image
        self.session = LabellingSession(self.store.image(image), self.store.regions(image))
        if self.session.image != self.model.photos[image]:
            self.wrong.append(f"photo {self.session.image} instead of {self.model.photos[image]}")
        wanted = [info for _, (info, _) in sorted(self.model.regions[image].items())]
        if [r.info for r in self.session.regions] != wanted:
            self.wrong.append(f"regions {self.session.regions} instead of {wanted}")
        if not self.history.knows(image):
            steps = self.store.steps(image)
            if steps.dropped:
                self.wrong.append("the steps of a photo were dropped")
            self.history.recall(image, steps.done, steps.undone)

    # -- many photos

    def act_on_many(self) -> None:
        """One of what the gallery offers."""
        images = tuple(self.rng.sample(PHOTOS, self.rng.randint(1, len(PHOTOS))))
        diseases = {d.id: d for d in self.store.diseases()}
        match self.rng.choice(("name", "mark", "split", "group", "crop")):
            case "name":
                chosen = self.rng.choice([None, *diseases.values()])
                edit = bulk.name(self.store, images, chosen)
                of_healthy = chosen is not None and chosen.healthy
                known = None if chosen is None else chosen.id
                self.many.name(edit.action, images, known, healthy=of_healthy)
            case "mark":
                state, by = self.rng.choice(list(ImageState)), self.rng.choice(("Anna", "Ben"))
                healthy = next(d for d in diseases.values() if d.healthy)
                edit = bulk.mark(self.store, images, state, healthy=healthy, by=by)
                self.many.mark(edit.action, images, state, by, healthy.id)
            case "split":
                split = self.rng.choice(list(Split))
                edit = bulk.put_in_split(images, split)
                self.many.assign(edit.action, images, split=split)
            case "group":
                group = self.rng.choice(("", "Plot Ö", "b"))
                edit = bulk.put_in_group(images, group)
                self.many.assign(edit.action, images, group=group)
            case _:
                crop = self.rng.choice(("", "coffee", "tomato"))
                edit = bulk.set_crop(images, crop)
                self.many.assign(edit.action, images, crop=crop)
        self.counts["done to many"] += 1
        self.follow(self.store.bulk(edit))

    def merge(self) -> None:
        """One disease into another, while there are enough; else there is one more."""
        others = [d for d in self.store.diseases() if not d.healthy]
        if len(others) < 3:
            number = self.counts["another disease"] = self.counts["another disease"] + 1
            disease = Disease(DiseaseId(new_id()), f"new {number}", PALETTE[number % len(PALETTE)])
            self.store.put_disease(disease)
            self.model.diseases.append(disease.id)
            return
        gone, into = self.rng.sample(others, 2)
        merged = self.store.merge_diseases(gone.id, into.id)
        self.many.merge(merged.action, gone.id, into.id)
        self.counts["merge of diseases"] += 1
        self.follow(Changes(images=frozenset(PHOTOS)))

    def turn_many(self, *, back: bool) -> None:
        """The last action on many is taken back, or the first that was is done again."""
        name = "undo of many" if back else "redo of many"
        steps = self.store.many_steps()
        steps = [s for s in reversed(steps) if not s.undone] if back else [
            s for s in steps if s.undone
        ]  # fmt: skip
        if not steps:
            self.counts[f"{name}: nothing to do"] += 1
            return
        action = steps[0].action
        changes = (self.store.take_back if back else self.store.do_again)(action)
        self.many.turn(action)
        self.model.diseases[:] = [d.id for d in self.store.diseases()]
        self.counts[f"{name}, a merge" if steps[0].merge else name] += 1
        self.follow(Changes(images=frozenset(PHOTOS)) if steps[0].merge else changes)

    def follow(self, changes: Changes) -> None:
        """As the window does: what it remembers of those photos is asked for anew."""
        for image in changes.images:
            self.since[image] += 1
            self.history.forget(image)
        for image in PHOTOS:
            if self.store.image(image) != self.model.photos[image]:
                self.wrong.append(
                    f"photo {self.store.image(image)} instead of {self.model.photos[image]}"
                )
        if self.open in changes.images:
            self.show(self.open)

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


def named(work: Work) -> Edit | None:
    return work.session.name_disease(work.rng.choice([None, *work.store.diseases()]))


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
    "name the disease": named,
    "state": lambda w: w.session.set_state(
        w.rng.choice(list(ImageState)), by=w.rng.choice(("Anna", "Ben", ""))
    ),
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
