"""Doctor and preflight name what is wrong, with the remedy, and do not cry wolf."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ModelMissing
from core.services import doctor, machine, preflight
from core.services.checks import Check, Level, passed
from tests.doubles.workers import fake_base

SEEN = {
    "torch": {"version": "2.15"},
    "torchvision": {"version": "0.29"},
    "gpu": {"name": "", "built_for": ""},
    "bitsandbytes": {"version": "0.50"},
}


def by_id(checks: list[Check]) -> dict[str, Check]:
    return {c.id: c for c in checks}


def test_every_failure_has_a_remedy() -> None:
    broken: dict[str, dict[str, object]] = {"torch": {"error": "no module"}}
    for check in doctor.judge_torch(broken, nvidia=True):
        if check.level is not Level.OK:
            assert check.remedy.endswith(".")


def test_a_torchvision_of_another_build_is_found() -> None:
    said = SEEN | {"torchvision": {"error": "operator torchvision::nms does not exist"}}
    found = by_id(list(doctor.judge_torch(said, nvidia=False)))
    assert found["torchvision"].level is Level.FAIL
    assert "from the same source" in found["torchvision"].remedy
    assert found["torch"].level is Level.OK


def test_no_4bit_is_a_warning_because_lora_works_without() -> None:
    said = SEEN | {"bitsandbytes": {"error": "libbitsandbytes_cpu.so"}}
    found = list(doctor.judge_torch(said, nvidia=False))
    assert passed(found)
    assert by_id(found)["nf4"].level is Level.WARN


def test_a_card_that_torch_does_not_see_is_told_only_where_there_is_one() -> None:
    assert by_id(list(doctor.judge_torch(SEEN, nvidia=True)))["gpu"].level is Level.WARN
    assert by_id(list(doctor.judge_torch(SEEN, nvidia=False)))["gpu"].level is Level.OK
    card = SEEN | {"gpu": {"name": "RTX", "free": 8e9, "total": 12e9}}
    assert "8.0 GB of 12 GB" in by_id(list(doctor.judge_torch(card, nvidia=True)))["gpu"].text


@pytest.mark.parametrize(
    ("pyside", "python", "level"),
    [
        ("6.12.0", (3, 11), Level.FAIL),
        ("6.12.0", (3, 12), Level.OK),
        ("6.11.3", (3, 11), Level.OK),
        ("6.12.1", (3, 11), Level.OK),
    ],
)
def test_the_pyside_trap(pyside: str, python: tuple[int, int], level: Level) -> None:
    assert doctor.qt_trap(pyside, python).level is level


def test_missing_libraries_are_named_and_ldd_is_not_needed() -> None:
    found = doctor.linked("qt.xcb", "Qt's window", ["libxcb-cursor.so.0"], Level.WARN)
    assert found.level is Level.WARN
    assert "libxcb-cursor.so.0" in found.text
    assert doctor.linked("x", "x", None, Level.FAIL).level is Level.UNKNOWN


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ldd")
def test_ldd_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    output = "\tlibc.so.6 => /lib/libc.so.6 (0x1)\n\tlibxcb-icccm.so.4 => not found\n"
    done = subprocess.CompletedProcess(["ldd"], 0, output, "")
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: done)
    assert doctor.missing_libraries(Path("x.so")) == ["libxcb-icccm.so.4"]


def test_a_folder_that_may_not_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor.writable("x", "X", tmp_path / "not" / "yet").level is Level.OK

    def refuse(**_options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = doctor.writable("x", "X", tmp_path)
    assert found.level is Level.FAIL
    assert "Read-only" in found.text


def test_a_shipped_model_is_compared_with_its_sums(tmp_path: Path) -> None:
    folder = fake_base(tmp_path / "m")
    weights = folder / "m.safetensors"
    alone = doctor.shipped_model("m", "M", folder)
    assert alone.level is Level.OK
    assert "whether it came undamaged is not known" in alone.text
    assert doctor.SUMS not in alone.text
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    config = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    (folder / doctor.SUMS).write_text(f"{digest}  m.safetensors\n{config} *./config.json\n")
    compared = doctor.shipped_model("m", "M", folder)
    assert (compared.level, compared.text) == (Level.OK, "is here, every file as it was shipped")
    weights.write_bytes(weights.read_bytes() + b"!")
    damaged = doctor.shipped_model("m", "M", folder)
    assert damaged.level is Level.FAIL
    assert "not as it was shipped" in damaged.text
    assert doctor.shipped_model("m", "M", tmp_path / "none").level is Level.FAIL


def test_files_in_folders_of_a_shipped_model_are_compared_too(tmp_path: Path) -> None:
    folder = fake_base(tmp_path / "m")
    head = folder / "mask_head" / "pixel.safetensors"
    head.parent.mkdir()
    head.write_bytes(b"a head")
    sums = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}"
        for p in (folder / "m.safetensors", head)
    ]
    (folder / doctor.SUMS).write_text("\n".join(sums))
    assert doctor.shipped_model("m", "M", folder).level is Level.OK
    head.write_bytes(b"another")
    damaged = doctor.shipped_model("m", "M", folder)
    assert (damaged.level, "mask_head/pixel.safetensors" in damaged.text) == (Level.FAIL, True)
    (folder / doctor.SUMS).write_text(f"{sums[0]}\n{'0' * 64}  ../secret\n")
    assert doctor.shipped_model("m", "M", folder).text == "lacks secret"


def test_every_model_that_ships_is_as_it_was_shipped() -> None:
    shipped = [check for check in doctor._models() if check.level is not Level.UNKNOWN]
    assert shipped
    assert [check.text for check in shipped if check.level is not Level.OK] == []


@pytest.mark.parametrize("listed", ["", "no list of anything", "0" * 64 + "  vocabulary.txt"])
def test_weights_that_the_sums_do_not_vouch_for_are_not_called_sound(
    tmp_path: Path, listed: str
) -> None:
    folder = fake_base(tmp_path / "m")
    (folder / doctor.SUMS).write_text(listed)
    assert doctor.shipped_model("m", "M", folder).level is Level.FAIL


def test_everything_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "probe_torch", lambda: SEEN)
    told: list[Check] = []
    found = doctor.examine(told.append)
    assert told == found
    ids = by_id(found)
    for wanted in ("python", "package.torch", "torch", "memory", "cores", "disk", "model.starter"):
        assert wanted in ids
    assert any(i.startswith("folder.") for i in ids)


def test_the_machine_has_memory_and_cores() -> None:
    memory = machine.memory()
    assert 0 < memory.available <= memory.total
    assert machine.cores() >= 1


def test_a_probe_that_dies_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PROBE", "import os; os._exit(7)")
    found = machine.probe_torch()
    assert "status 7" in found["torch"]["error"]
    assert "status 7" in found["gpu"]["error"]


# -- preflight


def test_parameters_are_counted_from_the_header(tmp_path: Path) -> None:
    assert preflight.parameters(fake_base(tmp_path / "m")) == 16 * 8 + 8 * 8


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 16, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{"]
)
def test_a_file_that_is_no_model_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(data)
    with pytest.raises(ModelMissing):
        preflight.parameters(tmp_path)
