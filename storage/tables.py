"""The tables of ``project.db``, typed.

Knows columns and indexes; knows no domain object (``mapping`` translates) and no SQL dialect.
Migration 0001 writes the same schema out in SQL; a test keeps the two equal.

Structured values (pairs, lists) are JSON text that ``mapping`` reads, so that a damaged one is
an error of that row alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite makes only a column called INTEGER the key of its own table.
Id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The tables of ``project.db``."""

    metadata = MetaData()


class DiseaseRow(Base):
    """A class. ``name_folded`` makes names unique whatever their case; ``synonyms`` is JSON."""

    __tablename__ = "disease"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(unique=True)
    colour: Mapped[str]
    hotkey: Mapped[int | None]
    eppo: Mapped[str]
    healthy: Mapped[bool]
    crop: Mapped[str] = mapped_column(default="")
    synonyms: Mapped[str] = mapped_column(default="[]")


class ImageRow(Base):
    """A photo, and what the gallery needs of its masks without decoding them.

    ``added`` counts up with every photo; ``areas`` is JSON ``[[kind, disease, pixels], …]`` of
    unions, ``leaf``, ``lesion`` and ``cover`` are the unions of all leaf, all lesion and all
    regions in pixels, ``severity`` follows from them in percent. The five are maintained by the
    transaction that changes the masks.
    ``changed`` is when a person last changed anything here, in milliseconds since 1970 UTC, 0 for
    never. ``removed`` photos keep everything and are shown to nobody. ``noted`` (has notes),
    ``group_folded`` and ``name_folded`` repeat others, for the index; ``name_natural`` is the name
    in the order in which people count.
    """

    __tablename__ = "image"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    added: Mapped[int] = mapped_column(Id)
    state: Mapped[str]
    split: Mapped[str]
    disease_id: Mapped[int | None] = mapped_column(Id, ForeignKey("disease.id"))
    mask_known: Mapped[bool]
    regions: Mapped[int] = mapped_column(default=0)
    leaf: Mapped[int] = mapped_column(Id, default=0)
    lesion: Mapped[int] = mapped_column(Id, default=0)
    cover: Mapped[int] = mapped_column(Id, default=0)
    areas: Mapped[str] = mapped_column(default="[]")
    name: Mapped[str]
    name_folded: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    orientation: Mapped[int]
    captured_at: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    crop: Mapped[str]
    group_name: Mapped[str]
    extra: Mapped[str]
    group_folded: Mapped[str]
    notes: Mapped[str] = mapped_column(default="")
    done_by: Mapped[str] = mapped_column(default="")
    checked_by: Mapped[str] = mapped_column(default="")
    changed: Mapped[int] = mapped_column(Id, default=0)
    removed: Mapped[bool] = mapped_column(default=False)
    severity: Mapped[float | None]
    noted: Mapped[bool] = mapped_column(default=False)
    size_bytes: Mapped[int] = mapped_column(Id, default=0)
    name_natural: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        # Answers every gallery filter by itself, in order, without touching the wide rows.
        Index(
            "image_gallery", "removed", "added", "state", "split", "disease_id", "mask_known",
            "noted", "severity", "group_folded", "name_folded",
        ),
        # The other orders of the gallery: ids alone are read from them.
        Index("image_name", "name_natural"),
        Index("image_date", "captured_at"),
        Index("image_severity", "severity"),
        Index("image_changed", "changed"),
        Index("image_group", "group_name"),
        Index("image_removed", "removed", "added"),
        Index("image_sha256", "sha256"),
        Index("image_disease", "disease_id"),
    )  # fmt: skip


class RegionRow(Base):
    """A region without its pixels. ``mask_sha256`` covers the digests of all its tiles."""

    __tablename__ = "region"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    image_id: Mapped[int] = mapped_column(Id, ForeignKey("image.id", ondelete="CASCADE"))
    kind: Mapped[str]
    disease_id: Mapped[int | None] = mapped_column(Id, ForeignKey("disease.id"))
    source: Mapped[str]
    author: Mapped[str]
    mask_sha256: Mapped[bytes]

    __table_args__ = (
        Index("region_image", "image_id"),
        Index("region_disease", "disease_id"),
    )


