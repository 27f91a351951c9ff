"""Stands in for a person at the canvas: clicks lesions, names them, corrects outlines.

The clicks go through the same segment worker, the same labelling session and the same edits as
those of a mouse. Where to click comes from masks that were kept back. Knows the demo's truth files;
knows no widget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.domain.ids import DiseaseId, ImageId
from core.domain.image import ImageState, LeafImage
from core.domain.region import RegionKind
from core.engines.base import Candidate, Prompt
from core.imaging.mask_files import read_mask
from core.ports import ImageQuery, ProjectStore
from core.services.annotate import Draft, LabellingSession
from core.services.review import dice, load_truth
from core.services.sample import TRUTH
from core.services.segment import prompt_fields
from core.workers.client import WorkerClient
from core.workers.mask_crop import decode_mask

ENGINE = "leaf"
LEAST = 30
"""Pixels of a lesion worth a click."""
MOST = 40
"""Clicks a leaf."""
WAIT = 120.0


@dataclass(frozen=True, slots=True)
class Clicked:
    """What came of one leaf. ``dice`` compares all its clicked lesions with the kept-back mask."""

    image: ImageId
    name: str
    clicks: int
    outlined: int
    dice: float


def withheld(store: ProjectStore) -> dict[ImageId, Path]:
    """Photos whose masks were kept back, with those masks."""
    truth = store.folder.parent / TRUTH
    found: dict[ImageId, Path] = {}
    for image in store.image_ids(ImageQuery()):
        path = truth / f"{store.resolve(store.image(image)).stem}.png"
        if path.is_file():
            found[image] = path
    return found


def outline_by_clicks(store: ProjectStore) -> Iterator[Clicked]:
    """Outline every kept-back leaf that nobody has outlined yet. Raises WorkerFailed."""
    waiting = {i: p for i, p in withheld(store).items() if not store.image(i).mask_known}
    if not waiting:
        return
    with WorkerClient("segment") as worker:
        worker.send("load", engine=ENGINE, checkpoint=None)
        worker.wait_for("loaded", timeout=WAIT)
        for image, mask in waiting.items():
            yield _outline(store, worker, store.image(image), _lesions(mask))


def _outline(
    store: ProjectStore, worker: WorkerClient, image: LeafImage, truth: NDArray[np.bool_]
) -> Clicked:
    path = store.resolve(image)
    worker.send("image", path=str(path), sha256=image.sha256, token=image.id)
    worker.wait_for("ready", timeout=WAIT)
    session = LabellingSession(image, store.regions(image.id))
    draft = Draft(RegionKind.LESION, image.disease, f"engine:{ENGINE}")
    drawn = np.zeros_like(truth)
    clicks = outlined = 0
    for x, y in centres(truth):
        if drawn[y, x]:
            continue  # the click before took this lesion along
        clicks += 1
        candidate = _click(worker, clicks, (x, y))
        if candidate is not None and (edit := session.accept(candidate, into=None, draft=draft)):
            session.apply(edit)
            store.commit(edit)
            outlined += 1
            left, top = candidate.origin
            h, w = candidate.pixels.shape
            drawn[top : top + h, left : left + w] |= candidate.pixels
    if done := session.set_state(ImageState.DONE):
        store.commit(done)
    return Clicked(image.id, path.name, clicks, outlined, dice(truth, drawn))


def _click(worker: WorkerClient, request: int, point: tuple[int, int]) -> Candidate | None:
    """The engine's best proposal for one click in the middle of a pixel; None if it refuses."""
    prompt = Prompt(((point[0] + 0.5, point[1] + 0.5),), (True,), wanted=RegionKind.LESION)
    worker.send("predict", request=request, **prompt_fields(prompt))
    event = worker.wait_for("masks", "refused", timeout=WAIT)
    if event.get("event") == "refused" or not event["candidates"]:
        return None
    best = event["candidates"][0]
    pixels, origin = decode_mask(best)
    return Candidate(pixels, origin, float(best["score"]))


def centres(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(x, y) deep inside each lesion of at least ``LEAST`` pixels, the largest first."""
    count, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    order = sorted(range(1, count), key=lambda i: -int(stats[i, cv2.CC_STAT_AREA]))
    found: list[tuple[int, int]] = []
    for i in order[:MOST]:
        if stats[i, cv2.CC_STAT_AREA] < LEAST:
            break
        x, y, w, h = (int(v) for v in stats[i, :4])
        part = np.pad((label[y : y + h, x : x + w] == i).astype(np.uint8), 1)
        depth = cv2.distanceTransform(part, cv2.DIST_L2, 3)[1:-1, 1:-1]
        row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
        found.append((x + int(column), y + int(row)))
    return found


def agreement(store: ProjectStore, image: ImageId, mask: Path) -> float:
    """Dice between the lesions as they are outlined now and as they were kept back."""
    return dice(_lesions(mask), load_truth(store, store.image(image)).lesions)


def correct(store: ProjectStore, image: ImageId, mask: Path) -> float:
    """Replace the leaf's outlines by the kept-back ones; gives back the Dice between the two."""
    photo = store.image(image)
    before = agreement(store, image, mask)
    session = LabellingSession(photo, store.regions(image))
    for region in session.regions:
        if removed := session.delete(region.info.id):
            session.apply(removed)
            store.commit(removed)
    values = read_mask(mask).values
    truth = _lesions(mask)
    _draw(store, session, np.asarray(values > 0), RegionKind.LEAF, None)
    _draw(store, session, truth, RegionKind.LESION, photo.disease)
    if done := session.set_state(ImageState.CHECKED):
        store.commit(done)
    return before


def _draw(
    store: ProjectStore,
    session: LabellingSession,
    pixels: NDArray[np.bool_],
    kind: RegionKind,
    disease: DiseaseId | None,
) -> None:
    edit = session.accept(Candidate(pixels, (0, 0), 1.0), into=None, draft=Draft(kind, disease))
    if edit:
        session.apply(edit)
        store.commit(edit)


def _lesions(mask: Path) -> NDArray[np.bool_]:
    """[h, w] bool: 0 is background, 1 leaf, the rest diseases."""
    return np.asarray(read_mask(mask).values > 1)
