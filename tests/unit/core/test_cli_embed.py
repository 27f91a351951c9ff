"""`leafspot embed`: one machine looks at the photos, another one need not."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.cli import main
from core.services import embed


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Makes a project of the photos with these numbers."""
    monkeypatch.chdir(tmp_path)

    def make(name: str, *numbers: int) -> str:
        for n in numbers:
            green = np.full((60, 90, 3), (50, 130 + n, 70), np.uint8)
            assert cv2.imwrite(f"leaf{n}.png", green)
        assert main(["new", name]) == 0
        assert main(["import", name, *(f"leaf{n}.png" for n in numbers)]) == 0
        return name

    return make


def _files(name: str) -> list[Path]:
    return sorted(Path(f"{name}.leafspot/embeddings").glob("*"))


def _document(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_a_pack_spares_another_machine_the_look(project, capsys, monkeypatch):
    project("desk", 1, 2, 3)
    project("field", 2, 3, 4)
    assert main(["embed", "desk", "--engine", "leaf", "--out", "photos.pack"]) == 0
    assert len(_files("desk")) == 3
    assert main(["embed", "field", "--import", "photos.pack"]) == 0
    assert "not in this project: 1 photo." in capsys.readouterr().err
    capsys.readouterr()
    assert main(["embed", "field", "--engine", "leaf", "--json"]) == 0
    assert _document(capsys) == {
        "made": 1, "there": 2, "searched": 0, "packed": None, "refused": []
    }  # fmt: skip


def test_a_run_that_was_broken_off_goes_on_where_it_was(project, capsys, monkeypatch):
    project("desk", 1, 2, 3)
    looked: list[str] = []
    real = embed.look

    def look(engine, path, key):
        if len(looked) == 2:
            raise KeyboardInterrupt
        looked.append(path.name)
        return real(engine, path, key)

    monkeypatch.setattr(embed, "look", look)
    assert main(["embed", "desk", "--engine", "leaf", "--out", "photos.pack"]) == 130
    assert len(_files("desk")) == 2
    assert not Path("photos.pack").exists()
    monkeypatch.setattr(embed, "look", real)
    capsys.readouterr()
    assert main(["embed", "desk", "--engine", "leaf", "--json"]) == 0
    assert _document(capsys)["made"] == 1


def test_photos_that_changed_or_went_are_told_and_the_others_done(project, capsys):
    project("desk", 1, 2, 3)
    Path("leaf1.png").unlink()
    Path("leaf2.png").write_bytes(Path("leaf3.png").read_bytes())
    assert main(["embed", "desk", "--engine", "leaf"]) == 1
    err = capsys.readouterr().err
    assert "leaf1.png" in err
    assert "leaf2.png" in err
    assert len(_files("desk")) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--engine"),
        (["--engine", "no-such"], "choose one of"),
        (["--engine", "colour"], "Choose another engine"),
        (["--engine", "segment-anything"], "weights file"),
        (["--engine", "leaf", "--out", "."], "is a folder"),
        (["--engine", "leaf", "--out", "leaf1.png"], "--replace"),
        (["--import", "gone.pack"], "cannot be read"),
        (["--import", "leaf1.png"], "no pack"),
        (["--import", "a", "--out", "b"], "one of them"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(project, capsys, words, says):
    project("desk", 1)
    before = Path("leaf1.png").read_bytes()
    capsys.readouterr()
    assert main(["embed", "desk", *words]) == 2
    err = capsys.readouterr().err.strip()
    assert says in err
    assert err.endswith(".")
    assert "\n" not in err
    assert Path("leaf1.png").read_bytes() == before


def test_a_pack_of_other_photos_alone_is_no_success(project, capsys):
    project("desk", 1)
    project("field", 2)
    assert main(["embed", "desk", "--engine", "leaf", "--out", "photos.pack"]) == 0
    assert main(["embed", "field", "--import", "photos.pack"]) == 1
    assert "take the pack that was made of these" in capsys.readouterr().err
    assert _files("field") == []


def test_what_stands_out_is_found_ahead_and_travels_in_the_pack(project, capsys, monkeypatch):
    project("desk", 1, 2)
    project("field", 2, 3)
    capsys.readouterr()
    words = ["embed", "desk", "--engine", "leaf", "--candidates"]
    assert main([*words, "--out", "photos.pack", "--json"]) == 0
    assert _document(capsys)["searched"] == 2
    assert len(_files("desk")) == 4
    assert main([*words, "--json"]) == 0
    assert _document(capsys) == {
        "made": 0, "there": 2, "searched": 0, "packed": None, "refused": []
    }  # fmt: skip
    assert main(["embed", "field", "--import", "photos.pack", "--json"]) == 0
    taken = _document(capsys)
    assert (taken["taken"], taken["candidates"], taken["other_photos"]) == (1, 1, 1)
    monkeypatch.setattr(embed, "find_on", lambda *_: pytest.fail("found already"))
    Path("leaf3.png").unlink()
    assert main(["embed", "field", "--engine", "leaf", "--candidates"]) == 1


def test_an_assistant_that_finds_nothing_says_which_one_does(project, capsys, tmp_path):
    from tests.small_sam import save_sam

    project("desk", 1)
    weights = str(save_sam(tmp_path / "small.pth"))
    words = ["--engine", "segment-anything", "--checkpoint", weights, "--candidates"]
    assert main(["embed", "desk", *words]) == 2
    assert "choose “Leaf”" in capsys.readouterr().err
