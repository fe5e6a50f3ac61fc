"""Where answers go when a shell has closed that place, it is full, its reader has left, or it cannot say everything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmscale.cli.app import COMMANDS as ALL
from tests.cli.commands import COMMANDS
from tests.helpers import Answer, environment, process, run

PROGRAM = f"{sys.executable} -m llmscale"
#: Of a Chinese and of a Western Windows.
WINDOWS = ["cp936", "cp1252"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell's redirections")


def shell(line: str) -> Answer:
    """What a shell sees of a line in which {} is the program."""
    command = ["bash", "-o", "pipefail", "-c", line.format(PROGRAM)]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=120, check=False)
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


@POSIX
@pytest.mark.parametrize("command", ["params llama-2-7b", "params llama-2-7b -o json", "--version", "explain q4_k_m"])
def test_a_closed_stdout_is_no_defect(command: str) -> None:
    assert shell(f"{{}} {command} >&-") == Answer(0, "", "")


@POSIX
def test_the_status_tells_what_a_closed_stderr_cannot() -> None:
    assert shell("{} params nosuchmodel 2>&-") == Answer(3, "", "")
    assert shell("{} params nosuchmodel >&- 2>&-") == Answer(3, "", "")
    assert shell("{} params llama-2-7b 2>&-").status == 0


@POSIX
@pytest.mark.parametrize("command", ["models list", "params llama-2-7b", "--help"])
def test_a_reader_that_takes_one_line_gets_it_and_nothing_is_said(command: str) -> None:
    found = shell(f"{{}} {command} | head -1")
    assert found.err == ""
    assert len(found.out.splitlines()) <= 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["params llama-2-7b", "models list", "params llama-2-7b -o json", "--help"])
def test_a_full_disk_is_one_clear_error(command: str) -> None:
    found = shell(f"{{}} {command} > /dev/full")
    assert found.status == 4
    assert "The answer cannot be written: No space left on device." in found.err
    assert "defect" not in found.err
    assert len(found.err.splitlines()) <= 2


#: A question to each command that answers; the last of its kinds.
EVERY = {
    **{arguments[0]: arguments for arguments in COMMANDS.values()},
    "explain": ["explain", "kv"],
    "plot": ["plot", "memory", "llama-3.1-8b"],
}
#: Commands that run until they are stopped, of which the help alone is printed.
RUNNING = {"tui", "web", "mcp"}


def test_every_command_is_asked_in_the_encodings_of_windows() -> None:
    assert EVERY.keys() | RUNNING == set(ALL)


@pytest.mark.parametrize("encoding", WINDOWS)
@pytest.mark.parametrize("command", EVERY)
def test_every_command_answers_in_the_encodings_of_windows(
    command: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSCALE_LANG", "zh")
    for asked in (EVERY[command], [command, "--help"]):
        answer = run(*asked, encoding=encoding)
        assert (answer.status, answer.err) == (0, "")
        assert bool(re.search("[一-鿿]", answer.out)) == (encoding == "cp936")
        assert answer.out.strip(" ?\n")


@pytest.mark.parametrize("encoding", WINDOWS)
@pytest.mark.parametrize("command", sorted(RUNNING))
def test_the_help_of_what_runs_on_is_said_in_the_encodings_of_windows(
    command: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSCALE_LANG", "zh")
    answer = run(command, "--help", encoding=encoding)
    assert (answer.status, answer.err) == (0, "")
    assert "--help" in answer.out


@pytest.mark.parametrize("encoding", WINDOWS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["fits", "rtx4060", "llama-3.1-8b", "qwen3-8b", "--lang", "zh"],
        ["params", "通义千问-7b", "--lang", "zh", "-o", "yaml"],
        ["explain", "kv"],
        ["params", "没有这个模型", "--lang", "zh"],
    ],
)
def test_windows_encodings_get_an_answer(arguments: list[str], encoding: str) -> None:
    found = process(*arguments, env=environment(PYTHONIOENCODING=encoding))
    assert found.status == (3 if "没有这个模型" in arguments else 0)
    assert found.out or found.err.count("\n") >= 1
    assert not {"Traceback", "defect", "codec"} & {*found.err.replace(":", " ").split()}
