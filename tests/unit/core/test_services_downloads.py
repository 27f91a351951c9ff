"""A download is whole and the published file, or it is not there; nothing of the user's is lost.

Against a server on this machine that cuts, lies, stalls, ignores and sends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import DownloadFailed
from core.services.downloads import fetch
from core.services.published import PUBLISHED, PublishedFile

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    """What the server does. ``cut_at`` is one byte count per connection, None for all of it."""

    content: bytes = CONTENT
    cut_at: list[int | None] = field(default_factory=list)
    length: int | None = None
    tag: str = '"one"'
    ranges: bool = True
    wrong_range: bool = False
    stall: bool = False
    to: str = ""
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour
    over: threading.Event

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        how = self.behaviour
        how.asked.append(dict(self.headers))
        if how.status != 200:
            self.send_error(how.status)
            return
        if how.to and not self.path.endswith("there"):
            self.send_response(302)
            self.send_header("Location", how.to)
            self.end_headers()
            return
        self._send(how)

    def _send(self, how: Behaviour) -> None:
        start = 0
        asked = self.headers.get("Range", "")
        fits = self.headers.get("If-Range") == how.tag
        if asked and how.ranges and fits:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(how.content):
                self.send_error(416)
                return
            self.send_response(206)
            said = 0 if how.wrong_range else start
            last = len(how.content) - 1
            self.send_header("Content-Range", f"bytes {said}-{last}/{len(how.content)}")
        else:
            self.send_response(200)
        length = len(how.content) - start if how.length is None else how.length
        self.send_header("Content-Length", str(length))
        if how.tag:
            self.send_header("ETag", how.tag)
        self.end_headers()
        cut = how.cut_at.pop(0) if how.cut_at else None
        with contextlib.suppress(ConnectionError):  # the other side had enough
            self.wfile.write(how.content[start : None if cut is None else start + cut])
            self.wfile.flush()
        if how.stall:
            self.over.wait(20)
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[tuple[str, Behaviour]]:
    behaviour, over = Behaviour(), threading.Event()
    handler = type("Handler", (_Handler,), {"behaviour": behaviour, "over": over})
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}/weights.pt", behaviour
    over.set()
    made.shutdown()
    made.server_close()
    thread.join()


def published(url: str, *, size: int | None = len(CONTENT), sha256: str | None = DIGEST):
    return PublishedFile(url, size, sha256)


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_arrives_whole_and_verified(server, tmp_path):
    url, _ = server
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "new" / "weights.pt"
    got = fetch(published(url), target, progress=lambda *p: seen.append(p))
    assert got is not None
    assert (got.path, got.sha256, got.verified) == (target, DIGEST, True)
    assert target.read_bytes() == CONTENT
    assert left(target.parent) == ["weights.pt"]
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_without_a_published_digest_that_of_what_arrived_is_told_and_not_called_verified(
    server, tmp_path
):
    url, _ = server
    got = fetch(published(url, size=None, sha256=None), tmp_path / "weights.pt")
    assert got is not None
    assert (got.sha256, got.verified) == (DIGEST, False)


def test_a_cut_connection_goes_on_where_it_was(server, tmp_path):
    url, how = server
    how.cut_at = [300_000, 400_000]
    fetch(published(url), tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").read_bytes() == CONTENT
    assert [a.get("Range") for a in how.asked] == [None, "bytes=300000-", "bytes=700000-"]
    assert how.asked[1]["If-Range"] == '"one"'


def test_what_was_kept_of_an_earlier_day_is_gone_on_with(server, tmp_path):
    url, how = server
    how.cut_at = [300_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed, match="go on from there"):
        fetch(published(url), tmp_path / "weights.pt")
    assert left(tmp_path) == ["weights.pt.part", "weights.pt.part.json"]
    fetch(published(url), tmp_path / "weights.pt")
    assert how.asked[-1]["Range"] == "bytes=300000-"
    assert left(tmp_path) == ["weights.pt"]


def test_when_the_server_has_another_file_now_it_begins_anew(server, tmp_path):
    url, how = server
    how.content, how.cut_at = b"x" * len(CONTENT), [300_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed):
        fetch(published(url), tmp_path / "weights.pt")
    how.content, how.tag = CONTENT, '"two"'
    fetch(published(url), tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(server, tmp_path):
    url, how = server
    how.ranges, how.cut_at = False, [300_000]
    fetch(published(url), tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_strong_name_for_the_file_nothing_is_pieced_together(server, tmp_path, tag):
    url, how = server
    how.tag, how.cut_at = tag, [300_000]
    fetch(published(url), tmp_path / "weights.pt")
    assert all("Range" not in asked for asked in how.asked)
    assert (tmp_path / "weights.pt").read_bytes() == CONTENT


def test_another_range_than_was_asked_for_is_not_taken(server, tmp_path):
    url, how = server
    how.wrong_range, how.cut_at = True, [300_000]
    with pytest.raises(DownloadFailed):
        fetch(published(url), tmp_path / "weights.pt")
    assert not (tmp_path / "weights.pt").exists()


def test_wrong_bytes_are_thrown_away(server, tmp_path):
    url, how = server
    how.content = b"x" * len(CONTENT)
    with pytest.raises(DownloadFailed, match="not the published"):
        fetch(published(url), tmp_path / "weights.pt")
    assert left(tmp_path) == []


def test_a_file_of_another_length_is_not_even_begun(server, tmp_path):
    url, how = server
    how.content = CONTENT + b"more"
    with pytest.raises(DownloadFailed, match="nothing was fetched"):
        fetch(published(url), tmp_path / "weights.pt")
    assert left(tmp_path) == []


def test_a_length_that_is_too_large_counts_as_a_cut(server, tmp_path):
    url, how = server
    how.length = len(CONTENT) + 1
    with pytest.raises(DownloadFailed, match="cut"):
        fetch(published(url, size=None), tmp_path / "weights.pt")
    assert not (tmp_path / "weights.pt").exists()


def test_silence_is_given_up_and_what_came_is_kept(server, tmp_path):
    url, how = server
    how.stall, how.cut_at = True, [300_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed, match="300 kB"):
        fetch(published(url), tmp_path / "weights.pt", stall=0.2)
    assert (tmp_path / "weights.pt.part").read_bytes() == CONTENT[:300_000]


def test_nobody_there_is_a_sentence(tmp_path):
    with pytest.raises(DownloadFailed, match="not reached"):
        fetch(published("http://127.0.0.1:9/weights.pt"), tmp_path / "weights.pt", stall=0.5)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_server_that_says_no_is_quoted(server, tmp_path, status):
    url, how = server
    how.status = status
    with pytest.raises(DownloadFailed, match=str(status)):
        fetch(published(url), tmp_path / "weights.pt")


def test_a_redirect_on_this_machine_is_followed_with_the_range(server, tmp_path):
    url, how = server
    how.to, how.cut_at = url.replace("weights.pt", "there"), [300_000]
    fetch(published(url), tmp_path / "weights.pt")
    assert how.asked[-1]["Range"] == "bytes=300000-"


@pytest.mark.parametrize(
    "to",
    [
        "http://example.org/there",
        "ftp://example.org/there",
        "file:///etc/there",
        "http://localhost/",
    ],
)
def test_a_redirect_away_from_https_is_not_followed(server, tmp_path, to):
    url, how = server
    how.to = to
    with pytest.raises(DownloadFailed, match=r"without https|302"):
        fetch(published(url), tmp_path / "weights.pt")


def test_a_redirect_in_a_circle_ends(server, tmp_path):
    url, how = server
    how.to = url
    with pytest.raises(DownloadFailed):
        fetch(published(url), tmp_path / "weights.pt")


@pytest.mark.parametrize(
    "url", ["http://example.org/a.pt", "file:///etc/passwd", "ftp://example.org/a.pt"]
)
def test_only_https_is_asked_at_all(url, tmp_path):
    with pytest.raises(DownloadFailed, match="https"):
        fetch(published(url), tmp_path / "weights.pt")


def test_a_cancelled_download_keeps_its_part(server, tmp_path):
    url, _ = server
    have = [0]
    got = fetch(
        published(url),
        tmp_path / "weights.pt",
        progress=lambda now, _of: have.append(now),
        cancelled=lambda: have[-1] > 100_000,
    )
    assert got is None
    assert left(tmp_path) == ["weights.pt.part", "weights.pt.part.json"]


def test_what_comes_after_it_was_stopped_is_left_to_the_next(server, tmp_path):
    """The next may have begun: it goes on with the part, and nobody else may write into it."""
    url, _ = server
    stop = threading.Event()
    target = tmp_path / "weights.pt"
    got = fetch(published(url), target, progress=lambda *_: stop.set(), cancelled=stop.is_set)
    assert got is None
    assert (tmp_path / "weights.pt.part").read_bytes() == b""
    again = fetch(published(url), target)
    assert again is not None
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_there_is_never_written_over(server, tmp_path):
    url, how = server
    target = tmp_path / "weights.pt"
    target.write_bytes(b"mine")
    with pytest.raises(DownloadFailed, match="left as it is"):
        fetch(published(url), target)
    assert target.read_bytes() == b"mine"
    assert how.asked == []


def test_one_that_appears_meanwhile_is_left_too(server, tmp_path):
    url, _ = server
    target = tmp_path / "weights.pt"
    with pytest.raises(DownloadFailed, match="appeared meanwhile"):
        fetch(published(url), target, progress=lambda *_: target.write_bytes(b"mine"))
    assert target.read_bytes() == b"mine"


def test_the_published_file_that_is_there_already_is_not_fetched_again(server, tmp_path):
    url, how = server
    (tmp_path / "weights.pt").write_bytes(CONTENT)
    got = fetch(published(url), tmp_path / "weights.pt")
    assert got is not None
    assert got.verified
    assert how.asked == []


def test_a_part_of_somebody_else_is_left(server, tmp_path):
    url, _ = server
    (tmp_path / "weights.pt.part").write_bytes(b"mine")
    with pytest.raises(DownloadFailed, match="in the way"):
        fetch(published(url), tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt.part").read_bytes() == b"mine"


def test_what_is_published_is_for_an_engine_of_ours_and_comes_over_https(tmp_path):
    from core.engines.base import EngineSpec
    from core.registry import discover

    engines = discover("core.engines", EngineSpec)
    assert len({p.id for p in PUBLISHED}) == len(PUBLISHED)
    for entry in PUBLISHED:
        assert engines[entry.engine].needs_checkpoint
        assert entry.folder(tmp_path).parent == tmp_path
        for file in entry.files:
            assert file.url.startswith("https://")
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
