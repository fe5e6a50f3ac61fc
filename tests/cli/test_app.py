"""The program itself: help, version, completion, any encoding, names as people type them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmscale
from llmscale.cli import options
from llmscale.store.tables import table
from tests.helpers import NUMBER, TINY, environment, good, run, write_config

PATHS = ["estimate", "params", "compare", "fits", "needs", "models", "devices", "quants"]
DEEPER = [
    "models list",
    "models local",
    "models show",
    "models check",
    "devices list",
    "devices show",
    "quants list",
    "quants show",
]


@pytest.mark.parametrize("path", ["", *PATHS])
def test_every_command_has_help_with_an_example(path: str) -> None:
    text = good(*path.split(), "--help").out
    assert "Example" in text
    assert "llmscale " + path in text
    assert "--help" in text


@pytest.mark.parametrize("path", DEEPER)
def test_the_commands_of_a_group_have_an_example_too(path: str) -> None:
    text = good(*path.split(), "--help").out
    assert "Example" in text
    assert f"llmscale {path}" in " ".join(text.split())


def test_help_lists_every_command() -> None:
    text = good("--help").out
    assert all(re.search(rf"^\s+{name}\s", text, re.MULTILINE) for name in PATHS)


def test_the_version() -> None:
    assert good("--version").out == f"llmscale {llmscale.__version__}\n"


@pytest.mark.parametrize(
    ("kind", "start", "found"),
    [
        ("model", "llama-2-", "llama-2-7b"),
        ("model", "qwen/Qwen3-", "Qwen/Qwen3-8B"),
        ("device", "RTX40", "rtx4090"),
        ("device", "2x rtx30", "2x rtx3090"),
        ("device", "cp", "cpu"),
        ("quant", "int", "int4"),
    ],
)
def test_names_complete(kind: str, start: str, found: str) -> None:
    complete = getattr(options, f"complete_{kind}")
    names = complete(start)
    assert found in names
    assert all(name.lower().startswith(start.lower()) for name in names)
    assert complete("nosuch") == []


def test_a_key_press_reads_names_alone(tmp_path: Path) -> None:
    """No table of models, no runtime: these take longer than everything else that a completion does."""
    asks = (
        "import sys; from llmscale.cli.app import app; from llmscale.store import tables; import atexit;"
        "atexit.register(lambda: print(sorted(tables.READ), 'llmscale.runtimes.interface' in sys.modules,"
        "'hashlib' in sys.modules, file=sys.stderr)); app(prog_name='llmscale')"
    )
    shell = {"_LLMSCALE_COMPLETE": "complete_bash", "COMP_WORDS": "llmscale estimate llama-2-", "COMP_CWORD": "2"}
    env = environment(**shell, XDG_CONFIG_HOME=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, env=env, check=False)
    assert "llama-2-7b" in done.stdout.split()
    assert done.stderr.split("\n")[-2] == "['completion', 'options'] False False"


def test_the_names_are_those_of_the_catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("LLMSCALE_CATALOGUE", raising=False)
    entries = table("models")["entries"]
    assert options.complete_model("") == list(entries)
    assert set(options.complete_model("meta-llama/")) == {
        alias for one in entries.values() for alias in one["aliases"] if alias.lower().startswith("meta-llama/")
    }
    assert set(table("devices")["entries"]) < set(options.complete_device(""))
    assert set(table("quants")["entries"]) < set(options.complete_quant(""))


def test_one_s_own_models_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMSCALE_CATALOGUE", str(tmp_path / "mine.yaml"))
    write_config(tmp_path, TINY)
    good("models", "add", str(tmp_path / "config.json"), "--id", "my-own", "--name", "Mine")
    assert options.complete_model("my-") == ["my-own"]
    assert "llama-2-7b" in options.complete_model("llama-2-")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["estimate", "通义千问-7b", "--lang", "zh"],
        ["estimate", "7B", "--explain"],
        ["params", "deepseek-v3"],
        ["models", "show", "doubao"],
        ["models", "show", "doubao", "-o", "json"],
        ["models", "show", "doubao", "-o", "yaml"],
        ["fits", "rtx4090", "--lang", "zh", "-o", "markdown"],
        ["--help"],
        ["compare", "--help"],
    ],
)
def test_any_encoding_gets_an_answer(arguments: list[str], encoding: str) -> None:
    answer = run(*arguments, encoding=encoding)
    assert (answer.status, answer.err) == (0, "")
    assert NUMBER.search(answer.out) or "Usage" in answer.out


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_errors_are_said_in_any_encoding(encoding: str) -> None:
    answer = run("estimate", "--", "-7B", encoding=encoding)
    assert answer.status == 2
    assert answer.err.startswith("error: '-7B' is not a model size")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
        ("通义千问-7b", "qwen-7b"),
        ("opt-1.3b", "opt-1.3b"),
        ("opt-13b", "opt-13b"),
    ],
)
def test_names_as_people_type_them(name: str, model: str) -> None:
    assert good("estimate", name, "-o", "json").json()["model"]["id"] == model
    (line,) = good("fits", "RTX 4090", name, "-o", "json").json()["models"]
    assert line["id"] == model


def test_what_may_be_meant_is_a_small_table_on_stderr() -> None:
    lines = run("params", "deepseek-r1:9b").err.splitlines()
    assert lines[1] == "hint: Of its family, newest first:"
    assert all(line.startswith("  deepseek-r1") for line in lines[2:])
    assert len(lines) > 4
