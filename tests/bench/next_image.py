"""How long "next" is: from the photo's change to its first possible answer.

    python tests/bench/next_image.py [--engine leaf] [--checkpoint F] [--photos 6] [--json FILE]

Drawn photos of 24 megapixels, JPEG, in a project folder of their own. The real worker is spoken to
as the window does: ``image``, then a click; the time runs from ``image`` to ``masks``. Three ways:

cold         nothing is known of the photo and the person goes on at once;
precomputed  the person stayed long enough for the worker to say that the photo is ready;
cached       a new worker finds on disk what an earlier one looked at.

``zoom`` is a click into a view of 600 pixels whose window nobody has looked at, ``window`` a second
one there. With an engine that opens weights (a slow one) cold photos take its whole look.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np

from core.imaging.decode import sha256_of
from core.workers.client import WorkerClient

SIZE = (6000, 4000)
PATIENCE = 600.0
Photo = dict[str, str]


def main() -> int:
    args = _arguments()
    with tempfile.TemporaryDirectory(prefix="next-image-") as name:
        folder = Path(name)
        photos = _drawn(folder, args.photos)
        keep = folder / "embeddings"
        figures: dict[str, list[float]] = {}
        with _worker(args, None) as worker:
            _visit(worker, photos[0])  # the library and the first look warm up
            figures["cold"] = [_visit(worker, photo) for photo in photos[1:]]
            figures["zoom"], figures["window"] = _zoomed(worker)
        with _worker(args, keep) as worker:
            _visit(worker, photos[0])
            figures["precomputed"] = [
                _visit(worker, photo) for photo in _ahead_of(worker, photos[1:])
            ]
        _look_at_all(args, photos, keep)
        with _worker(args, keep) as worker:
            _visit(worker, photos[0])
            figures["cached"] = [_visit(worker, photo) for photo in photos[1:]]
    _print(args.engine, figures)
    if args.json:
        args.json.write_text(json.dumps({"engine": args.engine, "ms": figures}, indent=1) + "\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="leaf")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _drawn(folder: Path, count: int) -> list[Photo]:
    rng = np.random.default_rng(0)
    found = []
    for n in range(count):
        coarse = cv2.resize(rng.normal(0, 10, (500, 750)).astype(np.float32), SIZE)
        photo = np.clip(np.float32((50, 120, 70)) + coarse[..., None], 0, 255).astype(np.uint8)
        for x, y in rng.integers(300, 3700, (200, 2)):
            cv2.circle(photo, (int(x * 1.5), int(y)), 6, (20, 60, 140), -1, cv2.LINE_AA)
        cv2.circle(photo, (3000, 2000), 90, (20, 60, 140), -1, cv2.LINE_AA)
        cv2.circle(photo, (3300, 2000), 6, (20, 60, 140), -1, cv2.LINE_AA)
        path = folder / f"leaf{n}.jpg"
        path.write_bytes(cv2.imencode(".jpg", photo)[1].tobytes())
        found.append({"path": str(path), "sha256": sha256_of(path)})
    return found


@contextmanager
def _worker(args: argparse.Namespace, keep: Path | None) -> Iterator[WorkerClient]:
    with WorkerClient("segment") as worker:
        worker.send(
            "load", engine=args.engine, checkpoint=str(args.checkpoint) if args.checkpoint else None
        )
        worker.wait_for("loaded", timeout=PATIENCE)
        worker.send("keep", folder=str(keep) if keep else None, budget=10**10 if keep else 0)
        worker.wait_for("kept", timeout=PATIENCE)
        yield worker


def _visit(worker: WorkerClient, photo: Photo) -> float:
    """Milliseconds from going to the photo to the answer to a click on it."""
    start = time.perf_counter()
    worker.send("image", token=1, **photo)
    _click(worker, 3000, 2000)
    return (time.perf_counter() - start) * 1000


def _click(worker: WorkerClient, x: int, y: int, view: list[int] | None = None) -> None:
    worker.send("predict", request=1, points=[[x, y]], positive=[True], box=None, view=view)
    answer = worker.wait_for("masks", "refused", timeout=PATIENCE)
    if answer["event"] == "refused":
        raise SystemExit(answer["text"])


def _zoomed(worker: WorkerClient) -> tuple[list[float], list[float]]:
    view = [3000, 1800, 3600, 2200]
    times = []
    for x in (3300, 3305):
        start = time.perf_counter()
        _click(worker, x, 2000, view)
        times.append((time.perf_counter() - start) * 1000)
    return times[:1], times[1:]


def _ahead_of(worker: WorkerClient, photos: list[Photo]) -> Iterator[Photo]:
    """Each photo, once the worker has said that it is ready and its person was slow enough."""
    for n, photo in enumerate(photos):
        worker.send("ahead", photos=photos[n : n + 3])
        while worker.wait_for("ahead", timeout=PATIENCE)["ready"] < 1:
            pass
        time.sleep(1.0)
        yield photo


def _look_at_all(args: argparse.Namespace, photos: list[Photo], keep: Path) -> None:
    """What `leafspot embed` does, without a project."""
    from core.embeddings.key import EmbeddingKey, maker_of
    from core.embeddings.store import EmbeddingStore
    from core.engines.base import EngineSpec
    from core.registry import find
    from core.services.embed import look
    from core.services.segment import ENGINES, load_engine

    engine = load_engine(args.engine, args.checkpoint)
    maker = maker_of(find(ENGINES, EngineSpec, args.engine), args.checkpoint)
    store = EmbeddingStore(keep)
    for photo in photos:
        key = EmbeddingKey(photo["sha256"], maker)
        if not store.has(key):
            store.put(key, look(engine, Path(photo["path"]), key)[0])


def _print(engine: str, figures: dict[str, list[float]]) -> None:
    print(f"{engine}: milliseconds to the first answer, 24 megapixels")
    for name, times in figures.items():
        print(f"  {name:<12} median {statistics.median(times):7.0f}   worst {max(times):7.0f}")


if __name__ == "__main__":
    sys.exit(main())
