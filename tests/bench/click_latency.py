"""How long a click waits for its mask on a photo of 24 megapixels, in the window and in an engine.

    python tests/bench/click_latency.py [--json FILE] [--only window engine sam] [--clicks 60]

Window: the real program, offscreen, over a project with one drawn leaf of 500 lesions. From the
mouse press to the end of the painting that shows the proposal: gesture, wire, the assistant in its
worker process, wire, mask, paint; and from Enter to the end of the painting that shows the region.
The worker has looked at the photo before. Each click is at another place, half of them with the
whole photo in view, half at its actual pixels. What is small in the photo is answered twice: first
from the look at the whole photo, then from a look at a part of it. The first mask is what the
person sees at once, the last one what they get; where one answer is all, both are the same. Half
the clicks come out of nowhere, the others after the pointer has rested at the place for a while, as
that of a person does who aims. Clicks on the leaf itself are given apart: their mask has millions
of pixels.

Engine: ``leaf`` in this process: encoding a photo of that size, and a click.

SAM: our Segment Anything engine and the library's own ``SamPredictor.predict``, in turns, with the
same ViT-B weights, embedding and clicks. The weights are random, so that their three masks are
noise all over the photo: the most there can be to enlarge. ``lesion`` lets both decoders do all
their work and then gives both the same logits in its place, three discs around the click: what
weights that know something would say. Photos are decoded before the clock starts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np

from tests.bench.canvas import leaf
from tests.bench.figures import SPREAD_HEAD, machine, spread, spread_row

if TYPE_CHECKING:
    from gui.app import Leafspot
    from gui.panels.label import LabelPage

MEGAPIXELS = 24
CLICK_MS, ENCODE_MS = 50.0, 300.0
FASTER = 4.0
HANDS = ("out of nowhere", "pointer rested")
RESTED_S = 0.35
Spread = dict[str, float]
Spots = list[tuple[int, int, int]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="+", default=["window", "engine", "sam"])
    parser.add_argument("--clicks", type=int, default=60)
    parser.add_argument("--engine", default="leaf", help="the engine of the window")
    args = parser.parse_args()
    where = machine()
    versions = {
        n: metadata.version(n)
        for n in ("torch", "opencv-python-headless", "PySide6-Essentials", "segment-anything")
    }
    print(f"{where}\n" + ", ".join(f"{k} {v}" for k, v in versions.items()) + "\n" + SPREAD_HEAD)
    photo, _, spots = leaf(MEGAPIXELS)
    found: dict[str, Spread] = {}
    targets: dict[str, float] = {}
    if "engine" in args.only:
        found |= engine_alone(photo, spots, args.clicks)
        targets["leaf: encode"] = ENCODE_MS
    if "window" in args.only:
        found |= in_window(photo, spots, args.engine, args.clicks)
        for hand in HANDS:
            targets[f"{args.engine}: click to first mask painted, {hand}"] = CLICK_MS
        targets[f"{args.engine}: click to last mask painted, {HANDS[1]}"] = CLICK_MS
    if "sam" in args.only:
        found |= beside_predictor(photo)
    for name, one in found.items():
        print(spread_row(name, one, targets.get(name)))
    ratios = times_faster(found)
    for name, ratio in ratios.items():
        missed = " MISSED" if "24 MP" in name and ratio < FASTER else ""
        print(f"{name}: ours {ratio:.1f} times as fast{missed}")
    if args.json:
        report = {"machine": where, "versions": versions, "ms": found, "faster": ratios}
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    met = all(found[n]["p95"] <= t for n, t in targets.items())
    return 0 if met and all(r >= FASTER for n, r in ratios.items() if "24 MP" in n) else 1


def engine_alone(photo: np.ndarray, spots: Spots, clicks: int) -> dict[str, Spread]:
    from core.engines.base import Prompt
    from core.services.segment import load_engine

    engine = load_engine("leaf")
    engine.set_image(photo)  # the first look is slower: the library warms up
    encode = [timed(engine.set_image, photo) for _ in range(12)]
    ask = [
        timed(engine.predict, Prompt(((x + 0.5, y + 0.5),), (True,))) for x, y, _ in spots[:clicks]
    ]
    return {"leaf: encode": spread(encode), "leaf: click in the engine": spread(ask)}


def in_window(photo: np.ndarray, spots: Spots, engine: str, clicks: int) -> dict[str, Spread]:
    from core.domain.region import RegionKind
    from tests.bench.window import opened

    with tempfile.TemporaryDirectory() as folder:
        project = one_photo(Path(folder), photo)
        with opened(project, Path(folder) / "home", engine=engine) as (program, page):
            taken = Clicks(program, page)
            taken.warm_up(spots[0])
            height, width = photo.shape[:2]
            for number, (x, y, _) in enumerate(itertools.islice(itertools.cycle(spots), clicks)):
                near, hand = number % 2, HANDS[number // 2 % 2]
                page.canvas.zoom_to(1.0, (x, y)) if near else page.canvas.fit()
                taken.once("click", x + 0.5, y + 0.5, hand=hand)
            page.canvas.fit()
            page.controller.set_kind(RegionKind.LEAF)
            for at in np.linspace(0.3, 0.7, 8):
                taken.once("click on the leaf", width * at, height * 0.5)
    named = {"accept": "Enter to region painted"}
    for hand, which in itertools.product(HANDS, ("first", "last")):
        named[f"click, {which}, {hand}"] = f"click to {which} mask painted, {hand}"
    return {
        f"{engine}: {named.get(what, what)}": spread(times) for what, times in taken.times.items()
    }


class Clicks:
    """What a person does, over and over, with the clock running."""

    def __init__(self, program: Leafspot, page: LabelPage) -> None:
        from tests.bench.window import Painted

        self._program, self._page = program, page
        self._painted = Painted(page)
        self.times: dict[str, list[float]] = {}
        program.context.actions["tool.point"].trigger()

    def warm_up(self, spot: tuple[int, int, int]) -> None:
        """The first click wakes the worker and waits for its look at the photo."""
        self.once("", spot[0] + 0.5, spot[1] + 0.5)
        self.times.clear()

    def once(self, what: str, x: float, y: float, *, hand: str = "") -> None:
        """A click, its proposals, Enter, its region."""
        from tests.bench.window import click, point, rest

        page, actions = self._page, self._program.context.actions
        rest(page, 0.15)
        if hand == HANDS[1]:
            point(page, x, y)
            rest(page, RESTED_S)
        begin = time.perf_counter()
        click(page, x, y)
        marks, assistant = page.canvas.marks.shown, page.assistant
        if not (first := self._painted.wait(lambda: marks.candidate is not None)):
            raise SystemExit(f"No proposal came: {assistant.status}")
        last = first
        if assistant.settling.under_way:
            last = self._painted.wait(lambda: not assistant.settling.under_way)
        for which, painted in (("first", first), ("last", last)):
            name = f"{what}, {which}, {hand}" if hand else what
            if hand or which == "last":
                self.times.setdefault(name, []).append((painted - begin) * 1e3)
        before = len(page.controller.session.regions)
        begin = time.perf_counter()
        actions["candidate.accept"].trigger()
        painted = self._painted.wait(
            lambda: (
                marks.candidate is None
                and len(page.controller.session.regions) > before
                and page.canvas.regions.settled
            )
        )
        name = "accept" if what == "click" else f"{what}, accept"
        self.times.setdefault(name, []).append((painted - begin) * 1e3)
        actions["edit.undo"].trigger()


def one_photo(folder: Path, photo: np.ndarray) -> Path:
    """A project with this photo and two diseases; closed."""
    from core.domain.disease import PALETTE, Disease
    from core.domain.ids import DiseaseId, ImageId, new_id
    from core.domain.image import LeafImage
    from core.imaging.decode import inspect
    from core.ports import NewImage
    from storage.projects import create_project

    path = folder / "leaf.jpg"
    ok, data = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert ok
    path.write_bytes(data.tobytes())
    seen = inspect(path)
    store = create_project(folder / "bench.leafspot")
    for number, name in enumerate(("rust", "leaf miner")):
        store.put_disease(Disease(DiseaseId(new_id()), name, PALETTE[number], hotkey=number + 1))
    size = (photo.shape[1], photo.shape[0])
    image = LeafImage(ImageId(new_id()), str(path), seen.sha256, *size)
    store.add_images([NewImage(image, (), seen.thumbnail)])
    store.close()
    return store.folder


def beside_predictor(photo: np.ndarray, calls: int = 16) -> dict[str, Spread]:
    """Ours and theirs in turns, at 24 MP and at the size of a phone's preview."""
    import torch
    from segment_anything import SamPredictor, sam_model_registry

    from core.engines.home import Home
    from core.engines.sam_checkpoint import ready
    from core.engines.segment_anything import SegmentAnything

    torch.manual_seed(0)
    model = sam_model_registry["vit_b"]().eval()
    # A model of its own: our engine puts its decoder's weights into another order.
    twin = sam_model_registry["vit_b"]().eval()
    twin.load_state_dict(model.state_dict())
    theirs, ours = SamPredictor(model), SegmentAnything(Home(lambda: ready(twin)))
    found: dict[str, Spread] = {}
    width = photo.shape[1]
    small = cv2.resize(photo, None, fx=1024 / width, fy=1024 / width, interpolation=cv2.INTER_AREA)
    for name, rgb in (("24 MP", photo), ("0.8 MP", small)):
        found[f"SamPredictor ViT-B: encode, {name}"] = spread([timed(theirs.set_image, rgb)])
        ours.use(rgb, {"image": theirs.features[0].half().numpy()})
        for scene in ("noise", "lesion"):
            with ExitStack() as stack:
                if scene == "lesion":
                    stack.enter_context(saying_lesions(model, twin))
                times = in_turns(theirs, ours, rgb.shape, calls)
            for who, values in times.items():
                found[f"{who} ViT-B: click, {scene}, {name}"] = spread(values)
    return found


