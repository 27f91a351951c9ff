"""An adapter from a stranger: each fault is refused with a sentence, and nothing of it is run."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core import adapter_package
from core.adapter_package import MANIFEST, Base
from core.errors import AdapterRefused

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(b"weights" * 10)
    (folder / "adapter_config.json").write_text("{}")
    adapter_package.write(
        folder,
        leafspot="0.1.0",
        base=Base("starter", {"model.safetensors": "00" * 32}),
        classes=("rust", "healthy"),
        healthy="healthy",
        prompts={},
    )
    adapter_package.verify(folder)
    return folder


def manifest(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / MANIFEST).read_text())
    return found


def put(folder: Path, **changes: object) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest(folder) | changes))


def listed(folder: Path, name: str, **entry: object) -> None:
    """List one more file in the manifest."""
    files = dict(manifest(folder)["files"])  # type: ignore[call-overload]
    files[name] = {"sha256": "00" * 32, "bytes": 1} | entry
    put(folder, files=files)


class Canary:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (os.mkdir, (str(self.path),))


def refused(folder: Path) -> str:
    with pytest.raises(AdapterRefused) as error:
        adapter_package.verify(folder)
    sentence = str(error.value)
    assert sentence.endswith(".")
    assert "Traceback" not in sentence
    return sentence


def test_a_missing_file_is_named(adapter: Path) -> None:
    (adapter / WEIGHTS).unlink()
    assert WEIGHTS in refused(adapter)


def test_an_extra_file_is_named(adapter: Path) -> None:
    (adapter / "notes.txt").write_text("hello")
    assert "notes.txt" in refused(adapter)


def test_one_changed_byte_is_found(adapter: Path) -> None:
    data = bytearray((adapter / WEIGHTS).read_bytes())
    data[20] ^= 1
    (adapter / WEIGHTS).write_bytes(bytes(data))
    assert "has changed" in refused(adapter)


def test_a_cut_file_is_found_by_its_size(adapter: Path) -> None:
    (adapter / WEIGHTS).write_bytes(b"weights")
    assert "7 bytes" in refused(adapter)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.json",
        "/etc/passwd.txt",
        "a/../../b.json",
        "..\\up.json",
        "C:\\x.json",
        "a:stream.json",
        "\\\\server\\share.json",
        "con.json",
        "a/NUL.txt",
        "a\0b.json",
        "trailing./x.json",
        ".hidden.json",
        "a//b.json",
        "./a.json",
        "x" * 300 + ".json",
        "",
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(adapter: Path, name: str) -> None:
    listed(adapter, name)
    assert "no name of a file inside it" in refused(adapter)


@pytest.mark.parametrize(
    "name", ["model.bin", "model.pt", "model.pth", "x.pkl", "code.py", "x.so", "run.sh", "plain"]
)
def test_kinds_that_can_run_are_refused_even_when_listed(adapter: Path, name: str) -> None:
    (adapter / name).write_bytes(b"1")
    listed(adapter, name)
    assert "can run code" in refused(adapter)


def test_a_pickle_is_never_unpickled(adapter: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = pickle.dumps(Canary(canary))
    (adapter / "pytorch_model.bin").write_bytes(data)
    listed(adapter, "pytorch_model.bin", bytes=len(data))
    refused(adapter)
    assert not canary.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_not_followed(adapter: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (adapter / "adapter_config.json").unlink()
    (adapter / "adapter_config.json").symlink_to(secret)
    assert "link" in refused(adapter)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_linked_folder_and_a_linked_manifest_are_refused(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (adapter / "more").symlink_to(tmp_path / "other")
    assert "link" in refused(adapter)
    (adapter / "more").unlink()
    (adapter / MANIFEST).rename(tmp_path / "m.json")
    (adapter / MANIFEST).symlink_to(tmp_path / "m.json")
    assert "not a file that Leafspot wrote" in refused(adapter)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
def test_a_pipe_does_not_hang_anything(adapter: Path) -> None:
    os.mkfifo(adapter / "pipe.json")
    listed(adapter, "pipe.json")
    assert "device" in refused(adapter)


def test_sizes_beyond_reason_are_refused_before_reading(adapter: Path) -> None:
    listed(adapter, "adapter_config.json", bytes=1 << 40)
    assert "larger than any" in refused(adapter)


def test_a_huge_manifest_is_not_read(adapter: Path) -> None:
    with (adapter / MANIFEST).open("ab") as file:
        file.truncate(adapter_package.MAX_MANIFEST + 1)
    refused(adapter)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "null",
        '{"format": "1"}',
        '{"format": 1}',
        "[" * 100_000,
        '{"format": 1, "leafspot": 1, "created": "", "base": {}, "classes": [], "files": {}}',
        '{"format": 1e999}',
    ],
)
def test_a_manifest_of_another_kind_is_refused(adapter: Path, text: str) -> None:
    (adapter / MANIFEST).write_text(text)
    refused(adapter)


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": "rust"},
        {"classes": [1]},
        {"files": []},
        {"files": {"a.json": 1}},
        {"files": {"a.json": {"sha256": "xyz", "bytes": 1}}},
        {"files": {"a.json": {"sha256": "00" * 32, "bytes": -1}}},
        {"files": {"a.json": {"sha256": "00" * 32, "bytes": True}}},
        {"base": None},
        {"base": {"id": "starter", "sha256": []}},
        {"prompts": []},
        {"healthy": "x" * 5000},
        {"healthy": "\u202eyhtlaeh"},
        {"classes": ["ru\x1bst", "healthy"]},
        {"classes": ["ru\ud800st", "healthy"]},
        {"classes": ["ru\nst", "healthy"]},
        {"classes": ["r" * 300, "healthy"]},
        {"classes": [str(n) for n in range(5000)]},
        {"base": {"id": "star\x07ter", "sha256": {}}},
    ],
)
def test_fields_of_another_kind_are_refused(adapter: Path, changes: dict[str, object]) -> None:
    put(adapter, **changes)
    refused(adapter)


def test_names_that_differ_in_case_only_are_refused(adapter: Path) -> None:
    listed(adapter, "Adapter_Config.json")
    assert "differ only in case" in refused(adapter)


def test_a_folder_full_of_files_is_refused(adapter: Path) -> None:
    for number in range(adapter_package.MAX_FILES + 1):
        (adapter / f"f{number}.json").write_text("{}")
    assert "more than" in refused(adapter)


@pytest.mark.parametrize("found", [{"head": (2, 3)}, {"weight": (2, 4)}])
def test_weights_for_another_model_are_refused_with_what_to_do(
    found: dict[str, tuple[int, int]],
) -> None:
    import torch

    from core.training.learner import check_like

    tensors = {name: torch.zeros(size) for name, size in found.items()}
    with pytest.raises(AdapterRefused, match="does not fit this base model; export it again"):
        check_like(tensors, {"weight": torch.zeros(2, 3)}, "adapter")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e30])
@pytest.mark.parametrize("kind", ["float32", "float16", "float8_e5m2", "float64"])
def test_numbers_that_no_training_leaves_are_refused(number: float, kind: str) -> None:
    """They would make every answer of the model none, photo by photo."""
    import torch

    from core.training.learner import check_like

    bad = torch.full((2, 3), number, dtype=torch.float32).to(getattr(torch, kind))
    with pytest.raises(AdapterRefused, match="no training leaves: weight"):
        check_like({"weight": bad}, {"weight": torch.zeros(2, 3)}, "adapter")
    fine = torch.full((2, 3), -40.0).to(getattr(torch, kind))
    check_like({"weight": fine}, {"weight": torch.zeros(2, 3)}, "adapter")
