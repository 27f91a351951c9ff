"""The terminal: one document with --json, one sentence when it cannot, progress apart."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import cli
from core.commands import demo as demo_command
from core.domain.run import RunState, Verdict
from core.machine_lock import MachineLock
from core.ports import ImageQuery
from core.services import bases, training_session
from core.services.export import formats
from core.training.config import Method, TrainConfig
from core.training.summary import RunSummary
from core.version import program_version
from core.workers import client
from storage.projects import open_project
from tests.doubles.projects import Leaf, leaves, make_project
from tests.doubles.workers import answers, fake_base, play, use_doubles

VERBS = {
    "demo", "new", "import", "check", "restore", "doctor", "preflight", "models", "assemble",
    "train", "stages", "score", "hard", "runs", "predict", "embed", "export", "export-adapter",
}  # fmt: skip


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.out)
        return found


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> Said:
        status = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Said(status, said.out, said.err)

    return call


@pytest.fixture
def project(tmp_path: Path) -> Path:
    store = make_project(tmp_path, leaves())
    store.close()
    return tmp_path / "coffee"


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    use_doubles(monkeypatch, "train", "answer")
    return f"gemma-3={fake_base(tmp_path / 'base')}"


def photos(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 255, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


# -- manners


def test_the_verbs_are_those_of_the_design(run: Run) -> None:
    assert {command.name for command in cli.COMMANDS} == VERBS


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_explains_itself_and_takes_json(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([verb, "--help"])
    assert end.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"leafspot {program_version()}\n"


@pytest.mark.parametrize(
    ("verb", "choices"),
    [("export", formats()), ("train", bases.specs()), ("preflight", bases.specs())],
)
def test_the_help_names_every_choice(
    verb: str, choices: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([verb, "--help"])
    words = set(re.split(r"[\s,;]+", capsys.readouterr().out))
    assert choices
    assert words >= set(choices)


@pytest.mark.parametrize(
    "words",
    [(), ("fly",), ("train", "x"), ("import", "x"), ("predict", "a", "b"), ("hard",),
     ("hard", "x", "--below", "many"), ("new", "x", "--colour")],
)  # fmt: skip
def test_a_wrong_line_is_answered_with_one_sentence(run: Run, words: tuple[str, ...]) -> None:
    said = run(*words)
    assert said.status == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert "--help" in said.err


@pytest.mark.parametrize(
    ("words", "word"),
    [(("train", "x", "--base", "foo"), "“foo”"),
     (("train", "x", "--base", "starter", "--method", "magic"), "“magic”"),
     (("hard", "x", "--below", "7"), "“7”"), (("fly",), "“fly”")],
)  # fmt: skip
def test_what_was_written_is_quoted_as_everywhere(
    run: Run, words: tuple[str, ...], word: str
) -> None:
    said = run(*words)
    assert said.status == 2
    assert word in said.err
    assert "'" not in said.err


def test_an_unknown_preset_is_quoted_as_everywhere(run: Run, project: Path, base: str) -> None:
    said = run("train", project, "--base", base, "--preset", "zz")
    assert said.err.startswith("There is no preset “zz”; choose ")


@pytest.mark.parametrize(
    "words",
    [("new", ""), ("check", " "), ("hard", "x", "--run", ""), ("score", "x", "--run="),
     ("export-adapter", "x", "--run", "", "y"), ("predict", "a", "b", "--out", "")],
)  # fmt: skip
def test_an_empty_word_is_never_taken_for_something_else(run: Run, words: tuple[str, ...]) -> None:
    said = run(*words, "--json")
    assert said.status == 2
    assert "is empty; write" in str(said.document["error"])


@pytest.mark.parametrize(
    "words",
    [("train", "x", "--base", "starter", "--minutes", m) for m in ("nan", "inf", "-1", "0", "1e9")]
    + [("demo", "--headless", "--minutes", m) for m in ("nan", "inf", "-1", "0")]
    + [("hard", "x", "--below", d) for d in ("nan", "2", "-0.1", "inf")]
    + [("train", "x", "--base", "starter", "--processes", n) for n in ("0", "1.5", "65", "two")],
)
def test_a_number_that_cannot_be_meant_is_refused_before_any_work(
    run: Run, words: tuple[str, ...]
) -> None:
    said = run(*words)
    assert said.status == 2
    assert said.out == ""
    assert "between 0 and" in said.err or "between 1 and 64" in said.err
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize("verb", ["check", "hard", "import", "preflight", "train", "predict"])
def test_a_name_too_long_for_the_disk_is_one_sentence(run: Run, verb: str) -> None:
    rest = {
        "import": ["x"], "preflight": ["--base", "starter"], "train": ["--base", "starter"],
        "predict": ["x", "--out", "y"],
    }  # fmt: skip
    said = run(verb, "a" * 300, *rest.get(verb, []), "--json")
    assert said.status == 2
    assert str(said.document["error"]).endswith(".")


def test_a_name_gives_the_terminal_no_orders(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "p")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a\x1b[2Jb\u202ec\nd.jpg").write_text("not a photo")
    said = run("import", tmp_path / "p", folder)
    assert said.status == 1
    refused = next(line for line in said.err.splitlines() if line.startswith("Refused"))
    assert "d.jpg" in refused
    assert not {"\x1b", "\u202e"} & set(said.err)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs links to links")
def test_links_in_a_circle_are_refused_by_name(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "p")
    (tmp_path / "round.jpg").symlink_to("round.jpg")
    said = run("import", tmp_path / "p", tmp_path / "round.jpg")
    assert said.status == 1
    assert "link that leads to no file" in said.err


def test_a_folder_without_photos_is_not_a_success(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "p")
    (tmp_path / "none").mkdir()
    said = run("import", tmp_path / "p", tmp_path / "none")
    assert said.status == 1
    assert "no photo in what you named" in said.err


def test_an_error_is_the_document_too(run: Run, tmp_path: Path) -> None:
    said = run("check", tmp_path / "nowhere", "--json")
    assert said.status == 2
    assert said.document["error"] == said.err.strip()


def test_a_library_that_prints_does_not_spoil_the_document(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.services import review

    def chatty(*_args: object) -> list[object]:
        print("hello from a library")
        return []

    monkeypatch.setattr(review, "below", chatty)
    monkeypatch.setattr("core.services.runs.chosen_run", lambda *_a, **_k: _Run())
    said = run("hard", project, "--json")
    assert said.document == {"run": "x", "samples": [], "left_out": 0}
    assert "hello from a library" in said.err


class _Run:
    id = "x"


def test_ctrl_c_ends_quietly(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def pressed(_folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_create", pressed)
    said = run("new", tmp_path / "x")
    assert said.status == 130
    assert "Stopped" in said.err


# -- projects


def test_new_makes_a_project_and_never_over_another(run: Run, tmp_path: Path) -> None:
    said = run("new", tmp_path / "coffee", "--json")
    assert said.status == 0
    assert said.document["project"] == str(tmp_path / "coffee.leafspot")
    assert "(1 disease, 0 images" in run("check", tmp_path / "coffee").out
    again = run("new", tmp_path / "coffee")
    assert again.status == 2
    assert "exists already" in again.err


def test_a_drive_is_no_project(run: Run, tmp_path: Path) -> None:
    said = run("check", Path(tmp_path.anchor))
    assert said.status == 2
    assert "is not a Leafspot project" in said.err


@pytest.mark.parametrize("lost", [True, False])
def test_a_lost_or_damaged_database_is_brought_back_as_its_sentence_says(
    run: Run, project: Path, lost: bool
) -> None:
    database = project.with_suffix(".leafspot") / "project.db"
    assert run("check", project).status == 0  # which makes the first backup
    database.unlink() if lost else database.write_bytes(os.urandom(9000))
    said = run("check", project)
    assert said.status == 2
    assert "damaged" in said.err
    assert "leafspot restore" in said.err
    back = run("restore", project, "--json")
    assert back.status == 0
    assert Path(str(back.document["backup"])).name in said.err
    assert run("check", project).status == 0


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_refused_link_is_told_by_the_name_that_was_given(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jpg").symlink_to(tmp_path / "gone.jpg")
    run("new", tmp_path / "p")
    said = run("import", tmp_path / "p", tmp_path / "mine.jpg")
    assert said.status == 1
    assert "Refused mine.jpg: This is a link that leads to no file" in said.err


@pytest.mark.parametrize(("name", "sentence"), [("", "is empty"), (".", "needs a name")])
def test_a_project_without_a_name_is_not_made(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    said = run("new", name)
    assert said.status == 2
    assert sentence in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["here"]


def test_a_project_is_found_with_and_without_its_ending(run: Run, project: Path) -> None:
    assert run("check", project).status == 0
    assert run("check", f"{project}.leafspot").status == 0


def test_import_accounts_for_every_photo(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "p")
    folder = photos(tmp_path / "in", "a.png", "b.png")
    (folder / "text.jpg").write_text("not a photo")
    (folder / "twin.png").write_bytes((folder / "a.png").read_bytes())
    said = run("import", tmp_path / "p", folder, "--json")
    assert said.status == 1
    document = said.document
    assert document["total"] == 4
    assert len(document["accepted"]) == 2  # type: ignore[arg-type]
    reasons = {Path(r["image"]).name: r["reason"] for r in document["refused"]}  # type: ignore[attr-defined]
    assert set(reasons) == {"text.jpg", "twin.png"}
    assert "not a JPEG" in reasons["text.jpg"]
    told = run("import", tmp_path / "p", folder / "a.png")
    assert "a.png: " in told.err, "a duplicate is named"
    assert "1 was there already" in told.out
    again = run("import", tmp_path / "p", folder / "a.png", "--json")
    assert again.status == 0, "it is there already, as was asked"
    assert again.document["duplicates"]


def test_import_with_masks_and_labels(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "p")
    folder = photos(tmp_path / "in", "a.png", "b.png")
    masks = tmp_path / "masks"
    masks.mkdir()
    values = np.ones((20, 30), np.uint8)
    values[4:8, 4:9] = 2
    Image.fromarray(values).save(masks / "a.png")
    (tmp_path / "map.json").write_text('{"0": "background", "1": "leaf", "2": "lesion"}')
    (tmp_path / "labels.csv").write_text("image,disease\na.png,rust\nb.png,healthy\n")
    said = run(
        "import", tmp_path / "p", folder, "--masks", masks, "--mask-map", tmp_path / "map.json",
        "--labels", tmp_path / "labels.csv",
    )  # fmt: skip
    assert said.status == 0, said.err
    assert "2 of 2 photos imported" in said.out
    store = open_project(tmp_path / "p")
    names = {d.id: d.name for d in store.diseases()}
    assert set(names.values()) == {"rust", "healthy"}
    store.close()


def test_import_copies_photos_in_on_request(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "p")
    folder = photos(tmp_path / "in", "a.png", "b.png")
    bytes_ = {p.name: p.read_bytes() for p in folder.iterdir()}
    said = run("import", tmp_path / "p", folder, "--copy")
    assert said.status == 0, said.err
    assert "2 of 2 photos copied into the project, 0 refused." in said.out
    copies = tmp_path / "p.leafspot" / "photos"
    assert {p.name: p.read_bytes() for p in copies.iterdir()} == bytes_
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == bytes_
    again = run("import", tmp_path / "p", folder, "--copy", "--json")
    assert again.status == 0
    assert again.document["copied"] is True
    assert again.document["accepted"] == []
    same = {d["same_as"] for d in again.document["duplicates"]}  # type: ignore[attr-defined]
    assert same == {"photos/a.png", "photos/b.png"}
    shutil.rmtree(folder)
    assert run("check", tmp_path / "p").status == 0


def test_a_full_disk_while_copying_is_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_photo: Path, draft: Path) -> None:
        draft.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.services.import_copies._write", full)
    run("new", tmp_path / "p")
    said = run("import", tmp_path / "p", photos(tmp_path / "in", "a.png"), "--copy", "--json")
    assert said.status == 2
    assert said.document["error"] == (
        "The disk is full, so “a.png” was not copied into the project; free some space on the "
        "project's drive and import again."
    )
    assert not (tmp_path / "p.leafspot" / "photos").exists()


def test_a_table_with_a_new_disease_is_refused_once_there_are_some(
    run: Run, project: Path, tmp_path: Path
) -> None:
    folder = photos(tmp_path / "in", "n.png")
    (tmp_path / "labels.csv").write_text("image,disease\nn.png,rsut\n")
    said = run("import", project, folder, "--labels", tmp_path / "labels.csv")
    assert said.status == 1
    assert "“rsut”" in said.err
    assert "Correct" in said.err
    store = open_project(project)
    assert store.count(ImageQuery()) == 12
    assert not any(d.name == "rsut" for d in store.diseases())
    store.close()


def test_masks_and_their_map_belong_together(run: Run, project: Path, tmp_path: Path) -> None:
    said = run("import", project, photos(tmp_path / "in", "n.png"), "--masks", tmp_path)
    assert said.status == 2
    assert "belong together" in said.err


def test_check_names_what_is_wrong(run: Run, project: Path, tmp_path: Path) -> None:
    assert run("check", project, "--json").document["ok"] is True
    (tmp_path / "photos" / "leaf_03.png").unlink()
    said = run("check", project, "--json")
    assert said.status == 1
    assert any("leaf_03.png" in p for p in said.document["problems"])  # type: ignore[attr-defined]
    assert "1 problem found" in said.err


def test_a_project_open_elsewhere_is_not_written(run: Run, project: Path, tmp_path: Path) -> None:
    holder = open_project(project)
    said = run("import", project, photos(tmp_path / "in", "n.png"))
    assert said.status == 2
    assert "close it there" in said.err
    assert run("check", project).status == 0, "reading is fine"
    holder.close()


# -- training


def test_train_hard_score_export(run: Run, project: Path, base: str, tmp_path: Path) -> None:
    said = run("train", project, "--base", base, "--preset", "quick", "--minutes", "0.5", "--json")
    assert said.status == 0, said.err
    document = said.document
    assert document["state"] == "finished"
    assert Path(str(document["adapter"])).is_dir()
    assert "Learning" in said.err

    said = run("hard", project, "--below", "0.95", "--json")
    assert said.status == 0, said.err
    hard = said.document
    assert hard["run"] == document["run"]
    samples = hard["samples"]
    assert len(samples) == 12  # type: ignore[arg-type]
    assert {"image", "dice"} <= samples[0].keys()  # type: ignore[index]
    assert run("hard", project, "--json").document["samples"] == []

    scored = run("score", project, "--run", document["run"], "--json").document
    assert scored["scored"] == 12
    assert 0 < scored["held_out"]["scored"] < 12  # type: ignore[index]
    assert "that it did not learn from" in run("score", project).out

    coco = run("export", project, "--format", "coco", tmp_path / "out.json", "--json")
    assert coco.document["images"] == 12

    taken = run("export-adapter", project, "--run", document["run"], tmp_path / "mine", "--json")
    assert taken.status == 0, taken.err
    assert "adapter_model.safetensors" in taken.document["files"]  # type: ignore[operator]

    new = photos(tmp_path / "new", "x.png")
    words = ("predict", tmp_path / "mine", new / "x.png", "--out", tmp_path / "said")
    said = run(*words)
    assert said.status == 0, said.err
    assert "x.png: " in said.out
    assert "1 prediction in " in said.out
    assert (tmp_path / "said" / "masks" / "x.png").is_file()

    # An earlier table may be somebody's only one.
    table = tmp_path / "said" / "predictions.csv"
    table.write_text("with my notes")
    refused = run(*words)
    assert refused.status == 2
    assert "--replace" in refused.err
    assert table.read_text() == "with my notes"
    assert run(*words, "--replace").status == 0
    assert "with my notes" not in table.read_text()


def test_four_bits_can_be_chosen(run: Run, project: Path, base: str) -> None:
    said = run("train", project, "--base", base, "--method", "qlora-nf4", "--json")
    assert said.status == 0, said.err
    config = Path(f"{project}.leafspot") / "runs" / str(said.document["run"]) / "config.json"
    assert TrainConfig.read(config).method is Method.QLORA_NF4


def test_hard_cases_come_worst_first_in_words(
    run: Run, project: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_project(project)
    ids = store.image_ids(ImageQuery())
    store.close()
    play(monkeypatch, dice={str(ids[0]): 0.3, str(ids[1]): 0.1, str(ids[2]): 0.0})
    assert run("train", project, "--base", base).status == 0
    lines = run("hard", project).out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["0.000", "leaf_02.png"],
        ["0.100", "leaf_01.png"],
        ["0.300", "leaf_00.png"],
    ]
    assert "invented" in lines[0]
    assert lines[-1].startswith("3 of 12 leaves")


def test_leaves_judged_wrong_are_told_where_they_are_left_out(
    run: Run, project: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_project(project)
    ids = store.image_ids(ImageQuery())
    store.close()
    play(monkeypatch, dice={str(ids[0]): 0.3, str(ids[1]): 0.1})
    assert run("train", project, "--base", base).status == 0
    said = run("hard", project)
    assert "label wrong" not in said.out
    store = open_project(project)
    for image in ids[:2]:
        store.set_verdict(store.runs()[0].id, image, Verdict.LABEL_WRONG)
    store.close()
    sentence = "2 leaves judged “label wrong” are left out until their label is corrected."
    said = run("hard", project)
    assert said.out.splitlines()[0].endswith(", judged “label wrong”")
    assert said.out.splitlines()[-1] == sentence
    assert run("hard", project, "--json").document["left_out"] == 2
    said = run("train", project, "--base", base)
    assert sentence in said.err
    assert "from 7 leaves, 3 held out" in said.err


def test_a_run_may_be_trained_by_hand(run: Run, project: Path, base: str) -> None:
    words = ("train", project, "--base", base, "--processes", 2, "--prepare-only", "--json")
    said = run(*words)
    assert said.status == 0, said.err
    folder = Path(str(said.document["folder"]))
    assert (folder / "config.json").is_file()
    assert not (folder / "events.jsonl").exists()
    command = shlex.split(str(said.document["command"]))
    assert command[0] == sys.executable, "a terminal may know no accelerate"
    assert command[1:4] == ["-m", "accelerate.commands.accelerate_cli", "launch"]
    assert command[-3:] == ["-m", "core.workers.train", str(folder)]
    assert Path(command[command.index("--config_file") + 1]).is_file()
    # The next command goes on with it as with any.
    again = run("train", project, "--base", base, "--resume", "--json")
    assert again.document["run"] == said.document["run"]
    assert again.document["state"] == "finished"


def test_training_on_one_class_says_every_reason(run: Run, tmp_path: Path, base: str) -> None:
    make_project(tmp_path / "poor", [Leaf("a.png", "rust")]).close()
    said = run("train", tmp_path / "poor" / "coffee", "--base", base)
    assert said.status == 2
    assert "at least two classes" in said.err
    assert "outline the lesions" in said.err


def test_preflight_takes_every_choice_that_train_takes(run: Run, project: Path, base: str) -> None:
    quick = ("preflight", project, "--base", base, "--quick")
    said = run(*quick, "--head", "grid", "--minutes", "3", "--preset", "rank-64")
    assert "lesions are smaller than one of 14 × 14 cells" in said.out
    assert "rank 64, head “grid”, 3 min" in said.out
    shared = run(*quick, "--processes", "2").out
    assert "2 processes that each hold the model" in shared
    assert "choose one of: grid" in run(*quick, "--head", "foo").err
    assert "leave the choice out" in run(*quick, "--image-tokens", "99").err


def test_resume_goes_on_with_the_same_run(
    run: Run, project: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, die=True)
    said = run("train", project, "--base", base)
    assert said.status == 2
    assert "start it again" in said.err.lower()
    play(monkeypatch)
    said = run("train", project, "--base", base, "--resume", "--json")
    assert said.status == 0
    assert "Going on with run" in said.err
    store = open_project(project)
    (only,) = store.runs()
    assert only.state is RunState.FINISHED
    store.close()
    assert run("train", project, "--base", base, "--resume").status == 2


def test_a_run_that_was_stopped_is_done_in_part_and_says_how_to_go_on(
    run: Run, project: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = RunSummary(RunState.STOPPED, {}, 3)
    monkeypatch.setattr(training_session, "train", lambda *_, **__: stopped)
    said = run("train", project, "--base", base)
    assert said.status == 1
    assert "stopped early" in said.out
    assert "train again with --resume" in said.err


def test_an_unknown_base_names_those_there_are(run: Run, project: Path) -> None:
    said = run("train", project, "--base", "gpt-9")
    assert said.status == 2
    assert "starter" in said.err


def test_a_merged_model_without_a_place_is_refused_before_anything_is_copied(
    run: Run, project: Path, base: str, tmp_path: Path
) -> None:
    """It was refused after the adapter had been copied, loaded and scored."""
    run("train", project, "--base", base)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    out = tmp_path / "mine"
    said = run("export-adapter", project, out, "--merged", taken)
    assert said.status == 2
    assert "already exists" in said.err
    said = run("export-adapter", project, out, "--merged", out)
    assert said.status == 2
    assert "a folder each" in said.err
    assert not out.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked")
def test_predicting_ends_whatever_two_bad_photos_do_to_the_model(
    run: Run, project: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("train", project, "--base", base)
    run("export-adapter", project, tmp_path / "mine")
    folder = photos(tmp_path / "new", "cursed.png", "good.png")
    (folder / "text.jpg").write_text("no photo")
    ghosts = tmp_path / "ghosts"
    monkeypatch.setattr(client, "LOOK", 0.2)  # how long each pipe of the dead is listened to
    # The model goes down with the photo, and a process of its own holds every pipe open.
    answers(monkeypatch, haunt=["cursed.png"], ghosts=str(ghosts))
    ended: list[Said] = []
    words = ["predict", tmp_path / "mine", *sorted(folder.iterdir()), "--out", tmp_path / "out"]
    job = threading.Thread(target=lambda: ended.append(run(*words, "--json")), daemon=True)
    job.start()
    try:
        job.join(timeout=180)
    finally:
        os.kill(int(ghosts.read_text()), signal.SIGKILL)
    assert ended, "it waits for ever"
    assert ended[0].status == 1
    found = ended[0].document
    assert [Path(p["image"]).name for p in found["predictions"]] == ["good.png"]
    assert [Path(r["image"]).name for r in found["refused"]] == ["cursed.png", "text.jpg"]
    assert all(r["reason"].endswith(".") for r in found["refused"])


def test_one_unreadable_photo_is_told_and_the_rest_predicted(
    run: Run, project: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("train", project, "--base", base)
    run("export-adapter", project, tmp_path / "mine")
    folder = photos(tmp_path / "new", "x.png")
    (folder / "y.jpg").write_text("no")
    said = run(
        "predict", tmp_path / "mine", folder / "x.png", folder / "y.jpg", folder / "none.jpg",
        "--out", tmp_path / "said", "--json",
    )  # fmt: skip
    assert said.status == 1
    assert len(said.document["predictions"]) == 1  # type: ignore[arg-type]
    reasons = [found["reason"] for found in said.document["refused"]]  # type: ignore[attr-defined]
    assert reasons[1] == "none.jpg: There is no such file or folder. Check its name."
    assert len(reasons) == 2
    answers(monkeypatch, failed="no")
    assert run("predict", tmp_path / "new", "a", "--out", tmp_path / "z").status == 2


def test_a_table_for_photos_that_are_there_is_taken_and_told(run: Run, tmp_path: Path) -> None:
    folder = photos(tmp_path / "new", "x.png", "y.png")
    table = tmp_path / "later.csv"
    table.write_text("image,disease\nx.png,rust\n")
    run("new", tmp_path / "p")
    run("import", tmp_path / "p", folder)
    said = run("import", tmp_path / "p", folder, "--labels", table)
    assert said.status == 0
    assert said.out.splitlines() == [
        "0 of 2 photos imported, 0 refused, 2 were there already.",
        "Labels of 1 known photo were added.",
    ]
    table.write_text("image,disease\ny.png,rsut\n")
    said = run("import", tmp_path / "p", folder, "--labels", table)
    assert said.status == 1
    assert "“rsut” in row 2 of later.csv is no disease of this project" in said.err


def test_a_table_alone_is_for_the_photos_of_the_project(run: Run, tmp_path: Path) -> None:
    folder = photos(tmp_path / "new", "x.png", "y.png")
    table = tmp_path / "later.csv"
    table.write_text("image,disease\nx.png,rust\n")
    run("new", tmp_path / "p")
    said = run("import", tmp_path / "p", "--labels", table)
    assert (said.status, "has no photos yet" in said.err) == (2, True)
    run("import", tmp_path / "p", folder)
    said = run("import", tmp_path / "p", "--labels", table)
    assert said.status == 0
    assert "Labels of 1 known photo were added." in said.out
    said = run("import", tmp_path / "p")
    assert (said.status, "--labels" in said.err) == (2, True)


def test_an_export_replaces_another_projects_only_when_told(
    run: Run, project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "labels.json"
    out.write_text("of another project")
    words = ("export", project, "--format", "coco", out)
    said = run(*words)
    assert said.status == 2
    assert len(said.err.strip().splitlines()) == 1
    assert "--replace" in said.err
    assert out.read_text() == "of another project"
    assert run(*words, "--replace").status == 0
    assert run(*words).status == 0


# -- examinations


def test_the_forecast_of_time_is_of_training_and_not_of_scoring_again_days_later() -> None:
    from core.services.preflight import beside_steps

    def told(name: str, *times: float) -> list[dict[str, object]]:
        return [{"event": name, "time": time} for time in times]

    first = [*told("hello", 0), *told("step", 10, 70), *told("finished", 85)]
    resumed = [*told("hello", 50_000), *told("step", 50_004, 50_034), *told("finished", 50_035)]
    again = [*told("hello", 90_000), *told("scored", 90_020), *told("finished", 90_021)]
    assert beside_steps(first) == 25
    assert beside_steps([*first, *resumed, *again]) == 30
    with pytest.raises(ValueError, match="no step"):
        beside_steps(again)


def test_preflight_says_what_is_known_and_what_is_not(
    run: Run, project: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.services import machine

    monkeypatch.setattr(machine, "probe_torch", lambda: {"gpu": {"name": ""}})
    said = run("preflight", project, "--base", base, "--json", "--quick")
    checks = {c["id"]: c for c in said.document["checks"]}  # type: ignore[attr-defined]
    assert said.status == 0, said.err
    for term in ("data", "photos", "settings", "base", "memory", "disk", "time"):
        assert term in checks
    for term in ("data.masks.rust", "data.held_out", "data.twins", "memory.weights"):
        assert term in checks
    assert checks["unchecked.steps"]["level"] == "not checked"
    assert "about 1 min to look" in checks["time"]["text"], "a handful of photos is no 0 min"
    assert (
        "8 to learn from" in checks["data"]["text"] or "9 to learn from" in checks["data"]["text"]
    )


def test_preflight_rehearses_with_the_model_and_shows_the_words_that_are_learnt(
    run: Run, project: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run("preflight", project, "--base", base)
    assert said.status == 0, said.err
    assert "is one token" in said.out
    assert "<bos>say ⟦<SEG> rust⟧" in said.out
    assert said.out.endswith("This training can start.\n")

    play(monkeypatch, wrong="the loss rose")
    said = run("preflight", project, "--base", base)
    assert said.status == 1
    assert "FAIL  By heart: the loss rose. Press something." in said.out


def test_preflight_tells_why_a_rehearsal_came_to_no_end(
    run: Run, project: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, fail="This training needs about 90 GB of memory. Choose a smaller one.")
    said = run("preflight", project, "--base", base)
    assert said.status == 1
    assert "FAIL  Rehearsal: This training needs about 90 GB" in said.out


def test_preflight_beside_another_training_keeps_what_it_found_by_then(
    run: Run, project: Path, base: str
) -> None:
    with MachineLock("the project “other”"):
        said = run("preflight", project, "--base", base, "--json")
    assert said.status == 1
    checks = {check["id"]: check for check in json.loads(said.out)["checks"]}
    assert "other" in checks["rehearsal"]["text"]
    assert checks["memory"]["level"] == "ok"


def test_preflight_of_a_control_asks_for_no_outlines(run: Run, tmp_path: Path, base: str) -> None:
    named = [Leaf(f"{k}.png", ("rust", "scab")[k % 2]) for k in range(8)]
    make_project(tmp_path / "named", named).close()
    words = ("preflight", tmp_path / "named" / "coffee", "--base", base, "--quick")
    assert "No lesion is outlined" in run(*words).out
    said = run(*words, "--control")
    assert said.status == 0, said.out
    assert "the disease alone and no masks" in said.out


def test_a_base_model_that_cannot_say_a_mask_is_refused_before_anything_is_done(
    run: Run, project: Path, base: str
) -> None:
    (Path(base.partition("=")[2]) / "chat_template.jinja").unlink()
    for verb in ("preflight", "train"):
        said = run(verb, project, "--base", base)
        assert said.status == 2
        assert "lacks its processor" in said.err


def test_preflight_of_a_poor_project_fails_with_every_reason(
    run: Run, tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.services import machine

    monkeypatch.setattr(machine, "probe_torch", lambda: {})
    make_project(tmp_path / "poor", [Leaf("a.png", "rust")]).close()
    said = run("preflight", tmp_path / "poor" / "coffee", "--base", base)
    assert said.status == 1
    assert said.out.count("FAIL") == 2


def test_the_demo_opens_the_window_where_there_is_a_display(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    made = tmp_path / "samples.leafspot"
    monkeypatch.setattr("core.services.sample.sample_project", lambda *_a, **_k: made)
    monkeypatch.setattr(demo_command, "has_display", lambda: True)
    monkeypatch.setattr(cli, "_open_window", lambda folder: opened.append(folder) or 0)
    assert run("demo", "--folder", tmp_path).status == 0
    assert opened == [made]
    # Minutes are of the training, which the window asks about itself: so they mean the terminal.
    assert run("demo", "--folder", tmp_path, "--minutes", "1").status != 0, "no project is there"
    assert opened == [made]


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, False),
    ],
)
def test_a_display_is_only_one_that_somebody_sees(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], seen: bool
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert demo_command.has_display() is seen
