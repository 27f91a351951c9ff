"""Fetching weights: what it would do is shown first, and nothing is asked of anybody before."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from whole_window import bare_project, label_page, window

from core.services.published import PUBLISHED, Published, PublishedFile
from gui.dialogs import weights
from gui.dialogs.weights import WeightsDialog

CONTENT = b"leaf" * 50_000


@pytest.fixture
def served():
    """(url, list of paths asked for)."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/small.pth", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dialog(qtbot, tmp_path: Path, served, monkeypatch):
    url, _ = served
    digest = hashlib.sha256(CONTENT).hexdigest()
    table = (
        Published("known", "Known", "mobile-sam", 1, (PublishedFile(url, len(CONTENT), digest),)),
        Published("unknown", "Unknown", "mobile-sam", 1, (PublishedFile(url),)),
        Published("wrong", "Wrong", "mobile-sam", 1, (PublishedFile(url, None, "0" * 64),)),
    )
    monkeypatch.setattr(weights, "PUBLISHED", table)
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        made = WeightsDialog(page._context, "mobile-sam", page.window())
        made.fetching.home = tmp_path / "weights"
        made.show()
        yield made


def _texts(dialog: WeightsDialog) -> str:
    from PySide6.QtWidgets import QLabel

    return "\n".join(found.text() for found in dialog.findChildren(QLabel))


def test_host_size_and_digest_are_shown_before_anything_is_asked(dialog, served) -> None:
    said = _texts(dialog)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert "127.0.0.1" in said
    assert "200,000 bytes" in said
    assert digest[:32] in said
    assert digest[32:] in said
    dialog.list.setCurrentRow(1)
    assert "not published" in _texts(dialog)
    assert served[1] == []


def test_no_line_of_the_list_lies_on_another(qtbot, tmp_path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        # The second weights of the list: the first row is never what is measured too early.
        made = WeightsDialog(page._context, "sam2", page.window())
        made.show()
        rows = [made.list.visualItemRect(made.list.item(n)) for n in range(made.list.count())]
        assert all(a.bottom() < b.top() for a, b in pairwise(rows))


def test_a_click_fetches_and_another_uses_what_came(qtbot, dialog) -> None:
    dialog.download.click()
    qtbot.waitUntil(lambda: "published file" in dialog.status.text(), timeout=20_000)
    assert dialog.use.isVisible()
    with qtbot.waitSignal(dialog.wanted) as used:
        dialog.use.click()
    engine, path = used.args
    assert engine == "mobile-sam"
    assert Path(path).read_bytes() == CONTENT


def test_another_file_of_that_name_is_said_to_be_in_the_way_and_left(qtbot, dialog) -> None:
    mine = dialog.entry.folder(dialog.fetching.home) / dialog.entry.opened
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    dialog._show()
    assert not dialog.use.isVisible()
    dialog.download.click()
    qtbot.waitUntil(lambda: "move it away" in dialog.status.text(), timeout=20_000)
    assert mine.read_bytes() == b"mine"


def test_a_digest_that_nobody_published_is_shown_afterwards(qtbot, dialog) -> None:
    dialog.list.setCurrentRow(1)
    dialog.download.click()
    digest = hashlib.sha256(CONTENT).hexdigest()
    qtbot.waitUntil(lambda: digest[:32] in dialog.status.text(), timeout=20_000)
    assert "published file" not in dialog.status.text()


def test_the_wrong_file_is_said_and_may_be_tried_again(qtbot, dialog) -> None:
    dialog.list.setCurrentRow(2)
    dialog.download.click()
    qtbot.waitUntil(lambda: "not the published" in dialog.status.text(), timeout=20_000)
    assert dialog.status.property("role") == "danger"
    assert dialog.download.isVisible()
    assert not dialog.use.isVisible()
    dialog.list.setCurrentRow(0)
    assert dialog.status.property("role") == "muted"


def test_the_button_stands_beside_the_assistants_that_need_weights(qtbot, tmp_path) -> None:
    with window(qtbot, bare_project(tmp_path)) as program:
        page = label_page(qtbot, program)
        panel = page.assistant_panel
        page.assistant.choose("colour")
        assert not panel.fetch.isVisible()
        page.assistant.choose(PUBLISHED[0].engine)
        assert panel.fetch.isVisible()


def test_escape_stops_a_download_as_closing_does(qtbot, dialog, monkeypatch) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(dialog.fetching, "stop", lambda: stopped.append(True))
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert stopped


def test_stop_is_answered_at_once_even_where_the_server_is_silent(
    qtbot, dialog, monkeypatch
) -> None:
    silent = threading.Event()

    def fetch(*_: object, **__: object) -> None:
        assert silent.wait(20)

    monkeypatch.setattr("gui.controllers.fetching.fetch", fetch)
    dialog.download.click()
    dialog.stop.click()
    assert dialog.status.text() == "Stopping…"
    silent.set()
    qtbot.waitUntil(lambda: dialog.status.text().startswith("Stopped."), timeout=20_000)
    assert dialog.download.isVisible()
