"""The photos of a project: adding and showing them.

Knows rows of photos; finding them is ``gallery_query``, their masks are ``region_rows``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.changes import Changes
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.image import ImageState, LeafImage
from core.errors import Bug, ProjectDamaged, ProjectError
from core.geometry.severity import severity_percent
from core.language import tr
from core.natural import natural
from core.ports import ImageCard, ImageQuery, NewImage
from storage import gallery_query
from storage.mapping import image_from, image_values
from storage.new_masks import mask_rows
from storage.rows import Rows, chunks, now
from storage.tables import ImageRow, RegionRow, ScoreRow, TileRow


class Images(Rows):
    """The photo part of the port."""

    def add_images(self, new: Sequence[NewImage]) -> Changes:
        """All or none. Raises ProjectError when a photo, its id or its disease does not fit."""
        self._db.must_be_writable()
        # First, because a thumbnail without a photo is harmless, the opposite is a grey cell.
        self._thumbs.write({n.image.id: n.thumbnail for n in new if n.thumbnail})
        with self._db.write() as session:
            _refuse_known_ids(session, new)
            added = int(session.scalar(select(func.max(ImageRow.added))) or 0)
            for part in chunks(new):
                images, regions, tiles = [], [], []
                for item in part:
                    added += 1
                    cached, region_rows, tile_rows = mask_rows(item)
                    images.append({**image_values(item.image), **cached, "added": added})
                    regions += region_rows
                    tiles += tile_rows
                for table, rows in ((ImageRow, images), (RegionRow, regions), (TileRow, tiles)):
                    if rows:
                        session.execute(insert(table), rows)
        return Changes(images=frozenset(n.image.id for n in new), everything=True)

    def image(self, image: ImageId) -> LeafImage:
        """Raises ProjectError when there is no such photo."""
        with self._db.read() as session:
            row = session.get(ImageRow, image)
            if row is None:
                raise ProjectError(tr("This photo is not in the project."))
            return image_from(row)

    def images(self, images: Sequence[ImageId]) -> list[LeafImage]:
        """In the order asked for; unknown ids are left out."""
        found: dict[ImageId, LeafImage] = {}
        with self._db.read() as session:
            for part in chunks(images):
                rows = session.scalars(select(ImageRow).where(ImageRow.id.in_(part)))
                found |= {ImageId(row.id): image_from(row) for row in rows}
        return [found[i] for i in images if i in found]

    def known_sha256(self, digests: Sequence[str]) -> dict[str, LeafImage]:
        """Those of ``digests`` that are already in the project; the first photo of each."""
        known: dict[str, LeafImage] = {}
        with self._db.read() as session:
            for part in chunks(list(dict.fromkeys(digests))):
                found = select(ImageRow).where(ImageRow.sha256.in_(part)).order_by(ImageRow.added)
                for row in session.scalars(found):
                    known.setdefault(row.sha256, image_from(row))
        return known

    def update_images(self, images: Sequence[LeafImage]) -> Changes:
        """Replace what is known of photos. Their pixel size cannot change: masks would not fit."""
        with self._db.write() as session:
            for image in images:
                row = session.get(ImageRow, image.id)
                if row is None:
                    raise ProjectError(tr("A photo to be changed is no longer in the project."))
                if (row.width, row.height) != (image.width, image.height) and row.regions:
                    raise ProjectError(
                        tr(
                            "“{name}” has another size than its masks; import it as a new photo.",
                            name=row.name,
                        )
                    )
                for name, value in image_values(image).items():
                    setattr(row, name, value)
                row.changed = now()
        return Changes(images=frozenset(image.id for image in images))

    def count(self, query: ImageQuery) -> int:
        """How many photos match."""
        with self._db.read() as session:
            return gallery_query.count(session, query)

    def image_ids(self, query: ImageQuery) -> list[ImageId]:
        """Every match, in order. Photos that lack what is sorted by come last."""
        with self._db.read() as session:
            state = self._db.state(session)
            return gallery_query.ids(
                session, query, lambda what, read: self._ranking.get(what, state, read)
            )

    def groups(self) -> list[str]:
        """Every group that a photo is in, by name as people count."""
        with self._db.read() as session:
            return sorted(filter(None, gallery_query.groups(session)), key=natural)

    def cards(self, images: Sequence[ImageId], run: RunId | None = None) -> list[ImageCard]:
        """In the order asked for; unknown ids are left out."""
        found: dict[ImageId, ImageCard] = {}
        with self._db.read() as session:
            for part in chunks(images):
                found.update(_cards(session, part, run))
        return [found[i] for i in images if i in found]

    def thumbnails(self, images: Sequence[ImageId]) -> dict[ImageId, bytes]:
        """JPEG bytes of those photos that have some."""
        return self._thumbs.read(images)

    def put_thumbnails(self, thumbnails: Mapping[ImageId, bytes]) -> None:
        """Keep small pictures that were lost and have been made again."""
        self._db.must_be_writable()
        self._thumbs.write(thumbnails)

    def resolve(self, image: LeafImage) -> Path:
        """The absolute path of a photo. Does not look whether it is there."""
        return Path(os.path.normpath(self.folder / image.path))


def _refuse_known_ids(session: Session, new: Sequence[NewImage]) -> None:
    wanted = [n.image.id for n in new]
    if len(set(wanted)) != len(wanted):
        raise Bug("two photos to be added have the same id")
    for part in chunks(wanted):
        if session.scalar(select(ImageRow.id).where(ImageRow.id.in_(part)).limit(1)) is not None:
            raise Bug("a photo to be added is already in the project")


def _cards(
    session: Session, images: Sequence[ImageId], run: RunId | None
) -> dict[ImageId, ImageCard]:
    found = session.execute(
        select(
            ImageRow.id, ImageRow.name, ImageRow.state, ImageRow.disease_id, ImageRow.regions,
            ImageRow.leaf, ImageRow.lesion, ImageRow.cover, ImageRow.noted, ImageRow.done_by,
            ImageRow.checked_by,
        ).where(ImageRow.id.in_(images))
    ).all()  # fmt: skip
    dice: dict[int, float | None] = {}
    if run is not None:
        scores = select(ScoreRow.image_id, ScoreRow.dice).where(
            ScoreRow.run_id == run, ScoreRow.image_id.in_(images)
        )
        dice = {image: value for image, value in session.execute(scores)}
    cards: dict[ImageId, ImageCard] = {}
    for key, name, state, disease, regions, leaf, lesion, cover, noted, done, checked in found:
        try:
            cards[ImageId(key)] = ImageCard(
                id=ImageId(key),
                name=name,
                state=ImageState(state),
                disease=None if disease is None else DiseaseId(disease),
                regions=regions,
                severity=severity_percent(leaf=leaf, lesion=lesion, cover=cover),
                dice=dice.get(key),
                has_notes=bool(noted),
                done_by=done,
                checked_by=checked,
            )
        except (ValueError, TypeError, ZeroDivisionError) as error:
            raise ProjectDamaged(
                tr(
                    "The entry of photo {name} is damaged ({error}); go back to the newest "
                    "file in the project's backups folder.",
                    name=name,
                    error=error,
                )
            ) from error
    return cards