def in_turns(theirs: Any, ours: Any, shape: tuple[int, ...], calls: int) -> dict[str, list[float]]:
    """The same clicks for both; the first two warm up and do not count."""
    from core.engines.base import Prompt

    rng = np.random.default_rng(1)
    times: dict[str, list[float]] = {"SamPredictor": [], "ours": []}
    for _ in range(calls + 2):
        x, y = (float(v) for v in rng.uniform(0.2, 0.8, 2) * (shape[1], shape[0]))
        times["SamPredictor"].append(timed(theirs.predict, np.array([(x, y)]), np.array([1])))
        times["ours"].append(timed(ours.predict, Prompt(((x, y),), (True,))))
    return {who: values[2:] for who, values in times.items()}


@contextmanager
def saying_lesions(*models: Any) -> Iterator[None]:
    """Their mask decoders do their work and then say three discs, of 3, 5 and 8 cells' radius."""
    import torch

    yy, xx = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    far = torch.hypot(yy - 90, xx - 120)
    said = torch.stack([radius - far for radius in (3.0, 5.0, 8.0)])[None]

    def instead(_module: object, _inputs: object, output: tuple[Any, Any]) -> tuple[Any, Any]:
        return said, output[1]

    hooks = [model.mask_decoder.register_forward_hook(instead) for model in models]
    yield
    for hook in hooks:
        hook.remove()


def times_faster(found: dict[str, Spread]) -> dict[str, float]:
    """By the medians."""
    scenes = [f"{scene}, {mp} MP" for mp in ("24", "0.8") for scene in ("noise", "lesion")]
    return {
        name: found[f"SamPredictor ViT-B: click, {name}"]["p50"]
        / found[f"ours ViT-B: click, {name}"]["p50"]
        for name in scenes
        if f"ours ViT-B: click, {name}" in found
    }


def timed(call: Any, *args: Any) -> float:
    """Milliseconds by the clock."""
    begin = time.perf_counter()
    call(*args)
    return (time.perf_counter() - begin) * 1e3


if __name__ == "__main__":
    sys.exit(main())