class TileRow(Base):
    """One 256-pixel tile: the only blobs, in a table of their own.

    ``sha256`` stands before ``data``, so that reading digests leaves overflow pages alone.
    """

    __tablename__ = "tile"

    region_id: Mapped[int] = mapped_column(
        Id, ForeignKey("region.id", ondelete="CASCADE"), primary_key=True
    )
    tile_row: Mapped[int] = mapped_column(primary_key=True)
    tile_col: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[bytes]
    data: Mapped[bytes]


class CalibrationRow(Base):
    """How large a photo's pixels are; ``line`` is JSON ``[x0, y0, x1, y1]``, or ``[]``."""

    __tablename__ = "calibration"

    image_id: Mapped[int] = mapped_column(
        Id, ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    length_mm: Mapped[float]
    length_px: Mapped[float]
    line: Mapped[str]


class SettingRow(Base):
    """What the project decides for itself, as JSON by name."""

    __tablename__ = "project_setting"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class UndoStepRow(Base):
    """One finished action of a photo, as undo remembers it (``edit_codec``).

    Steps of a photo are in their order by ``id``; the ``undone`` ones come last. ``size`` is that
    of ``data``, which stands at the end for the sake of overflow pages.
    """

    __tablename__ = "undo_step"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    image_id: Mapped[int] = mapped_column(Id, ForeignKey("image.id", ondelete="CASCADE"))
    action: Mapped[int] = mapped_column(Id)
    undone: Mapped[bool]
    size: Mapped[int]
    sha256: Mapped[bytes]
    data: Mapped[bytes]

    __table_args__ = (
        Index("undo_step_image", "image_id", "undone", "action"),
        Index("undo_step_size", "size"),
    )


class UndoStateRow(Base):
    """What a photo was after its last step: ``digest`` is over its label and its masks."""

    __tablename__ = "undo_state"

    image_id: Mapped[int] = mapped_column(
        Id, ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[bytes]


class ManyStepRow(Base):
    """One action on many photos, as undo remembers it: what to carry out next (``many_codec``).

    In their order by ``id``; the ``undone`` ones come last. ``gone_id`` and ``into_id`` are those
    of a merge of diseases; no foreign keys, for ``gone_id`` is not in the list meanwhile. ``data``
    stands at the end for the sake of overflow pages.
    """

    __tablename__ = "many_step"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    action: Mapped[int] = mapped_column(Id, unique=True)
    title: Mapped[str]
    photos: Mapped[int]
    undone: Mapped[bool]
    gone_id: Mapped[int | None] = mapped_column(Id)
    into_id: Mapped[int | None] = mapped_column(Id)
    size: Mapped[int]
    sha256: Mapped[bytes]
    data: Mapped[bytes]


class RunRow(Base):
    """A training run; ``summary`` is JSON ``[[name, figure], …]``."""

    __tablename__ = "run"

    id: Mapped[str] = mapped_column(primary_key=True)
    added: Mapped[int] = mapped_column(Id)
    title: Mapped[str]
    base: Mapped[str]
    state: Mapped[str]
    created_at: Mapped[str]
    folder: Mapped[str]
    parent: Mapped[str | None]
    summary: Mapped[str]


class ScoreRow(Base):
    """What a run said about a photo. ``targets`` and ``probabilities`` are JSON lists."""

    __tablename__ = "score"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    image_id: Mapped[int] = mapped_column(
        Id, ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    split: Mapped[str]
    dice: Mapped[float | None]
    targets: Mapped[str]
    truth: Mapped[str | None]
    predicted: Mapped[str]
    probabilities: Mapped[str]
    severity: Mapped[float]
    true_severity: Mapped[float | None]
    prediction: Mapped[str]
    verdict: Mapped[str | None]

    __table_args__ = (
        # The review list: worst first within a run, paged by the last (dice, image) seen.
        Index("score_worst", "run_id", "dice", "image_id"),
        # The gallery's badges; without it SQLite reads a whole run to find fifty photos in it.
        Index("score_card", "image_id", "run_id", "dice"),
        Index("score_verdict", "run_id", "verdict", "image_id"),
    )
