"""A server of llmscale in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from tests.helpers import environment


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and its port, once it answers; ended afterwards."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    command = [sys.executable, "-m", "llmscale", "web", "--port", str(port), "--rate", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment())
    until = monotonic() + 30
    while monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            sleep(0.1)
    try:
        yield process, port
    finally:
        process.kill()
        process.communicate()
