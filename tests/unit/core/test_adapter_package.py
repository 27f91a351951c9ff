"""An adapter is exactly what its manifest says, or it is not opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core import adapter_package
from core.adapter_package import MANIFEST, Base
from core.errors import AdapterRefused


def make(folder: Path, **files: bytes) -> Path:
    """A package of a few files, with a good manifest."""
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "adapter_config.json").write_text("{}")
    (folder / "processor").mkdir()
    (folder / "processor" / "tokenizer.json").write_text("{}")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    adapter_package.write(
        folder,
        leafspot="0.1.0",
        base=Base("starter", {"model.safetensors": "ab" * 32}),
        classes=("rust", "healthy"),
        healthy="healthy",
        prompts={"diagnose": "Outline the lesions, then name the disease."},
    )
    return folder


def edit(folder: Path, **changes: object) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    manifest = adapter_package.verify(make(tmp_path / "a"))
    assert manifest.classes == ("rust", "healthy")
    assert manifest.healthy == "healthy"
    assert manifest.base.id == "starter"
    assert set(manifest.files) == {
        "adapter_model.safetensors",
        "adapter_config.json",
        "processor/tokenizer.json",
    }
    assert manifest.files["adapter_model.safetensors"].bytes == 7


def test_a_package_can_be_moved(tmp_path: Path) -> None:
    make(tmp_path / "a").rename(tmp_path / "b")
    adapter_package.verify(tmp_path / "b")


def test_a_folder_that_is_none_says_what_to_choose(tmp_path: Path) -> None:
    with pytest.raises(AdapterRefused, match="Choose the folder that Export made"):
        adapter_package.verify(tmp_path)
    with pytest.raises(AdapterRefused, match="is no adapter"):
        adapter_package.verify(tmp_path / "nowhere")


def test_another_format_is_refused_with_the_remedy(tmp_path: Path) -> None:
    folder = make(tmp_path / "a")
    edit(folder, format=2)
    with pytest.raises(AdapterRefused, match=r"format 2 .* install"):
        adapter_package.verify(folder)


def test_another_copy_of_the_base_is_refused(tmp_path: Path) -> None:
    manifest = adapter_package.verify(make(tmp_path / "a"))
    base = tmp_path / "base"
    base.mkdir()
    (base / "model.safetensors").write_bytes(b"other")
    with pytest.raises(AdapterRefused, match="another copy of “starter”"):
        adapter_package.verify_base(manifest, base)
    with pytest.raises(AdapterRefused, match="no base model"):
        adapter_package.verify_base(manifest, tmp_path / "none")


def test_the_right_base_passes(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "model.safetensors").write_bytes(b"the base")
    folder = tmp_path / "a"
    folder.mkdir()
    manifest = adapter_package.write(
        folder,
        leafspot="0.1.0",
        base=Base("starter", adapter_package.base_digests(base)),
        classes=("a", "b"),
        healthy="",
        prompts={},
    )
    adapter_package.verify_base(manifest, base)


def test_nothing_that_could_run_is_packed(tmp_path: Path) -> None:
    with pytest.raises(AdapterRefused, match="can run code"):
        make(tmp_path / "a", **{"modeling.py": b"import os"})
