"""A hub on loopback: lists and files as huggingface.co answers them, and misbehaving as a test asks for."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
#: What a misbehaviour does with a request, in the place of the answer; None lets the answer stand.
Trick = Callable[["Handler"], bool]


@dataclass
class Hub:
    """What the server has, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    tricks: list[tuple[str, Trick]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: int = 0
    ranges: bool = True
    url: str = ""

    def when(self, part: str, trick: Trick) -> None:
        """Have `trick` answer requests whose path has `part`."""
        self.tricks.append((part, trick))


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        self.hub.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        try:
            for part, trick in self.hub.tricks:
                if part in self.path and trick(self):
                    return
            self._plain()
        except (BrokenPipeError, ConnectionResetError):
            return

    def _plain(self) -> None:
        path = unquote(self.path.partition("?")[0])
        if re.fullmatch(r"/api/models/org/name/revision/[^/]+", path):
            siblings = [
                {"rfilename": name, "size": self.hub.sizes.get(name, len(data))}
                for name, data in self.hub.files.items()
            ]
            self.give(200, json.dumps({"sha": COMMIT, "siblings": siblings}).encode())
            return
        name = path.removeprefix(f"/org/name/resolve/{COMMIT}/")
        if name not in self.hub.files:
            self.give(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        data = self.hub.files[name]
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if span and self.hub.ranges:
            first, last = int(span[1]), int(span[2])
            part = data[first : last + 1]
            self.give(206, part, {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(data)}"})
        else:
            self.give(200, data)

    def give(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """An answer."""
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)
        self.hub.sent += len(body)

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """The address of a server of `hub`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub.url
    finally:
        server.shutdown()
        server.server_close()


def status(code: int, **headers: str) -> Trick:
    """Answer so."""

    def answer(on: Handler) -> bool:
        on.give(code, b"no", {key.replace("_", "-"): value for key, value in headers.items()})
        return True

    return answer


def times(count: int, trick: Trick) -> Trick:
    """The same, only `count` times."""
    left = [count]

    def answer(on: Handler) -> bool:
        left[0] -= 1
        return left[0] >= 0 and trick(on)

    return answer


def body(data: bytes, **headers: str) -> Trick:
    """Answer with these bytes."""

    def answer(on: Handler) -> bool:
        on.give(200, data, {key.replace("_", "-"): value for key, value in headers.items()})
        return True

    return answer


def endless(on: Handler) -> bool:
    """Bytes without end and without a length."""
    on.send_response(200)
    on.send_header("Connection", "close")
    on.end_headers()
    while True:
        on.wfile.write(b" " * 65536)
        on.hub.sent += 65536


def slow(on: Handler) -> bool:
    """A byte at a time, each in good time."""
    on.send_response(200)
    on.send_header("Content-Length", "100000")
    on.end_headers()
    while True:
        on.wfile.write(b" ")
        on.wfile.flush()
        time.sleep(0.1)


def silent(on: Handler) -> bool:
    """Nothing at all, for longer than anybody waits."""
    time.sleep(20)
    return True


def cut(on: Handler) -> bool:
    """A length that is promised and not kept."""
    on.send_response(200)
    on.send_header("Content-Length", "5000")
    on.end_headers()
    on.wfile.write(b"{" * 100)
    return True


PACKED = gzip.compress(b" " * (64 << 20), 1)


def bomb(on: Handler) -> bool:
    """64 MiB of nothing, packed."""
    return body(PACKED, Content_Encoding="gzip")(on)
