"""``-``: a config.json from standard input."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from llmscale.sources import standard_input
from tests.helpers import TINY, TINY_TOTAL, Answer, environment, run


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """What one process has read is there for all its questions, and each test stands for one."""
    standard_input._text.cache_clear()
    yield
    standard_input._text.cache_clear()


def piped(data: bytes, *arguments: str) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return run(*arguments)


def test_a_process_reads_it() -> None:
    command = [sys.executable, "-m", "llmscale", "params", "-", "-o", "json"]
    data = json.dumps(TINY).encode()
    done = subprocess.run(command, input=data, capture_output=True, env=environment(), timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["parameters"]["total"] == TINY_TOTAL


def test_a_config_is_counted() -> None:
    done = piped(json.dumps(TINY).encode(), "params", "-", "-o", "json")
    assert (done.status, done.err) == (0, "")
    assert done.json()["parameters"]["total"] == TINY_TOTAL


def test_named_twice_it_is_the_same() -> None:
    done = piped(json.dumps(TINY).encode(), "compare", "-", "-", "-o", "json")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Nothing comes"),
        (b"\xff\xfe", "not text"),
        (b"{", "not JSON"),
        (b"[1]", ""),
        (b" " * (5 << 20), "more than"),
    ],
)
def test_what_is_no_config(data: bytes, words: str) -> None:
    done = piped(data, "params", "-")
    assert (done.status, done.out) == (4, "")
    assert words in done.err
    assert "Traceback" not in done.err
