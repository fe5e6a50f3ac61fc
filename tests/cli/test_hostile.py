"""Whatever bytes come in, there is an answer or one refusal that a terminal can show, soon and in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmscale.errors import LONGEST, UsageError, legible
from tests.gguf_files import TENSORS_OF_A_LLAMA, about, write
from tests.helpers import TINY, run

DIGITS = "9" * 5000
ESCAPE = "a\x1b[31mb\x07\r\nc"


def refused(status: int, *arguments: str) -> str:
    said = run(*arguments)
    assert said.status == status, said.err or said.out
    assert said.out == ""
    first, *hint = said.err.removesuffix("\n").split("\n")
    assert first.startswith("error: ")
    assert len(hint) <= 1
    assert all(line.isprintable() for line in (first, *hint))
    return first


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (2, ["estimate", f"{DIGITS}x8B"]),
        (2, ["estimate", f"{DIGITS}B"]),
        (3, ["estimate", DIGITS]),
        (2, ["estimate", "7B", "-c", DIGITS]),
        (2, ["estimate", "7B", "-b", DIGITS]),
        (2, ["estimate", "7B", "--gpu", f"{DIGITS}x rtx4090"]),
        (2, ["estimate", "7B", "--gpu", f"rtx4090:{DIGITS}GB"]),
        (3, ["estimate", "7B", "--gpu", DIGITS]),
        (2, ["estimate", "7B", "--reserve", f"{DIGITS}GB"]),
        (2, ["estimate", "7B", "--sparsity", f"{DIGITS}:4"]),
        (2, ["estimate", "7B", "-q", f"exl2-4bpw-h{DIGITS}"]),
        (2, ["estimate", "7B", "-q", f"{DIGITS}bpw"]),
        (2, ["estimate", "7B", "--ubatch", DIGITS]),
        (2, ["estimate", "llama-2-7b", "-q", "q4_0", "--gpu", "rtx4090", "-ngl", DIGITS]),
        (2, ["estimate", "7B", "--runtime", f"vllm@{DIGITS}"]),
        (2, ["needs", "7B", "--max-price", DIGITS]),
    ],
)
def test_numbers_without_end(status: int, arguments: list[str]) -> None:
    assert len(refused(status, *arguments)) < 200


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (3, ["estimate", ESCAPE]),
        (3, ["estimate", "7B", "-q", ESCAPE]),
        (4, ["estimate", "7B", "-q", f"{ESCAPE}.yaml"]),
        (3, ["estimate", "7B", "--gpu", ESCAPE]),
        (3, ["estimate", "7B", "--runtime", ESCAPE]),
        (3, ["estimate", "7B", "--kv-dtype", ESCAPE]),
        (2, ["estimate", "7B", "--sparsity", ESCAPE]),
        (2, ["estimate", "7B", "--reserve", ESCAPE]),
        (2, ["estimate", "7B", "-c", ESCAPE]),
        (2, ["estimate", "7B", "-b", ESCAPE]),
        (2, ["estimate", "llama-2-7b", "-q", "q4_0", "--gpu-layers", ESCAPE, "--gpu", "rtx4090"]),
        (4, ["models", "list", "--catalogue", f"/{ESCAPE}"]),
        (2, [f"--{ESCAPE}"]),
        (2, [ESCAPE]),
    ],
)
def test_what_a_terminal_would_obey_is_shown(status: int, arguments: list[str]) -> None:
    refused(status, *arguments)


def test_what_was_meant_is_shown_and_not_obeyed() -> None:
    said = run("estimate", "7B", "--engine", ESCAPE)
    assert said.status == 3
    assert said.err.startswith("taken as: ")
    assert all(line.isprintable() for line in said.err.splitlines())


CONFIGS: dict[str, Any] = {
    "type": {"model_type": ESCAPE},
    "value": TINY | {"hidden_size": ESCAPE * 900},
    "image": {
        "model_type": "paligemma",
        "text_config": {**TINY, "model_type": "gemma"},
        "vision_config": {"model_type": "siglip_vision_model", "image_size": 7, "patch_size": 14},
    },
}


def test_a_key_that_nobody_reads_is_named_as_far_as_a_line_goes(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY | {ESCAPE * 20: 5}))
    (line,) = [line for line in run("params", str(path)).out.splitlines() if "reads no key" in line]
    assert line.isprintable()
    assert len(line) < 200


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_configs(tmp_path: Path, config: dict[str, Any]) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    assert len(refused(4, "params", str(path))) < 500


def test_an_image_smaller_than_a_patch_names_both(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIGS["image"]))
    assert "image_size = 7 and patch_size = 14" in refused(4, "params", str(path))


@pytest.mark.parametrize(
    "text", ['{"model_type": "llama", "hidden_size": ' + DIGITS + "}", "[" * 100_000, "9" * 99_999]
)
def test_json_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    assert len(refused(4, "params", str(path))) < 300


def bomb() -> str:
    """Eleven lists, each nine aliases of the one before: 9^11 values in 400 bytes."""
    lists = [f"    a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 11)]
    return "\n".join(["my-m:", "  name: x", "  config:", "    a0: &a0 [1, 1, 1]", *lists])


YAML = {
    "bomb": bomb(),
    "deep": "my-m:\n  name: " + "[" * 900 + "]" * 900,
    "deeper": "[" * 90_000,
    "itself": "my-m: &a\n  name: *a\n",
    "list as a key": "? [a, b]\n: c\n",
    "digits": f"my-m:\n  parameters: {DIGITS}\n",
    "tab": "my-m:\n\t\tname: x\n",
    "tab between": "my-m: {name:\tx,\tparameters: nothing}\n",
    "escape": 'my-m: {name: "a\\e[31mb\\n", nosuch: 5}\n',
    "escape as a key": '"\\e[31m": {nosuch: 5}\n',
}


@pytest.mark.parametrize("text", YAML.values(), ids=YAML)
def test_catalogues(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert len(refused(4, "models", "list", "--catalogue", str(path))) < 500


@pytest.mark.parametrize(
    "text", ["name: x\nbase: q8_0\nrules:\n\t\texperts: q4_k\n", "name: x\nrules: {experts: nosuch,\t'*': q4_k}\n"]
)
def test_recipes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert ", line " in refused(4, "estimate", "llama-2-7b", "-q", str(path))


def test_names_out_of_files_are_shown_in_tables_as_well(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf", about() | {"general.name": ESCAPE}, TENSORS_OF_A_LLAMA)
    for output in ("table", "csv", "markdown"):
        said = run("estimate", path, "-o", output)
        assert said.status == 0
        assert not {"\x1b", "\x07", "\r"} & set(said.out)


def test_what_has_no_end_is_read_no_further() -> None:
    """In a process of its own, whose memory is bounded."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
    code += "from llmscale.cli.app import main; main()"
    for arguments in (["params", "/dev/../dev/zero"], ["models", "list", "--catalogue", "/dev/zero"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 4, done.stderr
        assert "too large" in done.stderr


def test_legible() -> None:
    assert legible("a b/c 7") == "a b/c 7"
    assert legible("a\x1bb\n") == "a\\x1bb\\n"
    assert legible("x" * 100) == "x" * 40 + "…" + "x" * 20
    assert legible(path := "/".join(["folder"] * 20)) == path
    assert len(legible("word " * 1000)) == LONGEST
    error = UsageError("a\nb", "c\td")
    assert (error.message, error.hint, str(error)) == ("a\\nb", "c\\td", "a\\nb")
