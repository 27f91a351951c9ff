"""Fetches one file over HTTPS, when a person has asked for it, and only whole.

What arrives lies in NAME.part beside its place, with a NAME.part.json that says where it is from;
after a cut it goes on from there, if the server still has the same file. Length and digest are
checked, then the part gets its name. No file is ever deleted or written over that this module did
not begin itself. Knows HTTP through the standard library; knows no engine and no window.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from core.errors import DiskFull, DownloadFailed
from core.files import flush, flush_folder, size_text, told
from core.language import tr
from core.services.published import PublishedFile, hub_token

CHUNK = 1 << 18
STALL = 30.0
"""Seconds of silence after which the connection counts as cut."""
TRIES = 4
"""Connections in a row that bring nothing new before the person is told."""
MAX_BYTES = 20_000_000_000
LOOPBACK = "127.0.0.1"
AGAIN = tr("What has arrived is kept: press Download again to go on from there.")


@dataclass(frozen=True, slots=True)
class Fetched:
    """``sha256`` is of the bytes on disk; ``verified`` when it was known beforehand and agrees."""

    path: Path
    sha256: str
    verified: bool


Progress = Callable[[int, int | None], None]
"""Called with (bytes that are there, bytes in all or None)."""


def fetch(
    file: PublishedFile,
    target: Path,
    *,
    progress: Progress = lambda _have, _of: None,
    cancelled: Callable[[], bool] = lambda: False,
    stall: float = STALL,
) -> Fetched | None:
    """Fetch ``file`` to ``target``; None when ``cancelled`` says so, with the part kept.

    Raises DownloadFailed, DiskFull or ExportRefused with a sentence. A ``target`` that is there
    already is left as it is, and is an error unless it has the published digest.
    """
    check_address(file.url)
    if target.exists():
        return _already_there(file, target)
    with told(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target, file.url)
    idle, most = 0, part.size
    while not cancelled():
        try:
            if _bring(file, part, progress, cancelled, stall):
                return _finish(file, part, target)
            reason: OSError | http.client.HTTPException = ConnectionError(
                tr("the file has changed")
            )
        except urllib.error.HTTPError as error:
            raise _refused(file, error) from error
        except (
            http.client.HTTPException,
            ConnectionError,
            TimeoutError,
            urllib.error.URLError,
        ) as error:
            reason = error
        # What was had before and lost is nothing new: a server that lies must not keep us for ever.
        idle = 0 if part.size > most else idle + 1
        most = max(most, part.size)
        if idle >= TRIES:
            kept = f" {AGAIN}" if part.size else tr(" Look at the connection and try again.")
            raise DownloadFailed(
                tr(
                    "{host} was not reached, or the connection was cut after {size_text}.{kept}",
                    host=file.host,
                    size_text=size_text(part.size),
                    kept=kept,
                )
            ) from reason
    return None


class _Part:
    """What has arrived so far, and what was said of it."""

    def __init__(self, target: Path, url: str) -> None:
        """Raises DownloadFailed when a file of somebody else's is in the way."""
        self.path = target.with_name(f"{target.name}.part")
        self._said = target.with_name(f"{target.name}.part.json")
        self._url = url
        self.mark = ""
        found = self._read()
        if found.get("url") == url:
            self.mark = str(found.get("mark") or "")
        elif self.path.exists() or self._said.exists():
            raise DownloadFailed(
                tr(
                    "“{name}” in “{name_2}” is in the way and is not of this download; move it "
                    "away and try again.",
                    name=self.path.name,
                    name_2=target.parent.name,
                )
            )

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, mark: str) -> None:
        """Another file, from its first byte. ``mark`` is the server's strong name for it."""
        self.mark = mark
        with told(self.path):
            self._said.write_text(json.dumps({"url": self._url, "mark": mark}), "utf-8")
            self.path.write_bytes(b"")

    def throw_away(self) -> None:
        """It is not what was wanted."""
        self.path.unlink(missing_ok=True)
        self._said.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Take the name of ``target``, which must still be free."""
        with told(target):
            flush(self.path)
            try:
                target.hardlink_to(self.path)
            except FileExistsError:
                raise DownloadFailed(
                    tr(
                        "“{name}” has appeared meanwhile and is left as it is; the download lies "
                        "beside it.",
                        name=target.name,
                    )
                ) from None
            except OSError:  # a drive without hard links
                if target.exists():
                    raise
                self.path.rename(target)
            flush_folder(target.parent)
            self.throw_away()

    def _read(self) -> Mapping[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self._said.read_text("utf-8")[:10_000])
            if isinstance(found, dict):
                return found
        return {}


def _bring(
    file: PublishedFile,
    part: _Part,
    progress: Progress,
    cancelled: Callable[[], bool],
    stall: float,
) -> bool:
    """One connection. True when the part is whole; raises the network's errors when it broke."""
    start = part.size if part.mark else 0
    if file.size is not None and start == file.size:
        return True
    headers = {"User-Agent": "Leafspot", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": part.mark}
    request = urllib.request.Request(file.url, headers=headers)
    if file.terms and (token := hub_token()):
        # Never sent on to where the answer leads.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        answer = opener(file.url).open(request, timeout=stall)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        error.close()
        part.begin("")  # the server has another file now
        return False
    with answer:
        total = _total(file, answer, start)
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            part.begin(_mark(answer.headers))  # from the beginning, whatever was asked
        _need_room(part, total)
        with told(part.path), part.path.open("ab") as out:
            whole = _pour(answer, out, part.path.name, total, progress, cancelled)
    return whole


def _pour(
    answer: Any,
    out: IO[bytes],
    name: str,
    total: int | None,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> bool:
    """Copy until the end. True when all of it came."""
    have = out.tell()
    limit = MAX_BYTES if total is None else total
    while not cancelled():
        progress(have, total)
        try:
            data = answer.read1(CHUNK)
        except (TimeoutError, ConnectionError) as error:
            # Not an error of the disk, which ``told`` would make of it.
            raise http.client.HTTPException(str(error)) from error
        if cancelled():  # meanwhile: another download may have the part by now
            return False
        if not data:
            if total is not None and have < total:
                raise http.client.IncompleteRead(b"", total - have)
            return have > 0
        if have + len(data) > limit:
            raise DownloadFailed(
                tr("{name}: the server sends more than it said; nothing was kept.", name=name)
            )
        out.write(data)
        have += len(data)
    return False


def _total(file: PublishedFile, answer: Any, start: int) -> int | None:
    """Bytes of the whole file. Raises DownloadFailed when that is not the published one's."""
    total: int | None = None
    if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
        said = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if said is None or int(said[1]) != start:
            raise http.client.HTTPException(tr("another range than was asked for"))
        total = int(said[2])
    elif (length := answer.headers.get("Content-Length", "")).isdecimal():
        total = int(length)
    if file.size is not None and total not in (None, file.size):
        raise DownloadFailed(
            tr(
                "{host} offers a file of {total} bytes where {size} were published; "
                "nothing was fetched.",
                host=file.host,
                total=total,
                size=file.size,
            )
        )
    return file.size if total is None else total


def _mark(headers: Any) -> str:
    """What If-Range may be asked with: a strong ETag. Without one a cut begins anew."""
    tag = str(headers.get("ETag", ""))
    return tag if re.fullmatch(r'"[\x21\x23-\x7e]{1,200}"', tag) else ""


def _finish(file: PublishedFile, part: _Part, target: Path) -> Fetched:
    with told(target):
        digest = _digest(part.path)
    if file.sha256 is not None and digest != file.sha256:
        part.throw_away()
        raise DownloadFailed(
            tr(
                "What {host} sent is not the published {name} (its SHA-256 is {digest}…); "
                "it was thrown away. Try again later.",
                host=file.host,
                name=file.name,
                digest=digest[:12],
            )
        )
    part.become(target)
    return Fetched(target, digest, verified=file.sha256 is not None)


def _already_there(file: PublishedFile, target: Path) -> Fetched:
    if target.is_file():
        with told(target):
            digest = _digest(target)
        if file.sha256 in (None, digest):
            return Fetched(target, digest, verified=file.sha256 is not None)
    raise DownloadFailed(
        tr(
            "There is another “{name}” in “{name_2}”, which is left as it is; move it "
            "away to fetch the published one.",
            name=target.name,
            name_2=target.parent.name,
        )
    )


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _need_room(part: _Part, total: int | None) -> None:
    import shutil

    missing = (total or 0) - part.size
    free = shutil.disk_usage(part.path.parent).free
    if missing > free:
        raise DiskFull(
            tr(
                "The file needs {size_text} and there are {size_text_2} free; free some "
                "space on that drive and try again.",
                size_text=size_text(missing),
                size_text_2=size_text(free),
            )
        )


def _refused(file: PublishedFile, error: urllib.error.HTTPError) -> DownloadFailed:
    error.close()
    if file.terms and error.code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return DownloadFailed(
            tr(
                "The makers of this model ask for your consent first: agree to their terms on "
                "{page}, log in with the hub's own tool (hf auth login) so that this computer may "
                "fetch it, and press Download again.",
                page=file.terms,
            )
        )
    return DownloadFailed(
        tr(
            "{host} does not hand out {name} (answer {code}). Fetch it with a browser "
            "and open it with “Open weights…”.",
            host=file.host,
            name=file.name,
            code=error.code,
        )
    )


# -- where one may go


def check_address(url: str) -> None:
    """Raises DownloadFailed unless it is https, or of this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == LOOPBACK):
        return
    raise DownloadFailed(tr("Only addresses with https are fetched from."))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """To https only; from this machine to this machine besides."""

    def __init__(self, first: str) -> None:
        self._local = urlsplit(first).hostname == LOOPBACK

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        parts = urlsplit(newurl)
        local = self._local and parts.scheme == "http" and parts.hostname == LOOPBACK
        if parts.scheme != "https" and not local:
            raise DownloadFailed(
                tr(
                    "{hostname} sends on to an address without https, which is not followed. "
                    "Fetch the file with a browser.",
                    hostname=urlsplit(req.full_url).hostname,
                )
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener(url: str) -> urllib.request.OpenerDirector:
    """With the system's proxies and certificates; HTTP and HTTPS, no files and no FTP."""
    opener = urllib.request.OpenerDirector()
    local = urlsplit(url).hostname == LOOPBACK
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler({} if local else None),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(url),
    ]
    if local:
        handlers.append(urllib.request.HTTPHandler())
    for handler in handlers:
        opener.add_handler(handler)
    return opener
