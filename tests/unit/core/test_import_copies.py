"""Photos that are copied in: the same bytes, under a name nobody had, and the project complete."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from core import files
from core.domain.image import LeafImage
from core.errors import ImportRefused, ProjectError
from core.ports import ImageQuery, ProjectStore
from core.services import import_copies
from core.services.import_copies import portable
from core.services.import_images import ImportOptions, ImportReport, plan, run
from storage import create_project, open_project
from tests.doubles.decoders import HereDecoder
from tests.faults.photo_files import UPRIGHT_SIZE, write_mask, write_photo


@dataclass
class Card:
    """A project, and a memory card with photos for it."""

    store: ProjectStore
    home: Path
    shade: int = 10

    @property
    def copies(self) -> Path:
        return self.store.folder / "photos"

    def photo(self, name: str) -> Path:
        """Every one has bytes of its own."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.shade += 5
        return write_photo(path, shade=self.shade, kind="PNG" if name.endswith("g") else "JPEG")

    def run(self, *paths: Path, copy: bool = True, options: ImportOptions | None = None,
            cancelled: Callable[[], bool] | None = None) -> ImportReport:  # fmt: skip
        chosen = replace(options or ImportOptions(), copy=copy)
        report = run(
            self.store, plan(paths or [self.home]), chosen, cancelled=cancelled,
            decoder=HereDecoder(),
        )  # fmt: skip
        assert self.store.check().ok
        return report

    def images(self) -> list[LeafImage]:
        return [self.store.image(i) for i in self.store.image_ids(ImageQuery())]

    def paths(self) -> list[str]:
        return sorted(i.path for i in self.images())

    def there(self) -> list[str]:
        """Every file below the project's photos, drafts included."""
        found = (p for p in self.copies.rglob("*") if not p.is_dir())
        return sorted(p.relative_to(self.store.folder).as_posix() for p in found)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    store = create_project(tmp_path / "work" / "leaves.leafspot")
    (tmp_path / "card").mkdir()
    yield Card(store, tmp_path / "card")
    store.close()


@pytest.fixture(autouse=True)
def _work(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()


def test_without_being_asked_nothing_is_copied(card: Card) -> None:
    path = card.photo("a.png")
    card.run(copy=False)
    assert card.paths() == [path.as_posix()]
    assert not card.copies.exists()


def test_a_copy_has_the_very_bytes_and_the_project_can_be_carried_away(
    card: Card, tmp_path: Path
) -> None:
    path = card.photo("plant 1/a.png")
    before = (path.read_bytes(), path.stat().st_mtime_ns, list(path.parent.iterdir()))
    report = card.run()
    assert report.accepted == [path], "told by the name the person knows"
    (image,) = card.images()
    assert image.path == "photos/plant 1/a.png"
    assert image.group == "plant 1"
    assert card.store.resolve(image).read_bytes() == before[0]
    assert (path.read_bytes(), path.stat().st_mtime_ns, list(path.parent.iterdir())) == before
    card.store.close()
    shutil.rmtree(card.home)
    card.store.folder.rename(tmp_path / "elsewhere.leafspot")
    store = open_project(tmp_path / "elsewhere.leafspot")
    assert store.check().ok
    store.close()


def test_a_copy_is_no_second_name_of_the_photo(card: Card) -> None:
    path = card.photo("a.png")
    card.run()
    copy = card.store.resolve(card.images()[0])
    assert not path.samefile(copy)
    assert copy.stat().st_nlink == 1


def test_names_that_are_taken_get_a_number_and_nothing_is_written_over(card: Card) -> None:
    card.copies.mkdir()
    (card.copies / "a.png").write_text("the person's own")
    (card.copies / "A-2.png").write_text("and another")
    first, second = card.photo("x/one/a.png"), card.photo("x/two/a.png")
    card.run(first, second)
    assert card.paths() == ["photos/a-3.png", "photos/a-4.png"]
    assert (card.copies / "a.png").read_text() == "the person's own"
    assert (card.copies / "A-2.png").read_text() == "and another"


def test_photos_of_the_same_name_from_two_folders_keep_it(card: Card) -> None:
    card.photo("plot 1/leaf.png")
    card.photo("plot 2/leaf.png")
    card.photo("plot 2/leaf.jpeg")
    card.run()
    assert card.paths() == [
        "photos/plot 1/leaf.png", "photos/plot 2/leaf.jpeg", "photos/plot 2/leaf.png",
    ]  # fmt: skip


def test_folders_that_differ_by_case_alone_are_one_so_that_every_system_can_hold_them(
    card: Card,
) -> None:
    (card.home / "Plot").mkdir()
    if (card.home / "plot").exists():
        pytest.skip("this file system knows no case")
    card.photo("Plot/Leaf.png")
    card.photo("plot/leaf.png")
    card.run()
    folded = [p.casefold() for p in card.paths()]
    assert len(set(folded)) == 2
    assert len(list(card.copies.iterdir())) == 1
    assert {i.group for i in card.images()} == {"Plot", "plot"}


def _refuse_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)


