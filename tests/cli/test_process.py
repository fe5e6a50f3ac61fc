"""The real process: what a user's shell sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import llmscale
from tests.helpers import environment, process


def test_the_first_example() -> None:
    answer = process("estimate", "7B", "--quant", "int4")
    assert (answer.status, answer.err) == (0, "")
    assert "INT4" in answer.out
    assert "3.26" in answer.out
    assert "\x1b" not in answer.out


def test_json_is_all_that_is_on_stdout(tmp_path: Path) -> None:
    answer = process("estimate", "llama-2-7b", "-o", "json", cwd=tmp_path)
    assert (answer.status, answer.err) == (0, "")
    told = json.loads(answer.out)
    assert told["estimates"][0]["kv_cache_bytes"] == 2_147_483_648
    assert told == json.loads(process("estimate", "meta-llama/Llama-2-7b-hf", "-o", "json").out)


def test_chinese_in_and_out() -> None:
    answer = process("params", "豆包", "--lang", "zh")
    assert answer.status == 0
    assert "Doubao" in answer.out
    assert "67.38 亿" in process("estimate", "llama-2-7b", "--lang", "zh").out


def test_a_terminal_without_unicode_does_not_break_it() -> None:
    poor = environment(PYTHONIOENCODING="ascii")
    for arguments in (["estimate", "通义千问-7b", "--lang", "zh"], ["params", "deepseek-v3"], ["estimate", "豆包"]):
        answer = process(*arguments, env=poor)
        assert answer.status == (3 if "豆包" in arguments else 0), answer.err
        assert answer.out.isascii()
        assert answer.err.isascii()
        assert "defect" not in answer.err
        assert "Traceback" not in answer.err


@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR"])
def test_no_colour_where_none_is_wanted(variable: str) -> None:
    wanted = environment(**{variable: "1", "TERM": "xterm-256color"})
    assert ("\x1b[" in process("quants", env=wanted).out) == (variable == "FORCE_COLOR")
    assert "\x1b[3" not in process("quants", "--no-color", env=wanted).out


@pytest.mark.parametrize("arguments", [["devices"], ["models", "-o", "json"]])
def test_a_reader_that_leaves_early_leaves_no_traceback(arguments: list[str]) -> None:
    program = [sys.executable, "-m", "llmscale", *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        error = running.stderr.read()
        running.wait(60)
    assert error == b""


def test_a_full_disk_is_an_error_and_no_traceback() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "llmscale", "quants"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr


def test_exit_statuses_reach_the_shell() -> None:
    assert process("estimate", "llama-2-70b", "--gpu", "rtx4090", "--check").status == 1
    assert process("fits", "rtx4090", "7B", "--check").status == 0


def test_the_version_and_help() -> None:
    assert process("--version").out == f"llmscale {llmscale.__version__}\n"
    answer = process("estimate", "--help")
    assert answer.status == 0
    assert "Example" in answer.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["estimate", "7B", "--quant", "int4", "-b", "2", "-o", "json"],
        ["params", "deepseek-v3"],
        ["compare", "gpt2", "gpt-3"],
        ["fits", "rtx4090", "--width", "100"],
        ["needs", "llama-2-7b", "-q", "int4", "-q", "int8"],
    ],
)
def test_a_command_imports_only_what_it_needs(arguments: list[str]) -> None:
    assert process(*arguments).status == 0  # and the tables are compiled, which takes more
    code = (
        f"import sys; sys.argv = ['llmscale', *{arguments}]\n"
        "from llmscale.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert "'llmscale'" in done.stderr
    for heavy in ("yaml", "pydantic", "torch", "numpy", "transformers", "jsonschema"):
        assert f"'{heavy}'" not in done.stderr


def test_importing_the_program_leaves_garbage_collection_on() -> None:
    code = "import gc, llmscale.__main__, llmscale.cli.app; raise SystemExit(not gc.isenabled())"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_pipe_keeps_the_width_of_the_terminal_it_was_typed_in() -> None:
    import fcntl
    import pty
    import struct
    import termios

    keeper, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    call = [sys.executable, "-m", "llmscale", "estimate", "llama-2-7b", "--gpu", "rtx4090"]
    try:
        done = subprocess.run(call, stdout=subprocess.PIPE, stderr=screen, env=environment(), timeout=60, check=True)
    finally:
        os.close(keeper)
        os.close(screen)
    told = done.stdout.decode()
    assert max(map(len, told.splitlines())) <= 70
    assert max(map(len, process(*call[3:]).out.splitlines())) > 70
