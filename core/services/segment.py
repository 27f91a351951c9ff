"""The assistant as a use-case: choose an engine, look at a photo, answer prompts.

Runs inside the segment worker, which gives it a wire, and in tests, which do not need one. Knows
the engine registry and the photos, the open one and the next; which look answers is
``core.services.sight``. Knows no process. Heavy libraries are imported by the engine that needs
them, when it is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from core.domain.mask import Box
from core.domain.region import RegionKind
from core.embeddings.found import key_of
from core.embeddings.key import maker_of
from core.embeddings.store import EmbeddingStore
from core.engines.base import (
    Before,
    Candidate,
    Embedder,
    EngineSpec,
    Finder,
    Noticing,
    Prompt,
    PromptKind,
    Query,
    Segmenter,
)
from core.errors import ImageUnreadable, ModelMissing, PromptRefused
from core.imaging.decode import sha256_of
from core.language import tr
from core.registry import find, resolve
from core.services.finding import search_of
from core.services.looks import Encoder, Job, Looks
from core.services.pictures import PhotoFile, Pictures
from core.services.shown import Shown
from core.services.sight import Sight
from core.services.unhurried import Reason, Unhurried, Wish
from core.workers.mask_crop import decode_mask, encode_mask

ENGINES = "core.engines"
MAX_POINTS = 1000
NOTHING = Query()


def load_engine(engine: str, checkpoint: Path | None = None) -> Segmenter:
    """The engine called ``engine``, ready for a photo.

    Raises ModelMissing for an unknown engine or a missing weights file, CheckpointRefused for one
    that does not fit.
    """
    spec = find(ENGINES, EngineSpec, engine)
    if spec.needs_checkpoint:
        if checkpoint is None:
            raise ModelMissing(
                tr("{title} needs a weights file: open one first.", title=spec.title)
            )
        if not checkpoint.exists():  # a folder is one, too, for some engines
            raise ModelMissing(
                tr(
                    "The weights file {name} is not there any more; open it again.",
                    name=checkpoint.name,
                )
            )
    return cast(
        Segmenter, resolve(spec.factory)(spec, checkpoint if spec.needs_checkpoint else None)
    )


def prompt_fields(prompt: Prompt) -> dict[str, Any]:
    """The prompt as fields of a command: its points, signs, box, kind and the mask before."""
    before = prompt.before
    return {
        "points": [list(point) for point in prompt.points],
        "positive": list(prompt.positive),
        "box": list(prompt.box) if prompt.box else None,
        "wanted": prompt.wanted,
        "before": encode_mask(before.pixels, before.origin) if before else None,
    }


def read_prompt(fields: Mapping[str, Any]) -> Prompt:
    """The inverse of ``prompt_fields``. Raises PromptRefused for anything else."""
    points, positive, box, wanted, before = (
        fields.get(name) for name in ("points", "positive", "box", "wanted", "before")
    )
    try:
        if len(points or ()) > MAX_POINTS:
            raise PromptRefused(tr("That are too many clicks for one region; accept it and go on."))
        return Prompt(
            tuple((float(x), float(y)) for x, y in points or ()),
            tuple(bool(flag) for flag in positive or ()),
            None if box is None else read_box(box),
            None if wanted is None else RegionKind(wanted),
            None if before is None else Before(*decode_mask(before)),
        )
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise PromptRefused(tr("The selection could not be read; click again.")) from error


def read_box(found: Any) -> Box:
    """Four whole numbers. Raises ValueError, TypeError or OverflowError for anything else."""
    x0, y0, x1, y1 = (int(value) for value in found)
    return x0, y0, x1, y1


class Assistant:
    """One engine and one photo at a time, and the next photos as far as nobody waits.

    ``encoder`` looks at photos in a process beside; without one every look is made here. ``shown``
    is the photo before an engine whose looks can be kept.
    """

    def __init__(self, encoder: Encoder | None = None) -> None:
        self._encoder = encoder
        self._engine: Segmenter | None = None
        self._looks: Looks | None = None
        self._unhurried: Unhurried | None = None
        self._store: EmbeddingStore | None = None
        self._pictures = Pictures()
        self._photo: PhotoFile | None = None
        self._shown = False
        self._size = (0, 0)
        self._sight: Sight | None = None
        self.shown: Shown | None = None
        self._next: tuple[PhotoFile, ...] = ()
        self._unreadable: set[str] = set()
        self._idle = False

    def load(self, engine: str, checkpoint: Path | None = None) -> None:
        """Change the engine; the photo stays. Raises as ``load_engine``; the old engine is gone."""
        # Two large models may not fit.
        self._engine = self._looks = self._unhurried = self._sight = self.shown = None
        self._shown = False
        loaded = load_engine(engine, checkpoint)
        if isinstance(loaded, Embedder):
            spec = find(ENGINES, EngineSpec, engine)
            self._looks = Looks(
                loaded,
                maker_of(spec, checkpoint),
                side=spec.side,
                # Weights that people open are large models', until it turns out otherwise.
                quick=not spec.needs_checkpoint,
                helped=self._encoder is not None,
            )
            self._looks.store = self._store
            self._unhurried = Unhurried(self._looks)
            if self._looks.quick:
                loaded.embed(np.zeros((64, 64, 3), np.uint8))  # the first look warms a library up
        self._engine = loaded
        if self._encoder is not None:
            self._encoder.begin(engine, checkpoint, self._store)

    def keep_in(self, folder: Path | None, budget: int = 0) -> None:
        """Where embeddings are kept and how many bytes of them; None keeps them in memory only."""
        self._store = None if folder is None else EmbeddingStore(folder, budget)
        if self._looks is not None:
            self._looks.store = self._store
        if self._encoder is not None:
            self._encoder.keep_in(self._store)

    def show(self, photo: Path, sha256: str | None = None) -> tuple[int, int]:
        """(width, height) of the photo; (0, 0) while there is no engine to look at it.

        Raises ImageUnreadable when it is gone, damaged, or not the bytes of ``sha256``, and
        StillLooking while it is looked at beside: ask again then.
        """
        wanted = PhotoFile(photo, sha256 or sha256_of(photo))
        self._idle = False
        if wanted != self._photo or not self._shown:
            self._photo, self._shown, self._sight = wanted, False, None
            self._size = (0, 0)
            self.shown = None
        self._look()
        if self._sight is not None:
            try:
                self._sight.prepare()
            finally:
                self._wish()
        return self._size

    def predict(
        self, prompt: Prompt, view: Box | None = None, *, early: bool = False
    ) -> list[Candidate]:
        """Candidates, best first. ``view`` is the part of the photo that is on the screen.

        An ``early`` answer comes from the looks that are there; while ``shown.lacking`` there is a
        better one to be had later. Raises PromptRefused, ModelMissing when none is loaded, or
        StillLooking as ``show``; early also where nothing can be said yet.
        """
        if self._engine is None:
            raise ModelMissing(tr("No assistant is loaded; choose one."))
        if self._photo is None:
            raise PromptRefused(tr("Open a photo first."))
        self._idle = False
        self._look()
        if self.shown is None:
            return self._engine.predict(prompt)
        try:
            return self.shown.predict(prompt, view, early=early)
        finally:
            self._wish()

    def find(
        self, what: PromptKind, query: Query = NOTHING, view: Box | None = None
    ) -> list[Candidate]:
        """What nobody pointed at: leaves, every lesion, or what ``query`` tells of.

        ``view`` is the part of the photo that is on the screen: lesions are looked for there, at
        its own scale, when that is clearly less than the photo. Leaves need all of it.

        Raises PromptRefused where the engine does not find such a thing, ModelMissing when none is
        loaded, or StillLooking as ``show``.
        """
        if self._engine is None:
            raise ModelMissing(tr("No assistant is loaded; choose one."))
        if self._photo is None:
            raise PromptRefused(tr("Open a photo first."))
        search = search_of(self._engine, what)
        self._idle = False
        self._look()
        if self._sight is None:
            return search(query)
        try:
            leaf, keep = what is PromptKind.WHOLE_LEAF, what is PromptKind.EVERYTHING
            return self._sight.find(search, query, None if leaf else view, keep=keep)
        finally:
            self._wish()

    def look_at(self, view: Box) -> None:
        """The person has zoomed in on this part of the photo and may soon click there."""
        if self.shown is not None:
            self.shown.look_at(view)
            self._wish()

    def take_notice(self) -> str:
        """What the engine has to say besides its answers, once; "" when nothing."""
        return self._engine.take_notice() if isinstance(self._engine, Noticing) else ""

    def _look(self) -> None:
        """Have the photo before the engine. Raises ImageUnreadable."""
        if self._photo is None or self._engine is None or self._shown:
            return
        rgb = self._pictures.get(self._photo)
        self._size = (rgb.shape[1], rgb.shape[0])
        if self._looks is None or self._unhurried is None:
            self._engine.set_image(rgb)
        else:
            self._sight = Sight(self._looks, rgb, self._photo.sha256)
            self.shown = Shown(self._sight, self._unhurried)
        self._shown = True

    # -- ahead of the person

    def ahead(self, photos: Sequence[PhotoFile]) -> None:
        """The photos that probably come next, the nearest first."""
        self._next = tuple(photos)
        self._pictures.only(frozenset(photo.sha256 for photo in photos))
        self._wish()

    @property
    def ready(self) -> int:
        """How many of the next photos, from the first on, have nothing left to wait for."""
        count = 0
        for photo in self._next:
            if not self._is_ready(photo):
                break
            count += 1
        return count

    @property
    def expected(self) -> int:
        return len(self._next)

    def work_ahead(self) -> bool:
        """One short step for the next photos, while nobody waits. Whether there are more."""
        if self._engine is None or not self._shown:
            return False
        for photo in self._next:
            if photo.sha256 in self._unreadable or self._is_ready(photo):
                continue
            looks = self._looks
            if looks is not None and looks.beside(looks.key(photo.sha256), ahead=True):
                continue  # not ours to do
            if self._pictures.ready(photo):
                self._look_ahead(photo)
            else:
                self._pictures.begin(photo)
            return True
        if self._next and self._next[0].sha256 not in self._unreadable:
            self._pictures.begin(self._next[0])
        if not self._idle:  # nothing to do, and nobody asks: time for what may be asked for later
            self._idle = True
            self._wish()
        return False

    def collect(self) -> bool:
        """Take in what the process beside has done. Whether something waits for it no more."""
        done = self._encoder.finished() if self._encoder is not None else []
        for one in done:
            if self._looks is not None:
                self._looks.take(one)
            if self._sight is not None and one.key in self._sight.asked:
                self._sight.asked.remove(one.key)
        if done:
            self._wish()
        return bool(done)

    def _look_ahead(self, photo: PhotoFile) -> None:
        try:
            if self._looks is None or self._unhurried is None:
                self._pictures.get(photo)
                return
            wish = Wish(self._looks.key(photo.sha256), lambda: self._pictures.get(photo))
            self._unhurried.want(Reason.NEXT, wish)
            self._unhurried.step()
        except ImageUnreadable:  # said when the person gets there
            self._unreadable.add(photo.sha256)

    def _is_ready(self, photo: PhotoFile) -> bool:
        if self._looks is None:
            return self._pictures.ready(photo)
        return self._looks.there(self._looks.key(photo.sha256))

    def _wish(self) -> None:
        """Tell the process beside what is wanted of it now."""
        if self._encoder is None or self._looks is None:
            return
        looks, jobs = self._looks, []
        if self._sight is not None and self._photo is not None:
            jobs = [Job(key, self._photo.path, urgent=True) for key in self._sight.asked]
        for photo in self._next:
            key = looks.key(photo.sha256)
            if looks.beside(key, ahead=True) and not looks.there(key):
                jobs.append(Job(key, photo.path))
        engine: object = self._engine
        if self._idle and isinstance(engine, Finder) and self._photo is not None:
            for photo in (self._photo, *self._next):
                key = key_of(looks.key(photo.sha256))
                if looks.aside(key) and not looks.there(key):
                    jobs.append(Job(key, photo.path))
        self._encoder.want(jobs)