@pytest.mark.parametrize("links", [True, False])
def test_a_name_taken_this_very_moment_is_left_alone(
    card: Card, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        _refuse_hard_links(monkeypatch)
    place = import_copies._place

    def late(draft: Path, final: Path) -> None:
        if final.name == "a.png":
            final.write_text("somebody was faster")
        place(draft, final)

    monkeypatch.setattr(import_copies, "_place", late)
    card.photo("a.png")
    card.run()
    assert card.paths() == ["photos/a-2.png"]
    assert card.there() == ["photos/a-2.png", "photos/a.png"]
    assert (card.copies / "a.png").read_text() == "somebody was faster"


def test_without_hard_links_copies_come_whole_as_well(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse_hard_links(monkeypatch)
    card.copies.mkdir()
    (card.copies / "a.png").write_text("mine")
    card.photo("a.png")
    card.photo("b.png")
    card.run()
    assert card.there() == ["photos/a-2.png", "photos/a.png", "photos/b.png"]
    assert (card.copies / "a.png").read_text() == "mine"


def test_masks_are_found_by_the_name_the_photo_had(card: Card) -> None:
    values = np.ones(UPRIGHT_SIZE[::-1], np.uint8)
    values[4:8, 4:8] = 2
    masks = card.home.parent / "masks"
    masks.mkdir()
    write_mask(masks / "a.png", values)
    (masks / "map.json").write_text('{"1": "leaf", "2": "lesion"}')
    card.copies.mkdir()
    (card.copies / "a.png").write_text("mine")
    card.photo("a.png")
    card.run(options=ImportOptions(masks=masks, mask_map=masks / "map.json"))
    (image,) = card.images()
    assert image.path == "photos/a-2.png"
    assert len(card.store.regions(image.id)) == 2


def test_the_same_photo_again_is_known_and_not_copied_again(card: Card) -> None:
    first = card.photo("a.png")
    (card.home / "twin.png").write_bytes(first.read_bytes())
    report = card.run()
    assert [p for p, _ in report.duplicates] == [card.home / "twin.png"]
    for copy in (True, False):
        again = card.run(copy=copy)
        assert again.accepted == []
        assert [of for _, of in again.duplicates] == ["photos/a.png"] * 2
    assert card.there() == ["photos/a.png"]


def test_a_refused_photo_leaves_no_copy(card: Card) -> None:
    (card.home / "text.jpg").write_text("not a photo")
    card.photo("a.png")
    card.run()
    assert card.there() == ["photos/a.png"]


def test_a_cancelled_import_keeps_the_copies_of_what_was_ready_and_no_other(card: Card) -> None:
    for n in range(4):
        card.photo(f"{n}.png")
    asked = iter([False, False, True])
    report = card.run(cancelled=lambda: next(asked))
    assert len(report.accepted) == 2
    assert card.there() == card.paths() == ["photos/0.png", "photos/1.png"]


def test_what_lies_in_the_projects_photos_already_stays_there(card: Card) -> None:
    path = card.photo("a.png")
    (card.copies / "plot").mkdir(parents=True)
    path.rename(card.copies / "plot" / "a.png")
    card.run(card.copies / "plot")
    assert card.there() == card.paths() == ["photos/plot/a.png"]


def test_a_photo_that_changes_meanwhile_is_refused(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = import_copies._write

    def other(photo: Path, draft: Path) -> None:
        write(photo, draft)
        if photo.name == "a.png":
            with draft.open("ab") as file:
                file.write(b"!")

    monkeypatch.setattr(import_copies, "_write", other)
    card.photo("a.png")
    good = card.photo("b.png")
    report = card.run()
    assert report.accepted == [good]
    assert "other bytes" in report.refused[0][1]
    assert card.there() == ["photos/b.png"]


def test_a_photo_that_goes_meanwhile_is_refused(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = import_copies._chunks

    def gone(photo: Path) -> Iterator[bytes]:
        photo.unlink()
        return chunks(photo)

    monkeypatch.setattr(import_copies, "_chunks", gone)
    card.photo("a.png")
    report = card.run()
    assert "could not be read to be copied" in report.refused[0][1]
    assert card.there() == []


# -- no way out of the project


@pytest.mark.parametrize("where", ["photos", "photos/plot"])
@pytest.mark.parametrize("target", ["outside", "nowhere"])
def test_a_link_in_the_place_of_a_folder_is_refused(card: Card, where: str, target: str) -> None:
    outside = card.home.parent / "outside"
    outside.mkdir()
    link = card.store.folder / where
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(card.home.parent / target, target_is_directory=True)
    card.photo("plot/a.png")
    with pytest.raises(ProjectError, match=f"“{where}” in the project is no folder of its own"):
        card.run()
    assert list(outside.iterdir()) == []
    assert not (card.home.parent / "nowhere").exists()
    assert card.images() == []


def test_a_link_under_the_name_of_a_copy_is_neither_followed_nor_taken_as_one(card: Card) -> None:
    path = card.photo("a.png")
    card.copies.mkdir()
    twin = card.home.parent / "twin.png"
    twin.write_bytes(path.read_bytes())
    (card.copies / "a.png").symlink_to(twin)
    (card.copies / "a-2.png").symlink_to(card.home.parent / "nowhere.png")
    card.run()
    assert card.paths() == ["photos/a-3.png"]
    assert not (card.home.parent / "nowhere.png").exists()


def test_a_link_in_the_projects_photos_is_copied_like_any_other(card: Card) -> None:
    path = card.photo("a.png")
    card.copies.mkdir()
    (card.copies / "link.png").symlink_to(path)
    card.run(card.copies)
    (image,) = card.images()
    assert image.path == "photos/link-2.png"
    assert not card.store.resolve(image).is_symlink()


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("leaf 1.jpg", "leaf 1.jpg"),
        ("Blätter.JPG", "Blätter.JPG"),
        ("..", "_"),
        (".", "_"),
        ("...", "_"),
        ("a/../b.jpg", "a_.._b.jpg"),
        ("..\\b.jpg", "_.._b.jpg"),
        ("C:leaf?.jpg", "C_leaf_.jpg"),
        ("con.jpg", "_con.jpg"),
        ("Aux", "_Aux"),
        ("concert.jpg", "concert.jpg"),
        ("trailing. ", "trailing"),
        (".hidden.jpg", "_.hidden.jpg"),
        ("a\nb\x00.jpg", "a_b_.jpg"),
        ("bad\udcff.jpg", "bad_.jpg"),
    ],
)
def test_names_are_made_fit_for_every_system(name: str, fit: str) -> None:
    assert portable(name) == fit


def test_a_name_as_long_as_names_may_be_keeps_its_ending(card: Card) -> None:
    card.photo("x/" + "ö" * 125 + ".png")
    card.photo("y/" + "ö" * 125 + ".png")
    card.run(card.home / "x", card.home / "y")
    assert len(card.there()) == 2
    assert all(path.endswith(".png") for path in card.there())


def test_whatever_the_group_is_called_the_copy_stays_inside(tmp_path: Path) -> None:
    from core.services.import_files import Candidate

    project = tmp_path / "p.leafspot"
    project.mkdir()
    photo = write_photo(tmp_path / "a.jpg")
    for group in ("../../x", "/etc", "a/../../..", "..", ""):
        copies = import_copies.PhotoCopies(project)
        path = copies.take(Candidate(photo, group), files.sha256(photo))
        assert path.resolve().is_relative_to(project / "photos")
    with pytest.raises(ImportRefused):
        import_copies.PhotoCopies(project).take(Candidate(tmp_path / "no.jpg"), "0")
