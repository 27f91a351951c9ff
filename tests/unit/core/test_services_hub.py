"""Base models by name: what the hub's cache holds is found, what is fetched is what was listed."""

from __future__ import annotations

import hashlib
import json
import threading
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import DownloadFailed, ModelMissing
from core.services import bases, hub
from core.services.downloads import fetch
from tests.doubles.workers import fake_words

SPEC = bases.specs()["gemma-4"]
REVISION = "a" * 40
WEIGHTS = b"weights" * 100


def model(folder: Path, kind: str = "gemma4") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": kind}), "utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    fake_words(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setattr(hub, "weights_home", lambda: tmp_path / "weights")
    return tmp_path / "home" / "hub"


def cached(cache: Path, repository: str, kind: str = "gemma4") -> Path:
    folder = cache / f"models--{repository.replace('/', '--')}"
    found = model(folder / "snapshots" / REVISION, kind)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(REVISION, "utf-8")
    return found


def test_models_of_the_family_in_the_hubs_cache_can_be_named(cache: Path) -> None:
    folder = cached(cache, "google/gemma-4-E4B-it")
    cached(cache, "google/gemma-3-4b-it", "gemma3")
    assert [one.repository for one in hub.here(SPEC)] == ["google/gemma-4-E4B-it"]
    assert bases.choose("gemma-4=google/gemma-4-E4B-it").folder == folder


def test_a_name_that_is_not_here_says_where_to_fetch_it(cache: Path) -> None:
    with pytest.raises(ModelMissing, match="fetch it in the Train workspace"):
        bases.choose("gemma-4=google/gemma-4-E4B-it")


def test_a_revision_that_leads_out_of_the_cache_is_not_followed(cache: Path) -> None:
    cached(cache, "google/gemma-4-E4B-it")
    folder = cache / "models--google--gemma-4-E4B-it"
    (folder / "refs" / "main").write_text("../../../elsewhere", "utf-8")
    assert hub.here(SPEC) == []


class _Hub(BaseHTTPRequestHandler):
    answer: dict[str, object]
    closed: bool
    asked: list[tuple[str, str]]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization", "")))
        if self.path.startswith("/api/"):
            body = json.dumps(self.answer).encode()
        elif self.closed and not self.headers.get("Authorization"):
            self.send_error(401)
            return
        else:
            body = b"{}" if self.path.endswith(".json") else WEIGHTS
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Hub]]:
    class Here(_Hub):
        closed = False
        asked: list[tuple[str, str]] = []  # noqa: RUF012 - one server, one list
        answer = {  # noqa: RUF012
            "sha": REVISION,
            "tags": ["license:apache-2.0"],
            "siblings": [
                {
                    "rfilename": "model.safetensors",
                    "size": len(WEIGHTS),
                    "lfs": {"sha256": hashlib.sha256(WEIGHTS).hexdigest()},
                },
                {"rfilename": "config.json", "size": 2},
                {"rfilename": "modeling_evil.py", "size": 9},
                {"rfilename": "pytorch_model.bin", "size": 9},
                {"rfilename": "../../config.json", "size": 2},
            ],
        }

    here = ThreadingHTTPServer(("127.0.0.1", 0), Here)
    threading.Thread(target=here.serve_forever, daemon=True).start()
    monkeypatch.setattr(hub, "HUB", f"http://127.0.0.1:{here.server_port}")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield Here
    here.shutdown()
    here.server_close()


OFFER = hub.Offer("google/gemma-4-E4B-it", "gemma-4", 16.0)
GATED = hub.Offer("google/gemma-3-4b-it", "gemma-3", 8.6, gated=True)


def test_only_plain_files_of_harmless_kinds_are_listed(server: type[_Hub]) -> None:
    listed = hub.listing(OFFER)
    assert [file.name for file in listed.files] == ["config.json", "model.safetensors"]
    assert listed.files[1].sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert all(f"/resolve/{REVISION}/" in file.url for file in listed.files)
    assert listed.licence == "apache-2.0"


@pytest.mark.parametrize(
    "answer", [{}, [], {"sha": "main", "siblings": []}, {"sha": REVISION, "siblings": [3]}]
)
def test_an_answer_that_lists_no_model_is_refused(server: type[_Hub], answer: object) -> None:
    server.answer = answer  # type: ignore[assignment]
    with pytest.raises(DownloadFailed, match="not understood"):
        hub.listing(OFFER)


def test_a_gated_model_says_what_to_do_and_comes_after_a_login(
    server: type[_Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.closed = True
    weights = hub.listing(GATED).files[1]
    with pytest.raises(DownloadFailed, match=r"agree to their terms on .*gemma-3-4b-it"):
        fetch(weights, tmp_path / "model.safetensors")
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    got = fetch(weights, tmp_path / "model.safetensors")
    assert got is not None
    assert got.verified
    assert server.asked[-1][1] == "Bearer hf_mine"


def test_an_open_model_is_fetched_without_saying_who_one_is(
    server: type[_Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    listed = hub.listing(OFFER)
    for file in listed.files:
        fetch(file, listed.folder(tmp_path) / file.name)
    assert {said for _, said in server.asked} == {""}
    assert sorted(p.name for p in listed.folder(tmp_path).iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_of_a_huge_config_only_the_beginning_is_read(tmp_path: Path) -> None:
    folder = model(tmp_path / "odd")
    with (folder / "config.json").open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    try:
        assert "damaged" in bases.fault(SPEC.id, folder)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
