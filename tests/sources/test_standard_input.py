"""``-``: a config.json from standard input, by the real process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.helpers import TINY, TINY_TOTAL, environment


def piped(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "llmscale", *arguments]
    return subprocess.run(command, input=data, capture_output=True, env=environment(), timeout=60, check=False)


def test_a_config_is_counted() -> None:
    done = piped(json.dumps(TINY).encode(), "params", "-", "-o", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["parameters"]["total"] == TINY_TOTAL


def test_named_twice_it_is_the_same() -> None:
    done = piped(json.dumps(TINY).encode(), "compare", "-", "-", "-o", "json")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", b"Nothing comes"),
        (b"\xff\xfe", b"not text"),
        (b"{", b"not JSON"),
        (b"[1]", b""),
        (b" " * (5 << 20), b"more than"),
    ],
)
def test_what_is_no_config(data: bytes, words: bytes) -> None:
    done = piped(data, "params", "-")
    assert (done.returncode, done.stdout) == (4, b"")
    assert words in done.stderr
    assert b"Traceback" not in done.stderr
