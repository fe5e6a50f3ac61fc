"""Links to pages outside: found where they stand, asked of a server on this machine, kept in a record."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from docs import links

PAGE = "See https://{0}.com/a?b=1, (https://{0}.com/c) and https://api.example.org/x or http://127.0.0.1:8017/."


class Answering(BaseHTTPRequestHandler):
    """Says the status that its path names; /old leads on to /200."""

    def do_GET(self) -> None:
        status = 301 if self.path == "/old" else int(self.path[1:])
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status == 301:
            self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    serving = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()
    thread.join()


def test_the_record_has_every_link_of_the_documentation() -> None:
    assert links.linked() == sorted(json.loads(links.RECORD.read_text(encoding="utf-8")))
    assert "https://arxiv.org/abs/2307.09288" in links.linked()


def test_links_are_found_wherever_they_stand_and_examples_are_none(tmp_path: Path) -> None:
    (tmp_path / "docs" / "answers").mkdir(parents=True)
    (tmp_path / "README.md").write_text(PAGE.format("one"), encoding="utf-8")
    (tmp_path / "docs" / "answers" / "two.md").write_text(f"`{PAGE.format('two')}`", encoding="utf-8")
    assert links.linked(tmp_path) == [
        f"https://{name}.com/{path}" for name in ("one", "two") for path in ("a?b=1", "c")
    ]


def test_a_page_says_whether_it_is_there(server: str) -> None:
    assert [links.said(f"{server}/{path}") for path in ("200", "404", "403", "old")] == ["200", "404", "403", "200"]
    assert links.said("http://127.0.0.1:1/").startswith("not reached: ")


def test_what_was_asked_is_kept_and_a_page_that_is_gone_fails(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "links.json"
    known = {"http://127.0.0.1:1/": {"asked": "2026-01-02", "said": "200"}}
    record.write_text(json.dumps(known), encoding="utf-8")
    monkeypatch.setattr(links, "RECORD", record)
    asked = ["http://127.0.0.1:1/", f"{server}/200"]
    monkeypatch.setattr(links, "linked", lambda: asked)
    assert links.main(check=True) == 1
    assert links.main(check=False) == 0
    kept = json.loads(record.read_text(encoding="utf-8"))
    assert kept["http://127.0.0.1:1/"] == known["http://127.0.0.1:1/"]  # a machine without a network says nothing of it
    assert kept[asked[1]]["said"] == "200"
    assert links.main(check=True) == 0
    asked.append(f"{server}/404")
    assert links.main(check=False) == 1
