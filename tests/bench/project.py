"""How fast a large project is, beside plain SQLite doing the same writes; and 200 kills.

    python tests/bench/project.py [--json FILE] [--images 100000] [--regions 300000] [--kills 200]
                                  [--keep FOLDER]

Builds a project of that size (a minute or two), with a run that scored every photo. Figures are
milliseconds of many calls on a warm file cache; ``tests/bench/figures.py`` says what the columns
are. ``--keep`` leaves the project in a folder and uses it again. The figures of
``tests/bench/gallery_frames.py`` on the same project follow.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from core.domain.bulk import Assignment, BulkEdit, Field
from core.domain.edits import Edit, PixelsChanged
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.image import ImageState, Split
from core.domain.mask import TILE, pack_tile
from core.domain.run import Verdict
from core.ports import ImageOrder, ImageQuery
from storage import open_project
from storage.database import connect
from storage.project_store import SqlProjectStore
from tests.bench import gallery_frames
from tests.bench.figures import Figure, fields, machine, table, watched
from tests.bench.large_project import RUN, build
from tests.faults.killing import Killer

PAGE = 50


def timed(name: str, calls: Iterable[Callable[[], object]], target: float | None = None) -> Figure:
    """Run every call once."""
    return watched(calls).figure(name, target)


def opening(project: Path) -> Iterator[Callable[[], object]]:
    """Each call opens the project; it is closed outside the measured time."""
    for _ in range(7):
        opened: list[SqlProjectStore] = []
        yield lambda opened=opened: opened.append(open_project(project))
        opened[0].close()


def reading(store: SqlProjectStore, rng: Random) -> list[Figure]:
    """The queries behind the gallery and the Review workspace."""
    run = RunId(RUN)
    ids = store.image_ids(ImageQuery())
    pages = [rng.randrange(max(1, len(ids) - PAGE)) for _ in range(300)]
    marks = [
        s for p in pages[:100] for s in store.worst(run, after=(p / len(ids), ids[0]), limit=1)
    ]
    worst = ImageQuery(run=run, order=ImageOrder.WORST_DICE)
    found = ImageQuery(text="leaf-77")

    def repeat(call: Callable[[], object], times: int) -> Iterator[Callable[[], object]]:
        return iter([call] * times)

    return [
        timed("all photo ids", repeat(lambda: store.image_ids(ImageQuery()), 9)),
        timed("all photo ids, worst Dice first", repeat(lambda: store.image_ids(worst), 9)),
        timed("ids by part of the name", repeat(lambda: store.image_ids(found), 9)),
        timed("count by part of the name", repeat(lambda: store.count(found), 9)),
        timed(f"{PAGE} gallery cards with Dice",
              (lambda p=p: store.cards(ids[p : p + PAGE], run) for p in pages)),
        timed(f"{PAGE} thumbnails",
              (lambda p=p: store.thumbnails(ids[p : p + PAGE]) for p in pages)),
        timed("first worst-Dice page of 100", repeat(lambda: store.worst(run), 50), 5.0),
        timed("worst-Dice page of 100, anywhere",
              (lambda s=s: store.worst(run, after=(s.dice or 0, s.image)) for s in marks), 5.0),
        timed("the regions of a photo", (lambda p=p: store.regions(ids[p]) for p in pages)),
    ]  # fmt: skip


def questions() -> dict[str, ImageQuery]:
    """Every filter and order of the gallery, alone and together; each lists all ids that match."""
    run = RunId(RUN)
    some = {
        "state": ImageQuery(states=frozenset((ImageState.UNSEEN, ImageState.IN_PROGRESS))),
        "disease": ImageQuery(disease=DiseaseId(7)),
        "split": ImageQuery(split=Split.AUTO),
        "group": ImageQuery(group="plot 77"),
        "severity range": ImageQuery(severity=(1.0, 5.0)),
        "Dice range": ImageQuery(run=run, dice=(0.5, 0.8)),
        "verdict": ImageQuery(run=run, verdict=Verdict.LABEL_WRONG),
        "notes": ImageQuery(has_notes=True),
        "text": ImageQuery(text="plot 7"),
        "six at once, worst Dice first": ImageQuery(
            text="plot", states=frozenset((ImageState.DONE, ImageState.UNSEEN)), run=run,
            disease=DiseaseId(7), severity=(0.0, 50.0), dice=(0.2, 0.9), outlined=True,
            order=ImageOrder.WORST_DICE,
        ),
    }  # fmt: skip
    for order in ImageOrder:
        some[f"by {order.value}"] = ImageQuery(run=run, order=order)
        some[f"by {order.value}, backwards"] = ImageQuery(run=run, order=order, reverse=True)
        half = frozenset((ImageState.UNSEEN, ImageState.IN_PROGRESS))
        some[f"state, by {order.value}"] = ImageQuery(run=run, order=order, states=half)
    return some


def asking(store: SqlProjectStore) -> list[Figure]:
    """The gallery's questions: one after another of the same order, as filters are tried out, and
    the first of an order."""

    def first(query: ImageQuery) -> Iterator[Callable[[], object]]:
        other = ImageOrder.DATE if query.order is ImageOrder.NAME else ImageOrder.NAME
        for _ in range(9):
            store.image_ids(ImageQuery(order=other))
            yield lambda: store.image_ids(query)

    asked = questions()
    figures = [
        timed(f"gallery: {name}", iter([lambda q=query: store.image_ids(q)] * 9), 50.0)
        for name, query in asked.items()
    ]
    filtered = {n: q for n, q in asked.items() if q.filters and q.order is not ImageOrder.ADDED}
    return figures + [
        timed(f"gallery: {name}, first", first(query)) for name, query in filtered.items()
    ]


def acting(store: SqlProjectStore) -> list[Figure]:
    """One action on 10,000 photos, and its undo, as one transaction each."""
    ids = tuple(store.image_ids(ImageQuery())[:10_000])
    mark = BulkEdit("Mark", (Assignment({Field.STATE: ImageState.CHECKED}, ids),))
    return [
        timed("mark 10,000 photos", iter([lambda: store.bulk(mark)])),
        timed("undo it", iter([lambda: store.take_back(mark.action)])),
    ]


def stroke(rng: Random) -> np.ndarray:
    """The XOR of a dab of the brush, packed."""
    tile = np.zeros((TILE, TILE), bool)
    y, x = np.ogrid[:TILE, :TILE]
    tile[(x - rng.randrange(TILE)) ** 2 + (y - rng.randrange(TILE)) ** 2 < 20**2] = True
    return pack_tile(tile)


def saving(store: SqlProjectStore, rng: Random, times: int) -> Figure:
    """A stroke on a random photo, durable when the call returns."""
    ids = store.image_ids(ImageQuery())
    edits = []
    for image in rng.sample(ids, min(times, len(ids))):
        region = rng.choice(store.regions(image)).info.id
        edits.append(
            Edit(ImageId(image), "Stroke", (PixelsChanged(region, {(0, 0): stroke(rng)}),))
        )
    return timed("autosave of a stroke", (lambda e=e: store.commit(e) for e in edits))


def saving_bare(copy: Path, rng: Random, times: int) -> Figure:
    """The same rows written by the driver alone: what no store can be faster than."""
    connection = connect(copy)
    last = connection.execute("SELECT max(rowid) FROM tile").fetchone()[0]

    def write(tile: int, data: bytes) -> None:
        connection.execute("BEGIN IMMEDIATE")
        (region,) = connection.execute(
            "UPDATE tile SET data = ?, sha256 = randomblob(32) WHERE rowid = ? RETURNING region_id",
            (data, tile),
        ).fetchone()
        (image,) = connection.execute(
            "UPDATE region SET mask_sha256 = randomblob(32) WHERE id = ? RETURNING image_id",
            (region,),
        ).fetchone()
        connection.execute("UPDATE image SET lesion = lesion + 1 WHERE id = ?", (image,))
        connection.execute("COMMIT")

    writes = [(rng.randrange(1, last), rng.randbytes(300)) for _ in range(times)]
    figure = timed("  the same rows by sqlite3 alone", (lambda w=w: write(*w) for w in writes))
    connection.close()
    return figure


def killed(kills: int) -> dict[str, object]:
    """What so many kill -9 in the middle of work left behind."""
    with tempfile.TemporaryDirectory() as folder, Killer(Path(folder)) as killer:
        for done in range(kills):
            killer.trial()
            progress(f"kill {done + 1} of {kills}")
    return asdict(killer.tally)


def progress(text: str) -> None:
    print(f"\r{text:60}", end="", file=sys.stderr, flush=True)


def measure(project: Path) -> list[Figure]:
    """Every figure of the store, and of the gallery where its bench is there."""
    rng = Random(1)
    copied = timed("  backup at opening, in the background", iter([lambda: reopen(project)]))
    figures = [timed("open", opening(project), 1000.0), copied]
    store = open_project(project)
    figures += reading(store, rng) + asking(store) + acting(store)
    figures.append(saving(store, rng, 150))
    copy = store.backup()
    store.close()
    assert copy is not None
    figures.append(saving_bare(copy, rng, 150))
    copy.unlink()
    return figures + gallery_frames.measure(project)


def reopen(project: Path) -> None:
    """Closing waits for the copy that opening began."""
    open_project(project).close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--regions", type=int, default=300_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        project = (asked.keep or Path(temporary)) / "large.leafspot"
        if not project.exists():
            build(project, asked.images, asked.regions, progress)
        size = (project / "project.db").stat().st_size
        where = f"{machine()}, SQLite {sqlite3.sqlite_version}"
        figures = measure(project)
    kills = killed(asked.kills) if sys.platform != "win32" else {}
    progress("")
    print(f"\r{asked.images:,} photos, {asked.regions:,} regions, {size / 1e6:.0f} MB; {where}\n")
    print(table(figures))
    if kills:
        lost = kills["failures"]
        print(f"\n{kills['trials']} kill -9, {kills['hot_journals']} of them while writing: "
              f"{kills['acknowledged']} acknowledged saves, {len(lost)} problems")  # type: ignore[arg-type]  # fmt: skip
    if asked.json:
        report = {"images": asked.images, "regions": asked.regions, "bytes": size,
                  "machine": where, "figures": [fields(f) for f in figures],
                  "kills": kills}  # fmt: skip
        asked.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0 if all(f.met for f in figures) and not kills.get("failures") else 1


if __name__ == "__main__":
    sys.exit(main())
