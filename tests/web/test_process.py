"""The server as a process: on this machine alone, slow bodies given up, nothing lost when it is told to stop."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from time import sleep
from urllib.request import urlopen

import pytest

from tests.helpers import run
from tests.web.server import server

pytest.importorskip("uvicorn", reason="the extra [web] is not installed: make test-extras")
pytest.importorskip("starlette", reason="the extra [web] is not installed: make test-extras")


@pytest.fixture
def started() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with server() as process:
        yield process


def test_it_answers_and_ends_when_told_without_losing_an_answer(started: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = started
    with urlopen(f"http://127.0.0.1:{port}/api/params?model=gpt2", timeout=20) as answer:
        assert json.load(answer)["parameters"]["total"] == 124439808
    with socket.create_connection(("127.0.0.1", port), 20) as asking:
        # Half a request is under way when the signal comes; the other half follows.
        body = b'{"model": "llama-2-7b"}'
        asking.sendall(b"POST /api/params HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body))
        sleep(0.3)
        process.send_signal(signal.SIGTERM)
        sleep(0.3)
        asking.sendall(body)
        received = b""
        while chunk := asking.recv(65536):
            received += chunk
    assert b"6738415616" in received
    assert process.wait(20) in (0, -signal.SIGTERM)
    lines = process.stderr.read().decode().splitlines() if process.stderr else []
    assert lines[0] == f"http://127.0.0.1:{port}"
    assert json.loads(lines[-1])["status"] == 200


def test_a_taken_port_is_said(started: tuple[subprocess.Popen[bytes], int]) -> None:
    answer = run("web", "--port", str(started[1]))
    assert answer.status == 2
    assert "cannot be listened on" in answer.err


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("llmscale.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "anyio", None)
    answer = run("web")
    assert answer.status == 2
    assert "pip install 'llmscale[web]'" in answer.err
